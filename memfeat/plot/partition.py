"""Shares of variance that sets of features, or models, explain alone and in common."""

import textwrap
import warnings
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib_venn import venn2, venn3

from memfeat import _numerals
from memfeat._check import advice, listed, one_of
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.profiles import counted
from memfeat.plot.style import COLOURS, canvas, drawing, note

__all__ = ["partition"]

SUBSET, AND = "subset", " & "
#: Colours of the sets (Okabe and Ito).
SETS = (COLOURS["data"], COLOURS["mark"], "#009E73")
#: kind -> height of a row in millimetres, and of what stands around rows
HEIGHTS = {"bars": (6.0, 28.0), "circles": (0.0, 70.0)}
#: Letters of a line of a name.
LONGEST = 24
#: number of sets -> what draws their circles
CIRCLES = {2: venn2, 3: venn3}
#: How strongly circles are filled.
FAINT = 0.45
BARS = "Draw kind='bars'."
MADE_BY = "mf.regression.partition or mf.rsa.partition"


def partition(
    result: xr.Dataset, *, kind: str = "bars", label: str = "Share of variance", ax: Axes | None = None
) -> Axes:
    """Draw shares of variance as bars with intervals, or as circles whose areas are in proportion.

    Parameters
    ----------
    result : Dataset (subset)
        What `mf.regression.partition` or `mf.rsa.partition` gave; of one score, roi or time.
    kind : {"bars", "circles"}
        Bars of all shares and of their sum, or circles that overlap (two or three sets). Areas of circles are those of
        the shares; of three sets as nearly as circles allow. Circles have no place for shares below 0, which are told
        in words.
    label : str
        What is shared out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes.

    Raises
    ------
    KindError
        If the result is no Dataset.
    ArgumentError
        If it is another one, or has further dims; or if circles are asked of four sets, no share is above 0, or
        no three circles have such shares.
    """
    _checked(result)
    one_of("kind", kind, HEIGHTS)
    row, around = HEIGHTS[kind]
    names = [str(name) for name in result[SUBSET].values]
    sets = [name for name, size in zip(names, result["size"].values, strict=True) if size == 1]
    if kind == "circles":
        _drawable(result, sets)
    ax = canvas(ax, height=around + row * (len(names) + 1))
    with drawing():
        if kind == "bars":
            _bars(ax, result, names, label)
        else:
            _circles(ax, result, names, sets)
        note(ax, _caption(result, kind, label, sets), beside=_rows(names) if kind == "bars" else ())
    return ax


def _checked(result: Any) -> None:
    remedy = f"Pass what {MADE_BY} gave."
    if not isinstance(result, xr.Dataset):
        raise KindError(advice("result", "be a Dataset", listed(type(result).__name__), remedy))
    if not {"estimate", "r2", "size"} <= set(result.variables) or SUBSET not in result.coords:
        raise ArgumentError(
            advice("result", "hold estimate, r2 and size by subset", listed.of(result.data_vars), remedy)
        )
    if result["estimate"].dims != (SUBSET,):
        dims = tuple(map(str, result["estimate"].dims))
        further = next(dim for dim in dims if dim != SUBSET)
        remedy = f"Select one first: result.sel({further}=…)."
        raise ArgumentError(advice("result", "have one share for each subset", listed(f"dims {dims}"), remedy))


def _drawable(result: xr.Dataset, sets: list[str]) -> None:
    if len(sets) not in CIRCLES:
        raise ArgumentError(advice("kind", "be 'bars' for more than three sets", listed(f"{len(sets)} sets"), BARS))
    if not (result["estimate"].values > 0).any():
        raise ArgumentError(advice("result", "have a share above 0 for circles", listed("none"), BARS))


def _bars(ax: Axes, result: xr.Dataset, names: list[str], label: str) -> None:
    """Draw shares, and below a line their sum."""
    whole = result.isel({SUBSET: int(np.argmax(result["size"].values))})
    values = np.append(result["estimate"].values, float(whole["r2"]))
    place = np.append(np.arange(len(names)), len(names) + 0.4)
    single = np.append(result["size"].values == 1, False)
    colours = [COLOURS["data"] if one else COLOURS["fill"] for one in single[:-1]] + [COLOURS["null"]]
    ax.barh(place, values, height=0.65, color=colours, zorder=2)
    if "ci_low" in result:
        low, high = (np.append(result[end].values, float(whole[f"r2_{end}"])) for end in ("ci_low", "ci_high"))
        ax.hlines(place, low, high, color="black", linewidth=0.9, zorder=3)
    ax.axvline(0, color="black", linewidth=0.6, zorder=1)
    ax.axhline(len(names) - 0.3, color=COLOURS["bound"], linewidth=0.6, zorder=0)
    ax.set_yticks(place, _rows(names))
    ax.set_ylim(len(names) + 1.0, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(label)


def _rows(names: list[str]) -> list[str]:
    """Say what each bar is, in lines that are not too long."""
    said = [f"{name} alone" if AND not in name else _spoken(name) for name in names]
    names = [*said, "together (R²)"]
    return ["\n".join(textwrap.wrap(name, LONGEST, max_lines=2, placeholder="…")) or name for name in names]


def _spoken(name: str) -> str:
    """Name a subset in words: "a, b and c"."""
    *first, last = name.split(AND)
    return f"{', '.join(first)} and {last}"


def _circles(ax: Axes, result: xr.Dataset, names: list[str], sets: list[str]) -> None:
    """Draw circles, with the share in each part of them."""
    regions = {_region(name, sets): name for name in names}
    shares = {region: float(result["estimate"].sel({SUBSET: name})) for region, name in regions.items()}
    areas = {region: max(share, 0.0) for region, share in shares.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            drawn = CIRCLES[len(sets)](areas, set_labels=tuple(sets), set_colors=SETS[: len(sets)], alpha=FAINT, ax=ax)
        except UserWarning as warning:
            found = listed("shares that no circles of such sizes can have")
            raise ArgumentError(advice("result", "fit circles", found, BARS)) from warning
    for region, share in shares.items():
        text = drawn.get_label_by_id(region)
        if text is None:
            continue
        text.set_text(_said(result, regions[region]) if share > 0 else "")
        text.set_fontsize(6.5)
    for patch in drawn.patches:
        if patch is not None:
            # blends of colours are alike to colour-blind readers
            face = (*patch.get_facecolor()[:3], FAINT)
            patch.set(alpha=None, facecolor=face, edgecolor=COLOURS["null"], linewidth=0.7)
    for text in drawn.set_labels or ():
        if text is not None:
            text.set_fontsize(7.5)


def _region(name: str, sets: list[str]) -> str:
    """Call a subset as the circles do: "10" is the first alone, "11" both."""
    parts = name.split(AND)
    return "".join(str(int(one in parts)) for one in sets)


def _said(result: xr.Dataset, name: str) -> str:
    return _numerals.number(float(result["estimate"].sel({SUBSET: name})), 3)


def _caption(result: xr.Dataset, kind: str, label: str, sets: list[str]) -> str:
    parts = [counted(result)]
    known = "ci_low" in result
    if kind == "bars":
        parts += [f"line: {result.attrs.get('interval', '95 % interval')}"] if known else []
        return "; ".join(parts)
    whole = result.isel({SUBSET: int(np.argmax(result["size"].values))})
    limits = f" {_numerals.interval(float(whole['r2_ci_low']), float(whole['r2_ci_high']), 3)}" if known else ""
    parts.append(f"{label.lower()}: together {_numerals.number(float(whole['r2']), 3)}{limits}")
    if known:
        parts.append(f"brackets: {result.attrs.get('interval', '95 % interval')}")
    below = [
        str(name) for name, share in zip(result[SUBSET].values, result["estimate"].values, strict=True) if share < 0
    ]
    if below:
        told = ", ".join(f"{_spoken(name) if AND in name else name} {_said(result, name)}" for name in below)
        parts.append(f"below 0 and without an area: {told}")
    parts.append("areas in proportion" + (" as nearly as circles allow" if len(sets) > 2 else ""))
    return "; ".join(parts)
