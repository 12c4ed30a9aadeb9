"""How alike layers are, each to each."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes

from memfeat import _numerals
from memfeat._check import advice, listed
from memfeat._labels import LAYER
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.layer_names import shortened
from memfeat.plot.style import SCALES, canvas, drawing, note, room

__all__ = ["layer_similarity"]

SECOND = f"{LAYER}_2"
#: method -> label of the colour bar
LABELS = {"CKA": "CKA", "SVCCA": "SVCCA, mean correlation"}
#: Points that a line of names takes, and that a number in a cell takes.
LINE, NUMBER = 9.0, 17.0
#: Share of the width that the map has.
SHARE = 0.6


def layer_similarity(result: xr.DataArray | xr.Dataset, *, label: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the similarity of layers with layers, of one network or of two.

    Parameters
    ----------
    result : DataArray (layer, layer_2) or Dataset
        What `mf.reduction.cka` or `mf.reduction.svcca` gave, or other similarities with these dims.
    label : str, optional
        Label of the colour bar; what the result says about itself by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Layers stand in the order of the result, the first below on the left; values are written where they
        fit. There are no intervals.

    Raises
    ------
    KindError
        If the result is none of these.
    ArgumentError
        If it has other dims.
    """
    values = _values(result)
    rows, columns = ([str(name) for name in values[dim].values] for dim in (LAYER, SECOND))
    new = ax is None
    ax = canvas(ax, height=70)
    points = SHARE * room(ax) * 72  # before the colour bar takes some
    with drawing():
        if new:
            # the plain constrained layout forgets that equal sides narrow the Axes
            ax.get_figure(root=True).set_layout_engine("compressed")  # type: ignore[union-attr]
        numbers = values.values.astype(float)
        low = min(0.0, float(np.nanmin(numbers)))
        scale = colormaps[SCALES["similarity"]]
        image = ax.imshow(numbers, cmap=scale, vmin=low, vmax=max(1.0, float(np.nanmax(numbers))), origin="lower")
        called = label or LABELS.get(str(result.attrs.get("method")), str(values.name or "Similarity"))
        bar = ax.get_figure().colorbar(image, ax=ax, label=called, shrink=0.75)  # type: ignore[union-attr]
        bar.outline.set_visible(False)
        ax.spines[:].set_visible(False)
        _names(ax, rows, columns, points)
        if points / max(len(rows), len(columns)) >= NUMBER:
            _write(ax, numbers, image)
        note(ax, _caption(result))
    return ax


def _values(result: Any) -> xr.DataArray:
    if isinstance(result, xr.Dataset) and "svcca" in result:
        result = result["svcca"]
    if not isinstance(result, xr.DataArray):
        remedy = "Pass what mf.reduction.cka or mf.reduction.svcca gave."
        raise KindError(advice("result", "be similarities of layers", listed(type(result).__name__), remedy))
    if set(result.dims) != {LAYER, SECOND} or not {LAYER, SECOND} <= set(result.coords):
        found = listed(f"dims {tuple(map(str, result.dims))}")
        raise ArgumentError(advice("result", f"have the dims '{LAYER}' and '{SECOND}' with names", found))
    return result.transpose(LAYER, SECOND)


def _names(ax: Axes, rows: list[str], columns: list[str], points: float) -> None:
    """Write layer names along both axes, without what they share and only as many as there is room for."""
    for axis, names, what in ((ax.xaxis, columns, "second"), (ax.yaxis, rows, "first")):
        short, shared = shortened(names)
        step = int(np.ceil(len(names) * LINE / points))
        shown = list(range(0, len(names), step))
        axis.set_ticks(shown, [short[k] for k in shown])
        of = "" if rows == columns else f" of the {what}"
        axis.set_label_text(f"Layer{of} (in {shared})" if shared else f"Layer{of}")
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=90)


def _write(ax: Axes, numbers: Any, image: Any) -> None:
    """Write values, dark on bright cells and bright on dark ones."""
    for (row, column), value in np.ndenumerate(numbers):
        colour = "black" if image.norm(value) > 0.55 else "white"
        text = _numerals.number(float(value), 2, below_one=True)
        ax.text(column, row, text, ha="center", va="center", fontsize=5.5, color=colour)


def _caption(result: xr.DataArray | xr.Dataset) -> str:
    parts = [f"n = {result.attrs['n']} images"] if "n" in result.attrs else []
    if result.attrs.get("unbiased") == "true":
        parts.append("unbiased")
    if isinstance(result, xr.Dataset) and "chance" in result:
        low, high = float(result["chance"].min()), float(result["chance"].max())
        parts.append(f"without any relation {low:.2f}" + (f" to {high:.2f}" if high - low >= 0.01 else ""))
    return "; ".join([*parts, "no intervals"])
