"""Results as they come: xarray, tables, heads, and files that memfeat wrote."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._frames import edited, read_attrs
from memfeat._labels import IMAGE, LAYER_ORDER
from memfeat.citing.facts import Facts
from memfeat.errors import ArgumentError, KindError, MissingFileError

__all__ = ["facts_of", "read"]

VERSION = "memfeat_version"
#: Written into the attributes of a head, where its kind would be taken for that of an image table.
HEAD = "head_kind"
ROW = "row"
SAVED = "Save it with to_netcdf or to_zarr, or with the -o of a command, which writes FILE.csv.json beside FILE.csv."


def facts_of(result: Any) -> Facts:
    """Read what a result says of itself.

    Parameters
    ----------
    result : Dataset, DataArray, DataFrame or Head
        The result.

    Returns
    -------
    Facts
        Its attributes, and its values as a Dataset.

    Raises
    ------
    KindError
        If it has no attributes, or they are not memfeat's.
    """
    attrs, table = _opened(result)
    if VERSION not in attrs:
        what = listed(f"{type(result).__name__} without the attribute {VERSION}")
        remedy = "Give what a function of memfeat gave, whole: a part or an average of it does not say how it was made."
        raise KindError(advice("results", "come from memfeat", what, remedy))
    return Facts(attrs, table)


def _opened(result: Any) -> tuple[Mapping[str, Any], xr.Dataset]:
    if isinstance(result, xr.Dataset):
        return {str(name): value for name, value in result.attrs.items()}, result
    if isinstance(result, xr.DataArray):
        name = str(result.name) if result.name is not None and result.name not in result.coords else "values"
        return {str(key): value for key, value in result.attrs.items()}, result.to_dataset(name=name)
    if isinstance(result, pd.DataFrame):
        return {str(name): value for name, value in result.attrs.items()}, _rows(result)
    if isinstance(getattr(result, "facts", None), Mapping) and hasattr(result, "kind"):
        return _head({"kind": result.kind, **result.facts}), xr.Dataset()
    raise KindError(advice("results", "be what functions of memfeat give", listed(type(result).__name__)))


def _head(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {**facts, HEAD: facts["kind"]}


def _rows(frame: pd.DataFrame) -> xr.Dataset:
    """Lay a table out as a Dataset, along the images where each has one row."""
    columns = {str(name): column for name, column in frame.items()}
    dim = IMAGE if IMAGE in columns and columns[IMAGE].is_unique else ROW
    own = {name: (dim, column.to_numpy()) for name, column in columns.items() if name != dim}
    return xr.Dataset(own, {dim: columns[dim].to_numpy()} if dim in columns else None)


def read(path: str | Path) -> Any:
    """Open a result that was saved, so that it can be cited.

    Parameters
    ----------
    path : path
        A netCDF file (.nc), a zarr store, a table that a command wrote (FILE.csv, beside which FILE.csv.json says how
        it was made), or the folder of a head.

    Returns
    -------
    Dataset
        The result with its attributes, for :func:`methods` and :func:`references`. Of a table, every column is a
        variable. Values of a store are not loaded.

    Raises
    ------
    MissingFileError
        If there is nothing at the path.
    ArgumentError
        If it is none of these, or does not say how it was made.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pandas as pd
    >>> import memfeat as mf
    >>> model = mf.rdm.from_scores(pd.Series([0.9, 0.5, 0.6], index=list("abc"), name="hit_rate"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.to_netcdf(pathlib.Path(folder, "model.nc"), engine="h5netcdf")
    ...     read(f"{folder}/model.nc").attrs["kind"]
    'both_memorable'
    """
    file = Path(path).expanduser()
    if not file.exists():
        raise MissingFileError(advice("path", "be a file or a store", str(path), "There is nothing of that name."))
    reader = next((one for fits, one in READERS.items() if fits(file)), None)
    if reader is None:
        raise ArgumentError(advice("path", "be a .nc file, a zarr store, a .csv or a head", str(path), SAVED))
    found = reader(file)
    if VERSION not in found.attrs:
        raise ArgumentError(advice("path", "say how it was made", str(path), SAVED))
    return found


def _netcdf(file: Path) -> xr.Dataset:
    try:
        with xr.open_dataset(file, engine="h5netcdf") as found:
            return found.load()
    except (OSError, ValueError) as error:
        raise ArgumentError(advice("path", "be a netCDF file that can be read", str(file), str(error))) from error


def _store(file: Path) -> xr.Dataset:
    try:
        found: xr.Dataset = xr.open_zarr(file, consolidated=False)
    except Exception as error:  # zarr and xarray raise many kinds for what is no store
        raise ArgumentError(advice("path", "be a zarr store that can be read", str(file))) from error
    # arrays of a store have no order, and are listed in another one each time
    said = {name: place for place, name in enumerate(found.attrs.pop(LAYER_ORDER, []))}
    names = sorted(map(str, found.data_vars), key=lambda name: (said.get(name, len(said)), _by_numbers(name)))
    layers = found[names]
    if "status" not in layers.coords:
        return layers
    # it holds what could not be read as well, and counts nothing
    read = layers["status"].values == "ok"
    return layers.isel({IMAGE: read}).assign_attrs(n_left_out=int((~read).sum()))


def _by_numbers(name: str) -> list[tuple[int, str]]:
    """Put `layer3.2` before `layer3.10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _table(file: Path) -> xr.Dataset:
    if edited(file):
        remedy = "What is said beside it is of another table: compute it again, or tell by hand what was changed."
        raise ArgumentError(advice("path", "be a table as memfeat wrote it", str(file), remedy))
    try:
        return _rows(pd.read_csv(file)).assign_attrs(read_attrs(file))
    except (ValueError, OSError) as error:  # empty, or no text
        raise ArgumentError(advice("path", "be a table that can be read", str(file), str(error))) from error


def _folder(file: Path) -> xr.Dataset:
    try:
        facts = json.loads((file / "head.json").read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ArgumentError(advice("path", "be a head that can be read", str(file), str(error))) from error
    if not isinstance(facts, dict) or "kind" not in facts:
        remedy = "Its head.json is not as head.save wrote it."
        raise ArgumentError(advice("path", "be a head that says its kind", str(file), remedy))
    return xr.Dataset(attrs=_head(facts))


def _ends(*endings: str) -> Callable[[Path], bool]:
    return lambda file: file.is_file() and file.suffix.lower() in endings


#: Whether a path is one → what reads it.
READERS: dict[Callable[[Path], bool], Callable[[Path], xr.Dataset]] = {
    _ends(".nc", ".nc4", ".h5"): _netcdf,
    _ends(".csv"): _table,
    lambda file: (file / "head.json").is_file(): _folder,
    lambda file: file.is_dir() and any((file / name).exists() for name in ("zarr.json", ".zgroup")): _store,
}
