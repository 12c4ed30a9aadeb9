"""95 % intervals of one image's scores: of rates, of sums of two rates, and of what is computed from their z."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import beta, norm

from memfeat.scores.counts import Counts, corrected, shares
from memfeat.stats.shares import LEVEL, Z, wilson

__all__ = ["LIMITS", "Limits", "intervals", "jeffreys", "limits_of", "square_and_add"]

Array = npt.NDArray[np.float64]


class Limits(NamedTuple):
    """An estimate with its interval."""

    estimate: Array
    low: Array
    high: Array


def jeffreys(found: Array, n: Array) -> tuple[Array, Array]:
    """Give the Jeffreys interval of rates.

    Parameters
    ----------
    found : array (image,)
        How many answers.
    n : array (image,)
        Of how many; NaN where there are none.

    Returns
    -------
    array (image,), array (image,)
        Lower and upper limit: quantiles of Beta(found + .5, n − found + .5), and 0 or 1 where the rate is.

    References
    ----------
    Brown LD, Cai TT, DasGupta A (2001). Interval estimation for a binomial proportion. Statistical Science 16:101-133.
    """
    tail = (1 - LEVEL) / 2
    rate = found / n
    low, high = (np.asarray(beta.ppf(q, found + 0.5, n - found + 0.5)) for q in (tail, 1 - tail))
    return np.where(rate == 0, 0.0, low), np.where(rate == 1, 1.0, high)


#: name of an interval of rates -> how its limits are computed
LIMITS: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {"wilson": wilson, "jeffreys": jeffreys}


def limits_of(found: Array, n: Array, *, interval: str) -> Limits:
    """Give rates and their limits.

    Parameters
    ----------
    found : array (image,)
        How many answers.
    n : array (image,)
        Of how many; NaN where there are none.
    interval : str
        A key of `LIMITS`.

    Returns
    -------
    Limits
        NaN where there are no answers.
    """
    return Limits(found / n, *LIMITS[interval](found, n))


def square_and_add(*terms: tuple[Array | float, Limits]) -> Limits:
    """Give an interval of a weighted sum of independent estimates from the interval of each.

    Parameters
    ----------
    *terms : (array or float, Limits)
        A weight and what it is the weight of.

    Returns
    -------
    Limits
        The sum and its limits. Of a difference of two rates with Wilson intervals this is Newcombe's method 10.

    References
    ----------
    Newcombe RG (1998). Interval estimation for the difference between independent proportions: comparison of eleven
    methods. Statistics in Medicine 17:873-890.
    Zou GY, Donner A (2008). Construction of confidence limits about effect measures: a general approach. Statistics in
    Medicine 27:1693-1702.
    """
    total = sum(weight * term.estimate for weight, term in terms)
    below, above = (
        sum(
            (weight * (np.where(np.sign(weight) == side, term.low, term.high) - term.estimate)) ** 2
            for weight, term in terms
        )
        for side in (1, -1)
    )
    return Limits(np.asarray(total), np.asarray(total - np.sqrt(below)), np.asarray(total + np.sqrt(above)))


def _of_z(counts: Counts, correction: str, *, weights: tuple[float, float]) -> Limits:
    """Give an interval of a weighted sum of z of both rates by the delta method (Gourevitch & Galanter, 1967)."""
    total, variance = np.zeros(len(counts.hits)), np.zeros(len(counts.hits))
    for weight, (rate, n) in zip(weights, corrected(counts, correction), strict=True):
        total += weight * ndtri(rate)
        variance += weight**2 * rate * (1 - rate) / (n * norm.pdf(ndtri(rate)) ** 2)
    half = Z * np.sqrt(variance)
    return Limits(total, total - half, total + half)


def intervals(counts: Counts, *, interval: str, correction: str) -> dict[str, Limits]:
    """Give the interval of every score that has one.

    Parameters
    ----------
    counts : Counts
        The counts.
    interval : str
        A key of `LIMITS`.
    correction : str
        How rates of 0 and 1 are kept from them for d′ and criterion.

    Returns
    -------
    dict of Limits
        All scores but mutual information; NaN where a score is.
    """
    n = counts.n_targets + counts.n_foils
    hits = limits_of(*shares(counts.hits, counts.n_targets), interval=interval)
    alarms = limits_of(*shares(counts.false_alarms, counts.n_foils), interval=interval)
    rejections = limits_of(*shares(counts.correct_rejections, counts.n_foils), interval=interval)
    share = np.divide(counts.n_targets, n, out=np.full(len(n), np.nan), where=n > 0)
    return {
        "hit_rate": hits,
        "false_alarm_rate": alarms,
        "corrected_recognition": square_and_add((1.0, hits), (-1.0, alarms)),
        "accuracy": square_and_add((share, hits), (1 - share, rejections)),
        "d_prime": _of_z(counts, correction, weights=(1.0, -1.0)),
        "criterion": _of_z(counts, correction, weights=(-0.5, -0.5)),
    }
