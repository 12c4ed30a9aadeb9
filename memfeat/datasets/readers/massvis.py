"""MASSVIS: 410 visualisations with counts, and longer viewing of 393 of them."""

from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._labels import IMAGE
from memfeat.datasets.columns import counted, of_images, once, scored, taken, with_photographs
from memfeat.datasets.folders import first, needed
from memfeat.datasets.readers import matlab
from memfeat.datasets.readers.reader import Reader

__all__ = ["READER"]

ABOUT = {"filename": IMAGE, "source": "source", "category": "category", "vistype": "kind", "title": "title"}
COUNTS = {
    "mem: hits": "hits",
    "mem: misses": "misses",
    "mem: false alarms": "false_alarms",
    "mem: correct rejections": "correct_rejections",
}
#: The same in the MATLAB file.
ABOUT_FIELDS = {"filename": IMAGE, "source": "source", "category_label": "category", "vistype": "kind"}
FIELDS = ABOUT_FIELDS | {name: name for name in COUNTS.values()}
#: Percentages, after one second and after ten.
RATES = {
    "mem: at-a-glance HR (%)": "hit_rate",
    "mem: at-a-glance FAR (%)": "false_alarm_rate",
    "mem: prolonged HR (%)": "prolonged_hit_rate",
}


def _table(folder: Path, name: str, columns: dict[str, str]) -> pd.DataFrame:
    path = needed(folder, f"{name}_metadata.csv", f"csv_files/{name}_metadata.csv")
    return once(taken(path, ABOUT | columns, text=["filename", "title"]), path).drop(columns="title")


def _targets(folder: Path) -> pd.DataFrame:
    """Read the counts, from the table or, where there is none, from the MATLAB file of the same."""
    name = "targets410"
    tables, files = [f"{name}_metadata.csv", f"csv_files/{name}_metadata.csv"], [f"matlab_files/{name}_metadata.mat"]
    path = needed(folder, *tables, *files, f"{name}_metadata.mat")
    if path.suffix == ".csv":
        return counted(_table(folder, name, COUNTS))
    rows = matlab.structs(path, "allImages")
    return counted(once(matlab.table(path, rows, FIELDS, text=list(ABOUT_FIELDS)), path))


def _load(folder: Path) -> xr.Dataset:
    table, place = _targets(folder), first(folder, ["images", "targets", "targets410"])
    return scored("visualisations", table) if place is None else with_photographs(place, table)


def _longer(folder: Path) -> xr.Dataset:
    table = _table(folder, "targets393", RATES)
    shares = {name: table[name] / 100 for name in RATES.values()}
    return of_images(table.assign(**shares), viewing="one second (plain names), ten seconds (prolonged)")


READER = Reader(
    load=_load,
    tables={"targets393": _longer},
    checks={
        "targets": lambda see: (410, len(see(_targets))),
        "targets with longer viewing": lambda see: (393, see(_longer).sizes[IMAGE]),
    },
)
