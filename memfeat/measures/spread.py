"""How far an image lies from the middle of all others, and how much of it their main directions leave out."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.linalg import eigh

from memfeat import gram
from memfeat._blocks import Tick
from memfeat._check import advice, count, generator, listed, one_of
from memfeat._labels import IMAGE, as_features, layer_names
from memfeat.errors import ArgumentError
from memfeat.measures.layers import Measured, at_least, called, per_image, width_of
from memfeat.measures.leaving import NEGLIGIBLE, left_out, scores
from memfeat.measures.prototypes import from_centroid, together
from memfeat.stats.exchange import grouping

__all__ = ["eccentricity", "reconstruction_error"]

Array = npt.NDArray[np.float64]
METRICS = ("euclidean", "mahalanobis")
#: Components unless told, as in Bylinskii et al. (2015).
COMPONENTS = 10


def eccentricity(
    features: xr.Dataset | xr.DataArray,
    *,
    metric: str = "euclidean",
    n_components: int | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Measure how far each image is from the mean of all others.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    metric : {"euclidean", "mahalanobis"}
        "euclidean": the distance; "mahalanobis": the distance along principal components, each in units of the standard
        deviation of the other images along it.
    n_components : int, optional
        How many components, for "mahalanobis"; 10 unless told.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    Dataset (image)
        One variable per layer, in units of the features ("euclidean") or in standard deviations ("mahalanobis").

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If images are not named or named twice, there are fewer than 2, a value is NaN or infinite, `metric` is unknown,
        or there are too few images or directions in which they differ for so many components.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    prototype_distance : The same within categories.
    reconstruction_error : What lies outside the components.

    Notes
    -----
    The image itself does not count. Without it the mean lies n / (n − 1) times as far away. For "mahalanobis" the mean,
    the components and the variances along them are those of the other images: that is a principal component analysis
    for each image, all of which follow from one of all images (see :func:`reconstruction_error`).

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[0.0], [2.0], [7.0]], dims=["image", "fc:unit"], coords={"image": list("abc")}, name="fc")
    >>> eccentricity(layer)["fc"].values
    array([4.5, 1.5, 6. ])
    """
    one_of("metric", metric, METRICS)
    said: dict[str, Any] = {"method": "eccentricity", "metric": metric}
    if metric == "euclidean":
        if n_components is not None:
            remedy = "Or pass metric='mahalanobis'."
            raise ArgumentError(advice("n_components", "be left out with metric='euclidean'", n_components, remedy))
        return per_image(features, _euclidean, progress=progress, **said)
    k = count("n_components", COMPONENTS if n_components is None else n_components)
    return per_image(features, partial(_mahalanobis, k), progress=progress, n_components=k, **said)


def reconstruction_error(
    features: xr.Dataset | xr.DataArray,
    *,
    n_components: int = COMPONENTS,
    folds: int | xr.DataArray | pd.Series | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool | None = None,
) -> xr.Dataset:
    """Measure how much of each image the principal components of other images do not reconstruct.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    n_components : int
        How many components reconstruct.
    folds : int, DataArray (image) or pandas.Series, optional
        By default each image is reconstructed from all others. A number deals images at random into so many folds, each
        of which is reconstructed from the others; a column (a category, say) names the folds.
    rng : int or numpy.random.Generator
        Seed of the dealing.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    Dataset (image)
        One variable per layer: mean over features of the squared difference between an image and its reconstruction,
        in squared units of the features.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers, or `folds` is neither a number nor a column.
    ArgumentError
        If images are not named or named twice, folds are fewer than 2, more than images or of other images, a value is
        NaN or infinite, or there are too few images or directions in which they differ for so many components.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    eccentricity : How far an image lies out along the components.

    Notes
    -----
    The image itself has no part in the components and the mean that reconstruct it. The n analyses without one image
    each follow exactly from one of all: without image i the sums of squares and products of the others are
    Λ − n / (n − 1) t tᵀ along the components of all, where t are its coordinates. The new sums of squares are the roots
    of a rational function, one between every two old ones (Golub 1973), and the squared coordinate of the image along
    a new component is the reciprocal of the slope there. The time for k components of n images is about that of k n²
    times thirty operations, and of one decomposition of n × n.

    References
    ----------
    Golub GH (1973). Some modified matrix eigenvalue problems. SIAM Review 15:318-334.

    Examples
    --------
    >>> import xarray as xr
    >>> values = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [1.0, 3.0]]
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": list("abcd")}, name="fc")
    >>> reconstruction_error(layer, n_components=1)["fc"].values[3].round(6)
    np.float64(4.5)
    """
    k = count("n_components", n_components)
    said: dict[str, Any] = {"method": "reconstruction error of principal components", "n_components": k}
    if folds is None:
        said |= {"left_out": "one image"}
        return per_image(features, partial(_left_out, k), progress=progress, **said)
    dealt, seed = _dealt(as_features(features), folds, rng)
    said |= {"left_out": "folds", "n_folds": int(dealt.max()) + 1, "seed": seed}
    return per_image(features, partial(_by_folds, k, dealt), progress=progress, **said)


def _euclidean(layer: xr.DataArray, tick: Tick) -> Measured:
    at_least(layer, 2, "eccentricity")
    return Measured(from_centroid(layer, together(layer.sizes[IMAGE]), tick))


def _mahalanobis(n_components: int, layer: xr.DataArray, tick: Tick) -> Measured:
    at_least(layer, 3, "eccentricity")
    found = left_out(layer, n_components, tick)
    return Measured(np.sqrt((found.captured / found.variances).sum(axis=1)))


def _left_out(n_components: int, layer: xr.DataArray, tick: Tick) -> Measured:
    at_least(layer, 3, "reconstruction")
    found = left_out(layer, n_components, tick)
    return Measured(np.maximum(found.squares - found.captured.sum(axis=1), 0) / width_of(layer))


def _dealt(table: xr.Dataset, folds: Any, rng: Any) -> tuple[npt.NDArray[np.int64], str | None]:
    """Give the fold of each image, and the seed that dealt it."""
    n, seed = table.sizes[IMAGE], None
    if isinstance(folds, xr.DataArray | pd.Series):
        found = grouping(folds, to=table, argument="folds").values
        n_folds = len(np.unique(found))
    else:
        n_folds, found = count("folds", folds), np.empty(n, dtype=np.int64)
        drawn, seed = generator(rng)
        found[gram.name_order(table[layer_names(table)[0]])] = drawn.permutation(np.arange(n) % n_folds)
    if not 2 <= n_folds <= n:
        remedy = "Leave it out to reconstruct each image from all others."
        raise ArgumentError(advice("folds", f"be from 2 to the number of images ({n})", n_folds, remedy))
    return found, seed


def _by_folds(n_components: int, folds: npt.NDArray[np.int64], layer: xr.DataArray, tick: Tick) -> Measured:
    points, _ = scores(layer, tick)
    values = np.empty(len(points))
    for fold in np.unique(folds):
        out = folds == fold
        values[out] = _residuals(points[~out], points[out], n_components, called(layer))
    return Measured(np.maximum(values, 0) / width_of(layer))


def _residuals(others: Array, held_out: Array, n_components: int, whose: listed) -> Array:
    """Sum the squares of what the components of others leave of images that are held out."""
    mean, width = others.mean(axis=0), others.shape[1]
    centred, apart = others - mean, held_out - mean
    found, vectors = eigh(centred.T @ centred, subset_by_index=(max(width - n_components, 0), width - 1))
    if n_components >= width or found[0] <= NEGLIGIBLE * found[-1]:
        rule = f"be fewer than the directions in which images of {whose} differ without a fold"
        raise ArgumentError(advice("n_components", rule, n_components, "Lower it, or deal images into more folds."))
    return np.asarray((apart**2).sum(axis=1) - ((apart @ vectors) ** 2).sum(axis=1))
