"""What a user asks of sets, read and checked: limits, the goal of the score, names of sets."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, count, listed, looked_up
from memfeat.errors import ArgumentError, KindError
from memfeat.sets.choosing.problems import Goal

__all__ = ["COVARIATE", "RATIO", "SCORE", "goal_of", "limits_of", "ratio_of", "seconds_of", "set_names", "standard"]

Array = npt.NDArray[np.float64]
#: Largest |SMD| of the score and of covariates, and largest variance ratio (Rubin 2001), unless others are asked for.
SCORE, COVARIATE, RATIO = 0.05, 0.1, 2.0
WORDS = ("equal", "largest")
DIFFERENCE = 'Use "equal", "largest", {"sd": 1.5} (pool SD) or {"score": 0.1} (its own units).'


def set_names(sets: int | Sequence[str], argument: str = "sets") -> list[str]:
    """Read names of sets, or how many there are.

    Parameters
    ----------
    sets : int or sequence of str
        What the user gave. Sets that are only counted are called A, B, … or, when there are more than 26, 1, 2, ….
    argument : str
        What the user calls it.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    KindError, ArgumentError
        If there are fewer than two, or one name stands twice.

    Examples
    --------
    >>> set_names(3)
    ['A', 'B', 'C']
    """
    if isinstance(sets, str) or not isinstance(sets, Sequence | np.ndarray):
        k = count(argument, sets, least=2)
        return [chr(65 + s) for s in range(k)] if k <= 26 else [str(s + 1) for s in range(k)]
    names = [str(name) for name in sets]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ArgumentError(advice(argument, "be two different names at least", names))
    return names


def _number(argument: str, value: Any, rule: str, *, above: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise KindError(advice(argument, "be a number", value))
    if not np.isfinite(float(value)) or float(value) <= above:
        raise ArgumentError(advice(argument, rule, value))
    return float(value)


def goal_of(difference: Any, score: str, sd: float) -> Goal:
    """Read what is wanted of the score.

    Parameters
    ----------
    difference : {"equal", "largest"} or mapping
        What the user gave; a mapping is {"sd": number} or {"score": number}.
    score : str
        The score's column.
    sd : float
        Its standard deviation in the pool.

    Returns
    -------
    Goal
        The same, in pool SD.

    Raises
    ------
    KindError, ArgumentError
        If it is something else.
    """
    if isinstance(difference, str) and difference in WORDS:
        return Goal(difference)
    if not isinstance(difference, Mapping):
        raise ArgumentError(advice("difference", f"say how sets differ in {score!r}", difference, DIFFERENCE))
    if len(difference) != 1 or not set(difference) <= {"sd", "score"}:
        raise ArgumentError(advice("difference", "hold one named number", dict(difference), DIFFERENCE))
    [(name, value)] = difference.items()
    least = _number(f"difference[{name!r}]", value, "be above 0", above=0.0)
    return Goal("least", least if name == "sd" else least / sd)


def limits_of(tolerance: Any, columns: Sequence[str], goal: Goal) -> Array:
    """Read the largest |SMD| of each column.

    Parameters
    ----------
    tolerance : float, mapping or None
        One number for all, or column → number; None and columns without one have .05 (score) and .1 (others).
    columns : sequence of str
        The score, then covariates.
    goal : Goal
        What is wanted of the score.

    Returns
    -------
    array (column,)
        The limits; that of the score is not used when sets shall differ in it.

    Raises
    ------
    KindError, ArgumentError, UnknownNameError
        If one is no number above 0, or belongs to no column, or to the score though sets shall differ in it.
    """
    limits = np.array([SCORE] + [COVARIATE] * (len(columns) - 1))
    if tolerance is None:
        return limits
    if not isinstance(tolerance, Mapping):
        return np.full(len(columns), _number("tolerance", tolerance, "be above 0", above=0.0))
    for name, value in tolerance.items():
        place = list(columns).index(looked_up("tolerance", str(name), columns, f"There are {', '.join(columns)}."))
        limits[place] = _number(f"tolerance[{name!r}]", value, "be above 0", above=0.0)
        if place == 0 and goal.kind != "equal":
            remedy = "Leave it out: a tolerance is for columns that shall be equal, and difference= says the rest."
            raise ArgumentError(advice("tolerance", "not hold the score when sets shall differ in it", name, remedy))
    return limits


def ratio_of(ratio: Any) -> float | None:
    """Read the largest variance ratio.

    Parameters
    ----------
    ratio : float or None
        What the user gave; None is no limit.

    Returns
    -------
    float or None
        The same.

    Raises
    ------
    KindError, ArgumentError
        If it is no number above 1.
    """
    return None if ratio is None else _number("variance_ratio", ratio, "be above 1, or None", above=1.0)


def seconds_of(seconds: Any) -> float:
    """Read a time limit.

    Parameters
    ----------
    seconds : float
        What the user gave.

    Returns
    -------
    float
        The same.

    Raises
    ------
    KindError, ArgumentError
        If it is no number above 0.
    """
    return _number("seconds", seconds, "be above 0", above=0.0)


def standard(values: Array, columns: Sequence[str], argument: str) -> tuple[Array, Array, Array]:
    """Give values in pool SD from the pool's mean.

    Parameters
    ----------
    values : array (n, column)
        Numbers of the pool.
    columns : sequence of str
        Names of the columns.
    argument : str
        What the user calls the pool.

    Returns
    -------
    array (n, column)
        Standardised values.
    array (column,)
        Means.
    array (column,)
        Standard deviations, with n − 1.

    Raises
    ------
    ArgumentError
        If a column does not vary.
    """
    mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
    flat = np.ptp(values, axis=0) <= 1e-12 * np.abs(values).max(axis=0)
    if flat.any():
        which = listed.of(np.asarray(columns)[flat])
        remedy = "What is the same for all images is matched already: leave it out."
        raise ArgumentError(advice(f"columns of {argument}", "vary over images", which, remedy))
    return (values - mean) / sd, mean, sd
