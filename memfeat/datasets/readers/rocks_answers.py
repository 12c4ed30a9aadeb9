"""Answers to the photographs of rocks as their authors keep them: one JSON file for each participant."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from memfeat._labels import IMAGE
from memfeat.datasets.folders import legible

__all__ = ["PLACES", "read", "there"]

#: experiment -> where its files lie in the authors' repository
PLACES = {
    "Exp1_New": "Exp1/Analysis/Data/New_Version_120_Targets",
    "Exp1_Old": "Exp1/Analysis/Data/Old_Version_240_Targets",
    "Exp2": "Exp2/Analysis/Data",
    "Exp2b": "Exp2b/Analysis/Data",
}
#: What the authors call a photograph that was shown before, or was not; and the other answer.
TRUTH = {"Target": "old", "Foil": "new"}
OTHER = {"old": "new", "new": "old"}
COLUMNS = ["experiment", "participant", IMAGE, "truth", "response", "rt", "group"]


def there(folder: Path) -> bool:
    """Say whether a folder holds such files.

    Parameters
    ----------
    folder : Path
        The folder of the set.

    Returns
    -------
    bool
        Whether there is one of any experiment.
    """
    return any(_files(folder / place) for place in PLACES.values())


def read(folder: Path) -> pd.DataFrame:
    """Read the answers of the test phase; what was only shown is left out.

    Parameters
    ----------
    folder : Path
        The folder of the set.

    Returns
    -------
    DataFrame
        `experiment`, `participant` (the name of the file: a person who took part twice is two), `image`, `truth`,
        `response`, `rt` in milliseconds, and `group`.

    Raises
    ------
    ArgumentError
        If a file is damaged.
    """
    read = [_experiment(experiment, _files(folder / place)) for experiment, place in PLACES.items()]
    return pd.DataFrame([row for rows in read for row in rows], columns=COLUMNS)


def _files(place: Path) -> list[Path]:
    """List the files of an experiment, without hidden ones, such as systems leave beside those that they copy."""
    return sorted(one for one in place.glob("*.json") if not one.name.startswith("."))


def _experiment(experiment: str, files: list[Path]) -> list[list[Any]]:
    """Read the answers of an experiment: keys are told by which of them was right, and any other key is no answer."""
    tested = [one for path in files for one in _tested(path)]
    keys = {one["right"] for one in tested}
    return [
        [experiment, one["person"], one["image"], one["truth"], _answer(one, keys), one["rt"], one["group"]]
        for one in tested
    ]


def _tested(path: Path) -> list[dict[str, Any]]:
    """Read the test phase of a participant."""
    with legible(path.name):
        shown = json.loads(path.read_text(encoding="utf-8"))
        return [
            {
                "person": path.stem,
                "image": one["image_png"],
                "truth": TRUTH[one["item_type"]],
                "key": one["response"],
                "right": one["correct_response"],
                "rt": one["rt"],
                "group": one["group"],
            }
            for one in shown
            if one.get("task") == "test_phase"
        ]


def _answer(one: dict[str, Any], keys: set[str]) -> str | None:
    if one["key"] not in keys:
        return None
    truth: str = one["truth"]
    return truth if one["key"] == one["right"] else OTHER[truth]
