"""Predictions beside measured scores: calibration, distributions, and the error without some of the images."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from memfeat._check import advice, listed, one_of
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.style import COLOURS, canvas, drawing, note

__all__ = ["calibration_curve", "error_by_cutoff", "score_distributions"]

#: error → label, colour, line style
ERRORS = {
    "mae": ("Mean |error|", COLOURS["data"], "-"),
    "rmse": ("RMSE", COLOURS["mark"], "--"),
    "mse": ("MSE", COLOURS["null"], ":"),
}
MADE_BY = "mf.evaluation"


def calibration_curve(result: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw mean scores of images that are predicted alike, the line through all images, and where both would agree.

    Parameters
    ----------
    result : Dataset (bin, coefficient)
        What `mf.evaluation.calibration_curve` gave.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. One point per bin, with its interval; dashed: score = prediction.

    Raises
    ------
    KindError
        If the result is no Dataset.
    ArgumentError
        If it is another one.
    """
    _checked(result, "prediction", "calibration_curve")
    ax = canvas(ax, height=75)
    x, y = result["prediction"].values, result["estimate"].values
    low, high = (np.where(np.isfinite(result[side]), result[side], y) for side in ("ci_low", "ci_high"))
    span = np.array([min(x.min(), low.min()), max(x.max(), high.max())])
    span += np.array([-0.04, 0.04]) * (np.ptp(span) or 1.0)
    intercept, slope = result["coefficient_estimate"].values
    ends = np.array([float(result["low"].min()), float(result["high"].max())])
    with drawing():
        ax.plot(span, span, color=COLOURS["null"], linestyle="--", linewidth=0.7, zorder=1)
        if np.isfinite(slope):
            ax.plot(ends, intercept + slope * ends, color=COLOURS["fill"], linewidth=1.5, zorder=2)
        ax.vlines(x, low, high, color=COLOURS["data"], linewidth=0.8, zorder=3)
        ax.plot(x, y, "o", color=COLOURS["data"], zorder=4)
        ax.set(xlim=span, ylim=span, xlabel="Predicted score", ylabel="Measured score (mean of images)")
        ax.set_aspect("equal")
        note(ax, _calibration(result))
    return ax


def score_distributions(result: xr.Dataset, *, ax: Axes | None = None) -> Axes:
    """Draw the distributions of predicted (left) and measured scores (right) back to back, on one scale.

    Parameters
    ----------
    result : Dataset (column, bin)
        What `mf.evaluation.score_distributions` gave.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. A line across each side marks its mean; dashed: the predictor's floor.

    Raises
    ------
    KindError
        If the result is no Dataset.
    ArgumentError
        If it is another one.
    """
    _checked(result, "quantile_value", "score_distributions")
    ax = canvas(ax, height=70)
    low, high = result["low"].values, result["high"].values
    sides = {"predicted": (-1, COLOURS["data"]), "measured": (1, COLOURS["mark"])}
    widest = float(result["estimate"].max())
    with drawing():
        for column, (sign, colour) in sides.items():
            shares = result["estimate"].sel(column=column).values
            ax.barh(
                (low + high) / 2, sign * shares, high - low, color=colour, alpha=0.6, edgecolor="white", linewidth=0.4
            )
            mean = float(result["statistic_value"].sel(column=column, statistic="mean"))
            ax.plot([0, sign * widest], [mean, mean], color=colour, linewidth=0.9)
            middle = 0.5 + sign * 0.25
            label = f"{column}, mean {mean:.2f}"
            ax.text(middle, 0.985, label, color=colour, transform=ax.transAxes, ha="center", va="top")
        floor = result.attrs.get("floor")
        if floor is not None:
            ax.plot([-widest, 0], [float(floor)] * 2, color=COLOURS["null"], linestyle="--", linewidth=0.8)
        ax.axvline(0, color="black", linewidth=0.6)
        ax.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(100 * value):g}"))
        ax.set(xlabel="Images in bin (%)", ylabel="Score", xlim=(-1.08 * widest, 1.08 * widest))
        # room for the labels above the highest score
        ax.set_ylim(top=float(high[-1] + 0.12 * (high[-1] - low[0])))
        note(ax, _distributions(result))
    return ax


def error_by_cutoff(
    result: xr.Dataset, *, cut: str = "predicted", removed: str = "below", ax: Axes | None = None
) -> Axes:
    """Draw the error without images below (or above) each cut-off, and the share of images that is removed.

    Parameters
    ----------
    result : Dataset (metric, cut, removed, cutoff)
        What `mf.evaluation.error_by_cutoff` gave.
    cut : {"predicted", "measured"}
        Which number is compared with the cut-off.
    removed : {"below", "above"}
        Which images are left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes of the errors: mean absolute error and RMSE, with bands of their intervals. A second scale on the right
        has the share of images removed, as a grey area.

    Raises
    ------
    KindError
        If the result is no Dataset.
    ArgumentError
        If it is another one, or an option is unknown.
    """
    _checked(result, "share_removed", "error_by_cutoff")
    chosen = {
        "cut": one_of("cut", cut, [str(one) for one in result["cut"].values]),
        "removed": one_of("removed", removed, [str(one) for one in result["removed"].values]),
    }
    shown = result.sel(chosen)
    where = shown["cutoff"].values.astype(float)
    ax = canvas(ax)
    with drawing():
        share = ax.twinx()
        share.fill_between(where, 100 * shown["share_removed"].values, color=COLOURS["null"], alpha=0.18, linewidth=0)
        share.set(ylim=(0, 100), ylabel="Images removed (%)")
        share.spines["right"].set_visible(True)
        ax.set_zorder(share.get_zorder() + 1)
        ax.patch.set_visible(False)
        for name in ("rmse", "mae"):
            label, colour, style = ERRORS[name]
            one = shown.sel(metric=name)
            ax.fill_between(where, one["ci_low"], one["ci_high"], color=colour, alpha=0.2, linewidth=0)
            ax.plot(where, one["estimate"], style, marker="o", markersize=2.5, color=colour, label=label)
        ax.set(ylim=(0, None), xlim=_between(shown))
        sign = {"below": "<", "above": ">"}[removed]
        ax.set(xlabel=f"Cut-off: images {cut} {sign} this are removed", ylabel="Error (units of the score)")
        ax.legend(frameon=False, loc="best")
        note(ax, _cut(result))
    return ax


def _between(shown: xr.Dataset) -> tuple[float, float] | None:
    """Give the range of cut-offs that remove some images, with the nearest that removes none unless it is far off."""
    where, share = shown["cutoff"].values.astype(float), shown["share_removed"].values
    telling, none = where[(share > 0) & (share < 1)], where[share == 0]
    if not telling.size:
        return None
    ends = [telling.min(), telling.max()]
    gaps = np.maximum(ends[0] - none, none - ends[1])
    if none.size and gaps.min() <= np.ptp(telling):
        ends.append(none[gaps.argmin()])
    edge = 0.12 * (np.ptp(ends) or 1.0)
    return min(ends) - edge, max(ends) + edge


def _checked(result: Any, needed: str, maker: str) -> None:
    """Check that this is the result of the function of the same name."""
    remedy = f"Pass the whole result of {MADE_BY}.{maker}."
    if not isinstance(result, xr.Dataset):
        raise KindError(advice("result", "be a Dataset", listed(type(result).__name__), remedy))
    if needed not in result:
        raise ArgumentError(advice("result", f"hold {needed}", listed.of(result.data_vars), remedy))


def _calibration(result: xr.Dataset) -> str:
    told = result.sel(coefficient="slope")
    slope, low, high = (float(told[f"coefficient_{part}"]) for part in ("estimate", "ci_low", "ci_high"))
    limits = f" [{low:.2f}, {high:.2f}]" if np.isfinite(low) else ""
    offset = float(result.attrs["prediction_mean"]) - float(result.attrs["score_mean"])
    side = "above" if offset > 0 else "below"
    return (
        f"n = {result.attrs['n']} images in {result.sizes['bin']} bins; bar: 95 % interval of the mean; "
        f"dashed: score = prediction; line: slope {slope:.2f}{limits}; "
        f"predictions lie {abs(offset):.3f} {side} scores on average"
    )


def _distributions(result: xr.Dataset) -> str:
    floor = result.attrs.get("floor")
    dashed = f"; dashed: floor {float(floor):.3f}, {result.attrs['floor_rule']}" if floor is not None else ""
    ratio = float(result.attrs["sd_ratio"])
    return f"n = {int(result['n'])} images; SD of predictions is {ratio:.2f} of that of scores{dashed}"


def _cut(result: xr.Dataset) -> str:
    band = "" if result.attrs.get("resampling") == "none" else "; band: 95 % percentile bootstrap over images"
    return f"n = {result.attrs['n_images']} images before any is removed; grey: share removed{band}"
