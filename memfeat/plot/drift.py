"""Where two networks differ: one line per measure, from the first layer to the last."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from memfeat._check import advice, listed
from memfeat._labels import LAYER
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.layer_names import name_layers
from memfeat.plot.profiles import FEW, counted
from memfeat.plot.style import COLOURS, canvas, drawing, note

__all__ = ["drift_profile"]

MEASURE = "measure"


class _Look(NamedTuple):
    """How a measure is drawn; colours, lines and markers tell measures apart each by itself."""

    label: str
    colour: str
    line: str
    marker: str


LOOKS = {
    "cka": _Look("CKA", COLOURS["data"], "-", "o"),
    "rdm": _Look("RDM correlation", COLOURS["mark"], "--", "s"),
    "units": _Look("Units, median r", "#009E73", ":", "^"),
    "decodability": _Look("Change in decodability", "black", "-.", "D"),
}
#: What is drawn unless the user says otherwise: how alike the two are, from 0 to 1.
SIMILARITIES = ("cka", "rdm", "units")
STATISTICS = {"spearman": "Spearman ρ", "r2": "R²"}


def drift_profile(result: xr.Dataset, *, measures: Sequence[str] = SIMILARITIES, ax: Axes | None = None) -> Axes:
    """Draw how alike two networks are in each layer, or how much better one of them predicts the scores.

    Parameters
    ----------
    result : Dataset (measure, layer)
        What `mf.drift.compare` gave. Layers stand in the order of the result, which is that of the first network.
    measures : sequence of {"cka", "rdm", "units", "decodability"}
        What to draw; by default the first three. "decodability" is a difference and best drawn by itself.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Bars are 95 % intervals, bands where layers are many; for units they are the middle 90 % of units.

    Raises
    ------
    KindError
        If the result is no Dataset.
    ArgumentError
        If it has no estimates along measures and layers, or a measure is not among them.
    """
    chosen = _chosen(result, measures)
    ax = canvas(ax)
    with drawing():
        if "decodability" in chosen:
            ax.axhline(0.0, color=COLOURS["null"], linestyle="--", linewidth=0.7, zorder=1)
        for number, name in enumerate(chosen):
            _line(ax, result, name, (number - (len(chosen) - 1) / 2) * 0.12)
        prefix = name_layers(ax, [str(name) for name in result[LAYER].values])
        ax.set_xlabel(f"Layer (in {prefix})" if prefix else "Layer")
        ax.set_ylabel(_label(result, chosen))
        if len(chosen) > 1:
            ax.legend(frameon=False, loc="best")
        note(ax, _caption(result, chosen))
    return ax


def _chosen(result: Any, measures: Sequence[str]) -> list[str]:
    if not isinstance(result, xr.Dataset):
        remedy = "Pass the whole result of mf.drift.compare."
        raise KindError(advice("result", "be a Dataset", listed(type(result).__name__), remedy))
    if "estimate" not in result or result["estimate"].dims != (MEASURE, LAYER):
        found = {str(name): list(map(str, variable.dims)) for name, variable in result.data_vars.items()}
        remedy = "Pass what mf.drift.compare gave; one measure of it goes to mf.plot.layer_profile."
        raise ArgumentError(advice("result", "have estimates along 'measure' and 'layer'", listed(found), remedy))
    known = [str(name) for name in result[MEASURE].values if name in LOOKS]
    wanted = [measures] if isinstance(measures, str) else list(measures)
    if not wanted or not set(wanted) <= set(known):
        remedy = "With scores=, mf.drift.compare also gives 'decodability'."
        raise ArgumentError(advice("measures", f"be some of {', '.join(map(repr, known))}", wanted, remedy))
    return wanted


def _line(ax: Axes, result: xr.Dataset, name: str, aside: float) -> None:
    """Draw one measure; a little aside where there are bars, which would cover each other."""
    look, one = LOOKS[name], result.sel({MEASURE: name})
    many = one.sizes[LAYER] > FEW
    place = np.arange(one.sizes[LAYER]) + (0.0 if many else aside)
    if name == "units":
        low, high = (result["unit_quantiles"].sel(quantile=q).values for q in (0.05, 0.95))
    else:
        low, high = one["ci_low"].values, one["ci_high"].values
    if many:
        ax.fill_between(place, low, high, color=look.colour, alpha=0.18, linewidth=0, zorder=2)
    else:
        ax.vlines(place, low, high, color=look.colour, linewidth=0.8, zorder=2)
    marker = None if many else look.marker
    ax.plot(place, one["estimate"].values, look.line, marker=marker, color=look.colour, label=look.label, zorder=3)


def _label(result: xr.Dataset, chosen: Sequence[str]) -> str:
    if list(chosen) != ["decodability"]:
        return LOOKS[chosen[0]].label if len(chosen) == 1 else "Similarity of the two networks"
    statistic = STATISTICS.get(str(result.attrs.get("statistic")), "Statistic")
    return f"{statistic}, second less first"


def _caption(result: xr.Dataset, chosen: Sequence[str]) -> str:
    parts = [f"{_network(result, 'first')} and {_network(result, 'second')}", counted(result)]
    what = "band" if result.sizes[LAYER] > FEW else "bar"
    if set(chosen) - {"units"}:
        parts.append(f"{what}: {result.attrs.get('interval', '95 % interval').partition(';')[0]}")
    if "decodability" in chosen:
        parts.append("predictions held fixed")
    if "units" in chosen:
        parts.append(f"{what} of units: the middle 90 % of units, no interval")
    if "rdm" in chosen:
        parts.append(f"RDMs of {result.attrs.get('metric', '')} distances, {result.attrs.get('method', '')}")
    return "; ".join(part for part in parts if part)


def _network(result: xr.Dataset, which: str) -> str:
    called = str(result.attrs.get(f"{which}_model", which))
    backbone = result.attrs.get(f"{which}_backbone")
    return f"{called} ({backbone})" if backbone else called
