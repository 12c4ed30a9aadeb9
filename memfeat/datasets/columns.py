"""Tables as their authors wrote them, under the names that memfeat uses, joined to photographs by name."""

import inspect
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, dimension, stamped
from memfeat._tables import read_plain, texts
from memfeat.datasets.folders import legible
from memfeat.errors import ArgumentError, MemfeatWarning
from memfeat.images import read
from memfeat.images.joining import joined
from memfeat.images.sources import EXTENSIONS
from memfeat.images.table import column_values

__all__ = [
    "counted", "features", "of_images", "once", "pictures", "scored", "taken", "together", "warned", "with_photographs",
]  # fmt: skip

#: rate -> the count that it is a share of, and of how many
RATES = {"hit_rate": ("hits", "n_targets"), "false_alarm_rate": ("false_alarms", "n_foils")}
COUNTS = {"hits", "misses", "n_targets", "false_alarms", "correct_rejections", "n_foils"}
#: What is counted of targets, and of foils: yes, no, and both.
KINDS = (("hits", "misses", "n_targets"), ("false_alarms", "correct_rejections", "n_foils"))


def taken(path: Path, columns: Mapping[str, str] | Sequence[str], *, text: Iterable[str] = ()) -> pd.DataFrame:
    """Read columns of a table.

    Parameters
    ----------
    path : Path
        The table, a CSV file, gzipped or not.
    columns : mapping of str, or sequence of str
        The authors' names → ours, or names that stay.
    text : iterable of str
        Columns of the authors that hold text exactly as written, such as names.

    Returns
    -------
    DataFrame
        These columns only.

    Raises
    ------
    ArgumentError
        If one is not there, or the table is damaged.
    """
    with legible(path.name):
        table = read_plain(path, "folder", text=text)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        got = listed(f"no column {', '.join(map(repr, missing))} in {path.name}, but {', '.join(map(str, table))}")
        raise ArgumentError(advice("folder", f"hold {path.name} as its authors wrote it", got, "Download it again."))
    chosen = table[list(columns)]
    return chosen.rename(columns=dict(columns)) if isinstance(columns, Mapping) else chosen


def once(table: pd.DataFrame, path: Path, by: str = IMAGE) -> pd.DataFrame:
    """Refuse a table that names an image twice, or not at all.

    Parameters
    ----------
    table : DataFrame
        The table.
    path : Path
        Where it came from.
    by : str
        The column of names.

    Returns
    -------
    DataFrame
        The table.

    Raises
    ------
    ArgumentError
        If it does; the names are listed.
    """
    empty = table[by].isna() | (table[by] == "")
    twice = table.loc[table[by].duplicated() & ~empty, by]
    if len(twice) or empty.any():
        got = listed(f"duplicates {listed.of(twice)}" if len(twice) else "an empty name")
        raise ArgumentError(advice("folder", f"hold {path.name} with each image once", got, "Download it again."))
    return table


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """Add what follows from counts: totals, and the rates.

    Parameters
    ----------
    table : DataFrame
        With `hits` and one of `misses` and `n_targets`, and, if foils were counted, the same of `false_alarms`,
        `correct_rejections` and `n_foils`.

    Returns
    -------
    DataFrame
        With all six, `hit_rate`, `false_alarm_rate` and `corrected_recognition`; rates of no trials are NaN. Without
        counts of foils, with those of targets and `hit_rate` only.

    Raises
    ------
    ArgumentError
        If a count is no number, below 0, or above its total.
    """
    made = table.copy()
    for name in COUNTS.intersection(made):
        numbers = pd.to_numeric(made[name], errors="coerce")
        wrong = made.loc[(numbers.isna() & made[name].notna()) | (numbers < 0), name]
        if len(wrong):
            rule, remedy = f"hold numbers from 0 on as counts of {name.replace('_', ' ')}", "Download it again."
            raise ArgumentError(advice("folder", rule, listed.of(wrong), remedy))
    kinds = [kind for kind in KINDS if kind[0] in made]
    for old, new, total in kinds:
        if new not in made:
            made[new] = made[total] - made[old]
            if len(more := made.loc[made[new] < 0, old]):
                what = old.replace("_", " ")
                rule = f"hold no more {what} of an image than {total.replace('n_', '')} were shown of it"
                raise ArgumentError(advice("folder", rule, listed.of(more), "Download it again."))
        made[total] = made[old] + made[new]
    for rate, (count, total) in RATES.items():
        if count in made:
            made[rate] = made[count] / made[total].where(made[total] > 0)
    if len(kinds) == len(KINDS):
        made["corrected_recognition"] = made["hit_rate"] - made["false_alarm_rate"]
    return made


def pictures(place: Path) -> list[Path]:
    """List the photographs in and under a folder, as :func:`memfeat.images.read` takes them.

    Parameters
    ----------
    place : Path
        The folder.

    Returns
    -------
    list of Path
        Files with the ending of an image, sorted. Hidden ones are left out: systems leave their own files in folders.
    """
    files = sorted(one for one in place.rglob("*") if one.suffix.lower() in EXTENSIONS)
    return [one for one in files if not any(part.startswith(".") for part in one.relative_to(place).parts)]


def of_images(table: pd.DataFrame, **facts: Any) -> xr.Dataset:
    """Give a table of scores as a Dataset, sorted by image.

    Parameters
    ----------
    table : DataFrame
        With a column `image`.
    **facts : str or number
        What goes into the attributes.

    Returns
    -------
    Dataset (image)
        The other columns.
    """
    table = table.assign(**{IMAGE: table[IMAGE].astype(str)}).sort_values(IMAGE, kind="stable")
    columns = {str(name): (IMAGE, column_values(table[name], "folder")) for name in table.columns if name != IMAGE}
    return stamped(xr.Dataset(columns, {IMAGE: texts(table[IMAGE])}), kind="scores", **facts)


def scored(name: str, table: pd.DataFrame, **facts: Any) -> xr.Dataset:
    """Give scores without pictures.

    Parameters
    ----------
    name : str
        What the images are, for the attributes.
    table : DataFrame
        With a column `image`.
    **facts : str or number
        What goes into the attributes.

    Returns
    -------
    Dataset (image)
        The scores.
    """
    return of_images(table, pictures=f"none: scores of {name} only", **facts)


def with_photographs(place: Path, scores: pd.DataFrame, *, extra: bool = True) -> xr.Dataset:
    """Read photographs and join scores to them by name.

    Parameters
    ----------
    place : Path
        The folder of the photographs.
    scores : DataFrame
        With a column `image`.
    extra : bool
        Whether to read photographs whose file name, without its ending, no score has.

    Returns
    -------
    Dataset (image)
        The image table, with the columns of `scores`; attributes count what joined.

    Warns
    -----
    MemfeatWarning
        If a name has no photograph, or a photograph no score; counted and named.
    """
    images = read(place if extra else _named(place, scores), root=place, verify=False)
    found = joined(scores, [str(name) for name in images[IMAGE].values], column=IMAGE)
    for message in found.messages:
        warned(message)
    columns = {str(name): (IMAGE, column_values(found.columns[name], "folder")) for name in found.columns}
    return images.assign(columns).assign_attrs(**found.facts)


def together(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join tables of the same images by name; an image that one of them lacks stays, and is warned of.

    Parameters
    ----------
    parts : mapping of str to DataFrame
        File → its table, with a column `image` that names each once.

    Returns
    -------
    DataFrame
        All columns, with missing values; `attrs["n_images_incomplete"]` counts the images that a table lacks.

    Warns
    -----
    MemfeatWarning
        If a table lacks images that another has; counted and named.
    """
    names = {file: set(table[IMAGE]) for file, table in parts.items()}
    every = set().union(*names.values())
    for file, mine in names.items():
        if mine != every:
            absent = listed.of(sorted(every - mine))
            warned(f"{file} lacks images that other tables of the set have; its columns are empty there ({absent})")
    first, *others = parts.values()
    for other in others:
        first = first.merge(other, on=IMAGE, how="outer", validate="1:1")
    first.attrs["n_images_incomplete"] = len(every - set.intersection(*names.values()))
    return first


def warned(message: str) -> None:
    """Warn at the line that called memfeat.

    Parameters
    ----------
    message : str
        What to say.
    """
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "memfeat":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, MemfeatWarning, stacklevel=level)


def _named(place: Path, scores: pd.DataFrame) -> list[Path]:
    """Give the photographs that scores name, apart from their endings."""
    stems = {Path(name).stem for name in scores[IMAGE]}
    return [one for one in pictures(place) if one.stem in stems]


def features(names: Iterable[str], values: Any, layer: str, **facts: Any) -> xr.Dataset:
    """Give a matrix of numbers as features.

    Parameters
    ----------
    names : iterable of str
        One per row.
    values : array (image, unit)
        The numbers.
    layer : str
        What they are called.
    **facts : str or number
        What goes into the attributes.

    Returns
    -------
    Dataset (image, <layer>:unit)
        One variable, sorted by image.
    """
    named = texts(names)
    order = np.argsort(named.astype(str), kind="stable")
    array = np.ascontiguousarray(np.asarray(values)[order])
    made = xr.Dataset({layer: ((IMAGE, dimension(layer, "unit")), array)}, {IMAGE: named[order]})
    return stamped(made, kind="features", **facts)
