"""Kernel density of points at each of them, which does not count there."""

from collections.abc import Callable
from math import lgamma, log, pi
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

__all__ = ["KERNELS", "Kernel", "likeliest", "log_densities"]

Array = npt.NDArray[np.float64]
#: Bandwidths that are tried at once, how often around the best, and how near the last one comes, as a share of itself.
TRIED, TURNS, NEAR = 32, 2, 1e-4
#: Rows of the matrix of distances that are worked on together.
ROWS = 256


class Kernel(NamedTuple):
    """How much a point counts, by its distance."""

    log_sums: Callable[[Array, float], Array]
    """Log of the sum over the last axis of what points at these squared distances count, before scaling."""
    log_mass: Callable[[int], float]
    """Log of the integral over so many dimensions."""
    bounds: Callable[[Array, Array, int], tuple[float, float]]
    """Between which bandwidths the likeliest lies, by squared distances to the nearest and to the farthest other."""


def log_densities(squared: Array, bandwidth: float, n_dimensions: int, kernel: Kernel) -> Array:
    """Compute the log density at each point, made of the other points.

    Parameters
    ----------
    squared : array (n, n)
        Squared distances, infinite on the diagonal.
    bandwidth : float
        In units of distance.
    n_dimensions : int
        Of the space.
    kernel : Kernel
        One of `KERNELS`.

    Returns
    -------
    array (n,)
        log p; −inf where no other point lies within reach.
    """
    sums = np.empty(len(squared))
    for start in range(0, len(squared), ROWS):
        rows = slice(start, start + ROWS)
        sums[rows] = kernel.log_sums(squared[rows], bandwidth)
    return sums - log(len(squared) - 1) - n_dimensions * log(bandwidth) - kernel.log_mass(n_dimensions)


def likeliest(squared: Array, n_dimensions: int, kernel: Kernel) -> float:
    """Find the bandwidth under which each point is likeliest in view of the others: leave-one-out likelihood.

    Parameters
    ----------
    squared : array (n, n)
        Squared distances, infinite on the diagonal; not all points have a copy among the others.
    n_dimensions : int
        Of the space.
    kernel : Kernel
        One of `KERNELS`.

    Returns
    -------
    float
        The bandwidth with the largest mean log density.

    Notes
    -----
    The likelihood has several peaks: with the Epanechnikov kernel, at many a distance at which a point comes within
    reach of another. It is computed for bandwidths evenly spaced in their logarithm, between bounds that hold the
    largest, then for as many around the best of them, and refined from there.
    """

    def loss(size: float) -> float:
        return -float(log_densities(squared, np.exp(size), n_dimensions, kernel).mean())

    farthest = np.where(np.isinf(squared), 0, squared).max(axis=1)
    low, high = kernel.bounds(squared.min(axis=1), farthest, n_dimensions)
    low, high = log(low), log(high)
    for _ in range(TURNS):
        sizes = np.linspace(low, high, TRIED)
        losses = [loss(size) for size in sizes]
        best = int(np.argmin(losses))
        low, high = sizes[max(best - 1, 0)], sizes[min(best + 1, TRIED - 1)]
    refined = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": NEAR})
    return float(np.exp(refined.x if refined.fun < losses[best] else sizes[best]))


def _epanechnikov(squared: Array, bandwidth: float) -> Array:
    counted = np.clip(1 - squared / bandwidth**2, 0, None).sum(axis=-1)
    return np.asarray(np.log(counted, out=np.full_like(counted, -np.inf), where=counted > 0))


def _gaussian(squared: Array, bandwidth: float) -> Array:
    # relative to the nearest, so that a point far from all others does not vanish in rounding
    nearest = squared.min(axis=-1, keepdims=True)
    rest = np.exp((nearest - squared) / (2 * bandwidth**2)).sum(axis=-1)
    return np.asarray(np.log(rest) - nearest[..., 0] / (2 * bandwidth**2))


def _epanechnikov_mass(n_dimensions: int) -> float:
    ball = n_dimensions / 2 * log(pi) - lgamma(n_dimensions / 2 + 1)
    return ball + log(2 / (n_dimensions + 2))


def _gaussian_mass(n_dimensions: int) -> float:
    return n_dimensions / 2 * log(2 * pi)


def _epanechnikov_bounds(nearest: Array, farthest: Array, n_dimensions: int) -> tuple[float, float]:
    # each point must reach another; beyond the upper bound the density falls at every point
    low = float(np.sqrt(nearest.max())) * (1 + 1e-9)
    return low, float(np.sqrt(farthest.max() * (n_dimensions + 2) / n_dimensions))


def _gaussian_bounds(nearest: Array, farthest: Array, n_dimensions: int) -> tuple[float, float]:
    # the likelihood rises with the bandwidth below the first, and falls above the second
    return float(np.sqrt(nearest.mean() / n_dimensions)), float(np.sqrt(farthest.mean() / n_dimensions))


KERNELS: dict[str, Kernel] = {
    "epanechnikov": Kernel(_epanechnikov, _epanechnikov_mass, _epanechnikov_bounds),
    "gaussian": Kernel(_gaussian, _gaussian_mass, _gaussian_bounds),
}
