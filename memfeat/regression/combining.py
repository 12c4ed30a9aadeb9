"""How sets of features are combined: side by side, by their predictions, or each with a penalty of its own."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from memfeat._check import advice, listed, one_of
from memfeat.errors import ArgumentError, MissingPackageError
from memfeat.regression.fits import INNER, Fit, Predicted, Task, Tick
from memfeat.regression.penalties import edge
from memfeat.regression.ridge import PENALTIES
from memfeat.regression.sets import Joint

__all__ = ["COMBINATIONS", "combined"]

Array = npt.NDArray[np.float64]
#: Shares of the bands that are tried.
CANDIDATES = 100
#: How much candidates favour single sets; one and the other in turn.
CONCENTRATIONS = (0.1, 1.0)


class _Asked(NamedTuple):
    """What combinations are asked for with."""

    fit: Fit
    estimator: Any
    weighted: bool


def _concatenated(asked: _Asked) -> Fit:
    return asked.fit


def _stacked(asked: _Asked) -> Fit:
    fit = asked.fit
    name, chosen = f"stacked {fit.name}", f"{fit.chosen}; weights of sets by predictions of inner folds"
    return fit._replace(run=partial(_stack, fit), name=name, chosen=chosen, inner=True)


def _banded(asked: _Asked) -> Fit:
    if not isinstance(asked.estimator, str) or asked.estimator != "ridge":
        raise ArgumentError(advice("estimator", "be 'ridge' with combine='banded'", listed(asked.fit.name)))
    if asked.weighted:
        remedy = "Use combine='concatenate' or 'stack'."
        raise ArgumentError(advice("weights", "be left out with combine='banded'", listed("both"), remedy))
    _search()
    return Fit(_bands, "banded ridge", INNER, True, False, draws=True)


#: name -> how sets are combined
COMBINATIONS: dict[str, Callable[[_Asked], Fit]] = {
    "concatenate": _concatenated,
    "stack": _stacked,
    "banded": _banded,
}


def combined(fit: Fit, estimator: Any, combine: str | None, *, several: bool, weighted: bool) -> Fit:
    """Make an estimator one of several sets.

    Parameters
    ----------
    fit : Fit
        The estimator.
    estimator : object
        What the user called it.
    combine : str, optional
        A key of `COMBINATIONS`.
    several : bool
        Whether there are several sets.
    weighted : bool
        Whether images have weights.

    Returns
    -------
    Fit
        What predicts.

    Raises
    ------
    ArgumentError
        If there is no such combination, nothing to combine, or it goes with none of the rest.
    MissingPackageError
        If himalaya is not installed for banded ridge.
    """
    if not several:
        if combine is None:
            return fit
        remedy = "Pass sets: {'early': features[names], 'late': features[others]}."
        raise ArgumentError(advice("combine", "go with a mapping of sets of features", combine, remedy))
    how = COMBINATIONS[one_of("combine", combine or "concatenate", COMBINATIONS)]
    return how(_Asked(fit, estimator, weighted))


def _stack(fit: Fit, material: Joint, task: Task, tick: Tick) -> Predicted:
    """Weigh the predictions that sets make by themselves, by how they predict inner folds of the training images."""
    ticks = [tick, *[_unheard] * (len(material.parts) - 1)]
    alone = [fit.run(part, task, told) for part, told in zip(material.parts, ticks, strict=True)]
    predictions, weights, remarks = np.full(task.targets.shape, np.nan), [], [r for one in alone for r in one.remarks]
    for k in range(task.fold.max() + 1):
        inside, outside = task.sides(k)
        nested = task.nested(k)
        if fit.inner and nested.fold.max() < 2:
            found = listed(f"{len(inside)} training images in 2 inner folds")
            raise ArgumentError(advice("folds", "leave enough to stack by", found, "Or use estimator='ridge'."))
        inner = [fit.run(part.among(inside), nested, _unheard) for part in material.parts]
        remarks += [remark for one in inner for remark in one.remarks]
        left, means = task.left(k)[inside], np.empty(task.targets.shape[1])
        shares = np.empty((len(inner), len(means)))
        for columns, own in task.parts():
            w = np.ones(len(inside)) if own is None else own[inside]
            means[columns] = np.average(left[:, columns], axis=0, weights=w)
            gaps = np.stack([one.predictions[:, columns] for one in inner], axis=1) - means[columns]
            shares[:, columns] = _shares(gaps, nested.truth()[:, columns] - means[columns], np.sqrt(w))
        apart = np.stack([one.predictions[outside] for one in alone]) - means
        predictions[outside] = means + np.einsum("st,snt->nt", shares, apart)
        weights.append(shares[:, : task.n_scores].T)
    chosen: dict[str, Any] = {name: np.stack([one.chosen[name] for one in alone], axis=-1) for name in alone[0].chosen}
    return Predicted(predictions, chosen | {"weight": np.array(weights)}, remarks)


def _shares(gaps: Array, truth: Array, root: Array) -> Array:
    """Give non-negative weights of predictions (m, set, t) whose sum comes nearest to the truth (m, t)."""
    return np.column_stack([nnls(root[:, None] * gaps[:, :, t], root * truth[:, t])[0] for t in range(truth.shape[1])])


def _unheard(steps: int) -> None:
    """Say nothing of progress."""


def _bands(material: Joint, task: Task, tick: Tick) -> Predicted:
    """Search for shares and penalty of each column of targets by itself."""
    predictions, shares, penalties = np.full(task.targets.shape, np.nan), [], []
    candidates = _candidates(len(material.parts), np.random.default_rng(task.seed))
    for k, grams in enumerate(zip(*(part.grams(task.fold) for part in material.parts), strict=True)):
        inside, outside = task.sides(k)
        place = np.full(len(task.fold), -1)
        place[inside] = np.arange(len(inside))
        splits = [(place[known], place[left]) for known, left in task.inner_sides(k)]
        kernels = np.stack([_centred(gram, inside) for gram in grams])
        targets = task.left(k)[inside]
        means, size = targets.mean(axis=0), targets.std(axis=0)
        size[size == 0] = 1.0
        weights, dual = _found(kernels[:, inside][:, :, inside], (targets - means) / size, candidates, splits)
        near = kernels[:, outside][:, :, inside] @ dual
        predictions[outside] = means + size * np.einsum("snt,st->nt", near, weights)
        total = weights[:, : task.n_scores].sum(axis=0)
        shares.append((weights[:, : task.n_scores] / total).T)
        penalties.append(1 / total)
        tick(1)
    taken = np.array(penalties)
    chosen = {"penalty": taken, "penalty_edge": edge(taken, PENALTIES), "band": np.array(shares)}
    return Predicted(predictions, chosen, [])


def _found(
    kernels: Array, targets: Array, candidates: Array, splits: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]
) -> tuple[Array, Array]:
    """Give share / penalty of each set (set, t) and dual weights (m, t) of training kernels (set, m, m)."""
    search, backend = _search()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        deltas, dual, *_ = search(
            kernels,
            targets,
            n_iter=candidates,
            alphas=PENALTIES[::-1].copy(),
            cv=splits,
            fit_intercept=True,
            return_weights="dual",
            progress_bar=False,
        )
        deltas, dual = (np.asarray(backend().to_numpy(one), dtype=np.float64) for one in (deltas, dual))
        return np.exp(deltas), dual


def _candidates(n_sets: int, generator: np.random.Generator) -> Array:
    """Give shares to try (candidate, set): all alike, each set alone, and draws from Dirichlet distributions."""
    certain = np.concatenate([np.full((1, n_sets), 1 / n_sets), np.eye(n_sets)])
    if n_sets == 1:
        return certain[:1]
    drawn = [
        generator.dirichlet(np.full(n_sets, CONCENTRATIONS[k % len(CONCENTRATIONS)]))
        for k in range(CANDIDATES - len(certain))
    ]
    return np.concatenate([certain, drawn])


def _centred(gram: Array, inside: npt.NDArray[np.intp]) -> Array:
    """Centre on the mean of the training images, and divide by their mean square."""
    to_mean = gram[:, inside].mean(axis=1)
    centred = gram - to_mean[:, None] - to_mean + to_mean[inside].mean()
    square = float(np.diagonal(centred)[inside].mean())
    return np.asarray(centred / square if square > 0 else centred)


def _search() -> tuple[Callable[..., Any], Callable[[], Any]]:
    """Import on use: himalaya is an optional extra."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from himalaya.backend import get_backend
            from himalaya.kernel_ridge import solve_multiple_kernel_ridge_random_search
    except ImportError as error:
        remedy = 'Run: pip install "memfeat[himalaya]"'
        raise MissingPackageError(f"himalaya must be installed for combine='banded'; it is not. {remedy}") from error
    return solve_multiple_kernel_ridge_random_search, get_backend
