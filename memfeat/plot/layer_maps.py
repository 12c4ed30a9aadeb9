"""Maps of layers against regions, times or models."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from memfeat._check import advice, listed
from memfeat._labels import LAYER
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.layer_names import fitting, shortened
from memfeat.plot.profiles import ALPHA, counted, criterion, has_interval, statistic_label
from memfeat.plot.style import SCALES, canvas, drawing, note, room

__all__ = ["layer_map"]

Array = npt.NDArray[Any]
#: p-values that outlines may stand for, the first that is there.
TESTS = ("p_corrected", "p_cluster")
#: Points that a line of names takes; share of the width that the map has.
LINE, SHARE = 9.0, 0.65
#: Kinds of columns that lie where their numbers say: whole and other numbers, and durations.
NUMERIC = "iufm"
#: dim -> label of the horizontal axis, for those that have a better one than their name
LABELS = {"roi": "Region", "time": "Time"}


def layer_map(result: xr.Dataset, *, label: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the estimate of each layer in each region, at each time or for each model, and outline what passes the test.

    Parameters
    ----------
    result : Dataset (layer, ...)
        With estimates along `layer` and one further dim: what `mf.rsa.compare` gave for references with a dim `roi` or
        `time`, what `mf.rsa.cluster` gave, or results put together with `xarray.concat`. Columns with numbers, such as
        times, lie where their numbers say.
    label : str, optional
        Label of the colour bar; what the result says about itself by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Layers stand in the order of the result, the first below. Colours are the same distance from white on
        both sides of 0. Outlined: `p_corrected`, or `p_cluster`, below .05. Intervals are in the table only.

    Raises
    ------
    KindError
        If the result is no Dataset.
    ArgumentError
        If it has no estimates along layers and one further dim.
    """
    dim = _further(result)
    table = result.transpose(LAYER, dim, ...)
    values = table["estimate"].values.astype(float)
    rows = np.arange(values.shape[0] + 1) - 0.5
    numeric = table[dim].dtype.kind in NUMERIC
    columns = _edges(_numbers(table[dim])) if numeric else np.arange(values.shape[1] + 1) - 0.5
    order = np.argsort(_numbers(table[dim]), kind="stable") if numeric else np.arange(values.shape[1])
    most = float(np.nanmax(np.abs(values))) or 1.0
    ax = canvas(ax, height=70)
    points = SHARE * room(ax) * 72  # before the colour bar takes some
    with drawing():
        scale = colormaps[SCALES["sides"]].with_extremes(bad="#D0D0D0")
        drawn = np.ma.masked_invalid(values[:, order])
        mesh = ax.pcolormesh(columns, rows, drawn, cmap=scale, vmin=-most, vmax=most, rasterized=drawn.size > 2_000)
        bar = ax.get_figure().colorbar(mesh, ax=ax, label=label or statistic_label(result))  # type: ignore[union-attr]
        bar.outline.set_visible(False)
        test = next((name for name in TESTS if name in table and table[name].ndim == 2), None)
        if test is not None:
            passed = table[test].values[:, order] < ALPHA
            ax.add_collection(LineCollection(_outline(passed, columns, rows), colors="black", linewidths=0.9))
        ax.spines[:].set_visible(False)
        _names(ax, table, dim, points)
        note(ax, _caption(table, test))
    return ax


def _further(result: Any) -> str:
    """Say along which dim columns lie."""
    if not isinstance(result, xr.Dataset):
        remedy = "Pass the whole result of mf.rsa.compare or mf.rsa.cluster."
        raise KindError(advice("result", "be a Dataset", listed(type(result).__name__), remedy))
    dims = tuple(map(str, result["estimate"].dims)) if "estimate" in result else ()
    further = [dim for dim in dims if dim != LAYER]
    if len(dims) != 2 or len(further) != 1 or not set(dims) <= set(result.coords):
        remedy = "One layer or column goes to mf.plot.layer_profile or mf.plot.models." if len(dims) == 1 else ""
        rule = "have estimates along 'layer' and one further dim, both with names"
        raise ArgumentError(advice("result", rule, listed(f"dims {dims}"), remedy))
    return further[0]


def _numbers(column: xr.DataArray) -> Array:
    """Give numbers, and durations in seconds."""
    values = column.values
    return values / np.timedelta64(1, "s") if values.dtype.kind == "m" else values.astype(float)


def _edges(places: Array) -> Array:
    """Give where columns begin and end: half-way between neighbours."""
    at = np.sort(places)
    if at.size == 1:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middles = (at[1:] + at[:-1]) / 2
    return np.concatenate([[2 * at[0] - middles[0]], middles, [2 * at[-1] - middles[-1]]])


def _outline(passed: Array, columns: Array, rows: Array) -> list[list[tuple[float, float]]]:
    """Give the lines between cells that pass and cells that do not."""
    padded = np.pad(passed, 1)
    upright = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    level = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    lines = [[(columns[c], rows[r]), (columns[c], rows[r + 1])] for r, c in upright]
    return lines + [[(columns[c], rows[r]), (columns[c + 1], rows[r])] for r, c in level]


def _names(ax: Axes, table: xr.Dataset, dim: str, points: float) -> None:
    short, shared = shortened([str(name) for name in table[LAYER].values])
    height = float(ax.get_figure(root=True).get_figheight() * ax.get_position(original=True).height)  # type: ignore[union-attr]
    step = int(np.ceil(len(short) * LINE / (height * 72 * SHARE)))
    ax.set_yticks(range(0, len(short), step), short[::step])
    ax.set(ylabel=f"Layer (in {shared})" if shared else "Layer", xlabel=LABELS.get(dim, dim.capitalize()))
    ax.tick_params(axis="y", length=0)
    if table[dim].dtype.kind in NUMERIC:
        unit = "s" if table[dim].dtype.kind == "m" else str(table[dim].attrs.get("units", ""))
        ax.set_xlabel(f"{ax.get_xlabel()} ({unit})" if unit else ax.get_xlabel())
        return
    names = fitting([str(name) for name in table[dim].values])
    step = int(np.ceil(len(names) * LINE / points))
    upright = sum(map(len, names)) * 4.6 > points
    ax.set_xticks(range(0, len(names), step), names[::step], rotation=90 if upright else 0)
    ax.tick_params(axis="x", length=0)


def _caption(table: xr.Dataset, test: str | None) -> str:
    parts = [_counted(table)]
    if test is not None:
        parts.append(f"outlined: {criterion(table, test)}")
    if has_interval(table):
        parts.append("intervals: see the table")
    return "; ".join(part for part in parts if part)


def _counted(table: xr.Dataset) -> str:
    """Say how many images, or participants, there are."""
    if str(table.attrs.get("method", "")).endswith("clusters of time"):
        return f"n = {table.attrs['n_participants']} participants"
    return counted(table)
