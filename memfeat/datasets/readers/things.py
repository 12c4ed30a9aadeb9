"""Memorability of the 1,854 concepts of THINGS, with typicality, SPoSE dimensions and embeddings."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.datasets.columns import features, once, scored, taken
from memfeat.datasets.folders import legible, needed
from memfeat.datasets.known import PLACES
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

SCORES, TYPICAL = "memorability_score_by_concepts.csv", "human_rated_typicality.csv"
SPOSE, COEFFICIENTS, MEMBATROSS = "spose_embedding_49d_sorted.txt", "coef_embed.csv", "membatross_embeddings.npy"
#: table -> the file of embeddings, whose rows are in the order of the scores
EMBEDDINGS = {
    "embeddings": "concept_embeddings_cr_cat_16eu.csv",
    "embeddings_3d": "concept_embeddings_cr_cat_3hbp.csv",
}
#: How far scores of two files may be apart: one of them has nine digits.
DIGITS = 1e-8


def _file(folder: Path, name: str) -> Path:
    """Find a file, in the folder or as it lies in the authors' repository."""
    return needed(folder, *(f"{place}{name}" for place in PLACES["things_concepts"]))


def _scores(folder: Path) -> pd.DataFrame:
    path = _file(folder, SCORES)
    table = taken(path, {"concept_name": IMAGE, "cr": "corrected_recognition"}, text=["concept_name"])
    return once(table, path)


def _rows(folder: Path, file: str) -> pd.DataFrame:
    """Read a table whose rows are in the order of the scores, which it repeats."""
    path, scores = _file(folder, file), _scores(folder)
    table = taken(path, list(pd.read_csv(path, nrows=0).columns))
    own = table["cr"].to_numpy() if "cr" in table else np.array([])
    apart = len(own) != len(scores) or np.abs(own - scores["corrected_recognition"].to_numpy()).max() > DIGITS
    if apart:
        got = listed(f"{len(own)} rows for {len(scores)} concepts, or other scores in them")
        raise ArgumentError(advice("folder", f"hold {file} in the order of {SCORES}", got, "Download both again."))
    return table.assign(image=scores[IMAGE].to_numpy())


def _load(folder: Path) -> xr.Dataset:
    about = _rows(folder, EMBEDDINGS["embeddings"])[[IMAGE, "bigcat", "cat_name"]]
    about = about.rename(columns={"bigcat": "category_number", "cat_name": "category"})
    return scored("concepts", _scores(folder).merge(about, on=IMAGE, validate="1:1"), images="names of concepts")


def _typicality(folder: Path) -> pd.DataFrame:
    """Give one row per pair of a category and a concept in it."""
    table, scores = taken(_file(folder, TYPICAL), ["cat", "concept", "typicality"]), _scores(folder)
    outside = table[(table["concept"] < 0) | (table["concept"] >= len(scores))]
    if len(outside):
        got = listed(f"concept {outside['concept'].iloc[0]} of {len(scores)}")
        raise ArgumentError(advice("folder", f"number concepts in {TYPICAL} from 0 on", got, "Download it again."))
    chosen = scores.iloc[table["concept"]].reset_index(drop=True)
    return chosen.assign(category_number=table["cat"], typicality=table["typicality"])


def _matrix(folder: Path, names: pd.Series, values: npt.NDArray[Any], file: str, layer: str) -> xr.Dataset:
    if len(values) != len(names):
        got = listed(f"{len(values)} rows for {len(names)} concepts")
        raise ArgumentError(advice("folder", f"hold {file} with a row per concept", got, "Download it again."))
    return features(names, values, layer, matched_by="order of rows")


def _spose(folder: Path) -> xr.Dataset:
    path = _file(folder, SPOSE)
    with legible(path.name):
        values = np.loadtxt(path, ndmin=2)
    return _matrix(folder, _scores(folder)[IMAGE], values, SPOSE, "spose")


def _embeddings(folder: Path, which: str) -> xr.Dataset:
    table = _rows(folder, EMBEDDINGS[which])
    numbers = table[[name for name in table if str(name).isdigit()]].to_numpy(np.float64)
    return _matrix(folder, table[IMAGE], numbers, EMBEDDINGS[which], which)


def _membatross(folder: Path) -> xr.Dataset:
    path = _file(folder, MEMBATROSS)
    with legible(path.name):
        values = np.load(path, allow_pickle=False)
    return xr.Dataset({"membatross": (("dim_0", "dim_1", "dim_2"), values)})


READER = Reader(
    load=_load,
    tables={
        "scores": _scores,
        "typicality": _typicality,
        "spose": _spose,
        **{which: partial(_embeddings, which=which) for which in EMBEDDINGS},
        "coefficients": lambda folder: pd.read_csv(_file(folder, COEFFICIENTS), header=None),
        "membatross": _membatross,
    },
    checks={
        "concepts": lambda see: (1854, len(see(_scores))),
        "SPoSE dimensions": lambda see: (49, see(_spose).sizes["spose:unit"]),
        "mean corrected recognition": lambda see: (
            0.79,
            round(float(see(_scores).mean(numeric_only=True).iloc[0]), 3),
        ),
        "typicality ratings": lambda see: (1619, len(see(_typicality))),
        "categories with ratings": lambda see: (27, see(_typicality)["category_number"].nunique()),
    },
)
