"""THINGS: memorability of the single images of its 1,854 concepts."""

from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._labels import IMAGE
from memfeat.datasets.columns import once, scored, taken, with_photographs
from memfeat.datasets.folders import first, needed
from memfeat.datasets.readers.reader import Reader

__all__ = ["READER"]

FILE = "THINGS_Memorability_Scores.csv"
#: Where the pictures lie, which the table names with a first folder of its own.
PICTURES, PREFIX = ("object_images", "images", "Images"), "images/"


def _scores(folder: Path) -> pd.DataFrame:
    path = needed(folder, FILE)
    table = taken(path, {"file_path": IMAGE, "cr": "corrected_recognition"}, text=["file_path"])
    names = table[IMAGE].astype(str).str.removeprefix(PREFIX)
    return once(table.assign(image=names, concept=names.str.rpartition("/")[0].str.rpartition("/")[2]), path)


def _load(folder: Path) -> xr.Dataset:
    table, place = _scores(folder), first(folder, PICTURES)
    return scored("images of objects", table) if place is None else with_photographs(place, table)


READER = Reader(
    load=_load,
    checks={
        "images": lambda see: (26_107, len(see(_scores))),
        "concepts": lambda see: (1854, see(_scores)["concept"].nunique()),
    },
)
