"""Predicted and measured scores side by side: a look at both before any correlation."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import count
from memfeat._labels import stamped
from memfeat.evaluation.floor import floor_of
from memfeat.evaluation.pairing import Column, pair
from memfeat.stats.shares import wilson

__all__ = ["score_distributions"]

Array = npt.NDArray[np.float64]
COLUMN, BIN, QUANTILE, STATISTIC = "column", "bin", "quantile", "statistic"
COLUMNS = ("predicted", "measured")
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def score_distributions(predictions: Column, scores: xr.DataArray | pd.Series, *, n_bins: int = 30) -> xr.Dataset:
    """Count predicted and measured scores in the same bins.

    Parameters
    ----------
    predictions : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any number per image.
    scores : DataArray (image) or pandas.Series
        What was measured, matched by image name.
    n_bins : int
        How many bins of equal width, from the lowest of both to the highest.

    Returns
    -------
    Dataset (column, bin, quantile, statistic)
        Along `column`, "predicted" and "measured": `estimate` (share of images in each bin) with `ci_low` and `ci_high`
        (95 %, Wilson); `quantile_value (column, quantile)` and `statistic_value (column, statistic)`, mean and sd, in
        units of the scores. `low` and `high (bin)` are the bins' edges; `n` images. Attributes `floor`, `floor_rule`,
        and `sd_ratio`, the standard deviation of the predictions divided by that of the scores.

    Raises
    ------
    KindError
        If predictions or scores are no labelled numbers.
    ArgumentError
        If images differ, a value is missing, or there are fewer than two bins.

    Notes
    -----
    The best predictor in squared error varies less than the scores, by the factor of its correlation with them, because
    scores contain noise that nothing predicts: an `sd_ratio` below 1 is no fault in itself. One that is above the
    correlation means that predictions are spread too far, as does a slope below 1 in
    :func:`memfeat.evaluation.calibration_curve`.

    Examples
    --------
    >>> import pandas as pd
    >>> names = [f"{i}.jpg" for i in range(4)]
    >>> found = score_distributions(
    ...     pd.Series([0.5, 0.5, 0.6, 0.6], names), pd.Series([0.0, 0.4, 0.8, 1.0], names), n_bins=2
    ... )
    >>> found["estimate"].sel(column="predicted").values, found["estimate"].sel(column="measured").values
    (array([0., 1.]), array([0.5, 0.5]))
    """
    given = pair(predictions, scores)
    count("n_bins", n_bins, least=2)
    values = np.stack([given.prediction, given.score])
    edges = _edges(values, n_bins)
    found = np.stack([np.histogram(row, edges)[0] for row in values])
    low, high = wilson(found, np.array(values.shape[1]))
    sd = values.std(axis=1, ddof=1)
    variables: dict[str, Any] = {
        "estimate": ((COLUMN, BIN), found / values.shape[1]),
        "ci_low": ((COLUMN, BIN), low),
        "ci_high": ((COLUMN, BIN), high),
        "low": (BIN, edges[:-1]),
        "high": (BIN, edges[1:]),
        "n": values.shape[1],
        "quantile_value": ((COLUMN, QUANTILE), np.quantile(values, QUANTILES, axis=1).T),
        "statistic_value": ((COLUMN, STATISTIC), np.stack([values.mean(axis=1), sd], axis=1)),
    }
    coords = {
        COLUMN: np.array(COLUMNS, dtype=object),
        BIN: np.arange(n_bins),
        QUANTILE: np.array(QUANTILES),
        STATISTIC: np.array(["mean", "sd"], dtype=object),
    }
    floor = floor_of(given.prediction, given.facts)
    result = stamped(
        xr.Dataset(variables, coords), given.facts, **given.called, floor=floor.value, floor_rule=floor.rule
    )
    ratio = float(sd[0] / sd[1]) if sd[1] > 0 else float("nan")
    return result.assign_attrs(
        interval="Wilson", units="share of images; quantiles and statistics: score", sd_ratio=ratio
    )


def _edges(values: Array, n_bins: int) -> Array:
    low, high = float(values.min()), float(values.max())
    # a width above nothing, for numbers that are all alike
    return np.linspace(low, high if high > low else low + 1.0, n_bins + 1)
