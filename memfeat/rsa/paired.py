"""Similarity of two RDMs pair by pair: slow, but pairs may be missing, and may count more than once.

A pair that one of the two lacks (NaN) is left out for these two alone, so that no RDM changes what another scores.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat._pairs import ends
from memfeat.rsa.concordance import tau_a
from memfeat.rsa.resampling import FLAT, Pairs, Tick, quiet, ranks_of, ratio, sorted_pairs, untied

__all__ = ["AGREEMENTS", "Agree", "similar"]

Array = npt.NDArray[Any]
#: (values of two RDMs, weights of their pairs of images) → similarity, NaN if it is not defined
Agree = Callable[[Array, Array, Array], float]


def similar(vectors: Array, pairs: Pairs, counts: Array, *, agree: Agree, tick: Tick = quiet) -> Array:
    """Compare RDMs with missing pairs in bootstrap samples.

    Parameters
    ----------
    vectors : array (vector, pair)
        Upper triangles; NaN for missing pairs.
    pairs : list of (int, int)
        Which of them are compared.
    counts : array (draw, n)
        How often each image stands in each sample.
    agree : callable
        One of `AGREEMENTS`.
    tick : callable
        Told how many samples are done.

    Returns
    -------
    array (compared, draw)
        Similarities over the pairs that both have; NaN where a sample leaves nothing to compare.
    """
    first, second = ends(counts.shape[1])
    held = np.isfinite(vectors)
    draws = np.empty((len(pairs), len(counts)))
    for k, sample in enumerate(counts.astype(np.int64)):
        weights = sample[first] * sample[second]
        for row, (i, j) in zip(draws, pairs, strict=True):
            there = np.flatnonzero(held[i] & held[j] & (weights > 0))
            row[k] = agree(vectors[i, there], vectors[j, there], weights[there])
        tick(1)
    return draws


def _by_ranks(first: Array, second: Array, weights: Array, *, scale: Callable[..., float]) -> float:
    if not len(first):
        return np.nan
    (one, spread), (other, also) = (_mid_ranks(values, weights) for values in (first, second))
    return scale(float((one * weights) @ other), spread, also, float(weights.sum()))


def _mid_ranks(values: Array, weights: Array) -> tuple[Array, float]:
    """Give weighted mid-ranks in the order of the pairs, and their weighted sum of squares."""
    where, _, ranks, spread = ranks_of(sorted_pairs(values), weights, np.ones(len(values), dtype=bool))
    out = np.empty(len(values))
    out[where] = ranks
    return out, spread


def _by_values(first: Array, second: Array, weights: Array, *, centre: bool) -> float:
    sides, squares = [], []
    for values in (first, second):
        moved = values - np.average(values, weights=weights) if centre and len(values) else values
        left, whole = float((moved * moved) @ weights), float((values * values) @ weights)
        sides.append(moved)
        squares.append(left if left > FLAT * whole else 0.0)
    return ratio(float((sides[0] * weights) @ sides[1]), *squares)


#: What can be compared pair by pair.
AGREEMENTS: dict[str, Agree] = {
    "spearman": partial(_by_ranks, scale=ratio),
    "rho-a": partial(_by_ranks, scale=untied),
    "pearson": partial(_by_values, centre=True),
    "cosine": partial(_by_values, centre=False),
    "kendall": tau_a,
}
