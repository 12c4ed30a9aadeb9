"""Scores of several sets, image by image."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes

from memfeat import _numerals
from memfeat.plot.compared import in_pairs, score_of, values_of
from memfeat.plot.distributions import LABELS
from memfeat.plot.pairs import draw_pairs
from memfeat.plot.rain import beside_row, draw_cloud, draw_mean
from memfeat.plot.style import canvas, drawing, note

__all__ = ["sets"]

Array = npt.NDArray[np.float64]
#: How far above the middle of a set's row its mean stands.
MEAN = 0.14
#: Height of a row in millimetres, and of what stands around rows, with one scale and with two.
ROW, AROUND, TWO_SCALES = 15.0, 30.0, 40.0
MOST_SPOKEN = 6
#: Effect sizes that stand beside a difference, of sets and of pairs.
EFFECTS = {"hedges_g": "Hedges' g", "d_z": "d_z"}


def sets(
    result: xr.Dataset,
    *sets: Any,
    by: str | None = None,
    paired: Any = None,
    label: str | None = None,
    ax: Axes | None = None,
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
    paired : True, str, DataArray (image) or pandas.Series, optional
        Of a comparison in pairs: which original an image is a version of, as it was passed to `mf.sets.compare`; image
        names by default.
    label : str, optional
        Label of the scale of scores; the name of the score by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Each image is a dot; their height means nothing. Boxes show quartiles and the median, whiskers all
        images within 1.5 quartile distances; the mark with a bar is the mean with its interval. The differences of
        means stand above, with interval and p, corrected where the result is about several. Of a comparison in pairs
        a line joins the versions of each image from set to set, and below stand the differences, image by image, with
        their mean and its interval, on a scale of their own (further Axes over these).

    Raises
    ------
    KindError
        If the result is no Dataset, a set holds no scores, or `paired` is no column.
    ArgumentError
        If the result is of several scores or of something else, these are not the sets that were compared, or pairs are
        others.
    UnknownNameError
        If a set has no such score or column.
    """
    score = score_of(result)
    values = values_of(result, sets, by, paired)
    shown = [str(name) for name in result["contrast"].values][:MOST_SPOKEN] if in_pairs(result) else []
    ax = canvas(ax, height=(TWO_SCALES if shown else AROUND) + ROW * (len(values) + len(shown)))
    called = label or LABELS.get(score, score)
    with drawing():
        if shown:
            below = draw_pairs(ax, result, values, shown)
            below.set_xlabel(f"Difference: {called[:1].lower()}{called[1:]}")
        else:
            _clouds(ax, result, values)
        ax.set_xlabel(called)
        note(ax, _caption(result), beside=[row.get_text() for row in ax.get_yticklabels()])
    return ax


def _clouds(ax: Axes, result: xr.Dataset, values: dict[str, Array]) -> None:
    """Draw a cloud for each set, the first above."""
    for k, (name, one) in enumerate(values.items()):
        of = result.sel(set=name)
        draw_cloud(ax, one, -k)
        draw_mean(ax, float(of["mean"]), (float(of["mean_ci_low"]), float(of["mean_ci_high"])), MEAN - k)
    ax.set_yticks([-k for k in range(len(values))], [beside_row(name, one.size) for name, one in values.items()])
    ax.set_ylim(-len(values) + 0.55, 0.55)
    ax.tick_params(axis="y", length=0)


def _caption(result: xr.Dataset) -> str:
    """Say the differences of means, and what marks are."""
    names = [str(name) for name in result["contrast"].values]
    several = len(names) > 1 or len(np.ravel(result.attrs.get("scores", ()))) > 1
    told = [_difference(result, name, several=several) for name in names[:MOST_SPOKEN]]
    if len(names) > MOST_SPOKEN:
        told.append(f"{len(names) - MOST_SPOKEN} more differences in the table")
    marks = "diamond: mean, 95 % interval; box: quartiles"
    if in_pairs(result):
        images = f"n = {int(result['n'][0])} images, a line each from version to version"
        return "; ".join([*told, images, f"below: their differences; {marks}"])
    return "; ".join([*told, f"n = {int(result['n'].sum())} images, a dot each; {marks}"])


def _difference(result: xr.Dataset, name: str, *, several: bool) -> str:
    row = result.sel(contrast=name, statistic="mean_difference")
    digits = _numerals.places(float(result["sd"].mean()))
    parts = [f"{name}: {_numerals.number(float(row['estimate']), digits)}"]
    if np.isfinite(row["ci_low"]):
        parts[0] += f" {_numerals.interval(float(row['ci_low']), float(row['ci_high']), digits)}"
    for name_of, label in EFFECTS.items():
        if name_of in result["statistic"].values:
            effect = float(result["estimate"].sel(contrast=name, statistic=name_of))
            said = f"{label} = {_numerals.number(effect, 2)}".replace(" ", "\N{NO-BREAK SPACE}")
            parts += [said] if np.isfinite(effect) else []
    p = _numerals.p_value(float(row["p_corrected" if several else "p"]), "corrected p" if several else "p")
    # lines are not broken inside it
    return ", ".join([*parts, p.replace(" ", "\N{NO-BREAK SPACE}")] if p else parts)
