"""Similarity of two RDMs as a product of scaled vectors, so that one matrix product serves many permutations."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from memfeat.rsa.resampling import moments, ranked

__all__ = ["METHODS", "Method", "permuted"]

Array = npt.NDArray[Any]
#: Most bytes of permuted references held at once.
BLOCK_BYTES = 2**27
#: The upper triangle is cut into at most this many stripes of rows, each a rectangle from its first diagonal entry on.
STRIPES = 8


class Method(NamedTuple):
    """One way to compare RDMs."""

    scaled: Callable[[Array], Array]
    """Upper triangle → vector of length 1; NaN if the similarity is not defined."""
    resampled: Callable[[Array, Array, Array], Array]
    """(layers, reference, counts of images) → similarities (layer, draw)."""


def permuted(data: Array, target: Array, rows: Array) -> Array:
    """Compare all layers with the reference under each rearrangement of its images.

    Parameters
    ----------
    data : array (layer, pair)
        Scaled upper triangles.
    target : array (pair,)
        The scaled reference.
    rows : array (permutation, n)
        Which image of the reference takes each image's place.

    Returns
    -------
    array (layer, permutation)
        Similarities.

    Notes
    -----
    The rearranged reference is read in a few rectangles that cover the upper triangle; what they hold below it, and the
    diagonal, meets zeros in the data. That avoids picking single pairs, which costs more than all the rest.
    """
    n = rows.shape[1]
    spans = list(pairwise(np.linspace(0, n, min(STRIPES, 1 + n // 64) + 1).astype(int)))
    padded = np.stack([np.concatenate([_square(vector, n)[a:b, a:].ravel() for a, b in spans]) for vector in data])
    matrix = _square(target, n)
    matrix += matrix.T
    moved = np.empty((max(1, BLOCK_BYTES // (8 * padded.shape[1])), padded.shape[1]))
    null = np.empty((len(data), len(rows)))
    for start in range(0, len(rows), len(moved)):
        block = rows[start : start + len(moved)].astype(np.intp)
        for out, row in zip(moved, block, strict=False):
            _rearrange(matrix, row, spans, out)
        null[:, start : start + len(block)] = padded @ moved[: len(block)].T
    return null


def _rearrange(matrix: Array, row: Array, spans: list[tuple[int, int]], out: Array) -> None:
    """Read the rearranged matrix, rectangle by rectangle."""
    start, n = 0, len(row)
    for a, b in spans:
        stop = start + (b - a) * (n - a)
        matrix.take(row[a:b], axis=0).take(row[a:], axis=1, out=out[start:stop].reshape(b - a, n - a), mode="clip")
        start = stop


def _square(vector: Array, n: int) -> Array:
    """Lay an upper triangle out as a matrix, zeros elsewhere."""
    matrix = np.zeros((n, n))
    matrix[~np.tri(n, dtype=bool)] = vector
    return matrix


def _unit(vector: Array) -> Array:
    """Scale to length 1; NaN if there is no length."""
    length = np.sqrt(vector @ vector)
    return vector / length if length > 0 else np.full(len(vector), np.nan)


def _centred(vector: Array) -> Array:
    """Subtract the mean and scale; NaN if all entries are equal."""
    return _unit(vector - vector.mean()) if np.ptp(vector) > 0 else np.full(len(vector), np.nan)


def _mid_ranks(vector: Array) -> Array:
    return _centred(rankdata(vector))


METHODS: dict[str, Method] = {
    "spearman": Method(_mid_ranks, ranked),
    "pearson": Method(_centred, lambda layers, reference, counts: moments(layers, reference, counts, centre=True)),
    "cosine": Method(_unit, lambda layers, reference, counts: moments(layers, reference, counts, centre=False)),
}
