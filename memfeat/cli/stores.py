"""Stores of features on the command line."""

from pathlib import Path
from typing import TYPE_CHECKING

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read_store"]


def read_store(store: Path) -> "xr.Dataset":
    """Open a store and leave out images that could not be read.

    Parameters
    ----------
    store : Path
        A feature store.

    Returns
    -------
    Dataset (image, ...)
        Features.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    import xarray as xr

    try:
        features: xr.Dataset = xr.open_zarr(store)
    except Exception as error:  # zarr and xarray raise many kinds for what is no store
        remedy = "Make one: memfeat extract PHOTOS -o features.zarr"
        raise ArgumentError(advice("FEATURES", "be a zarr store of features", str(store), remedy)) from error
    if "image" not in features.coords:
        found = listed.of(features.variables)
        raise ArgumentError(advice("FEATURES", "name its images along a dim 'image'", found))
    # xarray gives text of a store as numpy's StringDType, which does not compare with other text in every numpy
    features = features.assign_coords(image=features["image"].astype(object))
    return features.isel(image=features["status"].values == "ok") if "status" in features.coords else features
