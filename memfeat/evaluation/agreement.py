"""How well predictions agree with scores, over all images and category by category."""

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._labels import IMAGE, stamped
from memfeat.evaluation.floor import floor_of, found_in
from memfeat.evaluation.halves import relative_measures
from memfeat.evaluation.intervals import (
    accelerated,
    clustered_mean,
    order_quantile,
    share_below_root_mean_square,
)
from memfeat.evaluation.measures import MEASURES, QUANTILES, Measure, measured
from memfeat.evaluation.overlap import said_of
from memfeat.evaluation.pairing import Column, Draws, Pair, Sampling, draws, pair
from memfeat.regression.reliability import relative
from memfeat.stats.halves import Reliability, reliabilities
from memfeat.stats.shares import wilson

__all__ = ["METRIC", "by_category", "evaluate"]

Array = npt.NDArray[np.float64]
Interval = tuple[float, float, float]  # estimate, lower and upper limit
METRIC = "metric"
CATEGORY = "category"
NAN = float("nan")
#: Rows about the floor → their unit.
FLOOR = {
    "minimum": "score",
    "score_minimum": "score",
    "floor": "score",
    "share_at_floor": "share of images",
    "floor_found": "score",
    "share_at_floor_found": "share of images",
}
#: What `memfeat.regression` calls relative values → what they are called here, and their unit.
RELATIVE = {
    "estimate_relative": ("spearman_relative", "1"),
    "pearson_relative": ("pearson_relative", "1"),
    "r2_relative": ("r2_relative", "1"),
    "mse_floor": ("mse_floor", "score²"),
}
#: What is told besides when the reliability comes from halves.
BY_HALVES = ("reliability_spearman", "reliability_pearson")
PARTS = ("estimate", "ci_low", "ci_high")
#: How each row got its interval.
BCA, PERCENTILE, WILSON, T, DELTA = "BCa bootstrap", "percentile bootstrap", "Wilson", "t", "delta method"
ORDER, NONE = "order statistics", "none"


def evaluate(  # noqa: PLR0913 (two data, five options)
    predictions: Column,
    scores: xr.DataArray | pd.Series,
    *,
    reliability: Mapping[str, float] | xr.DataArray | xr.Dataset | None = None,
    trained_on: Any = None,
    dataset: str | None = None,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **sampling: Unpack[Sampling],
) -> xr.Dataset:
    """Judge predictions by measured scores of the same images.

    Parameters
    ----------
    predictions : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any number per image: another predictor's, a human rating. Images that `mf.predict`
        could not read are left out and counted.
    scores : DataArray (image) or pandas.Series
        What was measured, such as hit rates, matched by image name.
    reliability : mapping, Dataset or DataArray, optional
        {"split_half": r} or {"spearman_brown": r} of the scores; what :func:`memfeat.scores.split_half` or
        :func:`memfeat.scores.reliability` gave; or the scores of both halves of the participants in one or more random
        splits, a DataArray (image, half, split), as :func:`memfeat.scores.halves` gives them. Of a Dataset the measure
        called as the scores is taken, or the only one. Adds the relative values.
    trained_on : str, Path, Dataset (image), DataFrame, or a list of these, optional
        What the predictor was trained on: names of data sets ("lamem", "memcat"), image names, an image table, or a
        table in a CSV file, such as the `split.csv` of a head. Known for ResMem.
    dataset : str, optional
        The data set that these images come from. Without it, it is recognised where names and folders reveal it.
    n_bootstraps : int
        How many bootstrap samples of images for the intervals. 0 gives none.
    rng : int or numpy.random.Generator
        Seed of the samples.
    **sampling : optional
        `blocks` and `permute`, see :class:`memfeat.evaluation.Sampling`.

    Returns
    -------
    Dataset (metric)
        `estimate`, `ci_low`, `ci_high` (95 %) and `n` of each metric; the coordinates `unit` and `interval` say what it
        is measured in and how its interval was made:

        - `spearman` (ties share their mean rank), `pearson`, `r2` (1 − MSE / variance of the scores);
        - `mse`, `rmse` (its root), `mae` (mean absolute error), `bias` (mean of prediction − score);
        - `error_q25`, `error_q50` (the median) … `error_q95`, quantiles of the absolute error, and `share_below_rmse`,
          the share of images whose absolute error is below the RMSE;
        - `minimum` and `score_minimum`, the lowest prediction and score; `floor` and `share_at_floor`, where the
          predictor saturates and the share of images at or below (see Notes);
        - with `reliability`: `spearman_relative`, `pearson_relative`, `r2_relative`, `mse_floor`, and from halves
          `reliability_spearman` and `reliability_pearson`.

        Attributes say what was evaluated, how the floor was found (`floor_rule`), and in `held_out` whether the images
        may have been among those the predictor was trained on.

    Raises
    ------
    KindError
        If predictions or scores are no labelled numbers.
    ArgumentError
        If images differ, a value is missing, there are fewer than three images, or an option has an unknown value.
    UnknownNameError
        If there is no option of that name.

    Warns
    -----
    MemfeatWarning
        If images are recognised as the predictor's training data. Naming the `dataset` says that you know.

    See Also
    --------
    memfeat.evaluation.compare : Tells whether one predictor does better than another.
    memfeat.prediction.recalibrate : Brings predictions onto the scale of the scores.

    Notes
    -----
    A correlation judges the order and an error the values. ResMem keeps its order on new image sets better than its
    values, so report both.

    The floor is what the predictor declares (ResMem: .42). Without a declared one it is the lowest prediction plus 1 %
    of the range of predictions, because a network that saturates softly gives values that are close together and not
    equal. A smooth tail leaves one or two images there; many more mean a floor.

    Intervals are over images, with predictions held fixed. They say how well these predictions are measured. A
    reliability that is a number, named or found by split halves, is held fixed as well; halves are drawn again together
    with the images.

    Correlations, `r2`, `mse`, `rmse` and `mae` have BCa bootstrap intervals; the mean error a t interval.
    Bootstraps are wrong for high quantiles of few images and for `share_below_rmse`, so quantiles have intervals from
    order statistics, NaN on a side about which so few images say nothing (percentile bootstrap where groups are drawn
    as a whole), and the share one by the delta method. Shares at a floor have Wilson's;
    lowest values and `mse_floor` have none.

    From halves, r_SB is the mean over splits of their correlation r, stepped up as 2r / (1 + r): rank correlations for
    `spearman_relative`, Pearson's for all else. Correlations relative to reliability are divided by √r_SB, R² by r_SB;
    `mse_floor` is (1 − r_SB) · var(scores), the error of a perfect predictor. These are approximations of classical
    test theory, and may exceed 1.

    References
    ----------
    Efron B (1987). Better bootstrap confidence intervals. Journal of the American Statistical Association 82:171-185.

    Examples
    --------
    >>> import pandas as pd
    >>> names = [f"{i}.jpg" for i in range(5)]
    >>> measured = pd.Series([0.5, 0.6, 0.7, 0.8, 0.9], names)
    >>> result = evaluate(measured - 0.1, measured, n_bootstraps=0)
    >>> result["estimate"].sel(metric=["spearman", "rmse", "bias"]).values.round(6)
    array([ 1. ,  0.1, -0.1])
    """
    given = pair(predictions, scores)
    read = _reliability(reliability, given)
    known = None if read is None else read.value
    told = said_of(given.images, given.facts, trained_on=trained_on, dataset=dataset, scores=scores)
    samples = draws(given.images, n_bootstraps, rng, sampling)
    rows = _agreement(given.prediction, given.score, samples)
    if isinstance(known, float):
        rows |= _relative(rows, known, float(given.score.var()))
    elif known is not None:
        rows |= _estimated(relative_measures(known), given.prediction, given.score, samples)
        # a bootstrap interval of it is too narrow with a hundred images
        rows["mse_floor"] = (rows["mse_floor"][0], NAN, NAN)
    floor = floor_of(given.prediction, given.facts)
    rows |= _floor(given, {"": floor.value, "_found": found_in(given.prediction)}, samples)
    result = xr.Dataset(
        {name: (METRIC, np.array(values)) for name, values in zip(PARTS, zip(*rows.values(), strict=True), strict=True)}
    ).assign(n=(METRIC, np.full(len(rows), len(given.score))))
    how = _intervals(rows, samples)
    result = result.assign_coords(_described(rows) | {"interval": (METRIC, np.array(how, dtype=object))})
    return stamped(
        result,
        given.facts,
        **(given.called | told),
        floor_rule=floor.rule,
        reliability=read.recorded if read is not None and isinstance(known, float) else None,
        n_splits=None if isinstance(known, float) or known is None else len(known),
        **about(samples),
    )


def by_category(
    predictions: Column,
    scores: xr.DataArray | pd.Series,
    categories: xr.DataArray | pd.Series,
    *,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **sampling: Unpack[Sampling],
) -> xr.Dataset:
    """Judge predictions by measured scores, in each category of images.

    Parameters
    ----------
    predictions : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any number per image.
    scores : DataArray (image) or pandas.Series
        What was measured, matched by image name.
    categories : DataArray (image) or pandas.Series
        The category of each image: a column of the image table.
    n_bootstraps : int
        How many bootstrap samples of the images of each category. 0 gives no intervals.
    rng : int or numpy.random.Generator
        Seed of the samples.
    **sampling : optional
        `blocks` and `permute`, see :class:`memfeat.evaluation.Sampling`.

    Returns
    -------
    Dataset (category, metric)
        `estimate`, `ci_low`, `ci_high` (95 %) of the metrics of :func:`evaluate` that need no floor and no reliability;
        `n (category)`. Categories are in the order of their names; those with fewer than three images have no estimate,
        and correlations are NaN where predictions or scores do not vary.

    Raises
    ------
    KindError
        If predictions, scores or categories are not labelled.
    ArgumentError
        If images differ, a value is missing, or an option has an unknown value.

    Notes
    -----
    Correlations over all images contain differences between categories, which a predictor may know without knowing
    anything about images of one category; those within categories do not. Small categories have wide intervals: do not
    rank categories by estimates whose intervals overlap.
    """
    given = pair(predictions, scores)
    names, number = labels(_of_kept(categories, given), given.images)
    samples = draws(given.images, n_bootstraps, rng, sampling)
    table = np.full((len(names), len(MEASURES), len(PARTS)), np.nan)
    n = np.bincount(number, minlength=len(names))
    for k in np.flatnonzero(n >= 3):
        kept = number == k
        found = _agreement(given.prediction[kept], given.score[kept], samples.of(kept))
        table[k] = list(found.values())
    result = xr.Dataset(
        {part: ((CATEGORY, METRIC), table[..., i]) for i, part in enumerate(PARTS)} | {"n": (CATEGORY, n)},
        {CATEGORY: names},
    )
    how = np.array(_intervals(MEASURES, samples), dtype=object)
    result = result.assign_coords(_described(MEASURES) | {"interval": (METRIC, how)})
    called = given.called | {"categories": str(getattr(categories, "name", None) or CATEGORY)}
    return stamped(result, given.facts, **called, **about(samples))


def labels(categories: Any, images: xr.DataArray) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.int64]]:
    """Give categories numbers in the order of their names.

    Parameters
    ----------
    categories : DataArray (image) or pandas.Series
        One label per image.
    images : DataArray (image)
        Gives the order of images.

    Returns
    -------
    array (category,) of str
        Names.
    array (n,) of int
        The category of each image.
    """
    number = stats.grouping(categories, to=images, argument="categories").values
    if isinstance(categories, pd.Series):
        said = categories.to_numpy(dtype=object)
        where = [str(name) for name in categories.index]
    else:
        said, where = categories.values, [str(name) for name in categories[IMAGE].values]
    label = dict(zip(where, said, strict=True))
    first = np.unique(number, return_index=True)[1]
    names = [str(label[str(images.values[i])]) for i in first]
    return np.array(names, dtype=object), number


def about(samples: Draws) -> dict[str, Any]:
    """Say how intervals came about.

    Parameters
    ----------
    samples : Draws
        Bootstrap samples.

    Returns
    -------
    dict
        Attributes.
    """
    resampled = f"95 %, resampling {samples.unit()} with predictions held fixed"
    return {"resampling": resampled if samples.n_bootstraps else "none", **samples.recorded}


def _reliability(reliability: Any, given: Pair) -> Reliability | None:
    """Read the reliability of the scores, from halves of the images that are there."""
    if reliability is None:
        return None
    name = given.called["scores"]
    read = reliabilities(_of_kept(reliability, given), [name], given.images, several=False, reference="predictions")
    return read[name]


def _of_kept(data: Any, given: Pair) -> Any:
    """Leave out what is said of images that could not be read, and of none else."""
    labelled = isinstance(data, xr.DataArray | xr.Dataset) and IMAGE in data.coords
    if not given.called["n_left_out"] or not (labelled or isinstance(data, pd.Series)):
        return data
    kept = set(map(str, given.images.values))
    named = data.index if isinstance(data, pd.Series) else data[IMAGE].values
    there = np.array([str(name) in kept for name in named])
    return data[there] if isinstance(data, pd.Series) else data.isel({IMAGE: there})


def _agreement(prediction: Array, score: Array, samples: Draws) -> dict[str, Interval]:
    """Compute every measure with its interval."""
    found = _estimated(MEASURES, prediction, score, samples)
    if samples.n_bootstraps:
        found |= {name: (found[name][0], *limits) for name, limits in _by_formula(prediction - score, samples).items()}
    return found


def _estimated(measures: Mapping[str, Measure], prediction: Array, score: Array, samples: Draws) -> dict[str, Interval]:
    """Compute measures with intervals from bootstrap samples."""
    everything = measured(measures, prediction, score, [np.ones((1, len(score)), dtype=np.int64)])
    estimates = {name: float(values[0]) for name, values in everything.items()}
    if not samples.n_bootstraps:
        return {name: (value, NAN, NAN) for name, value in estimates.items()}
    drawn = measured(measures, prediction, score, samples.samples())
    smooth = {name: measure for name, measure in measures.items() if measure.smooth}
    left_out = measured(smooth, prediction, score, samples.without())
    limits = {name: accelerated(estimates[name], drawn[name], left_out[name]) for name in smooth}
    for name in drawn.keys() - limits.keys():
        low, high = stats.interval(drawn[name])
        limits[name] = (float(low), float(high))
    return {name: (value, *limits[name]) for name, value in estimates.items()}


def _by_formula(error: Array, samples: Draws) -> dict[str, tuple[float, float]]:
    """Give the intervals that are better than those of a bootstrap, where there is a formula."""
    whole = samples.scheme["permute"] == "whole"
    cluster = samples.scheme["blocks"] if whole else np.arange(len(error))
    found = {
        "bias": clustered_mean(error, cluster)[1:],
        "share_below_rmse": share_below_root_mean_square(error, cluster),
    }
    if not whole:
        found |= {f"error_q{round(100 * share)}": order_quantile(np.abs(error), share) for share in QUANTILES}
    return found


def _relative(rows: Mapping[str, Interval], known: float, variance: float) -> dict[str, Interval]:
    """Relate metrics, and their limits, to what scores of this reliability allow."""
    table = xr.Dataset(
        {
            name: ("part", np.array(rows[key]))
            for name, key in {"estimate": "spearman", "pearson": "pearson", "r2": "r2", "mse": "mse"}.items()
        }
    )
    found = relative(table, known, variance)
    values = {RELATIVE[name][0]: tuple(map(float, part.values)) for name, part in found.items()}
    floor = values["mse_floor"][0]
    return {**values, "mse_floor": (floor, NAN, NAN)}  # type: ignore[dict-item]


def _floor(given: Pair, floors: Mapping[str, float], samples: Draws) -> dict[str, Interval]:
    """Say how low predictions and scores go, and what share of images is at each floor."""
    lowest = {"minimum": given.prediction, "score_minimum": given.score}
    rows = {name: (float(values.min()), NAN, NAN) for name, values in lowest.items()}
    for ending, floor in floors.items():
        rows[f"floor{ending}"] = (floor, NAN, NAN)
        rows[f"share_at_floor{ending}"] = _share(given.prediction <= floor, samples)
    return rows


def _share(at: npt.NDArray[np.bool_], samples: Draws) -> Interval:
    if samples.scheme["permute"] == "whole" and samples.n_bootstraps:
        drawn = np.concatenate([counts @ at / counts.sum(axis=1) for counts in samples.samples()])
        low, high = stats.interval(drawn)
    else:
        low, high = wilson(np.array(at.sum()), np.array(at.size))
    return float(at.mean()), float(low), float(high)


def _intervals(rows: Iterable[str], samples: Draws) -> list[str]:
    """Say how each row got its interval."""
    whole = samples.scheme["permute"] == "whole"
    said = {name: BCA if measure.smooth else PERCENTILE if whole else ORDER for name, measure in MEASURES.items()}
    said |= {"bias": T, "share_below_rmse": DELTA}
    said |= dict.fromkeys(("spearman_relative", "pearson_relative", "r2_relative", *BY_HALVES), BCA)
    shares = ("share_at_floor", "share_at_floor_found")
    said |= dict.fromkeys(shares, PERCENTILE if whole else WILSON)
    if not samples.n_bootstraps:
        said = {} if whole else dict.fromkeys(shares, WILSON)
    return [said.get(name, NONE) for name in rows]


def _described(rows: Iterable[str]) -> dict[str, Any]:
    unit = {name: measure.unit for name, measure in MEASURES.items()} | dict(RELATIVE.values()) | FLOOR
    unit |= dict.fromkeys(BY_HALVES, "1")
    names = list(rows)
    return {
        METRIC: np.array(names, dtype=object),
        "unit": (METRIC, np.array([unit[name] for name in names], dtype=object)),
    }
