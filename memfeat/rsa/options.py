"""What a comparison may be told besides its data, checked."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import stats
from memfeat._check import advice, known_options, listed, one_of
from memfeat._labels import IMAGE, image_names
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.samples import RESAMPLES
from memfeat.rsa.similarity import COMPARISONS, Method, kernel_of
from memfeat.rsa.whitening import Noise, noise_of

__all__ = ["INTERVALS", "WHITENING", "Options", "Plan", "chosen", "kernel_for", "whitening_allowed"]

Array = npt.NDArray[Any]
#: What is resampled -> the intervals there are, the default first.
INTERVALS = {"images": ("percentile", "bca", "jackknife"), "rdms": ("t", "percentile", "bca"), "both": ("t",)}
#: Methods with an interval of their own, "jackknife": the cosine is larger for few images than for many, and bootstrap
#: samples, whose copies count as images with noise of their own, spread more than other images do.
WHITENING = ("whitened_pearson", "whitened_cosine")
#: Percentiles of fewer participants cover too seldom: 5 of them, 83 % of the time.
ENOUGH_PARTICIPANTS = 20
#: Metrics of RDMs whose noise covariance is known.
SQUARED = ("sqeuclidean", "sqmahalanobis", "crossnobis")


class Options(stats.Exchange, total=False):
    """Options of :func:`memfeat.rsa.compare`, besides those of :class:`memfeat.stats.Exchange`.

    `resample` : "images" (default), "rdms" or "both", what results are to hold for others of.
    `interval` : "percentile", "bca" or "jackknife" (images), "t" (both), "t", "percentile" or "bca" (rdms).
    `test` : "t" (default), "wilcoxon" or "signs", across participants.
    `reliability` : what a reference made of scores could reach at most.
    `noise_interval` : bool, whether noise bounds get intervals too (default True).
    `noise_cov` : DataArray (image) or (image, image_2), noise of the images for whitened methods.
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    resample: Literal["images", "rdms", "both"]
    interval: Literal["percentile", "bca", "jackknife", "t"]
    test: Literal["t", "wilcoxon", "signs"]
    reliability: Mapping[str, float] | xr.Dataset
    noise_interval: bool
    noise_cov: xr.DataArray
    progress: bool | None


class Plan(NamedTuple):
    """Options, checked as far as they can be without the data."""

    exchange: stats.Exchange
    resample: str
    interval: str
    test: str
    reliability: Any
    noise_interval: bool
    noise_cov: xr.DataArray | None
    progress: bool | None


def chosen(options: Mapping[str, Any], method: str, *, known: type = Options) -> Plan:
    """Check options, and fill in defaults.

    Parameters
    ----------
    options : mapping
        What the user gave.
    method : str
        How RDMs are compared, which may ask for an interval of its own.
    known : TypedDict
        Which there are.

    Returns
    -------
    Plan
        All of them.

    Raises
    ------
    UnknownNameError
        If there is no such option.
    ArgumentError
        If there is no such choice, or an interval or groups do not go with what is resampled.
    """
    known_options(options, known)
    given = {name: value for name, value in options.items() if value is not None}
    exchange: Any = {name: given.pop(name) for name in stats.Exchange.__annotations__ if name in given}
    resample = one_of("resample", given.get("resample", "images"), RESAMPLES)
    usual = "jackknife" if method in WHITENING and resample == "images" else INTERVALS[resample][0]
    interval = given.get("interval", usual)
    if interval not in INTERVALS[resample]:
        rule = f"be one of {', '.join(map(repr, INTERVALS[resample]))} with resample={resample!r}"
        raise ArgumentError(advice("interval", rule, interval))
    if resample == "rdms" and exchange.get("blocks") is not None:
        remedy = "Participants are drawn, not images: use resample='images' or 'both'."
        raise ArgumentError(advice("blocks", "be left out with resample='rdms'", listed("groups of images"), remedy))
    test = one_of("test", given.get("test", "t"), stats.TESTS)
    if "test" in given and resample != "rdms":
        raise ArgumentError(advice("test", "be left out unless resample='rdms'", test, "It is across participants."))
    rest = (given.get(name) for name in ("reliability", "noise_interval", "noise_cov", "progress"))
    reliability, noisy, covariance, progress = rest
    return Plan(exchange, resample, interval, test, reliability, noisy is not False, covariance, progress)


def whitening_allowed(method: str, rdms: xr.Dataset, ref: xr.Dataset) -> None:
    """Check that whitened methods meet squared distances only.

    Parameters
    ----------
    method : str
        How RDMs are compared.
    rdms, ref : Dataset
        RDMs; their attribute `metric` says what they are.

    Raises
    ------
    ArgumentError
        If they are of another metric, or do not say.
    """
    if method not in WHITENING:
        return
    for argument, given in (("rdms", rdms), ("ref", ref)):
        metric = given.attrs.get("metric")
        if metric not in SQUARED:
            found = listed(f"metric {metric!r}" if metric else "RDMs that do not say their metric")
            remedy = (
                f"Use method={method.removeprefix('whitened_')!r}, or mf.rdm.compute(features, metric='sqeuclidean'), "
                "or say what they are: mf.rdm.read(..., metric='crossnobis')."
            )
            rule = f"hold squared Euclidean, squared Mahalanobis or crossnobis distances for method={method!r}"
            raise ArgumentError(advice(argument, rule, found, remedy))


def kernel_for(method: str, covariance: xr.DataArray | None, names: Array, n_bootstraps: int) -> Method:
    """Choose how RDMs are compared.

    Parameters
    ----------
    method : str
        The user's choice.
    covariance : DataArray, optional
        Of the images' noise.
    names : array (n,) of str
        The images, sorted.
    n_bootstraps : int
        Whether images are resampled.

    Returns
    -------
    Method
        The way.

    Raises
    ------
    ArgumentError
        If there is no such method, the covariance does not go with it, or it cannot be resampled.
    """
    one_of("method", method, COMPARISONS)
    if covariance is None:
        return kernel_of(method)
    if method not in WHITENING:
        remedy = "Use method='whitened_pearson' or 'whitened_cosine'."
        raise ArgumentError(advice("noise_cov", "be left out", listed(f"it with method={method!r}"), remedy))
    noise = _noise(covariance, names)
    if n_bootstraps and not len(noise.precision):
        remedy = "Use n_bootstraps=0, or pass the variances alone: a DataArray (image)."
        found = listed("covariances between images")
        raise ArgumentError(advice("noise_cov", "be diagonal for a bootstrap over images", found, remedy))
    return kernel_of(method, noise)


def _noise(covariance: xr.DataArray, names: Array) -> Noise:
    """Match a covariance by image name."""
    if not isinstance(covariance, xr.DataArray):
        remedy = "Pass variances (image) or a matrix (image, image_2) with image names."
        raise KindError(advice("noise_cov", "be a DataArray", listed(type(covariance).__name__), remedy))
    given = image_names(covariance, "noise_cov").astype(str)
    other = f"{IMAGE}_2"
    if sorted(given) != list(names) or set(covariance.dims) - {IMAGE, other}:
        found = listed(f"dims {tuple(map(str, covariance.dims))} of {len(given)} images")
        raise ArgumentError(advice("noise_cov", f"hold the images of the RDMs along 'image' (and {other!r})", found))
    order = np.argsort(given, kind="stable")
    values = covariance.transpose(IMAGE, ...).values.astype(np.float64)[order]
    if values.ndim == 2:
        columns = covariance[other].values.astype(str) if other in covariance.coords else given
        if sorted(columns) != list(names):
            raise ArgumentError(advice("noise_cov", f"hold the same images along {other!r}", listed.of(columns)))
        values = values[:, np.argsort(columns, kind="stable")]
    try:
        if not np.isfinite(values).all() or (values.ndim == 1 and (values <= 0).any()):
            raise np.linalg.LinAlgError
        return noise_of(values)
    except np.linalg.LinAlgError:
        remedy = "Shrink it towards its diagonal, or pass variances above 0."
        raise ArgumentError(advice("noise_cov", "be positive definite", listed("one that is not"), remedy)) from None
