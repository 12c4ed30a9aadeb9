"""What a predictor was trained on, as `--trained-on` says it: a data set, a table of images, or a saved head."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memfeat._check import advice, looked_up
from memfeat.errors import MissingFileError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["training_images"]

log = logging.getLogger(__name__)
#: kind of head → whether its validation images had a say in it
CHOSE = {"ridge": False, "mlp": True}


def training_images(said: Iterable[str], *, dataset: str | None) -> "list[str | pd.DataFrame]":
    """Read tables and heads; refuse what is neither these nor a data set that is known.

    Parameters
    ----------
    said : iterable of str
        Names of data sets, CSV files, folders of saved heads.
    dataset : str, optional
        The data set that the user says the images come from; any name of it is taken.

    Returns
    -------
    list of str or DataFrame
        What `mf.evaluation.evaluate` takes as `trained_on`.

    Raises
    ------
    MissingFileError
        If a folder holds no head, or a table is not there.
    UnknownNameError
        If it is no file, no folder and no data set that is known.
    """
    return [_one(one, dataset) for one in said]


def _one(said: str, dataset: str | None) -> "str | pd.DataFrame":
    from memfeat._tables import is_table_file
    from memfeat.evaluation.overlap import KNOWN

    # a data set that the user names twice in the same words needs no list of ours
    known = list(dict.fromkeys([*KNOWN, *([dataset.strip().lower()] if dataset else [])]))
    path = Path(said).expanduser()
    if said.strip().lower() in known:
        return said
    if path.is_dir():
        return _rows(path / "split.csv", said)
    if path.is_file() or is_table_file(path):
        return _rows(path, said)
    names = ", ".join(known)
    remedy = f"It is a CSV of images, the folder of a saved head, or one of: {names}. There is no such file or folder."
    return looked_up("--trained-on", said, known, remedy)


def _rows(path: Path, said: str) -> "pd.DataFrame":
    """Read a table, and leave out the rows that had no part in the training of a head."""
    from memfeat._tables import read_table

    if path.parent == Path(said).expanduser() and not path.is_file():
        remedy = f"It has no {path.name}; the folder that memfeat train wrote has one."
        raise MissingFileError(advice("--trained-on", "be the folder of a saved head", said, remedy))
    table, _ = read_table(path, "--trained-on")
    if "part" not in table.columns:
        return table
    held_out, kind = table["part"].astype(str) == "validation", _kind(path.with_name("head.json"))
    n = int(held_out.sum())
    if CHOSE.get(kind, True):
        if n:
            log.info("%s: its %d validation images had a say in when training stopped, and count as seen.", said, n)
        return table
    log.info("%s: fitted to %d images; its %d validation images had no part in the fit.", said, len(table) - n, n)
    return table[~held_out].reset_index(drop=True)


def _kind(path: Path) -> str:
    """Give the kind of the head beside a table; empty where there is none."""
    try:
        facts: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(facts.get("kind", "")) if isinstance(facts, dict) else ""
