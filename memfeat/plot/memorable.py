"""The images that are remembered most and least, with their scores."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from memfeat import _numerals
from memfeat._check import advice, count, listed
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError
from memfeat.plot.distributions import LABELS, score_column
from memfeat.plot.pictures import draw_picture, pictures
from memfeat.plot.style import COLOURS, INCH, WIDTHS, canvas, drawing, note, room

__all__ = ["memorable"]

Array = npt.NDArray[Any]
#: Width and height of a cell in millimetres, the least in which a score can be read below its picture; space between.
LEAST, GAP = 9.0, 1.5
#: Millimetres of a score below a picture, of a heading, and of what stands around everything; letters of a score.
SCORE, HEADING, AROUND, TYPE = 3.4, 4.6, 9.0, 6.0
#: Pictures in a row, where there is room for them.
ROW = 5
#: end -> what stands above it
ENDS = {"most": "Highest", "least": "Lowest"}


def memorable(
    scores: xr.Dataset | xr.DataArray | pd.Series,
    images: xr.Dataset | xr.DataArray,
    *,
    n: int = 10,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show the images with the highest and with the lowest scores, each with its score below.

    Parameters
    ----------
    scores : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any score per image. Images without a score are left out.
    images : Dataset (image) or DataArray (image, y, x, rgb)
        The image table of `mf.images.read`, of which only the files that are shown are opened, or thumbnails.
    n : int
        How many at each end; fewer where there are not twice as many images.
    label : str, optional
        What the score is called; its name by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes: rows of the highest scores, highest first, above rows of the lowest, lowest first. Images of equal
        scores stand in the order of their names, and none at both ends.

    Raises
    ------
    KindError
        If scores are no numbers, or these are no images.
    ArgumentError
        If fewer than two images have a score, one of those shown has no picture, or there are more than fit.
    UnreadableImage
        If a file cannot be read any more.
    """
    names, values, called, left_out = _column(scores)
    each = min(count("n", n), values.size // 2)
    if not each:
        raise ArgumentError(advice("scores", "have a number for at least two images", listed(f"{values.size}")))
    ax = canvas(ax, height=_height(each))
    columns = _columns(ax, each)
    order = np.lexsort((names, -values))
    last = order[-each:]
    ends = {"most": order[:each], "least": last[np.lexsort((names[last], values[last]))]}
    shown = pictures(images, names[np.concatenate(list(ends.values()))], reference="scores", argument="images")
    with drawing():
        _grid(ax, {end: values[rows] for end, rows in ends.items()}, shown, columns)
        without = f" ({left_out} without a score left out)" if left_out else ""
        note(ax, f"n = {values.size} images{without}, of which {each} at each end; below each: {label or called}")
    return ax


def _column(scores: Any) -> tuple[Array, Array, str, int]:
    """Give names, scores and what they are called, of images that have one; and how many have none."""
    column, _ = score_column(scores)
    values = column.values.astype(float)
    known = np.isfinite(values)
    called = str(column.name or "score")
    spoken = LABELS.get(called, called.replace("_", " ")).lower()
    return column[IMAGE].values.astype(str)[known], values[known], spoken, int((~known).sum())


def _height(each: int) -> float:
    """Height of a figure of one column, in millimetres, that holds so many at each end."""
    return AROUND + len(ENDS) * (HEADING + math.ceil(each / ROW) * (WIDTHS["single"] / ROW - GAP + SCORE))


def _columns(ax: Axes, each: int) -> int:
    """Choose how many pictures stand in a row, so that they are as large as they can be."""
    width, height = _size(ax)
    sizes = {columns: _cell(width, height, each, columns) for columns in range(1, each + 1)}
    best = max(sizes, key=lambda columns: (round(sizes[columns], 6), columns == ROW))
    if sizes[best] < LEAST:
        fits = [k for k in range(1, each) if max(_cell(width, height, k, c) for c in range(1, k + 1)) >= LEAST]
        remedy = "Draw on larger Axes (mf.plot.axes)."
        raise ArgumentError(advice("n", f"be at most {max(fits, default=0)} on {width:.0f} mm", each, remedy))
    return best


def _size(ax: Axes) -> tuple[float, float]:
    height = ax.get_figure(root=True).get_figheight() * ax.get_position(original=True).height  # type: ignore[union-attr]
    return room(ax) * INCH, float(height) * INCH


def _cell(width: float, height: float, each: int, columns: int) -> float:
    """Side of a picture in millimetres with so many in a row."""
    rows = math.ceil(each / columns)
    return min(width / columns - GAP, (height / len(ENDS) - HEADING) / rows - SCORE)


def _grid(ax: Axes, ends: dict[str, Array], shown: list[Array], columns: int) -> None:
    """Draw both ends, in millimetres from the upper left corner."""
    width, height = _size(ax)
    each = len(ends["most"])
    side = _cell(width, height, each, columns)
    step, rows = side + SCORE, math.ceil(each / columns)
    digits = _numerals.places(float(np.std(np.concatenate(list(ends.values())))))
    for k, (end, values) in enumerate(ends.items()):
        top = k * (HEADING + rows * step)
        ax.text(0, top + HEADING / 2, ENDS[end], fontsize=7, va="center", color="black")
        for place, value in enumerate(values):
            x = (place % columns) * (side + GAP) + side / 2
            y = top + HEADING + (place // columns) * step
            draw_picture(ax, shown[k * each + place], (x, y + side / 2), side)
            score = _numerals.number(float(value), digits)
            ax.text(x, y + side + SCORE / 2, score, fontsize=TYPE, ha="center", va="center", color=COLOURS["note"])
    ax.set(xlim=(0, columns * (side + GAP) - GAP), ylim=(len(ENDS) * (HEADING + rows * step), 0))
    ax.set_aspect("equal")
    ax.set_anchor("NW")
    ax.set_axis_off()
