"""Predictions brought onto the scale of one's own scores, without an image ever judging itself."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from sklearn.isotonic import IsotonicRegression

from memfeat import guards
from memfeat._check import advice, count, generator, listed, one_of
from memfeat._labels import IMAGE, as_scores, in_name_order, matched, stamped
from memfeat.errors import ArgumentError
from memfeat.stats import grouping

__all__ = ["METHODS", "recalibrate", "rescale"]

Array = npt.NDArray[np.float64]
KNOT = "knot"
HELD_OUT = "held_out"


class _Line(NamedTuple):
    """A function given by points between which it is straight."""

    x: Array  # (knot,) ascending
    y: Array  # (knot,)
    beyond: str  # what happens outside the points: a key of BEYOND


def _linear(prediction: Array, score: Array) -> _Line:
    centred = prediction - prediction.mean()
    slope = float(centred @ score / (centred @ centred)) if np.ptp(prediction) > 0 else 0.0
    ends = np.array([prediction.min(), prediction.max()])
    if ends[0] == ends[1]:
        # any second point does for a flat line
        ends[1] += 1.0
    return _Line(ends, score.mean() + slope * (ends - prediction.mean()), "on")


def _isotonic(prediction: Array, score: Array) -> _Line:
    fitted = IsotonicRegression(increasing=True, out_of_bounds="clip").fit(prediction, score)
    return _Line(np.asarray(fitted.X_thresholds_, float), np.asarray(fitted.y_thresholds_, float), "flat")


#: method → fit of scores on predictions
METHODS: dict[str, Callable[[Array, Array], _Line]] = {"linear": _linear, "isotonic": _isotonic}


def _on(line: _Line, prediction: Array) -> Array:
    slope = (line.y[-1] - line.y[0]) / (line.x[-1] - line.x[0])
    return np.asarray(line.y[0] + slope * (prediction - line.x[0]))


def _flat(line: _Line, prediction: Array) -> Array:
    return np.interp(prediction, line.x, line.y)


#: what happens outside the range of predictions that were fitted → how the line is read
BEYOND: dict[str, Callable[[_Line, Array], Array]] = {"on": _on, "flat": _flat}


def recalibrate(
    predictions: xr.Dataset | xr.DataArray | pd.Series,
    scores: xr.DataArray | pd.Series,
    *,
    method: str = "linear",
    n_folds: int = 10,
    blocks: xr.DataArray | pd.Series | None = None,
    rng: int | np.random.Generator = 0,
) -> xr.Dataset:
    """Bring predictions onto the scale of your own scores, each image by a fit that has not seen it.

    Images are dealt into folds at random, whole blocks together. The predictions of a fold are recalibrated by a fit
    of scores on predictions of the other folds. A fit on all images comes with the result, for new images.

    Parameters
    ----------
    predictions : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any number per image. Images that `mf.predict` could not read are left out.
    scores : DataArray (image) or pandas.Series
        Your hit rates, or any score, matched by image name.
    method : {"linear", "isotonic"}
        A straight line (two numbers to estimate), or any function that never falls (needs some hundred images).
    n_folds : int
        How many folds.
    blocks : DataArray (image) or pandas.Series, optional
        Group of each image (scene, series of edits): a group is held out as a whole.
    rng : int or numpy.random.Generator
        Seed of the folds.

    Returns
    -------
    Dataset (image)
        `recalibrated`, in units of the scores and in the order of the predictions; `fold`, in which the image is held
        out. `knot_prediction` and `knot_score (knot)` are the fit on all images: straight between the knots, and
        outside them as the attribute `beyond` says. `linear` adds `slope` and `intercept (held_out)` of each fold.
        Attributes: method, n_folds, n, n_left_out, beyond, seed.

    Raises
    ------
    KindError
        If predictions or scores are no labelled numbers.
    ArgumentError
        If images differ, a value is missing, there are fewer images (or blocks) than folds, or the method is unknown.

    See Also
    --------
    memfeat.prediction.rescale : Applies the fit to new images.
    memfeat.evaluation.compare : Shows what recalibration gained.

    Notes
    -----
    A line changes no rank correlation within a fold, and predictions no longer lie above or below scores on the whole;
    its slope is that of scores on predictions, so recalibrated values vary less than the scores do. The linear fit may
    leave the range of the scores (a hit rate below 0 or above 1) far from the images it was fitted on. The isotonic fit
    makes ties, and nothing outside the range that it has seen; where predictions and scores are related negatively it
    gives one value to all.

    References
    ----------
    Zadrozny B, Elkan C (2002). Transforming classifier scores into accurate multiclass probability estimates. KDD '02.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> names = [f"{i}.jpg" for i in range(6)]
    >>> predictions = pd.Series(np.linspace(0.5, 1, 6), names)
    >>> recalibrate(predictions, 1.2 * predictions - 0.3, n_folds=3)["recalibrated"].values.round(6)
    array([0.3 , 0.42, 0.54, 0.66, 0.78, 0.9 ])
    """
    fit = METHODS[one_of("method", method, METHODS)]
    readable, measured, groups = _readable(predictions, scores, blocks)
    prediction = _prediction(readable)
    score = matched(as_scores(measured), prediction, argument="scores", reference="predictions")
    given, target = in_name_order(prediction), in_name_order(score)
    random, seed = generator(rng)
    fold = _folds(given, n_folds, random, groups)
    lines = [fit(given.values[fold != k], target.values[fold != k]) for k in range(fold.max() + 1)]
    recalibrated = np.empty(len(given))
    for k, line in enumerate(lines):
        recalibrated[fold == k] = BEYOND[line.beyond](line, given.values[fold == k])
    result = _labelled(given, recalibrated, fold, fit(given.values, target.values))
    if method == "linear":
        result = result.assign(_coefficients(lines))
    facts = {str(key): value for key, value in predictions.attrs.items()}
    known = facts | {str(key): value for key, value in prediction.attrs.items()}
    head = {"head": known["head"]} if "head" in known else {}
    result["recalibrated"].attrs = {
        "long_name": f"recalibrated {given.name}",
        "units": str(score.name),
        **guards.origin(known),
        **head,
    }
    return stamped(
        result.sel({IMAGE: prediction[IMAGE].values}),
        facts,
        method=method,
        recalibrated=str(prediction.name),
        scores=str(score.name),
        beyond="straight on" if lines[0].beyond == "on" else "the value at the nearest knot",
        n_folds=n_folds,
        n=len(given),
        n_left_out=len(predictions[IMAGE]) - len(given) if isinstance(predictions, xr.Dataset) else 0,
        blocks=None if blocks is None else str(getattr(blocks, "name", None) or "groups"),
        seed=seed,
    )


def rescale(predictions: xr.Dataset | xr.DataArray | pd.Series, calibration: xr.Dataset) -> xr.DataArray:
    """Bring predictions of new images onto the scale that `recalibrate` has learned.

    Parameters
    ----------
    predictions : Dataset, DataArray (image) or pandas.Series
        Predictions of the same predictor. Images without a prediction keep NaN.
    calibration : Dataset
        What `recalibrate` gave.

    Returns
    -------
    DataArray (image)
        `recalibrated`, in units of the scores of the calibration. For images that the calibration was fitted on, these
        are values that have seen them; take its own `recalibrated` instead.

    Raises
    ------
    KindError
        If predictions are no labelled numbers.
    ArgumentError
        If `calibration` is not what `recalibrate` gave.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> names = [f"{i}.jpg" for i in range(6)]
    >>> predictions = pd.Series(np.linspace(0.5, 1, 6), names)
    >>> learned = recalibrate(predictions, 1.2 * predictions - 0.3, n_folds=3)
    >>> rescale(pd.Series([0.4, 0.75], ["a.jpg", "b.jpg"]), learned).values.round(6)
    array([0.18, 0.6 ])
    """
    known = isinstance(calibration, xr.Dataset) and {"knot_prediction", "knot_score"} <= set(calibration)
    if not known:
        remedy = "Learn one: mf.prediction.recalibrate(predictions, scores)."
        raise ArgumentError(
            advice("calibration", "be what mf.prediction.recalibrate gave", listed(type(calibration).__name__), remedy)
        )
    prediction = _prediction(predictions, missing=True)
    beyond = "on" if calibration.attrs.get("method") == "linear" else "flat"
    line = _Line(calibration["knot_prediction"].values, calibration["knot_score"].values, beyond)
    values = BEYOND[beyond](line, prediction.values)
    result = xr.DataArray(values, dims=IMAGE, coords={IMAGE: prediction[IMAGE].values}, name="recalibrated")
    keys = ("method", "recalibrated", "scores", "beyond", "n", "seed")
    return stamped(
        result,
        {str(key): value for key, value in predictions.attrs.items()},
        **{key: calibration.attrs.get(key) for key in keys},
    )


def _readable(predictions: Any, *columns: Any) -> tuple[Any, ...]:
    """Leave out images that `mf.predict` could not read, in predictions and in what goes with them."""
    if not isinstance(predictions, xr.Dataset) or "status" not in predictions:
        return predictions, *columns
    read = predictions["status"].values == "ok"
    gone = {str(name) for name in predictions[IMAGE].values[~read]}
    return predictions.isel({IMAGE: read}), *(_without(column, gone) for column in columns)


def _without(column: Any, gone: set[str]) -> Any:
    if gone and isinstance(column, pd.Series):
        return column[[str(name) not in gone for name in column.index]]
    if gone and isinstance(column, xr.DataArray) and IMAGE in column.coords:
        return column.isel({IMAGE: [str(name) not in gone for name in column[IMAGE].values]})
    return column


def _prediction(predictions: Any, *, missing: bool = False) -> xr.DataArray:
    """Find the column of predictions."""
    if isinstance(predictions, xr.Dataset):
        if "memorability" not in predictions:
            remedy = 'Pass one column: predictions["vitmem"].'
            raise ArgumentError(advice("predictions", "hold memorability", listed.of(predictions.data_vars), remedy))
        predictions = predictions["memorability"]
    if not missing:
        return as_scores(predictions, "predictions")
    gaps = predictions.isnull() if isinstance(predictions, xr.DataArray) else pd.isna(predictions)
    filled: xr.DataArray = as_scores(predictions.fillna(0.0), "predictions")
    return filled.copy(data=np.where(np.asarray(gaps), np.nan, filled.values))


def _folds(
    images: xr.DataArray, n_folds: int, random: np.random.Generator, blocks: xr.DataArray | pd.Series | None
) -> npt.NDArray[np.int64]:
    """Deal images, or whole blocks, into folds."""
    count("n_folds", n_folds, least=2)
    group = np.arange(len(images)) if blocks is None else grouping(blocks, to=images).values
    what = "images" if blocks is None else "blocks"
    n_groups = int(group.max()) + 1 if len(group) else 0
    if n_groups < max(n_folds, 4):
        remedy = f"Take n_folds={n_groups}, or more {what}." if n_groups >= 4 else f"Take at least 4 {what}."
        raise ArgumentError(advice("n_folds", f"be at most the number of {what} ({n_groups})", n_folds, remedy))
    return random.permutation(np.arange(n_groups, dtype=np.int64) % n_folds)[group]


def _labelled(given: xr.DataArray, recalibrated: Array, fold: npt.NDArray[np.int64], line: _Line) -> xr.Dataset:
    variables: dict[str, Any] = {
        "recalibrated": (IMAGE, recalibrated),
        "fold": (IMAGE, fold),
        "knot_prediction": (KNOT, line.x),
        "knot_score": (KNOT, line.y),
    }
    return xr.Dataset(variables, {IMAGE: given[IMAGE].values})


def _coefficients(lines: list[_Line]) -> dict[str, Any]:
    slope = np.array([(line.y[1] - line.y[0]) / (line.x[1] - line.x[0]) for line in lines])
    intercept = np.array([line.y[0] for line in lines]) - slope * np.array([line.x[0] for line in lines])
    return {"slope": (HELD_OUT, slope), "intercept": (HELD_OUT, intercept)}
