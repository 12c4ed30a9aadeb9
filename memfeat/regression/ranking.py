"""The units with the largest values, as a table."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import advice, count, listed, one_of
from memfeat._labels import LAYER
from memfeat.errors import KindError
from memfeat.regression.targets import SCORE
from memfeat.regression.units import STATISTIC

__all__ = ["top_units"]

RANK = "rank"
#: Axes that stand first, in this order.
AXES = ("channel", "y", "x")
#: What units are ranked by -> whether its size can be compared between layers.
RANKED = {"estimate": True, "pattern": False, "weight": False}


def top_units(result: xr.Dataset, n: int = 20, *, by: str | None = None) -> pd.DataFrame:
    """List the units with the largest absolute values.

    Parameters
    ----------
    result : Dataset (statistic, ...)
        From :func:`unitwise` or :func:`patterns`. `result[["fc"]]` chooses layers.
    n : int
        How many units: of all layers together by "estimate"; of each layer by "pattern" and "weight", whose size
        depends on the scale of the layer. Of several scores so many each.
    by : {"estimate", "pattern", "weight"}, optional
        What they are ranked by; by default the first of these that is there. Where :func:`unitwise` tested one side,
        values on that side come first.

    Returns
    -------
    DataFrame
        One row per unit: `rank` from 1; `layer`; `score` where there are several; where the unit is, in a column for
        each axis that a layer of the result has (`channel`, `y`, `x`, …): its label where the axis has labels, else its
        position, so that `features[layer].sel({"<layer>:channel": channel})` finds it, and missing where the layer has
        no such axis; then each statistic, such as `estimate`, `p`, `p_fdr`.

    Raises
    ------
    KindError
        If it is no result of these functions, or `n` no whole number.
    ArgumentError
        If `n` is below 1, or the result has nothing of that name to rank by.

    Notes
    -----
    Of equal values the one in the layer whose name comes first, then the one with the smaller channel, y and x, comes
    first.

    Examples
    --------
    >>> import xarray as xr
    >>> from memfeat.regression import unitwise
    >>> layer = xr.DataArray([[1.0, 4], [2, 1], [3, 3], [5, 2]], dims=["image", "fc:channel"], name="fc")
    >>> layer = layer.assign_coords(image=["a", "b", "c", "d"])
    >>> top_units(unitwise(layer, layer[:, 0]), 1)[["rank", "layer", "channel", "estimate"]]
       rank layer  channel  estimate
    0     1    fc        0       1.0
    """
    by = _ranked_by(result, by)
    count("n", n)
    axes = sorted({_axis(dim, name) for name, layer in result.items() for dim in _units(layer)}, key=_place)
    several = SCORE in result.dims
    rows: list[dict[str, Any]] = []
    for k in range(result.sizes[SCORE] if several else 1):
        one = result.isel({SCORE: k}) if several else result
        found = {str(name): _top(layer, n, by, result.attrs) for name, layer in one.items()}
        groups = [[row for name in sorted(found) for row in found[name]]] if RANKED[by] else list(found.values())
        for group in groups:
            group.sort(key=lambda row: -_extreme(row[by], result.attrs))
            rows += [{RANK: i, **row} for i, row in enumerate(group[:n], start=1)]
    statistics = [str(name) for name in result[STATISTIC].values]
    table = pd.DataFrame(rows, columns=[RANK, LAYER, *([SCORE] if several else []), *axes, *statistics])
    for axis in axes:
        whole = all(isinstance(row.get(axis, 0), int) for row in rows)
        table[axis] = pd.array([row.get(axis, pd.NA) for row in rows], dtype="Int64" if whole else object)
    return table


def _ranked_by(result: Any, by: str | None) -> str:
    """Check a result, and choose what its units are ranked by."""
    is_result = isinstance(result, xr.Dataset) and STATISTIC in result.dims and STATISTIC in result.coords
    known = [name for name in RANKED if is_result and name in result[STATISTIC].values]
    if not known:
        remedy = "Make one with mf.regression.unitwise or mf.regression.patterns."
        raise KindError(advice("result", "hold statistics of units", listed(type(result).__name__), remedy))
    return known[0] if by is None else one_of("by", by, known)


def _extreme(values: Any, attrs: Any) -> Any:
    """Give what is large where a value comes first."""
    return stats.ALTERNATIVES[attrs.get("alternative", "two-sided")](values)


def _units(layer: xr.DataArray) -> list[Any]:
    """List the dims of the units of a layer, in the order of their axes."""
    dims = [dim for dim in layer.dims if dim not in (STATISTIC, SCORE)]
    return sorted(dims, key=lambda dim: _place(_axis(dim, layer.name)))


def _axis(dim: Any, layer: Any) -> str:
    return str(dim).removeprefix(f"{layer}:")


def _place(axis: str) -> tuple[int, str]:
    return (AXES.index(axis) if axis in AXES else len(AXES), axis)


def _top(layer: xr.DataArray, n: int, by: str, attrs: Any) -> list[dict[str, Any]]:
    """Describe the first units of one layer."""
    dims = _units(layer)
    ordered = layer.transpose(STATISTIC, *dims)
    size = _extreme(ordered.sel({STATISTIC: by}).values.reshape(-1), attrs)
    n = min(n, size.size)
    able = np.flatnonzero(size >= np.partition(size, -n)[-n])
    chosen = able[np.argsort(-size[able], kind="stable")][:n]
    values = ordered.values.reshape(len(ordered), -1)[:, chosen]
    places = np.unravel_index(chosen, ordered.shape[1:]) if dims else ()
    about = {LAYER: str(layer.name)} | ({SCORE: str(layer[SCORE].item())} if SCORE in layer.coords else {})
    names = [str(name) for name in layer[STATISTIC].values]
    rows = [about | dict(zip(names, column.tolist(), strict=True)) for column in values.T]
    for dim, place in zip(dims, places, strict=True):
        labels = layer[dim].values[place] if dim in layer.coords else place
        for row, label in zip(rows, labels.tolist(), strict=True):
            row[_axis(dim, layer.name)] = label
    return rows
