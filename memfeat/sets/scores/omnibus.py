"""Whether any of several sets differs from the others."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from memfeat import stats
from memfeat.sets.scores.contrasting import BLOCK, by_unit
from memfeat.sets.scores.pooling import Pool
from memfeat.sets.scores.weighing import Units

__all__ = ["any_differs"]

Array = npt.NDArray[np.float64]
#: Where a rearrangement leaves no spread in some sets, this share of the whole one is put in its place.
LEAST = 1e-10


def any_differs(
    pooled: Pool, n_permutations: int, rng: np.random.Generator, *, crossed: bool
) -> dict[str, dict[str, Array]]:
    """Test all sets at once.

    Parameters
    ----------
    pooled : Pool
        The sets, three or more.
    n_permutations : int
        How many rearrangements of the sets' labels; 0 gives no p.
    rng : numpy.random.Generator
        Source of the draws.
    crossed : bool
        Whether labels are exchanged inside units.

    Returns
    -------
    dict
        Test -> `statistic`, `p` and `p_corrected` (Holm, over scores), (score,).
    """
    units, k = Units(pooled.unit, crossed=crossed), len(pooled.sets)
    ranks = np.stack([_ranks(row, pooled) for row in pooled.values])
    name = "friedman" if pooled.paired else "kruskal_wallis"
    degrees = units.n * (k - 1) if pooled.paired else len(pooled.label) - 1

    def both(labels: npt.NDArray[Any]) -> dict[str, Array]:
        held = np.stack([labels == one for one in range(k)]).astype(float)
        return {
            "welch": np.stack([_wald(row[:, None], held, units) for row in pooled.values]),
            name: np.stack([_between(row, held, degrees) for row in ranks]),
        }

    observed = {test: values[:, 0] for test, values in both(pooled.label[:, None]).items()}
    if not n_permutations:
        nothing = np.full(len(pooled.values), np.nan)
        return {test: {"statistic": values, "p": nothing, "p_corrected": nothing} for test, values in observed.items()}
    blocks, exact = by_unit(pooled.label, units, n_permutations, rng)
    parts = [both(labels) for labels in blocks(max(1, BLOCK // (len(pooled.label) * k)))]
    null = {test: np.concatenate([part[test] for part in parts], axis=-1) for test in observed}
    p = {test: stats.p_value(values, null[test], exact=exact) for test, values in observed.items()}
    return {
        test: {"statistic": values, "p": p[test], "p_corrected": stats.holm(p[test])}
        for test, values in observed.items()
    }


def _ranks(values: Array, pooled: Pool) -> Array:
    """Rank images among all, or versions among those of their original; ties share their mean rank."""
    if not pooled.paired:
        return np.asarray(rankdata(values))
    order = np.argsort(pooled.unit, kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = rankdata(values[order].reshape(-1, len(pooled.sets)), axis=1).ravel()
    return ranks


def _between(ranks: Array, held: Array, degrees: int) -> Array:
    """Give the spread of mean ranks between sets, relative to that of all ranks (Kruskal and Wallis, Friedman)."""
    sizes, sums = held.sum(axis=1), np.einsum("snd,n->sd", held, ranks - ranks.mean())
    return np.asarray(degrees * (sums**2 / sizes).sum(axis=0) / ((ranks - ranks.mean()) ** 2).sum())


def _wald(values: Array, held: Array, units: Units) -> Array:
    """Give Wald's statistic of equal means: the numerator of Welch's F, where units lie in one set each."""
    sums, sizes = (np.stack([units.total(part * one) for one in held]) for part in (values, np.ones_like(values)))
    n = sizes.sum(axis=1)
    means = sums.sum(axis=1) / n
    count = np.full(n.shape, units.n) if units.crossed else (sizes > 0).sum(axis=1)
    deviation = (sums - sizes * means[:, None]) / n[:, None] * np.sqrt(count / np.maximum(count - 1, 1))[:, None]
    against = deviation[:-1] - deviation[-1]
    covariance = np.einsum("iud,jud->dij", against, against)
    difference = (means[:-1] - means[-1]).T
    k = len(held)
    least = LEAST * values.var() * np.eye(k - 1)
    solved = np.linalg.solve(covariance + least, difference[..., None])[..., 0]
    return np.asarray((difference * solved).sum(axis=1) / (k - 1))
