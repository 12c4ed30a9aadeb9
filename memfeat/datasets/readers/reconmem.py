"""Distinctiveness and reconstruction error of the 2,222 targets of Isola et al. at seven layers (Lin et al. 2024)."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, stamped
from memfeat._tables import texts
from memfeat.datasets.columns import once, scored, taken
from memfeat.datasets.folders import needed
from memfeat.datasets.known import PLACES
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

#: The files' numbers -> layers of VGG-16.
LAYERS = {1: "pool1", 2: "pool2", 3: "pool3", 4: "pool4", 5: "pool5", 6: "fc1", 7: "fc2"}
COLUMNS = {
    "Image type": "kind",
    "Image index": "index",
    "Memorability score": "corrected_recognition",
    "Distinctiveness": "distinctiveness",
    "Reconstruction error": "reconstruction_error",
}
NAMES = "images are called by their number in the files, and match no other set's"


def _layer(folder: Path, number: int) -> pd.DataFrame:
    path = needed(folder, *(f"{place}Isola_layer_{number}_dist_rec.csv" for place in PLACES["reconmem_isola"]))
    table = taken(path, COLUMNS)
    table = table[table["kind"] == "Target"]
    named = table.assign(image=[f"target_{int(one):04d}" for one in table["index"]]).drop(columns=["kind", "index"])
    return once(named, path).sort_values(IMAGE, kind="stable").set_index(IMAGE)


def _layers(folder: Path) -> xr.Dataset:
    tables = [_layer(folder, number) for number in LAYERS]
    for number, table in zip(LAYERS, tables, strict=True):
        if not table.index.equals(tables[0].index):
            got = listed(f"{len(table)} in that of layer {number}, {len(tables[0])} in that of layer 1")
            raise ArgumentError(advice("folder", "hold the same images in each file", got, "Download them again."))
    columns = {
        name: ((LAYER, IMAGE), np.stack([table[name].to_numpy(np.float64) for table in tables]))
        for name in ("distinctiveness", "reconstruction_error")
    }
    coords = {LAYER: texts(LAYERS.values()), IMAGE: texts(tables[0].index)}
    return stamped(xr.Dataset(columns, coords), kind="measures by layer", naming=NAMES)


def _load(folder: Path) -> xr.Dataset:
    table = _layer(folder, 1)[["corrected_recognition"]].reset_index()
    return scored("the 2,222 targets", table, naming=NAMES)


def _same(folder: Path) -> bool:
    scores = [_layer(folder, number)["corrected_recognition"] for number in LAYERS]
    return all(one.equals(scores[0]) for one in scores)


READER = Reader(
    load=_load,
    tables={"layers": _layers},
    checks={
        "targets": lambda see: (2222, len(see(_layer, 1))),
        "layers": lambda see: (7, see(_layers).sizes[LAYER]),
        "the same scores in each file": lambda see: (True, see(_same)),
    },
)
