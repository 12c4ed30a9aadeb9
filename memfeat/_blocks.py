"""Features read some at a time, so that a layer on disk is never held whole."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, finite, listed
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError, KindError

__all__ = ["BLOCK_BYTES", "SLAB_BYTES", "Tick", "checked", "must_be_finite", "slabs"]

Tick = Callable[[int], object]
#: Most bytes of features that are held at once, as they come and as float64.
BLOCK_BYTES = 2**29
#: Most bytes of them as float64: memory that is used over and over costs less than memory that is taken anew.
SLAB_BYTES = 2**25


def checked(
    layer: xr.DataArray,
    *,
    lead: tuple[str, ...] = (IMAGE,),
    memory: int | None = None,
    tick: Tick | None = None,
) -> Iterator[npt.NDArray[Any]]:
    """Read a layer some features at a time, and see to it that all are finite.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy.
    lead : tuple of str
        Dims that stay rows, the last of which is `image`; all others are features.
    memory : int, optional
        Most bytes of features held at once; 512 MB unless told.
    tick : callable, optional
        Is told the number of features after each block.

    Yields
    ------
    array (n, width)
        Rows by features, in the number type of the layer and its own order; not to be written to.

    Raises
    ------
    KindError
        If the layer holds no real numbers.
    ArgumentError
        If it is empty, or a value is NaN or infinite.
    """
    names = layer[IMAGE].values
    for block in slabs(layer, lead, memory, tick):
        if block.dtype.kind == "f":
            must_be_finite(layer, block, np.tile(names, len(block) // len(names)))
        yield block


def slabs(
    layer: xr.DataArray, lead: tuple[str, ...], memory: int | None, tick: Tick | None
) -> Iterator[npt.NDArray[Any]]:
    """Read a layer some features at a time: as many as fit are read, and few of them at a time given out.

    Parameters
    ----------
    layer, lead, memory, tick : object
        As for :func:`checked`.

    Yields
    ------
    array (n, width)
        As from :func:`checked`, whether finite or not.

    Raises
    ------
    KindError, ArgumentError
        If the layer holds no real numbers, or nothing.
    """
    argument = _called(layer)
    if not layer.size:
        raise ArgumentError(advice(argument, "hold at least one image and one feature", listed(f"shape {layer.shape}")))
    if layer.dtype.kind not in "iufb":
        raise KindError(advice(argument, "hold real numbers", listed(f"dtype {layer.dtype}")))
    ordered = layer.transpose(*lead, ...)
    rows, room = prod(ordered.shape[: len(lead)]), BLOCK_BYTES if memory is None else memory
    width = max(1, min(SLAB_BYTES, room // 2) // (8 * rows))
    most = max(width, (room - 8 * rows * width) // (layer.dtype.itemsize * rows))
    step = _images_at_once(ordered, room)
    for part in _parts(ordered, most, len(lead)):
        values = _read(part, step).reshape(rows, -1)
        for start in range(0, values.shape[1], width):
            block = values[:, start : start + width]
            yield block
            if tick is not None:
                tick(block.shape[1])


def _images_at_once(layer: xr.DataArray, room: int) -> int:
    """Give the images whose chunks may be in memory beside what is read: some bytes of them, but one chunk at least.

    A store gives out no part of a chunk: all of it is decompressed, whatever is asked of it.
    """
    if layer.chunks is None:
        return layer.sizes[IMAGE]
    chunk = dict(zip(layer.dims, map(max, layer.chunks), strict=True))
    n_bytes = layer.dtype.itemsize * prod(chunk.values())
    return chunk[IMAGE] * max(1, room // 4 // n_bytes)


def _read(part: xr.DataArray, step: int) -> npt.NDArray[Any]:
    """Read some features of all images, some images at a time, into an array that is made once."""
    n = part.sizes[IMAGE]
    if step >= n:
        return np.asarray(part.values)
    values = np.empty(part.shape, dtype=part.dtype)
    before = (slice(None),) * part.dims.index(IMAGE)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        values[*before, rows] = part.isel({IMAGE: rows}).values
    return values


def _parts(layer: xr.DataArray, most: int, first: int) -> Iterator[xr.DataArray]:
    """Cut a layer along its feature dims, which follow the first few, so that no part has more than `most` features."""
    if prod(layer.shape[first:]) <= most:
        yield layer
        return
    dim, inner = layer.dims[first], prod(layer.shape[first + 1 :])
    step = max(1, most // inner)
    for start in range(0, layer.sizes[dim], step):
        part = layer.isel({dim: slice(start, start + step)})
        yield from _parts(part.isel({dim: 0}) if inner > most else part, most, first)


def _called(layer: xr.DataArray) -> str:
    return f"features[{str(layer.name)!r}]"


def must_be_finite(layer: xr.DataArray, block: npt.NDArray[Any], names: npt.NDArray[Any]) -> None:
    """Refuse what is not finite, by the names of its images.

    Parameters
    ----------
    layer : DataArray (image, ...)
        The layer.
    block : array (n, width)
        Some of its features.
    names : array (n,) of str
        The image of each row.

    Raises
    ------
    ArgumentError
        If a value is NaN or infinite.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        total = block.sum(axis=1, dtype=np.float64)
    if not np.isfinite(total).all():
        bad = [name for name, value in zip(names, total, strict=True) if not np.isfinite(value)]
        finite(_called(layer), np.full(len(set(bad)), np.nan), list(dict.fromkeys(bad)), remedy=REMEDY)


REMEDY = "Drop or mend these images."
