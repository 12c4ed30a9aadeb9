"""Scores of several sets, image by image."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from memfeat import _numerals
from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.distributions import LABELS
from memfeat.plot.style import COLOURS, canvas, drawing, note

__all__ = ["sets"]

Array = npt.NDArray[np.float64]
STATUS, READ = "status", "ok"
SETS = "the sets that were compared"
#: Where things stand above and below the middle of a set's row: a mean, half a violin, dots from and to.
MEAN, VIOLIN, DOTS = 0.14, 0.06, (-0.1, -0.34)
#: Height of a row in millimetres, and of what stands around rows.
ROW, AROUND = 15.0, 30.0
#: The golden ratio's fractions spread points evenly, however many there are, and always alike.
GOLDEN = (5**0.5 - 1) / 2
MOST_SPOKEN = 6


def sets(
    result: xr.Dataset, *sets: Any, by: str | None = None, label: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the scores of sets side by side: half a violin, box and dots of each, its mean, and the differences.

    Parameters
    ----------
    result : Dataset (set, contrast, statistic)
        What `mf.sets.compare` gave; of one score, if several were compared: `result.sel(score="hit_rate")`.
    *sets : Dataset, DataArray, pandas.DataFrame, pandas.Series, or one mapping from name to these
        The sets that were compared, in the order of the result unless they have names; or one table and `by`.
    by : str, optional
        The column of a single table that says which set an image is of.
    label : str, optional
        Label of the horizontal axis; the name of the score by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Each image is a dot; their height means nothing. Boxes show quartiles and the median, whiskers all
        images within 1.5 quartile distances; the mark with a bar is the mean with its interval. The differences of
        means stand above, with interval and p, corrected where the result is about several.

    Raises
    ------
    KindError
        If the result is no Dataset, or a set holds no scores.
    ArgumentError
        If the result is of several scores or of something else, or these are not the sets that were compared.
    UnknownNameError
        If a set has no such score or column.
    """
    score = _score_of(result)
    values = _values_of(result, sets, by, score)
    names = list(values)
    ax = canvas(ax, height=AROUND + ROW * len(names))
    with drawing():
        for k, (name, one) in enumerate(values.items()):
            _cloud(ax, one, -k)
            _mean(ax, result.sel(set=name), -k)
        ax.set_yticks([-k for k in range(len(names))], [_row(result, name) for name in names])
        ax.set_ylim(-len(names) + 0.55, 0.55)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(label or LABELS.get(score, score))
        note(ax, _caption(result))
    return ax


def _row(result: xr.Dataset, name: str) -> str:
    return f"{name}\n(n = {int(result['n'].sel(set=name))})"


def _score_of(result: Any) -> str:
    """Say which score the result is about."""
    if not isinstance(result, xr.Dataset):
        raise KindError(advice("result", "be what mf.sets.compare gave", listed(type(result).__name__)))
    if not {"set", "contrast", "statistic"} <= set(result.dims) or "mean_ci_low" not in result:
        raise ArgumentError(advice("result", "be what mf.sets.compare gave", listed(f"dims {tuple(result.dims)}")))
    if "score" in result.dims:
        remedy = f"Select one: result.sel(score={str(result['score'].values[0])!r})."
        raise ArgumentError(advice("result", "be of one score", listed.of(result["score"].values), remedy))
    return str(result["score"].item()) if "score" in result.coords else str(np.ravel(result.attrs["scores"])[0])


def _values_of(result: xr.Dataset, given: tuple[Any, ...], by: str | None, score: str) -> dict[str, Array]:
    """Find the scores of each set."""
    wanted = [str(name) for name in result["set"].values]
    parts = _parts(given, by, wanted)
    gone = [name for name in wanted if name not in parts]
    if gone:
        raise ArgumentError(advice("sets", f"be {SETS}, {', '.join(wanted)}", listed.of(parts)))
    values = {name: _scores(parts[name], score, name) for name in wanted}
    for name, one in values.items():
        mean, n = float(result["mean"].sel(set=name)), int(result["n"].sel(set=name))
        if one.size != n or not np.isclose(one.mean(), mean, rtol=1e-6, atol=1e-9):
            found = listed(f"{one.size} images with mean {one.mean():.4g} in {name!r}, and not {n} with {mean:.4g}")
            remedy = "Of pairs, leave out those of which one could not be read."
            raise ArgumentError(advice("sets", f"be {SETS}", found, remedy))
    return values


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
    """Give the scores of the images of one set that could be read."""
    if isinstance(one, xr.DataArray | pd.Series):
        return np.asarray(one.values, dtype=np.float64)
    if not isinstance(one, xr.Dataset | pd.DataFrame):
        raise KindError(advice("sets", "hold scores by image name", listed(type(one).__name__)))
    columns = [str(key) for key in (one.variables if isinstance(one, xr.Dataset) else one.columns)]
    looked_up("sets", score, columns, f"{name!r} has {', '.join(columns)}.")
    values = np.asarray(one[score].values, dtype=np.float64)
    return values[np.asarray(one[STATUS].values).astype(str) == READ] if STATUS in columns else values


def _cloud(ax: Axes, values: Array, place: float) -> None:
    """Draw half a violin above, a box in the middle and dots below."""
    if np.ptp(values) > 0:
        drawn: Any = ax.violinplot(
            [values], [place + VIOLIN], orientation="horizontal", widths=0.8, side="high", showextrema=False
        )
        for body in drawn["bodies"]:
            body.set(facecolor=COLOURS["fill"], alpha=1, linewidth=0, zorder=1)
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


def _mean(ax: Axes, of: xr.Dataset, place: float) -> None:
    low, high = float(of["mean_ci_low"]), float(of["mean_ci_high"])
    ax.hlines(place + MEAN, low, high, color=COLOURS["mark"], linewidth=1.6, zorder=4)
    ax.plot(float(of["mean"]), place + MEAN, "D", color=COLOURS["mark"], markersize=3.2, zorder=5)


def _caption(result: xr.Dataset) -> str:
    """Say the differences of means, and what marks are."""
    names = [str(name) for name in result["contrast"].values]
    several = len(names) > 1 or len(np.ravel(result.attrs.get("scores", ()))) > 1
    told = [_difference(result, name, several=several) for name in names[:MOST_SPOKEN]]
    if len(names) > MOST_SPOKEN:
        told.append(f"{len(names) - MOST_SPOKEN} more differences in the table")
    images = f"n = {int(result['n'].sum())} images, a dot each"
    return "; ".join([*told, f"{images}; diamond: mean, 95 % interval; box: quartiles"])


def _difference(result: xr.Dataset, name: str, *, several: bool) -> str:
    row = result.sel(contrast=name, statistic="mean_difference")
    digits = _numerals.places(float(result["sd"].mean()))
    parts = [f"{name}: {_numerals.number(float(row['estimate']), digits)}"]
    if np.isfinite(row["ci_low"]):
        parts[0] += f" {_numerals.interval(float(row['ci_low']), float(row['ci_high']), digits)}"
    p = _numerals.p_value(float(row["p_corrected" if several else "p"]), "corrected p" if several else "p")
    # lines are not broken inside it
    return ", ".join([*parts, p.replace(" ", "\N{NO-BREAK SPACE}")] if p else parts)
