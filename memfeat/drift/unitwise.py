"""Each unit of a layer in two networks: how alike it answers to the same images."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, finite, listed
from memfeat._labels import IMAGE, stamped
from memfeat.drift.pairing import paired
from memfeat.errors import ArgumentError

__all__ = ["correlations", "units"]

Array = npt.NDArray[Any]
#: Most numbers of one layer that are held as float64 at once.
BLOCK = 2**24


def units(first: xr.Dataset | xr.DataArray, second: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Correlate each unit of a network with the same unit of another, over images.

    Parameters
    ----------
    first, second : Dataset or DataArray (image, ...)
        Features of the same images, one variable per layer, in memory or lazy. Layers are matched by name, units by
        their place in the layer.

    Returns
    -------
    Dataset (...)
        For each layer that both have, Pearson's r over images, in the feature dims of the layer; NaN for a unit that is
        the same for all images in one of the two. Attributes name both networks, and layers that only one of them has.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If images differ, no layer is in both, a layer has other units in the two, or a value is NaN or infinite.

    See Also
    --------
    compare : Their median and quantiles, beside measures of the whole layer.

    Examples
    --------
    >>> import xarray as xr
    >>> first = xr.DataArray([[1.0, 3.0], [2.0, 1.0], [3.0, 2.0]], dims=["image", "fc:unit"], name="fc")
    >>> first = first.assign_coords(image=["a", "b", "c"])
    >>> units(first, first * [2, -1])["fc"].values
    array([ 1., -1.])
    """
    pair = paired(first, second)
    found = {name: _labelled(pair.first[name], pair.second[name]) for name in pair.layers}
    result = xr.Dataset(found)
    return stamped(result, None, method="Pearson correlation of each unit over images", **pair.recorded)


def _labelled(first: xr.DataArray, second: xr.DataArray) -> xr.DataArray:
    dims = [dim for dim in first.dims if dim != IMAGE]
    values = correlations(first, second).reshape([first.sizes[dim] for dim in dims])
    coords = {name: coord for name, coord in first.coords.items() if set(coord.dims) <= set(dims) and coord.dims}
    return xr.DataArray(values, coords, dims, name=first.name)


def correlations(first: xr.DataArray, second: xr.DataArray) -> Array:
    """Correlate each unit of two layers over images.

    Parameters
    ----------
    first, second : DataArray (image, ...)
        A layer of both networks, images in the same order; read in blocks of units.

    Returns
    -------
    array (p,)
        Pearson's r in C order of the feature dims of the first; NaN for a unit that is constant in one of the two.

    Raises
    ------
    ArgumentError
        If the units are not the same, or a value is NaN or infinite.
    """
    one = first.transpose(IMAGE, ...)
    _check_same_units(one, second)
    other = second.transpose(*one.dims)
    return np.concatenate([_pearson(*block) for block in _blocks(one, other)])


def _pearson(first: Array, second: Array) -> Array:
    """Correlate columns; NaN for a column that does not vary."""
    varies = (np.ptp(first, axis=0) > 0) & (np.ptp(second, axis=0) > 0)
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)
    size = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    found = np.divide((x * y).sum(axis=0), size, out=np.full(len(size), np.nan), where=varies & (size > 0))
    return np.asarray(np.clip(found, -1, 1))


def _blocks(first: xr.DataArray, second: xr.DataArray) -> Iterator[tuple[Array, Array]]:
    """Yield the same units of both layers, images by units, in C order."""
    dim = first.dims[1]
    step = max(1, BLOCK // (first.sizes[IMAGE] * prod(first.shape[2:])))
    for start in range(0, first.sizes[dim], step):
        part = {dim: slice(start, start + step)}
        yield _numbers(first.isel(part), "first"), _numbers(second.isel(part), "second")


def _numbers(part: xr.DataArray, argument: str) -> Array:
    values = np.asarray(part.values, dtype=np.float64).reshape(part.sizes[IMAGE], -1)
    finite(f"{argument}[{str(part.name)!r}]", values, list(part[IMAGE].values), remedy="Drop or mend these images.")
    return values


def _check_same_units(first: xr.DataArray, second: xr.DataArray) -> None:
    """Refuse layers whose units cannot be matched."""
    mine, theirs = ({str(dim): size for dim, size in layer.sizes.items() if dim != IMAGE} for layer in (first, second))
    named = [dim for dim in mine if dim in first.coords and dim in second.coords and theirs.get(dim) == mine[dim]]
    other = [dim for dim in named if not np.array_equal(first[dim].values, second[dim].values)]
    if mine != theirs or other:
        remedy = "Extract both networks with the same layers and the same reduction."
        found = listed(f"units with other names along {other}") if other else theirs
        raise ArgumentError(advice(f"second[{str(first.name)!r}]", f"have the units of first, {mine}", found, remedy))
