"""Distances between images, for the methods that know images by nothing else."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import gram
from memfeat._check import advice, listed
from memfeat._labels import image_names
from memfeat._pairs import PAIR, filled
from memfeat.errors import ArgumentError, KindError

__all__ = ["euclidean", "from_rdm", "is_rdm"]

Array = npt.NDArray[np.float64]
#: Squared distances below this share of squared lengths have lost their digits, and are computed feature by feature.
CLOSE = 1e-6


def euclidean(layer: xr.DataArray) -> Array:
    """Compute the Euclidean distance of every two images from their Gram matrix.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy.

    Returns
    -------
    array (n, n)
        Distances in units of the features, in the layer's order of images.
    """
    products = gram.linear(layer, centre="features")
    size = np.diagonal(products)
    squares = size[:, None] + size - 2 * products
    first, second = np.nonzero(np.triu(squares <= CLOSE * (size[:, None] + size), 1))
    if len(first):
        squares[first, second] = squares[second, first] = gram.squared_distances(layer, first, second)
    np.fill_diagonal(squares, 0.0)
    return np.sqrt(np.maximum(squares, 0.0))


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


def from_rdm(rdms: xr.Dataset) -> Array:
    """Read one RDM.

    Parameters
    ----------
    rdms : Dataset (pair)
        One RDM, as `mf.rdm.compute(...).sel(layer=...)` gives it.

    Returns
    -------
    array (n, n)
        Dissimilarities, images in the RDM's order.

    Raises
    ------
    KindError
        If they are no numbers.
    ArgumentError
        If there are several RDMs, or a dissimilarity is missing or below zero.
    """
    names, values = image_names(rdms, "layer"), rdms["rdm"].squeeze()
    if values.dims != (PAIR,):
        remedy = f"Choose one: rdms.sel({next(str(dim) for dim in values.dims if dim != PAIR)}=...)."
        raise ArgumentError(advice("layer", "be one layer or one RDM", listed(f"dims {values.dims}"), remedy))
    if values.dtype.kind not in "iuf":
        raise KindError(advice("layer", "hold real numbers", listed(f"dtype {values.dtype}")))
    vector = values.values.astype(np.float64)
    bad = np.count_nonzero(~(np.isfinite(vector) & (vector >= 0)))
    if bad:
        remedy = "Leave out the images they belong to, or take a metric that cannot be negative."
        found = listed(f"{bad} of {len(vector)} that are not")
        raise ArgumentError(advice("layer", "hold dissimilarities of zero or more", found, remedy))
    return filled(vector, len(names))
