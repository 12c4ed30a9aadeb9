"""Products of many images a tile at a time, so that no n × n matrix is ever held whole."""

from collections.abc import Iterator
from itertools import pairwise
from math import isqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import _blocks
from memfeat._labels import IMAGE

__all__ = ["MEMORY", "Tile", "n_tiles", "tiles"]

Array = npt.NDArray[np.float64]
#: Most bytes that are held at once besides the features that the user holds: 1 GiB.
MEMORY = 2**30
#: Arrays as large as a tile that are alive together: products, distances, a kernel and what comes of it.
ALIVE = 6


class Tile(NamedTuple):
    """Some images against some others, or against themselves."""

    rows: slice
    columns: slice
    products: Array
    """(r, c), inner products."""
    squares: tuple[Array, Array]
    """(r,) and (c,), product of each image with itself."""
    sums: tuple[Array, Array]
    """(r,) and (c,), sum of each image's features."""
    width: int
    """Number of features."""

    @property
    def is_diagonal(self) -> bool:
        """Whether rows and columns are the same images."""
        return self.rows == self.columns

    def squared_distances(self) -> Array:
        """Give squared Euclidean distances (r, c), in the place of the products."""
        found = self.products
        found *= -2
        found += self.squares[0][:, None]
        found += self.squares[1]
        np.maximum(found, 0, out=found)
        if self.is_diagonal:
            np.fill_diagonal(found, 0.0)
        return found


def _parts(n: int, memory: int) -> list[slice]:
    side = max(1, isqrt(memory // (8 * ALIVE)))
    # parts of the same size, so that the last one is not a sliver
    number = -(-n // side)
    edges = np.linspace(0, n, number + 1).round().astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(edges)]


def n_tiles(n: int, memory: int | None = None) -> int:
    """Count the tiles of the upper triangle.

    Parameters
    ----------
    n : int
        How many images.
    memory : int, optional
        Most bytes held at once; `MEMORY` unless told.

    Returns
    -------
    int
        How many tiles.
    """
    k = len(_parts(n, MEMORY if memory is None else memory))
    return k * (k + 1) // 2


def tiles(layer: xr.DataArray, *, centred: bool, memory: int | None = None) -> Iterator[Tile]:
    """Go through the products of every two images, upper triangle only.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy; features of two parts of the images are read for each tile.
    centred : bool
        Whether features are taken less their mean over the images of the tile, which changes no distance and keeps
        its digits.
    memory : int, optional
        Most bytes held at once; `MEMORY` unless told.

    Yields
    ------
    Tile
        One tile; those off the diagonal stand for their mirror images too.

    Raises
    ------
    ArgumentError
        If a value is NaN or infinite.
    """
    room = MEMORY if memory is None else memory
    parts = _parts(layer.sizes[IMAGE], room)
    for i, rows in enumerate(parts):
        for columns in parts[i:]:
            yield _tile(layer, rows, columns, centred, room // 4)


def _tile(layer: xr.DataArray, rows: slice, columns: slice, centred: bool, memory: int) -> Tile:
    r, c = rows.stop - rows.start, columns.stop - columns.start
    is_diagonal = rows == columns
    some = np.r_[rows] if is_diagonal else np.r_[rows, columns]
    products, squares, sums, width = np.zeros((r, c)), np.zeros(len(some)), np.zeros(len(some)), 0
    for raw in _blocks.checked(layer.isel({IMAGE: some}), memory=memory):
        block = raw.astype(np.float64)
        if centred:
            block -= block.mean(axis=0)
        products += block[:r] @ block[len(some) - c :].T
        squares += np.einsum("ij,ij->i", block, block)
        sums += block.sum(axis=1)
        width += block.shape[1]
    start = len(some) - c
    return Tile(rows, columns, products, (squares[:r], squares[start:]), (sums[:r], sums[start:]), width)
