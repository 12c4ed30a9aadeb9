"""What the commands read besides photographs: feature stores and columns of scores."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["matched_inputs", "own_columns", "sources"]


def sources(photos: tuple[str, ...]) -> str | list[str]:
    """Give one place as it is, and several as a list.

    Parameters
    ----------
    photos : tuple of str
        What stood on the command line.

    Returns
    -------
    str or list of str
        What `mf.images.read` takes.
    """
    return photos[0] if len(photos) == 1 else list(photos)


def own_columns(images: "xr.Dataset") -> "xr.Dataset":
    """Give the columns that the user brought, which stand beside those of a result.

    Parameters
    ----------
    images : Dataset (image)
        An image table.

    Returns
    -------
    Dataset (image)
        These columns alone.

    Raises
    ------
    ArgumentError
        If one is called like a column of the result.
    """
    from memfeat._frames import IMAGE_COLUMNS

    taken = [str(name) for name in images.data_vars if name in IMAGE_COLUMNS]
    if taken:
        remedy = f"Rename it, e.g. human_{taken[0]}; nothing has been computed yet."
        rule = "not be called like columns of the result"
        raise ArgumentError(advice("columns of your table", rule, listed.of(taken), remedy))
    return images.drop_vars([name for name in images.coords if name != "image"])


def matched_inputs(store: Path, table: Path, column: str) -> "tuple[xr.Dataset, xr.DataArray]":
    """Read features and scores, and keep the images that have both; say on stderr how many were left out.

    Parameters
    ----------
    store : Path
        A feature store.
    table : Path
        A CSV file with one row per image.
    column : str
        The column of scores.

    Returns
    -------
    Dataset (image, ...)
        Features.
    DataArray (image)
        Scores of the same images, in the same order.

    Raises
    ------
    ArgumentError
        If the store is none, or no image has both.
    UnknownNameError
        If the table has no such column.
    """
    import xarray as xr

    from memfeat.guards import beside

    features = _features(store)
    names = [str(name) for name in features["image"].values]
    values = _column(table, column, names)
    there = values.notna().to_numpy()
    if not there.all():
        missing = [name for name, has in zip(names, there, strict=True) if not has]
        click.echo(f"Left out, no {column} in {table}: {listed.of(missing)}", err=True)
    kept = features.isel(image=there)
    scores = xr.DataArray(values[there].to_numpy(), dims="image", coords={"image": kept["image"].values}, name=column)
    scores.attrs = beside(table, column)
    return kept, scores


def _features(store: Path) -> "xr.Dataset":
    """Open a store and leave out images that could not be read."""
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


def _column(table: Path, column: str, names: list[str]) -> "pd.Series":
    """Read a column of numbers, in the order of the images; NaN where an image has none."""
    import pandas as pd

    from memfeat._tables import read_table
    from memfeat.images.joining import joined

    frame, key = read_table(table, "--scores")
    others = [name for name in frame.columns if name != key]
    looked_up("--column", column, others, f"{table} has: {', '.join(others)}.")
    series = pd.Series(frame[column].to_numpy(), index=frame[key], name=column)
    if not pd.api.types.is_numeric_dtype(series):
        raise ArgumentError(advice("--column", "hold numbers", column, f"{table} has text there."))
    found = joined(series, names, column=None)
    for message in found.messages:
        click.echo(message, err=True)
    return found.columns[column].astype(float)
