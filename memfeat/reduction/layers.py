"""One layer as the methods read it: checked, some images at a time, with units matched by name."""

from collections.abc import Hashable, Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, finite, listed
from memfeat._labels import IMAGE, image_names
from memfeat.errors import ArgumentError, KindError

__all__ = ["average", "blocks", "called", "check_layer", "projected", "same_units", "whole"]

Array = npt.NDArray[np.float64]
#: Most bytes of features that are held as float64 at once.
BLOCK_BYTES = 2**28


def check_layer(layer: Any, argument: str = "layer") -> None:
    """Refuse what is not one layer of real numbers.

    Parameters
    ----------
    layer : object
        What the user gave.
    argument : str
        What the user calls it.

    Raises
    ------
    KindError
        If it is not one DataArray of real numbers.
    ArgumentError
        If images are not named, or there is nothing in it.
    """
    if isinstance(layer, xr.Dataset):
        remedy = f"Choose one: features[{next(map(str, layer.data_vars), 'fc')!r}]."
        raise KindError(advice(argument, "be one layer, a DataArray", listed("Dataset"), remedy))
    image_names(layer, argument)
    if layer.dtype.kind not in "iufb":
        raise KindError(advice(argument, "hold real numbers", listed(f"dtype {layer.dtype}")))
    if layer.ndim < 2 or not layer.size:
        raise ArgumentError(advice(argument, "hold images and features", listed(f"shape {layer.shape}")))


def blocks(layer: xr.DataArray) -> Iterator[tuple[slice, Array]]:
    """Read some images at a time.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy, with `image` first.

    Yields
    ------
    slice
        Which images.
    array (some, p)
        Their features in C order, float64.

    Raises
    ------
    ArgumentError
        If a value is NaN or infinite.
    """
    step = max(1, BLOCK_BYTES // 8 // prod(layer.shape[1:]))
    for start in range(0, layer.shape[0], step):
        part = slice(start, start + step)
        some = layer.isel({IMAGE: part})
        block = np.asarray(some.values, dtype=np.float64).reshape(len(some), -1)
        yield part, finite("layer", block, list(some[IMAGE].values), remedy="Drop or mend these images.")


def whole(layer: xr.DataArray) -> Array:
    """Read all images at once, for methods that cannot do with some at a time.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with `image` first.

    Returns
    -------
    array (n, p)
        Features in C order, float64.

    Raises
    ------
    ArgumentError
        If a value is NaN or infinite.
    """
    values = np.empty((layer.shape[0], prod(layer.shape[1:])))
    for part, block in blocks(layer):
        values[part] = block
    return values


def average(layer: xr.DataArray) -> Array:
    """Average over images, exact where all are alike.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with `image` first.

    Returns
    -------
    array (p,)
        The mean of each feature.
    """
    first = np.asarray(layer[0].values, dtype=np.float64).reshape(-1)
    total = np.zeros(len(first))
    for _, block in blocks(layer):
        total += (block - first).sum(axis=0)
    return np.asarray(first + total / layer.shape[0])


def projected(layer: xr.DataArray, weights: Array, mean: Array) -> Array:
    """Multiply centred features with weights.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with `image` first.
    weights : array (k, p)
        One row per component.
    mean : array (p,)
        What is subtracted first.

    Returns
    -------
    array (n, k)
        The products.
    """
    points = np.empty((layer.shape[0], len(weights)))
    for part, block in blocks(layer):
        points[part] = (block - mean) @ weights.T
    return points


def same_units(layer: xr.DataArray, wanted: xr.DataArray) -> xr.DataArray:
    """Bring the features of a layer into the order of a space, by the names of units where both have names.

    Parameters
    ----------
    layer : DataArray (image, ...)
        The layer.
    wanted : DataArray (...)
        Anything over the features of the space.

    Returns
    -------
    DataArray (image, ...)
        The layer, `image` first, then the dims of the space.

    Raises
    ------
    ArgumentError
        If dims, sizes or names of units differ.
    """
    mine, theirs = {dim: size for dim, size in layer.sizes.items() if dim != IMAGE}, dict(wanted.sizes)
    remedy = "Extract the same layer, with the same reduction, for these images."
    if mine != theirs:
        raise ArgumentError(advice("layer", f"have the features of space, {theirs}", mine, remedy))
    order = {
        dim: _places(layer[dim].values, wanted[dim].values, dim)
        for dim in theirs
        if dim in layer.coords and dim in wanted.coords
    }
    moved = {dim: places for dim, places in order.items() if (places != np.arange(len(places))).any()}
    return layer.isel(moved).transpose(IMAGE, *wanted.dims)


def _places(mine: npt.NDArray[Any], theirs: npt.NDArray[Any], dim: Hashable) -> npt.NDArray[np.intp]:
    """Find each unit of the space in the layer."""
    if np.array_equal(mine, theirs):
        return np.arange(len(theirs))
    position = {name: i for i, name in enumerate(mine.tolist())}
    names = theirs.tolist()
    missing = [name for name in names if name not in position]
    if missing or len(position) < len(mine) or len(set(names)) < len(names):
        remedy = "Extract the same layer, with the same reduction, for these images."
        found = listed(f"units that are not there: {listed.of(missing)}" if missing else "units of the same name")
        raise ArgumentError(advice("layer", f"have the features of space along {dim!r}", found, remedy))
    return np.array([position[name] for name in names], dtype=np.intp)


def called(layer: xr.DataArray) -> str:
    """Give the name of a layer.

    Parameters
    ----------
    layer : DataArray
        The layer.

    Returns
    -------
    str
        Its name, or "features".
    """
    return "features" if layer.name is None else str(layer.name)
