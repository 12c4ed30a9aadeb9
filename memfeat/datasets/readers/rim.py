"""Scenes of Rim et al. (2025): recognition with counts, naturalness, compressibility and ResMem's predictions."""

from functools import partial
from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, of_images, once, scored, taken, together
from memfeat.datasets.folders import first, needed
from memfeat.datasets.known import PLACES
from memfeat.datasets.readers.reader import Reader

__all__ = ["FILES", "READER", "SETS"]

#: The sets, of which the third need not be there.
SETS = ("set1", "set2", "set3")
#: file -> its columns, and ours
FILES: dict[str, dict[str, str]] = {
    "memorability": {
        "target_hit": "hits",
        "target_miss": "misses",
        "target_fa": "false_alarms",
        "target_cr": "correct_rejections",
        "filler_hit": "filler_hits",
        "filler_miss": "filler_misses",
        "filler_fa": "filler_false_alarms",
        "filler_cr": "filler_correct_rejections",
    },
    "resmem": {"resmem": "resmem"},
    "naturalness": {"naturalness": "naturalness", "sd": "naturalness_sd", "count": "n_naturalness"},
    "compressibility": {
        "jpeg_based_compressibility": "jpeg_compressibility",
        "canny_based_compressibility": "canny_compressibility",
    },
    "vitnat": {"vitnat": "vitnat"},
}
#: A file that a set may lack.
OPTIONAL = "vitnat"
INCOMPLETE = "n_images_incomplete"


def _places(one: str, kind: str) -> list[str]:
    return [f"{place}{one}_{kind}.csv" for place in PLACES["rim2025"]]


def _found(folder: Path, one: str, kind: str) -> Path | None:
    return first(folder, _places(one, kind))


def _set(folder: Path, one: str) -> pd.DataFrame:
    """Read what is known of the images of one set."""
    parts = {}
    for kind, names in FILES.items():
        if kind == OPTIONAL and _found(folder, one, kind) is None:
            continue
        path = needed(folder, *_places(one, kind))
        parts[path.name] = once(taken(path, {"image_name": IMAGE} | names, text=["image_name"]), path)
    table = together(parts)
    return counted(table).assign(set=one)


def _load(folder: Path) -> xr.Dataset:
    there = [one for one in SETS if one != "set3" or _found(folder, one, "memorability") is not None]
    sets = [_set(folder, one) for one in there]
    whole = once(pd.concat(sets, ignore_index=True), folder)
    return scored("scenes", whole, **{INCOMPLETE: sum(one.attrs[INCOMPLETE] for one in sets)})


def _one(folder: Path, one: str) -> xr.Dataset:
    table = _set(folder, one)
    return of_images(table, **{INCOMPLETE: table.attrs[INCOMPLETE]})


def _pearson(folder: Path, one: str, column: str) -> float:
    table = _set(folder, one)
    return round(float(table[column].corr(table["corrected_recognition"])), 3)


READER = Reader(
    load=_load,
    tables={one: partial(_one, one=one) for one in SETS},
    checks={
        "images of set1": lambda see: (375, len(see(_set, "set1"))),
        "images of set2": lambda see: (1104, len(see(_set, "set2"))),
        "images that not all files of their set name": lambda see: (0, see(_load).attrs[INCOMPLETE]),
        "set1: Pearson of ResMem and corrected recognition": lambda see: (0.493, see(_pearson, "set1", "resmem")),
        "set2: Pearson of ResMem and corrected recognition": lambda see: (0.545, see(_pearson, "set2", "resmem")),
    },
)
