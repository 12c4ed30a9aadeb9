"""Similarity of RDMs in bootstrap samples of images, by weights: no sample is ever written out.

An image that stands cᵢ times gives a pair of different images the weight cᵢcⱼ; pairs of an image with itself have none.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["moments", "ranked"]

Array = npt.NDArray[Any]
#: A variance that is a smaller share than this of the sum of squares is rounding: all dissimilarities are equal.
FLAT = 1e-12


def moments(layers: Array, reference: Array, counts: Array, *, centre: bool) -> Array:
    """Weighted cosine or Pearson correlation, from quadratic forms in the counts.

    Parameters
    ----------
    layers : array (layer, pair)
        Upper triangles.
    reference : array (pair,)
        Upper triangle.
    counts : array (draw, n)
        How often each image stands in each sample.
    centre : bool
        Whether the weighted means are subtracted first.

    Returns
    -------
    array (layer, draw)
        Similarities; NaN where a sample leaves nothing to compare.
    """
    n = counts.shape[1]
    upper, weights = ~np.tri(n, dtype=bool), counts.astype(np.float64)
    shift = float(reference.mean()) if centre else 0.0

    def total(vector: Array) -> Array:
        matrix = np.zeros((n, n))
        matrix[upper] = vector
        return np.asarray(np.einsum("bi,bi->b", weights @ matrix, weights))

    b = reference - shift
    size, sum_b, sum_bb = total(np.ones_like(b)), total(b), total(b * b)
    draws = np.empty((len(layers), len(counts)))
    for out, layer in zip(draws, layers, strict=True):
        a = layer - layer.mean() if centre else layer
        sum_a, sum_aa, sum_ab = total(a), total(a * a), total(a * b)
        if centre:
            sum_ab = sum_ab - _over(sum_a * sum_b, size)
        out[:] = _over(sum_ab, np.sqrt(_spread(sum_aa, sum_a, size, centre) * _spread(sum_bb, sum_b, size, centre)))
    return draws


def ranked(layers: Array, reference: Array, counts: Array) -> Array:
    """Weighted Spearman correlation, from weighted mid-ranks.

    Parameters
    ----------
    layers : array (layer, pair)
        Upper triangles.
    reference : array (pair,)
        Upper triangle.
    counts : array (draw, n)
        How often each image stands in each sample.

    Returns
    -------
    array (layer, draw)
        Correlations; NaN where a sample leaves nothing to compare.

    Notes
    -----
    The mid-rank of a value is the weight of smaller values plus half the weight of equal ones, less the same mean
    (half the total weight) in every RDM. Values are sorted once; a sample costs a sum along the sorted pairs.
    """
    first, second = (ends.astype(np.int32) for ends in np.nonzero(~np.tri(counts.shape[1], dtype=bool)))
    sorted_layers = [_sorted(vector, first, second) for vector in layers]
    target = _sorted(reference, first, second)
    draws = np.empty((len(layers), len(counts)))
    b = np.empty(len(reference))
    for k, sample in enumerate(counts.astype(np.float64)):
        weights, ranks = _weighted_ranks(target, sample)
        b[target.order], spread = ranks, weights @ ranks**2
        for row, pairs in zip(draws, sorted_layers, strict=True):
            weights, ranks = _weighted_ranks(pairs, sample)
            weighted = weights * ranks
            row[k] = _over(weighted @ b[pairs.order], np.sqrt((weighted @ ranks) * spread))
    return draws


class _Sorted(NamedTuple):
    """Pairs in the order of their dissimilarity."""

    order: Array
    first: Array
    second: Array
    ties: Array
    """Sizes of groups of equal values; empty if all values differ."""


def _sorted(vector: Array, first: Array, second: Array) -> _Sorted:
    order = np.argsort(vector, kind="stable")
    starts = np.flatnonzero(np.diff(vector[order], prepend=np.nan) != 0)
    ties = np.diff(starts, append=len(vector)) if len(starts) < len(vector) else np.empty(0, dtype=int)
    return _Sorted(order, first[order], second[order], ties)


def _weighted_ranks(pairs: _Sorted, sample: Array) -> tuple[Array, Array]:
    """Weights and mid-ranks less their mean, both in the order of the dissimilarity."""
    weights = sample[pairs.first] * sample[pairs.second]
    below = np.cumsum(weights)
    half = below[-1] / 2
    if not len(pairs.ties):
        return weights, below - weights / 2 - half
    upto = below[np.cumsum(pairs.ties) - 1]
    middle = (upto + np.concatenate([[0.0], upto[:-1]])) / 2 - half
    return weights, np.repeat(middle, pairs.ties)


def _spread(squares: Array, sums: Array, size: Array, centre: bool) -> Array:
    """Weighted sum of squares, less the mean if asked; zero where only rounding is left."""
    left = squares - _over(sums**2, size) if centre else squares
    return np.where(left > FLAT * squares, left, 0.0)


def _over(numerator: Array, denominator: Array) -> Array:
    """Divide; NaN by zero."""
    safe = np.where(denominator > 0, denominator, np.nan)
    return np.asarray(numerator / safe)
