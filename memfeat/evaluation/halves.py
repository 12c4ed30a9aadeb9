"""Reliability from the scores of two halves of the participants, drawn again together with the images."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from memfeat.evaluation.measures import MEASURES, Compute, Measure
from memfeat.stats.halves import stepped_mean

__all__ = ["Halves", "relative_measures"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
#: Scores of both halves of the participants in several random splits (split, half, n).
Halves = Array


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
        return stepped_mean([correlate(first, second, counts) for first, second in halves])

    return of_full_scores
