"""One layer of two networks: each measure with its bootstrap values, or why it is not defined."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import gram
from memfeat._pairs import upper
from memfeat.drift.decodability import STATISTICS
from memfeat.drift.unitwise import correlations
from memfeat.errors import ArgumentError
from memfeat.rdm.distances import METRICS
from memfeat.reduction.alignment import cka
from memfeat.regression.ridge import out_of_fold
from memfeat.rsa.similarity import METHODS

__all__ = ["MEASURES", "QUANTILES", "Layer", "Plan", "measured"]

Array = npt.NDArray[Any]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Plan(NamedTuple):
    """What all layers share, images in the order of their names."""

    metric: str
    method: str
    statistic: str
    fold: Array  # (n,); empty without scores
    scores: Array  # (n,); empty without scores
    counts: Array  # (draw, n); no row without intervals
    drawn: dict[str, int]
    """How many units a sample draws, and in how many groups."""


class Layer(NamedTuple):
    """One layer."""

    estimate: dict[str, float]
    draws: dict[str, Array]
    """Bootstrap values (draw,) of each measure; a measure without an interval has none."""
    quantiles: Array
    """Of the units' correlations."""
    constant: float
    n_units: int
    decoded: Array
    """How well each network's layer predicts the scores (2,)."""
    undefined: dict[str, str]
    """Why a measure is NaN."""


class _Read(NamedTuple):
    """A layer of both networks, and what was made of it once."""

    layers: tuple[xr.DataArray, xr.DataArray]
    grams: tuple[Array, Array]  # centred features, (n, n) each
    units: Array  # (p,)
    plan: Plan


class _Found(NamedTuple):
    """A measure: its value, its bootstrap values, why it is NaN, and its value in each network if it has one."""

    estimate: float
    draws: Array
    undefined: str = ""
    each: tuple[float, float] = (np.nan, np.nan)


def measured(first: xr.DataArray, second: xr.DataArray, plan: Plan) -> Layer:
    """Take every measure of one layer.

    Parameters
    ----------
    first, second : DataArray (image, ...)
        The layer of both networks, images in the order of their names.
    plan : Plan
        What all layers share.

    Returns
    -------
    Layer
        What was found.

    Raises
    ------
    ArgumentError
        If the units are not the same, or a value is NaN or infinite.
    """
    # the units come first: their errors say which network it is
    units = correlations(first, second)
    grams = (gram.linear(first, centre="features"), gram.linear(second, centre="features"))
    read = _Read((first, second), grams, units, plan)
    found = {name: measure(read) for name, measure in MEASURES.items() if name != "decodability" or len(plan.scores)}
    known = units[np.isfinite(units)]
    return Layer(
        {name: one.estimate for name, one in found.items()},
        {name: one.draws for name, one in found.items()},
        np.quantile(known, QUANTILES) if len(known) else np.full(len(QUANTILES), np.nan),
        1 - len(known) / len(units),
        len(units),
        np.array(found["decodability"].each if "decodability" in found else (np.nan, np.nan)),
        {name: one.undefined for name, one in found.items() if one.undefined},
    )


def _none(plan: Plan, why: str) -> _Found:
    return _Found(np.nan, np.full(len(plan.counts), np.nan), why)


def _cka(read: _Read) -> _Found:
    if _flat(read.grams):
        return _none(read.plan, "all images have the same features in one of the networks")
    whole = np.ones((1, len(read.grams[0])))
    estimate = float(cka(*read.grams, whole)[0])
    why = "" if np.isfinite(estimate) else "images differ too little, for what units they differ in, to tell"
    return _Found(estimate, cka(*read.grams, read.plan.counts), why)


def _rdm(read: _Read) -> _Found:
    kernel, metric = METHODS[read.plan.method], METRICS[read.plan.metric]
    try:
        # the features are finite by now: what is refused is what the metric is not defined for
        vectors = [upper(metric(layer)) for layer in read.layers]
    except ArgumentError as error:
        return _none(read.plan, str(error))
    scaled = [kernel.scaled(vector) for vector in vectors]
    estimate = float(scaled[0] @ scaled[1])
    if not np.isfinite(estimate):
        return _none(read.plan, "all pairs of images are equally dissimilar in one of the networks")
    counts = read.plan.counts
    draws = kernel.resampled(vectors[0][None], vectors[1], counts)[0] if len(counts) else np.empty(0)
    return _Found(estimate, draws)


def _units(read: _Read) -> _Found:
    known = read.units[np.isfinite(read.units)]
    if not len(known):
        return _none(read.plan._replace(counts=np.empty((0, 0))), "every unit is constant in one of the networks")
    return _Found(float(np.median(known)), np.empty(0))


def _decodability(read: _Read) -> _Found:
    plan = read.plan
    if _flat(read.grams):
        return _none(plan, "all images have the same features in one of the networks")
    statistic, target = STATISTICS[plan.statistic], plan.scores[:, None]
    predictions = [out_of_fold(products, target, plan.fold)[0] for products in read.grams]
    first, second = (float(statistic.observed(prediction, target)[0]) for prediction in predictions)
    draws = [statistic.resampled(prediction[:, 0], plan.scores, plan.counts) for prediction in predictions]
    return _Found(second - first, draws[1] - draws[0], each=(first, second))


#: name -> what takes it; the last only where there are scores
MEASURES: dict[str, Callable[[_Read], _Found]] = {
    "cka": _cka,
    "rdm": _rdm,
    "units": _units,
    "decodability": _decodability,
}


def _flat(grams: tuple[Array, Array]) -> bool:
    """Say whether all images are alike in one of two layers; rounding leaves the same small number everywhere."""
    return any(np.trace(products) - products.mean() * len(products) <= 1e-9 * np.trace(products) for products in grams)
