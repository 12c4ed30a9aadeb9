"""VISCHEMA: scenes with the regions that people say they remembered them by."""

from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, once, taken, with_photographs
from memfeat.datasets.folders import needed
from memfeat.datasets.readers.reader import Reader

__all__ = ["READER"]

COUNTS = [IMAGE, "hits", "misses", "false_alarms", "correct_rejections"]


def _scores(folder: Path) -> pd.DataFrame:
    path = needed(folder, "scores.csv")
    return counted(once(taken(path, COUNTS, text=[IMAGE]), path))


def _load(folder: Path) -> xr.Dataset:
    return with_photographs(needed(folder, "images"), _scores(folder))


READER = Reader(load=_load, checks={"images": lambda see: (800, len(see(_scores)))})
