"""Which images activate a unit most and least, from features that were extracted."""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import guards
from memfeat._blocks import BLOCK_BYTES, must_be_finite
from memfeat._check import advice, count, listed, looked_up, one_of
from memfeat._kept.axes import CHANNEL, SPACE
from memfeat._labels import IMAGE, as_features, dimension, image_names, layer_names, stamped
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError, UnknownNameError

__all__ = ["ENDS", "top_images"]

Array = npt.NDArray[Any]
#: The two ends of the order.
ENDS = ("most", "least")
#: How the places of a map become one number: values (n, u, places) to (n, u).
POOLS: dict[str, Callable[[Array], Array]] = {
    "max": lambda values: values.max(axis=2),
    "mean": lambda values: values.mean(axis=2, dtype=np.float64),
}
#: What counts units, in the order in which it is looked for; all else is a place.
COUNTING = (CHANNEL, "component", "unit", "statistic")


def top_images(
    features: xr.Dataset | xr.DataArray,
    units: Any,
    *,
    layer: str | None = None,
    k: int = 9,
    pool: str = "max",
) -> xr.Dataset:
    """Find the images that activate units most and least.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        From `mf.extract` or `mf.features`; a lazy layer is read some images at a time.
    units : int, str or sequence of these
        Units by position among the layer's channels, or by name where they have names.
    layer : str, optional
        Which layer; needed when there is more than one.
    k : int
        How many images at each end.
    pool : {"max", "mean"}
        How the places of a map become one number. Has no meaning for features that are pooled already.

    Returns
    -------
    Dataset (unit, end, rank)
        `name` of the image and `value` of the unit for it, for both ends ("most", "least"), the most extreme first
        (rank 1). Equal values are in the order of the images' names. For maps also `y` and `x`: the place where the
        unit is strongest in that image, the first if there are several.

    Raises
    ------
    KindError
        If these are no features, or `k` or a unit is of the wrong kind.
    UnknownNameError
        If there is no such layer or unit name.
    ArgumentError
        If there is no such position, fewer images than `k`, no layer is said, or a value is NaN or infinite.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network.

    See Also
    --------
    crops : What the strongest place of each image sees.
    maximise : A picture made for a unit.

    Examples
    --------
    >>> import pandas as pd
    >>> from memfeat.features import from_table
    >>> table = pd.DataFrame({"image": ["a", "b", "c"], "faces": [1.0, 3.0, 1.0]})
    >>> found = top_images(from_table(table), "faces", k=2)
    >>> found["name"].sel(unit="faces", end="least").values.tolist()
    ['a', 'c']
    """
    one = _one_layer(as_features(features), layer)
    dim = _counting(one)
    labels, positions = _found(one, dim, units)
    names = image_names(one, "features").astype(str)
    if count("k", k) > len(names):
        raise ArgumentError(advice("k", f"be at most the number of images, {len(names)}", k))
    chosen = one.isel({dim: positions}).transpose(IMAGE, dim, ...)
    values, places = _pooled(chosen, POOLS[one_of("pool", pool, POOLS)])
    cautions = guards.analysis(features)
    order = np.stack([_order(values, names, end)[:k] for end in ENDS], axis=1)  # (rank, end, unit)
    result = _labelled(order.transpose(2, 1, 0), names, values, labels)
    if chosen.ndim > 2:
        result = result.assign(_strongest(chosen, places, order.transpose(2, 1, 0)))
    facts = {"layer": str(one.name), "k": k, "pool": pool if chosen.ndim > 2 else None, "n_images": len(names)}
    return stamped(result, one.attrs, method="images that activate units most and least", **facts, **cautions)


def _one_layer(features: xr.Dataset, layer: str | None) -> xr.DataArray:
    names = layer_names(features)
    if layer is None and len(names) > 1:
        remedy = "Pass layer=, one of mf.features or of the Dataset's variables."
        raise ArgumentError(advice("layer", "be said when there is more than one", listed.of(names), remedy))
    return features[names[0] if layer is None else looked_up("layer", layer, names)]


def _counting(layer: xr.DataArray) -> str:
    """Find the dim that counts units."""
    dims = [str(dim) for dim in layer.dims if dim != IMAGE]
    known = [dimension(str(layer.name), axis) for axis in COUNTING]
    fits = [dim for dim in known if dim in dims] or (dims if len(dims) == 1 else [])
    if not fits:
        remedy = f"Call it {known[0]!r}: layer.rename({{…}})."
        raise ArgumentError(advice("features", "have a dim that counts units", listed(f"dims {dims}"), remedy))
    return fits[0]


def _found(layer: xr.DataArray, dim: str, units: Any) -> tuple[list[Any], list[int]]:
    """Give units as they go into the result, and their positions."""
    several = isinstance(units, Sequence | np.ndarray) and not isinstance(units, str)
    wanted = list(units) if several else [units]
    if not wanted or len(set(wanted)) < len(wanted):
        raise ArgumentError(advice("units", "name one unit or more, each once", units))
    known = [str(name) for name in layer[dim].values] if dim in layer.coords else []
    return wanted, [_position(unit, known, layer.sizes[dim], str(layer.name)) for unit in wanted]


def _position(unit: Any, known: list[str], n_units: int, layer: str) -> int:
    if isinstance(unit, str):
        if not known:
            remedy = f"Pass a number from 0 to {n_units - 1}."
            raise UnknownNameError(advice("units", f"be numbers, as units of {layer!r} have no names", unit, remedy))
        return known.index(looked_up("units", unit, known))
    if isinstance(unit, bool) or not isinstance(unit, int | np.integer):
        raise KindError(advice("units", "be whole numbers or names", unit))
    if not 0 <= unit < n_units:
        raise ArgumentError(advice("units", f"lie from 0 to {n_units - 1} in layer {layer!r}", int(unit)))
    return int(unit)


def _pooled(layer: xr.DataArray, pool: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Read some images at a time: one number (n, u) for each unit, and its strongest place, flat (n, u)."""
    values, places = zip(*((pool(block), block.argmax(axis=2)) for block in _blocks(layer)), strict=True)
    return np.concatenate(values), np.concatenate(places)


def _blocks(layer: xr.DataArray) -> Iterator[Array]:
    n, inner = layer.sizes[IMAGE], prod(layer.shape[1:])
    step = max(1, BLOCK_BYTES // (layer.dtype.itemsize * max(inner, 1)))
    for start in range(0, n, step):
        part = layer.isel({IMAGE: slice(start, start + step)})
        block = np.asarray(part.values)
        must_be_finite(part, block.reshape(len(block), -1), part[IMAGE].values)
        yield block.reshape(*block.shape[:2], -1)


def _order(values: Array, names: Array, end: str) -> Array:
    """Put images in order, unit by unit: (n, u); ties by name at both ends."""
    signed = -values if end == ENDS[0] else values
    return np.stack([np.lexsort((names, column)) for column in signed.T], axis=1)


def _labelled(order: Array, names: Array, values: Array, labels: list[Any]) -> xr.Dataset:
    dims = ("unit", "end", "rank")
    unit = texts(labels) if any(isinstance(label, str) for label in labels) else np.array(labels)
    found = values[order, np.arange(len(labels))[:, None, None]]
    coords = {"unit": unit, "end": texts(ENDS), "rank": np.arange(1, order.shape[2] + 1)}
    return xr.Dataset({"name": (dims, names.astype(object)[order]), "value": (dims, found)}, coords)


def _strongest(layer: xr.DataArray, places: Array, order: Array) -> dict[str, Any]:
    """Name the strongest places; of other layouts than maps there is nothing to say."""
    if layer.dims[2:] != tuple(dimension(str(layer.name), axis) for axis in SPACE):
        return {}
    flat = places[order, np.arange(order.shape[0])[:, None, None]]
    rows, columns = np.unravel_index(flat, layer.shape[2:])
    return {"y": (("unit", "end", "rank"), rows), "x": (("unit", "end", "rank"), columns)}
