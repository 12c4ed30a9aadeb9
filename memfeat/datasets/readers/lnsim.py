"""LNSIM: outdoor natural scenes with hit rates, and those of 25 pairs of halves of the participants."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat._tables import read_plain
from memfeat.datasets.columns import once, warned, with_photographs
from memfeat.datasets.folders import first, needed
from memfeat.datasets.readers import halves
from memfeat.datasets.readers.matlab import matrices
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

PICTURES, SPLITS = ("images", "Image_data"), "Random_splits"
#: The scores of all participants, which the authors' README names.
WHOLE = ("hrs.mat", f"{SPLITS}/hrs.mat")
#: What is said of scores that come without names, and of what hit_rate is.
INFERRED = {"matched_by": "order of rows, and of the photographs' names"}
MEAN, OWN = "mean of the published halves", "score of all participants (hrs.mat)"


def _released(folder: Path) -> pd.DataFrame:
    """Read what the authors give out: MATLAB files, without names, in the order of the photographs."""
    warned(
        "the MATLAB files hold no names: values are taken in the order of the photographs' names, which their authors "
        f"do not state; hit_rate is the {_is(folder)}"
    )
    names = sorted(one.name for one in needed(folder, *PICTURES).iterdir())
    rates = halves.read(folder, [SPLITS], len(names))
    whole = first(folder, WHOLE)
    made = {IMAGE: names, "hit_rate": np.nanmean(rates, axis=(1, 2)) if whole is None else _own(whole, len(names))}
    for half in (1, 2):
        made |= {f"half{half}_split{i:02d}": column for i, column in enumerate(rates[:, half - 1].T, 1)}
    return pd.DataFrame(made)


def _own(path: Path, n_images: int) -> npt.NDArray[np.float64]:
    """Read the scores of all participants: the one matrix of the file, whose name is not documented."""
    found = matrices(path)
    sizes = {name: one.shape for name, one in found.items()}
    if len(found) != 1 or n_images not in [one.size for one in found.values()]:
        rule, got = f"hold {path.name} with one value per photograph", listed(f"{n_images} photographs, and {sizes}")
        raise ArgumentError(advice("folder", rule, got))
    return np.asarray(next(iter(found.values())), dtype=np.float64).ravel()


def _is(folder: Path) -> str:
    return MEAN if first(folder, WHOLE) is None else OWN


def _nameless(folder: Path) -> bool:
    return not (folder / "scores.csv").is_file() and (folder / SPLITS).is_dir()


def _scores(folder: Path) -> pd.DataFrame:
    if _nameless(folder):
        return _released(folder)
    path = needed(folder, "scores.csv", f"{SPLITS}/{halves.FILES[0]}")
    table = read_plain(path, "folder", text=[IMAGE])
    missing = [name for name in (IMAGE, "hit_rate") if name not in table]
    if missing:
        got = listed(f"no column {missing[0]!r}")
        raise ArgumentError(advice("folder", "hold scores.csv with image and hit_rate", got, "See its layout."))
    return once(table, path)


def _load(folder: Path) -> xr.Dataset:
    scores = _scores(folder)[[IMAGE, "hit_rate"]]
    images = with_photographs(needed(folder, *PICTURES), scores)
    return images.assign_attrs(INFERRED | {"hit_rate_is": _is(folder)} if _nameless(folder) else {})


def _halves(folder: Path) -> xr.Dataset:
    """Give the hit rates in both halves of the participants, (image, half, split)."""
    table = _scores(folder).sort_values(IMAGE, kind="stable")
    splits = sorted(name.removeprefix("half1_") for name in map(str, table) if name.startswith("half1_"))
    values = np.stack([table[[f"half{half}_{one}" for one in splits]].to_numpy(np.float64) for half in (1, 2)], axis=1)
    return halves.named(table[IMAGE], values, splits, **(INFERRED if _nameless(folder) else {}))


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
