"""Distances between the images of one layer, from one Gram matrix; from an RDM where there is one."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import gram
from memfeat._blocks import Tick
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, image_names
from memfeat._pairs import PAIR, filled
from memfeat.errors import ArgumentError
from memfeat.measures.layers import called, width_of

__all__ = ["METRICS", "beside", "is_rdm", "squares"]

Array = npt.NDArray[np.float64]
#: Squared distances below this share of ‖a‖² + ‖b‖² have lost digits in the Gram matrix and are computed directly.
CLOSE = 1e-6
#: 1 − cosine below this is rounding.
ROUNDING = 1e-12


def _euclidean(layer: xr.DataArray, tick: Tick) -> Array:
    """Write ‖a − b‖ in the place of the products."""
    found = gram.triangle(layer, centre="features", tick=tick).square()
    size, near = np.diagonal(found).copy(), [np.empty((2, 0), dtype=np.intp)]
    for rows, part in _rows(found):
        both = size[rows, None] + size
        part *= -2
        part += both
        first, second = np.nonzero(part <= CLOSE * both)
        first += rows.start
        near.append(np.stack([first, second])[:, second > first])
    first, second = np.concatenate(near, axis=1)
    if len(first):
        found[first, second] = found[second, first] = gram.squared_distances(layer, first, second)
    np.fill_diagonal(found, 0.0)
    np.maximum(found, 0.0, out=found)
    return np.sqrt(found, out=found)


def _angle(centre: str, metric: str, rule: str, layer: xr.DataArray, tick: Tick) -> Array:
    """Write 1 − cosine in the place of the products."""
    if width_of(layer) == 1:
        remedy = "Use metric='euclidean', or reduce the layer less."
        raise ArgumentError(advice(called(layer), f"have at least 2 features for metric={metric!r}", 1, remedy))
    found = gram.triangle(layer, centre=centre, tick=tick).square()
    size = np.sqrt(np.diagonal(found))
    if not size.all():
        said = listed(f"{listed.of(layer[IMAGE].values[size == 0])} without")
        remedy = f"Drop these images, or use metric='euclidean': {metric} is not defined for them."
        raise ArgumentError(advice(called(layer), f"{rule} within an image", said, remedy))
    for rows, part in _rows(found):
        part /= size[rows, None] * size
        np.subtract(1, part, out=part)
        part[part < ROUNDING] = 0.0
    np.fill_diagonal(found, 0.0)
    return np.minimum(found, 2.0, out=found)


#: metric -> distances (n, n) of one layer, symmetric, in its own order of images
METRICS: dict[str, Callable[[xr.DataArray, Tick], Array]] = {
    "euclidean": _euclidean,
    "correlation": partial(_angle, "images", "correlation", "have features that differ"),
    "cosine": partial(_angle, "none", "cosine", "have features that are not all zero"),
}


def _rows(matrix: Array) -> Iterator[tuple[slice, Array]]:
    for start in range(0, len(matrix), gram.ROWS):
        rows = slice(start, min(start + gram.ROWS, len(matrix)))
        yield rows, matrix[rows]


def beside(layer: xr.DataArray, context: xr.Dataset) -> xr.DataArray:
    """Put further images beside those of a layer, without reading either.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer.
    context : Dataset (image, ...)
        Features of further images.

    Returns
    -------
    DataArray (image, ...)
        The layer's own images first.

    Raises
    ------
    ArgumentError
        If the context lacks the layer, or has other features.
    """
    name = str(layer.name)
    remedy = "Extract the same layers, with the same reduction, for these images."
    if name not in context:
        raise ArgumentError(advice("context", f"hold layer {name!r}", listed(", ".join(map(str, context))), remedy))
    both = [one.drop_vars([c for c in one.coords if c not in one.dims]) for one in (layer, context[name])]
    try:
        # chunks of the whole keep what is in memory from being copied
        return xr.concat([one.chunk() if one.chunks is None else one for one in both], IMAGE, join="exact")
    except ValueError as error:
        sizes = [{dim: size for dim, size in one.sizes.items() if dim != IMAGE} for one in both]
        raise ArgumentError(
            advice("context", f"have the features of layer {name!r}, {sizes[0]}", sizes[1], remedy)
        ) from error


def is_rdm(data: Any) -> bool:
    """Say whether data are RDMs.

    Parameters
    ----------
    data : object
        What the user gave.

    Returns
    -------
    bool
        Whether it is a Dataset with pairs of images.
    """
    return isinstance(data, xr.Dataset) and "rdm" in data and PAIR in data["rdm"].dims


def squares(rdms: xr.Dataset) -> Iterator[tuple[str, Array]]:
    """Read RDMs as square matrices.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs of layers.

    Yields
    ------
    str
        The layer.
    array (n, n)
        Its dissimilarities, in the RDMs' order of images.

    Raises
    ------
    ArgumentError
        If there are further dims, or a dissimilarity is missing or below zero.
    """
    names, values = image_names(rdms, "features"), rdms["rdm"]
    if values.dims not in ((LAYER, PAIR), (PAIR,)):
        remedy = "Choose one of each: rdms.isel(participant=0), for example."
        raise ArgumentError(
            advice("features", "have no dims beside layer and pair, as RDMs", listed(values.dims), remedy)
        )
    for one in values if LAYER in values.dims else [values]:
        vector = one.values.astype(np.float64)
        bad = np.count_nonzero(~(vector >= 0) | np.isinf(vector))
        if bad:
            found = listed(f"{bad} of {len(vector)} that are not")
            remedy = "Leave out the images they belong to, or take a metric that cannot be negative."
            raise ArgumentError(advice("features", "hold dissimilarities of zero or more, as RDMs", found, remedy))
        yield str(one[LAYER].values.item()) if LAYER in one.coords else "rdm", filled(vector, len(names))
