"""Distributions of scores."""

import textwrap
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from memfeat._check import advice, listed
from memfeat._labels import image_names
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.style import COLOURS, canvas, drawing, note

__all__ = ["LABELS", "score_column", "scores"]

#: Letters of a line of a label below a figure of one column.
LONGEST = 40
#: What a score is called on an axis; other names are shown as they are.
LABELS = {"memorability": "Predicted memorability (hit rate)", "hit_rate": "Hit rate"}


def scores(
    scores: xr.Dataset | xr.DataArray | pd.Series, *, floor: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how scores are distributed: histogram, one tick per image, and the predictor's floor.

    Parameters
    ----------
    scores : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any score per image. Images without a score are left out and counted.
    floor : float, optional
        Where the predictor saturates, in units of the score; read from `scores.attrs["floor"]` by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes.

    Raises
    ------
    KindError
        If scores are no labelled numbers.
    ArgumentError
        If no image has a score.
    """
    column, attrs = score_column(scores)
    values, name = column.values.astype(float), str(column.name or "Score")
    shown = values[np.isfinite(values)]
    if not shown.size:
        raise ArgumentError(
            advice("scores", "have a number for at least one image", listed(f"{values.size} images, none with a score"))
        )
    floor = attrs.get("floor") if floor is None else floor
    ax = canvas(ax, height=55)
    with drawing():
        sns.histplot(x=shown, ax=ax, color=COLOURS["fill"], edgecolor="white", linewidth=0.6, alpha=1)
        sns.rugplot(x=shown, ax=ax, color=COLOURS["data"], height=0.05, linewidth=0.8)
        if floor is not None:
            ax.axvline(float(floor), color=COLOURS["mark"], linestyle="--", linewidth=0.9)
        label = LABELS.get(name, name)
        ax.set(
            xlabel=label if len(label) <= LONGEST else textwrap.fill(label.replace("_", " "), LONGEST), ylabel="Images"
        )
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        note(ax, _caption(values, shown, floor))
    return ax


def _caption(values: npt.NDArray[Any], shown: npt.NDArray[Any], floor: Any) -> str:
    left_out = f" ({values.size - shown.size} without a score left out)" if shown.size < values.size else ""
    below = int((shown <= float(floor)).sum()) if floor is not None else 0
    dashed = (
        f"; dashed: the predictor's floor, {float(floor):.2f} ({below} at or below it)" if floor is not None else ""
    )
    return f"n = {shown.size} image{'s' if shown.size != 1 else ''}{left_out}; one tick each{dashed}"


def score_column(scores: Any) -> tuple[xr.DataArray, dict[str, Any]]:
    """Find the scores, and what is known about them.

    Parameters
    ----------
    scores : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any score per image.

    Returns
    -------
    DataArray (image)
        The scores.
    dict
        Attributes of the scores, and of the Dataset that they came in.

    Raises
    ------
    KindError
        If scores are no labelled numbers.
    ArgumentError
        If a Dataset holds no memorability.
    """
    attrs: dict[str, Any] = {}
    if isinstance(scores, xr.Dataset):
        if "memorability" not in scores:
            remedy = 'Pass one column: images["hit_rate"].'
            raise ArgumentError(advice("scores", "hold memorability", listed.of(scores.data_vars), remedy))
        attrs, scores = dict(scores.attrs), scores["memorability"]
    if isinstance(scores, pd.Series):
        scores = xr.DataArray(scores.to_numpy(), dims="image", coords={"image": scores.index}, name=scores.name)
    image_names(scores, "scores")
    if scores.ndim != 1 or scores.dtype.kind not in "iufb":
        raise KindError(
            advice("scores", "hold one number per image", listed(f"dims {scores.dims}, dtype {scores.dtype}"))
        )
    return scores, attrs | dict(scores.attrs)
