"""The 2,222 photographs of Isola et al. (2011): counts from the authors' own release."""

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, once, scored, with_photographs
from memfeat.datasets.folders import first, legible, needed
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

FILE = "Experiment data/sorted_target_data.mat"
FIELDS = ("filepath", "hits", "misses", "false_alarms", "correct_rejections")
#: The authors analysed the first of the targets, which are sorted.
N_TARGETS = 2222


def _scores(folder: Path) -> pd.DataFrame:
    from scipy.io import loadmat

    path = needed(folder, f"Data/{FILE}", FILE, "sorted_target_data.mat")
    with legible(path.name):
        found = loadmat(path, squeeze_me=True, struct_as_record=False).get("sorted_target_data")
    records: list[Any] = [] if found is None else list(np.atleast_1d(found))[:N_TARGETS]
    lacking = [name for name in FIELDS if not records or any(not hasattr(one, name) for one in records)]
    if lacking:
        got = listed(f"no field {lacking[0]!r}")
        raise ArgumentError(advice("folder", f"hold {path.name} as its authors wrote it", got, "Download it again."))
    names = [PurePosixPath(str(one.filepath).replace("\\", "/")).name for one in records]
    with legible(path.name):
        counts = {name: [int(getattr(one, name)) for one in records] for name in FIELDS[1:]}
    return counted(once(pd.DataFrame({IMAGE: names} | counts), path))


def _load(folder: Path) -> xr.Dataset:
    table, place = _scores(folder), first(folder, ["images"])
    return scored("the 2,222 targets", table) if place is None else with_photographs(place, table)


READER = Reader(load=_load, checks={"targets": lambda see: (N_TARGETS, len(see(_scores)))})
