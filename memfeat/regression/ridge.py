"""Ridge regression from a Gram matrix: any number of targets, each with its own penalty, one decomposition per fold."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

__all__ = ["PENALTIES", "fitted", "out_of_fold"]

Array = npt.NDArray[np.float64]
#: What is tried, in multiples of the mean diagonal of the centred training Gram matrix; the strongest first, so that
#: among equally good penalties the strongest is taken.
PENALTIES: Array = np.logspace(6, -6, 13)
#: Most numbers held at once while leave-one-out errors are summed.
BLOCK = 2**22


class _Training(NamedTuple):
    """A training fold: its centred Gram matrix, V diag(w) Vᵀ, and inner products of held-out with training images."""

    values: Array  # (r,), all above zero
    vectors: Array  # (m, r)
    scale: float  # mean diagonal
    held_out: Array  # (n − m, m)


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
        training, mean = _training(gram, inside, outside), targets[inside].mean(axis=0)
        rotated = training.vectors.T @ (targets[inside] - mean)
        penalties[k] = _best(training, targets[inside] - mean, rotated)
        weights = rotated / (training.values[:, None] + penalties[k])
        predictions[outside] = mean + (training.held_out @ training.vectors) @ weights
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
    training = _Training(values, vectors, float(np.einsum("ij,ij->", features, features)) / n, np.empty((0, n)))
    rotated = vectors.T @ centred
    penalties = _best(training, centred, rotated)
    weights: Array = features.T @ (vectors @ (rotated / (values[:, None] + penalties)))
    return weights, penalties


def _training(gram: Array, inside: npt.NDArray[np.intp], outside: npt.NDArray[np.intp]) -> _Training:
    """Centre on the mean of the training images, by the Gram matrix alone, and decompose."""
    among, across = gram[np.ix_(inside, inside)], gram[np.ix_(outside, inside)]
    to_mean, rounding = among.mean(axis=0), np.finfo(np.float64).eps * float(np.trace(among))
    held_out = across - across.mean(axis=1, keepdims=True) - to_mean + to_mean.mean()
    among -= to_mean[:, None]
    among -= to_mean - to_mean.mean()
    scale = max(float(np.trace(among)) / len(inside), 0.0)
    values, vectors = eigh(among, driver="evd", overwrite_a=True, check_finite=False)
    kept = values > max(rounding, len(inside) * np.finfo(np.float64).eps * values[-1])
    return _Training(values[kept], vectors[:, kept], scale, held_out)


def _best(training: _Training, centred: Array, rotated: Array) -> Array:
    """Take for each target the penalty with the smallest leave-one-out squared error."""
    penalties = PENALTIES * training.scale
    width = max(1, BLOCK // len(centred))
    blocks = [slice(start, start + width) for start in range(0, centred.shape[1], width)]
    errors = [_leave_one_out(training, centred[:, b], rotated[:, b], penalties) for b in blocks]
    best: Array = penalties[np.argmin(np.concatenate(errors, axis=1), axis=0)]
    return best


def _leave_one_out(training: _Training, centred: Array, rotated: Array, penalties: Array) -> Array:
    """Sum ((y − ŷ) / (1 − h))² over training images, (penalty, target); h includes the intercept's 1/m.

    Both y − ŷ and 1 − h are split into the part outside the span of V, which no penalty touches, and the part inside,
    which shrinks by λ / (w + λ). Neither is then a difference of nearly equal numbers when the penalty is small.
    """
    values, vectors = training.values, training.vectors
    squared = vectors**2
    outside = centred - vectors @ rotated
    spare = 1 - 1 / len(centred) - squared.sum(axis=1)
    errors = np.empty((len(penalties), centred.shape[1]))
    for i, penalty in enumerate(penalties):
        shrunk = penalty / (values + penalty)
        residual = vectors @ (shrunk[:, None] * rotated)
        residual += outside
        np.square(residual, out=residual)
        errors[i] = (spare + squared @ shrunk) ** -2.0 @ residual
    return errors
