"""Principal components of all images but one, for each image, from one decomposition of all.

Without an image the scatter of the others is that of all less c t tᵀ, where t are the image's coordinates along the
components of all, and c = n / (n − 1): a diagonal matrix less one of rank one. Its eigenvalues are the roots of a
rational function, each between two of the old ones (Golub 1973), and the image's coordinates along its eigenvectors
follow from the roots alone.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import eigh

from memfeat import _blocks, gram
from memfeat._check import advice
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError
from memfeat.measures.layers import called, width_of

__all__ = ["NEGLIGIBLE", "Left", "left_out", "scores"]

Array = npt.NDArray[np.float64]
#: Variance below this share of the largest is rounding, not data.
NEGLIGIBLE = 1e-12
#: Least share of the largest variance that an image has along any component: rounding, without which it would be zero.
LEAST = 1e-32
#: A root has settled when it moves by no more than this share of itself.
DIGITS = 1e-15
#: Most steps to a root; it takes about eight.
STEPS = 100


class Left(NamedTuple):
    """Each image as the others see it; k components of theirs."""

    squares: Array
    """(n,), squared distance to the mean of the others."""
    captured: Array
    """(n, k), squared coordinates along the components of the others, measured from their mean."""
    variances: Array
    """(n, k), variances of the others along these (their number less one in the denominator)."""


def scores(layer: xr.DataArray, tick: _blocks.Tick) -> tuple[Array, Array]:
    """Find the principal components of all images.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer.
    tick : callable
        Is told the number of features after each block.

    Returns
    -------
    array (n, r)
        Coordinates of each image along all components that are not negligible.
    array (r,)
        Sums of squares along them, the largest first.
    """
    route = _by_gram if layer.sizes[IMAGE] <= width_of(layer) else _by_features
    points, sizes = route(layer, tick)
    kept = sizes > NEGLIGIBLE * max(float(sizes[0]), 0.0)
    return points[:, kept], sizes[kept]


def _by_gram(layer: xr.DataArray, tick: _blocks.Tick) -> tuple[Array, Array]:
    sizes, vectors = eigh(gram.triangle(layer, centre="features", tick=tick).square(), overwrite_a=True)
    sizes, vectors = np.maximum(sizes[::-1], 0.0), vectors[:, ::-1]
    return vectors * np.sqrt(sizes), sizes


def _by_features(layer: xr.DataArray, tick: _blocks.Tick) -> tuple[Array, Array]:
    """Multiply features with each other, which are fewer than images."""
    values = np.concatenate([block.astype(np.float64) for block in _blocks.checked(layer, tick=tick)], axis=1)
    values -= values[:1]
    values -= values.mean(axis=0)
    sizes, vectors = eigh(values.T @ values)
    return values @ vectors[:, ::-1], np.maximum(sizes[::-1], 0.0)


def left_out(layer: xr.DataArray, n_components: int, tick: _blocks.Tick) -> Left:
    """Describe each image by the principal components of the others.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer.
    n_components : int
        How many.
    tick : callable
        Is told the number of features after each block.

    Returns
    -------
    Left
        Each image as the others see it.

    Raises
    ------
    ArgumentError
        If the others leave no direction beside so many.
    """
    points, sizes = scores(layer, tick)
    n = len(points)
    most = max(min(len(sizes) - 1, n - 2), 0)
    if n_components > most:
        rule = f"be at most {most}, with which {called(layer)} leaves a direction over for an image that is left out"
        raise ArgumentError(advice("n_components", rule, n_components, "Lower it, or add images."))
    factor, unit = n / (n - 1), sizes[0]
    squares, sizes = np.maximum(np.square(points) / unit, LEAST), sizes / unit
    captured, left = np.empty((2, n, n_components))
    for j in range(n_components):
        captured[:, j], left[:, j] = _component(squares, sizes, factor, j)
    return Left(unit * factor**2 * squares.sum(axis=1), unit * captured, unit * left / (n - 2))


def _component(squares: Array, sizes: Array, factor: float, j: int) -> tuple[Array, Array]:
    """Find component j of the others of each image: the image's squared coordinate (n,), and their sum of squares (n,).

    The new sum of squares lies between the old ones of j and j + 1. Its distance from the nearer of the two is what is
    looked for, since a small one would have no digits left as a difference.
    """
    gap = float(sizes[j] - sizes[j + 1])
    if gap <= 0:
        return np.zeros(len(squares)), np.full(len(squares), sizes[j])
    upper = _Pole(gap, squares[:, j], squares[:, j + 1], np.delete(squares, (j, j + 1), 1), factor)
    beyond = np.delete(sizes, (j, j + 1))
    high = np.full(len(squares), gap / 2)
    is_low = upper.value(high, beyond - sizes[j] + high[:, None]) < 0
    captured, left = np.empty((2, len(squares)))
    for some, k, sign in ((~is_low, j, 1), (is_low, j + 1, -1)):
        pole = upper.of(some) if k == j else upper.of(some).mirrored()
        away = pole.root(beyond - sizes[k], sign)
        captured[some] = 1 / pole.slope(away, beyond - sizes[k] + sign * away[:, None])
        left[some] = sizes[k] - sign * away
    return captured, left


class _Pole(NamedTuple):
    """The rational function between two poles, as seen from one of them."""

    gap: float
    """How far apart the two are."""
    here: Array
    """(n,), share of each image in the component of this pole."""
    there: Array
    """(n,), and of the other."""
    rest: Array
    """(n, r − 2), and of all further ones."""
    factor: float

    def of(self, some: npt.NDArray[np.bool_]) -> "_Pole":
        """Select images."""
        return self._replace(here=self.here[some], there=self.there[some], rest=self.rest[some])

    def mirrored(self) -> "_Pole":
        """See it from the other pole."""
        return self._replace(here=self.there, there=self.here)

    def value(self, away: Array, further: Array, sign: int = 1) -> Array:
        """Multiply the function by both poles, which leaves one that rises from below zero at this pole.

        `away` (n,) is the distance from this pole, `further` (n, r − 2) that of all further poles from there.
        """
        others = 1 - self.factor * (self.rest / further).sum(axis=1)
        left = self.gap - away
        return np.asarray(sign * away * left * others - self.factor * (self.here * left - self.there * away))

    def slope(self, away: Array, further: Array) -> Array:
        """Sum the squared shares over squared distances."""
        near = self.here / away**2 + self.there / (self.gap - away) ** 2
        return np.asarray(near + (self.rest / further**2).sum(axis=1))

    def root(self, beyond: Array, sign: int) -> Array:
        """Find the root in the half of the gap on this side, by Ridders' method."""
        low, high = np.zeros(len(self.here)), np.full(len(self.here), self.gap / 2)
        at_low, at_high = -self.factor * self.here * self.gap, self.value(high, beyond + sign * high[:, None], sign)
        found, settled = high, at_high == 0
        for _ in range(STEPS):
            middle = (low + high) / 2
            at_middle = self.value(middle, beyond + sign * middle[:, None], sign)
            with np.errstate(invalid="ignore"):  # those that have settled may be at zero on both sides
                guess = middle - (middle - low) * at_middle / np.sqrt(at_middle**2 - at_low * at_high)
            guess = np.where((guess > low) & (guess < high), guess, middle)
            before, found = found, np.where(settled, found, guess)
            value = self.value(found, beyond + sign * found[:, None], sign)
            settled |= (np.abs(found - before) <= DIGITS * found) | (value == 0)
            if settled.all():
                break
            low, at_low, high, at_high = _narrowed((low, at_low, high, at_high), (middle, at_middle), (found, value))
        return found


def _narrowed(bracket: tuple[Array, ...], *points: tuple[Array, Array]) -> tuple[Array, ...]:
    """Move the ends of a bracket to points inside it, on the side of the root where they lie."""
    low, at_low, high, at_high = bracket
    for where, value in points:
        rises, falls = (value >= 0) & (where < high), (value < 0) & (where > low)
        high, at_high = np.where(rises, where, high), np.where(rises, value, at_high)
        low, at_low = np.where(falls, where, low), np.where(falls, value, at_low)
    return low, at_low, high, at_high
