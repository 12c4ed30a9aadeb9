"""Reliability of scores: from a named number, and from how well halves agree."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, fraction, listed
from memfeat.errors import ArgumentError, KindError

__all__ = ["spearman_brown", "stepped_up"]

Array = npt.NDArray[Any]


def stepped_up(r: npt.ArrayLike) -> Array:
    """Step the correlation of two halves up to the reliability of the whole (Spearman-Brown).

    Parameters
    ----------
    r : array (...)
        Mean correlations of random halves, above −1.

    Returns
    -------
    array (...)
        2r / (1 + r).

    References
    ----------
    Spearman C (1910). Correlation calculated from faulty data. British Journal of Psychology 3:271-295.
    Brown W (1910). Some experimental results in the correlation of mental abilities. British Journal of Psychology
    3:296-322.

    Examples
    --------
    >>> float(stepped_up(0.78).round(3))
    0.876
    """
    halves = np.asarray(r, dtype=np.float64)
    return np.asarray(2 * halves / (1 + halves))


#: name of a reliability -> the reliability of the full scores
NAMED: dict[str, Callable[[float], float]] = {"split_half": lambda r: float(stepped_up(r)), "spearman_brown": float}
REMEDY = 'Say what the number is: {"split_half": 0.78} or {"spearman_brown": 0.876}.'


def spearman_brown(reliability: Mapping[str, float], *, remedy: str = REMEDY) -> float:
    """Read the reliability of the full scores from a named number.

    Parameters
    ----------
    reliability : mapping
        One entry: {"split_half": r}, the mean correlation of random halves, or {"spearman_brown": r}, stepped up.
    remedy : str
        What to do if it is something else.

    Returns
    -------
    float
        The reliability of the full scores, 2r / (1 + r) for halves.

    Raises
    ------
    KindError
        If it is no mapping.
    ArgumentError
        If it has not exactly one of these names, or the number is not between 0 and 1.

    Examples
    --------
    >>> round(spearman_brown({"split_half": 0.78}), 3)
    0.876
    """
    if not isinstance(reliability, Mapping):
        raise KindError(advice("reliability", "be a named number", listed(type(reliability).__name__), remedy))
    if len(reliability) != 1 or not set(reliability) <= set(NAMED):
        raise ArgumentError(advice("reliability", "hold one named number", dict(reliability), remedy))
    [(name, value)] = reliability.items()
    return NAMED[name](fraction(f"reliability[{name!r}]", value))
