"""Features on the scale of the training images: as they are, by layer, or unit by unit."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg.blas import dsyrk

from memfeat import _blocks, gram
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, matrix
from memfeat.errors import ArgumentError
from memfeat.regression.covariates import Covariates

__all__ = ["SCALES", "Fold", "Material", "Source", "spread"]

Array = npt.NDArray[np.float64]
Fold = npt.NDArray[np.int64]
#: A unit varies if its standard deviation exceeds this share of its largest absolute value.
FLAT = 1e-9


class Source(Protocol):
    """What can be fitted to: one layer, or several side by side."""

    def grams(self, fold: Fold) -> Iterator[Array]:
        """Go through folds, and give for each the Gram matrix of all images."""

    def scaled(self, fold: Fold) -> Iterator[Array]:
        """Go through folds, and give for each the features themselves."""

    def among(self, chosen: npt.NDArray[np.intp]) -> "Source":
        """Give the same for some of the images."""


class Material:
    """What one layer offers to fit to, images in the order of their names."""

    def __init__(self, layer: xr.DataArray, scale: str, covariates: Covariates | None = None) -> None:
        self._layer, self.scale, self._covariates = layer, scale, covariates
        self._order = np.argsort(layer[IMAGE].values.astype(str), kind="stable")

    @cached_property
    def plain(self) -> Array:
        """Gram matrix of the features as they are, or of what covariates leave of them over all images.

        Those of the training images are taken out of the matrix later. Taking out first what is common spares digits
        where covariates explain nearly everything.
        """
        if self._covariates is None:
            products = gram.linear(self._layer, centre="features")[np.ix_(self._order, self._order)]
        else:
            everyone = np.ones(len(self._order), dtype=bool)
            [products] = _added(self._layer, self._order, [partial(_left, everyone, self._covariates)])
        # rounding leaves the same small number everywhere when all images are alike
        if np.trace(products) - products.mean() * len(products) <= 1e-9 * np.trace(products):
            raise self._flat()
        return products

    def grams(self, fold: Fold) -> Iterator[Array]:
        """Go through folds, and give for each the Gram matrix of all images on the scale of the training images.

        Covariates are taken out first.

        Yields
        ------
        array (n, n)
            Inner products, not to be written to.
        """
        if self.scale == "unit":
            folds = [partial(_standard, fold != k, self._covariates) for k in range(fold.max() + 1)]
            for products in _added(self._layer, self._order, folds):
                if not products.any():
                    raise self._flat()
                yield products
            return
        for k in range(fold.max() + 1):
            left = self.plain if self._covariates is None else self._covariates.left_of_gram(self.plain, fold != k)
            if not left.any():
                raise self._flat()
            yield left / spread(left, fold != k) if self.scale == "layer" else left

    def scaled(self, fold: Fold) -> Iterator[Array]:
        """Go through folds, and give for each the features themselves, as :meth:`grams` does their products.

        Yields
        ------
        array (n, p)
            Features, float64.
        """
        values = _finite(self._layer, matrix(self._layer)[self._order].astype(np.float64), self._order)
        if not np.ptp(values, axis=0).any():
            raise self._flat()
        for k in range(fold.max() + 1):
            left = _left(fold != k, self._covariates, values)
            if not left.any():
                raise self._flat()
            yield SCALES[self.scale](left, fold != k)

    def among(self, chosen: npt.NDArray[np.intp]) -> "Material":
        """Give the same for some of the images."""
        covariates = None if self._covariates is None else self._covariates.among(chosen)
        part = Material(self._layer.isel({IMAGE: self._order[chosen]}), self.scale, covariates)
        if self.scale != "unit":
            part.plain = self.plain[np.ix_(chosen, chosen)]
        return part

    def _flat(self) -> ArgumentError:
        name = str(self._layer.name)
        remedy = f"Leave it out: features.drop_vars({name!r})."
        rule = "differ between images" + ("" if self._covariates is None else " of equal covariates")
        return ArgumentError(advice("features", rule, listed(f"layer {name!r}"), remedy))


def _left(inside: npt.NDArray[np.bool_], covariates: Covariates | None, values: Array) -> Array:
    """Take covariates out of features; what they explain whole becomes 0, and not rounding errors."""
    if covariates is None:
        return values
    left = covariates.left(values, inside)
    return np.asarray(np.where(left[inside].std(axis=0) > FLAT * np.abs(values[inside]).max(axis=0), left, 0.0))


def _finite(layer: xr.DataArray, values: Array, order: npt.NDArray[np.intp]) -> Array:
    _blocks.must_be_finite(layer, values, layer[IMAGE].values[order])
    return values


def spread(products: Array, inside: npt.NDArray[np.bool_]) -> float:
    """Give the variance of the training images, summed over features."""
    among = products[np.ix_(inside, inside)]
    spread = float(np.trace(among) / len(among) - among.mean())
    return spread if spread > 0 else 1.0


def _standard(inside: npt.NDArray[np.bool_], covariates: Covariates | None, values: Array) -> Array:
    return _unit(_left(inside, covariates, values), inside)


def _added(
    layer: xr.DataArray, order: npt.NDArray[np.intp], changes: Sequence[Callable[[Array], Array]]
) -> Iterator[Array]:
    """Add up the Gram matrices of features that were changed in each of these ways, in one pass over them."""
    grams = [np.zeros((len(order), len(order)), order="F") for _ in changes]
    for raw in _blocks.checked(layer):
        block = gram.in_order(raw, order).astype(np.float64)
        for k, (products, change) in enumerate(zip(grams, changes, strict=True)):
            changed = change(block)
            grams[k] = dsyrk(1.0, changed.T, beta=1.0, c=products, trans=1, lower=1, overwrite_c=1)
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
