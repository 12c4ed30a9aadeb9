"""The scores that a comparison of sets rests on, found again in the sets."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed, looked_up
from memfeat._labels import image_names
from memfeat._tables import read_table
from memfeat.errors import ArgumentError, KindError

__all__ = ["in_pairs", "score_of", "values_of"]

Array = npt.NDArray[np.float64]
STATUS, READ = "status", "ok"
SETS = "the sets that were compared"
#: What a comparison in pairs says about its unit.
PAIRS = "versions of an original"
AS_THERE = "Pass paired= as it was passed to mf.sets.compare."


def in_pairs(result: xr.Dataset) -> bool:
    """Say whether versions of the same originals were compared.

    Parameters
    ----------
    result : Dataset
        What `mf.sets.compare` gave.

    Returns
    -------
    bool
        Whether they were.
    """
    return result.attrs.get("unit") == PAIRS


def score_of(result: Any) -> str:
    """Say which score the result is about.

    Parameters
    ----------
    result : Dataset (set, contrast, statistic)
        What `mf.sets.compare` gave.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    KindError
        If it is no Dataset.
    ArgumentError
        If it is another one, or of several scores.
    """
    if not isinstance(result, xr.Dataset):
        raise KindError(advice("result", "be what mf.sets.compare gave", listed(type(result).__name__)))
    if not {"set", "contrast", "statistic"} <= set(result.dims) or "mean_ci_low" not in result:
        raise ArgumentError(advice("result", "be what mf.sets.compare gave", listed(f"dims {tuple(result.dims)}")))
    if "score" in result.dims:
        remedy = f"Select one: result.sel(score={str(result['score'].values[0])!r})."
        raise ArgumentError(advice("result", "be of one score", listed.of(result["score"].values), remedy))
    return str(result["score"].item()) if "score" in result.coords else str(np.ravel(result.attrs["scores"])[0])


def values_of(result: xr.Dataset, given: tuple[Any, ...], by: str | None, paired: Any) -> dict[str, Array]:
    """Find the scores of each set; of versions of the same originals, those of one original at the same position.

    Parameters
    ----------
    result : Dataset (set, contrast, statistic)
        What `mf.sets.compare` gave, of one score.
    given : tuple
        The sets, as the user passed them.
    by : str, optional
        The column of a single table that says which set an image is of.
    paired : True, str, DataArray (image) or pandas.Series, optional
        Which original each image is a version of.

    Returns
    -------
    dict of array (n,)
        Name of each set, in the order of the result -> its scores.

    Raises
    ------
    KindError, ArgumentError, UnknownNameError
        If these are not the sets that were compared, or not so.
    """
    score, wanted = score_of(result), [str(name) for name in result["set"].values]
    parts = _parts(given, by, wanted)
    if any(name not in parts for name in wanted):
        raise ArgumentError(advice("sets", f"be {SETS}, {', '.join(wanted)}", listed.of(parts)))
    values = {name: _scores(parts[name], score, name) for name in wanted}
    if in_pairs(result):
        called = True if paired is None else paired
        values = _together({name: (_originals(parts[name], called, name), one) for name, one in values.items()})
    elif paired is not None:
        raise ArgumentError(advice("paired", "be left out where images were not compared in pairs", listed(paired)))
    read = {name: one[np.isfinite(one)] for name, one in values.items()}
    for name, one in read.items():
        mean, n = float(result["mean"].sel(set=name)), int(result["n"].sel(set=name))
        if one.size != n or not np.isclose(one.mean(), mean, rtol=1e-6, atol=1e-9):
            found = listed(f"{one.size} images with mean {one.mean():.4g} in {name!r}, and not {n} with {mean:.4g}")
            raise ArgumentError(advice("sets", f"be {SETS}", found, AS_THERE if in_pairs(result) else ""))
    if in_pairs(result):
        _as_compared(result, read)
    return read


def _parts(given: tuple[Any, ...], by: str | None, wanted: list[str]) -> Mapping[str, Any]:
    alone = given[0] if len(given) == 1 else None
    if by is not None:
        table = alone.to_dataframe().reset_index() if isinstance(alone, xr.Dataset) else alone
        if not isinstance(table, pd.DataFrame):
            raise KindError(advice("sets", "be one table with by=", listed(type(alone).__name__)))
        looked_up("by", by, [str(name) for name in table], f"There are {', '.join(map(str, table))}.")
        return {str(name): part for name, part in table.groupby(by)}
    if isinstance(alone, Mapping) and not isinstance(alone, xr.Dataset):
        return {str(name): one for name, one in alone.items()}
    if len(given) != len(wanted):
        raise ArgumentError(advice("sets", f"be {SETS}, {', '.join(wanted)}", listed(f"{len(given)} of them")))
    return dict(zip(wanted, given, strict=True))


def _scores(one: Any, score: str, name: str) -> Array:
    """Give the scores of the images of one set, NaN for those that could not be read."""
    if isinstance(one, xr.DataArray | pd.Series):
        return np.asarray(one.values, dtype=np.float64)
    if not isinstance(one, xr.Dataset | pd.DataFrame):
        raise KindError(advice("sets", "hold scores by image name", listed(type(one).__name__)))
    columns = [str(key) for key in (one.variables if isinstance(one, xr.Dataset) else one.columns)]
    looked_up("sets", score, columns, f"{name!r} has {', '.join(columns)}.")
    values = np.asarray(one[score].values, dtype=np.float64)
    return np.where(np.asarray(one[STATUS].values).astype(str) == READ, values, np.nan) if STATUS in columns else values


def _originals(one: Any, paired: Any, name: str) -> list[str]:
    """Say which original each image of a set is a version of."""
    columns: dict[str, Any] = {}
    names: Any
    if isinstance(one, pd.Series):
        names = one.index.to_numpy()
    elif isinstance(one, pd.DataFrame):
        frame, key = read_table(one, "sets")
        columns, names = {str(column): frame[column] for column in frame}, frame[key].to_numpy()
    else:
        found = one.variables if isinstance(one, xr.Dataset) else one.coords
        columns, names = {str(column): found[column] for column in found}, image_names(one, "sets")
    if isinstance(paired, str):
        looked_up("paired", paired, [*map(str, columns)], f"{name!r} has {', '.join(map(str, columns))}.")
        names = columns[paired].to_numpy()
    elif paired is not True:
        labels = paired.to_series() if isinstance(paired, xr.DataArray) else paired
        if not isinstance(labels, pd.Series):
            raise KindError(advice("paired", "be True or a column", listed(type(paired).__name__), AS_THERE))
        known = {str(image): label for image, label in labels.items()}
        names = [known.get(str(image)) for image in names]
    return [str(label) for label in names]


def _together(sets: dict[str, tuple[list[str], Array]]) -> dict[str, Array]:
    """Put scores of the same original at the same position; leave out originals of which a version was not read."""
    tables = {}
    for name, (originals, values) in sets.items():
        one = pd.Series(values, originals).dropna()
        if one.index.has_duplicates:
            twice = listed.of(one.index[one.index.duplicated()])
            raise ArgumentError(advice("paired", f"name an original once in {name!r}", twice, AS_THERE))
        tables[name] = one
    every = pd.concat(tables, axis="columns", join="inner").sort_index()
    return {name: every[name].to_numpy(dtype=np.float64) for name in sets}


def _as_compared(result: xr.Dataset, values: dict[str, Array]) -> None:
    """See to it that pairs are those of the comparison: others have the same mean difference, and another spread."""
    if "d_z" not in result["statistic"].values:
        return
    rows = result["estimate"].sel(statistic="d_z")
    for first, second, found in zip(rows["first"].values, rows["second"].values, rows.values, strict=True):
        apart = values[str(first)] - values[str(second)]
        with np.errstate(invalid="ignore", divide="ignore"):
            here = float(apart.mean() / apart.std(ddof=1))
        if np.isfinite(found) and not np.isclose(here, float(found), rtol=1e-6, atol=1e-9):
            said = listed(f"d_z = {here:.4g} of {first!r} and {second!r}, and not {float(found):.4g}")
            raise ArgumentError(advice("paired", "pair images as they were compared", said, AS_THERE))
