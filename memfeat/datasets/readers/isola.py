"""Attributes that people gave to the 2,222 photographs of Isola et al., with hit rates and a fixed split."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat._tables import texts
from memfeat.datasets.columns import features, scored
from memfeat.datasets.folders import needed
from memfeat.datasets.readers.matlab import matrix
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

PARTS = ("train", "test")
NAMES = "the files hold no names: images are called by their part and row, and match no other set's"


def _parts(folder: Path) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Read attributes and hit rates of both parts."""
    made = {}
    for part in PARTS:
        x = matrix(needed(folder, f"{part}.mat"), part)
        y = matrix(needed(folder, f"y_{part}.mat"), f"y_{part}").ravel()
        if len(x) != len(y):
            got = listed(f"{len(x)} and {len(y)}")
            raise ArgumentError(advice("folder", f"hold as many rows in {part}.mat as in y_{part}.mat", got))
        made[part] = (x, y)
    return made


def _split(folder: Path) -> pd.DataFrame:
    rows = [(f"{part}_{i:04d}", part, rate) for part, (_, y) in _parts(folder).items() for i, rate in enumerate(y, 1)]
    return pd.DataFrame(rows, columns=[IMAGE, "split", "hit_rate"])


def _load(folder: Path) -> xr.Dataset:
    return scored("the 2,222 photographs", _split(folder), naming=NAMES)


def _attributes(folder: Path) -> xr.Dataset:
    values = np.concatenate([x for x, _ in _parts(folder).values()])
    return features(_split(folder)[IMAGE], values, "attributes", naming=NAMES)


def _weights(folder: Path) -> pd.DataFrame:
    weights = matrix(needed(folder, "w.mat"), "w").ravel()
    return pd.DataFrame({"attribute": texts(range(len(weights))), "weight": weights})


READER = Reader(
    load=_load,
    tables={
        "attributes": _attributes,
        "split": lambda folder: _split(folder)[[IMAGE, "split"]],
        "weights": _weights,
    },
    checks={
        "images": lambda see: (2222, len(see(_split))),
        "images per part": lambda see: ([1482, 740], [len(y) for _, y in see(_parts).values()]),
        "attributes": lambda see: (923, see(_attributes).sizes["attributes:unit"]),
        "weights": lambda see: (923, len(see(_weights))),
    },
)
