"""What the commands read besides photographs: feature stores and columns of scores."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Reference", "label_inputs", "matched_inputs", "model_inputs", "own_columns", "reference_inputs", "sources"]

#: The fewest images whose RDMs can be compared.
FEWEST = 4


class Reference(NamedTuple):
    """RDMs in a file, and what the user says about them."""

    file: Path
    names: Path | None
    dims: tuple[str, ...]
    variable: str | None


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


def label_inputs(table: Path, columns: dict[str, str | None], names: list[str]) -> "dict[str, xr.DataArray]":
    """Read columns that say something about images besides their score.

    Parameters
    ----------
    table : Path
        A CSV file with one row per image.
    columns : dict
        Option, such as "--groups" → its column, or None.
    names : list of str
        The images.

    Returns
    -------
    dict of DataArray (image)
        Option without its dashes → the column; those that were asked for.

    Raises
    ------
    UnknownNameError
        If there is no such column.
    """
    import xarray as xr

    from memfeat._tables import read_table
    from memfeat.images.joining import joined

    frame, key = read_table(table, "--scores")
    others, found = [name for name in frame.columns if name != key], {}
    for option, column in columns.items():
        if column is None:
            continue
        looked_up(option, column, others, f"{table} has: {', '.join(others)}.")
        series = frame.set_index(key)[column]
        values = joined(series, names, column=None).columns[column].to_numpy()
        found[option.lstrip("-")] = xr.DataArray(values, dims="image", coords={"image": names}, name=column)
    return found


def model_inputs(store: Path, table: Path, column: str, kind: str) -> "tuple[xr.Dataset, xr.Dataset]":
    """Read features and scores as :func:`matched_inputs` does, and make a model RDM of the scores.

    Parameters
    ----------
    store, table : Path
        A feature store, and a CSV.
    column : str
        The column of scores.
    kind : str
        What the scores are said to predict.

    Returns
    -------
    Dataset (image, ...)
        Features.
    Dataset (layer, pair)
        The model RDM of the same images.

    Raises
    ------
    ArgumentError
        If the store is none, the CSV has no such column, too few images have both, or there is no such kind.
    """
    from memfeat import rdm

    features, scores = matched_inputs(store, table, column)
    return features, rdm.from_scores(scores, kind=kind)


def reference_inputs(store: Path, reference: Reference) -> "tuple[xr.Dataset, xr.Dataset]":
    """Read features and RDMs, and keep the images that both have; say on stderr how many were left out.

    Parameters
    ----------
    store : Path
        A feature store.
    reference : Reference
        A file of RDMs.

    Returns
    -------
    Dataset (image, ...)
        Features.
    Dataset (layer, ..., pair)
        RDMs of the same images.

    Raises
    ------
    ArgumentError
        If the store or the file is none, or too few images are in both.
    """
    import pandas as pd

    from memfeat import rdm
    from memfeat.images.joining import joined

    features, (file, names, dims, variable) = _features(store), reference
    rdms = rdm.read(file, names, dims=dims, variable=variable, layer=file.stem)
    here, theirs = ([str(name) for name in data["image"].values] for data in (features, rdms))
    try:
        found = joined(pd.Series(theirs, index=theirs, name="other"), here, column=None).columns["other"]
    except ArgumentError as error:
        none = listed(listed.of(theirs))
        remedy = f"Its images are called like {here[0]!r}."
        raise ArgumentError(advice("--reference", "name images of FEATURES", none, remedy)) from error
    there = found.notna().to_numpy()
    kept = [str(name) for name in found[there]]
    for side, left in (
        ("FEATURES", [name for name, has in zip(here, there, strict=True) if not has]),
        (str(file), sorted(set(theirs) - set(kept))),
    ):
        if left:
            click.echo(f"Left out, in {side} alone: {listed.of(left)}", err=True)
    if len(kept) < FEWEST:
        rule = f"share at least {FEWEST} images"
        raise ArgumentError(advice("FEATURES and --reference", rule, listed(str(len(kept)))))
    both = features.isel(image=there)
    return both, rdm.select(rdms, kept).assign_coords(image=both["image"].values)


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
