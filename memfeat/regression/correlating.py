"""Each unit of each layer against scores, by itself."""

from collections.abc import Callable, Mapping
from math import factorial
from typing import Any, Literal, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

from memfeat import stats
from memfeat._check import advice, count, known_options, one_of
from memfeat._check import generator as seeded
from memfeat._labels import layer_names, stamped
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.regression.rounding import varied
from memfeat.regression.scaling import Material
from memfeat.regression.targets import Targets, cautions_of, targets_of, varying
from memfeat.regression.units import by_unit, count_units, read
from memfeat.stats.exchange import Units, units
from memfeat.stats.inference import TIE

__all__ = ["UnitwiseOptions", "unitwise"]

Array = npt.NDArray[np.float64]
#: method -> what is correlated, for values along the first axis
METHODS: dict[str, Callable[[Array], Array]] = {
    "spearman": lambda values: rankdata(values, axis=0),
    "pearson": np.asarray,
}
#: What is told of each unit, the last only with permutations.
STATISTICS = ["estimate", "p", "p_fdr", "p_corrected"]
#: How p is found -> permutations unless told. Student's t needs them for the largest statistic only.
N_PERMUTATIONS = {"t": 999, "permutation": 9_999}
#: Most permuted scores, and most correlations with them, that are held at once.
ROOM = 2**22


class UnitwiseOptions(stats.Exchange, total=False):
    """Options of :func:`memfeat.regression.unitwise`, besides those of :class:`memfeat.stats.Exchange`.

    `test` : "t" (Student's t, the default) or "permutation" (the default where images change places by groups, and for
    up to 7 images, of which all rearrangements are tried), what p of single units, and with them the false discovery
    rate, come from.
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    test: Literal["t", "permutation"]
    progress: bool | None


def unitwise(
    features: xr.Dataset | xr.DataArray,
    scores: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame,
    *,
    method: str = "spearman",
    n_permutations: int | None = None,
    rng: int | np.random.Generator = 0,
    **options: Unpack[UnitwiseOptions],
) -> xr.Dataset:
    """Correlate each unit of each layer with scores, corrected for having looked at all units.

    Null hypothesis of the p-values: scores are unrelated to the unit (`p`, `p_fdr`), or to all units (`p_corrected`),
    so that every assignment of scores to images was equally likely. Unit of exchange: the image, or as `permute` says.
    Student's t takes images as independent, and is an approximation for ranks and for scores that are not normal.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    scores : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame
        One score per image, matched by image name. In a Dataset or DataFrame every column is one.
    method : {"spearman", "pearson"}
        Which correlation.
    n_permutations : int, optional
        How many permutations of the scores; if there are no more rearrangements than this, all are used. 0 leaves out
        `p_corrected`. By default 999, and 9,999 with `test="permutation"`.
    rng : int or numpy.random.Generator
        Seed of the permutations.
    **options : test, progress, blocks, permute, alternative
        See :class:`memfeat.regression.UnitwiseOptions`, and for what may be exchanged :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (statistic, ...)
        For each layer, in its feature dims, `statistic` "estimate" (the correlation), "p", "p_fdr" (Benjamini-Hochberg
        over all units, layers and scores) and "p_corrected" (largest statistic over the same). Several scores add a dim
        `score`. A unit that is the same for all images, as dead ones are, has estimate 0 and p 1, and does not count
        among the units that p_fdr is over; the attribute `constant_units` says how many there are, by layer, as JSON.

    Raises
    ------
    KindError
        If features or scores are no labelled numbers.
    ArgumentError
        If images differ or are fewer than three, a value is missing, scores or a whole layer do not vary, Student's t
        is asked for where images change places by groups, a layer is called "statistic" or "score", or an option has
        an unknown value.
    UnknownNameError
        If there is no option of that name.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.
    CircularWarning
        If the scores were predicted by the network that the features come from, or by one with the same trunk.

    See Also
    --------
    decode : Predicts scores from all units of a layer together.
    top_units : Lists the units with the largest values.

    Notes
    -----
    t = r √((n − 2) / (1 − r²)) with n − 2 degrees of freedom. With m permutations no p is below 1 / (m + 1), which
    among u units is found at a false discovery rate q only if u / (q (m + 1)) of them are as clear: .05, 100,000 and
    9,999 make 200. This is why t is the default. Where groups of images are exchanged it does not hold, and for a few
    images it gives p-values below that of the clearest rearrangement: there p is that of the permutations.

    All units are correlated with all permuted scores in products of matrices, in blocks of both.

    References
    ----------
    Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate. Journal of the Royal Statistical Society B
    57:289-300.
    Westfall PH, Young SS (1993). Resampling-based multiple testing. Wiley.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[1.0, 0], [2, 0], [3, 0], [5, 0]], dims=["image", "fc:unit"], name="fc")
    >>> layer = layer.assign_coords(image=["a", "b", "c", "d"])
    >>> found = unitwise(layer, layer[:, 0] ** 2, alternative="greater")
    >>> found["fc"].sel(statistic="p_corrected").values.round(3)
    array([0.042, 1.   ])
    >>> found.attrs["constant_units"]
    '{"fc": 1}'
    """
    known_options(options, UnitwiseOptions)
    table = read(features)
    targets = targets_of(scores, table)
    cautions = cautions_of(features, targets)
    _enough(targets)
    generator, seed = seeded(rng)
    exchange: Any = {name: options.get(name) for name in stats.Exchange.__annotations__}
    exchanged = units(exchange, to=targets.images, alternative="two-sided")
    test = _test(options.get("test"), exchanged, len(targets.values))
    least = 1 if test == "permutation" else 0
    n_drawn = count("n_permutations", N_PERMUTATIONS[test] if n_permutations is None else n_permutations, least=least)
    plan = _plan(method, test, targets, exchanged)
    if n_drawn:
        index, exact = stats.permutations(len(targets.values), n_drawn, rng=generator, **exchanged.scheme)
        plan = plan._replace(orders=index, exact=exact)
    most = np.full(len(plan.orders), -np.inf)
    with bar(count_units(table), "correlations", options.get("progress"), unit="unit") as shown:
        layers = {
            name: _one_layer(Material(table[name], "none"), plan, most, shown.update) for name in layer_names(table)
        }
    return stamped(
        by_unit(table, _judged(layers, plan, most), STATISTICS[: 4 if n_drawn else 3], targets),
        features.attrs,
        method=f"{method} correlation of each unit",
        null="scores are unrelated to the unit; p_corrected: to all units",
        scores=targets.names if targets.several else targets.names[0],
        n=len(targets.values),
        constant_units={name: int((~layer.varies).sum()) for name, layer in layers.items()},
        test=test,
        n_permutations=len(plan.orders),
        exact=plan.exact,
        **exchanged.recorded,
        correction="over units, layers and scores; p_corrected: max-statistic; p_fdr: Benjamini-Hochberg",
        seed=seed,
        **cautions,
    )


class _Plan(NamedTuple):
    """What all layers share, with images in the order of their names."""

    ranked: Callable[[Array], Array]
    scores: Array  # (score, n), centred, of length 1
    test: str
    alternative: str
    orders: npt.NDArray[Any]  # (permutation, n)
    exact: bool

    def extreme(self, values: Array) -> Array:
        """Give what is large where values are extreme."""
        return stats.ALTERNATIVES[self.alternative](values)

    def share(self, beyond: npt.NDArray[np.int64]) -> Array:
        """Make p-values of how many permutations are at least as extreme."""
        m = len(self.orders)
        return np.asarray(beyond / m if self.exact else (beyond + 1) / (m + 1))


class _Layer(NamedTuple):
    """One layer."""

    estimate: Array  # (score, p)
    p: Array  # (score, p)
    varies: npt.NDArray[np.bool_]  # (p,)


def _enough(targets: Targets) -> None:
    n = len(targets.values)
    if n < 3:
        raise ArgumentError(advice("features", "have three images at least", n, "Two points always lie on a line."))
    varying(targets, np.arange(n))


def _test(asked: str | None, exchanged: Units, n: int) -> str:
    """Choose what p of single units comes from."""
    free = exchanged.scheme["permute"] == "free"
    if asked is None:
        return "t" if free and factorial(n) > N_PERMUTATIONS["permutation"] else "permutation"
    if one_of("test", asked, N_PERMUTATIONS) == "t" and not free:
        rule = f"be 'permutation' with permute={exchanged.scheme['permute']!r}"
        raise ArgumentError(advice("test", rule, asked, "Student's t takes images as independent of each other."))
    return asked


def _plan(method: str, test: str, targets: Targets, exchanged: Units) -> _Plan:
    ranked = METHODS[one_of("method", method, METHODS)]
    scores = _standard(ranked(targets.values)).T
    return _Plan(ranked, scores, test, exchanged.alternative, np.empty((0, scores.shape[1]), dtype=np.intp), False)


def _standard(values: Array) -> Array:
    """Centre columns and give them length 1; one that does not vary becomes 0."""
    centred = values - values.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    return np.asarray(np.divide(centred, size, out=np.zeros_like(centred), where=size > 0))


def _one_layer(material: Material, plan: _Plan, most: Array, tick: Callable[[int], object]) -> _Layer:
    """Correlate and test the units of one layer, and keep the largest permuted statistics in `most`."""
    parts = []
    for block in material.blocks(tick):
        varies = varied(block)
        values = _standard(plan.ranked(block)) * varies
        estimate = np.clip(plan.scores @ values, -1, 1)
        beyond = _permuted(values, estimate, plan, most)
        p = plan.share(beyond) if plan.test == "permutation" else _student(estimate, len(block), plan.alternative)
        parts.append(_Layer(estimate, np.where(varies, p, 1.0), varies))
    estimate, p, varies = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    if not varies.any():
        raise material.flat()
    return _Layer(estimate, p, varies)


def _permuted(values: Array, estimate: Array, plan: _Plan, most: Array) -> npt.NDArray[np.int64]:
    """Count permutations that are at least as extreme, (score, width), some of them at a time."""
    beyond = np.zeros(estimate.shape, dtype=np.int64)
    least = plan.extreme(estimate)[:, None] - TIE
    step = max(1, ROOM // (len(estimate) * max(values.shape)))
    for start in range(0, len(most), step):
        rows = slice(start, start + step)
        null = plan.extreme(plan.scores[:, plan.orders[rows]] @ values)  # (score, step, width)
        np.maximum(most[rows], null.max(axis=(0, 2)), out=most[rows])
        if plan.test == "permutation":
            beyond += np.count_nonzero(null >= least, axis=1)
    return beyond


def _student(r: Array, n: int, alternative: str) -> Array:
    with np.errstate(divide="ignore"):  # a perfect correlation has no error
        return stats.student(r, np.sqrt((1 - r**2) / (n - 2)), n - 2, alternative=alternative)


def _judged(layers: Mapping[str, _Layer], plan: _Plan, most: Array) -> dict[str, Array]:
    """Correct over all units that vary; for each layer (statistic, score, p)."""
    family = np.concatenate([layer.p[:, layer.varies].ravel() for layer in layers.values()])
    adjusted, ordered = stats.fdr(family), np.sort(most)
    found, start = {}, 0
    for name, layer in layers.items():
        fdr = np.ones(layer.p.shape)
        stop = start + fdr[:, layer.varies].size
        fdr[:, layer.varies] = adjusted[start:stop].reshape(len(fdr), -1)
        start, columns = stop, [layer.estimate, layer.p, fdr]
        if len(most):
            beyond = len(most) - np.searchsorted(ordered, plan.extreme(layer.estimate) - TIE)
            columns.append(np.where(layer.varies, plan.share(beyond), 1.0))
        found[name] = np.stack(columns)
    return found
