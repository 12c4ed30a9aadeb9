"""Sequences as files that programs for experiments read."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memfeat._check import advice, listed, one_of
from memfeat._frames import prepared, write_csv
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError, KindError
from memfeat.sets.choosing.sequencing import COLUMNS

__all__ = ["to_csv"]

PARTICIPANT = "{participant}"


def to_csv(
    sequence: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    style: str = "psychopy",
    folder: str = "",
    keys: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write sequences for a program that runs the experiment.

    Parameters
    ----------
    sequence : DataFrame
        What :func:`sequence` gave.
    path : path
        The file. With more than one participant its name must hold `{participant}`, which becomes the participant's.
    style : {"psychopy", "jspsych"}
        "psychopy": a conditions file (CSV), one row per trial, to be looped over in sequential order. "jspsych": a JSON
        list for `timeline_variables`, one object per trial with `stimulus` and the other columns in `data`.
    folder : str
        Where the experiment finds images; it is put before their names in `picture` or `stimulus`.
    keys : mapping, optional
        {"old": key, "new": key}: adds the right key of each trial as `correct_key`.

    Returns
    -------
    list of Path
        The files, in the order of participants.

    Raises
    ------
    KindError
        If it is no sequence.
    ArgumentError
        If several participants would go into one file, the file's ending is another, it cannot be written, or keys are
        not those for old and new.

    See Also
    --------
    memfeat.scores.from_trials : Reads what comes back, with the column `truth` and the one of answers.

    Notes
    -----
    Keep `image`, `participant`, `truth` and `lag` in the table of answers: these are the columns that
    :func:`memfeat.scores.from_trials` needs besides the answer ("old" or "new"). Trials without an answer, such as
    those of the study phase, are left out there. jsPsych's data also have a column `stimulus`: name `image="image"`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from memfeat.sets import sequence
    >>> with TemporaryDirectory() as home:
    ...     files = to_csv(sequence(["a.jpg"], ["b.jpg"], lags=2), f"{home}/order.csv", folder="photos")
    ...     print(files[0].read_text().splitlines()[0])
    picture,participant,version,phase,trial,image,role,truth,lag
    """
    one_of("style", style, STYLES)
    if not isinstance(sequence, pd.DataFrame) or not set(COLUMNS) <= set(sequence.columns):
        remedy = "Pass what mf.sets.sequence gave."
        raise KindError(advice("sequence", "be a table of trials", listed(type(sequence).__name__), remedy))
    ending, write = STYLES[style]
    people = list(dict.fromkeys(sequence["participant"]))
    if len(people) > 1 and PARTICIPANT not in Path(path).name:
        name = Path(path)
        remedy = f"As in {name.stem + '_' + PARTICIPANT + name.suffix!r}."
        raise ArgumentError(advice("path", f"hold {PARTICIPANT} with {len(people)} participants", str(path), remedy))
    table = sequence.copy()
    if keys is not None:
        if set(keys) != {"old", "new"}:
            raise ArgumentError(advice("keys", "be those for old and new", dict(keys)))
        table["correct_key"] = table["truth"].map(dict(keys))
    pictures = [f"{folder.rstrip('/')}/{name}" if folder else str(name) for name in table[IMAGE]]
    files = [prepared(str(path).replace(PARTICIPANT, str(who)), "path", endings=(ending,)) for who in people]
    for who, file in zip(people, files, strict=True):
        mine = (table["participant"] == who).to_numpy()
        write(table[mine], [pictures[i] for i in np.flatnonzero(mine)], file)
    return files


def _conditions(table: pd.DataFrame, pictures: list[str], file: Path) -> None:
    table = table.copy()
    table.insert(0, "picture", pictures)
    write_csv(table, file)


def _timeline(table: pd.DataFrame, pictures: list[str], file: Path) -> None:
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    trials = [
        {"stimulus": picture, "data": {str(name): _plain(value) for name, value in row.items()}}
        for picture, row in zip(pictures, rows, strict=True)
    ]
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(trials, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(file)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


#: Style -> ending of its files, and how one is written.
STYLES: dict[str, tuple[str, Callable[[pd.DataFrame, list[str], Path], None]]] = {
    "psychopy": (".csv", _conditions),
    "jspsych": (".json", _timeline),
}
