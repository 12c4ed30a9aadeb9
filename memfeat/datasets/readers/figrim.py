"""FIGRIM: scenes of 21 categories, with counts from two independent experiments."""

from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, of_images, once, taken, with_photographs
from memfeat.datasets.folders import needed
from memfeat.datasets.readers.reader import Reader

__all__ = ["READER"]

#: Counts from the crowd, of all targets and of those whose photographs are here.
TARGETS = {
    "file": IMAGE,
    "category": "category",
    "hits": "hits",
    "misses": "misses",
    "fa": "false_alarms",
    "cr": "correct_rejections",
}
BOTH = {
    "file": IMAGE,
    "category": "category",
    "amt_hits": "hits",
    "amt_misses": "misses",
    "amt_fa": "false_alarms",
    "amt_cr": "correct_rejections",
}
LAB = {
    "file": IMAGE,
    "lab_hits": "hits",
    "lab_misses": "misses",
    "lab_false_alarms": "false_alarms",
    "lab_correct_rejections": "correct_rejections",
}
#: Codes of the laboratory's answers: at the first showing, and at the second. Anything else is no answer.
FIRST, SECOND = {2: "old", 4: "new"}, {1: "old", 3: "new"}
ORIGIN = "plain names: Amazon Mechanical Turk (AMT 1); names that end in _lab: the laboratory"


def _both(folder: Path) -> pd.DataFrame:
    path = needed(folder, "scores_30_images.csv")
    crowd = counted(once(taken(path, BOTH, text=["file"]), path))
    lab = counted(taken(path, LAB, text=["file"])).set_index(IMAGE).add_suffix("_lab")
    return crowd.merge(lab, left_on=IMAGE, right_index=True, validate="1:1")


def _load(folder: Path) -> xr.Dataset:
    return with_photographs(needed(folder, "images"), _both(folder)).assign_attrs(experiment=ORIGIN)


def _targets(folder: Path) -> xr.Dataset:
    path = needed(folder, "amt_counts_630_targets.csv")
    table = counted(once(taken(path, TARGETS, text=["file"]), path))
    return of_images(table, experiment="Amazon Mechanical Turk (AMT 1)")


def _lab(folder: Path) -> pd.DataFrame:
    path = needed(folder, "lab_trials_630_targets.csv.gz", "lab_trials_630_targets.csv")
    names = {"file": IMAGE, "category": "category", "participant": "participant", "enc": "enc", "rec": "rec"}
    return taken(path, names | {"rec2": "rec2"}, text=["file"])


def _trials(folder: Path) -> pd.DataFrame:
    """Give two rows per participant and image: the first showing, as a foil, and the second, as a target."""
    table = _lab(folder)
    kept = table[["participant", IMAGE, "category"]]
    shown = [
        kept.assign(truth=truth, response=table[column].map(codes))
        for truth, column, codes in (("new", "enc", FIRST), ("old", "rec", SECOND))
    ]
    return pd.concat(shown, ignore_index=True)


def _rank(folder: Path) -> float:
    """Give the rank correlation of hit rates from the crowd and from the laboratory."""
    trials = _trials(folder).query("truth == 'old'").dropna(subset=["response"])
    lab = (trials["response"] == "old").groupby(trials[IMAGE]).mean()
    return float(lab.corr(_targets(folder)["hit_rate"].to_series(), method="spearman"))


READER = Reader(
    load=_load,
    tables={"targets": _targets, "lab_trials": _lab},
    trials=_trials,
    checks={
        "photographs": lambda see: ((630, 30), sum(1 for _ in needed(see.folder, "images").iterdir())),
        "targets": lambda see: (630, see(_targets).sizes[IMAGE]),
        "categories": lambda see: (21, len(set(see(_targets)["category"].values))),
        "scores without a photograph": lambda see: (0, see(_load).attrs["n_scores_without_image"]),
        "photographs without a score": lambda see: (0, see(_load).attrs["n_images_without_score"]),
        "participants in the laboratory": lambda see: (67, see(_lab)["participant"].nunique()),
        "rank correlation of crowd and laboratory": lambda see: (0.657, round(see(_rank), 3)),
    },
)
