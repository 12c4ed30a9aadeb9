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
    "moments",
    "over",
    "quiet",
    "ranked",
    "ranks_of",
    "ratio",
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
    size = total(np.ones(vectors.shape[1]), weights)
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
    are sorted once; a sample costs one running sum along the sorted pairs of each RDM.
    """
    agree = agreement or ratio
    first, second = ends(counts.shape[1])
    in_order = {k: sorted_pairs(vectors[k]) for pair in pairs for k in pair}
    held = {k: np.empty(vectors.shape[1]) for k in sorted({j for _, j in pairs})}
    partners = [(i, [(row, j) for row, (k, j) in enumerate(pairs) if k == i]) for i in dict(pairs)]
    scratch = np.empty((3, vectors.shape[1]))  # memory that is taken anew for every sample costs more than the sums
    draws = np.empty((len(pairs), len(counts)))
    for place, sample in enumerate(counts.astype(np.float64)):
        weights = sample.take(first, mode="clip") * sample.take(second, mode="clip")
        size, root = float(weights.sum()), np.sqrt(weights)
        spread = {k: ranks_of(in_order[k], weights, scratch, out=held[k]) for k in held}
        for ranks in held.values():
            ranks *= root
        for i, others in partners:
            mine = held.get(i, scratch[2])
            if i not in held:
                spread[i] = ranks_of(in_order[i], weights, scratch, out=mine)
                mine *= root
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
    starts: Array
    """Where each group of equal values starts; empty if all values differ."""


def sorted_pairs(vector: Array) -> Sorted:
    """Sort pairs by dissimilarity, and find groups of equal values."""
    order = np.argsort(vector, kind="stable")
    starts = np.flatnonzero(np.diff(vector[order], prepend=np.nan) != 0)
    return Sorted(order, starts if len(starts) < len(vector) else np.empty(0, dtype=int))


def ranks_of(pairs: Sorted, weights: Array, scratch: Array, *, out: Array) -> float:
    """Write centred weighted mid-ranks into `out`, in the order of pairs, and give their weighted sum of squares.

    The first two rows of `scratch` are overwritten.
    """
    weights.take(pairs.order, out=scratch[0], mode="clip")
    size = np.asarray(np.add.reduceat(scratch[0], pairs.starts)) if len(pairs.starts) else scratch[0]
    middle = np.cumsum(size, out=scratch[1, : len(size)])
    whole = float(middle[-1])
    cubes = float((size * size) @ size)
    size *= 0.5
    middle -= size
    middle -= whole / 2
    out[pairs.order] = np.repeat(middle, np.diff(pairs.starts, append=len(out))) if len(pairs.starts) else middle
    left = whole**3 - cubes
    return left / 12 if left > FLAT * whole**3 else 0.0


def over(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Array:
    """Divide; NaN by zero."""
    below = np.asarray(denominator)
    return np.asarray(numerator / np.where(below > 0, below, np.nan))


def _spread(squares: Array, sums: Array, size: Array, centre: bool) -> Array:
    """Weighted sum of squares, less the mean if asked; zero where only rounding is left."""
    left = squares - over(sums**2, size) if centre else squares
    return np.where(left > FLAT * squares, left, 0.0)
