"""The 2,222 photographs of Isola et al. (2011): counts from the authors' own release."""

from pathlib import Path, PurePosixPath

import pandas as pd
import xarray as xr

from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, once, scored, with_photographs
from memfeat.datasets.folders import first, needed
from memfeat.datasets.readers import halves, matlab
from memfeat.datasets.readers.reader import Reader

__all__ = ["READER"]

FILE = "Experiment data/sorted_target_data.mat"
FIELDS = {name: name for name in ("hits", "misses", "false_alarms", "correct_rejections")}
#: The authors analysed the first of the targets, which are sorted; textures follow.
N_TARGETS = 2222
#: Where the rates of halves of the participants lie, in the order of the targets.
SPLITS = ("Data/Random splits", "Random splits")


def _targets(folder: Path) -> pd.DataFrame:
    """Read the counts in the order of the file."""
    path = needed(folder, f"Data/{FILE}", FILE, "sorted_target_data.mat")
    rows = matlab.structs(path, "sorted_target_data")[:N_TARGETS]
    table = matlab.table(path, rows, {"filepath": IMAGE} | FIELDS, text=["filepath"])
    names = [PurePosixPath(one.replace("\\", "/")).name for one in table[IMAGE]]
    return once(table.assign(image=names), path)


def _scores(folder: Path) -> pd.DataFrame:
    return counted(_targets(folder))


def _load(folder: Path) -> xr.Dataset:
    table, place = _scores(folder), first(folder, ["images"])
    return scored("the 2,222 targets", table) if place is None else with_photographs(place, table)


def _halves(folder: Path) -> xr.Dataset:
    """Give the hit rates in both halves of the participants, (image, half, split)."""
    names = _targets(folder)[IMAGE]
    return halves.named(names, halves.read(folder, SPLITS, len(names)), matched_by="order of the targets")


def _pairs(folder: Path) -> int | str:
    n_images = len(_targets(folder))
    return "no halves" if first(folder, SPLITS) is None else halves.read(folder, SPLITS, n_images).shape[2]


READER = Reader(
    load=_load,
    tables={"halves": _halves},
    checks={
        "targets": lambda see: (N_TARGETS, len(see(_scores))),
        "pairs of halves": lambda see: ((25, "no halves"), see(_pairs)),
    },
)
