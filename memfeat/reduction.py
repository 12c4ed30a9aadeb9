"""Embeddings: the images of a layer in a few dimensions, and new images in the same space."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import eigh

from memfeat import gram, guards
from memfeat._check import advice, count, finite, listed, one_of
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, image_names, in_name_order, stamped
from memfeat.errors import ArgumentError, KindError

__all__ = ["embed", "project"]

Array = npt.NDArray[np.float64]
COMPONENT = "component"
#: Most bytes of features that are held as float64 at once.
BLOCK_BYTES = 2**28
#: Variance below this share of the largest is rounding, not data.
NEGLIGIBLE = 1e-10


class _Space(NamedTuple):
    """An embedding and what puts new images into it; the p features in C order."""

    points: Array  # (n, k)
    components: Array  # (k, p), each of length 1
    mean: Array  # (p,)
    ratio: Array  # (k,)


def embed(
    layer: xr.DataArray, method: str = "pca", *, n_components: int = 2, rng: int | np.random.Generator | None = None
) -> xr.Dataset:
    """Place the images of a layer in a space of few dimensions.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy; all dims but `image` are features.
    method : {"pca"}
        Principal components.
    n_components : int
        How many dimensions.
    rng : int or numpy.random.Generator, optional
        Seed for methods that draw at random; "pca" does not.

    Returns
    -------
    Dataset (image, component, ...)
        `embedding (image, component)`, in units of the features; `components (component, ...)` over the layer's
        feature dims, each of length 1; `explained_variance_ratio (component)`, between 0 and 1; `mean (...)`, over the
        feature dims, which is subtracted before projecting. Images are in the order of the layer.

    Raises
    ------
    KindError
        If the layer is not one DataArray of real numbers.
    ArgumentError
        If images are not named, a value is NaN or infinite, the method is unknown, or the layer has fewer directions
        in which images differ than components are asked for.

    Warns
    -----
    RetrainedWarning
        If it is a layer of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    project : Places other images in the same space.

    Notes
    -----
    The components are eigenvectors of the covariance of the features. With fewer images than features they come from
    the Gram matrix of the images instead, XᵀU diag(w)^(−1/2) for its eigenvectors U and eigenvalues w, and features
    are read block by block. The sign of a component is such that its largest absolute loading is positive (the first
    of them, where two are equal), so that neither the order of images nor the route matters. Features are centred and
    not scaled.

    References
    ----------
    Jolliffe IT (2002). Principal Component Analysis, 2nd edition. Springer.

    Examples
    --------
    >>> import xarray as xr
    >>> values, images = [[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]], ["a", "b", "c"]
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": images}, name="fc")
    >>> embed(layer, n_components=1)["embedding"].values
    array([[-2.],
           [ 0.],
           [ 2.]])
    """
    kernel = METHODS[one_of("method", method, METHODS)]
    _check_layer(layer)
    images, features = layer.sizes[IMAGE], prod(size for dim, size in layer.sizes.items() if dim != IMAGE)
    most = min(images - 1, features)
    if count("n_components", n_components) > most:
        rule = f"be at most {most} for {images} images and {features} features"
        raise ArgumentError(advice("n_components", rule, n_components))
    facts = guards.analysis(layer)
    ordered = in_name_order(layer).transpose(IMAGE, ...)
    space = kernel(ordered, n_components, None if rng is None else seeded(rng)[0])
    result = _labelled(space, ordered).sel({IMAGE: layer[IMAGE].values})
    sign = "largest absolute loading is positive"
    return stamped(result, layer.attrs, method=method, layer=_name(layer), n=images, scale="none", sign=sign, **facts)


def project(space: xr.Dataset, layer: xr.DataArray) -> xr.DataArray:
    """Place images in a space that was made from other images.

    Parameters
    ----------
    space : Dataset
        What :func:`embed` gave.
    layer : DataArray (image, ...)
        The same layer of other images, in memory or lazy.

    Returns
    -------
    DataArray (image, component)
        Coordinates in the space, in units of the features.

    Raises
    ------
    KindError
        If the layer is not one DataArray of real numbers.
    ArgumentError
        If `space` has no components, the layer has other features, or a value is NaN or infinite.
    """
    if not isinstance(space, xr.Dataset) or not {"components", "mean"} <= set(space.data_vars):
        remedy = 'Make one with mf.reduction.embed(layer, "pca").'
        raise ArgumentError(advice("space", "be an embedding with components", listed(type(space).__name__), remedy))
    _check_layer(layer)
    wanted = space["mean"]
    ordered = layer.transpose(IMAGE, *wanted.dims, ..., missing_dims="ignore")
    _check_same_features(ordered, wanted)
    components = space["components"].transpose(COMPONENT, *wanted.dims).values.reshape(space.sizes[COMPONENT], -1)
    points = _projected(ordered, components, wanted.values.reshape(-1))
    coords = {IMAGE: layer[IMAGE], COMPONENT: space[COMPONENT]}
    result = xr.DataArray(points, coords, (IMAGE, COMPONENT), name="embedding")
    return stamped(result, space.attrs, method=space.attrs.get("method"), layer=_name(layer), projected=True)


def _pca(layer: xr.DataArray, n_components: int, rng: np.random.Generator | None) -> _Space:
    """Take the route with the smaller matrix."""
    route = _by_gram if layer.shape[0] < prod(layer.shape[1:]) else _by_covariance
    return route(layer, n_components)


METHODS: dict[str, Callable[[xr.DataArray, int, np.random.Generator | None], _Space]] = {"pca": _pca}


def _by_gram(layer: xr.DataArray, n_components: int) -> _Space:
    """Find components as sums of images; the weights of a component add up to zero, which centres the features."""
    products = gram.linear(layer, centre="features")
    # rounding leaves the same small number everywhere when all images are alike
    if np.trace(products) - products.mean() * len(products) <= 1e-9 * np.trace(products):
        products[:] = 0
    values, vectors, ratio = _leading(products, n_components, _name(layer))
    weights, mean = vectors / np.sqrt(values), _mean(layer)
    components = np.zeros((n_components, len(mean)))
    for part, block in _blocks(layer):
        components += weights[part].T @ block
    signs = _signs(components)
    return _Space(vectors * np.sqrt(values) * signs, components * signs[:, None], mean, ratio)


def _by_covariance(layer: xr.DataArray, n_components: int) -> _Space:
    """Find components as directions in the space of features."""
    mean = _mean(layer)
    products = np.zeros((len(mean), len(mean)))
    for _, block in _blocks(layer):
        products += (block - mean).T @ (block - mean)
    _, vectors, ratio = _leading(products, n_components, _name(layer))
    components = (vectors * _signs(vectors.T)).T
    return _Space(_projected(layer, components, mean), components, mean, ratio)


def _mean(layer: xr.DataArray) -> Array:
    """Average over images, exact where all are alike."""
    first = np.asarray(layer[0].values, dtype=np.float64).reshape(-1)
    total = np.zeros(len(first))
    for _, block in _blocks(layer):
        total += (block - first).sum(axis=0)
    return np.asarray(first + total / layer.shape[0])


def _leading(products: Array, n_components: int, name: str) -> tuple[Array, Array, Array]:
    """Take the largest eigenvalues (k,), their vectors (n, k) and their share of all (k,)."""
    size = len(products)
    values, vectors = eigh(products, subset_by_index=(size - n_components, size - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    rank = int((values > NEGLIGIBLE * values[0]).sum())
    if rank < n_components:
        rule = f"be at most {rank}, the number of directions in which the images of layer {name!r} differ"
        raise ArgumentError(advice("n_components", rule, n_components))
    return values, vectors, values / np.trace(products)


def _signs(components: Array) -> Array:
    """Find the signs (k,) that make the largest absolute loading of each component (k, p) positive."""
    size = np.abs(components)
    first = np.argmax(size >= (1 - 1e-6) * size.max(axis=1, keepdims=True), axis=1)
    return np.asarray(np.sign(components[np.arange(len(components)), first]))


def _projected(layer: xr.DataArray, components: Array, mean: Array) -> Array:
    points = np.empty((layer.shape[0], len(components)))
    for part, block in _blocks(layer):
        points[part] = (block - mean) @ components.T
    return points


def _blocks(layer: xr.DataArray) -> Iterator[tuple[slice, Array]]:
    """Yield some images at a time, by features in C order, float64."""
    step = max(1, BLOCK_BYTES // 8 // prod(layer.shape[1:]))
    for start in range(0, layer.shape[0], step):
        part = slice(start, start + step)
        some = layer.isel({IMAGE: part})
        block = np.asarray(some.values, dtype=np.float64).reshape(len(some), -1)
        yield part, finite("layer", block, list(some[IMAGE].values), remedy="Drop or mend these images.")


def _labelled(space: _Space, layer: xr.DataArray) -> xr.Dataset:
    """Name what was found; images in the order of the layer."""
    dims, shape = layer.dims[1:], layer.shape[1:]
    kept = {
        name: coord for name, coord in layer.coords.items() if coord.dims and set(coord.dims) <= set(dims) | {IMAGE}
    }
    variables: dict[str, Any] = {
        "embedding": ((IMAGE, COMPONENT), space.points),
        "components": ((COMPONENT, *dims), space.components.reshape(-1, *shape)),
        "explained_variance_ratio": (COMPONENT, space.ratio),
        "mean": (dims, space.mean.reshape(shape)),
    }
    return xr.Dataset(variables, {**kept, COMPONENT: np.arange(len(space.ratio))})


def _check_layer(layer: Any) -> None:
    """Refuse what is not one layer of real numbers."""
    if isinstance(layer, xr.Dataset):
        remedy = f"Choose one: features[{next(map(str, layer.data_vars), 'fc')!r}]."
        raise KindError(advice("layer", "be one layer, a DataArray", listed("Dataset"), remedy))
    image_names(layer, "layer")
    if layer.dtype.kind not in "iufb":
        raise KindError(advice("layer", "hold real numbers", listed(f"dtype {layer.dtype}")))
    if layer.ndim < 2 or not layer.size:
        raise ArgumentError(advice("layer", "hold images and features", listed(f"shape {layer.shape}")))


def _check_same_features(layer: xr.DataArray, wanted: xr.DataArray) -> None:
    """Refuse a layer whose features are not those of the space."""
    mine, theirs = dict(zip(layer.dims[1:], layer.shape[1:], strict=True)), dict(wanted.sizes)
    same = mine == theirs and all(
        np.array_equal(layer[dim].values, wanted[dim].values)
        for dim in theirs
        if dim in layer.coords and dim in wanted.coords
    )
    if not same:
        remedy = "Extract the same layer, with the same reduction, for these images."
        raise ArgumentError(advice("layer", f"have the features of space, {theirs}", mine, remedy))


def _name(layer: xr.DataArray) -> str:
    return "features" if layer.name is None else str(layer.name)
