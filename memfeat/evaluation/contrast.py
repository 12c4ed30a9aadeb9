"""One predictor against another, on the same images."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from math import sqrt
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import norm, rankdata

from memfeat import stats
from memfeat._check import advice, looked_up
from memfeat._labels import stamped
from memfeat.errors import ArgumentError
from memfeat.evaluation.agreement import METRIC, about
from memfeat.evaluation.measures import CORRELATIONS, MEASURES
from memfeat.evaluation.overlap import said_of
from memfeat.evaluation.pairing import Column, Counts, Pair, Sampling, columns, draws, pair

__all__ = ["compare"]

Array = npt.NDArray[np.float64]
CONTRAST = "contrast"
#: Fisher's z is infinite at 1.
LARGEST = 1 - 1e-12
COMPARED = ("spearman", "pearson", "r2", "mse", "rmse", "mae", "bias")


class _Correlated(NamedTuple):
    """Two correlations with the same scores, and the one between the predictors."""

    first: float
    second: float
    between: float
    n: int


def compare(
    predictions: Mapping[str, Column] | xr.Dataset | pd.DataFrame,
    scores: xr.DataArray | pd.Series,
    *,
    trained_on: Mapping[str, Any] | None = None,
    dataset: str | None = None,
    n_bootstraps: int = 10_000,
    rng: int | np.random.Generator = 0,
    **sampling: Unpack[Sampling],
) -> xr.Dataset:
    """Compare predictors on the same images, each with each other.

    Null hypothesis of `p`: both predictors have the same value of the metric among images of this kind. Unit of
    resampling: the image, or as `permute` says. Predictors are judged in the same bootstrap samples (paired bootstrap).

    Parameters
    ----------
    predictions : mapping, Dataset or pandas.DataFrame
        Two predictors or more: name → what `mf.predict` gave, or any number per image. In a Dataset or DataFrame every
        column is one.
    scores : DataArray (image) or pandas.Series
        What was measured, matched by image name.
    trained_on : mapping, optional
        Predictor → what it was trained on, as :func:`memfeat.evaluation.evaluate` takes it. Known for ResMem.
    dataset : str, optional
        The data set that these images come from. Without it, it is recognised where names and folders reveal it.
    n_bootstraps : int
        How many bootstrap samples of images. 0 gives no intervals and no p.
    rng : int or numpy.random.Generator
        Seed of the samples.
    **sampling : optional
        `blocks` and `permute`, see :class:`memfeat.evaluation.Sampling`.

    Returns
    -------
    Dataset (contrast, metric)
        `estimate` (value of the first predictor less that of the second), `ci_low`, `ci_high` (95 %), `p` (two-sided),
        `p_corrected` (Holm, over the contrasts of a metric), `n`; `first_estimate` and `second_estimate`. Coordinates
        `first` and `second (contrast)` name the predictors, `unit (metric)` the unit. For `spearman` and `pearson` also
        `zou_low`, `zou_high` and `steiger_p` of the same difference, from formulas instead of resampling.
        The attribute `held_out` says for each predictor whether the images may have been among those it was trained on.

    Raises
    ------
    KindError
        If predictions are not several named columns of numbers.
    ArgumentError
        If there are fewer than two, images differ, or a value is missing.
    UnknownNameError
        If there is no option, or no predictor, of that name.

    Warns
    -----
    MemfeatWarning
        If images are recognised as the training data of a predictor, which then has an advantage over the others.
        Naming the `dataset` says that you know.

    Notes
    -----
    `p` = min(1, 2 · min(P(d ≤ 0), P(d ≥ 0))), with d the differences in m bootstrap samples, P = (count + 1)/(m + 1).
    It is below .05 where the 95 % percentile interval leaves out 0. Two separate intervals that overlap, or one p below
    and one above .05, do not answer this question.

    `steiger_p` tests r₁ = r₂ with Fisher's z and the correlation of the two, Steiger's pooled form; `zou_low` and
    `zou_high` combine the intervals of both. They assume independent images and bivariate normal values; for Spearman
    they are computed from ranks and are approximate. They are NaN where groups of images are resampled.

    A smaller error is a better one: for `mse`, `rmse` and `mae` a negative difference speaks for the first predictor.

    References
    ----------
    Steiger JH (1980). Tests for comparing elements of a correlation matrix. Psychological Bulletin 87:245-251.
    Zou GY (2007). Toward using confidence intervals to compare correlations. Psychological Methods 12:399-413.

    Examples
    --------
    >>> import pandas as pd
    >>> names = [f"{i}.jpg" for i in range(5)]
    >>> measured = pd.Series([0.5, 0.6, 0.7, 0.8, 0.9], names)
    >>> result = compare({"exact": measured, "low": measured - 0.1}, measured, n_bootstraps=0)
    >>> result["estimate"].sel(metric=["mae", "bias"]).values.round(6)
    array([[-0.1,  0.1]])
    """
    given = _pairs(columns(predictions), scores)
    first = next(iter(given.values()))
    told = {}
    for name, said in _training_of(given, trained_on).items():
        about_it = said_of(given[name].images, given[name].facts, trained_on=said, dataset=dataset, scores=scores)
        told[name] = about_it["held_out"]
    samples = draws(first.images, n_bootstraps, rng, sampling)
    everyone = [np.ones((1, samples.n), dtype=np.int64)]
    observed = {name: values[:, 0] for name, values in _values(given, everyone).items()}
    drawn = _values(given, samples.samples())
    contrasts = list(combinations(given, 2))
    rows = [_contrast(observed[a] - observed[b], drawn[a] - drawn[b]) for a, b in contrasts]
    dims = (CONTRAST, METRIC)
    table = {key: (dims, np.stack([row[key] for row in rows])) for key in rows[0]}
    table["p_corrected"] = (dims, stats.holm(table["p"][1]))
    table |= {
        f"{which}_estimate": (dims, np.stack([observed[names[i]] for names in contrasts]))
        for i, which in enumerate(("first", "second"))
    }
    table |= _by_formula(given, contrasts, free=samples.scheme["permute"] == "free")
    result = xr.Dataset(table | {"n": samples.n}, _coords(contrasts))
    return stamped(
        result,
        None,
        predictors=list(given),
        scores=first.called["scores"],
        method="paired bootstrap over images",
        interval="95 % percentile",
        correction="p_corrected: Holm over the contrasts of a metric",
        dataset=dataset,
        held_out=told,
        **about(samples),
    )


def _training_of(given: Mapping[str, Pair], trained_on: Mapping[str, Any] | None) -> dict[str, Any]:
    """Say for each predictor what the user says it was trained on."""
    said = {} if trained_on is None else dict(trained_on)
    for name in said:
        looked_up("trained_on", name, given, f"The predictors are {', '.join(given)}.")
    return {name: said.get(name) for name in given}


def _pairs(predictors: Mapping[str, Column], scores: xr.DataArray | pd.Series) -> dict[str, Pair]:
    given = {name: pair(column, scores, f"predictions[{name!r}]") for name, column in predictors.items()}
    reference = next(iter(given.values()))
    for name, one in given.items():
        if len(one.images) != len(reference.images) or (one.images.values != reference.images.values).any():
            remedy = "Images that could not be read differ; keep those that every predictor has read."
            counts = {key: len(value.images) for key, value in given.items()}
            raise ArgumentError(advice(f"predictions[{name!r}]", "have the images of the others", counts, remedy))
    return given


def _values(given: Mapping[str, Pair], blocks: Iterable[Counts]) -> dict[str, Array]:
    """Compute the compared metrics of every predictor in the same samples: name → (metric, draw)."""
    found: dict[str, list[Array]] = {name: [np.empty((len(COMPARED), 0))] for name in given}
    for counts in blocks:
        for name, one in given.items():
            found[name].append(np.stack([MEASURES[key].compute(one.prediction, one.score, counts) for key in COMPARED]))
    return {name: np.concatenate(values, axis=1) for name, values in found.items()}


def _contrast(difference: Array, drawn: Array) -> dict[str, Array]:
    """Judge differences, one per metric, by those in bootstrap samples (metric, draw)."""
    if not drawn.shape[1]:
        nothing = np.full(len(difference), np.nan)
        return {"estimate": difference, "ci_low": nothing, "ci_high": nothing, "p": nothing}
    low, high = stats.interval(drawn)
    return {"estimate": difference, "ci_low": low, "ci_high": high, "p": stats.bootstrap_p(drawn)}


def _by_formula(given: Mapping[str, Pair], contrasts: list[tuple[str, str]], *, free: bool) -> dict[str, Any]:
    """Give Zou's interval and Steiger's p for the correlations; NaN for the other metrics."""
    found = np.full((3, len(contrasts), len(COMPARED)), np.nan)
    for k, (a, b) in enumerate(contrasts if free else []):
        columns_ = (given[a].prediction, given[b].prediction, given[a].score)
        for name in CORRELATIONS if all(map(np.ptp, columns_)) else ():
            r = np.corrcoef([rankdata(one) for one in columns_] if name == "spearman" else columns_)
            both = _Correlated(float(r[0, 2]), float(r[1, 2]), float(r[0, 1]), len(columns_[0]))
            found[:, k, COMPARED.index(name)] = (*_zou(both), _steiger(both))
    return {
        name: ((CONTRAST, METRIC), values)
        for name, values in zip(("zou_low", "zou_high", "steiger_p"), found, strict=True)
    }


def _zou(r: _Correlated) -> tuple[float, float]:
    """Combine the Fisher intervals of two correlations that share a variable."""
    half = norm.ppf(0.975) / sqrt(r.n - 3) if r.n > 3 else np.inf
    (low_1, high_1), (low_2, high_2) = (
        np.tanh(np.arctanh(np.clip(one, -LARGEST, LARGEST)) + np.array([-half, half])) for one in (r.first, r.second)
    )
    shared = _dependence(r, r.first, r.second)
    difference = r.first - r.second
    below, above = (r.first - low_1, high_2 - r.second), (high_1 - r.first, r.second - low_2)
    reach = [sqrt(max(x**2 + y**2 - 2 * shared * x * y, 0.0)) for x, y in (below, above)]
    return difference - reach[0], difference + reach[1]


def _dependence(r: _Correlated, first: float, second: float) -> float:
    """Give the correlation of two correlations with the same scores (Steiger 1980, equation 3)."""
    rest = 1 - first**2 - second**2 - r.between**2
    covariance = (r.between - first * second / 2) * rest + r.between**3
    size = (1 - first**2) * (1 - second**2)
    # beside a correlation of 1 the other's error has nothing to go with
    return float(np.clip(covariance / size, -1.0, 1.0)) if size > 1 - LARGEST else 0.0


def _steiger(r: _Correlated) -> float:
    """Test that two correlations with the same scores are equal."""
    mean = (r.first + r.second) / 2
    shared = _dependence(r, mean, mean)
    difference = np.arctanh(np.clip(r.first, -LARGEST, LARGEST)) - np.arctanh(np.clip(r.second, -LARGEST, LARGEST))
    if r.n <= 3 or shared >= 1:
        return float("nan")
    return float(2 * norm.sf(abs(difference) * sqrt((r.n - 3) / (2 * (1 - shared)))))


def _coords(contrasts: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        CONTRAST: np.array([f"{a} − {b}" for a, b in contrasts], dtype=object),
        "first": (CONTRAST, np.array([a for a, _ in contrasts], dtype=object)),
        "second": (CONTRAST, np.array([b for _, b in contrasts], dtype=object)),
        METRIC: np.array(COMPARED, dtype=object),
        "unit": (METRIC, np.array([MEASURES[name].unit for name in COMPARED], dtype=object)),
    }
