"""Ridge regression from a Gram matrix: any number of targets, each with its own penalty, one decomposition per fold."""

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from memfeat.regression.spans import Span, span

__all__ = ["PENALTIES", "fitted", "out_of_fold", "predicted"]

Array = npt.NDArray[np.float64]
#: What is tried, in multiples of the mean diagonal of the centred training Gram matrix; the strongest first, so that
#: among equally good penalties the strongest is taken.
PENALTIES: Array = np.logspace(6, -6, 13)
#: Most numbers held at once while leave-one-out errors are summed.
BLOCK = 2**22


def predicted(training: Span, targets: Array) -> tuple[Array, Array]:
    """Predict held-out images by ridge regression, with the penalty of the smallest leave-one-out squared error.

    Parameters
    ----------
    training : Span
        Training images.
    targets : array (m, t)
        Their targets, each fitted on its own.

    Returns
    -------
    predictions : array (o, t)
        Predictions of the held-out images.
    penalties : array (t,)
        The penalties taken, in squared units of the features.
    """
    means, z = training.centred(targets)
    rotated = training.vectors.T @ z
    penalties = _best(training, z, rotated)
    shrunk = np.sqrt(training.values)[:, None] * rotated / (training.values[:, None] + penalties)
    return means + training.held_out @ shrunk, penalties


def out_of_fold(gram: Array, targets: Array, fold: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Predict each image from the images of the other folds.

    Parameters
    ----------
    gram : array (n, n)
        Inner products of the images' features; where their origin lies makes no difference.
    targets : array (n, t)
        Targets, each fitted on its own.
    fold : array (n,) of int
        The fold in which an image is held out, 0 to k − 1.

    Returns
    -------
    predictions : array (n, t)
        Out-of-fold predictions.
    penalties : array (k, t)
        The penalty taken for each target in the training images of each fold, in squared units of the features.
    """
    predictions, penalties = np.empty_like(targets), np.empty((fold.max() + 1, targets.shape[1]))
    for k in range(len(penalties)):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        predictions[outside], penalties[k] = predicted(span(gram, inside, outside), targets[inside])
    return predictions, penalties


def fitted(features: Array, targets: Array) -> tuple[Array, Array]:
    """Fit weights to all images, with the penalty that `out_of_fold` would take for them.

    Parameters
    ----------
    features : array (n, p)
        Features, each with mean zero over images.
    targets : array (n, t)
        Targets, each fitted on its own.

    Returns
    -------
    weights : array (p, t)
        Predictions are the targets' means plus features times weights.
    penalties : array (t,)
        The penalty taken for each target, in squared units of the features.
    """
    centred, (n, p) = targets - targets.mean(axis=0), features.shape
    square = features.T @ features if p < n else features @ features.T
    values, vectors = eigh(square, driver="evd", overwrite_a=True, check_finite=False)
    kept = values > max(n, p) * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
    values, vectors = values[kept], vectors[:, kept]
    if p < n:
        vectors = features @ vectors / np.sqrt(values)  # (n, r)
    scale = float(np.einsum("ij,ij->", features, features)) / n
    training = Span(values, vectors, scale, np.empty((0, len(values))), np.ones(n))
    rotated = vectors.T @ centred
    penalties = _best(training, centred, rotated)
    weights: Array = features.T @ (vectors @ (rotated / (values[:, None] + penalties)))
    return weights, penalties


def _best(training: Span, z: Array, rotated: Array) -> Array:
    """Take for each target the penalty with the smallest leave-one-out squared error."""
    grid = PENALTIES * training.scale
    width = max(1, BLOCK // len(z))
    blocks = [slice(start, start + width) for start in range(0, z.shape[1], width)]
    errors = [_leave_one_out(training, z[:, b], rotated[:, b], grid) for b in blocks]
    best: Array = grid[np.argmin(np.concatenate(errors, axis=1), axis=0)]
    return best


def _leave_one_out(training: Span, z: Array, rotated: Array, grid: Array) -> Array:
    """Sum w ((y − ŷ) / (1 − h))² over training images, (penalty, target); h includes the intercept's w / Σw.

    Both y − ŷ and 1 − h are split into the part outside the span of U, which no penalty touches, and the part inside,
    which shrinks by λ / (v + λ). Neither is then a difference of nearly equal numbers when the penalty is small.
    """
    values, vectors = training.values, training.vectors
    squared = vectors**2
    outside = z - vectors @ rotated
    spare = 1 - training.root**2 / len(z) - squared.sum(axis=1)
    errors = np.empty((len(grid), z.shape[1]))
    for i, penalty in enumerate(grid):
        shrunk = penalty / (values + penalty)
        residual = vectors @ (shrunk[:, None] * rotated)
        residual += outside
        np.square(residual, out=residual)
        errors[i] = (spare + squared @ shrunk) ** -2.0 @ residual
    return errors
