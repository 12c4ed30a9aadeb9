"""Tables of images that users bring, from CSV or pandas: which column names the images, read without loss."""

import csv
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memfeat._check import advice, listed
from memfeat._columns import NAME_COLUMNS
from memfeat.errors import ArgumentError, KindError, MissingFileError, UnknownNameError

__all__ = ["TABLE_SUFFIXES", "is_table_file", "read_named", "read_plain", "read_table", "texts"]

TABLE_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
#: What to do with files of another kind.
ARRAY = "Arrays with a list of image names go through mf.features.from_array."
SHEET = "Pass a DataFrame: pandas.read_excel(path)."
OTHERWISE = {".npy": ARRAY, ".npz": ARRAY, ".mat": ARRAY, ".xlsx": SHEET, ".xls": SHEET, ".ods": SHEET}


def texts(values: Iterable[Any]) -> npt.NDArray[np.object_]:
    """Give text as an object array, the form that netCDF and zarr keep at any length.

    Parameters
    ----------
    values : iterable
        The text; anything else is written as text.

    Returns
    -------
    array (n,) of object
        The same.
    """
    words = [str(value) for value in values]
    array = np.empty(len(words), dtype=object)
    array[:] = words
    return array


def is_table_file(path: Path) -> bool:
    """Say whether a file name is that of a table we read.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        True for comma- or tab-separated text, gzipped or not.
    """
    return path.name.lower().endswith(TABLE_SUFFIXES)


def read_named(
    source: Any,
    argument: str,
    *,
    column: str | None = None,
    first: bool = False,
    option: str = "column",
    repeated: str = "Keep one row per image; trials or raters must be averaged first.",
) -> tuple[pd.DataFrame, str]:
    """Read a table and find the column that names the images.

    Parameters
    ----------
    source : str, Path or DataFrame
        A CSV or TSV file, or a table, whose index names the images if it is text, or called like a name, and no column
        does. The separator of a file is the most frequent of `,`, `;` and tab in its header.
    argument : str
        What the user calls it.
    column : str, optional
        The column that names the images.
    first : bool
        Take the first column when `column` is not given, instead of looking for one that is called like a name.
    option : str
        What the user calls `column`.
    repeated : str
        What to do about an image in several rows.

    Returns
    -------
    DataFrame
        A new table. The column of names holds text exactly as written (`0002` stays `0002`, `NA` stays `NA`).
    str
        That column.

    Raises
    ------
    KindError, MissingFileError
        If it is no table, or not there.
    UnknownNameError
        If `column` is not in it.
    ArgumentError
        If the file cannot be parsed, a column stands twice, no column or more than one could hold the names, or a
        name is empty or stands twice.
    """
    if isinstance(source, pd.DataFrame):
        source = _with_index(source, column=column, first=first)
    path = None if isinstance(source, pd.DataFrame) else _table_file(source, argument)
    head = source if path is None else _parsed(path, argument, nrows=5)
    columns = [str(name).strip() for name in head.columns]
    if len(set(columns)) < len(columns):
        twice = listed.of(sorted({name for name in columns if columns.count(name) > 1}))
        raise ArgumentError(advice(argument, "have each column once", twice, "Rename or drop the second one."))
    chosen = _chosen(columns, argument, column, option) if column is not None else None
    key = chosen or _name_column(head.set_axis(columns, axis=1), argument, first=first, option=option)
    table = source.copy() if path is None else _parsed(path, argument)
    table.columns = pd.Index(columns)
    if path is not None:
        place = columns.index(key)
        # read a second time as plain text, or 0002 would be the number 2, and NA a gap
        table[key] = _parsed(path, argument, usecols=[place], dtype=str, na_filter=False).iloc[:, 0]
    table[key] = _names(table[key], argument, key, repeated)
    return table, key


def read_table(source: Any, argument: str, **words: str) -> tuple[pd.DataFrame, str]:
    """Read a table whose images are named by a column `image`, or else by the one that is called like a name.

    Parameters
    ----------
    source : str, Path or DataFrame
        As for :func:`read_named`.
    argument : str
        What the user calls it.
    **words : str
        `option` and `repeated`, as for :func:`read_named`.

    Returns
    -------
    DataFrame
        A new table.
    str
        The column of names.

    Raises
    ------
    KindError, MissingFileError, ArgumentError
        As :func:`read_named`.
    """
    try:
        return read_named(source, argument, column="image", **words)
    except UnknownNameError:
        return read_named(source, argument, **words)


def read_plain(source: str | Path, argument: str, *, text: Iterable[str] = ()) -> pd.DataFrame:
    """Read a table file as it is, with some columns as text without loss.

    Parameters
    ----------
    source : str or Path
        A CSV or TSV file.
    argument : str
        What the user calls it.
    text : iterable of str
        Columns that hold text exactly as written, where they are there.

    Returns
    -------
    DataFrame
        The table.

    Raises
    ------
    KindError, MissingFileError, ArgumentError
        If it is no table file, not there, or cannot be parsed.
    """
    path = _table_file(source, argument)
    table = _parsed(path, argument)
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    for name in text:
        if name in table.columns:
            place = list(table.columns).index(name)
            words = _parsed(path, argument, usecols=[place], dtype=str, na_filter=False).iloc[:, 0].str.strip()
            table[name] = words.where(words != "", None)
    return table


def _with_index(table: pd.DataFrame, *, column: str | None, first: bool) -> pd.DataFrame:
    """Make a column of an index that names the images."""
    name = "image" if table.index.name is None else str(table.index.name)
    if table.index.nlevels > 1 or name in table.columns:
        return table
    if table.index.inferred_type != "string" and str(table.index.name).lower() not in NAME_COLUMNS:
        return table
    has_column = any(str(other).lower() in NAME_COLUMNS for other in table.columns)
    wanted = (first or not has_column) if column is None else column == name
    return table.rename_axis(name).reset_index() if wanted else table


def _table_file(source: Any, argument: str) -> Path:
    """Check that the source is a table file that exists."""
    if not isinstance(source, str | Path):
        kind = listed(type(source).__name__)
        raise KindError(advice(argument, "be a CSV path or a pandas DataFrame", kind))
    path = Path(source).expanduser()
    if not path.is_file():
        raise MissingFileError(advice(argument, "be a file that exists", str(source), "Check the spelling."))
    if not is_table_file(path):
        endings = ", ".join(TABLE_SUFFIXES)
        remedy = OTHERWISE.get(path.suffix.lower(), "Save it as CSV, or pass a DataFrame.")
        raise ArgumentError(advice(argument, f"be a table whose name ends in {endings}", path.name, remedy))
    return path


def _parsed(path: Path, argument: str, **options: Any) -> pd.DataFrame:
    """Parse a CSV file, and refuse what would lose cells."""
    try:
        with warnings.catch_warnings():
            # pandas warns, and drops cells, where a row is longer than the header
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table: pd.DataFrame = pd.read_csv(
                path,
                sep=_separator(path),
                encoding="utf-8-sig",
                index_col=False,
                low_memory=False,
                **options,
            )
            return table
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, UnicodeError, OSError) as error:
        remedy = "Check that it is comma-separated text in UTF-8 with one header row, and as many cells in every row."
        problem = listed(f"{path.name}, where {str(error).strip()}")
        raise ArgumentError(advice(argument, "be a table that can be parsed", problem, remedy)) from error


def _separator(path: Path) -> str:
    """Read the separator off the header."""
    import gzip

    opener: Any = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    # a quoted header may hold the other separators
    return max(",;\t", key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))


def _chosen(columns: list[str], argument: str, column: str, option: str) -> str:
    """Check that there is the column that the user named."""
    if column not in columns:
        have = f"It has: {', '.join(columns)}."
        raise UnknownNameError(advice(option, f"be a column of {argument}", column, have))
    return column


def _name_column(head: pd.DataFrame, argument: str, *, first: bool, option: str) -> str:
    """Choose the column that names the images."""
    columns = list(head.columns)
    if not columns:
        raise ArgumentError(advice(argument, "have a column that names the images", listed("no columns")))
    if first:
        return columns[0]
    found = [name for name in columns if name.lower() in NAME_COLUMNS]
    # pandas writes the names of a Series into a first column without a header
    if not found and columns[0].startswith("Unnamed:"):
        found = columns[:1]
    if len(found) != 1:
        rule = "have one column that names the images" if not found else "have only one column that names the images"
        shown = listed(f"columns {', '.join(map(repr, columns))}")
        # numbers are hardly names
        likely = found or list(head.select_dtypes(exclude=["number", "bool"]).columns) or ["…"]
        raise ArgumentError(advice(argument, rule, shown, f"Say which: {option}={likely[0]!r}."))
    return found[0]


def _names(values: pd.Series, argument: str, key: str, repeated: str) -> pd.Series:
    """Give the names as text; refuse empty and repeated ones."""
    empty = values.isna() | (values.astype(str).str.strip() == "")
    if empty.any():
        rows = listed(f"an empty {key!r} in row {', '.join(str(i + 1) for i in empty.to_numpy().nonzero()[0][:3])}")
        raise ArgumentError(advice(argument, "name an image in every row", rows, "Fill in or drop those rows."))
    names = pd.Series(texts(values), index=values.index, dtype=object).str.strip()
    twice = sorted(set(names[names.duplicated()]))
    if twice:
        found = listed(f"duplicates {listed.of(twice)}")
        raise ArgumentError(advice(argument, "name each image once", found, repeated))
    return names
