"""What dealing images to sets means in numbers: items, what must hold, and how well a deal keeps to it."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

__all__ = ["NOWHERE", "Goal", "Judged", "Problem", "clashing", "judged", "pairs_of_sets"]

Array = npt.NDArray[np.float64]
Deal = npt.NDArray[np.intp]
#: The set of an item that is in none.
NOWHERE = -1


class Goal(NamedTuple):
    """What is wanted of the score, the first column."""

    kind: str  # "equal", "largest" (difference of sets that follow each other) or "least" (such a difference or more)
    least: float = 0.0  # pool SD


class Problem(NamedTuple):
    """Items to be dealt to sets. An item is an image, or images that stay together."""

    sums: Array  # (item, column) over its images, values in pool SD from the pool's mean
    squares: Array  # (item, column) over its images
    images: Array  # (item,) how many images it is
    limits: Array  # (column,) the largest |SMD|; the score's counts for the goal "equal" only
    kind: npt.NDArray[np.intp]  # (item,) items of a kind have as many images of each category
    members: Array  # (category, item) images
    wanted: tuple[Array, Array]  # (category,) the fewest and the most images in each set
    n: int  # images in each set
    n_sets: int
    goal: Goal
    ratio: float | None  # the largest variance ratio
    clashes: csr_array | None  # (item, item), 1 where two items must not meet
    everyone: bool  # True: every item is dealt, and clashing ones must not share a set. False: must not both be dealt

    @property
    def balanced(self) -> slice:
        """Columns whose means must be alike."""
        return slice(0 if self.goal.kind == "equal" else 1, None)


class Judged(NamedTuple):
    """How well a deal keeps to what was asked."""

    mean: Array  # (column,) over all sets
    smd: Array  # (pair of sets, column)
    ratios: Array  # (pair of sets, column) variance of the first over that of the second
    difference: float  # the smallest of the score between sets that follow each other, pool SD
    imbalance: float  # the largest |SMD| over its limit
    excess: float  # the largest |log variance ratio| over that of its limit; 0 without a limit
    shortfall: float  # of the difference from the least, pool SD

    @property
    def kept(self) -> bool:
        """Whether everything that was asked holds."""
        return max(self.imbalance, self.excess) <= 1 + 1e-9 and self.shortfall <= 1e-9


def pairs_of_sets(n_sets: int) -> tuple[Deal, Deal]:
    """List pairs of sets.

    Parameters
    ----------
    n_sets : int
        How many sets.

    Returns
    -------
    array (pair,) of int
        The first of each pair.
    array (pair,) of int
        The second.
    """
    both = np.array(list(combinations(range(n_sets), 2)), dtype=np.intp).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def clashing(pairs: Deal, n: int) -> csr_array | None:
    """Write pairs that must not meet as a symmetric matrix.

    Parameters
    ----------
    pairs : array (pair, 2) of int
        Items; a pair may stand there more than once.
    n : int
        How many items there are.

    Returns
    -------
    csr_array (item, item) or None
        1 where two items must not meet; None without pairs.
    """
    if not len(pairs):
        return None
    both = np.concatenate([pairs, pairs[:, ::-1]])
    once = csr_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(n, n))
    once.data[:] = 1.0
    return once


def judged(problem: Problem, deal: Deal) -> Judged:
    """Judge a deal.

    Parameters
    ----------
    problem : Problem
        What was asked.
    deal : array (item,) of int
        The set of each item, or `NOWHERE`.

    Returns
    -------
    Judged
        How well it is kept.
    """
    sums, squares = (
        np.stack([part[deal == s].sum(axis=0) for s in range(problem.n_sets)])
        for part in (problem.sums, problem.squares)
    )
    means = sums / problem.n
    variances = np.maximum(squares - problem.n * means**2, 0) / max(problem.n - 1, 1)
    first, second = pairs_of_sets(problem.n_sets)
    smd = means[first] - means[second]
    with np.errstate(divide="ignore", invalid="ignore"):
        # what varies in no set varies alike in all of them
        ratios = np.where(variances[first] + variances[second] > 0, variances[first] / variances[second], 1.0)
        logs = np.abs(np.log(ratios[:, problem.balanced]))
    over = np.abs(smd[:, problem.balanced]) / problem.limits[problem.balanced]
    difference = float((means[:-1, 0] - means[1:, 0]).min())
    excess = 0.0 if problem.ratio is None else float(logs.max(initial=0))
    return Judged(
        mean=means.mean(axis=0),
        smd=smd,
        ratios=ratios,
        difference=difference,
        imbalance=float(over.max(initial=0)),
        excess=excess / np.log(problem.ratio) if problem.ratio else excess,
        shortfall=max(0.0, problem.goal.least - difference) if problem.goal.kind == "least" else 0.0,
    )
