"""Components against scores of images."""

from collections.abc import Callable
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

from memfeat import guards, stats
from memfeat._check import advice, count, listed, one_of
from memfeat._check import generator as seeded
from memfeat._labels import as_scores, in_name_order, matched, stamped
from memfeat.errors import ArgumentError
from memfeat.reduction.spaces import COMPONENT
from memfeat.reduction.superposing import coordinates
from memfeat.stats.exchange import units

__all__ = ["relate"]

Array = npt.NDArray[np.float64]
#: method -> what is correlated, for values along the last axis
METHODS: dict[str, Any] = {"spearman": lambda values: rankdata(values, axis=-1), "pearson": np.asarray}
WORDS = {
    "null": "scores have nothing to do with where images lie",
    "correction": "p_corrected: max-statistic over components; p_fdr: Benjamini-Hochberg over components",
    "interval": "95 % expanded percentile bootstrap over images, components held fixed",
}


def relate(
    space: xr.Dataset | xr.DataArray,
    scores: xr.DataArray | pd.Series,
    *,
    method: str = "spearman",
    n_permutations: int = 9_999,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **exchange: Unpack[stats.Exchange],
) -> xr.Dataset:
    """Correlate each component of an embedding with scores, corrected for having looked at all components.

    Null hypothesis of the p-values: scores have nothing to do with where images lie, so that every assignment of scores
    to images was equally likely. Unit of exchange: the image, or as `permute` says.

    Parameters
    ----------
    space : Dataset or DataArray (image, component)
        From :func:`embed` or :func:`project`. It must have been made without the scores.
    scores : DataArray (image) or pandas.Series
        One score per image, matched by image name.
    method : {"spearman", "pearson"}
        Which correlation.
    n_permutations : int
        How many permutations of the scores; if there are no more rearrangements than this, all are used and p is
        exact. 0 gives no p-values.
    n_bootstraps : int
        How many bootstrap samples of images for the interval. 0 gives no interval.
    rng : int or numpy.random.Generator
        Seed of permutations and bootstrap samples, in this order.
    **exchange : optional
        `blocks`, `permute` and `alternative` ("two-sided" unless told), see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (component)
        `estimate`, the correlation; `ci_low` and `ci_high` (95 %); `p`; `p_corrected` (largest statistic over
        components); `p_fdr` (Benjamini-Hochberg); `n` images.

    Raises
    ------
    KindError
        If these are no embedding and no scores.
    UnknownNameError
        If there is no option of that name.
    ArgumentError
        If images differ, a value is missing, scores or a component do not vary, more than 1 % of the bootstrap samples
        leave nothing to correlate, or an option has an unknown value.

    Warns
    -----
    CircularWarning
        If the scores were predicted by the network that the embedding was made of, or by one with the same trunk.

    See Also
    --------
    memfeat.regression.decode : Predicts scores from all features of a layer.

    Notes
    -----
    The sign of a component is a convention, so the sides of a correlation are too: see the attribute `sign` of the
    space. Intervals are expanded percentiles of bootstrap samples of images (:func:`memfeat.stats.expanded`); they hold
    the components fixed. The dimensions of "tsne", "umap" and MDS can be turned at will: their correlations with
    scores mean little one by one.

    Examples
    --------
    >>> import xarray as xr
    >>> points = xr.DataArray([[0.0], [1], [3], [7]], dims=["image", "component"], coords={"image": list("abcd")})
    >>> found = relate(points, points[:, 0] ** 2, n_bootstraps=0, alternative="greater")
    >>> found["estimate"].values, found["p"].values.round(4)
    (array([1.]), array([0.0417]))
    """
    points = coordinates(space, "space")
    target = in_name_order(matched(as_scores(scores), points, argument="scores", reference="space"))
    ranked = METHODS[one_of("method", method, METHODS)]
    exchanged = units(exchange, to=target, alternative="two-sided")
    generator, seed = seeded(rng)
    facts = guards.related(space.attrs, guards.origin(target.attrs, given=guards.SCORES), "space")
    pair = _Pair(in_name_order(points).values.T, target.values, ranked)
    _must_vary(pair)
    found: dict[str, Array] = {"estimate": pair.correlation(), "n": np.full(len(pair.values), len(target))}
    drawn: dict[str, Any] = {"n_permutations": 0, "n_bootstraps": n_bootstraps}
    if count("n_permutations", n_permutations, least=0):
        index, exact = stats.permutations(len(target), n_permutations, rng=generator, **exchanged.scheme)
        found |= _tested(found["estimate"], pair.permuted(index), exact=exact, alternative=exchanged.alternative)
        drawn |= {"n_permutations": len(index), "exact": exact}
    if count("n_bootstraps", n_bootstraps, least=0):
        counts = stats.bootstrap_counts(len(target), n_bootstraps, rng=generator, **exchanged.scheme)
        of = stats.drawn_units(len(target), **exchanged.scheme)
        found["ci_low"], found["ci_high"] = stats.expanded(stats.enough(pair.resampled(counts)), **of)
    numbers = points[COMPONENT].values if COMPONENT in points.coords else np.arange(len(pair.values))
    result = xr.Dataset({name: (COMPONENT, values) for name, values in found.items()}, {COMPONENT: numbers})
    made = {"embedding": space.attrs.get("method"), "layer": space.attrs.get("layer"), "scores": str(target.name)}
    words = {"method": f"{method} correlation of components", "seed": seed, **WORDS}
    return stamped(result, space.attrs, **words, **made, **drawn, **exchanged.recorded, **facts)


class _Pair(NamedTuple):
    """Components (k, n) and scores (n,), images in the order of their names, and what is correlated of them."""

    values: Array
    scores: Array
    ranked: Callable[[Array], Array]

    def correlation(self) -> Array:
        """Correlate components with scores (k,)."""
        return _products(self.ranked(self.values), self.ranked(self.scores))

    def permuted(self, index: npt.NDArray[np.intp]) -> Array:
        """Correlate components with permuted scores (k, permutation), whose ranks stay the same."""
        return _products(self.ranked(self.values)[:, None], self.ranked(self.scores)[index])

    def resampled(self, counts: npt.NDArray[np.int64]) -> Array:
        """Correlate in samples of images (k, draw), NaN where all that were drawn are alike."""
        samples = (np.repeat(np.arange(len(row)), row) for row in counts)
        drawn = (_products(self.ranked(self.values[:, one]), self.ranked(self.scores[one])) for one in samples)
        return np.stack(list(drawn), axis=-1)


def _products(first: Array, second: Array) -> Array:
    """Correlate along the last axis; leading ones broadcast."""
    one, other = (both - both.mean(axis=-1, keepdims=True) for both in (first, second))
    size = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    total = np.einsum("...i,...i->...", one, other)
    return np.asarray(np.divide(total, size, out=np.full_like(total, np.nan), where=size > 0))


def _tested(observed: Array, null: Array, *, exact: bool, alternative: str) -> dict[str, Array]:
    """Test each component, and all together."""
    p = stats.p_value(observed, null, exact=exact, alternative=alternative)
    most = stats.max_statistic(observed, null, exact=exact, alternative=alternative)
    return {"p": p, "p_corrected": most, "p_fdr": stats.fdr(p)}


def _must_vary(pair: _Pair) -> None:
    if np.ptp(pair.scores) == 0:
        raise ArgumentError(advice("scores", "differ between images", listed(f"{pair.scores[0]:g} for every image")))
    same = np.flatnonzero(np.ptp(pair.values, axis=1) == 0)
    if len(same):
        found = listed(f"the same everywhere in component {', '.join(map(str, same))}")
        raise ArgumentError(advice("space", "differ between images", found, "Select the others."))
