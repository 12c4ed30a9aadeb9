"""Two networks side by side: the same images in the same order, and the layers that both have."""

import json
from typing import Any, NamedTuple

import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, INHERITED, as_features, in_name_order, layer_names, matched
from memfeat.errors import ArgumentError, KindError

__all__ = ["Pair", "paired"]


class Pair(NamedTuple):
    """Features of two networks, images in the order of their names."""

    first: xr.Dataset
    second: xr.Dataset
    layers: list[str]
    """Those that both have, in the order of the first."""
    recorded: dict[str, Any]
    """Attributes of a result: the networks, and the layers that one of them lacks, as JSON."""


def paired(first: Any, second: Any) -> Pair:
    """Match two networks by the names of images and layers.

    Parameters
    ----------
    first, second : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.

    Returns
    -------
    Pair
        Both, with what results record.

    Raises
    ------
    KindError
        If they are not xarray, or a layer is not real numbers.
    ArgumentError
        If images differ, no layer is in both, or a layer has no feature dim.
    """
    one = in_name_order(as_features(first, "first"))
    other = matched(as_features(second, "second"), one, argument="second", reference="first")
    mine, theirs = layer_names(one), layer_names(other)
    shared = [name for name in mine if name in theirs]
    if not shared:
        found = listed(f"{listed.of(mine)} in first and {listed.of(theirs)} in second")
        remedy = "Extract the same layers of both, or rename those of one: second.rename({...})."
        raise ArgumentError(advice("first and second", "have at least one layer in common", found, remedy))
    for argument, table in {"first": one, "second": other}.items():
        for name in shared:
            _check_layer(table[name], f"{argument}[{name!r}]")
    recorded = _network(first, "first") | _network(second, "second")
    recorded |= {
        "only_in_first": json.dumps([name for name in mine if name not in theirs]),
        "only_in_second": json.dumps([name for name in theirs if name not in mine]),
    }
    return Pair(one, other, shared, recorded)


def _network(features: xr.Dataset | xr.DataArray, argument: str) -> dict[str, Any]:
    """Take over where features came from, under names of their own."""
    return {f"{argument}_{key}": features.attrs[key] for key in INHERITED if key in features.attrs}


def _check_layer(layer: xr.DataArray, argument: str) -> None:
    """Refuse what cannot be compared, before anything is computed."""
    if layer.dtype.kind not in "iufb":
        raise KindError(advice(argument, "hold real numbers", listed(f"dtype {layer.dtype}")))
    if layer.ndim < 2 or not layer.size:
        dims = listed(f"shape {layer.shape} along {tuple(map(str, layer.dims))}")
        raise ArgumentError(advice(argument, f"have units besides its {IMAGE}s", dims))
