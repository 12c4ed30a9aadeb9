"""FIGRIM: scenes of 21 categories, with counts from two independent experiments."""

from functools import partial
from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, of_images, once, pictures, taken, with_photographs
from memfeat.datasets.folders import first, needed
from memfeat.datasets.readers import answers
from memfeat.datasets.readers.reader import Reader

__all__ = ["READER"]

#: Counts from the crowd, of all targets and of 30 of them.
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
ONLINE = "online (Amazon Mechanical Turk)"
ORIGIN = f"plain names: {ONLINE}; names that end in _lab: in the laboratory, and not by those whose trials are there"
#: Where counts of all targets stand, and of some; and where the photographs lie, as in the authors' archive.
WHOLE, SOME = "amt_counts_630_targets.csv", "scores_30_images.csv"
#: The authors' files: of the targets with answers in the laboratory, and of all that were played with online.
OWN, GAMES = ("allImages_release.mat", "targetData/allImages_release.mat"), "image_data_targets.mat"
PICTURES = ("images", "Targets")


def _crowd(folder: Path) -> pd.DataFrame:
    """Read the counts from the crowd, of all targets where they are there."""
    path = needed(folder, WHOLE, *OWN, SOME)
    if path.suffix == ".mat":
        return answers.counts(path)
    columns = TARGETS if path.name == WHOLE else BOTH
    return counted(once(taken(path, columns, text=["file"]), path))


def _pictures(folder: Path) -> list[Path]:
    return pictures(needed(folder, *PICTURES))


def _load(folder: Path) -> xr.Dataset:
    """Give the photographs that are there, which may be some of the targets."""
    crowd, stems = _crowd(folder), {one.stem for one in _pictures(folder)}
    chosen = crowd[[Path(str(name)).stem in stems for name in crowd[IMAGE]]]
    path = first(folder, [SOME])
    if path is not None:
        lab = counted(once(taken(path, LAB, text=["file"]), path)).set_index(IMAGE).add_suffix("_lab")
        chosen = chosen.merge(lab, left_on=IMAGE, right_index=True, how="left", validate="1:1")
    images = with_photographs(needed(folder, *PICTURES), chosen)
    origin = ONLINE if path is None else ORIGIN
    return images.assign_attrs(experiment=origin, n_targets_without_image=len(crowd) - len(chosen))


def _targets(folder: Path) -> xr.Dataset:
    needed(folder, WHOLE, *OWN)
    return of_images(_crowd(folder), experiment=ONLINE)


def _lab(folder: Path) -> pd.DataFrame:
    path = needed(folder, "lab_trials_630_targets.csv.gz", "lab_trials_630_targets.csv", *OWN)
    if path.suffix == ".mat":
        return answers.showings(path)
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


def _game(folder: Path, which: str) -> xr.Dataset:
    return of_images(answers.game(needed(folder, GAMES), which), experiment=answers.GAMES[which])


def _rank(folder: Path) -> float:
    """Give the rank correlation of hit rates from the crowd and from the laboratory."""
    trials = _trials(folder).query("truth == 'old'").dropna(subset=["response"])
    lab = (trials["response"] == "old").groupby(trials[IMAGE]).mean()
    return float(lab.corr(_targets(folder)["hit_rate"].to_series(), method="spearman"))


READER = Reader(
    load=_load,
    tables={
        "targets": _targets,
        "lab_trials": _lab,
        **{which: partial(_game, which=which) for which in answers.GAMES},
    },
    trials=_trials,
    checks={
        "photographs": lambda see: ((630, 30), len(see(_pictures))),
        "targets": lambda see: (630, see(_targets).sizes[IMAGE]),
        "categories": lambda see: (21, len(set(see(_targets)["category"].values))),
        "photographs without a score": lambda see: (0, see(_load).attrs["n_images_without_score"]),
        "participants in the laboratory": lambda see: (67, see(_lab)["participant"].nunique()),
        "rank correlation of crowd and laboratory": lambda see: (0.657, round(see(_rank), 3)),
    },
)
