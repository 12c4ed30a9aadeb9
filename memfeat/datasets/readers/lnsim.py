"""LNSIM: outdoor natural scenes with hit rates, and those of 25 pairs of halves of the participants."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat._tables import read_plain
from memfeat.datasets.columns import once, warned, with_photographs
from memfeat.datasets.folders import first, legible, needed
from memfeat.datasets.readers import halves
from memfeat.datasets.readers.matlab import matrices, matrix
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

PICTURES, SPLITS = ("images", "Image_data"), "Random_splits"
#: The scores of all participants, which the authors' README names.
WHOLE = ("hrs.mat", f"{SPLITS}/hrs.mat")
#: By what scores that come without names are matched: by order where there is one for each photograph, else by number.
ORDER, NUMBER = "order of rows, and of the photographs' names", "rows, numbered as the photographs are (1 is the first)"
MEAN, OWN = "mean of the published halves", "score of all participants (hrs.mat)"


def _released(folder: Path) -> pd.DataFrame:
    """Read what the authors give out: MATLAB files, without names, of which photographs may be a part."""
    names = sorted(one.name for one in needed(folder, *PICTURES).iterdir())
    n_rows, rows, how = _rows(names, matrix(needed(folder, f"{SPLITS}/{halves.FILES[0]}"), "subject_hrs1").shape)
    warned(
        f"the MATLAB files hold no names: values are matched by {how}, which their authors do not state; hit_rate is "
        f"the {_is(folder)}"
    )
    rates = halves.read(folder, [SPLITS], n_rows)
    whole = first(folder, WHOLE)
    made = {IMAGE: names, "hit_rate": (np.nanmean(rates, axis=(1, 2)) if whole is None else _own(whole, n_rows))[rows]}
    for half in (1, 2):
        made |= {f"half{half}_split{i:02d}": column[rows] for i, column in enumerate(rates[:, half - 1].T, 1)}
    table = pd.DataFrame(made)
    table.attrs["matched_by"] = how
    return table


def _rows(names: list[str], shape: tuple[int, ...]) -> tuple[int, npt.NDArray[np.intp], str]:
    """Say how many rows the files must have, which are those of the photographs, and how that is known."""
    numbers = [int(stem) if (stem := Path(name).stem).isdecimal() else 0 for name in names]
    n_rows = max(shape, default=0)
    whole, single = len(names) == n_rows, len(set(numbers)) == len(names)
    if names and not whole and single and min(numbers) > 0 and max(numbers) <= n_rows:
        return n_rows, np.array(numbers, np.intp) - 1, NUMBER
    return len(names), np.arange(len(names)), ORDER


def _own(path: Path, n_images: int) -> npt.NDArray[np.float64]:
    """Read the scores of all participants: the one matrix of the file, whose name is not documented."""
    found = matrices(path)
    sizes = {name: one.shape for name, one in found.items()}
    if len(found) != 1 or n_images not in [one.size for one in found.values()]:
        rule, got = f"hold {path.name} with one value per photograph", listed(f"{n_images} rows, and {sizes}")
        raise ArgumentError(advice("folder", rule, got))
    with legible(path.name):
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
    scores = _scores(folder)
    images = with_photographs(needed(folder, *PICTURES), scores[[IMAGE, "hit_rate"]])
    return images.assign_attrs(_facts(scores) | {"hit_rate_is": _is(folder)} if _nameless(folder) else {})


def _halves(folder: Path) -> xr.Dataset:
    """Give the hit rates in both halves of the participants, (image, half, split)."""
    table = _scores(folder).sort_values(IMAGE, kind="stable")
    splits = sorted(name.removeprefix("half1_") for name in map(str, table) if name.startswith("half1_"))
    values = np.stack([table[[f"half{half}_{one}" for one in splits]].to_numpy(np.float64) for half in (1, 2)], axis=1)
    return halves.named(table[IMAGE], values, splits, **_facts(table))


def _facts(table: pd.DataFrame) -> dict[str, Any]:
    return {str(name): value for name, value in table.attrs.items()}


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
