"""How well scores are predicted from two layers of the same images, by the same folds."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat.regression.metrics import r2, resampled_spearman, spearman

__all__ = ["STATISTICS", "Statistic", "resampled_r2"]

Array = npt.NDArray[Any]


class Statistic(NamedTuple):
    """One way to say how well predictions agree with scores."""

    observed: Callable[[Array, Array], Array]
    """(predictions (n, t), scores (n, t)) → (t,)."""
    resampled: Callable[[Array, Array, Array], Array]
    """(prediction (n,), scores (n,), counts (draw, n)) → (draw,)."""


def resampled_r2(prediction: Array, target: Array, counts: Array) -> Array:
    """Compute R² in samples of images.

    Parameters
    ----------
    prediction, target : array (n,)
        One number per image.
    counts : array (draw, n)
        How often each image stands in each sample.

    Returns
    -------
    array (draw,)
        1 − Σ c (y − ŷ)² / Σ c (y − ȳ)², with ȳ the mean in the sample; NaN where all drawn scores are equal.
    """
    weights = np.asarray(counts, dtype=np.float64)
    centred = target - target.mean()
    size = weights.sum(axis=1)
    spread = weights @ centred**2 - (weights @ centred) ** 2 / size
    below = np.where(spread > 1e-12 * (weights @ centred**2), spread, np.nan)
    return np.asarray(1 - weights @ (target - prediction) ** 2 / below)


STATISTICS: dict[str, Statistic] = {
    "spearman": Statistic(spearman, resampled_spearman),
    "r2": Statistic(r2, resampled_r2),
}
