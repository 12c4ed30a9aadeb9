"""What stands beside a heat map of images: names, small pictures, and the groups that images belong to."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from memfeat.plot.pictures import SMALLEST, draw_picture, refused
from memfeat.plot.style import COLOURS, INCH

__all__ = ["name_groups", "name_images", "place_pictures"]

Array = npt.NDArray[Any]
#: The smallest type, in points, that names are written in, and the largest.
LEAST, MOST = 4.5, 7.0
#: Share of the width that a heat map has beside its colour bar; longest name, in letters.
SHARE, LONGEST = 0.7, 20
#: Side of a picture, in millimetres, for which they stand in several rows.
GOOD = 4.5
#: Rows of pictures along an axis where one row would be too small; space before them, in cells of a picture.
ROWS, GAP = 3, 0.25


def name_images(ax: Axes, names: Sequence[str], width: float) -> None:
    """Write image names beside the rows, where they fit.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        A heat map.
    names : sequence of str
        One per row.
    width : float
        Inches that there are for map and colour bar.
    """
    size = min(MOST, 0.6 * width * 72 / len(names))
    if size >= LEAST:
        ax.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=size)
        ax.set_ylabel("")
        ax.tick_params(length=0)


def name_groups(ax: Axes, groups: Sequence[str], beyond: float, width: float) -> None:
    """Draw borders between groups of neighbours and write what they are.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        A heat map.
    groups : sequence of str
        The group of each row; those of a group stand together.
    beyond : float
        How far from the map names stand, in rows.
    width : float
        Inches that there are for map and colour bar.
    """
    found = np.asarray(groups)
    starts = np.flatnonzero(np.append(True, found[1:] != found[:-1]))
    ends = np.append(starts[1:], found.size)
    for edge in starts[1:]:
        for line in (ax.axhline, ax.axvline):
            line(edge - 0.5, color="white", linewidth=1.6)
            line(edge - 0.5, color=COLOURS["mark"], linewidth=0.8)
    tall = SHARE * width * 72 / found.size
    middles, names = (starts + ends - 1) / 2, found[starts]
    size = float(np.clip(0.8 * np.min(np.diff(middles), initial=found.size) * tall, LEAST, MOST))
    shown = _apart(middles * tall, size)
    for k in shown:
        x = -0.5 - beyond - 0.012 * found.size
        ax.text(x, middles[k], _short(names[k]), ha="right", va="center", fontsize=size, clip_on=False)


def place_pictures(ax: Axes, given: Sequence[Array], width: float) -> float:
    """Put small pictures along the left and the lower side of a heat map, in several rows where there are many.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        A heat map.
    given : sequence of array (y, x, rgb)
        One per row.
    width : float
        Inches that there are for map and colour bar.

    Returns
    -------
    float
        How far they reach from the map, in rows.

    Raises
    ------
    ArgumentError
        If there are too many to be seen.
    """
    n, across = len(given), SHARE * width * INCH
    cell = across / n
    rows = min(ROWS, math.ceil(GOOD / cell))
    refused("thumbnails", rows * cell, int(ROWS * across / SMALLEST), width * INCH, n)
    limits = ax.get_xlim(), ax.get_ylim()
    side, end = 0.92 * rows, n - 0.5
    for k, picture in enumerate(given):
        away = GAP * rows + (k % rows + 0.5) * rows
        middle = float(np.clip(k, side / 2 - 0.5, end - side / 2))
        draw_picture(ax, picture, (-0.5 - away, middle), side)
        draw_picture(ax, picture, (middle, end + away), side)
    ax.set(xlim=limits[0], ylim=limits[1])
    return GAP * rows + rows**2


def _apart(places: Array, size: float) -> list[int]:
    """Leave out names that would cover one that is written."""
    shown: list[int] = []
    for k, place in enumerate(places):
        if not shown or place - places[shown[-1]] >= 1.05 * size:
            shown.append(k)
    return shown


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
