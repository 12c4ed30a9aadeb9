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
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError
from memfeat.regression import primal, spans
from memfeat.regression.covariates import Covariates
from memfeat.regression.rounding import NOTHING, varied

__all__ = ["SCALES", "Fold", "Material", "Source", "Spanned", "spanned", "spread"]

Array = npt.NDArray[np.float64]
Fold = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]
Inside = npt.NDArray[np.bool_]
#: training images, held-out images, weights of all -> their span
Spanned = Callable[[Index, Index, Array | None], spans.Span]


class Source(Protocol):
    """What can be fitted to: one layer, or several side by side."""

    @property
    def width(self) -> int:
        """How many features there are."""

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

    @property
    def width(self) -> int:
        """How many features there are."""
        return self._layer.size // len(self._order)

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
        self._must_be_finite(products)
        # rounding leaves the same small number everywhere when all images are alike
        if np.trace(products) - products.mean() * len(products) <= NOTHING * np.trace(products):
            raise self.flat()
        return products

    def grams(self, fold: Fold) -> Iterator[Array]:
        """Go through folds, and give for each the Gram matrix of all images on the scale of the training images.

        Covariates are taken out first.

        Yields
        ------
        array (n, n)
            Inner products, not to be written to.
        """
        return self._grams([fold != k for k in range(fold.max() + 1)])

    def whole(self) -> Array:
        """Give the Gram matrix of all images on the scale of all images.

        Returns
        -------
        array (n, n)
            Inner products, not to be written to.
        """
        return next(self._grams([self._everyone]))

    def blocks(self, tick: _blocks.Tick | None = None) -> Iterator[Array]:
        """Go through features, some at a time, on the scale of all images.

        Parameters
        ----------
        tick : callable, optional
            Is told the number of features after each block.

        Yields
        ------
        array (n, width)
            Float64, features in C order; may be written to.
        """
        divisor = np.sqrt(spread(self.plain, self._everyone)) if self.scale == "layer" else 1.0
        for raw in _blocks.checked(self._layer, tick=tick):
            block = gram.in_order(raw, self._order).astype(np.float64)
            if self.scale == "unit":
                block = _unit(block, self._everyone)
            elif self.scale == "layer":
                block /= divisor
            yield block

    def scaled(self, fold: Fold) -> Iterator[Array]:
        """Go through folds, and give for each the features themselves, as :meth:`grams` does their products.

        Yields
        ------
        array (n, p)
            Features, float64.
        """
        values, start = np.empty((len(self._order), self.width)), 0
        for raw in _blocks.checked(self._layer):
            stop = start + raw.shape[1]
            values[:, start:stop] = gram.in_order(raw, self._order)
            start = stop
        with np.errstate(over="ignore"):
            self._must_be_finite((values**2).sum(axis=1))
        if not np.ptp(values, axis=0).any():
            raise self.flat()
        for k in range(fold.max() + 1):
            scaled = SCALES[self.scale](_left(fold != k, self._covariates, values), fold != k)
            if not scaled.any():
                raise self.flat()
            yield scaled

    def among(self, chosen: npt.NDArray[np.intp]) -> "Material":
        """Give the same for some of the images."""
        covariates = None if self._covariates is None else self._covariates.among(chosen)
        part = Material(self._layer.isel({IMAGE: self._order[chosen]}), self.scale, covariates)
        if self.scale != "unit":
            part.plain = self.plain[np.ix_(chosen, chosen)]
        return part

    @property
    def _everyone(self) -> Inside:
        return np.ones(len(self._order), dtype=bool)

    def _grams(self, insides: list[Inside]) -> Iterator[Array]:
        """Give the Gram matrix of all images on the scale of some of them, for each choice of these."""
        if self.scale == "unit":
            changes = [partial(_standard, inside, self._covariates) for inside in insides]
            for products in _added(self._layer, self._order, changes):
                if not products.any():
                    raise self.flat()
                yield products
            return
        for inside in insides:
            left = self.plain if self._covariates is None else self._covariates.left_of_gram(self.plain, inside)
            if not left.any():
                raise self.flat()
            yield left / spread(left, inside) if self.scale == "layer" else left

    def _must_be_finite(self, squares: Array) -> None:
        """Refuse features that are finite numbers and whose squares are not."""
        if not np.isfinite(squares).all():
            remedy = "Divide them by a constant: predictions do not depend on it."
            found = listed(f"layer {str(self._layer.name)!r}, of which they are beyond 1e308")
            raise ArgumentError(advice("features", "have sums of squares that are numbers", found, remedy))

    def flat(self) -> ArgumentError:
        """Make the error of a layer that is the same for all images.

        Returns
        -------
        ArgumentError
            With the layer's name, and what to do.
        """
        name = str(self._layer.name)
        remedy = f"Leave it out: features.drop_vars({name!r})."
        rule = "differ between images" + ("" if self._covariates is None else " of equal covariates")
        return ArgumentError(advice("features", rule, listed(f"layer {name!r}"), remedy))


def spanned(source: Source, fold: Fold) -> Iterator[Spanned]:
    """Go through folds, and give for each what decomposes sets of images on the scale of the training images.

    It is the Gram matrix that is decomposed, or the features themselves when there are at most half as many of them as
    images, which is where that is quicker.

    Parameters
    ----------
    source : Source
        What is fitted to.
    fold : array (n,) of int
        The fold in which an image is held out.

    Yields
    ------
    callable
        As :func:`memfeat.regression.spans.span`, without its first parameter.
    """
    if 2 * source.width > len(fold):
        for products in source.grams(fold):
            yield partial(spans.span, products)
        return
    for scaled in source.scaled(fold):
        yield partial(primal.span, scaled)


def _left(inside: Inside, covariates: Covariates | None, values: Array) -> Array:
    """Take covariates out of features; what they explain whole becomes 0, and not rounding errors."""
    if covariates is None:
        return values
    left = covariates.left(values, inside)
    return np.asarray(np.where(varied(values[inside], left[inside].std(axis=0)), left, 0.0))


def spread(products: Array, inside: Inside) -> float:
    """Give the variance of the training images, summed over features."""
    among = products[np.ix_(inside, inside)]
    spread = float(np.trace(among) / len(among) - among.mean())
    return spread if spread > 0 else 1.0


def _standard(inside: Inside, covariates: Covariates | None, values: Array) -> Array:
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


def _none(values: Array, inside: Inside) -> Array:
    return values


def _whole(values: Array, inside: Inside) -> Array:
    centred = values - values[inside].mean(axis=0)
    spread = float((centred[inside] ** 2).sum(axis=1).mean())
    return np.asarray(centred / np.sqrt(spread) if spread > 0 else centred)


def _unit(values: Array, inside: Inside) -> Array:
    """Standardise each unit; one that is the same for all training images becomes 0."""
    mean, spread = values[inside].mean(axis=0), values[inside].std(axis=0)
    varies = varied(values[inside], spread)
    return np.asarray((values - mean) * np.divide(1.0, spread, out=np.zeros_like(spread), where=varies))


#: scale -> function of features (n, p) and which images are trained on (n,)
SCALES: dict[str, Callable[[Array, npt.NDArray[np.bool_]], Any]] = {"none": _none, "layer": _whole, "unit": _unit}
