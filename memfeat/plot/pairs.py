"""Scores of versions of the same images: a line for each image, and the distribution of differences."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from memfeat.plot.rain import beside_row, draw_cloud, draw_mean, draw_violin
from memfeat.plot.style import COLOURS

__all__ = ["draw_pairs"]

Array = npt.NDArray[np.float64]
#: Space between the sets and the differences, in rows; where a mean stands beside its row.
APART, MEAN = 0.25, 0.13
#: A line is the fainter the more there are: it is drawn fully for so many, and at least so strongly.
STRONG, FAINTEST, LINE = 12.0, 0.06, 0.6


def draw_pairs(ax: Axes, result: xr.Dataset, values: dict[str, Array], contrasts: Sequence[str]) -> Axes:
    """Draw each set as a row of dots, lines between versions of an image, and below them rows of differences.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The Axes, whose horizontal scale moves above the rows.
    result : Dataset (set, contrast, statistic)
        What `mf.sets.compare` gave for pairs, of one score.
    values : dict of array (n,)
        Name of each set -> its scores, those of one original at the same position.
    contrasts : sequence of str
        The differences that are drawn.

    Returns
    -------
    matplotlib.axes.Axes
        Further Axes over them with the scale of the differences, below the rows.
    """
    _versions(ax, result, values)
    middle = -len(values) + 0.5 - APART / 2
    places = [middle - APART / 2 - 0.5 - k for k in range(len(contrasts))]
    below: Axes = ax.twiny()
    below.vlines(0, places[-1] - 0.5, middle, color=COLOURS["null"], linestyle="--", linewidth=0.7, zorder=0)
    for place, name in zip(places, contrasts, strict=True):
        row = result.sel(contrast=name, statistic="mean_difference")
        draw_cloud(below, values[str(row["first"].item())] - values[str(row["second"].item())], place)
        if np.isfinite(row["ci_low"]):
            limits = float(row["ci_low"]), float(row["ci_high"])
            draw_mean(below, float(row["estimate"]), limits, place + MEAN)
    ax.axhline(middle, color=COLOURS["bound"], linewidth=0.6, zorder=0)
    _scales(ax, below)
    n = len(next(iter(values.values())))
    names = [*map(beside_row, values), *(beside_row(name, n) for name in contrasts)]
    ax.set_yticks([*(-k for k in range(len(values))), *places], names)
    ax.set_ylim(places[-1] - 0.5, 0.55)
    ax.tick_params(axis="y", length=0)
    return below


def _versions(ax: Axes, result: xr.Dataset, values: dict[str, Array]) -> None:
    """Draw dots, lines between them, means, and how the first and the last set are distributed."""
    ends = {0: "high", len(values) - 1: "low"}
    faint = float(np.clip(STRONG / np.sqrt(len(next(iter(values.values())))) / 4, FAINTEST, LINE))
    for k, (name, one) in enumerate(values.items()):
        if k in ends:
            draw_violin(ax, one, -k, side=ends[k])
        size = float(np.clip(60 / np.sqrt(one.size), 1.5, 9))
        ax.scatter(one, np.full(one.size, -float(k)), s=size, color=COLOURS["data"], alpha=0.5, linewidth=0, zorder=3)
        of, aside = result.sel(set=name), -MEAN if k == len(values) - 1 else MEAN
        draw_mean(ax, float(of["mean"]), (float(of["mean_ci_low"]), float(of["mean_ci_high"])), aside - k)
    rows = np.stack(list(values.values()), axis=1)
    paths = np.stack([rows, np.broadcast_to(-np.arange(float(len(values))), rows.shape)], axis=2)
    lines = LineCollection(list(paths), colors=COLOURS["note"], linewidths=0.5, alpha=faint, zorder=2, label="_image")
    ax.add_collection(lines)


def _scales(ax: Axes, below: Axes) -> None:
    """Put the scale of scores above, and that of differences below."""
    for one, side, other in ((ax, "top", "bottom"), (below, "bottom", "top")):
        one.xaxis.set_ticks_position(side)  # type: ignore[arg-type]
        one.xaxis.set_label_position(side)  # type: ignore[arg-type]
        one.spines[side].set_visible(True)
        one.spines[other].set_visible(False)
    below.spines["left"].set_visible(False)
