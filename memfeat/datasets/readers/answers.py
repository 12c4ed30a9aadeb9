"""FIGRIM as its authors give it out: MATLAB files of counts online, and of answers in the laboratory."""

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, once
from memfeat.datasets.readers.matlab import AGAIN, has, structs, table
from memfeat.errors import ArgumentError

__all__ = ["GAMES", "NO_ANSWER", "SHOWINGS", "counts", "game", "showings"]

#: Showings of an image to a participant, and what stands where there was no answer, as in the tables.
SHOWINGS, NO_ANSWER = ("enc", "rec", "rec2"), -1
#: Counts of foils, by the names that the authors' own program for scores uses; the README names hits and misses only.
TARGETS, FOILS = ("hits", "misses"), ("false_alarms", "correct_rejections")
#: The games online, in the file of all targets: with foils of the same category, and of all categories.
GAMES = {"amt1": "online, among scenes of the same category", "amt2": "online, among scenes of all categories"}


def counts(path: Path) -> pd.DataFrame:
    """Read the counts of the crowd from the file of the images with answers.

    Parameters
    ----------
    path : Path
        `allImages_release.mat`.

    Returns
    -------
    DataFrame
        `image`, `category`, `hits`, `misses`; `false_alarms` and `correct_rejections` if each image has them.

    Raises
    ------
    ArgumentError
        If the file is not as its authors describe it.
    """
    rows = structs(path, "allImages")
    there = [name for name in FOILS if all(has(one, f"AMT_comb.{name}") for one in rows)]
    names = (*TARGETS, *(there if len(there) == len(FOILS) else ()))
    found = table(path, rows, {"impath": "impath"} | {f"AMT_comb.{name}": name for name in names}, text=["impath"])
    return counted(once(_located(found).drop(columns="impath"), path))


def game(path: Path, which: str) -> pd.DataFrame:
    """Read the counts of one of the games from the file of all targets.

    Parameters
    ----------
    path : Path
        `image_data_targets.mat`.
    which : str
        The game, one of `GAMES`.

    Returns
    -------
    DataFrame
        `image`, `category` and the counts.

    Raises
    ------
    ArgumentError
        If the file is not as its authors' programs read it.
    """
    fields = {"filename": IMAGE, "category": "category"} | {f"{which}.{name}": name for name in (*TARGETS, *FOILS)}
    rows = structs(path, "image_data_targets")
    return counted(once(table(path, rows, fields, text=["filename", "category"]), path))


def showings(path: Path) -> pd.DataFrame:
    """Read the answers of the laboratory.

    Parameters
    ----------
    path : Path
        `allImages_release.mat`.

    Returns
    -------
    DataFrame
        One row per image and participant who saw it: `image`, `category`, `participant`, who is the same for all images
        and counted from 0, and the answers at the three showings, `enc`, `rec` and `rec2`: 1 hit, 2 false alarm, 3
        miss, 4 correct rejection, -1 none.

    Raises
    ------
    ArgumentError
        If the file is not as its authors describe it.
    """
    rows = structs(path, "allImages")
    images = _located(table(path, rows, {"impath": "impath"}, text=["impath"]))
    made = [
        (image, category, participant, *answers)
        for image, category, one in zip(images[IMAGE], images["category"], rows, strict=True)
        for participant, answers in _answers(one, path)
    ]
    return pd.DataFrame(made, columns=[IMAGE, "category", "participant", *SHOWINGS])


def _located(found: pd.DataFrame) -> pd.DataFrame:
    """Add image and category, which are the last two parts of the path."""
    places = [PurePosixPath(one.replace("\\", "/")) for one in found["impath"]]
    return found.assign(image=[one.name for one in places], category=[one.parent.name for one in places])


def _answers(one: Any, path: Path) -> list[tuple[int, list[int]]]:
    """Give the answers to an image by participant, whose fields are empty if they did not see it."""
    users: list[Any] = list(np.atleast_1d(one.userdata)) if has(one, "userdata") else [None]
    if not all(has(user, "SDT") for user in users):
        got = listed("no field 'userdata.SDT'")
        raise ArgumentError(advice("folder", f"hold {path.name} as its authors wrote it", got, AGAIN))
    seen = [(number, np.atleast_1d(user.SDT)) for number, user in enumerate(users)]
    wrong = [codes.size for _, codes in seen if codes.size not in (0, len(SHOWINGS))]
    if wrong:
        rule, got = f"hold {path.name} with three answers per participant and image", listed(f"{wrong[0]}")
        raise ArgumentError(advice("folder", rule, got, AGAIN))
    return [(number, [_code(value) for value in codes]) for number, codes in seen if codes.size]


def _code(value: Any) -> int:
    return int(value) if value in (1, 2, 3, 4) else NO_ANSWER
