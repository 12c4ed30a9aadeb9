"""What is embedded: a layer, or an RDM in the place of its distances."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, in_name_order, storable
from memfeat.errors import ArgumentError
from memfeat.reduction.distances import euclidean, from_rdm, is_rdm
from memfeat.reduction.layers import called, check_layer
from memfeat.reduction.methods import MAPS

__all__ = ["Source", "read"]

Array = npt.NDArray[np.float64]


class Source(NamedTuple):
    """Data, with images in the order of their names."""

    like: Any
    """The layer, `image` first; of an RDM, its images."""
    rdm: Array | None  # (n, n)
    facts: dict[str, Any]
    """Attributes for the result."""

    def distances(self) -> Array:
        """Give the distance of every two images.

        Returns
        -------
        array (n, n)
            Distances.

        Raises
        ------
        ArgumentError
            If all images are alike.
        """
        found = euclidean(self.like) if self.rdm is None else self.rdm
        if not found.any():
            name = self.facts[LAYER]
            raise ArgumentError(advice("layer", "differ between images", listed(f"layer {name!r}, all alike")))
        return found


def read(data: Any, method: str) -> Source:
    """Check data.

    Parameters
    ----------
    data : DataArray (image, ...) or Dataset (pair)
        One layer or one RDM.
    method : str
        What it is for.

    Returns
    -------
    Source
        The data.

    Raises
    ------
    KindError
        If it is neither.
    ArgumentError
        If images are not named, an RDM is not what the method needs, or there are several.
    """
    if is_rdm(data):
        return _read_rdm(data, method)
    check_layer(data)
    facts = {LAYER: called(data), "n": data.sizes[IMAGE], "distances": "euclidean" if method in MAPS else None}
    return Source(in_name_order(data).transpose(IMAGE, ...), None, facts)


def _read_rdm(rdms: xr.Dataset, method: str) -> Source:
    if method not in MAPS:
        remedy = "Pass the layer itself."
        raise ArgumentError(advice("method", f"be one of {', '.join(map(repr, MAPS))} for an RDM", method, remedy))
    square = from_rdm(rdms)
    images = xr.Dataset(coords={name: one for name, one in rdms.coords.items() if one.dims == (IMAGE,)})
    order = np.argsort(images[IMAGE].values.astype(str), kind="stable")
    name = str(rdms[LAYER].values.item()) if LAYER in rdms.coords and rdms[LAYER].size == 1 else "rdm"
    facts = {LAYER: name, "n": len(order), "distances": storable(rdms.attrs.get("metric", "rdm"))}
    return Source(in_name_order(images), square[np.ix_(order, order)], facts)
