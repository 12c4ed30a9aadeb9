"""Columns that come from pandas, and names of images as text."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError

__all__ = ["NAME_COLUMNS", "as_numbers", "counts_rows", "of_frame", "of_series", "with_names", "word"]

IMAGE = "image"
#: Column names that say by themselves that they name images (compared without case).
NAME_COLUMNS = (
    "image", "image_name", "image_path", "image_file", "image_id", "img", "path", "file", "filename", "file_name",
    "filepath", "file_path", "name", "stimulus",
)  # fmt: skip
#: Attributes of names that are numbers of rows.
COUNTED = {"counts": "rows"}


def word(value: Any) -> str:
    """Write a name as text; 1.0 is 1, as a column with gaps has it.

    Parameters
    ----------
    value : object
        Text or a number.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> word(1.0), word(1), word(" 01")
    ('1', '1', '01')
    """
    is_whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if is_whole else str(value).strip()


def of_series(column: pd.Series, argument: str) -> xr.DataArray:
    """Give a Series whose index names images as a DataArray.

    Parameters
    ----------
    column : Series
        One value per image.
    argument : str
        What the user calls it.

    Returns
    -------
    DataArray (image)
        The same values. Names that only count rows are marked, see :func:`counts_rows`.

    Raises
    ------
    ArgumentError
        If the index has several levels, or a name stands twice.
    """
    index = column.index
    if index.nlevels > 1:
        others = [name if name is not None else i for i, name in enumerate(index.names) if i != _level(index)]
        found = listed(f"{index.nlevels} levels: {', '.join(map(repr, index.names))}")
        remedy = f"Keep that of images: {argument}.droplevel({others!r})."
        raise ArgumentError(advice(argument, "have an index that names images", found, remedy))
    twice = index[index.duplicated()].unique()
    if len(twice):
        found = listed(f"duplicates {listed.of(twice)}")
        remedy = f"Keep the first ones: {argument}[~{argument}.index.duplicated()]."
        raise ArgumentError(advice(argument, "name each image once", found, remedy))
    counted = isinstance(index, pd.RangeIndex) and index.name is None
    names = (IMAGE, index.to_numpy(dtype=object), COUNTED if counted else {})
    return xr.DataArray(column.to_numpy(), dims=IMAGE, coords={IMAGE: names}, name=column.name)


def of_frame(table: pd.DataFrame, argument: str) -> pd.DataFrame:
    """Give a table the index that names images, where a column does and the index only counts rows.

    Parameters
    ----------
    table : DataFrame
        One row per image.
    argument : str
        What the user calls it.

    Returns
    -------
    DataFrame
        The table, or a new one without the column that has become the index.

    Raises
    ------
    ArgumentError
        If a column stands twice.
    """
    twice = table.columns[table.columns.duplicated()].unique()
    if len(twice):
        raise ArgumentError(
            advice(argument, "have each column once", listed.of(twice), "Rename or drop the second one.")
        )
    found = [name for name in table.columns if str(name).lower() in NAME_COLUMNS]
    counted = isinstance(table.index, pd.RangeIndex) and table.index.name is None
    return table.set_index(found[0]) if counted and len(found) == 1 else table


def counts_rows(data: xr.Dataset | xr.DataArray) -> bool:
    """Say whether images have numbers that only count the rows of a table of pandas.

    Parameters
    ----------
    data : Dataset or DataArray (image, ...)
        The data.

    Returns
    -------
    bool
        True for what :func:`of_series` gave of an index that was never named.
    """
    return data[IMAGE].attrs.items() >= COUNTED.items()


def with_names(argument: str) -> str:
    """Say how rows get the names of images.

    Parameters
    ----------
    argument : str
        What the user calls the column.

    Returns
    -------
    str
        The remedy.
    """
    return (
        f"Its index counts rows: name images, table.set_index('image') or {argument}.set_axis(names). If these numbers "
        f"are names, say so: {argument}.rename_axis('image')."
    )


def as_numbers(column: xr.DataArray, argument: str) -> str:
    """Say how a column becomes numbers, if it can.

    Parameters
    ----------
    column : DataArray
        No numbers.
    argument : str
        What the user calls it.

    Returns
    -------
    str
        The remedy.
    """
    if str(column.name).lower() in NAME_COLUMNS:
        return f"It names images: make it the index, table.set_index({str(column.name)!r}), or drop it."
    try:
        column.values.astype(np.float64)
    except (ValueError, TypeError):
        return f"There is {str(column.values[0])!r} in it, for example."
    return f"Its values are numbers, but not its type: {argument}.astype(float)."


def _level(index: pd.Index) -> int:
    """Choose the level of an index that names images."""
    called = [i for i, name in enumerate(index.names) if str(name).lower() in NAME_COLUMNS]
    return called[0] if called else 0
