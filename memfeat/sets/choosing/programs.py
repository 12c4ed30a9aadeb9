"""Dealing as a mixed-integer linear program: a first deal, the best one, and how good any could be."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from memfeat.sets.choosing.problems import NOWHERE, Deal, Problem, pairs_of_sets

__all__ = ["Solved", "dealt", "furthest", "most_even"]

Array = npt.NDArray[np.float64]
#: What scipy.optimize.milp says when nothing can fulfil the constraints.
IMPOSSIBLE = 2
#: How near to its bound a difference counts as the largest, relative.
NEAR = 1e-4
#: Power of the largest variance ratio that is asked of mean squares.
INSIDE = 0.97


class Solved(NamedTuple):
    """What the solver found in the time it had."""

    deal: Deal | None
    bound: float  # what no deal can surpass; NaN where the solver proved nothing
    impossible: bool  # proven


def dealt(problem: Problem, rng: np.random.Generator, seconds: float) -> Solved:
    """Deal items at random so that counts are right and no clashing items meet, whatever their values.

    Parameters
    ----------
    problem : Problem
        What is asked.
    rng : numpy.random.Generator
        Source of random costs, of which the cheapest deal is taken.
    seconds : float
        Time limit.

    Returns
    -------
    Solved
        The deal.
    """
    costs = rng.random(problem.n_sets * len(problem.kind))
    return _solved(problem, np.append(costs, 0.0), (), (0.0, 0.0), seconds)


def most_even(problem: Problem, seconds: float, around: Array | None = None) -> Solved:
    """Find the deal with the smallest imbalance: the largest |SMD| over its limit.

    Parameters
    ----------
    problem : Problem
        What is asked.
    seconds : float
        Time limit.
    around : array (column,), optional
        Means of sets near to which variance ratios are limited. Without them they are not: they are not linear.

    Returns
    -------
    Solved
        The deal, and the imbalance that none goes below.
    """
    rows = [_limited(problem, over=True), *_varying(problem, around)]
    if problem.goal.kind == "least":
        rows.append(_differing(problem, np.full(problem.n_sets - 1, problem.goal.least), over=0.0))
    return _solved(problem, _last(problem), rows, (0.0, np.inf), seconds)


def furthest(problem: Problem, seconds: float, around: Array | None = None) -> Solved:
    """Find the deal with the largest difference of the score, |SMD| of the others being within limits.

    Parameters
    ----------
    problem : Problem
        What is asked.
    seconds : float
        Time limit.
    around : array (column,), optional
        Means of sets near to which variance ratios are limited. Without them they are not: they are not linear.

    Returns
    -------
    Solved
        The deal, and the difference that none exceeds.
    """
    least = np.zeros(problem.n_sets - 1)
    rows = [_limited(problem, over=False), _differing(problem, least, over=1.0), *_varying(problem, around)]
    found = _solved(problem, -_last(problem), rows, (-np.inf, np.inf), seconds)
    return found._replace(bound=-found.bound)


def _last(problem: Problem) -> Array:
    """Count the last variable only."""
    return np.append(np.zeros(problem.n_sets * len(problem.kind)), 1.0)


def _solved(problem: Problem, costs: Array, rows: Any, last: tuple[float, float], seconds: float) -> Solved:
    """Minimise costs; variables are (set, item) and a last one."""
    n = len(costs) - 1
    bounds = Bounds(np.append(np.zeros(n), last[0]), np.append(np.ones(n), last[1]))
    whole = np.append(np.ones(n), 0.0)
    found = milp(
        costs,
        integrality=whole,
        bounds=bounds,
        constraints=[*_counted(problem), *rows],
        options={"time_limit": float(seconds), "mip_rel_gap": NEAR},
    )
    bound = np.nan if found.mip_dual_bound is None else float(found.mip_dual_bound)
    if found.x is None:
        return Solved(None, bound, found.status == IMPOSSIBLE)
    inside = found.x[:n].reshape(problem.n_sets, -1) > 0.5
    return Solved(np.where(inside.any(axis=0), inside.argmax(axis=0), NOWHERE), bound, False)


def _counted(problem: Problem) -> list[LinearConstraint]:
    """Ask that an item is in one set, sets have their images of each category, and clashing items do not meet."""
    k, n = problem.n_sets, len(problem.kind)
    sets, every = sparse.eye_array(k), np.ones((1, k))
    once = _rows(sparse.kron(every, sparse.eye_array(n)))
    each = _rows(sparse.kron(sets, problem.members))
    asked = [
        LinearConstraint(once, 1.0 if problem.everyone else 0.0, 1.0),
        LinearConstraint(each, np.tile(problem.wanted[0], k), np.tile(problem.wanted[1], k)),
    ]
    if problem.clashes is not None:
        first, second = sparse.triu(problem.clashes, 1).nonzero()
        row = np.tile(np.arange(len(first)), 2)
        both = sparse.csr_array((np.ones(len(row)), (row, np.concatenate([first, second]))), (len(first), n))
        apart = sparse.kron(sets if problem.everyone else every, both)
        asked.append(LinearConstraint(_rows(apart), -np.inf, 1.0))
    return asked


def _rows(of_items: Any, last: float = 0.0) -> Any:
    """Add the coefficient of the last variable to rows over (set, item)."""
    column = sparse.csr_array(np.full((of_items.shape[0], 1), last))
    return sparse.hstack([sparse.csr_array(of_items), column], format="csr")


def _contrasts(problem: Problem, pairs: tuple[Deal, Deal], values: Array, ratio: float = 1.0) -> Any:
    """Write means of the first of each pair less `ratio` × those of the second as rows (pair × column, set × item)."""
    signs = np.zeros((len(pairs[0]), problem.n_sets))
    places = np.arange(len(signs))
    signs[places, pairs[0]], signs[places, pairs[1]] = 1.0, -ratio
    return sparse.kron(sparse.csr_array(signs), sparse.csr_array(values.T / problem.n), format="csr")


def _limited(problem: Problem, *, over: bool) -> LinearConstraint:
    """Keep |SMD| over its limit below the last variable, or below 1."""
    values = (problem.sums / problem.limits)[:, problem.balanced]
    rows = _contrasts(problem, pairs_of_sets(problem.n_sets), values)
    both = _rows(sparse.vstack([rows, -rows]), -1.0 if over else 0.0)
    return LinearConstraint(both, -np.inf, 0.0 if over else 1.0)


def _differing(problem: Problem, least: Array, *, over: float) -> LinearConstraint:
    """Keep differences of the score between sets that follow each other above the least, plus `over` × the last one."""
    places = np.arange(problem.n_sets - 1)
    rows = _contrasts(problem, (places, places + 1), problem.sums[:, :1])
    return LinearConstraint(_rows(rows, -over), least, np.inf)


def _varying(problem: Problem, around: Array | None) -> list[LinearConstraint]:
    """Keep ratios of mean squares about some means below the limit: those of variances, if sets have these means."""
    if problem.ratio is None or around is None:
        return []
    squares = problem.squares - 2 * around * problem.sums + around**2 * problem.images[:, None]
    first, second = pairs_of_sets(problem.n_sets)
    both = np.concatenate([first, second]), np.concatenate([second, first])
    # a little below the limit, as the means will not stay quite where they were
    rows = _contrasts(problem, both, squares[:, problem.balanced], problem.ratio**INSIDE)
    return [LinearConstraint(_rows(rows), -np.inf, 0.0)]
