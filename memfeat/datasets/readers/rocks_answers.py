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
    return any(any((folder / place).glob("*.json")) for place in PLACES.values())


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
    rows = [
        row
        for experiment, place in PLACES.items()
        for path in sorted((folder / place).glob("*.json"))
        for row in _answers(path, experiment)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _answers(path: Path, experiment: str) -> list[list[Any]]:
    with legible(path.name):
        shown = json.loads(path.read_text(encoding="utf-8"))
        tested = [one for one in shown if one.get("task") == "test_phase"]
        return [[experiment, path.stem, one["image_png"], *_answered(one), one["rt"], one["group"]] for one in tested]


def _answered(one: dict[str, Any]) -> tuple[str, str | None]:
    """Give what a photograph was, and the answer: keys are told by which of them was right."""
    truth = TRUTH[one["item_type"]]
    if one["response"] is None:
        return truth, None
    return truth, truth if one["response"] == one["correct_response"] else OTHER[truth]
