"""Features on the scale of the training images: as they are, by layer, or unit by unit."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg.blas import dsyrk

from memfeat import _blocks, gram
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, matrix
from memfeat.errors import ArgumentError

__all__ = ["SCALES", "Material"]

Array = npt.NDArray[np.float64]
Fold = npt.NDArray[np.int64]
#: A unit varies if its standard deviation exceeds this share of its largest absolute value.
FLAT = 1e-9


class Material:
    """What one layer offers to fit to, images in the order of their names."""

    def __init__(self, layer: xr.DataArray, scale: str) -> None:
        self._layer, self.scale = layer, scale
        self._order = np.argsort(layer[IMAGE].values.astype(str), kind="stable")

    @cached_property
    def plain(self) -> Array:
        """Gram matrix of the features as they are."""
        products = gram.linear(self._layer, centre="features")[np.ix_(self._order, self._order)]
        # rounding leaves the same small number everywhere when all images are alike
        if np.trace(products) - products.mean() * len(products) <= 1e-9 * np.trace(products):
            raise self._flat()
        return products

    def grams(self, fold: Fold) -> Iterator[Array]:
        """Go through folds, and give for each the Gram matrix of all images on the scale of the training images.

        Yields
        ------
        array (n, n)
            Inner products, not to be written to.
        """
        if self.scale == "unit":
            for products in _by_unit(self._layer, self._order, fold):
                if not products.any():
                    raise self._flat()
                yield products
            return
        for k in range(fold.max() + 1):
            yield self.plain / _spread(self.plain, fold != k) if self.scale == "layer" else self.plain

    def features(self) -> Array:
        """Give features (n, p) as float64 in memory."""
        values = _finite(self._layer, matrix(self._layer)[self._order].astype(np.float64), self._order)
        if not np.ptp(values, axis=0).any():
            raise self._flat()
        return values

    def _flat(self) -> ArgumentError:
        name = str(self._layer.name)
        remedy = f"Leave it out: features.drop_vars({name!r})."
        return ArgumentError(advice("features", "differ between images", listed(f"layer {name!r}"), remedy))


def _finite(layer: xr.DataArray, values: Array, order: npt.NDArray[np.intp]) -> Array:
    _blocks.must_be_finite(layer, values, layer[IMAGE].values[order])
    return values


def _spread(products: Array, inside: npt.NDArray[np.bool_]) -> float:
    """Give the variance of the training images, summed over features."""
    among = products[np.ix_(inside, inside)]
    spread = float(np.trace(among) / len(among) - among.mean())
    return spread if spread > 0 else 1.0


def _by_unit(layer: xr.DataArray, order: npt.NDArray[np.intp], fold: Fold) -> Iterator[Array]:
    """Add up the Gram matrices of all folds in one pass over the features."""
    grams = [np.zeros((len(fold), len(fold)), order="F") for _ in range(fold.max() + 1)]
    for raw in _blocks.checked(layer):
        block = gram.in_order(raw, order).astype(np.float64)
        for k, products in enumerate(grams):
            scaled = _unit(block, fold != k)
            grams[k] = dsyrk(1.0, scaled.T, beta=1.0, c=products, trans=1, lower=1, overwrite_c=1)
    for products in grams:
        yield np.tril(products) + np.tril(products, -1).T


def _none(values: Array, inside: npt.NDArray[np.bool_]) -> Array:
    return values


def _whole(values: Array, inside: npt.NDArray[np.bool_]) -> Array:
    centred = values - values[inside].mean(axis=0)
    spread = float((centred[inside] ** 2).sum(axis=1).mean())
    return np.asarray(centred / np.sqrt(spread) if spread > 0 else centred)


def _unit(values: Array, inside: npt.NDArray[np.bool_]) -> Array:
    """Standardise each unit; one that is the same for all training images becomes 0."""
    mean, spread = values[inside].mean(axis=0), values[inside].std(axis=0)
    varies = spread > FLAT * np.abs(values[inside]).max(axis=0)
    return np.asarray((values - mean) * np.divide(1.0, spread, out=np.zeros_like(spread), where=varies))


#: scale -> function of features (n, p) and which images are trained on (n,)
SCALES: dict[str, Callable[[Array, npt.NDArray[np.bool_]], Any]] = {"none": _none, "layer": _whole, "unit": _unit}
