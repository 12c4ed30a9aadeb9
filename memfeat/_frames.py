"""Results as tables that any program opens: one row per image, or one row per layer."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice
from memfeat._labels import IMAGE, LAYER
from memfeat.errors import ArgumentError

__all__ = [
    "IMAGE_COLUMNS",
    "as_json",
    "attrs_file",
    "edited",
    "per_comparison",
    "per_image",
    "per_layer",
    "prepared",
    "read_attrs",
    "unchanged",
    "write_attrs",
    "write_csv",
]

#: Columns of a table of images, in this order; those that are absent are left out, the user's own follow.
IMAGE_COLUMNS = (
    IMAGE, "memorability", "at_floor", "warnings", "width", "height", "mode", "status", "reason", "sha256", "path",
)  # fmt: skip

#: Under this name the file beside a table holds the table's hash.
DIGEST = "file_sha256"


def per_image(table: xr.Dataset) -> pd.DataFrame:
    """Give what is known about each image, one row each, in the order of the table.

    Parameters
    ----------
    table : Dataset (image)
        An image table or predictions.

    Returns
    -------
    DataFrame
        `image`, `memorability` … as in `IMAGE_COLUMNS`, then other columns with one value per image. `at_floor` is
        missing where there is no prediction: where `status` is not "ok".
    """
    flat = {name: table[name] for name in [*table.coords, *table.data_vars] if table[name].dims == (IMAGE,)}
    flat.pop("pixels", None)
    order = [name for name in IMAGE_COLUMNS if name in flat] + [name for name in flat if name not in IMAGE_COLUMNS]
    frame = pd.DataFrame({str(name): flat[name].values for name in order})
    if {"at_floor", "status"} <= flat.keys() and (read := frame["status"] == "ok").sum() < len(frame):
        frame["at_floor"] = frame["at_floor"].astype(object).where(read, None)
    return frame


def per_layer(result: xr.Dataset) -> pd.DataFrame:
    """Give the statistics of each layer, one row each, in the order of the result.

    Parameters
    ----------
    result : Dataset (layer, ...)
        Statistics; variables with further dims are left out.

    Returns
    -------
    DataFrame
        `layer`, then one column per statistic.
    """
    names = [name for name, values in result.data_vars.items() if values.dims == (LAYER,)]
    columns = {LAYER: result[LAYER].values} | {str(name): result[name].values for name in names}
    return pd.DataFrame(columns)


def per_comparison(result: xr.Dataset) -> pd.DataFrame:
    """Give the statistics of each layer and reference, one row each, in the order of the result.

    Parameters
    ----------
    result : Dataset (layer, ...)
        Statistics; the dims of `estimate` tell rows apart. Variables with yet further dims are left out.

    Returns
    -------
    DataFrame
        `layer` and the further dims, then one column per statistic; what is the same for several rows is repeated.
    """
    dims = result["estimate"].dims
    names = [name for name, values in result.data_vars.items() if set(values.dims) <= set(dims)]
    plain = result[names].reset_coords(drop=True)
    return plain.to_dataframe(dim_order=list(dims)).reset_index()


def prepared(path: str | os.PathLike[str], argument: str, *, endings: tuple[str, ...] = ()) -> Path:
    """Make sure, before the work begins, that a file can be written.

    Parameters
    ----------
    path : path
        The file. Its folder is made.
    argument : str
        What the user calls it.
    endings : tuple of str
        How its name may end, in small letters; anyhow if there are none.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ArgumentError
        If its name ends otherwise, or it cannot be written.
    """
    remedy = "Choose another place; nothing has been computed yet."
    unwritable = ArgumentError(advice(argument, "be a file that can be written", str(path), remedy))
    try:
        file = Path(path).expanduser()
    except RuntimeError:  # ~ of a user that is not known
        raise unwritable from None
    if endings and not file.name.lower().endswith(endings):
        remedy = f"Name it {file.stem.removesuffix(endings[0]) + endings[0]!r}; nothing has been computed yet."
        raise ArgumentError(advice(argument, f"end in {' or '.join(endings)}", str(path), remedy))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        blocked = file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK)
    except OSError:
        blocked = True
    if blocked:
        raise unwritable
    return file


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all.

    Parameters
    ----------
    frame : DataFrame
        The table.
    path : Path
        The file; UTF-8, comma-separated, numbers to the last digit, missing ones empty.
    """
    part = path.with_name(f"{path.name}.part")
    frame.to_csv(part, index=False, lineterminator="\n")
    part.replace(path)


def write_attrs(attrs: Mapping[Any, Any], table: Path) -> None:
    """Write what a file cannot hold beside it: how it was made.

    Parameters
    ----------
    attrs : mapping
        Attributes of the result.
    table : Path
        The table, or figure, which is there already; the attributes go into a file of the same name with .json after
        it, and with them the file's hash, by which it is known again as long as nobody changes it.
    """
    known = {**attrs, DIGEST: _digest(table)}
    text = json.dumps(known, indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    file = attrs_file(table)
    part = file.with_name(f"{file.name}.part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(file)


def read_attrs(table: Path) -> dict[str, Any]:
    """Read how a table was made, from the file that :func:`write_attrs` wrote beside it.

    Parameters
    ----------
    table : Path
        The table.

    Returns
    -------
    dict
        The attributes; empty if there is no such file, or it is something else.
    """
    return {name: value for name, value in _told_beside(table).items() if name != DIGEST}


def unchanged(file: Path) -> bool:
    """Say whether a file is as it was when :func:`write_attrs` wrote beside it how it was made.

    Parameters
    ----------
    file : Path
        A table or a figure.

    Returns
    -------
    bool
        False also if nothing stands beside it, or what is said of another file.
    """
    return file.is_file() and _told_beside(file).get(DIGEST) == _digest(file)


def edited(file: Path) -> bool:
    """Say whether a file is known to differ from the one that :func:`write_attrs` wrote about.

    Parameters
    ----------
    file : Path
        A table or a figure.

    Returns
    -------
    bool
        False also if nothing stands beside it, or what stands there has no hash, as that of older tables.
    """
    return DIGEST in _told_beside(file) and not unchanged(file)


def attrs_file(file: Path) -> Path:
    """Name the file that :func:`write_attrs` writes.

    Parameters
    ----------
    file : Path
        A table or a figure.

    Returns
    -------
    Path
        For example rsa.csv.json, beside rsa.csv.
    """
    return file.with_name(f"{file.name}.json")


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _told_beside(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(attrs_file(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and "memfeat_version" in found else {}


def as_json(frame: pd.DataFrame, attrs: dict[str, Any], **about: Any) -> str:
    """Write a table and where it came from as JSON.

    Parameters
    ----------
    frame : DataFrame
        The table.
    attrs : dict
        Attributes of the result.
    **about : str, number, list or dict
        What else there is to say, each under its own name.

    Returns
    -------
    str
        One object with what is said, `attrs` and `rows`; missing numbers are null.
    """
    rows = [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
    return json.dumps(
        {**about, "attrs": attrs, "rows": rows}, indent=1, ensure_ascii=False, allow_nan=False, default=_plain
    )


def _plain(value: Any) -> Any:
    """Give a value that JSON knows."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain
