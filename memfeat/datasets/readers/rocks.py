"""480 photographs of rocks: recognition in four experiments, similarity scaling and rated distinctiveness."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import listed
from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, features, of_images, once, taken, warned, with_photographs
from memfeat.datasets.folders import first, needed
from memfeat.datasets.readers import rocks_answers
from memfeat.datasets.readers.reader import Once, Reader

__all__ = ["READER"]

#: The experiments, and the one whose scores have plain names: the others' names end in theirs, in small letters.
EXPERIMENTS = ("Exp1_New", "Exp1_Old", "Exp2", "Exp2b")
MAIN = "Exp1_New"
#: Where the photographs lie, here and in the authors' repository, and trials, in a table of memfeat's form.
PICTURES = ("images", "Rocks480")
TABLES = ("trials.csv.gz", "trials.csv")
#: Where the tables of the stimuli lie.
INFO = "info/Rocks480_"
BARE = "n_images_without_row"
#: Half of the last digit of the tables of scores, and what adding up may be off by; what is found where there is none.
DIGITS = 5e-5 + 1e-9
NO_TABLE = "no such table"
RESPONSES = {1: "old", 0: "new"}
NAMES = "the tables name .png files; given here as the photographs are called, matched without the ending"
KINDS = {"I": "igneous", "M": "metamorphic", "S": "sedimentary"}


def _called(folder: Path, names: pd.Series) -> pd.Series:
    """Give names of the tables as the photographs are called, where these are there."""
    place = first(folder, PICTURES)
    by_stem = {} if place is None else {one.stem: one.name for one in place.iterdir()}
    return names.map({name: by_stem.get(Path(name).stem, name) for name in names.unique()})


def _trials(folder: Path) -> pd.DataFrame:
    """Read the trials, from the table or, where there is none, from the authors' files."""
    if first(folder, TABLES) is None and rocks_answers.there(folder):
        answers = rocks_answers.read(folder)
        return answers.assign(image=_called(folder, answers[IMAGE]))
    # no file has a star in its name: the authors' files, which are not there, are only to be named in the message
    path = needed(folder, *TABLES, *(f"{place}/*.json" for place in rocks_answers.PLACES.values()))
    return _tabled(folder, path)


def _tabled(folder: Path, path: Path) -> pd.DataFrame:
    columns = ["exp", "version", "participant", "group", IMAGE, "target", "old", "rt"]
    table = taken(path, columns, text=[IMAGE])
    # version New_Version_120_Targets of Exp1 is Exp1_New; Exp2 and Exp2b have no versions
    version = table["version"].fillna("").map(lambda one: f"_{one.partition('_')[0]}" if one else "")
    experiment = table["exp"] + version
    return pd.DataFrame(
        {
            "experiment": experiment,
            "participant": table["participant"],
            IMAGE: _called(folder, table[IMAGE]),
            "truth": table["target"].map(RESPONSES),
            "response": table["old"].map(RESPONSES),
            "rt": table["rt"],
            "group": table["group"],
        }
    )


def _counts(trials: pd.DataFrame) -> pd.DataFrame:
    """Count the answers to each image in one experiment."""
    cells = {
        "hits": ("old", "old"),
        "misses": ("old", "new"),
        "false_alarms": ("new", "old"),
        "correct_rejections": ("new", "new"),
    }
    tallied = trials.groupby([IMAGE, "truth", "response"]).size()
    images = sorted(trials[IMAGE].unique())
    columns = {name: [int(tallied.get((image, *cell), 0)) for image in images] for name, cell in cells.items()}
    return counted(pd.DataFrame({IMAGE: images, **columns}))


def _general(folder: Path) -> pd.DataFrame:
    path = needed(folder, f"{INFO}general.csv")
    names = {"image_id": "image_id", "category": "category", "sub_category": "subcategory", "filename": IMAGE}
    table = once(taken(path, names, text=["category", "sub_category", "filename"]), path)
    return table.assign(image=_called(folder, table[IMAGE]), category=table["category"].replace(KINDS))


def _about(folder: Path, stem: str) -> pd.DataFrame:
    """Read a table of the stimuli, whose rows have numbers, with the names of the images."""
    path = needed(folder, f"{INFO}{stem}.csv")
    table = taken(path, list(pd.read_csv(path, nrows=0).columns))
    both = _general(folder)[["image_id", IMAGE]].merge(
        table, on="image_id", how="outer", validate="1:1", indicator=True
    )
    bare, unknown = (both[both["_merge"] == side] for side in ("left_only", "right_only"))
    if len(bare):
        warned(f"{path.name} has no row for some images ({listed.of(bare[IMAGE])})")
    if len(unknown):
        warned(f"{path.name} has rows that belong to no image; they are left out ({listed.of(unknown['image_id'])})")
    kept = both[both["_merge"] == "both"].drop(columns=["image_id", "_merge"])
    kept.attrs = {BARE: len(bare), "n_rows_without_image": len(unknown)}
    return kept


def _facts(table: pd.DataFrame) -> dict[str, Any]:
    return {str(name): value for name, value in table.attrs.items()}


def _load(folder: Path) -> xr.Dataset:
    trials = _trials(folder)
    wide, rated = _general(folder).drop(columns="image_id"), _about(folder, "distinctiveness")
    unknown = sorted(set(trials[IMAGE]) - set(wide[IMAGE]))
    if unknown:
        warned(f"trials name images that Rocks480_general.csv does not ({listed.of(unknown)})")
    facts = {"n_images_undescribed": len(unknown), "n_images_without_distinctiveness": rated.attrs[BARE]}
    wide = wide.merge(rated, on=IMAGE, how="left", validate="1:1")
    wide = wide.rename(columns={"distinct_rat": "distinctiveness"})
    for experiment in EXPERIMENTS:
        scores = _counts(trials[trials["experiment"] == experiment]).set_index(IMAGE)
        named = scores if experiment == MAIN else scores.add_suffix(f"_{experiment.lower()}")
        wide = wide.merge(named, left_on=IMAGE, right_index=True, how="outer", validate="1:1")
    table = with_photographs(needed(folder, *PICTURES), wide)
    said = f"{MAIN}; the columns of {', '.join(EXPERIMENTS[1:])} end in their names; NaN where an image was not shown"
    return table.assign_attrs(experiment=said, naming=NAMES, **facts)


def _mds(folder: Path) -> xr.Dataset:
    table = _about(folder, "MDS8_solution")
    return features(table[IMAGE], table.drop(columns=IMAGE).to_numpy(float), "mds", naming=NAMES, **_facts(table))


def _scores(folder: Path, experiment: str) -> xr.Dataset:
    """Read a table of the scores of an experiment, to four digits."""
    path = needed(folder, f"image_scores_{experiment}.csv")
    names = {
        IMAGE: IMAGE,
        "HR": "hit_rate",
        "FAR": "false_alarm_rate",
        "CR": "corrected_recognition",
        "n_target": "n_targets",
    }
    table = once(taken(path, names, text=[IMAGE]), path)
    return of_images(table.assign(image=_called(folder, table[IMAGE])), experiment=experiment, naming=NAMES)


def _distinctiveness(folder: Path) -> xr.Dataset:
    table = _about(folder, "distinctiveness").rename(columns={"distinct_rat": "distinctiveness"})
    return of_images(table, naming=NAMES, **_facts(table))


def _agree(see: Once, experiment: str) -> tuple[bool | tuple[bool, str], bool | str]:
    """Say whether the table of scores, which need not be there, has those of the trials."""
    trials = see(_trials)
    if first(see.folder, [f"image_scores_{experiment}.csv"]) is None:
        return (True, NO_TABLE), NO_TABLE
    theirs = see(_scores, experiment).to_dataframe()
    ours = _counts(trials[trials["experiment"] == experiment])
    both = ours.set_index(IMAGE)[["hit_rate", "false_alarm_rate", "corrected_recognition"]]
    apart = both.index.symmetric_difference(theirs.index)
    if len(apart):
        return True, f"not of the same images ({listed.of(apart)})"
    return True, np.allclose(both, theirs.loc[both.index, list(both)], rtol=0, atol=DIGITS, equal_nan=True)


READER = Reader(
    load=_load,
    tables={
        "mds": _mds,
        "distinctiveness": _distinctiveness,
        "stimuli": lambda folder: of_images(_general(folder), naming=NAMES),
        **{one: partial(_scores, experiment=one) for one in EXPERIMENTS},
    },
    trials=_trials,
    checks={
        "photographs": lambda see: (480, sum(1 for _ in needed(see.folder, *PICTURES).iterdir())),
        "images named": lambda see: (480, len(see(_general))),
        "scores without a photograph": lambda see: (0, see(_load).attrs["n_scores_without_image"]),
        "photographs without a score": lambda see: (0, see(_load).attrs["n_images_without_score"]),
        "images described in each table": lambda see: (
            [0, 0],
            [see(_load).attrs[name] for name in ("n_images_undescribed", "n_images_without_distinctiveness")],
        ),
        "trials": lambda see: (211_340, len(see(_trials))),
        "participants": lambda see: (913, see(_trials)["participant"].nunique()),
        **{
            f"image_scores_{one}.csv has the scores of the trials, to four digits": partial(_agree, experiment=one)
            for one in EXPERIMENTS
        },
    },
)
