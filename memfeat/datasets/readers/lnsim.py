"""LNSIM: outdoor natural scenes with hit rates, and those of 25 pairs of halves of the participants."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, stamped
from memfeat._tables import read_plain, texts
from memfeat.datasets.columns import once, warned, with_photographs
from memfeat.datasets.folders import legible, needed
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

PICTURES, SPLITS = ("images", "Image_data"), "Random_splits"
#: What is said of scores that come without names.
INFERRED = {"matched_by": "order of rows, and of the photographs' names", "hit_rate_is": "mean of the published halves"}


def _released(folder: Path) -> pd.DataFrame:
    """Read what the authors give out: halves in MATLAB files, without names, in the order of the photographs."""
    from scipy.io import loadmat

    warned(
        f"the files in {SPLITS} hold no names: values are taken in the order of the photographs' names, which their "
        "authors do not state; hit_rate is the mean of the published halves"
    )
    names = sorted(one.name for one in needed(folder, *PICTURES).iterdir())
    made: dict[str, Any] = {IMAGE: names}
    for half in (1, 2):
        path = needed(folder, f"{SPLITS}/subject_hrs{half}.mat")
        with legible(path.name):
            values = np.asarray(loadmat(path).get(f"subject_hrs{half}", np.empty(0)), dtype=np.float64)
        if values.ndim != 2 or len(names) not in values.shape or values.shape[0] == values.shape[1]:
            got = listed(f"{len(names)} photographs, and {path.name} of shape {values.shape}")
            raise ArgumentError(advice("folder", f"hold {path.name} with a value per photograph", got))
        by_image = values if len(values) == len(names) else values.T
        made |= {f"half{half}_split{i:02d}": column for i, column in enumerate(by_image.T, 1)}
    halves = pd.DataFrame(made)
    return halves.assign(hit_rate=halves.drop(columns=IMAGE).mean(axis=1))


def _nameless(folder: Path) -> bool:
    return not (folder / "scores.csv").is_file() and (folder / SPLITS).is_dir()


def _scores(folder: Path) -> pd.DataFrame:
    if _nameless(folder):
        return _released(folder)
    path = needed(folder, "scores.csv", f"{SPLITS}/subject_hrs1.mat")
    table = read_plain(path, "folder", text=[IMAGE])
    missing = [name for name in (IMAGE, "hit_rate") if name not in table]
    if missing:
        got = listed(f"no column {missing[0]!r}")
        raise ArgumentError(advice("folder", "hold scores.csv with image and hit_rate", got, "See its layout."))
    return once(table, path)


def _load(folder: Path) -> xr.Dataset:
    scores = _scores(folder)[[IMAGE, "hit_rate"]]
    images = with_photographs(needed(folder, *PICTURES), scores)
    return images.assign_attrs(INFERRED if _nameless(folder) else {})


def _halves(folder: Path) -> xr.Dataset:
    """Give the hit rates in both halves of the participants, (image, half, split)."""
    table = _scores(folder).sort_values(IMAGE, kind="stable")
    splits = sorted(name.removeprefix("half1_") for name in map(str, table) if name.startswith("half1_"))
    values = np.stack([table[[f"half{half}_{one}" for one in splits]].to_numpy(np.float64) for half in (1, 2)], axis=1)
    coords = {IMAGE: texts(table[IMAGE]), "half": [1, 2], "split": texts(splits)}
    made = xr.Dataset({"hit_rate": ((IMAGE, "half", "split"), values)}, coords)
    how = {"matched_by": INFERRED["matched_by"]} if _nameless(folder) else {}
    return stamped(made, kind="halves", estimator="halves as they were published", n_splits=len(splits), **how)


READER = Reader(
    load=_load,
    tables={"halves": _halves},
    checks={
        "photographs": lambda see: ((2632, 800), sum(1 for _ in needed(see.folder, *PICTURES).iterdir())),
        "hit rates": lambda see: ((2632, 800), len(see(_scores))),
        "scores without a photograph": lambda see: (0, see(_load).attrs["n_scores_without_image"]),
        "photographs without a score": lambda see: (0, see(_load).attrs["n_images_without_score"]),
        "pairs of halves": lambda see: (25, see(_halves).sizes["split"]),
    },
)
