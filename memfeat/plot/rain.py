"""The cloud of one row: half a violin, a box, a dot for each value, and a mean with its interval."""

import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from memfeat.plot.style import COLOURS

__all__ = ["beside_row", "draw_cloud", "draw_mean", "draw_violin"]

Array = npt.NDArray[np.float64]
#: Where things stand above and below the middle of a row: half a violin, dots from and to.
VIOLIN, DOTS = 0.06, (-0.1, -0.34)
#: Letters of a line beside a row.
LONGEST = 18
#: The golden ratio's fractions spread points evenly, however many there are, and always alike.
GOLDEN = (5**0.5 - 1) / 2


def beside_row(name: str, n: int | None = None) -> str:
    """Write what stands beside a row: a name, shortened to two lines, and how many values there are.

    Parameters
    ----------
    name : str
        The name.
    n : int, optional
        How many.

    Returns
    -------
    str
        Two or three lines at most.
    """
    lines = textwrap.wrap(name, LONGEST, max_lines=2, placeholder="…") or [name]
    return "\n".join([*lines, *([f"(n = {n})"] if n is not None else [])])


def draw_cloud(ax: Axes, values: Array, place: float) -> None:
    """Draw half a violin above, a box in the middle and dots below.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The Axes.
    values : array (n,)
        The values.
    place : float
        Height of the row's middle.
    """
    draw_violin(ax, values, place + VIOLIN, side="high")
    line = {"color": COLOURS["note"], "linewidth": 0.7}
    ax.boxplot(
        [values],
        positions=[place],
        orientation="horizontal",
        widths=0.08,
        showfliers=False,
        manage_ticks=False,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
        medianprops=line | {"linewidth": 1.2},
    )
    first, last = DOTS
    heights = place + first + (last - first) * (np.arange(1, values.size + 1) * GOLDEN % 1)
    size = float(np.clip(60 / np.sqrt(values.size), 1.5, 9))
    ax.scatter(np.sort(values), heights, s=size, color=COLOURS["data"], alpha=0.5, linewidth=0, zorder=2)


def draw_violin(ax: Axes, values: Array, place: float, *, side: Any) -> None:
    """Draw half a violin, unless all values are one.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The Axes.
    values : array (n,)
        The values.
    place : float
        Height of its straight side.
    side : {"high", "low"}
        Where it swells.
    """
    if np.ptp(values) > 0:
        drawn: Any = ax.violinplot(
            [values], [place], orientation="horizontal", widths=0.8, side=side, showextrema=False
        )
        for body in drawn["bodies"]:
            body.set(facecolor=COLOURS["fill"], alpha=1, linewidth=0, zorder=1)


def draw_mean(ax: Axes, mean: float, limits: tuple[float, float], place: float) -> None:
    """Draw a mean with its interval.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The Axes.
    mean : float
        The mean.
    limits : (float, float)
        Its interval.
    place : float
        Its height.
    """
    ax.hlines(place, *limits, color=COLOURS["mark"], linewidth=1.6, zorder=4)
    ax.plot(mean, place, "D", color=COLOURS["mark"], markersize=3.2, zorder=5)
