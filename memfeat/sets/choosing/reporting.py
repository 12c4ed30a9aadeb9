"""What is said of sets: how they were found, how far limits are kept, and what is out of reach."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat.errors import OutOfReachError, OutOfReachWarning
from memfeat.sets.choosing.problems import Judged, Problem
from memfeat.sets.choosing.solving import Outcome

__all__ = ["NO_P", "SET", "facts_of", "missed", "pool_facts", "reached"]

SET = "set"
#: Why a balance table holds no p-values.
NO_P = "none: sets chosen to be alike leave no null hypothesis to test (balance-test fallacy)"


def facts_of(problem: Problem, columns: Sequence[str], outcome: Outcome) -> dict[str, Any]:
    """Say what was asked of sets and what was found.

    Parameters
    ----------
    problem : Problem
        What was asked.
    columns : sequence of str
        The score, then covariates.
    outcome : Outcome
        What was found.

    Returns
    -------
    dict
        Attributes of a result.
    """
    found = outcome.found
    limits = dict(zip(columns, problem.limits.tolist(), strict=True))
    if problem.goal.kind != "equal":
        limits.pop(columns[0])
    known = bool(np.isfinite(outcome.bound))
    return {
        "n": problem.n,
        "score": columns[0],
        "covariates": list(columns[1:]) or None,
        "goal": problem.goal.kind,
        "least_difference_sd": problem.goal.least or None,
        "difference_sd": found.difference,
        "tolerance": limits,
        "variance_ratio": problem.ratio,
        "imbalance": found.imbalance,
        "within_limits": found.kept,
        "solved_by": outcome.how,
        "optimal": outcome.optimal(problem),
        "bound": outcome.bound if known else None,
        "gap": abs(outcome.bound - outcome.value(problem)) if known else None,
        "p_values": NO_P,
    }


def pool_facts(
    n: int, columns: Sequence[str], mean: npt.NDArray[np.float64], sd: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """Say what the pool is like, for balance tables.

    Parameters
    ----------
    n : int
        Images in the pool.
    columns : sequence of str
        The score, then covariates.
    mean, sd : array (column,)
        Means and standard deviations.

    Returns
    -------
    dict
        Attributes of a result.
    """
    mean_of, sd_of = (dict(zip(columns, values.tolist(), strict=True)) for values in (mean, sd))
    return {"pool_n": n, "pool_mean": mean_of, "pool_sd": sd_of}


def missed(problem: Problem, columns: Sequence[str], outcome: Outcome, seconds: float) -> str:
    """Say what of the question is out of reach, and how near one comes.

    Parameters
    ----------
    problem : Problem
        What was asked.
    columns : sequence of str
        The score, then covariates.
    outcome : Outcome
        The nearest that was found.
    seconds : float
        Time limit of the solver.

    Returns
    -------
    str
        What is missed; empty if nothing is.
    """
    found, goal = outcome.found, problem.goal
    if found.kept:
        return ""
    words, proven = [], goal.kind != "largest" and outcome.bound > 1 + 1e-6
    if found.shortfall > 1e-9:
        proven = outcome.reach < goal.least
        most = f"at most {outcome.reach:.3g}" if proven else f"the largest that was found is {found.difference:.3g}"
        words.append(f"a difference of {goal.least:.3g} pool SD in {columns[0]!r}: within the other limits {most}")
    for c in range(problem.balanced.start, len(columns)):
        smd, ratio = _worst(found, c)
        if smd > problem.limits[c] * (1 + 1e-9):
            words.append(f"|SMD| of {columns[c]!r} {smd:.3f} (limit {problem.limits[c]:g})")
        if problem.ratio and ratio > problem.ratio * (1 + 1e-9):
            words.append(f"variance ratio of {columns[c]!r} {ratio:.3g} (limit {problem.ratio:g})")
    end = "no choice of images keeps all limits" if proven else f"nothing nearer was found in {seconds:g} s"
    return f"{'; '.join(words)}; {end}"


def _worst(found: Judged, column: int) -> tuple[float, float]:
    """Give the largest |SMD|, and the variance ratio that is furthest from 1, as a number above 1."""
    with np.errstate(divide="ignore"):
        ratios = np.abs(np.log(found.ratios[:, column]))
    return float(np.abs(found.smd[:, column]).max()), float(np.exp(ratios.max()))


def reached(chosen: xr.Dataset, missing: str, *, best: bool) -> xr.Dataset:
    """Give sets, or say what they miss.

    Parameters
    ----------
    chosen : Dataset (image)
        The nearest sets.
    missing : str
        What they miss; empty if nothing.
    best : bool
        Whether to give them all the same, with a warning.

    Returns
    -------
    Dataset (image)
        The sets.

    Raises
    ------
    OutOfReachError
        If something is missing, and `best` is False.

    Warns
    -----
    OutOfReachWarning
        If something is missing, and `best` is True.
    """
    if not missing:
        return chosen
    wider = "Take fewer or other images, or a wider tolerance= or variance_ratio=."
    if best:
        text = f"These are the nearest sets that were found. Out of reach: {missing}. {wider}"
        warnings.warn(text, OutOfReachWarning, stacklevel=3)
        return chosen
    remedy = f"{wider} best=True gives the nearest that was found, with a warning."
    raise OutOfReachError(advice("sets", "keep the limits", listed(f"out of reach: {missing}"), remedy), chosen)
