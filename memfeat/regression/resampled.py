"""How well predictions agree with scores, in many samples of images at once.

Each function takes predictions (n,), scores (n,) and counts (draw, n), how often each image stands in each sample, and
gives one value per sample; NaN where a sample leaves nothing to measure.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from memfeat.regression.metrics import resampled_spearman

__all__ = ["RESAMPLED", "Counts", "pearson", "variance"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
#: A variance below this share of the mean square is rounding: all values are alike.
FLAT = 1e-12


def pearson(prediction: Array, target: Array, counts: Counts) -> Array:
    """Correlate."""
    one, other = prediction - prediction.mean(), target - target.mean()
    product = _mean(one * other, counts) - _mean(one, counts) * _mean(other, counts)
    return np.asarray(product / np.sqrt(variance(one, counts) * variance(other, counts)))


def mse(prediction: Array, target: Array, counts: Counts) -> Array:
    """Average the squared error."""
    return _mean((prediction - target) ** 2, counts)


def r2(prediction: Array, target: Array, counts: Counts) -> Array:
    """Give 1 − mean squared error / variance of the scores in the sample."""
    return np.asarray(1 - mse(prediction, target, counts) / variance(target, counts))


def variance(values: Array, counts: Counts) -> Array:
    """Give the mean squared deviation from the sample's mean."""
    centred = values - values.mean()
    square = _mean(centred**2, counts)
    spread = square - _mean(centred, counts) ** 2
    return np.where(spread > FLAT * square, spread, np.nan)


def _mean(values: Array, counts: Counts) -> Array:
    return np.asarray(counts @ values / counts.sum(axis=1))


#: As `METRICS`, for samples.
RESAMPLED: dict[str, Callable[[Array, Array, Counts], Array]] = {
    "estimate": resampled_spearman,
    "pearson": pearson,
    "r2": r2,
    "mse": mse,
}
