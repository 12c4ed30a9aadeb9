"""Several RDMs at once: correlations with what others explain taken out, and the shares that each explains."""

from itertools import combinations
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import guards, stats
from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat._labels import LAYER, stamped
from memfeat._progress import bar
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.comparison import images_of
from memfeat.rsa.reading import PARTICIPANT, Read, finite, read, stacked
from memfeat.rsa.similarity import COMPARISONS
from memfeat.stats.exchange import units

__all__ = ["ExplainedOptions", "partial", "partition"]

Array = npt.NDArray[Any]
#: Similarities that are correlations, so that they can be taken out of each other.
CORRELATIONS = ("spearman", "pearson")
#: What is left of a variance of 1 below this is rounding.
NOTHING = 1e-10
MOST_MODELS = 4


class ExplainedOptions(TypedDict, total=False):
    """Options of :func:`memfeat.rsa.partial` and :func:`memfeat.rsa.partition`.

    `blocks` : DataArray (image) or Series, the group of each image.
    `permute` : "free", "within" or "whole", how the bootstrap draws; must be named when blocks are given.
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    blocks: xr.DataArray | pd.Series
    permute: str
    progress: bool | None


def partial(
    rdms: xr.Dataset,
    ref: xr.Dataset,
    controls: xr.Dataset | list[xr.Dataset],
    *,
    method: str = "spearman",
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[ExplainedOptions],
) -> xr.Dataset:
    """Compare the RDM of each layer with a reference, with what control RDMs explain taken out of both.

    There is an interval and no p-value: the partial correlation removes only what controls explain linearly (in ranks,
    for Spearman) at the level of pairs. It is no test of conditional independence, and rearranging images would reject
    too often: where a confounder drives both sides, 30 % of the time. Where the control is one number per image,
    :func:`adjusted` tests.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs.
    ref : Dataset (layer, pair)
        One RDM of the same images; further dims as in :func:`compare`.
    controls : Dataset (layer, pair) or list of Dataset
        RDMs whose share is taken out, all at once; each layer of each Dataset is one.
    method : {"spearman", "pearson"}
        Which correlation.
    n_bootstraps : int
        Bootstrap samples of images for the interval. 0 gives no interval.
    rng : int or numpy.random.Generator
        Seed or source of the draws.
    **options : blocks, permute, progress
        `blocks` and `permute` say how images are drawn, see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (layer, ...)
        `estimate` (mean over participants), `ci_low`, `ci_high` (95 % expanded percentile bootstrap over images),
        `plain`, the correlation without controls, `n` images. With participants also `by_participant (layer, ...,
        participant)`, which :func:`cluster` tests along time.

    Raises
    ------
    KindError, ArgumentError
        As :func:`compare` does; if controls repeat each other, or leave nothing of a layer or of the reference.

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    With r the correlations of layer a, reference b and controls C, in the same (bootstrap) sample:
    (rₐ♭ − rₐᶜ R⁻¹ rᶜ♭) / √((1 − rₐᶜ R⁻¹ rᶜₐ) (1 − r♭ᶜ R⁻¹ rᶜ♭)), R the correlations of the controls.

    Examples
    --------
    >>> import pandas as pd
    >>> from memfeat import rdm
    >>> scores = pd.Series([9, 5, 6, 8, 7, 1, 4, 3], index=list("abcdefgh"))
    >>> kinds = ("nearest", "min_rank", "max_rank")
    >>> nearest, low, high = (rdm.from_scores(scores, kind=kind) for kind in kinds)
    >>> result = partial(nearest, low, [high], n_bootstraps=0)
    >>> float(result.plain[0].round(3)), float(result.estimate[0].round(3))
    (0.606, 0.932)
    """
    one_of("method", method, CORRELATIONS)
    known_options(options, ExplainedOptions)
    random, seed = generator(rng)
    sides = read(rdms, ref)
    given = [controls] if isinstance(controls, xr.Dataset) else controls
    if not isinstance(given, list | tuple) or not given:
        raise KindError(advice("controls", "be RDMs or a list of them", listed(type(controls).__name__)))
    named = [stacked(one, f"controls[{k}]", sides.names) for k, one in enumerate(given)]
    names, taken = [name for one, _ in named for name in one], np.concatenate([values for _, values in named])
    cautions = guards.related(rdms.attrs, ref.attrs, "rdms")
    if sides.layers.shape[1] > 1:
        remedy = "Choose one participant: rdms.sel(participant=name)."
        raise ArgumentError(advice("rdms", "have no dim 'participant' here", listed("participants"), remedy))
    finite(sides.layers, sides.coords[LAYER].values, "rdms")
    finite(sides.references, [sides.reference] * len(sides.references), "ref")
    layers, references = sides.layers[:, 0], sides.references.reshape(-1, sides.references.shape[-1])
    k, m = len(layers), len(references)
    group = _Correlated(method, np.concatenate([layers, references, taken]), (k, m, len(taken)))
    samples = _samples(sides, options, n_bootstraps, random)
    found = group.without(samples.counts, options.get("progress"))
    _left_over(found[0][..., 0])
    left, plain = (values.reshape(k, *sides.references.shape[:2], -1) for values in found)
    result = _left_and_plain(sides, left, plain, samples)
    return stamped(
        result,
        rdms.attrs,
        method=f"partial RSA, {method}",
        metric=rdms.attrs.get("metric"),
        reference=sides.reference,
        controls=names,
        n_bootstraps=n_bootstraps,
        interval="expanded percentile bootstrap over images, 95 %",
        seed=seed,
        **samples.recorded,
        **cautions,
    )


def partition(
    models: xr.Dataset,
    ref: xr.Dataset,
    *,
    method: str = "pearson",
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[ExplainedOptions],
) -> xr.Dataset:
    """Share out the variance of a reference RDM among up to four model RDMs.

    Parameters
    ----------
    models : Dataset (layer, pair)
        Two to four RDMs.
    ref : Dataset (layer, pair)
        One RDM of the same images.
    method : {"pearson", "spearman"}
        Whether dissimilarities or their ranks are explained.
    n_bootstraps : int
        Bootstrap samples of images for the intervals. 0 gives no intervals.
    rng : int or numpy.random.Generator
        Seed or source of the draws.
    **options : blocks, permute, progress
        `blocks` and `permute` say how images are drawn, see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (subset)
        For each set of models: `estimate`, the share of variance that exactly these explain in common (of a single one:
        what it alone explains), which is negative where models suppress each other; `r2`, what these explain together;
        `ci_low`, `ci_high`, `r2_ci_low`, `r2_ci_high` (95 % expanded percentile bootstrap over images); `size`, how
        many models, and `n` images. All `estimate` sum to the `r2` of all models.

    Raises
    ------
    KindError, ArgumentError
        As :func:`compare` does; if there are fewer than two or more than four models, or models repeat each other.

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    R²(S) = rᵀR⁻¹r is the squared multiple correlation of the reference with the models of S over pairs of images,
    with an intercept and weights of either sign. The share of exactly S is Σ (−1)^(1 + size of T) R²(T ∪ S̄) over T ⊆ S,
    with S̄ the other models (commonality analysis). These are shares of the data at hand, not of data held out.

    References
    ----------
    Seibold DR, McPhee RD (1979). Commonality analysis: A method for decomposing explained variance in multiple
    regression analyses. Human Communication Research 5:355-365.
    """
    one_of("method", method, CORRELATIONS)
    known_options(options, ExplainedOptions)
    random, seed = generator(rng)
    sides = read(models, ref, argument="models")
    names, values = stacked(models, "models", sides.names)
    target = stacked(ref, "ref", sides.names)[1]
    if not 2 <= len(names) <= MOST_MODELS:
        remedy = "Choose some: models.sel(layer=names)."
        raise ArgumentError(advice("models", f"hold 2 to {MOST_MODELS} RDMs", listed.of(names), remedy))
    cautions = guards.related(models.attrs, ref.attrs, "models")
    samples = _samples(sides, options, n_bootstraps, random)
    group = _Correlated(method, np.concatenate([target, values]), (0, 1, len(names)))
    subsets = [s for size in range(1, len(names) + 1) for s in combinations(range(len(names)), size)]
    r2 = group.explained(samples.counts, subsets, options.get("progress"))
    shares = np.stack([_share(r2, subset, len(names)) for subset in subsets])
    together = np.stack([r2[frozenset(subset)] for subset in subsets])
    columns: dict[str, Any] = {"estimate": shares[:, 0], "r2": together[:, 0]} | samples.interval(shares[:, 1:])
    columns |= {f"r2_{name}": limit for name, limit in samples.interval(together[:, 1:]).items()}
    columns |= {"size": np.array([*map(len, subsets)]), "n": np.full(len(subsets), len(sides.names))}
    labels = np.array([" & ".join(names[k] for k in subset) for subset in subsets], dtype=object)
    result = xr.Dataset({name: ("subset", column) for name, column in columns.items()}, coords={"subset": labels})
    return stamped(
        result,
        models.attrs,
        method=f"variance partitioning of RDMs, {method}",
        metric=models.attrs.get("metric"),
        reference=sides.reference,
        n_bootstraps=n_bootstraps,
        interval="expanded percentile bootstrap over images, 95 %",
        seed=seed,
        **samples.recorded,
        **cautions,
    )


def _left_and_plain(sides: Read, left: Array, plain: Array, samples: "_Samples") -> xr.Dataset:
    """Put labels to partial and plain correlations (layer, cell, participant or 1, data and then draws)."""
    mean = left.mean(axis=2)
    table = {"estimate": mean[..., 0], "plain": plain[..., 0].mean(axis=2)} | samples.interval(mean[..., 1:])
    columns: dict[str, Any] = {name: (sides.dims, sides.shaped(values)) for name, values in table.items()}
    columns["n"] = (LAYER, np.full(len(left), len(sides.names)))
    coords = dict(sides.coords)
    if len(sides.participants):
        columns["by_participant"] = ((*sides.dims, PARTICIPANT), sides.shaped(left[..., 0]))
        coords[PARTICIPANT] = (PARTICIPANT, sides.participants)
    return xr.Dataset(columns, coords=coords)


class _Correlated(NamedTuple):
    """Layers, references and controls, and their correlations with each other."""

    method: str
    vectors: Array
    sizes: tuple[int, int, int]
    """How many layers, references and controls, in this order."""

    def correlations(self, counts: Array, progress: bool | None) -> Array:
        """Correlate all with all that matters (vector, vector, draw)."""
        k, m, c = self.sizes
        controls = range(k + m, k + m + c)
        pairs = [(i, j) for i in range(k) for j in range(k, k + m)]
        pairs += [(i, j) for i in range(k + m) for j in controls]
        pairs += [(i, j) for i in controls for j in controls if i < j]
        kernel = COMPARISONS[self.method]
        _varied(kernel.scaled, self.vectors)
        out = np.zeros((k + m + c, k + m + c, len(counts)))
        with bar(len(counts), "bootstrap", progress, unit="sample") as shown:
            found = kernel.similar(self.vectors, pairs, counts, tick=shown.update)
        for (i, j), row in zip(pairs, found, strict=True):
            out[i, j] = out[j, i] = row
        for i in range(k + m + c):
            out[i, i] = 1.0
        return out

    def without(self, counts: Array, progress: bool | None) -> tuple[Array, Array]:
        """Correlate layers and references without controls, and plainly (layer, reference, draw)."""
        k, m, _ = self.sizes
        r = np.moveaxis(self.correlations(counts, progress), -1, 0)
        within, cross = r[:, k + m :, k + m :], r[:, : k + m, k + m :]
        _distinct(within[0], "controls")
        taken = cross @ _inverse(within) @ cross.transpose(0, 2, 1)
        rest = r[:, : k + m, : k + m] - taken
        own = np.einsum("dii->di", rest)
        own = np.where(own > NOTHING, own, np.nan)
        left = rest[:, :k, k:] / np.sqrt(own[:, :k, None] * own[:, None, k:])
        return np.moveaxis(left, 0, -1), np.moveaxis(r[:, :k, k : k + m], 0, -1)

    def explained(
        self, counts: Array, subsets: list[tuple[int, ...]], progress: bool | None
    ) -> dict[frozenset[int], Array]:
        """Squared multiple correlation of the reference with each set of models, the empty one among them (draw,)."""
        r = np.moveaxis(self.correlations(counts, progress), -1, 0)
        _distinct(r[0, 1:, 1:], "models")
        out = {frozenset[int](): np.zeros(len(counts))}
        for subset in subsets:
            places = np.array(subset) + 1
            side = r[:, places, 0]
            inverse = _inverse(r[:, places[:, None], places])
            out[frozenset(subset)] = np.einsum("di,dij,dj->d", side, inverse, side)
        return out


def _share(r2: dict[frozenset[int], Array], subset: tuple[int, ...], n: int) -> Array:
    """Share that exactly this set explains in common."""
    others = frozenset(range(n)) - frozenset(subset)
    terms = [
        (-1) ** (size + 1) * r2[others | frozenset(part)]
        for size in range(len(subset) + 1)
        for part in combinations(subset, size)
    ]
    return np.asarray(sum(terms))


class _Samples(NamedTuple):
    """The data themselves, and bootstrap samples of images."""

    counts: Array
    """How often each image stands in each (1 + draw, n)."""
    drawn: dict[str, int]
    recorded: dict[str, str | None]

    def interval(self, draws: Array) -> dict[str, Array]:
        """Limits, NaN if there are no draws."""
        if not draws.shape[-1]:
            return dict.fromkeys(("ci_low", "ci_high"), np.full(draws.shape[:-1], np.nan))
        return dict(zip(("ci_low", "ci_high"), stats.expanded(stats.enough(draws), **self.drawn), strict=True))


def _samples(sides: Read, options: ExplainedOptions, n_bootstraps: int, rng: np.random.Generator) -> _Samples:
    """Draw samples of images, the data themselves first."""
    exchange: Any = {name: value for name, value in options.items() if name in ("blocks", "permute")}
    exchanged = units(exchange, to=images_of(sides), alternative="two-sided")
    n = len(sides.names)
    whole = np.ones((1, n), dtype=np.int64)
    recorded = {name: value for name, value in exchanged.recorded.items() if name != "alternative"}
    drawn = stats.drawn_units(n, **exchanged.scheme)
    if not count("n_bootstraps", n_bootstraps, least=0):
        return _Samples(whole, drawn, recorded)
    again = stats.bootstrap_counts(n, n_bootstraps, rng=rng, **exchanged.scheme)
    return _Samples(np.concatenate([whole, again]), drawn, recorded)


def _inverse(matrices: Array) -> Array:
    """Invert (draw, k, k); NaN where a sample is undefined."""
    defined = np.isfinite(matrices).all(axis=(1, 2))
    out = np.full(matrices.shape, np.nan)
    out[defined] = np.linalg.pinv(matrices[defined], hermitian=True)
    return out


def _distinct(correlations: Array, argument: str) -> None:
    """Refuse RDMs of which one is made up of the others."""
    if len(correlations) and np.linalg.eigvalsh(correlations)[0] < NOTHING:
        remedy = "Leave out the one that repeats the others."
        raise ArgumentError(advice(argument, "differ from each other", listed("RDMs that repeat each other"), remedy))


def _left_over(estimate: Array) -> None:
    if not np.isfinite(estimate).all():
        remedy = "Leave out the control that is the same as a layer or as the reference."
        found = listed("RDMs of which they leave nothing")
        raise ArgumentError(advice("controls", "leave something of layers and reference", found, remedy))


def _varied(scaled: Any, vectors: Array) -> None:
    if not all(np.isfinite(scaled(vector)).all() for vector in vectors):
        found = listed("one whose dissimilarities are all equal")
        raise ArgumentError(advice("RDMs", "differ between pairs of images", found, "Leave it out."))
