"""Scores joined to images by name: by id first, then by file name, then without the ending."""

import operator
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat._tables import read_named
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.images.sources import EXTENSIONS
from memfeat.images.table import RESERVED, user_columns

__all__ = ["Joined", "joined"]

Parts = tuple[str, ...]
#: Columns by which a table that memfeat wrote is known, and those of it that say nothing but what reading says again.
SIGNS = ("sha256", "status")
OWN = (*RESERVED, "warnings")


@dataclass(frozen=True)
class Joined:
    """Scores in the order of the images, and what did not join."""

    columns: pd.DataFrame
    messages: list[str]
    facts: dict[str, int] = field(default_factory=dict)


def joined(scores: Any, names: list[str], *, column: str | None) -> Joined:
    """Join scores to images.

    Parameters
    ----------
    scores : str, path, DataFrame, Series or mapping
        A table with a column that names images, a Series indexed by name, or a dict of numbers by name.
    names : list of str
        The images.
    column : str, optional
        The column of the table that names images.

    Returns
    -------
    Joined
        One row per image; an image without a row has missing values.

    Raises
    ------
    ArgumentError
        If a name stands twice, or no name joins.
    """
    table, keys = _keyed(scores, column)
    table = user_columns(table, "scores")
    if table.columns.empty:
        raise ArgumentError(advice("scores", "have a column besides the names", listed("none")))
    rows = _rows(keys, names)
    if not any(row is not None for row in rows):
        remedy = f"The images are called like {names[0]!r}."
        none = listed(f"no joining name among {listed.of(keys)}")
        raise ArgumentError(advice("scores", "name images of the source", none, remedy))
    ordered = table.set_axis(range(len(table))).reindex([-1 if row is None else row for row in rows])
    return Joined(ordered.set_axis(range(len(names))), *_report(keys, names, rows))


def _keyed(scores: Any, column: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Give columns of scores and the name of each row."""
    if isinstance(scores, Mapping):
        scores = pd.Series(dict(scores), name="score")
    if isinstance(scores, pd.Series):
        name = "score" if scores.name is None else str(scores.name)
        scores = pd.DataFrame({"image": scores.index.astype(str), name: scores.to_numpy()})
        column = "image"
    elif not isinstance(scores, pd.DataFrame) and not hasattr(scores, "__fspath__") and not isinstance(scores, str):
        rule = "be a CSV path, a DataFrame, a Series indexed by image name or a dict of numbers"
        raise KindError(advice("scores", rule, listed(type(scores).__name__)))
    table, key = _read(scores, column)
    names = [str(name) for name in table[key]]
    own = OWN if set(SIGNS) <= set(table.columns) else ()
    return table.drop(columns={key, *own} & set(table.columns)), names


def _read(scores: Any, column: str | None) -> tuple[pd.DataFrame, str]:
    """Read a table; a column called exactly `image` names the images, whatever else might."""
    frame = isinstance(scores, pd.DataFrame)
    if column is None and (not frame or IMAGE in (*scores.columns, scores.index.name)):
        with suppress(UnknownNameError):
            return read_named(scores, "scores", column=IMAGE)
    return read_named(scores, "scores", column=column)


def _rows(keys: list[str], names: list[str]) -> list[int | None]:
    """Find the row of scores of each image: by the whole name, by the file's name, by that without its ending."""
    rows: list[int | None] = [None] * len(names)
    free_keys, free_names = list(range(len(keys))), list(range(len(names)))
    for simplified, agree in STAGES:
        mine = {i: simplified(_parts(keys[i])) for i in free_keys}
        theirs = {i: simplified(_parts(names[i])) for i in free_names}
        for key, name in _unambiguous(mine, theirs, agree).items():
            rows[name] = key
        taken = {row for row in rows if row is not None}
        free_keys = [i for i in free_keys if i not in taken]
        free_names = [i for i in free_names if rows[i] is None]
    return rows


def _parts(name: str) -> Parts:
    """Split a path; the two ways to write an accented letter are the same name."""
    text = unicodedata.normalize("NFC", name).replace("\\", "/")
    return tuple(part for part in text.split("/") if part not in ("", ".")) or ("",)


def _without_ending(parts: Parts) -> Parts:
    """Leave out the ending of an image file."""
    last = PurePosixPath(parts[-1])
    return (*parts[:-1], last.stem if last.suffix.lower() in EXTENSIONS else parts[-1])


def _same_end(one: Parts, other: Parts) -> bool:
    """Say whether the shorter path is how the longer one ends."""
    n = min(len(one), len(other))
    return one[-n:] == other[-n:]


#: What is compared, and how: each stage joins what the one before left over.
STAGES: tuple[tuple[Callable[[Parts], Parts], Callable[[Parts, Parts], bool]], ...] = (
    (tuple, operator.eq),
    (tuple, _same_end),
    (_without_ending, _same_end),
)


def _unambiguous(
    keys: Mapping[int, Parts], names: Mapping[int, Parts], agree: Callable[[Parts, Parts], bool]
) -> dict[int, int]:
    """Pair keys with names, where each fits one of the other only."""
    by_last = defaultdict(list)
    for i, parts in names.items():
        by_last[parts[-1]].append(i)
    fitting = {key: [i for i in by_last[parts[-1]] if agree(parts, names[i])] for key, parts in keys.items()}
    claims = Counter(name for found in fitting.values() for name in found)
    return {key: found[0] for key, found in fitting.items() if len(found) == 1 and claims[found[0]] == 1}


def _report(keys: list[str], names: list[str], rows: list[int | None]) -> tuple[list[str], dict[str, int]]:
    """Say what did not join, on each side."""
    used = {row for row in rows if row is not None}
    left = [key for i, key in enumerate(keys) if i not in used]
    bare = [name for name, row in zip(names, rows, strict=True) if row is None]
    facts = {"n_scores_joined": len(used), "n_scores_without_image": len(left), "n_images_without_score": len(bare)}
    unclear = _fitting(left, bare)
    absent = [key for key in left if key not in unclear]
    messages = []
    if absent:
        messages.append(f"scores name images that the source does not hold ({_few(absent)})")
    if unclear:
        said = "scores have names that fit several images, or several that fit one"
        messages.append(f"{said}; write whole names, with folder and ending ({_few(list(unclear))})")
    if bare:
        messages.append(f"some images have no row in scores and keep NaN, or an empty text ({_few(bare)})")
    return messages, facts


def _fitting(keys: list[str], names: list[str]) -> dict[str, None]:
    """Give the names of the scores, in their order, that could mean an image."""
    by_last = defaultdict(list)
    for name in map(_without_ending, map(_parts, names)):
        by_last[name[-1]].append(name)
    parts = {key: _without_ending(_parts(key)) for key in keys}
    return {key: None for key, one in parts.items() if any(_same_end(one, name) for name in by_last[one[-1]])}


def _few(names: list[str]) -> str:
    return str(listed.of(names))
