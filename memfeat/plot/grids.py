"""Pictures side by side: those of a unit, what it sees of them, pictures made for it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes

from memfeat._check import advice, count, listed
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.style import COLOURS, INCH, STYLE, WIDTHS, canvas, drawing, note, room

__all__ = ["image_grid"]

#: Sides of a picture in millimetres below which it is none.
SMALLEST = 2.5
#: Size of captions in points, the height of a line of them in millimetres, and the width of a letter, in its size.
TYPE, LINE, LETTER = 6.0, 2.8, 0.64
#: Space between pictures, as a share of their side.
GAP = 0.06


def image_grid(
    pictures: xr.DataArray,
    *,
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw pictures side by side, each with a caption.

    Parameters
    ----------
    pictures : DataArray (..., y, x, rgb)
        Pictures of one size, 0 to 255 (uint8) or 0 to 1: thumbnails, crops, or pictures that were made. One further dim
        fills row after row; of two the first one is the rows.
    captions : sequence of str, optional
        One for each picture, row by row. By default the coordinate `name` of each picture if there is one, else that of
        its dim; of two dims the rows are named beside them.
    columns : int, optional
        Pictures in a row, where there is one further dim; by default so many that the grid is about square.
    title : str
        What stands above, such as the layer and the unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes; captions that are too long are cut off in their middle.

    Raises
    ------
    KindError
        If these are no pictures.
    ArgumentError
        If there are too many to be seen at this size, values lie outside 0 to 1, captions are not as many as pictures,
        or `columns` are asked for where rows are given.
    """
    values, names, rows = _laid_out(pictures, columns)
    shape = values.shape[:2]
    said = _captions(captions, names, pictures.size // values[0, 0].size)
    new = ax is None
    ax = canvas(ax, height=_height(shape))
    width = (WIDTHS["single"] if new else room(ax) * INCH) - _beside(rows)
    side = width / (shape[1] * (1 + GAP))
    if side < SMALLEST:
        most = int(width / (SMALLEST * (1 + GAP)))
        remedy = "Draw on wider Axes (mf.plot.axes), or fewer pictures."
        raise ArgumentError(advice("pictures", f"be at most {most} in a row at this size", shape[1], remedy))
    line = LINE / side if any(said.flat) else 0.0
    with drawing():
        if new:
            ax.get_figure(root=True).set_layout_engine("compressed")  # type: ignore[union-attr]
        for row, column in np.ndindex(shape):
            if not np.isnan(values[row, column]).all():
                _one(ax, values[row, column], (row * (1 + GAP + line), column * (1 + GAP)))
                text = _short(str(said[row, column]), int(side / INCH * 72 / (LETTER * TYPE)))
                place = column * (1 + GAP) + 0.5, row * (1 + GAP + line) + 1 + line / 10
                ax.text(*place, text, ha="center", va="top", fontsize=TYPE, color=COLOURS["note"])
        _bounded(ax, shape, line, rows)
        if title:
            note(ax, title)
    return ax


def _laid_out(pictures: Any, columns: int | None) -> tuple[npt.NDArray[Any], npt.NDArray[Any], list[str]]:
    """Give pictures (row, column, y, x, rgb), NaN where there is none, names (row, column) and names of rows."""
    if not isinstance(pictures, xr.DataArray) or not {"y", "x", "rgb"} <= set(pictures.dims):
        found = getattr(pictures, "dims", type(pictures).__name__)
        raise KindError(
            advice("pictures", "be a DataArray (..., y, x, rgb)", listed(found), "See mf.images.thumbnails.")
        )
    leading = [str(dim) for dim in pictures.dims if dim not in ("y", "x", "rgb")]
    if not 1 <= len(leading) <= 2 or not pictures.size:
        rule = "have one or two dims besides y, x and rgb, and pictures in them"
        remedy = "Choose: pictures.sel(unit=…, end='most')."
        raise KindError(advice("pictures", rule, listed(f"{dict(pictures.sizes)}"), remedy))
    ordered = pictures.transpose(*leading, "y", "x", "rgb")
    values, names = _values(ordered), _names(ordered, leading)
    if len(leading) == 2:
        if columns is not None:
            raise ArgumentError(advice("columns", "be left out where rows are given", columns))
        return values, names, [f"{leading[0]} {name}" for name in _labels(ordered, leading[0])]
    wide = int(np.ceil(np.sqrt(len(values)))) if columns is None else count("columns", columns)
    wide = min(wide, len(values))
    lacking = -len(values) % wide
    values = np.concatenate([values, np.full((lacking, *values.shape[1:]), np.nan)])
    filled = np.concatenate([names, np.full(lacking, "", dtype=object)])
    return values.reshape(-1, wide, *values.shape[1:]), filled.reshape(-1, wide), []


def _values(pictures: xr.DataArray) -> npt.NDArray[np.float64]:
    values = np.asarray(pictures.values)
    scaled = values / 255 if values.dtype == np.uint8 else values.astype(float)
    if not ((scaled >= 0) & (scaled <= 1)).all():
        found = listed(f"values from {np.nanmin(scaled):g} to {np.nanmax(scaled):g}")
        raise ArgumentError(advice("pictures", "be uint8 or lie in 0 to 1", found, "Divide values of 0 to 255 by 255."))
    return scaled


def _labels(pictures: xr.DataArray, dim: str) -> list[str]:
    return [str(one) for one in pictures[dim].values]


def _names(pictures: xr.DataArray, leading: list[str]) -> npt.NDArray[Any]:
    """Name each picture: by the coordinate `name`, or by the last of the leading dims."""
    shape = pictures.shape[: len(leading)]
    if "name" in pictures.coords and set(pictures["name"].dims) <= set(leading):
        named = pictures["name"].broadcast_like(pictures.isel(y=0, x=0, rgb=0)).transpose(*leading)
        return np.asarray(named.values.astype(str).astype(object))
    return np.broadcast_to(np.array(_labels(pictures, leading[-1]), dtype=object), shape)


def _captions(captions: Any, names: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    if captions is None:
        return names
    wanted = [str(one) for one in np.ravel(np.asarray(captions, dtype=object))]
    if len(wanted) != n:
        raise ArgumentError(advice("captions", f"be one for each of {n} pictures", listed(f"{len(wanted)}")))
    filled = np.full(names.shape, "", dtype=object)
    filled.flat[:n] = wanted
    return filled


def _beside(rows: list[str]) -> float:
    """Give the room that names of rows take, in millimetres."""
    return (max(map(len, rows)) + 1) * LETTER * STYLE["ytick.labelsize"] / 72 * INCH if rows else 0.0


def _height(shape: tuple[int, ...]) -> float:
    side = WIDTHS["single"] / (shape[1] * (1 + GAP))
    return max(20.0, shape[0] * (side * (1 + GAP) + LINE) + 8)


def _one(ax: Axes, picture: npt.NDArray[Any], place: tuple[float, float]) -> None:
    top, left = place
    ax.imshow(picture, extent=(left, left + 1, top + 1, top), interpolation="antialiased")


def _short(text: str, letters: int) -> str:
    """Cut a text in its middle: names of files differ at both ends."""
    if len(text) <= letters:
        return text
    tail = max(letters - 1, 0) // 2
    return f"{text[: letters - 1 - tail]}…{text[len(text) - tail :]}" if letters > 2 else ""


def _bounded(ax: Axes, shape: tuple[int, ...], line: float, rows: list[str]) -> None:
    height = shape[0] * (1 + GAP + line)
    ax.set(xlim=(0, shape[1] * (1 + GAP) - GAP), ylim=(height, 0), xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)
    if rows:
        ax.set_yticks([row * (1 + GAP + line) + 0.5 for row in range(shape[0])], rows)
        ax.tick_params(length=0)
