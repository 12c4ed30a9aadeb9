"""Options of a dissimilarity: which belongs to which, and what they mean for one layer."""

from collections.abc import Mapping
from math import prod
from numbers import Real
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, known_options, listed, one_of
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.rdm.noise import SHRINKAGES
from memfeat.rdm.plan import Noise

__all__ = ["Options", "checked", "for_layer", "recorded"]

Labelled = xr.Dataset | xr.DataArray | Mapping[str, Any] | npt.NDArray[Any]


class Options(TypedDict, total=False):
    """What some dissimilarities take besides the features.

    `repeat` : str, a dim of repeats or runs. Crossnobis needs it; the others average over it.
    `noise_cov` : for mahalanobis, sqmahalanobis and crossnobis. Variances (p,) or a covariance (p, p) of a layer's
    features, as an array, or one per layer in a Dataset or dict; or "images", "repeats" or "identity".
    `residuals` : for the same. Residuals (sample, features) to estimate the covariance from, as `noise_cov` is given.
    `shrinkage` : for the same, where the covariance is estimated. "schaefer-strimmer" (the default), "ledoit-wolf",
    "diagonal", or a share from 0 to 1 of shrinkage towards the diagonal.
    `prior_lambda`, `prior_weight` : for poisson. Rate of the prior (1), and its weight (0.1), in observations.
    """

    repeat: str
    noise_cov: Labelled | Literal["images", "repeats", "identity"]
    residuals: Labelled
    shrinkage: str | float
    prior_lambda: float
    prior_weight: float


NOISY = ("mahalanobis", "sqmahalanobis", "crossnobis")
#: option -> the metrics that it is for; `repeat` is for all.
TAKEN_BY = {
    "noise_cov": NOISY,
    "residuals": NOISY,
    "shrinkage": NOISY,
    "prior_lambda": ("poisson",),
    "prior_weight": ("poisson",),
}
SOURCES = ("images", "repeats", "identity")


def checked(options: Options, metric: str) -> dict[str, Any]:
    """Check options as far as that needs no layer, and fill in defaults.

    Parameters
    ----------
    options : dict
        What the user gave; those that are None count as not given.
    metric : str
        The dissimilarity; "" for a function of the user's.

    Returns
    -------
    dict
        The options that are meant.

    Raises
    ------
    UnknownNameError
        If there is no such option.
    KindError, ArgumentError
        If an option is for another metric, two say the same, or a value cannot be used.
    """
    known_options(options, Options)
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if metric not in TAKEN_BY.get(name, (metric,)):
            rule = f"be left out unless metric is {' or '.join(map(repr, TAKEN_BY[name]))}"
            raise ArgumentError(advice(name, rule, listed(f"it with metric={metric!r}")))
    if "repeat" in given and not isinstance(given["repeat"], str):
        raise KindError(advice("repeat", "be the name of a dim", given["repeat"]))
    if metric == "crossnobis" and "repeat" not in given:
        remedy = "Without repeats nothing is unbiased: take metric='sqmahalanobis' or 'sqeuclidean'."
        raise ArgumentError(advice("repeat", "name the dim of repeats or runs for crossnobis", listed("none"), remedy))
    if metric in NOISY:
        _check_noise(given)
    if metric == "poisson":
        given = {"prior_lambda": 1.0, "prior_weight": 0.1} | given
        for name in ("prior_lambda", "prior_weight"):
            _check_number(name, given[name], np.inf)
    return given


def _check_noise(given: dict[str, Any]) -> None:
    """Check what the noise covariance is said to be."""
    source = given.get("noise_cov")
    if source is not None and "residuals" in given:
        raise ArgumentError(advice("residuals", "be left out where noise_cov is given", listed("both")))
    if isinstance(source, str):
        one_of("noise_cov", source, SOURCES)
    if isinstance(source, str) and source == "repeats" and "repeat" not in given:
        raise ArgumentError(advice("repeat", "name the dim of repeats for noise_cov='repeats'", listed("none")))
    shrinkage = given.get("shrinkage")
    if shrinkage is None:
        return
    if source is not None and (not isinstance(source, str) or source == "identity"):
        remedy = "Shrink it first, or pass residuals= to have it estimated."
        raise ArgumentError(advice("shrinkage", "be left out where noise_cov is given", shrinkage, remedy))
    if isinstance(shrinkage, str):
        one_of("shrinkage", shrinkage, SHRINKAGES)
    else:
        _check_number("shrinkage", shrinkage, 1.0)


def _check_number(name: str, value: Any, most: float) -> None:
    """Check that a value is a number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise KindError(advice(name, "be a number", value))
    if not 0 <= float(value) <= most or not np.isfinite(float(value)):
        rule = "be a finite number of at least 0" if np.isinf(most) else f"lie between 0 and {most:g}"
        raise ArgumentError(advice(name, rule, value))


def recorded(options: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """Say in words what the options were, for the attributes.

    Parameters
    ----------
    options : dict
        The options, checked.
    metric : str
        The dissimilarity.

    Returns
    -------
    dict
        Text and numbers.
    """
    facts = {name: options[name] for name in ("repeat", "prior_lambda", "prior_weight") if name in options}
    if metric in NOISY:
        source = _source(options, metric)
        facts["noise_cov"] = source
        if source in ("images", "repeats", "residuals"):
            facts["shrinkage"] = options.get("shrinkage", "schaefer-strimmer")
    return facts


def _source(options: Mapping[str, Any], metric: str) -> str:
    """Say what the noise covariance is, or is estimated from."""
    if "residuals" in options:
        return "residuals"
    given = options.get("noise_cov")
    if given is None:
        return "identity" if metric == "crossnobis" else "repeats" if "repeat" in options else "images"
    return given if isinstance(given, str) else "given"


def for_layer(
    options: Mapping[str, Any], metric: str, layer: xr.DataArray, cell: Mapping[str, int], whole: xr.DataArray
) -> dict[str, Any]:
    """Work out what the options mean for one layer.

    Parameters
    ----------
    options : dict
        The options, checked.
    metric : str
        The dissimilarity.
    layer : DataArray (image, ...)
        The layer, at one place along the dims that have RDMs of their own.
    cell : dict
        That place: dim → position.
    whole : DataArray (image, ...)
        The layer with these dims.

    Returns
    -------
    dict
        Options of a :class:`Plan`.

    Raises
    ------
    KindError, UnknownNameError, ArgumentError
        If a covariance or residuals do not fit the layer, or there are too few repeats.
    """
    plan = {name: options[name] for name in ("repeat", "prior_lambda", "prior_weight") if name in options}
    repeat = plan.get("repeat")
    if repeat is not None and layer.sizes[repeat] < 2 and metric == "crossnobis":
        remedy = "With a single repeat take metric='sqmahalanobis' or 'sqeuclidean'."
        raise ArgumentError(advice("repeat", "hold at least 2 repeats for crossnobis", layer.sizes[repeat], remedy))
    if metric in NOISY:
        features = tuple(str(dim) for dim in layer.dims if dim not in (IMAGE, repeat))
        source = _source(options, metric)
        if source == "repeats" and layer.sizes[repeat] < 2:
            raise ArgumentError(advice("repeat", "hold at least 2 repeats to estimate noise", layer.sizes[repeat]))
        shrinkage = options.get("shrinkage", "schaefer-strimmer")
        name = {"residuals": "residuals", "given": "noise_cov"}.get(source)
        given = None if name is None else _placed(options[name], name, layer, cell, whole)
        reader = {"residuals": _residuals, "given": _covariance}.get(source)
        plan["noise"] = Noise(source, None, shrinkage) if reader is None else reader(given, layer, features, shrinkage)
    return plan


def _placed(given: Any, argument: str, layer: xr.DataArray, cell: Mapping[str, int], whole: xr.DataArray) -> Any:
    """Take from what the user gave what is meant for this layer and place."""
    if isinstance(given, xr.Dataset | Mapping):
        names = [str(name) for name in (given.data_vars if isinstance(given, xr.Dataset) else given)]
        if str(layer.name) not in names:
            rule = f"hold every layer, also {str(layer.name)!r}"
            raise UnknownNameError(advice(argument, rule, listed.of(names)))
        given = given[str(layer.name)]
    if not isinstance(given, xr.DataArray):
        return given
    for dim, position in cell.items():
        if dim not in given.dims:
            continue
        if dim in given.coords and dim in whole.coords:
            label = whole[dim].values[position]
            places = np.flatnonzero(given[dim].values == label)
            if len(places) != 1:
                raise ArgumentError(advice(argument, f"hold {dim} {label!r} once", listed(f"it {len(places)} times")))
            given = given.isel({dim: int(places[0])})
        else:
            given = given.isel({dim: position})
    return given


def _residuals(given: Any, layer: xr.DataArray, features: tuple[str, ...], shrinkage: str | float) -> Noise:
    """Lay residuals out as samples by features."""
    count = prod(layer.sizes[dim] for dim in features)
    if isinstance(given, xr.DataArray):
        _check_same_dims(given, layer, features, "residuals")
        given = given.transpose(..., *features).values.reshape(-1, count)
    rows = np.asarray(given)
    argument = f"residuals of layer {str(layer.name)!r}"
    if rows.dtype.kind not in "iufb":
        raise KindError(advice(argument, "hold real numbers", listed(f"dtype {rows.dtype}")))
    if rows.ndim != 2 or rows.shape[1] != count or len(rows) < 3:
        rule = f"have at least 3 rows, one per sample, of {count} features"
        raise ArgumentError(advice(argument, rule, listed(f"shape {rows.shape}")))
    if not np.isfinite(rows).all():
        raise ArgumentError(advice(argument, "be finite", listed("NaN or infinity"), "Drop those samples."))
    return Noise("residuals", rows, shrinkage)


def _covariance(given: Any, layer: xr.DataArray, features: tuple[str, ...], shrinkage: str | float) -> Noise:
    """Read variances or a covariance."""
    count = prod(layer.sizes[dim] for dim in features)
    if isinstance(given, xr.DataArray) and set(features) <= set(given.dims):
        _check_same_dims(given, layer, features, "noise_cov")
        given = given.transpose(*features, ...)
    values = np.asarray(given.values if isinstance(given, xr.DataArray) else given)
    if values.dtype.kind not in "iuf":
        raise KindError(advice("noise_cov", "hold real numbers", listed(f"dtype {values.dtype}")))
    argument = f"noise_cov of layer {str(layer.name)!r}"
    if values.size == count:
        flat = values.reshape(-1).astype(np.float64)
        if not (np.isfinite(flat) & (flat >= 0)).all():
            raise ArgumentError(advice(argument, "hold variances of at least 0", listed("negative ones or NaN")))
        return Noise("variances", flat)
    if values.size != count**2:
        rule = f"hold {count} variances or {count} × {count} covariances"
        raise ArgumentError(advice(argument, rule, listed(f"shape {values.shape}")))
    square = values.reshape(count, count).astype(np.float64)
    if not np.isfinite(square).all() or np.abs(square - square.T).max() > 1e-8 * np.abs(square).max():
        raise ArgumentError(advice(argument, "be finite and symmetric", listed("another matrix")))
    return Noise("covariance", (square + square.T) / 2)


def _check_same_dims(given: xr.DataArray, layer: xr.DataArray, features: tuple[str, ...], argument: str) -> None:
    """Refuse features that are not those of the layer."""
    wanted = {dim: layer.sizes[dim] for dim in features}
    found = {dim: given.sizes.get(dim) for dim in features}
    if found != wanted:
        raise ArgumentError(advice(argument, f"have the feature dims of the layer, {wanted}", found))
    for dim in features:
        labels = [data[dim].values for data in (given, layer) if dim in data.coords]
        if len(labels) == 2 and not np.array_equal(labels[0], labels[1]):
            raise ArgumentError(advice(argument, f"have the labels of {dim!r} that the layer has", listed("others")))
