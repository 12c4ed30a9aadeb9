"""Sets of images as they stand on the command line: folders of photographs and tables of scores."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from memfeat._check import looked_up

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Asked", "Gathered", "gathered", "table_at"]


class Asked(NamedTuple):
    """What stood on the command line."""

    places: tuple[Path, ...]
    by: str | None
    low_level: tuple[str, ...]
    """Statistics of photographs that become columns of their sets."""
    paired: str | None = None
    """The column of originals."""


class Gathered(NamedTuple):
    """Sets, read."""

    sets: "dict[str, xr.Dataset]"
    photographs: "dict[str, xr.Dataset]"
    """Image tables of the sets that are folders."""
    paired: str | None = None
    """The column of originals."""

    @property
    def compared(self) -> "dict[str, xr.Dataset]":
        """Give the images that are compared: those that could be read, and of pairs those with a partner."""
        from memfeat.sets.scores.pooling import complete, readable

        read = {name: readable(table) for name, table in self.sets.items()}
        return read if self.paired is None else complete(read, self.paired)

    @property
    def n_images(self) -> int:
        """Count the images of all sets."""
        return sum(table.sizes["image"] for table in self.sets.values())

    @property
    def unreadable(self) -> list[tuple[str, str, str]]:
        """List images that could not be read: set and name, status, reason."""
        rows = []
        for name, table in self.sets.items():
            if "status" not in table.variables:
                continue
            bad = table.isel(image=table["status"].values.astype(str) != "ok")
            reasons = bad["reason"].values if "reason" in bad.variables else [""] * bad.sizes["image"]
            for image, status, reason in zip(bad["image"].values, bad["status"].values, reasons, strict=True):
                rows.append((f"{name}: {image}", str(status), str(reason)))
        return rows

    @property
    def labels(self) -> "pd.Series":
        """Give the set of each image that is compared, by image name."""
        return self.column("set")

    def column(self, wanted: str) -> "pd.Series":
        """Give a column of the images that are compared, by image name; "set" is their set."""
        import pandas as pd

        parts = []
        for name, table in self.compared.items():
            index = table["image"].values.astype(str).astype(object)
            parts.append(pd.Series(name if wanted == "set" else table[wanted].values.astype(str), index=index))
        return pd.concat(parts).rename(wanted)


def gathered(asked: Asked, *, progress: bool | None, machine: Mapping[str, Any]) -> Gathered:
    """Read the sets; predict the memorability of photographs.

    Parameters
    ----------
    asked : Asked
        Folders and tables.
    progress : bool, optional
        As elsewhere.
    machine : mapping
        `device` and `batch_size`.

    Returns
    -------
    Gathered
        The sets.

    Raises
    ------
    UsageError
        If two have one name, or low-level statistics are asked for of tables.
    MemfeatError
        If one cannot be read.
    """
    if asked.by is not None:
        if len(asked.places) != 1 or asked.places[0].is_dir():
            raise click.UsageError("--by divides a single table; give one.")
        table = table_at(asked.places[0], "SETS")
        have = [str(name) for name in table.variables if name != "image"]
        looked_up("--by", asked.by, have, f"{asked.places[0]} has: {', '.join(have)}.")
        kinds = table[asked.by].values.astype(str)
        places = {name: table.isel(image=kinds == name) for name in sorted(set(kinds))}
        return Gathered(places, {}, asked.paired)
    names = [place.resolve().name if place.is_dir() else place.name.partition(".")[0] for place in asked.places]
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(f"Two SETS are called {name}; results tell them apart by their names: rename one.")
    if asked.low_level and not all(place.is_dir() for place in asked.places):
        raise click.UsageError("--low-level needs photographs; give columns of tables by --covariates.")
    sets, photographs = {}, {}
    for name, place in zip(names, asked.places, strict=True):
        if place.is_dir():
            photographs[name], sets[name] = _predicted(place, progress=progress, machine=machine)
        else:
            sets[name] = table_at(place, "SETS")
    if asked.low_level:
        sets = {name: _with_statistics(sets[name], one, asked, progress) for name, one in photographs.items()}
    return Gathered(sets, photographs, asked.paired)


def table_at(path: Path, argument: str) -> "xr.Dataset":
    """Read a table, and how it was made where `memfeat predict` wrote it down.

    Parameters
    ----------
    path : Path
        A CSV.
    argument : str
        What the user calls it.

    Returns
    -------
    Dataset (image)
        Its columns.

    Raises
    ------
    ArgumentError
        If it is no table with image names.
    """
    import xarray as xr

    from memfeat._frames import read_attrs
    from memfeat._tables import read_table

    frame, key = read_table(path, argument)
    return xr.Dataset.from_dataframe(frame.set_index(key).rename_axis("image")).assign_attrs(read_attrs(path))


def _predicted(folder: Path, *, progress: bool | None, machine: Mapping[str, Any]) -> "tuple[xr.Dataset, xr.Dataset]":
    from memfeat.images import read
    from memfeat.prediction import predict

    images = read(folder, verify=False, progress=progress)
    return images, predict(images, progress=progress, **machine)


def _with_statistics(table: "xr.Dataset", images: "xr.Dataset", asked: Asked, progress: bool | None) -> "xr.Dataset":
    from memfeat import lowlevel

    measured = lowlevel.statistics(images, which=list(asked.low_level), progress=progress)
    return table.assign({name: ("image", measured[name].values) for name in asked.low_level})
