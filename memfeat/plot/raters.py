"""How reliable scores are, by how many raters they rest on."""

from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from memfeat._check import advice, fraction, listed
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.style import COLOURS, canvas, drawing, note

__all__ = ["reliability"]

RATERS, MEASURE = "n_raters", "measure"
#: Colours and styles of lines (Okabe and Ito), in the order of measures.
LOOKS = (
    (COLOURS["data"], "-"),
    (COLOURS["mark"], "--"),
    ("#009E73", "-."),
    ("#CC79A7", ":"),
    ("#E69F00", (0, (5, 1, 1, 1))),
)


def reliability(result: xr.Dataset, *, target: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw how reliable scores of so many raters are, with the interval, and the reliability that is aimed at.

    Parameters
    ----------
    result : Dataset (n_raters) or (measure, n_raters)
        What `mf.scores.by_raters` gave.
    target : float, optional
        The reliability that is aimed at, between 0 and 1: a dashed line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Bands are intervals. A dot stands where the reliability was measured; the rest of the line is
        expected from it.

    Raises
    ------
    KindError
        If the result is no Dataset.
    ArgumentError
        If it is another one, has more than five measures, or the target does not lie between 0 and 1.
    """
    parts = _parts(result)
    wanted = None if target is None else fraction("target", target)
    ax = canvas(ax, height=58)
    measured = float(result.attrs["n_measured"])
    with drawing():
        for (name, one), (colour, style) in zip(parts.items(), LOOKS, strict=False):
            raters = one[RATERS].values
            if "ci_low" in one:
                ax.fill_between(raters, one["ci_low"], one["ci_high"], color=colour, alpha=0.2, linewidth=0)
            ax.plot(raters, one["estimate"], linestyle=style, color=colour, label=name)
            ax.plot(measured, float(one["measured"]), "o", color=colour, zorder=4)
        if wanted is not None:
            ax.axhline(wanted, color=COLOURS["null"], linestyle=(0, (5, 2)), linewidth=0.8, zorder=1)
        ax.set(xlabel="Raters (responses per image)", ylabel="Reliability of scores", ylim=(0, 1))
        ax.set_xlim(0, float(result[RATERS].max()))
        if len(parts) > 1:
            ax.legend(frameon=False, loc="lower right")
        note(ax, _caption(result, wanted))
    return ax


def _parts(result: Any) -> dict[str, xr.Dataset]:
    """Give what belongs to each measure by its name."""
    remedy = "Pass what mf.scores.by_raters gave."
    if not isinstance(result, xr.Dataset):
        raise KindError(advice("result", "be a Dataset", listed(type(result).__name__), remedy))
    dims = tuple(map(str, result["estimate"].dims)) if "estimate" in result else ()
    if "measured" not in result or not {RATERS} <= set(dims) <= {RATERS, MEASURE}:
        raise ArgumentError(advice("result", "hold estimates by number of raters", listed(f"dims {dims}"), remedy))
    if MEASURE not in dims:
        return {"": result}
    names = [str(name) for name in result[MEASURE].values]
    if len(names) > len(LOOKS):
        raise ArgumentError(advice("result", f"hold at most {len(LOOKS)} measures", listed.of(names), "Select some."))
    return {name.replace("_", " "): result.isel({MEASURE: k}) for k, name in enumerate(names)}


def _caption(result: xr.Dataset, target: float | None) -> str:
    parts = [f"n = {result.attrs['n_images']} images" if "n_images" in result.attrs else ""]
    parts.append(f"dot: measured with {result.attrs['n_measured']:g} raters, line: expected (Spearman–Brown)")
    parts.append(f"band: {result.attrs['interval']}" if "ci_low" in result else "")
    parts.append(f"dashed: {target:g}, aimed at" if target is not None else "")
    return "; ".join(part for part in parts if part)
