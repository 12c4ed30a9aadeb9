"""Principal components: from the Gram matrix, from the covariance, or approximately by random projection."""

from math import prod

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import eigh, qr, svd

from memfeat import gram
from memfeat._check import advice
from memfeat.errors import ArgumentError
from memfeat.reduction.layers import average, blocks, called, projected
from memfeat.reduction.spaces import Settings, Space

__all__ = ["alike", "pca", "randomised", "signs"]

Array = npt.NDArray[np.float64]
#: Variance below this share of the largest is rounding, not data.
NEGLIGIBLE = 1e-10
#: Directions that are drawn beyond those that are wanted, and how often they are turned towards large variance
#: (Halko et al. 2011 advise 5 to 10, and 1 or 2 for data whose variance falls off quickly, which features do not).
OVERSAMPLED, TURNS = 10, 5


def pca(layer: xr.DataArray, settings: Settings) -> Space:
    """Find principal components by the route with the smaller matrix.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with `image` first.
    settings : Settings
        How many.

    Returns
    -------
    Space
        The components.

    Raises
    ------
    ArgumentError
        If images differ in fewer directions.
    """
    route = _by_gram if layer.shape[0] < prod(layer.shape[1:]) else _by_covariance
    return route(layer, settings.n_components)


def randomised(layer: xr.DataArray, settings: Settings) -> Space:
    """Find principal components approximately, by a randomised singular value decomposition in blocks of images.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with `image` first.
    settings : Settings
        How many, and the seed of the directions that are tried.

    Returns
    -------
    Space
        The components.

    Raises
    ------
    ArgumentError
        If images differ in fewer directions.
    """
    mean, k = average(layer), settings.n_components
    width = min(k + OVERSAMPLED, layer.shape[0], len(mean))
    drawn = np.random.default_rng(settings.random_state).standard_normal((len(mean), width))
    found = _orthonormal(projected(layer, drawn.T, mean))
    for _ in range(TURNS):
        turned = _orthonormal(_transposed(layer, found, mean))
        found = _orthonormal(projected(layer, turned.T, mean))
    sizes, vectors = _decomposed(_transposed(layer, found, mean))
    total = sum(float(((block - mean) ** 2).sum()) for _, block in blocks(layer))
    rank = int((sizes**2 > NEGLIGIBLE * sizes[0] ** 2).sum()) if total > 0 else 0
    _enough(rank, k, called(layer))
    components = vectors[:k] * signs(vectors[:k])[:, None]
    return Space(projected(layer, components, mean), components, mean, ratio=sizes[:k] ** 2 / total)


def alike(products: Array) -> bool:
    """Say whether all images are alike.

    Parameters
    ----------
    products : array (n, n)
        Gram matrix of centred features. Rounding leaves the same small number everywhere when all images are alike.

    Returns
    -------
    bool
        Whether nothing but rounding is there.
    """
    return bool(np.trace(products) - products.mean() * len(products) <= 1e-9 * np.trace(products))


def signs(components: Array) -> Array:
    """Find the signs that make the largest absolute loading of each component positive.

    Parameters
    ----------
    components : array (k, p)
        One row per component.

    Returns
    -------
    array (k,)
        1 or −1; of loadings that are equal up to rounding, the first counts.
    """
    size = np.abs(components)
    first = np.argmax(size >= (1 - 1e-6) * size.max(axis=1, keepdims=True), axis=1)
    return np.asarray(np.sign(components[np.arange(len(components)), first]))


def _by_gram(layer: xr.DataArray, n_components: int) -> Space:
    """Find components as sums of images; the weights of a component add up to zero, which centres the features."""
    products = gram.linear(layer, centre="features")
    if alike(products):
        products[:] = 0
    values, vectors, ratio = _leading(products, n_components, called(layer))
    weights, mean = vectors / np.sqrt(values), average(layer)
    components = np.zeros((n_components, len(mean)))
    for part, block in blocks(layer):
        components += weights[part].T @ block
    turned = signs(components)
    return Space(vectors * np.sqrt(values) * turned, components * turned[:, None], mean, ratio=ratio)


def _by_covariance(layer: xr.DataArray, n_components: int) -> Space:
    """Find components as directions in the space of features."""
    mean = average(layer)
    products = np.zeros((len(mean), len(mean)))
    for _, block in blocks(layer):
        products += (block - mean).T @ (block - mean)
    _, vectors, ratio = _leading(products, n_components, called(layer))
    components = (vectors * signs(vectors.T)).T
    return Space(projected(layer, components, mean), components, mean, ratio=ratio)


def _leading(products: Array, n_components: int, name: str) -> tuple[Array, Array, Array]:
    """Take the largest eigenvalues (k,), their vectors (n, k) and their share of all (k,)."""
    size = len(products)
    values, vectors = eigh(products, subset_by_index=(size - n_components, size - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    _enough(int((values > NEGLIGIBLE * values[0]).sum()), n_components, name)
    return values, vectors, values / np.trace(products)


def _enough(rank: int, n_components: int, name: str) -> None:
    if rank < n_components:
        rule = f"be at most {rank}, the number of directions in which the images of layer {name!r} differ"
        raise ArgumentError(advice("n_components", rule, n_components))


def _orthonormal(columns: Array) -> Array:
    return np.asarray(qr(columns, mode="economic")[0])


def _decomposed(columns: Array) -> tuple[Array, Array]:
    """Take the singular values (l,) of a matrix (p, l) and its left vectors (l, p)."""
    left, sizes, _ = svd(columns, full_matrices=False)
    return sizes, left.T


def _transposed(layer: xr.DataArray, columns: Array, mean: Array) -> Array:
    """Multiply centred features, transposed, with columns (n, l): (p, l)."""
    product = np.zeros((len(mean), columns.shape[1]))
    for part, block in blocks(layer):
        product += (block - mean).T @ columns[part]
    return product
