"""How many dimensions a layer uses: of its variance, and of the surface that images lie on."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import gram, guards
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, as_features, layer_names, stamped
from memfeat.errors import ArgumentError
from memfeat.reduction.distances import euclidean
from memfeat.reduction.principal import alike

__all__ = ["dimensionality"]

Array = npt.NDArray[np.float64]
#: The share of images with the largest ratios that the fit of TwoNN leaves out (Facco et al. 2017).
DISCARDED = 0.1
#: Images that the fit needs.
ENOUGH = 5


class _Nearest(NamedTuple):
    """Intrinsic dimension, and the images that have a copy."""

    dimension: float
    copies: int


def dimensionality(features: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Estimate how many dimensions each layer uses for these images.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.

    Returns
    -------
    Dataset (layer)
        `participation_ratio`, of these images; `participation_ratio_corrected`, an estimate of what it would be with
        very many images; `twonn`, intrinsic dimension (NaN if fewer than 5 images have no copy); all without unit.
        `n` images, `n_copies` of them whose nearest neighbour lies at distance 0, which "twonn" leaves out, and
        `n_features`.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If images are not named, there are fewer than 4, all are alike in a layer, or a value is NaN or infinite.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    scree : The variance of each component.

    Notes
    -----
    The participation ratio is (Σλ)² / Σλ² for the variances λ of principal components: 1 if one component has all the
    variance, k if k have equal shares. It cannot exceed n − 1, and grows with the number of images: compare it between
    layers and sets of the same n. The corrected one divides unbiased estimates of (Σλ)² and Σλ², means over all fours
    of different images of ‖a − b‖² ‖c − d‖² / 4 and ((a − b)·(c − d))² / 4. It varies more, is NaN where the second is
    not above 0, and may exceed the number of features.

    TwoNN reads the dimension of the surface near each image from the ratio μ of the distances to its second and first
    neighbour: F(μ) = 1 − μ^(−d) where images lie evenly on that scale. d is the slope, through the origin, of
    −log(1 − F) on log μ without the tenth of the images with the largest ratios. With few images in many dimensions it
    is too low.

    References
    ----------
    Gao P, Trautmann E, Yu B, et al. (2017). A theory of multineuronal dimensionality, dynamics and measurement.
    bioRxiv 214262.
    Facco E, d'Errico M, Rodriguez A, Laio A (2017). Estimating the intrinsic dimension of datasets by a minimal
    neighborhood information. Scientific Reports 7:12140.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> corners = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    >>> layer = xr.DataArray(corners, dims=["image", "fc:unit"], coords={"image": list("abcdef")}, name="fc")
    >>> dimensionality(layer)["participation_ratio"].values.round(6)
    array([3.])
    """
    table = as_features(features)
    n = table.sizes[IMAGE]
    if n < 4:
        raise ArgumentError(advice("features", "hold at least 4 images", listed(f"{n}")))
    facts = guards.analysis(features)
    names = layer_names(table)
    rows = [_layer(table[name]) for name in names]
    coords = {LAYER: np.array(names, dtype=object)}
    variables = {key: (LAYER, np.array([row[key] for row in rows])) for key in rows[0]}
    method = "participation ratio; TwoNN"
    return stamped(xr.Dataset(variables, coords), features.attrs, method=method, discarded=DISCARDED, **facts)


def _layer(layer: xr.DataArray) -> dict[str, float]:
    products = gram.linear(layer, centre="features")
    if alike(products):
        remedy = f"Leave it out: features.drop_vars({str(layer.name)!r})."
        raise ArgumentError(advice("features", "differ between images", listed(f"layer {str(layer.name)!r}"), remedy))
    nearest = _two_nearest(euclidean(layer))
    return {
        "participation_ratio": float(np.trace(products) ** 2 / (products**2).sum()),
        "participation_ratio_corrected": _corrected(products),
        "twonn": nearest.dimension,
        "n": len(products),
        "n_copies": nearest.copies,
        "n_features": layer.size // len(products),
    }


def _corrected(products: Array) -> float:
    """Divide unbiased estimates of (Σλ)² and Σλ², from the Gram matrix of centred features."""
    n, size = len(products), np.diagonal(products)
    squares = size[:, None] + size - 2 * products
    np.fill_diagonal(squares, 0.0)
    rows = squares.sum(axis=1)
    # pairs with no image in common: all pairs of pairs, less those with one in common and those with two
    apart = rows.sum() ** 2 - 4 * (rows**2).sum() + 2 * (squares**2).sum()
    hollow = products - np.diag(size)
    sums = hollow.sum(axis=1)
    second = (hollow**2).sum() + sums.sum() ** 2 / ((n - 1) * (n - 2)) - 2 * (sums**2).sum() / (n - 2)
    first = apart / (4 * (n - 1) * (n - 2))
    return float(first / second) if second > 1e-10 * np.trace(products) ** 2 / n else np.nan


def _two_nearest(distances: Array) -> _Nearest:
    """Fit the ratios of the distances to the second and the first neighbour."""
    np.fill_diagonal(distances, np.inf)
    near = np.partition(distances, 1, axis=1)[:, :2]
    apart = near[:, 0] > 0
    copies, n = int((~apart).sum()), int(apart.sum())
    if n < ENOUGH:
        return _Nearest(np.nan, copies)
    logs = np.log(np.sort(near[apart, 1] / near[apart, 0]))
    kept = slice(0, int(n * (1 - DISCARDED)))
    heights = -np.log1p(-np.arange(1, n + 1)[kept] / n)
    spread = float(logs[kept] @ logs[kept])
    return _Nearest(float(logs[kept] @ heights) / spread if spread > 0 else np.nan, copies)
