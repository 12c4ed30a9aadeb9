"""Measures of how predictions and scores agree, for many samples of images at once.

Each function takes predictions (n,), scores (n,) and counts (draw, n), how often each image stands in each sample, and
gives one value per sample; NaN where a sample leaves nothing to measure.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat.regression.metrics import resampled_spearman

__all__ = ["CORRELATIONS", "ERRORS", "MEASURES", "QUANTILES", "Compute", "Measure", "measured"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
#: A variance below this share of the mean square is rounding: all values are alike.
FLAT = 1e-12
#: Which quantiles of the absolute error are told.
QUANTILES = (0.25, 0.5, 0.75, 0.9, 0.95)


Compute = Callable[[Array, Array, Counts], Array]


class Measure(NamedTuple):
    """One way to judge predictions."""

    compute: Compute
    unit: str
    smooth: bool  # whether leaving out one image changes it a little, so that BCa intervals can be had


def _mean(values: Array, counts: Counts) -> Array:
    return np.asarray(counts @ values / counts.sum(axis=1))


def _variance(values: Array, counts: Counts) -> Array:
    centred = values - values.mean()
    spread = _mean(centred**2, counts) - _mean(centred, counts) ** 2
    return np.where(spread > FLAT * _mean(centred**2, counts), spread, np.nan)


def pearson(prediction: Array, score: Array, counts: Counts) -> Array:
    """Correlate predictions and scores."""
    p, y = prediction - prediction.mean(), score - score.mean()
    product = _mean(p * y, counts) - _mean(p, counts) * _mean(y, counts)
    return np.asarray(product / np.sqrt(_variance(p, counts) * _variance(y, counts)))


def mse(prediction: Array, score: Array, counts: Counts) -> Array:
    """Average the squared error."""
    return _mean((prediction - score) ** 2, counts)


def rmse(prediction: Array, score: Array, counts: Counts) -> Array:
    """Take the root of the mean squared error."""
    return np.sqrt(mse(prediction, score, counts))


def mae(prediction: Array, score: Array, counts: Counts) -> Array:
    """Average the absolute error."""
    return _mean(np.abs(prediction - score), counts)


def bias(prediction: Array, score: Array, counts: Counts) -> Array:
    """Average prediction less score."""
    return _mean(prediction - score, counts)


def r2(prediction: Array, score: Array, counts: Counts) -> Array:
    """Give 1 − mean squared error / variance of the scores."""
    return 1 - mse(prediction, score, counts) / _variance(score, counts)


def below_rmse(prediction: Array, score: Array, counts: Counts) -> Array:
    """Give the share of images whose absolute error is below the RMSE of their sample."""
    error = np.abs(prediction - score)
    # errors that are all alike are none of them below, whichever way their root is rounded
    inside = error < (1 - FLAT) * rmse(prediction, score, counts)[:, None]
    return np.asarray((counts * inside).sum(axis=1) / counts.sum(axis=1))


def quantile(share: float) -> Compute:
    """Make the measure of a quantile of the absolute error, interpolated as numpy does by default."""

    def of_error(prediction: Array, score: Array, counts: Counts) -> Array:
        order = np.argsort(np.abs(prediction - score), kind="stable")
        error, running = np.abs(prediction - score)[order], np.cumsum(counts[:, order], axis=1)
        place = (running[:, -1] - 1) * share
        low = np.floor(place)
        first, second = (error[(running <= at[:, None]).sum(axis=1)] for at in (low, np.ceil(place)))
        return np.asarray(first + (second - first) * (place - low))

    return of_error


CORRELATIONS = ("spearman", "pearson")
ERRORS = ("mse", "rmse", "mae")
MEASURES: dict[str, Measure] = {
    "spearman": Measure(resampled_spearman, "1", True),
    "pearson": Measure(pearson, "1", True),
    "r2": Measure(r2, "1", True),
    "mse": Measure(mse, "score²", True),
    "rmse": Measure(rmse, "score", True),
    "mae": Measure(mae, "score", True),
    "bias": Measure(bias, "score", True),
    **{f"error_q{round(100 * share)}": Measure(quantile(share), "score", False) for share in QUANTILES},
    "share_below_rmse": Measure(below_rmse, "share of images", False),
}


def measured(
    measures: Mapping[str, Measure], prediction: Array, score: Array, samples: Iterable[Counts]
) -> dict[str, Array]:
    """Compute measures in all samples.

    Parameters
    ----------
    measures : mapping of Measure
        Name → measure, such as `MEASURES`.
    prediction, score : array (n,)
        One value per image.
    samples : iterable of array (draw, n)
        Blocks of samples.

    Returns
    -------
    dict of array (draw,)
        Measure → its value in each sample.
    """
    found: dict[str, list[Array]] = {name: [np.empty(0)] for name in measures}
    for counts in samples:
        for name, values in found.items():
            values.append(measures[name].compute(prediction, score, counts))
    return {name: np.concatenate(values) for name, values in found.items()}
