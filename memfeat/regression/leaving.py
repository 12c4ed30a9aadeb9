"""How well ridge regression predicts with one image, or one group of images, left out at a time."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from memfeat import stats
from memfeat._check import advice, listed
from memfeat.errors import ArgumentError
from memfeat.regression.fits import Predicted, Task, Tick
from memfeat.regression.ridge import predicted
from memfeat.regression.scaling import Source, spanned
from memfeat.regression.spans import Span
from memfeat.stats.participants import t_limits

__all__ = ["Units", "limits", "ridge_left_out", "units_of"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
#: Most numbers held at once while predictions without each unit are summed.
BLOCK = 2**22
#: A variance below this share of the mean square is rounding: all values are alike.
FLAT = 1e-12


class Units(NamedTuple):
    """What is left out."""

    number: Index
    """(n,), the unit of each image."""
    strata: Index
    """(unit,), units of a stratum are drawn among themselves."""


def units_of(scheme: Mapping[str, Any], fold: npt.NDArray[np.int64]) -> Units:
    """Find what is left out: each image, or each group that is drawn as a whole.

    Parameters
    ----------
    scheme : mapping
        `blocks` and `permute`, see :class:`memfeat.stats.Exchange`.
    fold : array (n,) of int
        The fold of each image; those below 0 are never held out, and a stratum of their own.

    Returns
    -------
    Units
        Images inside their blocks with `permute="within"`.

    Raises
    ------
    ArgumentError
        If nothing varies once units are kept to their strata.
    """
    n, blocks = len(fold), scheme["blocks"]
    kind = (fold < 0).astype(np.intp)
    if scheme["permute"] == "whole":
        _, first, number = np.unique(blocks, return_index=True, return_inverse=True)
        found = Units(number.reshape(-1), kind[first])
    elif scheme["permute"] == "within":
        found = Units(np.arange(n), 2 * np.unique(blocks, return_inverse=True)[1].reshape(-1) + kind)
    else:
        found = Units(np.arange(n), kind)
    n_units, n_strata = len(found.strata), len(np.unique(found.strata))
    if n_units <= n_strata:
        told = listed(f"{n_units} units in {n_strata} groups")
        remedy = "Whole groups need at least two; groups of one image say nothing of how images vary within."
        rule = f"leave something to draw with permute={scheme['permute']!r}"
        raise ArgumentError(advice("blocks", rule, told, remedy))
    return found


def ridge_left_out(material: Source, task: Task, units: Units, tick: Tick) -> tuple[Predicted, Array]:
    """Predict as ridge regression does, and judge what it would predict without each unit.

    Parameters
    ----------
    material : Source
        What is fitted to.
    task : Task
        What is predicted, without permutations.
    units : Units
        What is left out.
    tick : callable
        Is told of each fold.

    Returns
    -------
    Predicted
        Out-of-fold predictions of all images.
    array (score, unit)
        R² of the held-out images without each unit, which has no part in the training either.

    Raises
    ------
    ArgumentError
        If all scores are the same without a unit.

    Notes
    -----
    Without the training images B, a held-out image is predicted by ŷ − H_B (I − H_BB)⁻¹ (y − ŷ)_B with H the map from
    training scores to predictions: exactly what a fit to the others gives, with the same penalty and the same scale of
    the features.
    """
    n_units = len(units.strata)
    predictions = np.full(task.targets.shape, np.nan)
    errors, moved = np.zeros((task.n_scores, 1)), np.zeros((task.n_scores, n_units))
    for k, decomposed in enumerate(spanned(material, task.fold)):
        inside, outside = task.sides(k)
        targets, weights = task.left(k), None if task.weights is None else task.weights[:, 0]
        training = decomposed(inside, outside, weights)
        predictions[outside], penalties = predicted(training, targets[inside])
        missed = (targets - predictions)[outside]
        errors += (missed**2).sum(axis=0)[:, None]
        z = training.centred(targets[inside])[1]
        for s, penalty in enumerate(penalties):
            moved[s] += _moved(training, z[:, s], float(penalty), missed[:, s], units.number[inside], n_units)
            moved[s] -= np.bincount(units.number[outside], missed[:, s] ** 2, minlength=n_units)
        tick(1)
    r2 = 1 - (errors + moved) / _squares(task.truth(), task.fold >= 0, units.number)
    return Predicted(predictions, {}, []), r2


def _moved(training: Span, z: Array, penalty: float, missed: Array, number: Index, n_units: int) -> Array:
    """Give by how much the squared errors of held-out images grow without each unit (unit,)."""
    shrunk = penalty / (training.values + penalty)
    gaps = _gaps(training, z, shrunk, number)
    which: Any = csr_array((np.ones(len(number)), (number, np.arange(len(number)))), shape=(n_units, len(number)))
    inner = which @ (training.vectors * gaps[:, None])
    mean = which @ (training.root * gaps) / len(number)
    held_out = training.held_out * (np.sqrt(training.values) / (training.values + penalty))
    growth, width = np.empty(n_units), max(1, BLOCK // len(missed))
    for start in range(0, n_units, width):
        part = slice(start, start + width)
        change = held_out @ inner[part].T + mean[part]
        growth[part] = 2 * (missed @ change) + (change**2).sum(axis=0)
    return growth


def _gaps(training: Span, z: Array, shrunk: Array, number: Index) -> Array:
    """Give by how much training images are missed by fits without their unit, (I − H_BB)⁻¹ (y − ŷ)_B (m,).

    As where penalties are chosen, both factors are split into what no penalty touches and what shrinks.
    """
    vectors, root = training.vectors, training.root
    rotated = vectors.T @ z
    residual = z - vectors @ rotated + vectors @ (shrunk * rotated)
    gaps = residual / (1 - root**2 / len(z) - (vectors**2).sum(axis=1) + vectors**2 @ shrunk)
    for unit in np.flatnonzero(np.bincount(number) > 1):
        own = np.flatnonzero(number == unit)
        spare = np.eye(len(own)) - np.outer(root[own], root[own]) / len(z)
        spare -= vectors[own] @ vectors[own].T
        spare += (vectors[own] * shrunk) @ vectors[own].T
        gaps[own] = np.linalg.solve(spare, residual[own])
    return np.asarray(gaps)


def _squares(truth: Array, held: npt.NDArray[np.bool_], number: Index) -> Array:
    """Sum (y − ȳ)² over held-out images without each unit (score, unit)."""
    centred = truth[held] - truth[held].mean(axis=0)
    n_units = number.max() + 1
    counts, sums, squares = (
        np.array([np.bincount(number[held], column, minlength=n_units) for column in columns.T])
        for columns in (np.ones_like(centred), centred, centred**2)
    )
    left = squares.sum(axis=1, keepdims=True) - squares
    spread = left - sums**2 / np.maximum(held.sum() - counts, 1)
    if (spread <= FLAT * left).any() or (held.sum() - counts < 2).any():
        remedy = "Take interval='none', or more images."
        found = listed("all the same, or none, without one image or group")
        raise ArgumentError(advice("scores", "vary without any one image or group", found, remedy))
    return np.asarray(spread)


def limits(estimate: Array, left: Array, units: Units) -> tuple[Array, Array]:
    """Compute 95 % intervals from values without each unit.

    Parameters
    ----------
    estimate : array (...)
        Values of all units.
    left : array (..., unit)
        Values without each.
    units : Units
        What was left out.

    Returns
    -------
    array (...), array (...)
        Estimate ± t · s, with s the jackknife's standard error.
    """
    found = stats.jackknife(estimate, left, strata=units.strata)
    return t_limits(estimate, found.error, found.degrees)
