"""LaMem: 58,741 photographs with memorability, and five random splits of them."""

from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.datasets.columns import pictures, with_photographs
from memfeat.datasets.folders import first, legible, needed
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

SCORE = "memorability"
#: The lists of a split, and what they are for.
PARTS = {"train": "training", "val": "validation", "test": "testing"}
SPLITS = range(1, 6)


def _list(path: Path) -> pd.DataFrame:
    """Read a list: a line is an image's name, a space and its score; what else it holds is left out."""
    rows = []
    with legible(path.name):
        lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        words = line.split()
        try:
            rows += [(words[0].removeprefix("images/"), float(words[1]))] if words else []
        except (IndexError, ValueError) as error:
            got = listed(f"{line!r} in line {number} of {path.name}")
            remedy = "A line is an image's name, a space and its score."
            raise ArgumentError(advice("folder", "hold lists that can be read", got, remedy)) from error
    return pd.DataFrame(rows, columns=[IMAGE, SCORE])


def _scores(folder: Path) -> pd.DataFrame:
    whole = first(folder, ["splits/full.txt"])
    lists = [whole] if whole else [needed(folder, f"splits/{part}_1.txt") for part in PARTS]
    table = pd.concat([_list(path) for path in lists], ignore_index=True).drop_duplicates()
    twice = table.loc[table[IMAGE].duplicated(), IMAGE]
    if len(twice):
        raise ArgumentError(advice("folder", "give each image one score", listed(f"two for {listed.of(twice)}")))
    return table


def _splits(folder: Path) -> pd.DataFrame:
    """Give one row per image and split: which part it is in."""
    found = [
        _list(path)[[IMAGE]].assign(split=number, part=what)
        for number in SPLITS
        for part, what in PARTS.items()
        if (path := folder / "splits" / f"{part}_{number}.txt").is_file()
    ]
    if not found:
        needed(folder, "splits/train_1.txt")
    return pd.concat(found, ignore_index=True)


def _load(folder: Path) -> xr.Dataset:
    return with_photographs(needed(folder, "images"), _scores(folder))


READER = Reader(
    load=_load,
    tables={"splits": _splits},
    checks={
        "scores": lambda see: (58_741, len(see(_scores))),
        "photographs": lambda see: (58_741, len(pictures(needed(see.folder, "images")))),
        "splits": lambda see: (5, see(_splits)["split"].nunique()),
    },
)
