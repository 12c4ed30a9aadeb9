"""How far two sets lie apart by all distances between their images: mean discrepancy under a kernel, tile by tile."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat.sets.features.exchanging import Contrast

__all__ = ["KERNELS", "Block", "Found", "discrepancies"]

Array = npt.NDArray[np.float64]


class Block(NamedTuple):
    """Squared distances of some images to some others; those off the diagonal stand for their mirror images too."""

    rows: slice
    columns: slice
    squares: Array


class Found(NamedTuple):
    """What one statistic is in each contrast."""

    estimate: Array
    """(contrast,), without the bias that comes of comparing an image with itself."""
    values: list[Array]
    """For each contrast (1 + permutation,), with it: what is tested, observed first."""


class _Kernel(NamedTuple):
    """A function of squared distances, in which σ may stand."""

    of: Callable[[Array, float], Array]
    itself: float
    """Its value at distance 0."""


def _rbf(squares: Array, width: float) -> Array:
    found = squares / (-2 * width**2)
    return np.exp(found, out=found)


def _distance(squares: Array, _: float) -> Array:
    found = np.sqrt(squares)
    return np.negative(found, out=found)


def _linear(squares: Array, _: float) -> Array:
    return squares / -2


#: statistic -> its kernel
KERNELS: dict[str, _Kernel] = {
    "mmd": _Kernel(_rbf, 1.0),
    "energy": _Kernel(_distance, 0.0),
    "mmd_linear": _Kernel(_linear, 0.0),
}


class _Sums(NamedTuple):
    """Sums of kernel values."""

    between: Array
    """(set, set), over every two images, an image with itself included."""
    values: list[Array]
    """For each contrast (1 + permutation,), Σ w w k."""


def discrepancies(
    blocks: Iterable[Block],
    number: npt.NDArray[np.int64],
    contrasts: Sequence[Contrast],
    statistics: Sequence[str],
    width: float,
) -> dict[str, Found]:
    """Compute squared mean discrepancies of every contrast, as they are and under all rearrangements at once.

    Parameters
    ----------
    blocks : iterable of Block
        All distances.
    number : array (n,) of int
        The set of each image.
    contrasts : sequence of Contrast
        Which sets are compared.
    statistics : sequence of str
        Keys of `KERNELS`.
    width : float
        σ of the kernel "mmd".

    Returns
    -------
    dict
        Statistic → what was found.
    """
    one_of = np.eye(int(number.max()) + 1)[number]
    start = {
        name: _Sums(np.zeros((one_of.shape[1],) * 2), [np.zeros(c.labels.shape[1]) for c in contrasts])
        for name in statistics
    }
    for block in blocks:
        for name, sums in start.items():
            _add(sums, KERNELS[name].of(block.squares, width), block, one_of, contrasts)
    return {name: _found(sums, KERNELS[name].itself, number, contrasts) for name, sums in start.items()}


def _add(sums: _Sums, values: Array, block: Block, one_of: Array, contrasts: Sequence[Contrast]) -> None:
    """Add the kernel values of one tile."""
    rows, columns = block.rows, block.columns
    part = one_of[rows].T @ values @ one_of[columns]
    is_diagonal = rows == columns
    sums.between[:] += part if is_diagonal else part + part.T
    for contrast, total in zip(contrasts, sums.values, strict=True):
        left, right = (_within(contrast, where) for where in (rows, columns))
        own = values
        if left.stop - left.start < len(values) or right.stop - right.start < values.shape[1]:
            own = values[np.ix_(contrast.members[left] - rows.start, contrast.members[right] - columns.start)]
        summed = np.einsum("ip,ip->p", contrast.weights(left), own @ contrast.weights(right))
        total += summed if is_diagonal else 2 * summed


def _within(contrast: Contrast, where: slice) -> slice:
    """Find the members that lie in a range of images."""
    return slice(*np.searchsorted(contrast.members, [where.start, where.stop]).tolist())


def _found(sums: _Sums, itself: float, number: npt.NDArray[np.int64], contrasts: Sequence[Contrast]) -> Found:
    n = np.bincount(number)
    within = (np.diagonal(sums.between) - n * itself) / (n * (n - 1))
    estimates = []
    for contrast in contrasts:
        first = number[contrast.members[contrast.labels[:, 0]][0]]
        second = number[contrast.members[~contrast.labels[:, 0]][0]]
        across = sums.between[first, second] / (n[first] * n[second])
        estimates.append(within[first] + within[second] - 2 * across)
    return Found(np.array(estimates), sums.values)
