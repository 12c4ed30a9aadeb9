"""Components of another kind: factors, independent components, and parts that only add up."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import qr
from scipy.optimize import nnls
from sklearn.decomposition import NMF, FactorAnalysis, FastICA
from sklearn.exceptions import ConvergenceWarning

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError
from memfeat.reduction.layers import blocks, called, whole
from memfeat.reduction.principal import pca, signs
from memfeat.reduction.spaces import Settings, Space

__all__ = ["factor_analysis", "ica", "nmf", "nonnegative"]

Array = npt.NDArray[np.float64]


def factor_analysis(layer: xr.DataArray, settings: Settings) -> Space:
    """Find factors and the variance of each feature that they leave, by maximum likelihood.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with `image` first.
    settings : Settings
        How many, the seed, `max_iter` and `rotation`.

    Returns
    -------
    Space
        Loadings, the weights that estimate a new image's factors, and the noise.

    Raises
    ------
    ArgumentError
        If all images are alike.
    """
    values = whole(layer)
    varying = np.ptp(values, axis=0) > 0
    if not varying.any():
        raise ArgumentError(advice("layer", "differ between images", listed(f"layer {called(layer)!r}")))
    if varying.sum() < settings.n_components:
        rule = f"be at most {varying.sum()}, the number of features that differ between images"
        raise ArgumentError(advice("n_components", rule, settings.n_components))
    model = FactorAnalysis(
        settings.n_components,
        max_iter=settings.options["max_iter"],
        rotation=settings.options.get("rotation"),
        random_state=settings.random_state,
    )
    with _noticed() as missed:
        model.fit(values[:, varying])
    loadings, noise = np.asarray(model.components_), model.noise_variance_
    scaled = loadings / noise
    weights = np.linalg.solve(np.eye(len(loadings)) + scaled @ loadings.T, scaled)
    ratio = (loadings**2).sum(axis=1) / values.var(axis=0).sum()
    order, turned = np.argsort(-ratio, kind="stable"), signs(loadings)[:, None]
    loadings, weights = (loadings * turned)[order], (weights * turned)[order]
    # a feature that does not vary says nothing about factors
    components, onto, left = (_spread(part, varying) for part in (loadings, weights, noise[None]))
    mean = values.mean(axis=0)
    return Space((values - mean) @ onto.T, components, mean, onto, ratio[order], left[0], not missed)


def ica(layer: xr.DataArray, settings: Settings) -> Space:
    """Rotate principal components, scaled to variance 1, until they are as independent as can be.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with `image` first.
    settings : Settings
        How many, the seed, and `max_iter`.

    Returns
    -------
    Space
        Patterns that independent components add to the features, and the weights that take them out again.

    Raises
    ------
    ArgumentError
        If images differ in fewer directions.
    """
    principal = pca(layer, settings)
    axes, shares = np.asarray(principal.components), np.asarray(principal.ratio)
    model = FastICA(
        whiten="unit-variance",
        fun="logcosh",
        max_iter=settings.options["max_iter"],
        random_state=settings.random_state,
    )
    with _noticed() as missed:
        points = model.fit_transform(principal.points)
    patterns, weights = model.mixing_.T @ axes, model.components_ @ axes
    size = (patterns**2).sum(axis=1)
    order = np.argsort(-size, kind="stable")
    turned = signs(patterns)[order]
    ratio = shares.sum() * size[order] / size.sum()
    components, onto = patterns[order] * turned[:, None], weights[order] * turned[:, None]
    return Space(points[:, order] * turned, components, principal.mean, onto, ratio, converged=not missed)


def nmf(layer: xr.DataArray, settings: Settings) -> Space:
    """Find parts that are nowhere negative and add up to each image with weights that are not negative either.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with `image` first.
    settings : Settings
        How many, the seed, and `max_iter`.

    Returns
    -------
    Space
        The parts, each of length 1.

    Raises
    ------
    ArgumentError
        If a feature is negative, or all are zero.
    """
    values = whole(layer)
    negative = (values < 0).any(axis=1)
    if negative.any() or not values.any():
        bad = listed.of(layer[IMAGE].values[negative])
        found = listed(f"negative ones in {bad}" if negative.any() else "zeros alone")
        remedy = 'Take a layer after a ReLU, or method="pca".'
        raise ArgumentError(advice("layer", "hold features from zero upwards with method='nmf'", found, remedy))
    model = NMF(
        settings.n_components,
        init="nndsvda",
        max_iter=settings.options["max_iter"],
        random_state=settings.random_state,
    )
    with _noticed() as missed:
        model.fit(values)
    parts = np.asarray(model.components_)
    length = np.linalg.norm(parts, axis=1, keepdims=True)
    parts = parts / np.where(length > 0, length, 1)
    points = nonnegative(layer, parts)
    order = np.argsort(-(points**2).sum(axis=0), kind="stable")
    return Space(points[:, order], parts[order], converged=not missed)


def nonnegative(layer: xr.DataArray, parts: Array) -> Array:
    """Find the weights, none below zero, with which parts come nearest to each image.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with `image` first.
    parts : array (k, p)
        The parts.

    Returns
    -------
    array (n, k)
        The weights.
    """
    basis, small = qr(parts.T, mode="economic")
    points = np.empty((layer.shape[0], len(parts)))
    for part, block in blocks(layer):
        points[part] = [nnls(small, row)[0] for row in block @ basis]
    return points


def _spread(rows: Array, varying: npt.NDArray[np.bool_]) -> Array:
    """Put columns where they were before the others were left out, zeros elsewhere."""
    out = np.zeros((len(rows), len(varying)))
    out[:, varying] = rows
    return out


@contextmanager
def _noticed() -> Iterator[list[warnings.WarningMessage]]:
    """Keep the warning that a fit has not converged, and give it to whoever asks."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ConvergenceWarning)
        yield caught
