"""How well predictions agree with scores, for many columns at once."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

__all__ = ["METRICS", "pearson", "resampled_spearman", "spearman"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def pearson(predictions: Array, targets: Array) -> Array:
    """Correlate columns: (n, t) with (n, t), or (n, 1), gives (t,). A column that does not vary counts as 0."""
    first, second = predictions - predictions.mean(axis=0), targets - targets.mean(axis=0)
    product = (first * second).sum(axis=0)
    size = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    return np.asarray(np.divide(product, size, out=np.zeros_like(product), where=size > 0))


def spearman(predictions: Array, targets: Array) -> Array:
    """Correlate the mid-ranks of columns."""
    return pearson(rankdata(predictions, axis=0), rankdata(targets, axis=0))


def r2(predictions: Array, targets: Array) -> Array:
    """Compute 1 − Σ(y − ŷ)² / Σ(y − ȳ)² of each column, with ȳ the mean over all images; below 0 if worse than ȳ."""
    spread: Array = ((targets - targets.mean(axis=0)) ** 2).mean(axis=0)
    return 1 - mse(predictions, targets) / spread


def mse(predictions: Array, targets: Array) -> Array:
    """Compute the mean squared error of each column."""
    error: Array = ((targets - predictions) ** 2).mean(axis=0)
    return error


def resampled_spearman(prediction: Array, target: Array, counts: Counts) -> Array:
    """Correlate mid-ranks over resampled images, each row of `counts` (b, n) saying how often an image was drawn.

    NaN where all drawn images are alike.
    """
    first, second = _resampled_ranks(prediction, counts), _resampled_ranks(target, counts)
    product, one, two = (
        np.einsum("bi,bi,bi->b", counts, a, b) for a, b in ((first, second), (first, first), (second, second))
    )
    size = np.sqrt(one * two)
    return np.asarray(np.divide(product, size, out=np.full_like(product, np.nan), where=size > 0))


def _resampled_ranks(values: Array, counts: Counts) -> Array:
    """Rank each image among the drawn ones, ties at mid-rank, less the mean rank."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) > 0])
    drawn = np.add.reduceat(counts[:, order], starts, axis=1)
    middle = np.cumsum(drawn, axis=1) - drawn / 2
    group = np.empty(len(order), dtype=np.intp)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(order)]))
    centred: Array = (middle - counts.sum(axis=1, keepdims=True) / 2)[:, group]
    return centred


METRICS: dict[str, Callable[[Array, Array], Array]] = {
    "estimate": spearman,
    "pearson": pearson,
    "r2": r2,
    "mse": mse,
}
