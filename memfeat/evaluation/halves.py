"""Reliability from the scores of two halves of the participants, drawn again together with the images."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, finite, listed
from memfeat._labels import IMAGE, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.evaluation.measures import MEASURES, Compute, Measure
from memfeat.stats.reliability import spearman_brown, stepped_up

__all__ = ["Halves", "halves_of", "relative_measures"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
#: Scores of both halves of the participants in several random splits (split, half, n).
Halves = Array
HALF, SPLIT = "half", "split"
REMEDY = (
    "Pass {'split_half': .78}, {'spearman_brown': .876}, or the scores of both halves: a DataArray "
    "(image, half, split) with two halves."
)


def halves_of(reliability: Any, images: xr.DataArray) -> float | Halves | None:
    """Read the reliability of scores: a named number, or the scores of halves of the participants.

    Parameters
    ----------
    reliability : mapping, DataArray (image, half, split) or None
        What the user gave; `split` may be missing where there is one.
    images : DataArray (image)
        Images, in the order of their names.

    Returns
    -------
    float, array (split, half, n) or None
        The reliability of the full scores, or halves in the order of the images.

    Raises
    ------
    KindError
        If it is neither.
    ArgumentError
        If images differ, a half is missing, or there are not two of them.
    """
    if reliability is None:
        return None
    if isinstance(reliability, Mapping) and not isinstance(reliability, xr.Dataset):
        return spearman_brown(reliability)
    if not isinstance(reliability, xr.DataArray) or reliability.dtype.kind not in "iuf":
        raise KindError(
            advice("reliability", "be a named number or halves", listed(type(reliability).__name__), REMEDY)
        )
    dims = {str(name): size for name, size in reliability.sizes.items()}
    if dims.keys() - {SPLIT} != {IMAGE, HALF} or dims[HALF] != 2 or 0 in dims.values():
        raise ArgumentError(advice("reliability", "have dims image, half (2) and split", listed(dims), REMEDY))
    whole = reliability if SPLIT in dims else reliability.expand_dims(SPLIT)
    ordered = matched(whole, images, argument="reliability", reference="predictions").transpose(SPLIT, HALF, IMAGE)
    values = ordered.values.astype(np.float64)
    remedy = "Drop images that a half of the participants has not seen, here and from predictions and scores."
    finite("reliability", values.transpose(2, 0, 1), list(map(str, images.values)), remedy=remedy)
    return values


def relative_measures(halves: Halves) -> dict[str, Measure]:
    """Make the measures that relate agreement to the reliability of the scores in the same sample.

    Parameters
    ----------
    halves : array (split, half, n)
        Scores of halves.

    Returns
    -------
    dict of Measure
        `spearman_relative`, `pearson_relative`, `r2_relative` and `mse_floor`, as from a fixed reliability, and
        `reliability_spearman` and `reliability_pearson`, that of the full scores.

    Notes
    -----
    Per sample of images: the mean over splits of the correlation r of both halves, stepped up as 2r / (1 + r).
    """
    by = {name: _stepped_up(MEASURES[name].compute, halves) for name in ("spearman", "pearson")}

    def divided(name: str, kind: str, power: float) -> Compute:
        return lambda p, y, counts: np.asarray(MEASURES[name].compute(p, y, counts) / by[kind](p, y, counts) ** power)

    def floor(p: Array, y: Array, counts: Counts) -> Array:
        total = counts.sum(axis=1)
        centred = y - y.mean()
        variance = counts @ centred**2 / total - (counts @ centred / total) ** 2
        return np.asarray((1 - by["pearson"](p, y, counts)) * variance)

    return {
        "spearman_relative": Measure(divided("spearman", "spearman", 0.5), "1", True),
        "pearson_relative": Measure(divided("pearson", "pearson", 0.5), "1", True),
        "r2_relative": Measure(divided("r2", "pearson", 1.0), "1", True),
        "mse_floor": Measure(floor, "score²", True),
        "reliability_spearman": Measure(by["spearman"], "1", True),
        "reliability_pearson": Measure(by["pearson"], "1", True),
    }


def _stepped_up(correlate: Callable[[Array, Array, Counts], Array], halves: Halves) -> Compute:
    """Make what steps the mean correlation of halves up; NaN where it is not above 0."""

    def of_full_scores(_prediction: Array, _score: Array, counts: Counts) -> Array:
        mean = np.mean([correlate(first, second, counts) for first, second in halves], axis=0)
        return stepped_up(np.where(mean > 0, mean, np.nan))

    return of_full_scores
