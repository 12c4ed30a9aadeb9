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
from memfeat.rsa.resampling import FLAT, Pairs, Tick, quiet, ratio, sorted_pairs, untied

__all__ = ["AGREEMENTS", "Agree", "by_products", "mid_ranks", "similar"]

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


def mid_ranks(values: Array, weights: Array) -> Array:
    """Give centred weighted mid-ranks: whole or half numbers, so that equal sums are equal to the bit.

    Parameters
    ----------
    values : array (pair,)
        Dissimilarities.
    weights : array (pair,) of int
        How often each pair stands in the sample.

    Returns
    -------
    array (pair,)
        Weight of smaller values plus half that of equal ones, less half of all.
    """
    order, starts = sorted_pairs(values)
    starts = starts if len(starts) else np.arange(len(values))
    size = np.add.reduceat(weights[order], starts) if len(values) else weights
    out = np.empty(len(values))
    out[order] = np.repeat(np.cumsum(size) - (size + weights.sum()) / 2, np.diff(starts, append=len(values)))
    return out


def by_products(first: Array, second: Array, weights: Array, *, scale: Callable[..., float] = ratio) -> float:
    """Compare centred ranks by their products.

    Parameters
    ----------
    first, second : array (pair,)
        What :func:`mid_ranks` gives.
    weights : array (pair,) of int
        How often each pair stands in the sample.
    scale : callable
        (sum of products, both sums of squares, sum of weights) → similarity.

    Returns
    -------
    float
        The similarity; NaN if it is not defined.
    """
    sides = [(ranks * ranks) @ weights for ranks in (first, second)]
    size = float(weights.sum())
    flat = FLAT * size**3 / 12
    return scale((first * weights) @ second, *(side if side > flat else 0.0 for side in sides), size)


def _by_ranks(first: Array, second: Array, weights: Array, *, scale: Callable[..., float]) -> float:
    return by_products(mid_ranks(first, weights), mid_ranks(second, weights), weights, scale=scale)


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
