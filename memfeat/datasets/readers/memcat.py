"""MemCat: 10,000 images of five categories, with counts, and signals of three networks."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, stamped
from memfeat._tables import texts
from memfeat.datasets.columns import counted, once, scored, taken, with_photographs
from memfeat.datasets.folders import first, legible, needed
from memfeat.datasets.readers.reader import Reader
from memfeat.errors import ArgumentError

__all__ = ["READER"]

#: Where the table and the photographs lie in what the authors give out, and in copies of it.
TABLES = ("memcat_image_data.csv", "data/memcat_image_data.csv", "MemCat_data/memcat_image_data.csv")
PICTURES = ("MemCat_images/MemCat", "MemCat_images", "memcat_images", "MemCat", "images")
COLUMNS = {
    "image_file": IMAGE,
    "category": "category",
    "subcategory": "subcategory",
    "source": "source",
    "H": "hits",
    "FA": "false_alarms",
    "n_resp": "n_targets",
    "memorability_wo_fa_correction": "published_hit_rate",
    "memorability_w_fa_correction": "published_corrected_recognition",
}
#: Signals of networks, which need not be there.
SIGNALS = "layer_signals.npz"
#: Signals that repeat the scores, by which the order of the rows is checked.
SAME = "memcat_CLIP_memscores_layer_LAST"
#: Sizes of a second dimension -> what it is called: states of the network with its input, or its blocks.
STEPS = {13: "state", 12: "block"}


def _table(folder: Path) -> pd.DataFrame:
    path = needed(folder, *TABLES)
    table = once(taken(path, COLUMNS, text=["image_file"]), path)
    return counted(table.assign(n_foils=table["n_targets"]))


def _scores(folder: Path) -> pd.DataFrame:
    return _table(folder).drop(columns=["published_hit_rate", "published_corrected_recognition"])


def _pictures(folder: Path) -> Path | None:
    if (folder / "animal").is_dir():
        return folder
    return first(folder, PICTURES)


def _load(folder: Path) -> xr.Dataset:
    place, table = _pictures(folder), _scores(folder)
    if place is None:
        return scored("MemCat", table)
    named = table.assign(image=table["category"] + "/" + table["subcategory"] + "/" + table[IMAGE])
    return with_photographs(place, named)


def _signals(folder: Path) -> xr.Dataset:
    """Read signals of three networks, whose rows are in the order of the authors' table."""
    path, names = needed(folder, SIGNALS), texts(_scores(folder)[IMAGE])
    with legible(path.name), path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        # the names are stored as pickled objects, which are never read: they could run code
        arrays = {name: file[name] for name in file.files if name != "image_file"}
    wrong = {name: one.shape for name, one in arrays.items() if len(one) != len(names) or one.ndim > 2}
    if wrong:
        got = listed(f"{len(names)} rows and {wrong}")
        raise ArgumentError(advice("folder", f"hold {SIGNALS} with a row per image", got, "Download it again."))
    order = np.argsort(names.astype(str), kind="stable")
    columns = {
        name: ((IMAGE,) if one.ndim == 1 else (IMAGE, STEPS.get(one.shape[1], f"{name}:unit")), one[order])
        for name, one in arrays.items()
    }
    made = xr.Dataset(columns, {IMAGE: names[order]})
    made = made.assign_coords({dim: np.arange(size == 12, 13) for size, dim in STEPS.items() if dim in made.dims})
    return stamped(made, kind="signals", matched_by="order of rows")


def _exact(folder: Path, ours: str) -> bool:
    table = _table(folder)
    return bool(np.abs(table[ours] - table[f"published_{ours}"]).max() < 1e-12)


def _in_order(folder: Path) -> bool | str:
    """Say whether the scores that are stored among the signals are those of the table, in single precision."""
    table = _scores(folder).set_index(IMAGE).sort_index()
    if not (folder / SIGNALS).is_file():
        return "no signals"
    signals = _signals(folder)
    if SAME not in signals:
        return f"signals without {SAME}, by which the order is checked"
    return bool(np.abs(signals[SAME].values - table["corrected_recognition"].to_numpy()).max() < 1e-7)


READER = Reader(
    load=_load,
    tables={"layer_signals": _signals},
    checks={
        "images": lambda see: (10_000, len(see(_scores))),
        "images per category": lambda see: ([2000] * 5, see(_scores)["category"].value_counts().tolist()),
        "hit rate is H / n_resp": lambda see: (True, see(_exact, "hit_rate")),
        "corrected is (H - FA) / n_resp": lambda see: (True, see(_exact, "corrected_recognition")),
        "signals in the order of the table": lambda see: ((True, "no signals"), see(_in_order)),
    },
)
