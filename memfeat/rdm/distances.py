"""RDMs from features: the dissimilarity of every two images, from one Gram matrix per layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import gram, guards
from memfeat._check import advice, listed, one_of
from memfeat._labels import IMAGE, LAYER, as_features, layer_names, stamped
from memfeat.errors import ArgumentError
from memfeat.rdm.shape import PAIR, at_least, labelled, upper

__all__ = ["compute"]

Array = npt.NDArray[np.float64]
#: Squared distances below this share of ‖a‖² + ‖b‖² have lost digits in the Gram matrix and are computed directly.
CLOSE = 1e-6


def compute(features: xr.Dataset | xr.DataArray, *, metric: str = "correlation") -> xr.Dataset:
    """Compute the dissimilarity of every two images, per layer.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy. All dims but `image` are flattened.
    metric : {"correlation", "cosine", "euclidean", "sqeuclidean"}
        The dissimilarity; names and values are those of :func:`scipy.spatial.distance.pdist`.

    Returns
    -------
    Dataset (layer, pair)
        `rdm`, float64: 0 to 2 for correlation and cosine, units of the features for euclidean, their square for
        sqeuclidean. `first` and `second (pair)` are positions into `image (image)`.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If the metric is unknown, there are fewer than 3 images, a value is NaN or infinite, a layer has a single
        feature (correlation, cosine), or an image has features that are all equal (correlation) or zero (cosine).

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    Notes
    -----
    For images a and b over p features: correlation 1 − r(a, b); cosine 1 − a·b / (‖a‖ ‖b‖); euclidean ‖a − b‖, not
    squared and not divided by p; sqeuclidean ‖a − b‖². All come from one matrix product per layer, in float64, over
    blocks of features. Distances are taken from the Gram matrix of features less their means, clipped at zero; pairs so
    close that this has no digits left are computed feature by feature.
    Results are float64: rank correlations turn the ties that float32 would make into a loss of order.

    References
    ----------
    Kriegeskorte N, Mur M, Bandettini P (2008). Representational similarity analysis. Frontiers in Systems
    Neuroscience 2:4.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], dims=["image", "fc:unit"], name="fc")
    >>> compute(layer.assign_coords(image=["a", "b", "c"]), metric="euclidean").rdm.values.round(3)
    array([[5.   , 1.   , 4.243]])
    """
    kernel = METRICS[one_of("metric", metric, METRICS)]
    table = as_features(features)
    names, layers = table[IMAGE].values, layer_names(table)
    at_least(names, "features")
    facts = guards.analysis(features)
    values = np.stack([upper(kernel(table[name])) for name in layers])
    rdms = xr.DataArray(values, dims=(LAYER, PAIR), coords={LAYER: np.array(layers, dtype=object)})
    return stamped(labelled(rdms, names), features.attrs, metric=metric, **facts)


def _correlation(layer: xr.DataArray) -> Array:
    """1 − Pearson's r over features."""
    _several_features(layer, "correlation")
    return _angles(gram.linear(layer, centre="images"), layer, "correlation", "have features that differ")


def _cosine(layer: xr.DataArray) -> Array:
    """1 − cosine of the angle."""
    _several_features(layer, "cosine")
    return _angles(gram.linear(layer), layer, "cosine", "have features that are not all zero")


def _sqeuclidean(layer: xr.DataArray) -> Array:
    """Squared distance."""
    product = gram.linear(layer, centre="features")
    norms = np.diagonal(product)
    sums = norms[:, None] + norms
    squared = np.clip(sums - 2 * product, 0, None)
    first, second = np.nonzero(np.triu(squared <= CLOSE * sums, 1))
    if len(first):
        squared[first, second] = squared[second, first] = gram.squared_distances(layer, first, second)
    return squared


def _euclidean(layer: xr.DataArray) -> Array:
    """Distance."""
    return np.asarray(np.sqrt(_sqeuclidean(layer)))


METRICS: dict[str, Callable[[xr.DataArray], Array]] = {
    "correlation": _correlation,
    "cosine": _cosine,
    "euclidean": _euclidean,
    "sqeuclidean": _sqeuclidean,
}


def _angles(product: Array, layer: xr.DataArray, metric: str, rule: str) -> Array:
    """Turn inner products into 1 − cosine."""
    norms = np.sqrt(np.diagonal(product))
    flat = norms == 0
    if flat.any():
        found = listed(f"{listed.of(layer[IMAGE].values[flat])} without")
        remedy = f"Drop these images, or use metric='euclidean': {metric} is not defined for them."
        raise ArgumentError(advice(f"features[{str(layer.name)!r}]", f"{rule} within an image", found, remedy))
    return np.asarray(np.clip(1 - product / np.multiply.outer(norms, norms), 0, 2))


def _several_features(layer: xr.DataArray, metric: str) -> None:
    """Refuse a single feature, whose angles are all 0 or 180 degrees."""
    if layer.size == layer.sizes[IMAGE]:
        remedy = "Use metric='euclidean', or reduce the layer less."
        argument: Any = f"features[{str(layer.name)!r}]"
        raise ArgumentError(advice(argument, f"have at least 2 features for metric={metric!r}", 1, remedy))
