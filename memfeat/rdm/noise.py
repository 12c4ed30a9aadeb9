"""Inner products of images in features that are weighted by the inverse of their noise covariance.

Σ = αI + βRᵀR, for features scaled to unit variance or not, is never formed where there are more features than rows in
R: with the eigenvectors of RRᵀ its inverse needs nothing but products of rows with rows.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import LinAlgError, cholesky, eigh, solve_triangular
from scipy.linalg.blas import dsyrk

from memfeat import _blocks, gram
from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError
from memfeat.rdm.plan import Noise, Plan

__all__ = ["SHRINKAGES", "products"]

Array = npt.NDArray[np.float64]
#: Directions with less than this share of the largest variance are rounding.
NEGLIGIBLE = 1e-12
ESTIMATED = ("images", "repeats", "residuals")


class _Rows(NamedTuple):
    """How the rows that are read, repeat by repeat and then residuals, are made into what is needed."""

    folds: int
    images: int
    source: str

    @property
    def read(self) -> int:
        """How many rows are images."""
        return self.folds * self.images

    def noise(self, rows: Array) -> Array:
        """Make the rows whose covariance is that of the noise, along the first axis."""
        if self.source == "residuals":
            return rows[self.read :]
        stack = rows[: self.read].reshape(self.folds, self.images, -1)
        mean: Array = stack.mean(axis=0)
        return mean if self.source == "images" else (stack - mean).reshape(self.read, -1)

    def freedom(self, count: int) -> int:
        """Give the degrees of freedom that rows have left once their means are taken out."""
        return (self.folds - 1) * (self.images - 1) if self.source == "repeats" else count - 1


class _Moments(NamedTuple):
    """What an estimate of shrinkage is made of."""

    squares: Array
    """Squared length of each row (m,)."""
    products: float
    """Sum of the squares of RᵀR."""
    fourth: float
    """Sum of the fourth powers of R."""
    features: int
    """Those that vary."""
    freedom: int


def products(layer: xr.DataArray, plan: Plan, *, crossed: bool) -> gram.Triangle:
    """Compute weighted inner products of images.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, with a dim of repeats or without.
    plan : Plan
        Memory, and the options `noise` (a :class:`Noise`) and `repeat`.
    crossed : bool
        Whether each repeat is multiplied with the others alone, which noise that repeats do not share leaves unbiased;
        else repeats are averaged.

    Returns
    -------
    Triangle
        The products; squared distances may be made of them, whatever the mean of a feature was.
    """
    noise: Noise = plan.options["noise"]
    repeat = plan.options.get("repeat")
    rows = _Rows(1 if repeat is None else layer.sizes[repeat], layer.sizes[IMAGE], noise.source)
    single = noise.source in ("identity", "variances") or (noise.source in ESTIMATED and noise.shrinkage == "diagonal")
    route = _streamed if single else _stacked
    return gram.Triangle(route(layer, plan, rows, crossed), gram.name_order(layer))


def _streamed(layer: xr.DataArray, plan: Plan, rows: _Rows, crossed: bool) -> Array:
    """Scale each feature by itself; nothing but the sum of products is kept."""
    total = np.zeros((rows.images, rows.images), order="F")

    def add(factor: float, values: Array) -> None:
        nonlocal total
        total = dsyrk(factor, np.ascontiguousarray(values).T, beta=1.0, c=total, trans=1, lower=1, overwrite_c=1)

    for block, _ in _scaled(layer, plan, rows):
        stack = block[: rows.read].reshape(rows.folds, rows.images, -1)
        if crossed:
            share = 1 / (rows.folds * (rows.folds - 1))
            for one in stack:
                add(-share, one)
            add(share, stack.sum(axis=0))
        else:
            add(1.0, stack.mean(axis=0))
    return total.T


def _stacked(layer: xr.DataArray, plan: Plan, rows: _Rows, crossed: bool) -> Array:
    """Weight products of all rows with all rows, then add up those that are wanted."""
    features = layer.size // rows.read
    counts = {"images": rows.images, "repeats": rows.read, "covariance": features}
    count = counts.get(rows.source, len(plan.options["noise"].given) if rows.source == "residuals" else 0)
    weighted = (_by_covariance if features <= count else _by_rows)(layer, plan, rows)
    pairs = weighted[: rows.read, : rows.read].reshape(rows.folds, rows.images, rows.folds, rows.images)
    total = pairs.sum(axis=(0, 2))
    if not crossed:
        return np.asarray(total / rows.folds**2)
    own = np.einsum("fifj->ij", pairs)
    return np.asarray((total - own) / (rows.folds * (rows.folds - 1)))


def _by_covariance(layer: xr.DataArray, plan: Plan, rows: _Rows) -> Array:
    """Form the covariance: no more features than rows."""
    noise: Noise = plan.options["noise"]
    blocks, fourth = [], 0.0
    for block, part in _scaled(layer, plan, rows):
        blocks.append(block)
        fourth += part
    whole = np.concatenate(blocks, axis=1)
    if noise.source == "covariance":
        sigma = noise.given
    else:
        sample = rows.noise(whole)
        square = sample.T @ sample
        alive = int((np.diagonal(square) > 0).sum())
        squares = np.einsum("ij,ij->i", sample, sample)
        moments = _Moments(squares, float((square**2).sum()), fourth, alive, rows.freedom(len(sample)))
        alpha, beta = _weights(noise.shrinkage, moments)
        # without any weight, a feature that never varies would have none at all; it is zero everywhere
        dead = 0.0 if alpha else np.where(np.diagonal(square) > 0, 0.0, 1.0)
        sigma = beta * square + np.diag(np.full(len(square), alpha) + dead)
    white = solve_triangular(_root(sigma, str(layer.name)), whole.T, lower=True)
    return np.asarray(white.T @ white)


def _root(sigma: Array, name: str) -> Array:
    """Decompose a covariance."""
    try:
        root = cholesky(sigma, lower=True)
    except LinAlgError:
        root = np.zeros_like(sigma)
    scale = np.diagonal(root) / np.sqrt(np.maximum(np.diagonal(sigma), np.finfo(float).tiny))
    if (scale**2 <= NEGLIGIBLE).any():
        raise _singular(name)
    return np.asarray(root)


def _singular(name: str) -> ArgumentError:
    remedy = "Shrink it: shrinkage='schaefer-strimmer', 'ledoit-wolf', 'diagonal' or a number above 0."
    rule = "have a noise covariance that can be inverted"
    found = listed("one without variance in some direction: features depend on each other, or outnumber the rows")
    return ArgumentError(advice(f"features[{name!r}]", rule, found, remedy))


def _by_rows(layer: xr.DataArray, plan: Plan, rows: _Rows) -> Array:
    """Invert the covariance by way of the products of rows: more features than rows."""
    noise: Noise = plan.options["noise"]
    size = rows.read + (len(noise.given) if noise.source == "residuals" else 0)
    half, fourth, alive = np.zeros((size, size), order="F"), 0.0, 0
    for block, part in _scaled(layer, plan, rows):
        half = dsyrk(1.0, np.ascontiguousarray(block).T, beta=1.0, c=half, trans=1, lower=1, overwrite_c=1)
        fourth += part
        alive += int((rows.noise(block) != 0).any(axis=0).sum())
    whole = gram.Triangle(half.T, np.arange(size)).square()
    with_noise = rows.noise(whole)  # noise rows against all
    inner = rows.noise(np.ascontiguousarray(with_noise.T))
    inner = (inner + inner.T) / 2
    moments = _Moments(np.diagonal(inner), float((inner**2).sum()), fourth, alive, rows.freedom(len(inner)))
    alpha, beta = _weights(noise.shrinkage, moments)
    if alpha <= 0:
        raise _singular(str(layer.name))
    values, vectors = eigh(inner)
    kept = values > NEGLIGIBLE * values[-1]
    # coordinates of all rows along the directions in which noise varies
    along = with_noise.T @ vectors[:, kept] / np.sqrt(values[kept])
    inside = along / (alpha + beta * values[kept]) @ along.T
    return np.asarray(inside + (whole - along @ along.T) / alpha)


def _scaled(layer: xr.DataArray, plan: Plan, rows: _Rows) -> Iterator[tuple[Array, float]]:
    """Yield blocks of features of all rows, centred and scaled, images by name; and the sum of 4th powers of noise."""
    noise: Noise = plan.options["noise"]
    repeat = plan.options.get("repeat")
    lead = (IMAGE,) if repeat is None else (repeat, IMAGE)
    order, start = gram.name_order(layer), 0
    for raw in _blocks.checked(layer, lead=lead, memory=plan.memory // 2, tick=plan.tick):
        stop = start + raw.shape[1]
        stack = _centred(raw.reshape(rows.folds, rows.images, -1)[:, order]).reshape(rows.read, -1)
        if noise.source == "residuals":
            extra = _centred(np.asarray(noise.given[None, :, start:stop]))[0]
            stack = np.concatenate([stack, extra])
        if noise.source == "variances":
            stack = _divided(layer, stack, np.sqrt(noise.given[start:stop]), rows)
        elif noise.source in ESTIMATED and noise.shrinkage != "ledoit-wolf":
            sample = rows.noise(stack)
            deviation = np.sqrt(np.einsum("ij,ij->j", sample, sample) / rows.freedom(len(sample)))
            stack = _divided(layer, stack, deviation, rows)
        counted = noise.source in ESTIMATED and noise.shrinkage == "schaefer-strimmer"
        yield stack, float((rows.noise(stack) ** 4).sum()) if counted else 0.0
        start = stop


def _centred(stack: npt.NDArray[Any]) -> Array:
    """Subtract from each feature its mean over rows; exactly zero where all are alike."""
    moved = np.subtract(stack, stack[:, :1], dtype=np.float64)
    return np.asarray(moved - moved.mean(axis=1, keepdims=True))


def _divided(layer: xr.DataArray, stack: Array, deviation: Array, rows: _Rows) -> Array:
    """Divide features by their standard deviation; what never varies is left at zero."""
    dead = deviation == 0
    if (lost := dead & (stack[: rows.read] != 0).any(axis=0)).any():
        found = listed(f"{int(lost.sum())} that vary over images and have no noise")
        remedy = "Drop these features, or take the noise from elsewhere: noise_cov=, residuals=."
        argument = f"features[{str(layer.name)!r}]"
        raise ArgumentError(advice(argument, "have noise in every feature that varies", found, remedy))
    return np.asarray(stack / np.where(dead, 1.0, deviation))


def _weights(shrinkage: str | float, moments: _Moments) -> tuple[float, float]:
    """Give α and β of Σ = αI + βRᵀR."""
    if isinstance(shrinkage, str):
        return SHRINKAGES[shrinkage](moments)
    return float(shrinkage), (1 - float(shrinkage)) / moments.freedom


def _diagonal(moments: _Moments) -> tuple[float, float]:
    """Variances alone, of features that were scaled by them."""
    return 1.0, 0.0


def _schaefer_strimmer(moments: _Moments) -> tuple[float, float]:
    """Shrink correlations of features that were scaled to variance 1."""
    rows = len(moments.squares)
    # sums over pairs of different features, with each feature's own part taken out
    own = moments.features * moments.freedom**2
    linear = (moments.products - own) / (rows - 1) ** 2
    squared = ((moments.squares**2).sum() - moments.fourth) / (rows - 1)
    spread = rows / moments.freedom**2 * (squared - linear)
    share = float(np.clip(spread / linear, 0, 1)) if linear > 0 else 1.0
    return share, (1 - share) / moments.freedom


def _ledoit_wolf(moments: _Moments) -> tuple[float, float]:
    """Shrink towards the mean variance of all features."""
    rows = len(moments.squares)
    mean = moments.squares.sum() / rows / moments.features
    square = moments.products / rows**2
    away = square - mean**2 * moments.features
    noise = min(away, ((moments.squares**2).sum() / rows - square) / rows)
    share = noise / away if away > 0 else 1.0
    return float(share * mean * rows / moments.freedom), float((1 - share) / moments.freedom)


SHRINKAGES: dict[str, Callable[[_Moments], tuple[float, float]]] = {
    "diagonal": _diagonal,
    "schaefer-strimmer": _schaefer_strimmer,
    "ledoit-wolf": _ledoit_wolf,
}
