"""Renders of faces with the outputs of ResMem that another lab published: what a right predictor must give."""

import json
from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.datasets.columns import pictures, with_photographs
from memfeat.datasets.folders import legible, needed
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

#: Versions of the renders in the file -> the column.
VERSIONS = {"version1_gray_lm": "published_resmem", "version1_color": "published_resmem_color"}


def _estimates(folder: Path) -> pd.DataFrame:
    path = needed(folder, "published_estimates.json")
    with legible(path.name):
        found = json.loads(path.read_text(encoding="utf-8"))
        missing = [name for name in VERSIONS if name not in found]
        if missing:
            got, rule = listed(f"no {missing[0]!r} in {path.name}"), f"hold {path.name} as its authors wrote it"
            raise ArgumentError(advice("folder", rule, got, "Download it again."))
        columns = {column: pd.Series(found[name], dtype=float) for name, column in VERSIONS.items()}
    return pd.DataFrame(columns).rename_axis(IMAGE).reset_index()


def _load(folder: Path) -> xr.Dataset:
    place, table = needed(folder, "images"), _estimates(folder)
    here = {one.name for one in place.iterdir()}
    chosen = table[table[IMAGE].isin(here)]
    said = {"n_estimates": len(table), "n_estimates_without_image": len(table) - len(chosen)}
    return with_photographs(place, chosen).assign_attrs(**said)


READER = Reader(
    load=_load,
    tables={"estimates": _estimates},
    checks={
        "renders": lambda see: ((2340, 45), len(pictures(needed(see.folder, "images")))),
        "published estimates": lambda see: (2340, len(see(_estimates))),
        "renders without an estimate": lambda see: (0, see(_load).attrs["n_images_without_score"]),
    },
)
