"""Similarity of RDMs in bootstrap samples of images, by weights: no sample is ever written out.

An image that stands cᵢ times gives a pair of different images the weight cᵢcⱼ; pairs of an image with itself have none.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat._pairs import ends, laid_out

__all__ = [
    "FLAT",
    "Pairs",
    "Tick",
    "middle",
    "moments",
    "over",
    "quiet",
    "ranked",
    "ranks_of",
    "ratio",
    "size_of",
    "sorted_pairs",
    "total",
    "untied",
]

Array = npt.NDArray[Any]
#: Which vectors are compared with which, by their positions.
Pairs = list[tuple[int, int]]
#: Told how many samples are done.
Tick = Callable[[int], object]
#: A variance that is a smaller share than this of the sum of squares is rounding: all dissimilarities are equal.
FLAT = 1e-12
#: The upper triangle is multiplied in at most this many stripes of rows, each from its first diagonal entry on.
STRIPES = 8


def quiet(_: int) -> None:
    """Tell nobody."""


def moments(vectors: Array, pairs: Pairs, counts: Array, *, centre: bool, tick: Tick = quiet) -> Array:
    """Weighted cosine or Pearson correlation, from quadratic forms in the counts.

    Parameters
    ----------
    vectors : array (vector, pair)
        Upper triangles.
    pairs : list of (int, int)
        Which of them are compared.
    counts : array (draw, n)
        How often each image stands in each sample.
    centre : bool
        Whether the weighted means are subtracted first.
    tick : callable
        Told how many samples are done.

    Returns
    -------
    array (compared, draw)
        Similarities; NaN where a sample leaves nothing to compare.

    Notes
    -----
    With A the matrix of a RDM and c the counts, the weighted sum over pairs is Σᵢ<ⱼ cᵢcⱼaᵢⱼ, a quadratic form; those of
    a, b, a², b² and ab give the correlation. All samples are done at once by one matrix product per form.
    """
    weights = counts.astype(np.float64)
    used = sorted({k for pair in pairs for k in pair})
    shifted = {k: vectors[k] - vectors[k].mean() if centre else vectors[k] for k in used}
    squares = {k: total(shifted[k] * shifted[k], weights) for k in used}
    size = size_of(weights)
    sums = {k: total(shifted[k], weights) if centre else np.zeros(len(weights)) for k in used}
    spread = {k: _spread(squares[k], sums[k], size, centre) for k in used}
    draws = np.empty((len(pairs), len(counts)))
    for out, (i, j) in zip(draws, pairs, strict=True):
        product = squares[i] if i == j else total(shifted[i] * shifted[j], weights)
        out[:] = over(product - over(sums[i] * sums[j], size), np.sqrt(spread[i] * spread[j]))
    tick(len(counts))
    return draws


def total(vector: Array, weights: Array) -> Array:
    """Sum dissimilarities over pairs of images, weighted by the product of the images' weights.

    Parameters
    ----------
    vector : array (pair,)
        Upper triangle.
    weights : array (draw, n)
        Weights of images in each sample.

    Returns
    -------
    array (draw,)
        Σᵢ<ⱼ wᵢwⱼaᵢⱼ.
    """
    n = weights.shape[1]
    matrix, out = laid_out(vector, n), np.zeros(len(weights))
    for a, b in pairwise(np.linspace(0, n, min(STRIPES, 1 + n // 64) + 1).astype(int)):
        out += np.einsum("bi,bi->b", weights[:, a:] @ matrix[a:b, a:].T, weights[:, a:b])
    return out


def size_of(weights: Array) -> Array:
    """Sum the weights of all pairs of different images.

    Parameters
    ----------
    weights : array (..., n)
        Weights of images in each sample.

    Returns
    -------
    array (...)
        Σᵢ<ⱼ wᵢwⱼ = ((Σ w)² − Σ w²) / 2.
    """
    return np.asarray((weights.sum(axis=-1) ** 2 - np.square(weights).sum(axis=-1)) / 2)


def ranked(
    vectors: Array, pairs: Pairs, counts: Array, *, agreement: Callable[..., float] | None = None, tick: Tick = quiet
) -> Array:
    """Weighted Spearman correlation, from weighted mid-ranks.

    Parameters
    ----------
    vectors : array (vector, pair)
        Upper triangles.
    pairs : list of (int, int)
        Which of them are compared.
    counts : array (draw, n)
        How often each image stands in each sample.
    agreement : callable, optional
        (sum of products, both sums of squares, sum of weights) → similarity; the correlation by default.
    tick : callable
        Told how many samples are done.

    Returns
    -------
    array (compared, draw)
        Similarities; NaN where a sample leaves nothing to compare.

    Notes
    -----
    The mid-rank of a value is the weight of smaller values plus half the weight of equal ones. With W the total weight
    and t the weights of groups of equal values, its weighted sum of squares about the mean is (W³ − Σ t³) / 12. Values
    are sorted once; a sample costs one running sum along those sorted pairs of each RDM that it has.
    """
    agree = agreement or ratio
    first, second = ends(counts.shape[1])
    in_order = {k: sorted_pairs(vectors[k]) for pair in pairs for k in pair}
    held = {k: np.empty(vectors.shape[1]) for k in sorted({j for _, j in pairs})}
    partners = [(i, [(row, j) for row, (k, j) in enumerate(pairs) if k == i]) for i in dict(pairs)]
    spare = np.empty(vectors.shape[1])
    draws = np.empty((len(pairs), len(counts)))
    for place, sample in enumerate(counts.astype(np.float64)):
        weights = sample.take(first, mode="clip") * sample.take(second, mode="clip")
        size, there = float(weights.sum()), weights > 0
        spread = {k: _rooted(in_order[k], weights, there, out=held[k]) for k in held}
        for i, others in partners:
            mine = held.get(i, spare)
            if i not in held:
                spread[i] = _rooted(in_order[i], weights, there, out=mine)
            for row, j in others:
                draws[row, place] = agree(float(mine @ held[j]), spread[i], spread[j], size)
        tick(1)
    return draws


def ratio(product: float, first: float, second: float, _: float = 0.0) -> float:
    """Scale a sum of products by both sums of squares; NaN if there is nothing to scale by."""
    return product / float(np.sqrt(first * second)) if first > 0 and second > 0 else np.nan


def untied(product: float, first: float, second: float, size: float) -> float:
    """Scale a sum of products of ranks as if there were no ties; NaN if there is nothing but ties."""
    return 12 * product / (size**3 - size) if first > 0 and second > 0 else np.nan


class Sorted(NamedTuple):
    """Pairs in the order of their dissimilarity."""

    order: Array
    groups: Array
    """Number of the group of equal values that each is in, ascending; empty if all values differ."""


def sorted_pairs(vector: Array) -> Sorted:
    """Sort pairs by dissimilarity, and number groups of equal values."""
    order = np.argsort(vector)
    groups = np.cumsum(np.diff(vector[order], prepend=np.nan) != 0)
    return Sorted(order, groups if groups[-1] < len(vector) else np.empty(0, dtype=int))


def ranks_of(pairs: Sorted, weights: Array, there: Array) -> tuple[Array, Array, Array, float]:
    """Rank the pairs that a sample has.

    Parameters
    ----------
    pairs : Sorted
        All pairs, sorted.
    weights : array (pair,)
        How often each stands in the sample.
    there : array (pair,) of bool
        Which have any weight.

    Returns
    -------
    array (k,) of int
        Those pairs, in ascending order of dissimilarity.
    array (k,)
        Their weights.
    array (k,)
        Their centred weighted mid-ranks.
    float
        The weighted sum of squares of these; 0 where only rounding is left.
    """
    kept = there.take(pairs.order, mode="clip")
    where = pairs.order[kept]
    own = weights.take(where, mode="clip")
    last = np.flatnonzero(np.diff(pairs.groups[kept], append=-1)) if len(pairs.groups) else None
    return where, own, *middle(own, last)


def middle(weights: Array, last: Array | None = None) -> tuple[Array, float]:
    """Give mid-ranks to what is sorted.

    Parameters
    ----------
    weights : array (k,)
        How often each stands in the sample, smallest value first.
    last : array (groups,) of int, optional
        Where each group of equal values ends; all differ by default.

    Returns
    -------
    array (k,)
        Centred weighted mid-ranks: whole or half numbers, so that equal sums of them are equal to the bit.
    float
        Their weighted sum of squares; 0 where only rounding is left.
    """
    below = np.cumsum(weights, dtype=np.float64)
    below = below if last is None else below[last]
    size = weights.astype(np.float64, copy=False) if last is None else np.diff(below, prepend=0.0)
    whole = float(below[-1]) if len(below) else 0.0
    left = whole**3 - float((size * size) @ size)
    below -= (size + whole) / 2
    spread = left / 12 if left > FLAT * whole**3 else 0.0
    return below if last is None else np.repeat(below, np.diff(last, prepend=-1)), spread


def _rooted(pairs: Sorted, weights: Array, there: Array, *, out: Array) -> float:
    """Write ranks times the roots of their weights into `out`, and give the weighted sum of squares of the ranks."""
    where, own, ranks, spread = ranks_of(pairs, weights, there)
    ranks *= np.sqrt(own)
    out.fill(0)
    out[where] = ranks
    return spread


def over(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Array:
    """Divide; NaN by zero."""
    below = np.asarray(denominator)
    return np.asarray(numerator / np.where(below > 0, below, np.nan))


def _spread(squares: Array, sums: Array, size: Array, centre: bool) -> Array:
    """Weighted sum of squares, less the mean if asked; zero where only rounding is left."""
    left = squares - over(sums**2, size) if centre else squares
    return np.where(left > FLAT * squares, left, 0.0)
