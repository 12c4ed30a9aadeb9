"""Pictures that stand on both sides of a split."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from memfeat.lowlevel import N_BITS

__all__ = ["DISTANCE", "across"]

Bits = npt.NDArray[np.bool_]
#: Bits in which hashes of near-duplicates differ at most. See `memfeat.lowlevel.perceptual_hash` for what that catches.
DISTANCE = 8
#: Rows compared at once with all of the other side.
BLOCK = 1024


def across(first: Bits, second: Bits, distance: int = DISTANCE) -> list[tuple[int, int, int]]:
    """Find pairs of pictures, one of each side, that look alike as they are or mirrored.

    Parameters
    ----------
    first : array (n, 2, 64) of bool
        Perceptual hashes of one side, and of its mirror images.
    second : array (m, 2, 64) of bool
        Those of the other side.
    distance : int
        Bits in which they differ at most.

    Returns
    -------
    list of (int, int, int)
        Row of the first, row of the second, and the bits in which they differ; the nearest pairs first.
    """
    return sorted(_pairs(first, second, distance), key=lambda pair: (pair[2], pair[0], pair[1]))


def _pairs(first: Bits, second: Bits, distance: int) -> Iterator[tuple[int, int, int]]:
    signs = _signs(second[:, 0])
    for start in range(0, len(first), BLOCK):
        block = first[start : start + BLOCK]
        # Bits that differ, from a product of signs: whole numbers up to 64, which float32 holds exactly.
        differing = np.minimum(*((N_BITS - _signs(block[:, side]) @ signs.T) / 2 for side in (0, 1)))
        for row, column in np.argwhere(differing <= distance):
            yield start + int(row), int(column), int(differing[row, column])


def _signs(bits: Bits) -> npt.NDArray[np.float32]:
    return bits.astype(np.float32) * 2 - 1
