"""The way from what is asked to a deal: by exchange, by a mixed-integer program, or by both."""

from collections.abc import Iterator
from time import monotonic
from typing import Literal, NamedTuple

import numpy as np

from memfeat.sets.choosing import programs
from memfeat.sets.choosing.exchanging import exchanged
from memfeat.sets.choosing.problems import Deal, Goal, Judged, Problem, judged

__all__ = ["METHODS", "Method", "Outcome", "solved"]

Method = Literal["auto", "exchange", "program"]
#: How sets are sought.
METHODS = ("auto", "exchange", "program")
#: Starts from which items are exchanged, as long as limits are not kept.
STARTS = 4
#: Places (set × item) up to which the best deal is looked for though a good one is there.
SMALL = 60
#: How often the solver is asked again, with variance ratios about the means that it found.
TURNS = 3
#: What is wanted of the score -> how the solver is asked.
PROGRAMS = {"equal": programs.most_even, "least": programs.most_even, "largest": programs.furthest}
#: How near to its bound a deal counts as the best: relative for differences, absolute for the imbalance.
NEAR = 1e-3


class Outcome(NamedTuple):
    """The best deal that was found."""

    deal: Deal
    found: Judged
    how: str
    bound: float  # no deal has a smaller imbalance, or for the largest difference a larger one
    reach: float = np.nan  # where the least difference is out of reach: no deal within the limits has a larger one

    def value(self, problem: Problem) -> float:
        """Give what was optimised."""
        return self.found.difference if problem.goal.kind == "largest" else self.found.imbalance

    def optimal(self, problem: Problem) -> bool:
        """Say whether it is proven that no deal is better, to `NEAR`."""
        near = abs(self.bound - self.value(problem)) <= NEAR * max(1.0, abs(self.bound))
        return near and bool(np.isfinite(self.bound))


def solved(problem: Problem, method: str, rng: np.random.Generator, seconds: float) -> Outcome | None:
    """Deal items to sets as well as the time allows.

    Parameters
    ----------
    problem : Problem
        What is asked.
    method : {"auto", "exchange", "program"}
        "exchange": exchange from random deals. "program": the solver. "auto": exchange, and the solver where that does
        not keep the limits, where all is small, and for the largest difference.
    rng : numpy.random.Generator
        Source of random deals and orders.
    seconds : float
        Time limit of the solver.

    Returns
    -------
    Outcome or None
        None if no deal at all has the right counts.
    """
    until = monotonic() + seconds
    start = programs.dealt(problem, rng, seconds)
    if start.deal is None:
        return None
    found = Outcome(start.deal, judged(problem, start.deal), "random draw", _trivial(problem))
    if method == "exchange" or (method == "auto" and problem.goal.kind != "largest"):
        found = _by_exchange(problem, start.deal, rng, seconds)
    small = problem.n_sets * len(problem.kind) <= SMALL
    done = found.found.kept and found.how == "exchange" and not small
    if method == "exchange" or (method == "auto" and done):
        return found
    best = _by_program(problem, found, rng, max(until - monotonic(), 1.0))
    if best.how == "random draw" and method == "auto":
        return _by_exchange(problem, start.deal, rng, seconds)._replace(bound=best.bound)
    return best


def _by_exchange(problem: Problem, start: Deal, rng: np.random.Generator, seconds: float) -> Outcome:
    """Exchange from several starts, until one keeps the limits."""
    until, best = monotonic() + seconds / 2, None
    for turn in range(STARTS):
        deal = start if not turn else programs.dealt(problem, rng, seconds).deal
        if deal is None or (turn and monotonic() > until):
            break
        deal = exchanged(problem, deal, rng)
        found = Outcome(deal, judged(problem, deal), "exchange", _trivial(problem))
        best = found if best is None or better(problem, found, best) else best
        if best.found.kept:
            break
    assert best is not None
    return best


def _by_program(problem: Problem, other: Outcome, rng: np.random.Generator, seconds: float) -> Outcome:
    """Let the solver look for a better deal, and mend what that leaves of variance ratios."""
    asked, reach = problem, np.nan
    found = PROGRAMS[asked.goal.kind](asked, seconds)
    bound = found.bound if np.isfinite(found.bound) else other.bound
    if found.deal is None and problem.goal.kind == "least":
        # so large a difference is not to be had: the nearest is the largest within the limits
        asked = problem._replace(goal=Goal("largest"))
        found = PROGRAMS["largest"](asked, seconds)
        reach = found.bound
    best = other._replace(bound=bound, reach=reach)
    for deal, how in _mended(asked, found.deal, rng, seconds):
        one = Outcome(deal, judged(problem, deal), how, bound, reach)
        best = one if better(problem, one, best) else best
    return best


def _mended(
    problem: Problem, deal: Deal | None, rng: np.random.Generator, seconds: float
) -> Iterator[tuple[Deal, str]]:
    """Give the solver's deal, and as long as its variance ratios are beyond their limit those that try to be within."""
    solve, how = PROGRAMS[problem.goal.kind], "program"
    for _ in range(TURNS):
        if deal is None:
            return
        yield deal, how
        found = judged(problem, deal)
        if found.excess <= 1:
            return
        best, how = deal, "program with linearised variance ratios"
        deal = solve(problem, seconds, found.mean).deal
    yield exchanged(problem, best if deal is None else deal, rng), "program, then exchange"


def _trivial(problem: Problem) -> float:
    return np.inf if problem.goal.kind == "largest" else 0.0


def better(problem: Problem, one: Outcome, other: Outcome) -> bool:
    """Say whether a deal is better: it keeps more of what was asked, or as much, and is nearer to the goal.

    Parameters
    ----------
    problem : Problem
        What is asked.
    one, other : Outcome
        Two deals.

    Returns
    -------
    bool
        True if the first is better.
    """

    def key(outcome: Outcome) -> tuple[float, float, float]:
        found = outcome.found
        broken = 1.0 if found.kept else max(found.imbalance, found.excess, 1.0)
        wanted = -found.difference if problem.goal.kind == "largest" else found.imbalance
        return broken, found.shortfall, wanted

    return key(one) < key(other)
