"""Which columns of labels and scores commands read, and from which tables: of the same images, in one order."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from memfeat._check import advice, listed, looked_up
from memfeat.cli.tables import Table, numbers
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Columns", "Wanted", "read_columns", "read_groups"]

#: Coordinates that tell whether images are training data.
WHERE = ("path", "sha256")
#: What an image must have: option → words.
NEEDED = {
    "--predicted": "a prediction",
    "--column": "a score",
    "--category": "a category",
    "--groups": "a group",
    "--half": "scores of both halves",
}


class Wanted(NamedTuple):
    """The columns that were asked for."""

    predicted: tuple[str, ...]
    column: str
    """That of the scores."""
    labels: Mapping[str, str | None]
    """Option (`--category`, `--groups`) → a column of either table, or None."""
    halves: tuple[tuple[str, str], ...] = ()
    """The columns of the halves of a split, or with a `*` those of several splits."""


class Columns(NamedTuple):
    """Columns of the images that have all of them."""

    predictions: "dict[str, xr.DataArray]"
    scores: "xr.DataArray"
    labels: "dict[str, xr.DataArray]"
    """Option → categories or groups; those that were asked for."""
    halves: "xr.DataArray | None"
    """Scores (split, half, image)."""


def read_columns(table: Path, scores: Path | None, halves: Path | None, wanted: Wanted) -> Columns:
    """Read predictions and scores, and keep the images that have all; say on stderr how many were left out.

    Parameters
    ----------
    table : Path
        A CSV with one row per image and the predictions; what `memfeat predict` wrote beside it is read too.
    scores : Path, optional
        A CSV with the scores, joined by image name; by default they stand in `table`.
    halves : Path, optional
        A CSV with the scores of halves of the participants, joined by image name.
    wanted : Wanted
        Which columns.

    Returns
    -------
    Columns
        What was asked for, of the same images.

    Raises
    ------
    ArgumentError
        If no image has everything, or a column holds no numbers.
    UnknownNameError
        If there is no such column.
    """
    from memfeat._tables import read_table

    frame, key = read_table(table, "PREDICTIONS")
    frame = frame.set_index(key)
    names = [str(name) for name in frame.index]
    other = None if scores is None else Table(scores, "--scores", names)

    def own(option: str, name: str) -> "pd.Series":
        columns = list(map(str, frame.columns))
        elsewhere = " Scores that stand in another table: --scores FILE." if option == "--column" else ""
        looked_up(option, name, columns, f"{table} has: {', '.join(columns)}.{elsewhere}")
        return frame[name]

    def label(option: str, name: str) -> "pd.Series":
        return own(option, name) if other is None or name in frame.columns else other.column(option, name)

    used = {("--predicted", name): numbers(own("--predicted", name), "--predicted") for name in wanted.predicted}
    measured = (own if other is None else other.column)("--column", wanted.column)
    used["--column", wanted.column] = numbers(measured, "--column")
    used |= {(option, name): label(option, name) for option, name in wanted.labels.items() if name is not None}
    splits: list[tuple[str, str]] = []
    if halves is not None:
        people = Table(halves, "--halves", names)
        splits = [split for pair in wanted.halves for split in people.splits(*pair)]
        used |= {("--half", one): numbers(people.column("--half", one), "--half") for split in splits for one in split}
    make = _maker(frame, names, _complete(used, names))
    there = {(option, name): make(series, name) for (option, name), series in used.items()}
    predictions = {name: there["--predicted", name] for name in wanted.predicted}
    if "memorability" in predictions:
        predictions["memorability"] = predictions["memorability"].assign_attrs(_attrs(table))
    labels = {option: there[option, name] for option, name in wanted.labels.items() if name is not None}
    return Columns(predictions, there["--column", wanted.column], labels, _halves(there, splits))


def read_groups(table: Path, column: str, names: list[str], *, aloud: bool) -> "xr.DataArray":
    """Read groups of images, and leave out images without one; say on stderr which.

    Parameters
    ----------
    table : Path
        A CSV with one row per image.
    column : str
        The column of groups.
    names : list of str
        The images.
    aloud : bool
        Whether to say which rows of the table joined no image.

    Returns
    -------
    DataArray (image)
        Groups of the images that have one, in the order of `names`.

    Raises
    ------
    ArgumentError
        If no image has one.
    UnknownNameError
        If there is no such column.
    """
    import numpy as np
    import xarray as xr

    found = Table(table, "--scores", names).column("--groups", column, aloud=aloud)
    there = found.notna().to_numpy()
    if not there.any():
        raise ArgumentError(advice("--groups", "have a group for at least one image", listed("none")))
    if not there.all():
        missing = [name for name, has in zip(names, there, strict=True) if not has]
        click.echo(f"Left out, no {column} in {table}: {listed.of(missing)}", err=True)
    images = {"image": np.array(names, dtype=object)[there]}
    return xr.DataArray(found.to_numpy()[there], images, ["image"], name=column)


def _halves(there: "Mapping[tuple[str, str], xr.DataArray]", splits: list[tuple[str, str]]) -> "xr.DataArray | None":
    """Stack the columns of halves."""
    import numpy as np
    import xarray as xr

    if not splits:
        return None
    values = np.array([[there["--half", name].values for name in split] for split in splits])
    images = {"image": next(iter(there.values()))["image"].values}
    return xr.DataArray(values, images, ["split", "half", "image"], name="halves")


def _complete(used: "dict[tuple[str, str], pd.Series]", names: list[str]) -> Any:
    """Say which images have everything (n,); list the others on stderr."""
    import numpy as np

    kept = np.logical_and.reduce([series.notna().to_numpy() for series in used.values()])
    needed = list(dict.fromkeys(NEEDED[option] for option, _ in used))
    if not kept.any():
        rule = f"have {' and '.join(needed)} for at least one image"
        raise ArgumentError(advice("PREDICTIONS and --scores", rule, listed("none")))
    if not kept.all():
        missing = [name for name, whole in zip(names, kept, strict=True) if not whole]
        click.echo(f"Left out, without {' or '.join(needed)}: {listed.of(missing)}", err=True)
    return kept


def _maker(frame: "pd.DataFrame", names: list[str], kept: Any) -> "Callable[[pd.Series, str], xr.DataArray]":
    import numpy as np
    import xarray as xr

    coords: dict[str, Any] = {"image": np.array(names, dtype=object)[kept]}
    for one in WHERE:
        if one in frame.columns:
            coords[one] = ("image", frame[one].fillna("").astype(str).to_numpy(dtype=object)[kept])

    def make(series: "pd.Series", name: str) -> xr.DataArray:
        return xr.DataArray(series.to_numpy()[kept], dims="image", coords=coords, name=name)

    return make


def _attrs(table: Path) -> dict[str, Any]:
    """Read how predictions were made, where `memfeat predict` wrote it down."""
    beside = table.with_name(f"{table.name}.json")
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
