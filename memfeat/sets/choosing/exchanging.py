"""Improving a deal by exchanging items of a kind, one pair at a time."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat.sets.choosing.problems import NOWHERE, Deal, Problem, pairs_of_sets

__all__ = ["exchanged"]

Array = npt.NDArray[np.float64]
#: Rounds through all items that were dealt, after which it ends though it still improves.
ROUNDS = 30
#: Loss of each pair of sets and column below which nothing is gained any more: a hundredth of the limits.
SETTLED = 1e-4
#: Share of the loss that a round must gain for another to follow, and what an exchange must gain to be made.
GAIN, LEAST = 2e-2, 1e-12
#: Candidates that are weighed for one place; of more, as many are drawn.
CANDIDATES = 512
#: Pool SD of the difference that weigh like one limit of an SMD.
STEP = 0.01
#: How a limit that is broken weighs against 1 pool SD of the difference.
WEIGHT = 100.0


class _State(NamedTuple):
    """A deal and what is kept up with it; arrays are changed in place."""

    deal: Deal  # (item,)
    sums: Array  # (set, column)
    squares: Array  # (set, column)
    met: Array | None  # (item, set) how many items of the set an item clashes with


def exchanged(problem: Problem, deal: Deal, rng: np.random.Generator) -> Deal:
    """Exchange items between sets, and with those that are in none, as long as that brings them nearer to the goal.

    Parameters
    ----------
    problem : Problem
        What is asked.
    deal : array (item,) of int
        A deal that has the right counts and lets no clashing items meet; both stay so.
    rng : numpy.random.Generator
        Source of the order in which places are looked at.

    Returns
    -------
    array (item,) of int
        A deal at least as good by the loss: the sum over pairs of sets and columns of (SMD / limit)² and of
        (log variance ratio / limit)², and what the difference of the score lacks.
    """
    state = _state(problem, deal)
    settled = SETTLED * problem.sums.shape[1] * len(pairs_of_sets(problem.n_sets)[0])
    loss = float(_loss(problem, state.sums, state.squares))
    for _ in range(ROUNDS):
        before = loss
        for item in rng.permutation(np.flatnonzero(deal != NOWHERE)):
            if loss <= settled and problem.goal.kind != "largest":
                return state.deal
            if state.deal[item] != NOWHERE:
                loss = _improved(problem, state, int(item), loss, rng)
        if before - loss < GAIN * abs(before):
            break
    return state.deal


def _state(problem: Problem, deal: Deal) -> _State:
    inside = (deal[:, None] == np.arange(problem.n_sets)).astype(np.float64)
    met = None if problem.clashes is None else np.asarray(problem.clashes @ inside)
    return _State(deal.copy(), inside.T @ problem.sums, inside.T @ problem.squares, met)


def _improved(problem: Problem, state: _State, item: int, loss: float, rng: np.random.Generator) -> float:
    """Exchange an item for the best of the others, if that is better, and give the loss."""
    mine = state.deal[item]
    others = np.flatnonzero((problem.kind == problem.kind[item]) & (state.deal != mine))
    others = others[_may_change(problem, state, item, others)]
    if len(others) > CANDIDATES:
        others = rng.choice(others, CANDIDATES, replace=False)
    if not len(others):
        return loss
    moved = [_moved(part, total, item, others, state.deal) for part, total in _parts(problem, state)]
    losses = _loss(problem, *moved)
    best = int(losses.argmin())
    if losses[best] >= loss - max(LEAST, 1e-9 * abs(loss)):
        return loss
    _exchange(problem, state, item, int(others[best]))
    state.sums[:], state.squares[:] = (part[best] for part in moved)
    return float(losses[best])


def _parts(problem: Problem, state: _State) -> tuple[tuple[Array, Array], ...]:
    return (problem.sums, state.sums), (problem.squares, state.squares)


def _moved(values: Array, totals: Array, item: int, others: Deal, deal: Deal) -> Array:
    """Give totals (other, set, column) as they were with each other item in the place of the first."""
    change = values[others] - values[item]
    totals = np.repeat(totals[None], len(others), axis=0)
    totals[:, deal[item]] += change
    inside = np.flatnonzero(deal[others] != NOWHERE)
    totals[inside, deal[others[inside]]] -= change[inside]
    return totals


def _may_change(problem: Problem, state: _State, item: int, others: Deal) -> npt.NDArray[np.bool_]:
    """Say with which other items one may change places without clashing items meeting."""
    if problem.clashes is None or state.met is None:
        return np.ones(len(others), dtype=bool)
    direct = problem.clashes[[item]].toarray()[0, others]
    where = state.deal[others]
    if not problem.everyone:
        free: npt.NDArray[np.bool_] = (where != NOWHERE) | (state.met[others].sum(axis=1) - direct == 0)
        return free
    theirs, mine = state.met[others, state.deal[item]] - direct, state.met[item, where] - direct
    both: npt.NDArray[np.bool_] = (theirs == 0) & (mine == 0)
    return both


def _exchange(problem: Problem, state: _State, item: int, other: int) -> None:
    mine, theirs = state.deal[item], state.deal[other]
    state.deal[item], state.deal[other] = theirs, mine
    if problem.clashes is None or state.met is None:
        return
    change = problem.clashes[[other]].toarray()[0] - problem.clashes[[item]].toarray()[0]
    state.met[:, mine] += change
    if theirs != NOWHERE:
        state.met[:, theirs] -= change


def _loss(problem: Problem, sums: Array, squares: Array) -> Any:
    """Weigh how far totals (..., set, column) are from what is asked."""
    means = sums / problem.n
    first, second = pairs_of_sets(problem.n_sets)
    columns = problem.balanced
    over = (means[..., first, columns] - means[..., second, columns]) / problem.limits[columns]
    gaps = means[..., :-1, 0] - means[..., 1:, 0]
    apart = _apart(problem, sums, squares)
    if problem.goal.kind == "largest":
        broken = np.maximum(np.abs(over) - 0.99, 0).sum(axis=(-1, -2)) + np.maximum(apart - 0.99, 0).sum(axis=(-1, -2))
        return WEIGHT * broken - gaps.min(axis=-1)
    total = (over**2).sum(axis=(-1, -2)) + (apart**2).sum(axis=(-1, -2))
    if problem.goal.kind == "least":
        total = total + (np.maximum(problem.goal.least + STEP - gaps, 0) ** 2).sum(axis=-1) / STEP**2
    return total


def _apart(problem: Problem, sums: Array, squares: Array) -> Array:
    """Give |log variance ratio| over its limit: (..., pair, column); no columns without a limit."""
    first, second = pairs_of_sets(problem.n_sets)
    columns = problem.balanced
    if problem.ratio is None:
        return np.zeros((*sums.shape[:-2], len(first), 0))
    spread = squares[..., columns] - sums[..., columns] ** 2 / problem.n
    logs = np.log(np.maximum(spread, 1e-12))
    return np.asarray(np.abs(logs[..., first, :] - logs[..., second, :]) / np.log(problem.ratio))
