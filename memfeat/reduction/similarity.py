"""How alike two layers place the same images: CKA and SVCCA, for every pair of layers."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import eigh, svdvals

from memfeat import gram, guards
from memfeat._check import advice, count, listed, one_of
from memfeat._labels import IMAGE, LAYER, as_features, in_name_order, layer_names, matched, stamped
from memfeat.errors import ArgumentError, KindError
from memfeat.reduction.alignment import cka as unbiased_cka
from memfeat.reduction.distances import euclidean
from memfeat.reduction.principal import NEGLIGIBLE, alike

__all__ = ["cka", "svcca"]

Array = npt.NDArray[np.float64]
OTHER = f"{LAYER}_2"
Features = xr.Dataset | xr.DataArray


class _Both(NamedTuple):
    """Two sets of layers, matched; the second is the first if there is only one."""

    first: xr.Dataset
    second: xr.Dataset | None
    facts: dict[str, Any]

    def made(self, make: Callable[[xr.DataArray], Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Make something of each layer, once."""
        one = {name: make(self.first[name]) for name in layer_names(self.first)}
        if self.second is None:
            return one, one
        return one, {name: make(self.second[name]) for name in layer_names(self.second)}


def cka(
    first: Features,
    second: Features | None = None,
    *,
    kernel: str = "linear",
    unbiased: bool = True,
    bandwidth: float = 1.0,
) -> xr.DataArray:
    """Compute centred kernel alignment: how alike two layers place the same images, whatever their rotation and scale.

    Parameters
    ----------
    first : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    second : Dataset or DataArray (image, ...), optional
        Features of the same images, in any order; `first` itself if left out.
    kernel : {"linear", "rbf"}
        "linear" weighs directions by their variance; "rbf" weighs near images more than far ones.
    unbiased : bool
        Whether to use the unbiased estimator, which lies around 0 for unrelated layers. The biased one comes near 1
        where there are many more features than images.
    bandwidth : float
        Width of the kernel "rbf", in median distances of two images.

    Returns
    -------
    DataArray (layer, layer_2)
        1 for layers that place images alike, about 0 for unrelated ones, and then also below; without unit. NaN where
        images do not differ enough to tell.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If images differ or are fewer than 4, all are alike in a layer, a value is NaN or infinite, or an option cannot
        be.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    memfeat.drift.compare : The same layer of two networks, with intervals.

    Notes
    -----
    CKA is HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)), for K = X Xᵀ ("linear") or Kᵢⱼ = exp(−dᵢⱼ² / 2σ²) of Euclidean
    distances, σ = bandwidth × median d ("rbf"). The biased HSIC is tr(K H L H) with H = I − 1/n; the unbiased one, of
    Song et al. (2012), is a mean over fours of different images. Each layer costs an n × n matrix.

    References
    ----------
    Kornblith S, Norouzi M, Lee H, Hinton G (2019). Similarity of neural network representations revisited. Proceedings
    of Machine Learning Research 97:3519-3529.
    Song L, Smola A, Gretton A, Bedo J, Borgwardt K (2012). Feature selection via dependence maximization. Journal of
    Machine Learning Research 13:1393-1434.

    Examples
    --------
    >>> import xarray as xr
    >>> values, images = [[0.0, 1], [2, 1], [4, 3], [5, 9], [1, 7]], list("abcde")
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": images}, name="fc")
    >>> float(cka(layer, -3 * layer)[0, 0].round(6))
    1.0
    """
    make = KERNELS[one_of("kernel", kernel, KERNELS)]
    width = _width(bandwidth)
    both = _read(first, second)
    align = _unbiased if unbiased else _biased
    grams = both.made(lambda layer: make(layer, width))
    result = _table(grams, align, symmetric=both.second is None).rename("cka")
    facts = {"kernel": kernel, "unbiased": unbiased, "bandwidth": width if kernel == "rbf" else None}
    return stamped(result, first.attrs, method="CKA", n=both.first.sizes[IMAGE], **facts, **both.facts)


def svcca(
    first: Features, second: Features | None = None, *, variance: float = 0.99, n_components: int | None = None
) -> xr.Dataset:
    """Compute singular vector canonical correlations: whether two layers span the same space over images.

    Parameters
    ----------
    first : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    second : Dataset or DataArray (image, ...), optional
        Features of the same images, in any order; `first` itself if left out.
    variance : float
        The share of variance that the principal components of each layer must explain.
    n_components : int, optional
        How many principal components to take instead; fewer where a layer has fewer.

    Returns
    -------
    Dataset (layer, layer_2)
        `svcca`, the mean canonical correlation, between 0 and 1; `chance`, the root mean square of canonical
        correlations to expect of layers with nothing in common; `n_components (layer)` and
        `n_components_2 (layer_2)`.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If images differ or are fewer than 4, all are alike in a layer, a value is NaN or infinite, or an option cannot
        be.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    cka : Weighs directions by their variance, and has an estimator without bias.

    Notes
    -----
    Canonical correlations are the singular values of UᵀV, for orthonormal bases U and V of the leading principal
    components of both layers over images; there are as many as the smaller number k of components. With k₁ and k₂
    components of unrelated layers their mean square is max(k₁, k₂) / (n − 1): take many more images than components,
    and hold the value against `chance`.

    References
    ----------
    Raghu M, Gilmer J, Yosinski J, Sohl-Dickstein J (2017). SVCCA: singular vector canonical correlation analysis for
    deep learning dynamics and interpretability. Advances in Neural Information Processing Systems 30.

    Examples
    --------
    >>> import xarray as xr
    >>> values, images = [[0.0, 1], [2, 1], [4, 3], [5, 9], [1, 7]], list("abcde")
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": images}, name="fc")
    >>> found = svcca(layer, layer[:, ::-1])
    >>> found["svcca"].values.round(6), found["chance"].values.round(3)
    (array([[1.]]), array([[0.707]]))
    """
    both = _read(first, second)
    share = _share(variance)
    fixed = None if n_components is None else count("n_components", n_components)
    bases = both.made(lambda layer: _basis(layer, share, fixed))
    n = both.first.sizes[IMAGE]
    found = {"svcca": _canonical, "chance": lambda one, other: _chance(one, other, n)}
    result = xr.Dataset({name: _table(bases, how, symmetric=False) for name, how in found.items()})
    for dim, name, some in ((LAYER, "n_components", bases[0]), (OTHER, "n_components_2", bases[1])):
        result[name] = (dim, np.array([basis.shape[1] for basis in some.values()]))
    kept = {"variance": share if fixed is None else None}
    return stamped(result, first.attrs, method="SVCCA", n=n, **kept, **both.facts)


def _read(first: Any, second: Any) -> _Both:
    """Check features, and bring both into the order of their names."""
    one = in_name_order(as_features(first, "first"))
    if one.sizes[IMAGE] < 4:
        raise ArgumentError(advice("first", "hold at least 4 images", listed(f"{one.sizes[IMAGE]}")))
    facts = guards.analysis(first)
    if second is None:
        return _Both(one, None, facts)
    other = matched(as_features(second, "second"), one, argument="second", reference="first")
    return _Both(one, other, guards.analysis(second) | facts)


def _linear(layer: xr.DataArray, _: float) -> Array:
    products = gram.linear(layer, centre="features")
    _must_differ(layer, alike(products))
    return products


def _rbf(layer: xr.DataArray, bandwidth: float) -> Array:
    distances = euclidean(layer)
    _must_differ(layer, not distances.any())
    width = bandwidth * float(np.median(distances[np.triu_indices(len(distances), 1)]))
    if width <= 0:
        found = listed(f"copies for most pairs of images of layer {str(layer.name)!r}")
        raise ArgumentError(advice("features", "differ between most images for kernel='rbf'", found))
    return np.asarray(np.exp(-(distances**2) / (2 * width**2)))


#: kernel -> what makes a matrix (n, n) of a layer and a bandwidth
KERNELS: dict[str, Callable[[xr.DataArray, float], Array]] = {"linear": _linear, "rbf": _rbf}


def _unbiased(one: Array, other: Array) -> float:
    return float(unbiased_cka(one, other, np.ones((1, len(one))))[0])


def _biased(one: Array, other: Array) -> float:
    first, second = (both - both.mean(axis=0) - both.mean(axis=0)[:, None] + both.mean() for both in (one, other))
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))


def _basis(layer: xr.DataArray, variance: float, fixed: int | None) -> Array:
    """Take an orthonormal basis (n, k) of the leading principal components over images."""
    values, vectors = eigh(_linear(layer, 0))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    rank = int((values > NEGLIGIBLE * values[0]).sum())
    shares = np.cumsum(values) / values.sum()
    wanted = int(np.searchsorted(shares, variance * (1 - NEGLIGIBLE))) + 1 if fixed is None else fixed
    return np.asarray(vectors[:, : min(wanted, rank)])


def _canonical(one: Array, other: Array) -> float:
    return float(np.minimum(svdvals(one.T @ other), 1).mean())


def _chance(one: Array, other: Array, n: int) -> float:
    return float(np.sqrt(max(one.shape[1], other.shape[1]) / (n - 1)))


def _table(
    sides: tuple[Mapping[str, Array], Mapping[str, Array]], how: Callable[[Array, Array], float], *, symmetric: bool
) -> xr.DataArray:
    """Compare every layer of one side with every layer of the other."""
    rows, columns = (list(side) for side in sides)
    values = np.empty((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            values[i, j] = values[j, i] if symmetric and j < i else how(sides[0][row], sides[1][column])
    coords = {LAYER: np.array(rows, dtype=object), OTHER: np.array(columns, dtype=object)}
    return xr.DataArray(values, coords, (LAYER, OTHER))


def _must_differ(layer: xr.DataArray, same: bool) -> None:
    if same:
        remedy = f"Leave it out: features.drop_vars({str(layer.name)!r})."
        raise ArgumentError(advice("features", "differ between images", listed(f"layer {str(layer.name)!r}"), remedy))


def _width(bandwidth: Any) -> float:
    if isinstance(bandwidth, bool) or not isinstance(bandwidth, int | float):
        raise KindError(advice("bandwidth", "be a number", bandwidth))
    if not 0 < bandwidth < np.inf:
        raise ArgumentError(advice("bandwidth", "lie above 0", bandwidth))
    return float(bandwidth)


def _share(variance: Any) -> float:
    if isinstance(variance, bool) or not isinstance(variance, int | float):
        raise KindError(advice("variance", "be a number", variance))
    if not 0 < variance <= 1:
        raise ArgumentError(advice("variance", "lie above 0 and be at most 1", variance))
    return float(variance)
