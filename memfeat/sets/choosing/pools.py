"""What images are chosen from: scores, covariates and categories of each, in the order of their names."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, finite, listed, looked_up
from memfeat._labels import IMAGE, image_names, in_name_order
from memfeat._tables import read_table, texts
from memfeat.errors import ArgumentError, KindError

__all__ = ["Cells", "cells_of", "column_names", "kept", "labels_of", "numbers_of", "pairs_of", "shared", "table_of"]

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
TABLE = "Pass an image table (mf.images.read), predictions (mf.predict), or a DataFrame with a column of image names."
#: What tells readable images from others, in tables of images and predictions.
STATUS, READABLE = "status", "ok"


class Cells(NamedTuple):
    """Which category each image is in, and how many of each a set must have."""

    names: list[str]
    of: Places  # (n,) positions into `names`
    wanted: npt.NDArray[np.int64]  # (category,) images in each set


def table_of(given: Any, argument: str) -> tuple[xr.Dataset, int]:
    """Read a table of images, without those that could not be read.

    Parameters
    ----------
    given : Dataset (image), DataFrame, str or Path
        An image table, predictions, or a table with a column of image names.
    argument : str
        What the user calls it.

    Returns
    -------
    Dataset (image)
        The table, in the order of the images' names.
    int
        How many images were left out because they could not be read.

    Raises
    ------
    KindError, ArgumentError, MissingFileError
        If it is no such table, or names an image twice.
    """
    if isinstance(given, pd.DataFrame | str | Path):
        frame, key = read_table(given, argument)
        columns = {str(name): (IMAGE, _plain(frame[name])) for name in frame.columns if name != key}
        given = xr.Dataset(columns, {IMAGE: texts(frame[key])})
    if not isinstance(given, xr.Dataset):
        raise KindError(advice(argument, "be a table of images", listed(type(given).__name__), TABLE))
    image_names(given, argument)
    n = given.sizes[IMAGE]
    if STATUS in given and given[STATUS].dims == (IMAGE,):
        given = given.isel({IMAGE: np.flatnonzero(given[STATUS].values.astype(str) == READABLE)})
    return in_name_order(given), n - given.sizes[IMAGE]


def _plain(column: pd.Series) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = column.to_numpy()
    if values.dtype.kind in "iufbM":
        return values
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return texts(column.astype(object).where(column.notna(), ""))


def column_names(argument: str, given: Any) -> list[str]:
    """Read names of columns: one, or several.

    Parameters
    ----------
    argument : str
        What the user calls them.
    given : str, sequence of str or None
        The names.

    Returns
    -------
    list of str
        The names; empty for None.

    Raises
    ------
    KindError
        If they are no text.
    ArgumentError
        If one is named twice.
    """
    names = [] if given is None else [given] if isinstance(given, str) else list(given)
    if not all(isinstance(name, str) for name in names):
        remedy = f'Name columns of the table: {argument}=["luminance", "rms_contrast"].'
        raise KindError(advice(argument, "be names of columns", listed(type(given).__name__), remedy))
    if len(set(names)) < len(names):
        raise ArgumentError(advice(argument, "name each column once", names))
    return names


def numbers_of(table: xr.Dataset, columns: Sequence[str], argument: str) -> Array:
    """Read columns of numbers, one per image.

    Parameters
    ----------
    table : Dataset (image)
        The table.
    columns : sequence of str
        Their names.
    argument : str
        What the user calls the table.

    Returns
    -------
    array (n, column)
        The numbers.

    Raises
    ------
    UnknownNameError
        If there is no such column.
    KindError
        If one holds no numbers.
    ArgumentError
        If a number is missing.
    """
    names = [str(name) for name in table[IMAGE].values]
    return np.stack([_numbers(table, column, names, argument) for column in columns], axis=1)


def _numbers(table: xr.Dataset, column: str, names: list[str], argument: str) -> Array:
    values = _column(table, column, argument).values
    if values.dtype.kind not in "iufb":
        remedy = f'Text goes into categories: categories="{column}".'
        raise KindError(advice(f"{argument}[{column!r}]", "hold numbers", listed(f"dtype {values.dtype}"), remedy))
    remedy = f"Leave those images out, {argument} = {argument}.dropna('image', subset=['{column}']), or the column."
    return finite(f"{argument}[{column!r}]", values.astype(np.float64), names, remedy=remedy)


def _column(table: xr.Dataset, column: str, argument: str) -> xr.DataArray:
    plain = {str(name): name for name in [*table.data_vars, *table.coords] if table[name].dims == (IMAGE,)}
    plain.pop(IMAGE)
    looked_up("column", column, plain, f"{argument} has {', '.join(plain) or 'none'}.")
    found: xr.DataArray = table[plain[column]]
    return found


def labels_of(table: xr.Dataset, columns: Sequence[str], argument: str) -> npt.NDArray[np.str_]:
    """Read the label of each image; of several columns, the labels that they make together.

    Parameters
    ----------
    table : Dataset (image)
        The table.
    columns : sequence of str
        Names of columns.
    argument : str
        What the user calls the table.

    Returns
    -------
    array (n,) of str
        Labels; those of several columns are joined by " × ".

    Raises
    ------
    UnknownNameError
        If there is no such column.
    ArgumentError
        If a label is missing.
    """
    parts = []
    for column in columns:
        values = _column(table, column, argument).values
        missing = pd.isna(values) | (values.astype(str) == "")
        if missing.any():
            which = listed(f"none for {listed.of(table[IMAGE].values[missing])}")
            raise ArgumentError(advice(f"{argument}[{column!r}]", "have a label for every image", which))
        parts.append(values.astype(str))
    return np.array([" × ".join(labels) for labels in zip(*parts, strict=True)], dtype=str)


def cells_of(labels: npt.NDArray[np.str_], wanted: Mapping[str, int] | None, n: int, n_sets: int) -> Cells:
    """Say how many images of each category every set gets.

    Parameters
    ----------
    labels : array (image,) of str
        The category of each image.
    wanted : mapping, optional
        Category → images in each set; by default in proportion to the pool.
    n : int
        Images in each set.
    n_sets : int
        How many sets.

    Returns
    -------
    Cells
        Categories and counts.

    Raises
    ------
    UnknownNameError
        If there is no such category.
    ArgumentError
        If counts do not add up to n, or there are too few images of a category.
    """
    names, of, there = np.unique(labels, return_inverse=True, return_counts=True)
    most = there // n_sets
    words = [str(name) for name in names]
    if wanted is None:
        if most.sum() < n:
            found = listed(", ".join(f"{there[k]} {words[k]!r}" for k in range(len(words))))
            remedy = f"{n_sets} sets can have {most.sum()} each with the same categories: n={most.sum()}, or fewer."
            raise ArgumentError(advice("categories", f"give {n} images to each set", found, remedy))
        return Cells(words, of.reshape(-1), shared(there, n, most))
    for name, number in wanted.items():
        looked_up("category", str(name), words, f"The pool has {', '.join(words)}.")
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 0:
            raise KindError(advice(f"counts[{name!r}]", "be a whole number", number))
    counts = np.array([int(wanted.get(name, 0)) for name in words], dtype=np.int64)
    if counts.sum() != n:
        raise ArgumentError(advice("counts", f"add up to n={n}", int(counts.sum()), "They are images per set."))
    few = [k for k in range(len(words)) if counts[k] > most[k]]
    if few:
        found = listed("; ".join(f"{counts[k]} of {words[k]!r}, of which there are {there[k]}" for k in few))
        remedy = f"{n_sets} sets can have {most[few[0]]} {words[few[0]]!r} each."
        raise ArgumentError(advice("counts", "be there in the pool for every set", found, remedy))
    return Cells(words, of.reshape(-1), counts)


def shared(there: npt.NDArray[np.int64], n: int, most: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Divide n in proportion to what there is, by largest remainders.

    Parameters
    ----------
    there : array (category,) of int
        How many there are.
    n : int
        How many to take.
    most : array (category,) of int
        How many there may be of each; n together at least.

    Returns
    -------
    array (category,) of int
        How many to take of each.

    Examples
    --------
    >>> shared(np.array([50, 30, 20]), 7, np.array([25, 15, 10])).tolist()
    [4, 2, 1]
    """
    exact = n * there / there.sum()
    taken = np.minimum(np.floor(exact).astype(np.int64), most)
    while taken.sum() < n:
        short = np.where(taken < most, exact - taken, -np.inf)
        taken[np.argmax(short)] += 1
    return np.asarray(taken, dtype=np.int64)


def kept(table: xr.Dataset, exclude: Iterable[str] | None) -> tuple[xr.Dataset, int]:
    """Leave out images by name.

    Parameters
    ----------
    table : Dataset (image)
        The table.
    exclude : iterable of str, optional
        Names; some of them may belong to other tables.

    Returns
    -------
    Dataset (image)
        The others.
    int
        How many were left out.

    Raises
    ------
    ArgumentError
        If there are names, and none is in the table.
    """
    if exclude is None:
        return table, 0
    names = [exclude] if isinstance(exclude, str) else [str(name) for name in np.asarray(exclude).ravel()]
    gone = np.isin(table[IMAGE].values.astype(str), names)
    if names and not gone.any():
        found = listed(f"none of {listed.of(names)}")
        remedy = f"The pool's images are called like {str(table[IMAGE].values[0])!r}."
        raise ArgumentError(advice("exclude", "name images of the pool", found, remedy))
    return table.isel({IMAGE: np.flatnonzero(~gone)}), int(gone.sum())


def pairs_of(table: xr.Dataset, pairs: Any) -> npt.NDArray[np.intp]:
    """Find pairs of images that must not both be chosen.

    Parameters
    ----------
    table : Dataset (image)
        The table.
    pairs : DataFrame or sequence of pairs of str, optional
        Names in columns `image` and `other`, or in pairs.

    Returns
    -------
    array (pair, 2) of int
        Positions; pairs with an image that is not in the table are left out.

    Raises
    ------
    KindError, ArgumentError
        If they are no pairs, or none of the images is in the table.
    """
    if pairs is None:
        return np.empty((0, 2), dtype=np.intp)
    remedy = "Pass a DataFrame with columns image and other, or a list of pairs of names."
    if isinstance(pairs, pd.DataFrame):
        if not {IMAGE, "other"} <= set(pairs.columns):
            raise KindError(advice("duplicates", "be pairs", listed(f"columns {list(pairs.columns)}"), remedy))
        pairs = pairs[[IMAGE, "other"]].to_numpy().tolist()
    pairs = list(pairs)
    if any(isinstance(pair, str) or len(pair) != 2 for pair in pairs):
        raise KindError(advice("duplicates", "be pairs", listed.of(pairs), remedy))
    place = {str(name): i for i, name in enumerate(table[IMAGE].values)}
    named = [str(name) for pair in pairs for name in pair]
    if named and not any(name in place for name in named):
        known = f"The pool has {listed.of(list(place))}."
        raise ArgumentError(advice("duplicates", "name images of the pool", listed.of(named), known))
    found = [(place[str(a)], place[str(b)]) for a, b in pairs if str(a) in place and str(b) in place and a != b]
    places: npt.NDArray[np.intp] = np.array(found, dtype=np.intp).reshape(-1, 2)
    return places
