"""What `memfeat decode` reads, and `memfeat rsa` of scores: features and columns of the images that have all."""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from memfeat._check import advice, listed
from memfeat.cli.stores import read_stores
from memfeat.cli.tables import Table, numbers
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Asked", "Inputs", "read_inputs"]

Splits = dict[str, list[tuple[str, str]]]


class Asked(NamedTuple):
    """The columns that were asked for."""

    scores: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    labels: Mapping[str, str | None] | None = None
    """Option (`--groups`, `--split`) → its column, or None."""
    halves: tuple[tuple[str, str], ...] = ()
    """The columns of the halves of a split, or with a `*` those of several splits; of several scores, one for each."""


class Inputs(NamedTuple):
    """Features and columns of the same images, in one order."""

    features: "dict[str, xr.Dataset]"
    """Name of the store → its layers."""
    scores: "dict[str, xr.DataArray]"
    covariates: "xr.Dataset | None"
    labels: "dict[str, xr.DataArray]"
    """Option without its dashes → the column; those that were asked for."""
    halves: "dict[str, xr.DataArray]"
    """Score → those of halves of the participants (split, half, image), if they were asked for."""


def read_inputs(stores: tuple[Path, ...], table: Path, halves: Path | None, asked: Asked) -> Inputs:
    """Read features and columns, and keep the images that have all; say on stderr how many were left out.

    Parameters
    ----------
    stores : tuple of Path
        Feature stores.
    table : Path
        A CSV with one row per image, joined by image name.
    halves : Path, optional
        A CSV with the scores of halves of the participants, joined by image name.
    asked : Asked
        Which columns.

    Returns
    -------
    Inputs
        What was asked for, of the same images.

    Raises
    ------
    ArgumentError
        If a store is none, no image has everything, or a column holds no numbers.
    UnknownNameError
        If there is no such column.
    """
    import numpy as np
    import xarray as xr

    from memfeat.guards import beside

    features = read_stores(stores)
    images = next(iter(features.values()))["image"].values
    names = [str(name) for name in images]
    columns = _columns(Table(table, "--scores", names), asked)
    there = {f"{name} in {table}": series.notna().to_numpy() for (_, name), series in columns.items()}
    splits: Splits = {}
    people: dict[str, pd.Series] = {}
    if halves is not None:
        splits, people = _people(Table(halves, "--halves", names), asked)
        there[f"scores of both halves in {halves}"] = np.all([one.notna() for one in people.values()], axis=0)
    kept = _complete(there, names)
    coords = {"image": images[kept]}

    def made(option: str, name: str) -> xr.DataArray:
        return xr.DataArray(columns[option, name].to_numpy()[kept], coords, ["image"], name=name)

    def stacked(pairs: list[tuple[str, str]]) -> xr.DataArray:
        values = [[people[one].to_numpy()[kept] for one in pair] for pair in pairs]
        return xr.DataArray(values, coords, ["split", "half", "image"])

    labels = {option: name for option, name in (asked.labels or {}).items() if name is not None}
    covariates = {name: made("--covariates", name) for name in asked.covariates}
    return Inputs(
        {name: one.isel(image=kept) for name, one in features.items()},
        {name: made("--column", name).assign_attrs(beside(table, name)) for name in asked.scores},
        xr.Dataset(covariates) if covariates else None,
        {option.lstrip("-"): _whole(made(option, name)) for option, name in labels.items()},
        {name: stacked(pairs) for name, pairs in splits.items()},
    )


def _columns(table: Table, asked: Asked) -> "dict[tuple[str, str], pd.Series]":
    """Give columns by option and name; NaN where an image has nothing."""
    measured = {"--column": asked.scores, "--covariates": asked.covariates}
    found = {
        (option, name): numbers(table.column(option, name), option)
        for option, names in measured.items()
        for name in names
    }
    labels = (asked.labels or {}).items()
    return found | {(option, name): table.column(option, name) for option, name in labels if name is not None}


def _people(table: Table, asked: Asked) -> "tuple[Splits, dict[str, pd.Series]]":
    """Give the splits of each score, and the columns that they name."""
    found = [table.splits(*pair) for pair in asked.halves]
    one = len(asked.scores) == 1
    splits = {name: list(chain.from_iterable(found)) if one else found[k] for k, name in enumerate(asked.scores)}
    names = [name for pairs in found for pair in pairs for name in pair]
    return splits, {name: numbers(table.column("--half", name), "--half") for name in names}


def _complete(there: "Mapping[str, Any]", names: list[str]) -> Any:
    """Say which images have everything (n,); list the others on stderr."""
    import numpy as np

    for what, has in there.items():
        if not has.all():
            missing = [name for name, one in zip(names, has, strict=True) if not one]
            click.echo(f"Left out, no {what}: {listed.of(missing)}", err=True)
    kept = np.logical_and.reduce(list(there.values()))
    if not kept.any():
        rule = f"share an image that has {' and '.join(there)}"
        raise ArgumentError(advice("FEATURES and --scores", rule, listed("none")))
    return kept


def _whole(labels: "xr.DataArray") -> "xr.DataArray":
    """Give whole numbers as such, also where a gap that is left out had made them 1.0, 2.0, …."""
    import numpy as np

    values = labels.values
    whole = values.dtype.kind == "f" and np.isfinite(values).all() and (values == values.round()).all()
    return labels.astype(np.int64) if whole else labels
