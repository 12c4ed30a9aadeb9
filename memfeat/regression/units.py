"""Statistics of every unit of every layer, in the layer's own dims."""

from collections.abc import Mapping
from math import prod

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, as_features, layer_names
from memfeat.errors import ArgumentError
from memfeat.regression.targets import SCORE, Targets

__all__ = ["STATISTIC", "by_unit", "count_units", "read"]

#: Dim of what is told of each unit.
STATISTIC = "statistic"


def read(features: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Check features whose units are told of one by one.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        As the user gave them.

    Returns
    -------
    Dataset (image, ...)
        One variable per layer.

    Raises
    ------
    KindError, ArgumentError
        If they are no features, or a layer is called like a dim of the result.
    """
    table = as_features(features)
    taken = [name for name in layer_names(table) if name in (STATISTIC, SCORE)]
    if taken:
        remedy = f"Rename it: features.rename({{{taken[0]!r}: 'layer'}})."
        raise ArgumentError(advice("features", f"call no layer {STATISTIC!r} or {SCORE!r}", listed.of(taken), remedy))
    return table


def count_units(table: xr.Dataset) -> int:
    """Count the units of all layers.

    Parameters
    ----------
    table : Dataset (image, ...)
        One variable per layer.

    Returns
    -------
    int
        How many.
    """
    return sum(prod(_places(table[name]).shape) for name in layer_names(table))


def by_unit(
    table: xr.Dataset, found: Mapping[str, npt.NDArray[np.float64]], statistics: list[str], targets: Targets
) -> xr.Dataset:
    """Put values of units where the units are.

    Parameters
    ----------
    table : Dataset (image, ...)
        Features, one variable per layer.
    found : mapping of array (statistic, score, p)
        For each layer, values in C order of its feature dims.
    statistics : list of str
        What they are.
    targets : Targets
        Scores.

    Returns
    -------
    Dataset (statistic, ...)
        One variable per layer, with its feature dims and their coordinates; `score` where there are several.
    """
    lead = {STATISTIC: np.array(statistics, dtype=object), SCORE: np.array(targets.names, dtype=object)}
    layers = {}
    for name, values in found.items():
        like = _places(table[name])
        shaped = values.reshape(*values.shape[:2], *like.shape)
        layers[name] = xr.DataArray(shaped, dims=(*lead, *like.dims)).assign_coords(like.coords)
    result = xr.Dataset(layers).assign_coords(lead)
    return result if targets.several else result.isel({SCORE: 0}, drop=True)


def _places(layer: xr.DataArray) -> xr.DataArray:
    """Give one image of a layer: its units, with their coordinates."""
    return layer.isel({IMAGE: 0}, drop=True)
