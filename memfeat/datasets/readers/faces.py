"""The 10k US Adult Faces: 2,222 targets with counts."""

from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, once, scored, with_photographs
from memfeat.datasets.folders import first, legible, needed
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError, MissingPackageError

__all__ = ["READER"]

#: Where the scores and the photographs lie.
PLACES = ("", "Memorability Scores/")
PICTURES = ("10k US Adult Faces Database/Face Images", "Face Images", "images")
#: How the header of a column begins, in small letters -> ours.
BEGINNINGS = {
    "filename": IMAGE,
    "hits": "hits",
    "misses": "misses",
    "false alarms": "false_alarms",
    "correct rejections": "correct_rejections",
}


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype=object)
    try:
        return pd.read_excel(path, dtype=object)
    except ImportError as error:
        remedy = 'pip install "memfeat[datasets]", or save the sheet as memorability-scores.csv beside it.'
        raise MissingPackageError(advice("openpyxl", "be installed", listed("no such package"), remedy)) from error


def _scores(folder: Path) -> pd.DataFrame:
    path = needed(folder, *(f"{place}memorability-scores.{end}" for end in ("csv", "xlsx") for place in PLACES))
    with legible(path.name):
        return counted(once(_chosen(_read(path), path), path))


def _chosen(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Give the columns of counts, as whole numbers."""
    headers = {str(name): str(name).strip().lower() for name in table.columns}
    found = {ours: [name for name, low in headers.items() if low.startswith(it)] for it, ours in BEGINNINGS.items()}
    wrong = [begins for begins, ours in BEGINNINGS.items() if len(found[ours]) != 1]
    if wrong:
        got = listed(f"none or several for {', '.join(wrong)} among {', '.join(headers)}")
        raise ArgumentError(advice("folder", f"hold {path.name} with one column each", got, "Download it again."))
    chosen = pd.DataFrame({ours: table[names[0]] for ours, names in found.items()})
    numbers = {str(name): pd.to_numeric(chosen[name]).astype("int64") for name in chosen if name != IMAGE}
    return chosen.assign(**numbers)


def _load(folder: Path) -> xr.Dataset:
    table, place = _scores(folder), first(folder, PICTURES)
    if place is None:
        return scored("faces", table)
    # the folder also holds fillers, which have no score
    return with_photographs(place, table, extra=False)


READER = Reader(
    load=_load,
    checks={
        "targets": lambda see: (2222, len(see(_scores))),
        "targets without a photograph": lambda see: (
            (0, "none: scores only"),
            see(_load).attrs.get("n_scores_without_image", "none: scores only"),
        ),
    },
)
