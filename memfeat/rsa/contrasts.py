"""Differences between layers or between models, paired: which agrees better, and by how much."""

from collections.abc import Callable
from itertools import combinations
from typing import Any, Literal, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import guards, stats
from memfeat._check import advice, count, generator, listed, looked_up, one_of
from memfeat._labels import LAYER, stamped
from memfeat.errors import ArgumentError
from memfeat.rsa.comparison import images_of
from memfeat.rsa.design import Design, designed, estimated
from memfeat.rsa.leaving import jackknifed
from memfeat.rsa.options import WHITENING, chosen, kernel_for, whitening_allowed
from memfeat.rsa.reading import MODEL, Read, read
from memfeat.rsa.samples import drawn, drawn_of
from memfeat.stats.exchange import units
from memfeat.stats.participants import t_limits

__all__ = ["ContrastOptions", "contrast"]

Array = npt.NDArray[Any]
CONTRAST = "contrast"
CORRECTIONS = dict.fromkeys(
    ("t", "jackknife"), "p_corrected: Holm over all contrasts; p_fdr: Benjamini-Hochberg over them"
) | {
    "percentile": "p_corrected: largest deviation of all contrasts in the same bootstrap samples, in standard errors; "
    "p_fdr: Benjamini-Hochberg over them"
}
#: Below this a standard error is rounding: what is compared is the same.
ROUNDING = 1e-12
#: What is compared -> the dim along which it lies.
BETWEEN = {"layers": LAYER, "models": MODEL}


class ContrastOptions(stats.Exchange, total=False):
    """Options of :func:`memfeat.rsa.contrast`, besides those of :class:`memfeat.stats.Exchange`.

    `against` : name of the one layer or model that all others are compared with; all pairs by default.
    `resample` : "images" (default), "rdms" or "both", what results are to hold for others of.
    `noise_cov` : DataArray (image) or (image, image_2), noise of the images for whitened methods.
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    against: str
    resample: Literal["images", "rdms", "both"]
    noise_cov: xr.DataArray
    progress: bool | None


def contrast(
    rdms: xr.Dataset,
    ref: xr.Dataset,
    *,
    between: str = "layers",
    method: str = "spearman",
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[ContrastOptions],
) -> xr.Dataset:
    """Compare layers, or models, in how well they agree with the same reference.

    Null hypothesis: two layers (models) agree with the reference (layer) equally well. Unit, by what is resampled: the
    image (or what `permute` names), the participant, or both. There is no permutation test: rearranging labels would
    test that neither of the two agrees at all.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs; `participant` may be a further dim.
    ref : Dataset (layer, pair)
        The reference. With `between="models"` its layers are the models that are compared. `participant` and others
        may be further dims.
    between : {"layers", "models"}
        Whether the layers of `rdms` or those of `ref` are compared.
    method : str
        How two RDMs are compared, see :func:`compare`.
    n_bootstraps : int
        Bootstrap samples, the same for all layers and models: over images for `p_corrected` of several contrasts, over
        both for all.
    rng : int or numpy.random.Generator
        Seed or source of the draws.
    **options : against, resample, noise_cov, progress, blocks, permute, alternative
        `against`: the one that all others are compared with; all pairs by default. `resample`: "images" (default),
        "rdms" (participants) or "both". The others are those of :func:`compare`.

    Returns
    -------
    Dataset (contrast, ...)
        `estimate`: similarity of `first (contrast)` less that of `second (contrast)`; `ci_low`, `ci_high` (95 %), `p`,
        `p_corrected` (over all contrasts and further dims: the largest deviation of any, in standard errors, in the
        same bootstrap samples; Holm where there are none), `p_fdr` (Benjamini-Hochberg over the same), `n` images. Over
        images whitened methods also give `bias`, by how much `estimate` is expected to exceed the difference for very
        many images, which interval and p are about.

    Raises
    ------
    KindError, UnknownNameError, ArgumentError
        As :func:`compare` does; if there are fewer than two to compare, or `against` is none of them.

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    Over images: Student's t with the jackknife's standard error of the difference. A bootstrap counts the part of the
    error that pairs of images bring three times, and so rejects too seldom where layers have little to do with the
    reference; the jackknife counts it twice. It gives `p_corrected` its joint distribution only. For whitened methods
    the jackknife's estimate of bias is taken out: of two layers that agree equally well, that of more dimensions has
    the larger whitened cosine. Over participants: Student's t of the differences. Over both: Student's t with the
    corrected two-factor standard error of the difference, and its degrees of freedom, see :func:`compare`.

    References
    ----------
    Efron B, Stein C (1981). The jackknife estimate of variance. Annals of Statistics 9:586-596.

    Examples
    --------
    >>> import pandas as pd
    >>> import xarray as xr
    >>> from memfeat import rdm
    >>> scores = pd.Series([9, 5, 6, 8, 7, 1, 4, 3], index=list("abcdefgh"))
    >>> models = [rdm.from_scores(scores, kind=kind) for kind in ("nearest", "both_memorable")]
    >>> both = xr.concat(models, "layer")
    >>> result = contrast(both, models[0])
    >>> result.first.item(), result.second.item(), bool(result.estimate[0] > 0)
    ('nearest', 'both_memorable', True)
    """
    dim = BETWEEN[one_of("between", between, BETWEEN)]
    plan = chosen({name: given for name, given in options.items() if name != "against"}, method, known=ContrastOptions)
    count("n_bootstraps", n_bootstraps, least=2)
    random, seed = generator(rng)
    sides = read(rdms, ref, models=between == "models")
    whitening_allowed(method, rdms, ref)
    kernel = kernel_for(method, plan.noise_cov, sides.names, n_bootstraps)
    cautions = guards.related(rdms.attrs, ref.attrs, "rdms")
    exchanged = units(plan.exchange, to=images_of(sides), alternative="two-sided")
    design = designed(sides, kernel, scheme=exchanged.scheme, resample=plan.resample, progress=plan.progress)
    pairs = _pairs(sides, dim, options.get("against"))
    found = _Found(design, estimated(design), pairs, n_bootstraps, random, exchanged.alternative, method)
    return stamped(
        _labelled(FOUND[plan.resample, plan.interval](found), found),
        rdms.attrs,
        method=f"RSA contrast of {between}, {method}",
        metric=rdms.attrs.get("metric"),
        reference=sides.reference,
        resample=plan.resample,
        null=f"both {between} agree equally well",
        **exchanged.recorded,
        correction=CORRECTIONS[plan.interval],
        n_bootstraps=n_bootstraps,
        interval=f"{'t' if plan.interval == 't' else 'jackknife'}, paired, 95 %",
        n_participants=len(sides.participants) or None,
        seed=seed,
        **cautions,
    )


class _Pairs(NamedTuple):
    """Which are compared."""

    axis: int
    """Of the result of a comparison."""
    names: list[str]
    first: Array
    second: Array


class _Found(NamedTuple):
    """What inference starts from."""

    design: Design
    values: Array
    """Similarities (layer, cell, participant or 1)."""
    pairs: _Pairs
    n_bootstraps: int
    rng: np.random.Generator
    alternative: str
    method: str

    def difference(self, values: Array) -> Array:
        """Take differences of similarities (layer, cell, ...): (contrast, cell, ...)."""
        sides = self.design.read
        shaped = sides.shaped(values)
        gap = shaped.take(self.pairs.first, axis=self.pairs.axis) - shaped.take(self.pairs.second, axis=self.pairs.axis)
        front = np.moveaxis(gap, self.pairs.axis, 0)
        return front.reshape(len(self.pairs.first), -1, *values.shape[2:])

    @property
    def gaps(self) -> Array:
        """Differences (contrast, cell, participant or 1)."""
        return self.difference(self.values)

    def jackknifed(self) -> stats.Jackknife:
        """Leave out images."""
        return jackknifed(self.design, self.values.mean(axis=-1), self.difference)


def _images(found: _Found) -> dict[str, Array]:
    gap, left = found.gaps.mean(axis=-1), found.jackknifed()
    table = _tested(gap, left, found.alternative)
    if gap.size > 1:
        draws = stats.enough(drawn(found.design, found.n_bootstraps, found.rng, found.difference).draws)
        how: dict[str, Any] = {"error": left.error, "alternative": found.alternative, **drawn_of(found.design)}
        largest = stats.largest_deviation(gap, draws, **how)
        table["p_corrected"] = np.maximum(table["p"], largest)
    return table


def _images_left_out(found: _Found) -> dict[str, Array]:
    left = found.jackknifed()
    return _tested(found.gaps.mean(axis=-1) - left.bias, left, found.alternative) | {"bias": left.bias}


def _tested(gap: Array, left: stats.Jackknife, alternative: str) -> dict[str, Array]:
    low, high = t_limits(gap, left.error, left.degrees)
    error = np.where(left.error > ROUNDING, left.error, np.inf)
    p = stats.student(gap, error, left.degrees, alternative=alternative)
    return {"ci_low": low, "ci_high": high, "p": p}


def _rdms(found: _Found) -> dict[str, Array]:
    values = found.gaps
    low, high = stats.t_interval(values)
    options: dict[str, Any] = {"test": "t", "n_permutations": 0, "rng": found.rng, "alternative": found.alternative}
    tested = stats.across(values.reshape(-1, values.shape[-1]), **options)
    return {"ci_low": low, "ci_high": high, "p": tested["p"].reshape(low.shape)}


def _both(found: _Found) -> dict[str, Array]:
    again = drawn(found.design, found.n_bootstraps, found.rng, found.difference)
    mean, table = found.gaps.mean(axis=-1), {}
    if found.method in WHITENING:
        bias = found.jackknifed().bias
        mean, table = mean - bias, {"bias": bias}
    low, high = t_limits(mean, again.error, again.degrees)
    p = stats.student(mean, again.error, again.degrees, alternative=found.alternative)
    return table | {"ci_low": low, "ci_high": high, "p": p}


#: (what is resampled, interval) → limits and p
FOUND: dict[tuple[str, str], Callable[[_Found], dict[str, Array]]] = {
    ("images", "percentile"): _images,
    ("images", "jackknife"): _images_left_out,
    ("rdms", "t"): _rdms,
    ("both", "t"): _both,
}


def _pairs(sides: Read, dim: str, against: str | None) -> _Pairs:
    """Choose what is compared with what."""
    dims = sides.dims
    names = [str(name) for name in sides.coords[dim].values]
    if len(names) < 2:
        rule = f"hold at least 2 {dim}s to compare"
        remedy = "Use between='layers' for those of rdms." if dim == MODEL else "Use between='models' for those of ref."
        raise ArgumentError(advice("rdms" if dim == LAYER else "ref", rule, listed.of(names), remedy))
    if against is not None:
        looked_up("against", against, names, f"There are {', '.join(names)}.")
        other = names.index(against)
        chosen_pairs = [(k, other) for k in range(len(names)) if k != other]
    else:
        chosen_pairs = list(combinations(range(len(names)), 2))
    first, second = np.array(chosen_pairs).T
    return _Pairs(dims.index(dim), names, first, second)


def _labelled(table: dict[str, Array], found: _Found) -> xr.Dataset:
    """Put labels to the numbers."""
    sides, pairs = found.design.read, found.pairs
    others = [dim for k, dim in enumerate(sides.dims) if k != pairs.axis]
    table = {"estimate": found.gaps.mean(axis=-1)} | table
    p = table["p"].reshape(-1)
    table = {"p_corrected": stats.holm(p), "p_fdr": stats.fdr(p)} | table
    sizes = {LAYER: len(sides.layers)} | sides.cells
    shape = (len(pairs.first), *(sizes[dim] for dim in others))
    columns: dict[str, Any] = {name: ((CONTRAST, *others), values.reshape(shape)) for name, values in table.items()}
    columns["n"] = (CONTRAST, np.full(len(pairs.first), len(sides.names)))
    names = np.array(pairs.names, dtype=object)
    coords: dict[str, Any] = {n: c for n, c in sides.coords.items() if set(c.dims) <= set(others)}
    coords |= {"first": (CONTRAST, names[pairs.first]), "second": (CONTRAST, names[pairs.second])}
    coords[CONTRAST] = [f"{names[i]} − {names[j]}" for i, j in zip(pairs.first, pairs.second, strict=True)]
    return xr.Dataset(columns, coords=coords)
