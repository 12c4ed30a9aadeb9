"""How many components a layer has: their variance, and the variance that chance gives them."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import eigvalsh

from memfeat import _blocks, guards
from memfeat._check import advice, count, fraction, listed
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, in_name_order, stamped
from memfeat.errors import ArgumentError
from memfeat.reduction.layers import called, check_layer
from memfeat.reduction.principal import alike
from memfeat.reduction.spaces import COMPONENT

__all__ = ["scree"]

Array = npt.NDArray[np.float64]
#: Most bytes of products that are added up at once; more draws than fit read the features again.
ROOM = 2**29


def scree(
    layer: xr.DataArray, *, n_draws: int = 100, quantile: float = 0.95, rng: int | np.random.Generator = 0
) -> xr.Dataset:
    """Tell how much variance each principal component explains, and how many explain more than by chance.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy; all dims but `image` are features.
    n_draws : int
        How often features are permuted for the parallel analysis. 0 leaves it out.
    quantile : float
        Which quantile of their variances a component must exceed.
    rng : int or numpy.random.Generator
        Seed of the permutations.

    Returns
    -------
    Dataset (component)
        `variance`, in squared units of the features (n − 1 in the denominator); `explained_variance_ratio` and
        `cumulative`, between 0 and 1; `chance`, the quantile of the variance of the component of the same rank when
        features are unrelated. The attribute `n_components` counts the leading components above chance.

    Raises
    ------
    KindError
        If the layer is not one DataArray of real numbers.
    ArgumentError
        If images are not named or all alike, a value is NaN or infinite, or an option cannot be.

    Warns
    -----
    RetrainedWarning
        If it is a layer of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    embed : Gives the components.
    dimensionality : One number per layer.

    Notes
    -----
    Parallel analysis (Horn 1965) in the form that permutes (Buja and Eyuboglu 1992): the values of each feature change
    places among images, each feature on its own, which keeps its distribution and destroys every relation between
    features. Counting stops at the first component that does not exceed chance. It is a rule for how many components
    to keep, not a test of each. Each draw costs as much as a Gram matrix.

    References
    ----------
    Horn JL (1965). A rationale and test for the number of factors in factor analysis. Psychometrika 30:179-185.
    Buja A, Eyuboglu N (1992). Remarks on parallel analysis. Multivariate Behavioral Research 27:509-540.

    Examples
    --------
    >>> import xarray as xr
    >>> values, images = [[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]], ["a", "b", "c"]
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": images}, name="fc")
    >>> scree(layer, n_draws=0)["variance"].values
    array([4., 0.])
    """
    check_layer(layer)
    count("n_draws", n_draws, least=0)
    fraction("quantile", quantile)
    generator, seed = seeded(rng)
    facts = guards.analysis(layer)
    ordered = in_name_order(layer).transpose(IMAGE, ...)
    variances = _variances(ordered, [None])[0]
    result = xr.Dataset(coords={COMPONENT: np.arange(len(variances))})
    shares = variances / variances.sum()
    found: dict[str, Array] = {
        "variance": variances,
        "explained_variance_ratio": shares,
        "cumulative": np.cumsum(shares),
    }
    drawn: dict[str, Any] = {}
    if n_draws:
        found["chance"] = np.quantile(_permuted(ordered, generator.spawn(n_draws)), quantile, axis=0)
        above = variances > found["chance"]
        drawn = {"n_components": int(above.argmin()) if not above.all() else len(above)}
        drawn |= {"null": "features permuted over images, each on its own", "quantile": quantile, "seed": seed}
    result = result.assign({name: (COMPONENT, values) for name, values in found.items()})
    size = {"n": layer.sizes[IMAGE], "n_draws": n_draws}
    return stamped(
        result, layer.attrs, method="variance of principal components", layer=called(layer), **size, **drawn, **facts
    )


def _permuted(layer: xr.DataArray, generators: list[np.random.Generator]) -> Array:
    """Compute the variances of components of permuted features (draw, k), as many at once as there is room for."""
    side = min(layer.shape[0], prod(layer.shape[1:]))
    step = max(1, ROOM // (8 * side**2))
    return np.concatenate(
        [_variances(layer, generators[start : start + step]) for start in range(0, len(generators), step)]
    )


def _variances(layer: xr.DataArray, generators: "list[np.random.Generator] | list[None]") -> Array:
    """Compute the variances of principal components (draw, k), of features that each generator has permuted."""
    n, p = layer.shape[0], prod(layer.shape[1:])
    most = min(n - 1, p)
    if most < 1:
        raise ArgumentError(advice("layer", "hold at least 2 images", listed(f"{n}")))
    products = _by_images(layer, generators) if n <= p else _by_features(layer, generators)
    found = np.array([eigvalsh(one)[::-1][:most] for one in products])
    return np.asarray(np.maximum(found, 0) / (n - 1))


def _by_images(layer: xr.DataArray, generators: Any) -> Array:
    """Add up products of images over blocks of features (draw, n, n)."""
    products = np.zeros((len(generators), layer.shape[0], layer.shape[0]))
    for block in _blocks.checked(layer):
        centred = block - block.mean(axis=0, dtype=np.float64)
        for total, generator in zip(products, generators, strict=True):
            mixed = centred if generator is None else generator.permuted(centred, axis=0)
            total += mixed @ mixed.T
    _must_differ(layer, alike(products[0]))
    return products


def _by_features(layer: xr.DataArray, generators: Any) -> Array:
    """Multiply features, which are few, with each other (draw, p, p)."""
    values = np.concatenate([block.astype(np.float64) for block in _blocks.checked(layer)], axis=1)
    centred = values - values.mean(axis=0)
    _must_differ(layer, bool((np.ptp(values, axis=0) == 0).all()))
    drawn = (centred if generator is None else generator.permuted(centred, axis=0) for generator in generators)
    return np.array([mixed.T @ mixed for mixed in drawn])


def _must_differ(layer: xr.DataArray, same: bool) -> None:
    if same:
        raise ArgumentError(advice("layer", "differ between images", listed(f"layer {called(layer)!r}, all alike")))
