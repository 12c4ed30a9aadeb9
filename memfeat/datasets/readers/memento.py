"""Memento10k: short clips with memorability and its decay; frames of them, where they were taken."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.datasets.columns import once, pictures, scored, with_photographs
from memfeat.datasets.folders import first, legible, needed
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

#: The lists, and the part of the clips that each describes; the third has no scores in some copies.
PARTS = {"train": "memento_train_data.json", "validation": "memento_val_data.json", "test": "memento_test_data.json"}
COLUMNS = {"filename": "clip", "mem_score": "memorability", "alpha": "decay"}


def _part(path: Path, part: str) -> pd.DataFrame:
    with legible(path.name):
        return _listed(json.loads(path.read_text(encoding="utf-8")), path, part)


def _listed(rows: list[dict[str, Any]], path: Path, part: str) -> pd.DataFrame:
    lacking = [name for name in ("filename", "mem_score") if any(name not in row for row in rows)]
    if lacking and part != "test":
        got = listed(f"a clip without {lacking[0]!r}")
        raise ArgumentError(advice("folder", f"hold {path.name} with a score of each clip", got, "Download it again."))
    table = pd.DataFrame([{ours: row.get(theirs) for theirs, ours in COLUMNS.items()} for row in rows])
    numbers = {name: pd.to_numeric(table[name]) for name in ("memorability", "decay")}
    return table.assign(**numbers, part=part)


def _clips(folder: Path) -> pd.DataFrame:
    found = {part: first(folder, [name, f"annotations/{name}"]) for part, name in PARTS.items()}
    if found["train"] is None:
        needed(folder, PARTS["train"], f"annotations/{PARTS['train']}")
    whole = pd.concat([_part(path, part) for part, path in found.items() if path is not None], ignore_index=True)
    return once(whole, folder, by="clip").dropna(subset=["memorability"])


def _stems(clips: pd.DataFrame) -> pd.DataFrame:
    """Add the names by which folders of frames are called, which must tell clips apart."""
    stems = clips["clip"].map(lambda one: Path(one).stem)
    twice = clips.loc[stems.duplicated(keep=False), "clip"]
    if len(twice):
        rule, remedy = "tell clips apart by their names without endings", "So are the folders of their frames called."
        raise ArgumentError(advice("folder", rule, listed.of(twice), remedy))
    return clips.assign(stem=stems)


def _load(folder: Path) -> xr.Dataset:
    clips, place = _clips(folder), first(folder, ["frames"])
    if place is None:
        return scored("clips", clips.assign(image=clips["clip"]))
    frames = [one.relative_to(place) for one in pictures(place)]
    named = pd.DataFrame({IMAGE: [one.as_posix() for one in frames], "stem": [one.parent.name for one in frames]})
    joined = named.merge(_stems(clips), on="stem", validate="m:1")
    bare = len(set(clips["clip"]) - set(joined["clip"]))
    table = with_photographs(place, joined.drop(columns="stem"))
    return table.assign_attrs(n_clips=int(joined["clip"].nunique()), n_clips_without_frames=bare)


READER = Reader(
    load=_load,
    tables={"clips": lambda folder: _clips(folder).reset_index(drop=True)},
    checks={"clips with a score": lambda see: ((10_000, 8_500), len(see(_clips)))},
)
