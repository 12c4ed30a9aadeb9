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
    The mid-rank of a value is the weight of smaller values plus half the weight of equal ones. With W the total weight
    and t the weights of groups of equal values, its weighted sum of squares about the mean is (W³ − Σ t³) / 12. Values
    are sorted once; a sample costs one running sum along the sorted pairs of each RDM.
    """
    first, second = np.nonzero(~np.tri(counts.shape[1], dtype=bool))
    sorted_layers, target = [_sorted(vector) for vector in layers], _sorted(reference)
    draws = np.empty((len(layers), len(counts)))
    scratch = np.empty((3, len(reference)))  # memory that is taken anew for every sample costs more than the sums
    for k, sample in enumerate(counts.astype(np.float64)):
        weights = sample.take(first, mode="clip") * sample.take(second, mode="clip")
        moments, spread = _moments(target, weights, scratch)
        for row, pairs in zip(draws, sorted_layers, strict=True):
            size = _by_value(pairs, weights, scratch[0])
            moment = _by_value(pairs, moments, scratch[1])
            below = np.cumsum(size, out=scratch[2, : len(size)])
            product = moment @ below - moment @ size / 2
            row[k] = _over(product, np.sqrt(_rank_spread(size, scratch[2]) * spread))
    return draws


class _Sorted(NamedTuple):
    """Pairs in the order of their dissimilarity."""

    order: Array
    starts: Array
    """Where each group of equal values starts; empty if all values differ."""


def _sorted(vector: Array) -> _Sorted:
    order = np.argsort(vector, kind="stable")
    starts = np.flatnonzero(np.diff(vector[order], prepend=np.nan) != 0)
    return _Sorted(order, starts if len(starts) < len(vector) else np.empty(0, dtype=int))


def _by_value(pairs: _Sorted, values: Array, out: Array) -> Array:
    """Sum over pairs of equal dissimilarity, from small to large; `out` is overwritten."""
    values.take(pairs.order, out=out, mode="clip")
    return np.asarray(np.add.reduceat(out, pairs.starts)) if len(pairs.starts) else out


def _moments(pairs: _Sorted, weights: Array, scratch: Array) -> tuple[Array, float]:
    """Weights times centred mid-ranks, in the order of pairs, and the weighted sum of squares of the ranks."""
    size = _by_value(pairs, weights, scratch[0])
    middle = np.cumsum(size) - size / 2 - size.sum() / 2
    repeats = np.diff(pairs.starts, append=len(weights)) if len(pairs.starts) else 1
    ranks = np.empty_like(weights)
    ranks[pairs.order] = np.repeat(middle, repeats)
    return ranks * weights, _rank_spread(size, scratch[2])


def _rank_spread(size: Array, scratch: Array) -> float:
    """Weighted sum of squares of mid-ranks about their mean, from the weights of equal values."""
    cubes = np.multiply(size, size, out=scratch[: len(size)]) @ size
    whole = size.sum() ** 3
    return float(whole - cubes) / 12 if whole - cubes > FLAT * whole else 0.0


def _spread(squares: Array, sums: Array, size: Array, centre: bool) -> Array:
    """Weighted sum of squares, less the mean if asked; zero where only rounding is left."""
    left = squares - _over(sums**2, size) if centre else squares
    return np.where(left > FLAT * squares, left, 0.0)


def _over(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Array:
    """Divide; NaN by zero."""
    below = np.asarray(denominator)
    return np.asarray(numerator / np.where(below > 0, below, np.nan))
