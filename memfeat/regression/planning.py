"""What is predicted when: folds, permuted scores, bootstrap samples and inner folds, drawn once for all layers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat import stats
from memfeat._check import count
from memfeat.regression.covariates import Covariates, covariates_of, taken_out
from memfeat.regression.dealing import Dealing, Folds, dealer_of, dealt_inside, folds_of, kept_together
from memfeat.regression.fits import Fit, Task
from memfeat.regression.options import exchange_of
from memfeat.regression.resampled import variance
from memfeat.regression.targets import Targets, varying
from memfeat.stats.exchange import Units, units

__all__ = ["Draws", "Plan", "planned"]

Array = npt.NDArray[np.float64]
#: Permutations unless told, where all of them share one fit, and where each is fitted by itself.
N_PERMUTATIONS = {False: 999, True: 99}


class Draws(NamedTuple):
    """What the user asked for."""

    folds: Any
    n_permutations: int | None
    n_bootstraps: int


class Plan(NamedTuple):
    """What all layers share, with images in the order of their names."""

    fit: Fit
    folds: Folds
    tasks: list[Task]
    """One per repeat."""
    counts: npt.NDArray[np.int64]
    """(bootstraps, held-out images)."""
    drawn: dict[str, int]
    exact: bool
    exchanged: Units

    @property
    def covariates(self) -> Covariates | None:
        """What is taken out of scores and features."""
        return self.tasks[0].covariates

    @property
    def scores(self) -> Array:
        """Scores of the images that are held out, (held-out images, score)."""
        task = self.tasks[0]
        return task.targets[self.folds.held, : task.n_scores]

    @property
    def n_permutations(self) -> int:
        """How many permutations there are."""
        return int(self.tasks[0].targets.shape[1]) // self.tasks[0].n_scores - 1

    @property
    def slow(self) -> bool:
        """Whether permutations are fitted one by one."""
        return self.fit.refits or self.tasks[0].weights is not None

    def steps(self, n_layers: int) -> int:
        """Count the fits that are told one by one."""
        task = self.tasks[0]
        each = task.targets.shape[1] if self.fit.refits else 1 if task.weights is None else task.weights.shape[1]
        return n_layers * len(self.tasks) * len(self.folds.names) * each


def planned(
    fit: Fit,
    targets: Targets,
    weights: Array | None,
    asked: Draws,
    generator: np.random.Generator,
    options: Mapping[str, Any],
) -> Plan:
    """Draw folds, permutations of all images, bootstrap samples of those that are held out, and inner folds.

    Parameters
    ----------
    fit : Fit
        What predicts.
    targets : Targets
        Scores.
    weights : array (n,), optional
        How much each image counts in fits.
    asked : Draws
        How much is drawn.
    generator : numpy.random.Generator
        Where it comes from.
    options : mapping
        What the user gave.

    Returns
    -------
    Plan
        All of it.

    Raises
    ------
    KindError, ArgumentError
        As :func:`memfeat.regression.decode` does.
    """
    exchanged = units(exchange_of(options, targets.images), to=targets.images, alternative="greater")
    dealing = dealer_of(options, exchanged.scheme, targets.images)
    folds = folds_of(asked.folds, dealing, options, targets.images, generator)
    kept_together(folds, exchanged.scheme)
    varying(targets, folds.held)
    for number in folds.number:
        for k, name in enumerate(folds.names):
            varying(targets, np.flatnonzero(number != k), fold=str(name))
    covariates = covariates_of(options.get("covariates"), targets)
    values, held, scheme = taken_out(targets, covariates), folds.held, exchanged.scheme
    n, n_scores = values.shape
    index, exact, counts = np.empty((0, n), dtype=np.intp), False, np.empty((0, len(held)), dtype=np.int64)
    usual = N_PERMUTATIONS[fit.refits or weights is not None]
    n_permutations = usual if asked.n_permutations is None else asked.n_permutations
    if count("n_permutations", n_permutations, least=0):
        index, exact = stats.permutations(n, n_permutations, rng=generator, **scheme)
    judged = scheme | {"blocks": None if scheme["blocks"] is None else scheme["blocks"][held]}
    if count("n_bootstraps", asked.n_bootstraps, least=0):
        counts = stats.bootstrap_counts(len(held), asked.n_bootstraps, rng=generator, **judged)
        stats.enough(np.array([variance(score, counts) for score in values[held].T]))
    permuted = values[index].transpose(1, 0, 2).reshape(n, -1)
    columns = np.column_stack([values, permuted])
    moved = None if weights is None else np.column_stack([weights, weights[index].T])
    inner = [_inner(fit, fold, dealing, generator) for fold in folds.number]
    seed = int(generator.integers(2**31)) if fit.draws else 0
    tasks = [Task(columns, n_scores, *both, moved, covariates, seed) for both in zip(folds.number, inner, strict=True)]
    return Plan(fit, folds, tasks, counts, stats.drawn_units(len(held), **judged), exact, exchanged)


def _inner(
    fit: Fit, fold: npt.NDArray[np.int64], dealing: Dealing, generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Deal inner folds if they are needed."""
    return dealt_inside(fold, dealing, generator) if fit.inner else np.empty((0, len(fold)), dtype=np.int64)
