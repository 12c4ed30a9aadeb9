"""Predictions beside measured scores: calibration, distributions, and the error without some of the images."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
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
#: Errors of fewer images than this are not drawn.
FEWEST = 10
Array = npt.NDArray[np.float64]


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
        The Axes. One point per bin, with its interval, cut off where it is far longer than the others; dashed: score =
        prediction.

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
    span, cut = _span(np.concatenate([x, y]), low, high)
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
        note(ax, _calibration(result) + ("; bars that leave the figure are cut" if cut else ""))
    return ax


def _span(points: Array, low: Array, high: Array) -> tuple[Array, bool]:
    """Give the limits of both scales, and whether they cut a bar: bins of two or three images have endless ones."""
    reach = max(np.ptp(points) / 2, float(np.median((high - low) / 2)))
    start, end = max(low.min(), points.min() - reach), min(high.max(), points.max() + reach)
    if points.min() >= 0 and points.max() <= 1:
        start, end = max(start, 0.0), min(end, 1.0)
    start, end = min(start, points.min()), max(end, points.max())
    cut = bool(low.min() < start or high.max() > end)
    return np.array([start, end]) + np.array([-0.04, 0.04]) * ((end - start) or 1.0), cut


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
        The Axes of the errors: mean absolute error and RMSE, with bands of their intervals. Open: all images. Errors of
        fewer than 10 images are not drawn. A second scale on the right has the share of images removed, as a grey area.

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
    cuts = _cuts(shown)
    drawn = shown.isel(cutoff=cuts.drawn)
    where = drawn["cutoff"].values.astype(float)
    ax = canvas(ax)
    with drawing():
        share = ax.twinx()
        share.fill_between(where, 100 * drawn["share_removed"].values, color=COLOURS["null"], alpha=0.18, linewidth=0)
        share.set(ylim=(0, 100), ylabel="Images removed (%)")
        share.spines["right"].set_visible(True)
        ax.set_zorder(share.get_zorder() + 1)
        ax.patch.set_visible(False)
        for name in ("rmse", "mae"):
            label, colour, style = ERRORS[name]
            one = drawn.sel(metric=name)
            ax.fill_between(where, one["ci_low"], one["ci_high"], color=colour, alpha=0.2, linewidth=0)
            ax.plot(where, one["estimate"], style, marker="o", markersize=2.5, color=colour, label=label)
            if cuts.all_images is not None:
                position, x = cuts.all_images
                whole = shown.sel(metric=name).isel(cutoff=position)
                ax.vlines(x, whole["ci_low"], whole["ci_high"], color=colour, alpha=0.4, linewidth=0.8)
                ax.plot(x, whole["estimate"], "o", markersize=3.5, color=colour, markerfacecolor="white", zorder=3)
        ax.set(ylim=(0, None), xlim=cuts.limits)
        sign = {"below": "<", "above": ">"}[removed]
        ax.set(xlabel=f"Cut-off: images {cut} {sign} this are removed", ylabel="Error (units of the score)")
        ax.legend(frameon=False, loc="best")
        note(ax, _cut(result, cuts))
    return ax


class _Cuts(NamedTuple):
    """Which cut-offs are drawn, and where."""

    drawn: npt.NDArray[np.intp]
    """Their positions."""
    all_images: tuple[int, float] | None
    """Position of one that removes none, and where its point stands."""
    limits: tuple[float, float] | None
    few: bool
    """Whether some are left out because they leave few images."""


def _cuts(shown: xr.Dataset) -> _Cuts:
    """Choose cut-offs that leave enough images, and the nearest that removes none, beside them if it is far off."""
    where, share, n = (shown[name].values.astype(float) for name in ("cutoff", "share_removed", "n"))
    none, few = np.flatnonzero(share == 0), (n > 0) & (n < FEWEST) & (share > 0)
    telling = np.flatnonzero((share > 0) & (n >= FEWEST))
    if not telling.size:
        return _Cuts(none, None, None, bool(few.any()))
    ends = [where[telling].min(), where[telling].max()]
    step = np.ptp(ends) or 0.1
    drawn, every = telling, None
    if none.size:
        gaps = np.maximum(ends[0] - where[none], where[none] - ends[1])
        nearest = int(none[gaps.argmin()])
        place = where[nearest]
        if gaps.min() <= step:
            drawn = np.sort(np.append(telling, nearest))
        else:
            place = ends[0] - step / 4 if place < ends[0] else ends[1] + step / 4
        every = (nearest, float(place))
        ends.append(place)
    edge = 0.12 * (np.ptp(ends) or 1.0)
    return _Cuts(drawn, every, (min(ends) - edge, max(ends) + edge), bool(few.any()))


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
    limits = "; intervals: see the table" if "ci_low" in result else ""
    return f"n = {int(result['n'])} images; SD of predictions is {ratio:.2f} of that of scores{dashed}{limits}"


def _cut(result: xr.Dataset, cuts: _Cuts) -> str:
    band = "" if result.attrs.get("resampling") == "none" else "; band: 95 % percentile bootstrap over images"
    every = "; open: all images, at any cut-off that removes none" if cuts.all_images is not None else ""
    few = f"; not drawn where fewer than {FEWEST} are left" if cuts.few else ""
    return f"n = {result.attrs['n_images']} images before any is removed; grey: share removed{band}{every}{few}"
