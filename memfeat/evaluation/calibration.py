"""Whether images that are predicted alike have the scores that were predicted."""

from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import count
from memfeat._labels import stamped
from memfeat.evaluation.agreement import about
from memfeat.evaluation.intervals import clustered_mean
from memfeat.evaluation.pairing import Column, Counts, Draws, Pair, Sampling, draws, pair

__all__ = ["calibration_curve"]

Array = npt.NDArray[np.float64]
BIN, COEFFICIENT = "bin", "coefficient"
COEFFICIENTS = ("intercept", "slope")


def calibration_curve(
    predictions: Column,
    scores: xr.DataArray | pd.Series,
    *,
    n_bins: int = 10,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **sampling: Unpack[Sampling],
) -> xr.Dataset:
    """Compute mean scores of images that are predicted alike, and the line of scores on predictions.

    Parameters
    ----------
    predictions : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any number per image.
    scores : DataArray (image) or pandas.Series
        What was measured, matched by image name.
    n_bins : int
        Into how many bins of equally many images the predictions are cut. Equal predictions stay together, so there
        may be fewer.
    n_bootstraps : int
        How many bootstrap samples of images for the intervals of the line. 0 gives none.
    rng : int or numpy.random.Generator
        Seed of the samples.
    **sampling : optional
        `blocks` and `permute`, see :class:`memfeat.evaluation.Sampling`.

    Returns
    -------
    Dataset (bin, coefficient)
        Per bin: `prediction` (mean), `estimate` (mean score), `ci_low`, `ci_high` (95 %, t-based; over groups where
        these are resampled as a whole), `n`, and the bin's `low` and `high` prediction. Of the line:
        `coefficient_estimate`, `coefficient_ci_low`, `coefficient_ci_high` (95 %, percentile bootstrap) of `intercept`
        and `slope`. Attributes: `prediction_mean`, `score_mean`.

    Raises
    ------
    KindError
        If predictions or scores are no labelled numbers.
    ArgumentError
        If images differ, a value is missing, or an option cannot be used.
    UnknownNameError
        If there is no option of that name.

    See Also
    --------
    memfeat.prediction.recalibrate : Uses such a line, cross-fitted.

    Notes
    -----
    A calibrated predictor has slope 1 and intercept 0. A slope below 1 means that predictions differ more than the
    scores that go with them; a constant offset shows in the intercept, and in the `bias` of
    :func:`memfeat.evaluation.evaluate`. Noise of the scores leaves the slope alone; restricting the images to a range
    of scores does not.

    Examples
    --------
    >>> import pandas as pd
    >>> names = [f"{i}.jpg" for i in range(4)]
    >>> prediction = pd.Series([0.2, 0.4, 0.6, 0.8], names)
    >>> curve = calibration_curve(prediction, 0.5 * prediction + 0.3, n_bins=2, n_bootstraps=0)
    >>> curve["estimate"].values.round(6), curve["coefficient_estimate"].values.round(6)
    (array([0.45, 0.65]), array([0.3, 0.5]))
    """
    given = pair(predictions, scores)
    count("n_bins", n_bins, least=2)
    samples = draws(given.images, n_bootstraps, rng, sampling)
    number = _bins(given.prediction, n_bins)
    bins = [_bin(given, number == k, samples) for k in range(int(number.max()) + 1)]
    variables: dict[str, Any] = {name: (BIN, np.array([one[name] for one in bins])) for name in bins[0]}
    line = _line(given, np.ones((1, samples.n), dtype=np.int64))[:, 0]
    low, high = _limits(given, samples)
    variables |= {
        "coefficient_estimate": (COEFFICIENT, line),
        "coefficient_ci_low": (COEFFICIENT, low),
        "coefficient_ci_high": (COEFFICIENT, high),
    }
    coords = {BIN: np.arange(len(bins)), COEFFICIENT: np.array(COEFFICIENTS, dtype=object)}
    result = stamped(xr.Dataset(variables, coords), given.facts, **given.called, **about(samples))
    return result.assign_attrs(
        interval="bins: t; line: percentile bootstrap",
        bins="equally many images, equal predictions together",
        units="score",
        n=samples.n,
        prediction_mean=float(given.prediction.mean()),
        score_mean=float(given.score.mean()),
    )


def _bins(prediction: Array, n_bins: int) -> npt.NDArray[np.int64]:
    """Give bins of equally many images; equal predictions share one."""
    inner = np.unique(np.quantile(prediction, np.arange(1, n_bins) / n_bins))
    return np.unique(np.searchsorted(inner, prediction, side="right"), return_inverse=True)[1].reshape(-1)


def _bin(given: Pair, kept: npt.NDArray[np.bool_], samples: Draws) -> dict[str, Any]:
    prediction = given.prediction[kept]
    whole = samples.scheme["permute"] == "whole"
    cluster = samples.scheme["blocks"][kept] if whole else np.arange(len(prediction))
    mean, low, high = clustered_mean(given.score[kept], cluster)
    return {
        "prediction": prediction.mean(),
        "estimate": mean,
        "ci_low": low,
        "ci_high": high,
        "n": len(prediction),
        "low": prediction.min(),
        "high": prediction.max(),
    }


def _line(given: Pair, counts: Counts) -> Array:
    """Fit scores on predictions in samples: (coefficient, draw); NaN where predictions do not vary."""
    total = counts.sum(axis=1)
    shift = given.prediction.mean()
    x = given.prediction - shift
    mean_x, mean_y = counts @ x / total, counts @ given.score / total
    spread = counts @ x**2 / total - mean_x**2
    covariance = counts @ (x * given.score) / total - mean_x * mean_y
    size = 1e-12 * float((x**2).mean())
    slope = np.divide(covariance, spread, out=np.full(len(total), np.nan), where=spread > size)
    return np.stack([mean_y - slope * (mean_x + shift), slope])


def _limits(given: Pair, samples: Draws) -> tuple[Array, Array]:
    if not samples.n_bootstraps:
        return np.full(2, np.nan), np.full(2, np.nan)
    return stats.interval(np.concatenate([_line(given, counts) for counts in samples.samples()], axis=1))
