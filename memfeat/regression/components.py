"""Regression on principal components or partial least squares, with as many as predict best in inner folds."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat.regression.spans import Span

__all__ = ["PATHS", "Inner", "components"]

Array = npt.NDArray[np.float64]
Path = Callable[[Span, Array, npt.NDArray[np.int64]], Array]
#: Numbers of components that are tried, as far as there are so many.
SIZES = {"pls": np.arange(1, 21), "pcr": np.array([1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377])}


class Inner(NamedTuple):
    """One inner fold."""

    training: Span
    known: Array
    """(m', t), targets of its training images."""
    truth: Array
    """(o', t), targets of its held-out images."""
    weights: Array
    """(o',), how much these count."""


def components(name: str, training: Span, inner: list[Inner], targets: Array) -> tuple[Array, Array]:
    """Predict held-out images from components, as many as predict inner held-out images best.

    Parameters
    ----------
    name : {"pls", "pcr"}
        Which components.
    training : Span
        Training images.
    inner : list of Inner
        Inner folds.
    targets : array (m, t)
        Targets of all training images, each fitted on its own.

    Returns
    -------
    predictions : array (o, t)
        Predictions of the held-out images.
    sizes : array (t,)
        How many components were taken; 0 where the training images are all alike.
    """
    sizes = SIZES[name][SIZES[name] <= min(len(one.training.values) for one in inner)]
    if not len(sizes):
        means = training.centred(targets)[0]
        return np.broadcast_to(means, (len(training.held_out), len(means))), np.zeros(len(means))
    errors = np.sum([_errors(name, one, sizes) for one in inner], axis=0)
    best = np.argmin(errors, axis=0)
    predictions = _path(name, training, targets, sizes)
    return predictions[best, :, np.arange(len(best))].T, sizes[best].astype(np.float64)


def _errors(name: str, one: Inner, sizes: npt.NDArray[np.int64]) -> Array:
    """Sum squared errors of an inner fold, (size, t)."""
    gap = one.truth - _path(name, one.training, one.known, sizes)
    return np.asarray(np.einsum("o,kot->kt", one.weights, gap**2))


def _path(name: str, training: Span, targets: Array, sizes: npt.NDArray[np.int64]) -> Array:
    """Predict held-out images with each number of components, (size, o, t)."""
    means, z = training.centred(targets)
    return means + PATHS[name](training, training.vectors.T @ z, sizes)


def _principal(training: Span, rotated: Array, sizes: npt.NDArray[np.int64]) -> Array:
    """Regress on the first principal components: on the first coordinates, largest variance first."""
    coefficients = (rotated / np.sqrt(training.values)[:, None])[::-1]
    place = training.held_out[:, ::-1]
    found = np.empty((len(sizes), len(place), rotated.shape[1]))
    so_far, start = np.zeros(found.shape[1:]), 0
    for k, size in enumerate(sizes):
        so_far = so_far + place[:, start:size] @ coefficients[start:size]
        found[k], start = so_far, size
    return found


def _latent(training: Span, rotated: Array, sizes: npt.NDArray[np.int64]) -> Array:
    """Partial least squares of single targets, k components being k steps of conjugate gradients.

    In these coordinates the normal equations are diagonal, so that a step costs no product of matrices. Gradients are
    made orthogonal to all before, which rounding would otherwise undo.
    """
    values = training.values[:, None]
    gradient = np.sqrt(values) * rotated
    direction, weights = gradient.copy(), np.zeros_like(gradient)
    square = (gradient**2).sum(axis=0)
    first, before = square.copy(), []
    found = np.empty((len(sizes), len(training.held_out), rotated.shape[1]))
    for k in range(len(sizes)):
        # where nothing is left to explain, further components change nothing
        going = square > 1e-20 * first
        curve = (values * direction**2).sum(axis=0)
        step = np.where(going, square / np.where(going, curve, 1.0), 0.0)
        weights = weights + step * direction
        before.append(gradient / np.sqrt(np.where(square > 0, square, 1.0)))
        gradient = gradient - step * values * direction
        for unit in before:
            gradient -= unit * (unit * gradient).sum(axis=0)
        new = (gradient**2).sum(axis=0)
        direction = gradient + np.where(going, new / np.where(going, square, 1.0), 0.0) * direction
        square = new
        found[k] = training.held_out @ weights
    return found


#: name -> predictions of held-out images less the mean, with each number of components
PATHS: dict[str, Path] = {"pls": _latent, "pcr": _principal}
