"""Models, layers or regions beside each other: how well each does, and which do better than others."""

import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.profiles import ALPHA, counted, criterion, has_interval, noise_bounds, null_of, statistic_label
from memfeat.plot.style import COLOURS, canvas, drawing, note

__all__ = ["models"]

Array = npt.NDArray[Any]
CONTRAST, SIDES = "contrast", ("first", "second")
#: Height of a row in millimetres, and of what stands around rows.
ROW, AROUND = 7.0, 26.0
#: Letters of a line of a name.
LONGEST = 24
#: Where the first bracket stands, and how far apart brackets are, in widths of the Axes; more are only counted.
BRACKET, STEP, TICK, MOST = 1.03, 0.035, 0.012, 12
MADE_BY = "mf.rsa.compare, mf.rsa.weighted, mf.regression.decode or mf.measures.profile"


def models(
    result: xr.Dataset, *, contrasts: xr.Dataset | None = None, label: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how well each of several models does, what could be reached, and which differ from each other.

    Parameters
    ----------
    result : Dataset (layer), (model) or any other dim
        What `mf.rsa.compare`, `mf.rsa.weighted`, `mf.regression.decode` or `mf.measures.profile` gave, or several of
        them put together with `xarray.concat`: `estimate`, and where known `ci_low`, `ci_high`, `p_corrected`, `n`,
        `noise_lower` and `noise_upper`. Models stand in the order of the result, the first on top.
    contrasts : Dataset (contrast), optional
        What `mf.rsa.contrast` or `mf.regression.contrast` gave for the same models: those whose `p_corrected` is
        below .05 are joined by brackets.
    label : str, optional
        Label of the horizontal axis; what the result says about itself by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Dots are filled where `p_corrected` against no relation is below .05. A grey band lies between the
        noise bounds; where only the upper one is known, that is a dotted line. Whitened similarities are drawn less
        their bias, and without noise bounds. Of more than 12 differences only the number is told.

    Raises
    ------
    KindError
        If a result is no Dataset.
    ArgumentError
        If estimates do not lie along one dim, or contrasts are not of these models.
    """
    dim = _along(result)
    names = [str(name) for name in result[dim].values]
    pairs = [] if contrasts is None else _pairs(contrasts, names)
    ax = canvas(ax, height=AROUND + ROW * len(names))
    place = np.arange(len(names))
    estimate = _values(result, "corrected" if "corrected" in result else "estimate", dim)
    passed = _values(result, "p_corrected", dim) < ALPHA
    bounds = noise_bounds(result)
    with drawing():
        if (null := null_of(result)) is not None:
            ax.axvline(null, color=COLOURS["null"], linestyle="--", linewidth=0.7, zorder=1)
        if len(bounds) == 2:
            ax.axvspan(bounds[0], bounds[1], color=COLOURS["bound"], linewidth=0, zorder=0)
        for upper in bounds if len(bounds) == 1 else ():
            ax.axvline(upper, color=COLOURS["note"], linestyle=":", linewidth=0.9, zorder=1)
        low, high = (_values(result, side, dim) for side in ("ci_low", "ci_high"))
        ax.hlines(place, low, high, color=COLOURS["data"])
        for group, face in ((passed, COLOURS["data"]), (~passed, "white")):
            ax.plot(estimate[group], place[group], "o", color=COLOURS["data"], markerfacecolor=face, zorder=4)
        rows = ["\n".join(textwrap.wrap(name, LONGEST, max_lines=2, placeholder="…")) or name for name in names]
        ax.set_yticks(place, rows)
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(label or statistic_label(result))
        if len(pairs) <= MOST:
            _brackets(ax, pairs)
        note(ax, _caption(result, contrasts, pairs), beside=rows)
    return ax


def _along(result: Any) -> str:
    """Say along which dim models lie."""
    if not isinstance(result, xr.Dataset):
        remedy = f"Pass the whole result of {MADE_BY}."
        raise KindError(advice("result", "be a Dataset", listed(type(result).__name__), remedy))
    dims = [str(dim) for dim in result["estimate"].dims] if "estimate" in result else []
    if len(dims) != 1 or dims[0] not in result.coords:
        found = listed(f"dims {tuple(dims)}" if "estimate" in result else "none")
        remedy = f"Select along the others first, as in result.sel({dims[-1]}=…)." if len(dims) > 1 else ""
        raise ArgumentError(advice("result", "have one estimate for each model, along a dim with names", found, remedy))
    return dims[0]


def _values(result: xr.Dataset, name: str, dim: str) -> Array:
    known = name in result and result[name].dims == (dim,)
    return result[name].values.astype(float) if known else np.full(result.sizes[dim], np.nan)


def _pairs(contrasts: Any, names: list[str]) -> list[tuple[int, int]]:
    """Find the pairs of models that differ, as rows, the nearest first."""
    if not isinstance(contrasts, xr.Dataset):
        remedy = "Pass what mf.rsa.contrast or mf.regression.contrast gave."
        raise KindError(advice("contrasts", "be a Dataset", listed(type(contrasts).__name__), remedy))
    if "p_corrected" not in contrasts or contrasts["p_corrected"].dims != (CONTRAST,):
        found = listed(f"dims {contrasts['p_corrected'].dims}" if "p_corrected" in contrasts else "none")
        raise ArgumentError(advice("contrasts", "have one p_corrected for each contrast", found, "Select first."))
    sides = [[str(name) for name in contrasts[side].values] for side in SIDES]
    if unknown := sorted({name for side in sides for name in side} - set(names)):
        raise ArgumentError(advice("contrasts", "be of the models of result", listed.of(unknown)))
    rows = [sorted((names.index(a), names.index(b))) for a, b in zip(*sides, strict=True)]
    differ = contrasts["p_corrected"].values < ALPHA
    pairs = [(row[0], row[1]) for row, one in zip(rows, differ, strict=True) if one]
    return sorted(pairs, key=lambda pair: (pair[1] - pair[0], pair))


def _brackets(ax: Axes, pairs: list[tuple[int, int]]) -> None:
    """Join pairs to the right of the Axes, each in the first lane in which it covers no other."""
    lanes: list[list[tuple[int, int]]] = []
    for low, high in pairs:
        free = (k for k, lane in enumerate(lanes) if all(high < one or low > other for one, other in lane))
        lane = next(free, len(lanes))
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append((low, high))
        x, inset = BRACKET + STEP * lane, 0.12
        ax.plot(
            [x - TICK, x, x, x - TICK],
            [low + inset, low + inset, high - inset, high - inset],
            color=COLOURS["note"],
            linewidth=0.8,
            transform=ax.get_yaxis_transform(),
            clip_on=False,
            label="_bracket",
        )


def _caption(result: xr.Dataset, contrasts: xr.Dataset | None, pairs: list[tuple[int, int]]) -> str:
    parts = [counted(result)]
    if has_interval(result):
        parts.append(f"line: {result.attrs.get('interval', '95 % interval')}")
    if "p_corrected" in result:
        parts.append(f"filled: {criterion(result)}")
    if bounds := len(noise_bounds(result)):
        parts.append("grey: noise bounds of the reference" if bounds == 2 else "dotted: upper noise bound")
    if contrasts is not None:
        what = f"{len(pairs)} of {contrasts.sizes[CONTRAST]} differences"
        drawn = "bracket: " if 0 < len(pairs) <= MOST else ""
        parts.append(f"{drawn}{what} with {criterion(contrasts)}")
    return "; ".join(part for part in parts if part)
