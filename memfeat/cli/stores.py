"""Stores of features on the command line: one, or several of the same images."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read_store", "read_stores"]


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


def read_stores(stores: tuple[Path, ...]) -> "dict[str, xr.Dataset]":
    """Open stores, and keep the images that are in all of them; say on stderr which were left out.

    Parameters
    ----------
    stores : tuple of Path
        Feature stores.

    Returns
    -------
    dict of Dataset (image, ...)
        Name of the file without its ending → features, images in the order of the first.

    Raises
    ------
    UsageError
        If two have the same name.
    ArgumentError
        If one is no store, or they have no image in common.
    """
    called = [store.name.removesuffix(".zarr") for store in stores]
    for name in called:
        if called.count(name) > 1:
            raise click.UsageError(
                f"Two FEATURES are called {name}; results tell them apart by their names: rename one."
            )
    read = {name: read_store(store) for name, store in zip(called, stores, strict=True)}
    if len(read) == 1:
        return read
    # name → its place, for each store
    places = [{str(image): k for k, image in enumerate(one["image"].values)} for one in read.values()]
    shared = set.intersection(*map(set, places))
    if not shared:
        found = listed("; ".join(f"{name} {listed.of(own)}" for name, own in zip(called, places, strict=True)))
        raise ArgumentError(advice("FEATURES", "have images in common", found))
    left = sorted(set().union(*places) - shared)
    if left:
        click.echo(f"Left out, not in all FEATURES: {listed.of(left)}", err=True)
    order = [image for image in places[0] if image in shared]
    return {
        name: features.isel(image=[place[image] for image in order])
        for (name, features), place in zip(read.items(), places, strict=True)
    }
