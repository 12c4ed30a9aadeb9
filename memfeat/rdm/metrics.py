"""One layer, one RDM: the kernels of every dissimilarity, each of which writes the condensed form into an array."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg.blas import dsyr2k
from scipy.spatial.distance import pdist

from memfeat import _blocks, gram
from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError, KindError
from memfeat.rdm import noise
from memfeat.rdm.plan import Plan

__all__ = ["KERNELS", "Metric", "own"]

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Metric = Callable[[Array, Array], npt.ArrayLike]
#: Squared distances below this share of ‖a‖² + ‖b‖² have lost digits in the Gram matrix and are computed directly.
CLOSE = 1e-6
#: Bytes of features that stay near the processor while all pairs of images are gone through.
NEAR_BYTES = 2**21
#: How far from symmetric, as a share of the largest value, rounding may leave a dissimilarity of the user's own.
ROUNDING = 1e-8


def own(function: Metric, layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """Ask a function of the user's for the dissimilarities, one block of images against another at a time.

    Parameters
    ----------
    function : callable
        Takes two blocks of images (k, p) and (l, p), float64, and gives their dissimilarities (k, l).
    layer : DataArray (image, ...)
        One layer.
    out : array (pair,)
        Is filled.
    plan : Plan
        What all layers share.

    Raises
    ------
    KindError, ArgumentError
        If what it gives are no finite numbers of that shape, or images are not at zero from themselves, or the order
        of two images matters.
    """
    flat = _repeats_averaged(layer, plan)
    order = gram.name_order(flat)
    n, width = len(order), flat.size // len(order)
    step = max(1, min(n, plan.memory // 2 // (8 * width)))
    products = np.zeros((n, n))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        one = _images(flat, order[rows])
        for other in range(start, n, step):
            columns = slice(other, other + step)
            two = one if other == start else _images(flat, order[columns])
            products[rows, columns] = _asked(function, one, two, same=other == start)
        plan.tick(round(width * len(one) / n))
    for _, where, row in gram.Triangle(products, order).rows():
        out[where] = row


def _images(layer: xr.DataArray, positions: npt.NDArray[np.intp]) -> Array:
    """Read some images with all their features."""
    some = layer.isel({IMAGE: positions})
    # the reader of blocks refuses what is not finite, by name
    return np.concatenate([np.asarray(block, dtype=np.float64) for block in _blocks.checked(some)], axis=1)


def _asked(function: Metric, one: Array, two: Array, *, same: bool) -> Array:
    """Ask for one block, and look at what came."""
    values = np.asarray(function(one, two))
    if values.dtype.kind not in "iufb":
        raise KindError(advice("metric", "give real numbers", listed(f"dtype {values.dtype}")))
    shape = (len(one), len(two))
    if values.shape != shape:
        remedy = (
            "It takes two blocks of images by features, as scipy's cdist does: "
            "metric=lambda a, b: cdist(a, b, 'canberra'). cdist also takes a function of two vectors."
        )
        raise ArgumentError(advice("metric", f"give an array of shape {shape}", listed(f"{values.shape}"), remedy))
    if not np.isfinite(values).all():
        raise ArgumentError(advice("metric", "give finite numbers", listed("NaN or infinity")))
    if same:
        _check_dissimilar(values.astype(np.float64))
    return values.astype(np.float64)


def _check_dissimilar(values: Array) -> None:
    """Refuse what is no dissimilarity of images among themselves."""
    limit = ROUNDING * np.abs(values).max()
    if (np.abs(np.diagonal(values)) > limit).any():
        found = listed(f"{float(np.abs(np.diagonal(values)).max())!r}")
        remedy = "If it is a similarity, turn it round: largest value less similarity."
        raise ArgumentError(advice("metric", "put an image at 0 from itself", found, remedy))
    if (np.abs(values - values.T) > limit).any():
        found = listed(f"a difference of {float(np.abs(values - values.T).max())!r}")
        remedy = "Average both directions: lambda a, b: (f(a, b) + f(b, a).T) / 2."
        raise ArgumentError(advice("metric", "not depend on which of two images comes first", found, remedy))


def _correlation(layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """1 − Pearson's r over features."""
    flat = _repeats_averaged(layer, plan)
    _several_features(flat, "correlation")
    found = gram.triangle(flat, centre="images", memory=plan.memory, tick=plan.tick)
    _angles(found, flat, out, "correlation", "have features that differ")


def _cosine(layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """1 − cosine of the angle."""
    flat = _repeats_averaged(layer, plan)
    _several_features(flat, "cosine")
    found = gram.triangle(flat, memory=plan.memory, tick=plan.tick)
    _angles(found, flat, out, "cosine", "have features that are not all zero")


def _sqeuclidean(layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """Squared distance."""
    flat = _repeats_averaged(layer, plan)
    found = gram.triangle(flat, centre="features", memory=plan.memory, tick=plan.tick)
    first, second, where = _close(found, _gaps(found, out))
    if len(where):
        out[where] = gram.squared_distances(flat, first, second)
    np.maximum(out, 0, out=out)


def _euclidean(layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """Distance."""
    _sqeuclidean(layer, out, plan)
    np.sqrt(out, out=out)


def _cityblock(layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """Sum of absolute differences, over so few features at a time that they stay near the processor."""
    flat = _repeats_averaged(layer, plan)
    step, part = max(16, NEAR_BYTES // 8 // flat.sizes[IMAGE]), np.empty_like(out)
    out[:] = 0
    for block in _blocks.checked(flat, memory=plan.memory, tick=plan.tick):
        for start in range(0, block.shape[1], step):
            out += pdist(block[:, start : start + step].astype(np.float64), "cityblock", out=part)


def _sqmahalanobis(layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """Squared distance, features weighted by the inverse of their noise covariance."""
    _gaps(noise.products(layer, plan, crossed=False), out)
    np.maximum(out, 0, out=out)


def _mahalanobis(layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """Distance, features weighted by the inverse of their noise covariance."""
    _sqmahalanobis(layer, out, plan)
    np.sqrt(out, out=out)


def _crossnobis(layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """Differences of one repeat times those of the others, per feature; below zero where noise has its way."""
    rows = layer.sizes[IMAGE] * layer.sizes[plan.options["repeat"]]
    _gaps(noise.products(layer, plan, crossed=True), out)
    out /= layer.size // rows


def _poisson(layer: xr.DataArray, out: Array, plan: Plan) -> None:
    """Symmetric divergence of Poisson rates, per feature."""
    flat = _repeats_averaged(layer, plan)
    rate, weight = plan.options["prior_lambda"], plan.options["prior_weight"]
    order = gram.name_order(flat)
    products = np.zeros((len(order), len(order)), order="F")
    for block in _blocks.checked(flat, memory=plan.memory, tick=plan.tick):
        rates = (gram.in_order(block, order).astype(np.float64) + rate * weight) / (1 + weight)
        _check_positive(flat, rates, order)
        logs = np.log(rates)
        # a constant of each feature drops out of differences; without it less is left to cancel
        rates -= rates.mean(axis=0)
        logs -= logs.mean(axis=0)
        products = dsyr2k(0.5, rates.T, logs.T, beta=1.0, c=products, trans=1, lower=1, overwrite_c=1)
    _gaps(gram.Triangle(products.T, order), out)
    np.maximum(out, 0, out=out)
    out /= flat.size // len(order)


Kernel = Callable[[xr.DataArray, Array, Plan], None]
KERNELS: dict[str, Kernel] = {
    "correlation": _correlation,
    "cosine": _cosine,
    "euclidean": _euclidean,
    "sqeuclidean": _sqeuclidean,
    "cityblock": _cityblock,
    "mahalanobis": _mahalanobis,
    "sqmahalanobis": _sqmahalanobis,
    "crossnobis": _crossnobis,
    "poisson": _poisson,
}


def _repeats_averaged(layer: xr.DataArray, plan: Plan) -> xr.DataArray:
    """Average over repeats, if there are any."""
    repeat = plan.options.get("repeat")
    return layer if repeat is None else layer.mean(repeat, dtype=np.float64, skipna=False).rename(layer.name)


def _angles(found: gram.Triangle, layer: xr.DataArray, out: Array, metric: str, rule: str) -> None:
    """Turn inner products into 1 − cosine."""
    norms = np.sqrt(found.diagonal())
    flat = norms == 0
    if flat.any():
        said = listed(f"{listed.of(layer[IMAGE].values[flat])} without")
        remedy = f"Drop these images, or use metric='euclidean': {metric} is not defined for them."
        raise ArgumentError(advice(f"features[{str(layer.name)!r}]", f"{rule} within an image", said, remedy))
    for i, where, row in found.rows():
        part = out[where]
        np.multiply(norms[i + 1 :], norms[i], out=part)
        np.divide(row, part, out=part)
        np.subtract(1, part, out=part)
        np.clip(part, 0, 2, out=part)


def _gaps(found: gram.Triangle, out: Array) -> Array:
    """Turn inner products into squared distances."""
    norms = found.diagonal()
    for i, where, row in found.rows():
        part = out[where]
        np.add(norms[i + 1 :], norms[i], out=part)
        part -= 2 * row
    return out


def _close(found: gram.Triangle, squared: Array) -> tuple[Places, Places, Places]:
    """Find distances that have lost their digits: both images, and where they stand."""
    norms = found.diagonal()
    n = len(norms)
    # most rows hold no close pair, and their smallest entry says so
    limits = CLOSE * (norms + norms.max())
    hits: list[tuple[Places, Places, Places]] = []
    start = 0
    for i in range(n - 1):
        part = squared[start : start + n - 1 - i]
        if part.min() <= limits[i]:
            after = np.flatnonzero(part <= CLOSE * (norms[i] + norms[i + 1 :]))
            hits.append((np.full(len(after), i), i + 1 + after, start + after))
        start += len(part)
    empty = (np.empty(0, dtype=np.intp),) * 3
    first, second, where = (np.concatenate(parts) for parts in zip(empty, *hits, strict=True))
    return first, second, where


def _check_positive(layer: xr.DataArray, rates: Array, order: npt.NDArray[np.intp]) -> None:
    """Refuse what cannot be a rate."""
    bad = (rates <= 0).any(axis=1)
    if bad.any():
        found = listed(f"negative ones in {listed.of(layer[IMAGE].values[order[bad]])}")
        remedy = "poisson is for counts and rates, such as spikes; take activations after a ReLU, or another metric."
        rule = "be above 0 once the prior is added, for metric='poisson'"
        raise ArgumentError(advice(f"features[{str(layer.name)!r}]", rule, found, remedy))


def _several_features(layer: xr.DataArray, metric: str) -> None:
    """Refuse a single feature, whose angles are all 0 or 180 degrees."""
    if layer.size == layer.sizes[IMAGE]:
        remedy = "Use metric='euclidean', or reduce the layer less."
        argument: Any = f"features[{str(layer.name)!r}]"
        raise ArgumentError(advice(argument, f"have at least 2 features for metric={metric!r}", 1, remedy))
