"""Pairs of images: the upper triangle of a matrix, row by row, without the diagonal."""

from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PAIR", "ends", "filled", "laid_out", "n_images", "place", "upper"]

Array = npt.NDArray[Any]
PAIR = "pair"


def ends(n: int) -> tuple[Array, Array]:
    """Give the two images of each pair.

    Parameters
    ----------
    n : int
        Number of images.

    Returns
    -------
    array (pair,), array (pair,)
        Positions of the first and of the second.
    """
    first, second = np.nonzero(~np.tri(n, dtype=bool))
    return first, second


def place(first: Array, second: Array, n: int) -> Array:
    """Find pairs in the upper triangle.

    Parameters
    ----------
    first, second : array (k,) of int
        Positions of both images, in either order.
    n : int
        Number of images.

    Returns
    -------
    array (k,) of int
        Where each pair stands.
    """
    low, high = np.minimum(first, second).astype(np.int64), np.maximum(first, second).astype(np.int64)
    return np.asarray(low * n - low * (low + 1) // 2 + high - low - 1)


def n_images(n_pairs: int) -> int:
    """Give the number of images that have so many pairs.

    Parameters
    ----------
    n_pairs : int
        n (n − 1) / 2.

    Returns
    -------
    int
        n.
    """
    return (1 + isqrt(1 + 8 * n_pairs)) // 2


def upper(matrix: Array) -> Array:
    """Take the upper triangle of a square matrix.

    Parameters
    ----------
    matrix : array (n, n)
        The matrix.

    Returns
    -------
    array (pair,)
        Its entries.
    """
    return np.asarray(matrix[~np.tri(len(matrix), dtype=bool)])


def laid_out(vector: Array, n: int) -> Array:
    """Lay an upper triangle out as a matrix, zeros elsewhere.

    Parameters
    ----------
    vector : array (..., pair)
        The upper triangle.
    n : int
        Number of images.

    Returns
    -------
    array (..., n, n)
        The matrix.
    """
    matrix = np.zeros((*vector.shape[:-1], n, n), dtype=vector.dtype)
    start = 0
    # copied row by row: a mask would be turned into two positions of each pair first
    for i in range(n - 1):
        stop = start + n - 1 - i
        matrix[..., i, i + 1 :] = vector[..., start:stop]
        start = stop
    return matrix


def filled(vector: Array, n: int) -> Array:
    """Lay an upper triangle out as a symmetric matrix with a diagonal of zeros.

    Parameters
    ----------
    vector : array (..., pair)
        The upper triangle.
    n : int
        Number of images.

    Returns
    -------
    array (..., n, n)
        The matrix.
    """
    matrix = laid_out(vector, n)
    matrix += np.swapaxes(matrix, -1, -2)
    return matrix
