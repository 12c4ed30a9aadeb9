"""Rows to the image table: what it holds, in what form, and which columns are refused."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, stamped
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError
from memfeat.images.inspection import Facts

__all__ = ["RESERVED", "assembled", "column_values", "user_columns"]

#: What the table itself says about each image; a column of the user cannot have these names.
RESERVED = ("image", "path", "sha256", "width", "height", "mode", "status", "reason", "pixels")
#: Names that would be taken for a layer, or that files cannot hold.
LAYER_LIKE = re.compile(r"[/:@\[\]]|^(features|layer)(\.|$)|(^|\.)(layer|conv|fc|bn|relu)\d+(\.|$)")


def user_columns(table: pd.DataFrame, argument: str) -> pd.DataFrame:
    """Check the names of the user's columns.

    Parameters
    ----------
    table : DataFrame
        The columns; those without a name (an index that was saved along) are left out.
    argument : str
        What the user calls the table.

    Returns
    -------
    DataFrame
        The columns.

    Raises
    ------
    ArgumentError
        If a name is reserved or looks like that of a layer.
    """
    table = table[[name for name in table.columns if not re.fullmatch(r"Unnamed: \d+", str(name))]]
    for rule, wrong in {
        "not have columns with reserved names": [name for name in table.columns if name in RESERVED],
        "not have columns that look like layers": [name for name in table.columns if LAYER_LIKE.search(str(name))],
    }.items():
        if wrong:
            remedy = f"Rename them, table.rename(columns={{{wrong[0]!r}: 'my_{_plain(wrong[0])}'}}), or leave them out."
            raise ArgumentError(advice(argument, rule, listed.of(wrong), remedy))
    return table


def _plain(name: Any) -> str:
    return re.sub(r"\W+", "_", str(name))


def column_values(values: pd.Series, argument: str) -> npt.NDArray[Any]:
    """Turn a column into an array that a file can hold.

    Parameters
    ----------
    values : Series
        Numbers, text, dates or booleans.
    argument : str
        What the user calls the table.

    Returns
    -------
    array (n,)
        Whole numbers and booleans as they are when none is missing; otherwise numbers as float64, missing ones NaN;
        dates as nanoseconds; the rest as text, missing text as "".

    Raises
    ------
    KindError
        If the cells hold something else.
    """
    kind, missing = values.dtype, bool(values.isna().any())
    if values.notna().any() and all(isinstance(value, bool | np.bool_) for value in values.dropna()):
        return values.to_numpy(dtype=np.float64 if missing else np.bool_)
    if pd.api.types.is_datetime64_any_dtype(kind):
        return values.to_numpy(dtype="datetime64[ns]")
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        whole = pd.api.types.is_integer_dtype(kind) and not missing
        return values.to_numpy(dtype=np.int64 if whole else np.float64, na_value=0 if whole else np.nan)
    wrong = [value for value in values.dropna() if not isinstance(value, str | int | float | np.generic)]
    if wrong:
        found = listed(f"{type(wrong[0]).__name__} in column {str(values.name)!r}")
        raise KindError(advice(argument, "hold numbers, text, dates or booleans", found))
    return texts(list(values.astype(object).where(values.notna(), "")))


def assembled(
    names: list[str], paths: list[str], facts: list[Facts], columns: Mapping[str, Any], **about: Any
) -> xr.Dataset:
    """Put the table together, sorted by name.

    Parameters
    ----------
    names, paths : list of str
        One per image.
    facts : list of Facts
        What was found about each.
    columns : mapping of str to array
        The user's columns, in the same order.
    **about : str or number
        What goes into the attributes.

    Returns
    -------
    Dataset (image)
        The image table.
    """
    coords: dict[str, Any] = {IMAGE: texts(names), "path": texts(paths)}
    for field in ("sha256", "width", "height", "mode", "status", "reason"):
        values = [getattr(fact, field) for fact in facts]
        coords[field] = np.array(values, np.int64) if field in ("width", "height") else texts(values)
    variables = dict(columns)
    if any(fact.pixels is not None for fact in facts):
        pixels = np.empty(len(facts), dtype=object)
        for row, fact in enumerate(facts):
            pixels[row] = np.zeros((0, 0, 3), np.uint8) if fact.pixels is None else fact.pixels
        variables["pixels"] = pixels
    table = xr.Dataset(
        {name: (IMAGE, values) for name, values in variables.items()},
        {name: (IMAGE, values) for name, values in coords.items()},
    )
    order = np.argsort(np.array(names, dtype=str), kind="stable")
    return stamped(table.isel({IMAGE: order}), None, **about)
