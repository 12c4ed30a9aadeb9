"""What predicts: each estimator, by name or of scikit-learn, for folds that were dealt once."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, listed, one_of
from memfeat.errors import ArgumentError, MemfeatWarning
from memfeat.regression import ridge
from memfeat.regression.components import Inner, components
from memfeat.regression.covariates import Covariates
from memfeat.regression.penalties import edge
from memfeat.regression.refitting import SPARSE, Refit, regressor_of
from memfeat.regression.scaling import Source, Spanned, spanned

__all__ = ["ESTIMATORS", "INNER", "Fit", "Predicted", "Task", "Tick", "fit_of"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Tick = Callable[[int], object]
#: What was chosen for each target, by what it is called.
Taken = Mapping[str, npt.NDArray[Any]]


class Task(NamedTuple):
    """What is predicted, images in the order of their names."""

    targets: Array
    """(n, score × (1 + permutations)), the scores first."""
    n_scores: int
    fold: npt.NDArray[np.int64]
    """(n,)."""
    inner: npt.NDArray[np.int64]
    """(k, n), the inner fold of each training image, −1 for others."""
    weights: Array | None
    """(n, 1 + permutations): weights go where scores go."""
    covariates: Covariates | None
    seed: int
    """Of what an estimator draws."""

    def left(self, k: int) -> Array:
        """Give targets (n, t) as they are when a fold is held out: less what covariates explain in the others."""
        return self.targets if self.covariates is None else self.covariates.left(self.targets, self.fold != k)

    def truth(self) -> Array:
        """Give targets (n, t) as predictions are compared with them."""
        if self.covariates is None:
            return self.targets
        values = np.full(self.targets.shape, np.nan)
        for k in range(self.fold.max() + 1):
            values[self.fold == k] = self.left(k)[self.fold == k]
        # values that are equal on paper shall be ties
        size = np.nanmax(np.abs(values), axis=0)
        size[size == 0] = 1.0
        return np.asarray((values / size).round(12) * size)

    def nested(self, k: int) -> "Task":
        """Give the same for the training images of a fold, whose inner folds are held out in turn."""
        inside = np.flatnonzero(self.fold != k)
        number = self.inner[k][inside]
        inner = np.array([np.where(number == j, -1, number - (number > j)) for j in range(number.max() + 1)])
        weights = None if self.weights is None else self.weights[inside]
        covariates = None if self.covariates is None else self.covariates.among(inside)
        return Task(self.targets[inside], self.n_scores, number, inner, weights, covariates, self.seed)

    def parts(self) -> Iterator[tuple[slice, Array | None]]:
        """Go through columns of targets that have the same weights."""
        if self.weights is None:
            yield slice(0, self.targets.shape[1]), None
            return
        for k, column in enumerate(self.weights.T):
            yield slice(k * self.n_scores, (k + 1) * self.n_scores), column

    def sides(self, k: int) -> tuple[Index, Index]:
        """Give training and held-out images of a fold."""
        return np.flatnonzero(self.fold != k), np.flatnonzero(self.fold == k)

    def inner_sides(self, k: int) -> Iterator[tuple[Index, Index]]:
        """Go through the inner folds of a fold: images that are fitted to, and those that are left out."""
        number = self.inner[k]
        for j in range(number.max() + 1):
            yield np.flatnonzero((number >= 0) & (number != j)), np.flatnonzero(number == j)


class Predicted(NamedTuple):
    """What came of it."""

    predictions: Array
    """(n, t)."""
    chosen: dict[str, npt.NDArray[Any]]
    """What was chosen for the scores themselves, each (k, score)."""
    remarks: list[str]
    """What fits warned of."""


class Fit(NamedTuple):
    """An estimator, and what it asks for."""

    run: Callable[[Any, Task, Tick], Predicted]
    name: str
    chosen: str
    """How hyper-parameters are chosen, in words."""
    inner: bool
    """Whether inner folds are needed."""
    refits: bool
    """Whether every permutation is fitted by itself."""
    draws: bool = False
    """Whether it draws at random."""

    def remarked(self, remarks: list[str]) -> None:
        """Say once what fits warned of, where the public function was called."""
        if remarks:
            first = remarks[0].strip().partition("\n")[0]
            text = f"{len(remarks)} remarks of {self.name} while it was fitted, the first: {first}"
            warnings.warn(f"{text} Predictions are as it gave them.", MemfeatWarning, stacklevel=3)


def _ridge(material: Source, task: Task, tick: Tick) -> Predicted:
    def fitted(decomposed: Spanned, k: int, targets: Array, weights: Array | None) -> tuple[Array, Taken]:
        inside, outside = task.sides(k)
        training = decomposed(inside, outside, weights)
        predictions, penalties = ridge.predicted(training, targets[inside])
        tried = ridge.PENALTIES * training.scale
        return predictions, {"penalty": penalties, "penalty_edge": edge(penalties, tried)}

    return _fold_by_fold(fitted, material, task, tick)


def _components(name: str, material: Source, task: Task, tick: Tick) -> Predicted:
    def fitted(decomposed: Spanned, k: int, targets: Array, weights: Array | None) -> tuple[Array, Taken]:
        inside, outside = task.sides(k)
        inner = [
            Inner(
                decomposed(known, left, weights),
                targets[known],
                targets[left],
                np.ones(len(left)) if weights is None else weights[left],
            )
            for known, left in task.inner_sides(k)
        ]
        training = decomposed(inside, outside, weights)
        predictions, sizes = components(name, training, inner, targets[inside])
        return predictions, {"n_components": sizes}

    return _fold_by_fold(fitted, material, task, tick)


def _fold_by_fold(
    fitted: Callable[[Spanned, int, Array, Array | None], tuple[Array, Taken]],
    material: Source,
    task: Task,
    tick: Tick,
) -> Predicted:
    """Fit columns with the same weights at once, from one decomposition of each fold."""
    predictions, chosen = np.full(task.targets.shape, np.nan), list[Taken]()
    for k, decomposed in enumerate(spanned(material, task.fold)):
        targets = task.left(k)
        for columns, weights in task.parts():
            predictions[task.fold == k, columns], taken = fitted(decomposed, k, targets[:, columns], weights)
            if columns.start == 0:
                chosen.append({name: values[: task.n_scores] for name, values in taken.items()})
            tick(1)
    return Predicted(predictions, {name: np.array([one[name] for one in chosen]) for name in chosen[0]}, [])


def _refitted(refit: Refit, material: Source, task: Task, tick: Tick) -> Predicted:
    """Fit each column by itself."""
    predictions, told, remarks = np.full(task.targets.shape, np.nan), [], []
    for k, scaled in enumerate(material.scaled(task.fold)):
        inside, outside = task.sides(k)
        targets = task.left(k)
        place = np.full(len(scaled), -1)
        place[inside] = np.arange(len(inside))
        splits = [(place[known], place[left]) for known, left in task.inner_sides(k)] if refit.inner else []
        for columns, weights in task.parts():
            for t in range(columns.start, columns.stop):
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    own = None if weights is None else weights[inside]
                    model = refit.fitted(scaled[inside], targets[inside, t], splits, own, task.seed)
                    predictions[outside, t] = np.asarray(model.predict(scaled[outside])).reshape(-1)
                remarks += [str(one.message) for one in caught]
                told += [refit.told(model)] if t < task.n_scores else []
                tick(1)
    chosen = {
        name: np.array([one[name] for one in told], dtype=object if isinstance(told[0][name], str) else None)
        for name in told[0]
    }
    return Predicted(predictions, {name: one.reshape(-1, task.n_scores) for name, one in chosen.items()}, remarks)


INNER = "squared error in inner folds of each training fold"


def _sparse(name: str) -> Fit:
    return Fit(partial(_refitted, SPARSE[name]), name, INNER, True, True)


#: name -> how scores are predicted
ESTIMATORS: dict[str, Fit] = {
    "ridge": Fit(_ridge, "ridge", "leave-one-out squared error in each training fold", False, False),
    "pls": Fit(partial(_components, "pls"), "pls", INNER, True, False),
    "pcr": Fit(partial(_components, "pcr"), "pcr", INNER, True, False),
    "lasso": _sparse("lasso"),
    "elastic_net": _sparse("elastic_net"),
}


def fit_of(estimator: Any, grid: Mapping[str, Any] | None, *, weighted: bool) -> Fit:
    """Find what predicts.

    Parameters
    ----------
    estimator : str or scikit-learn estimator
        A key of `ESTIMATORS`, or a regressor or pipeline.
    grid : mapping, optional
        Parameters of a regressor that are chosen in inner folds.
    weighted : bool
        Whether images have weights.

    Returns
    -------
    Fit
        What predicts.

    Raises
    ------
    KindError, ArgumentError
        If there is no such name, it is no estimator, or a grid goes with a name.
    """
    if isinstance(estimator, str):
        fit = ESTIMATORS[one_of("estimator", estimator, ESTIMATORS)]
        if grid is not None:
            remedy = "Pass the regressor itself, such as sklearn.svm.SVR()."
            raise ArgumentError(advice("grid", "go with a scikit-learn regressor", listed(repr(estimator)), remedy))
        return fit
    refit = regressor_of(estimator, grid, weighted=weighted, names=list(ESTIMATORS))
    chosen = INNER if grid is not None else "as the estimator does, in each training fold"
    return Fit(partial(_refitted, refit), refit.name, chosen, refit.inner, True, refit.draws)
