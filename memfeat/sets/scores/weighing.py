"""What two sets differ by, in many samples at once: rearranged labels, or units drawn again.

A sample is a column: `member (image, sample)` is 1 where an image counts to the first set and 0 where it counts to the
second, and `drawn (unit, sample)` says how often each unit is there. A unit is an image, or a cluster of images.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.stats import norm, t

__all__ = [
    "LARGEST",
    "Apart",
    "Levels",
    "Units",
    "apart",
    "dominance_limits",
    "gaps",
    "limits_of_mean",
    "placements",
    "quantiles",
    "studentised",
]

Array = npt.NDArray[np.float64]
#: Where nothing varies inside the sets t is infinite; ties are judged relative to the largest of them.
LARGEST = 1e4
#: Standard errors of shares below this are rounding.
ROUNDING = 1e-9


class Units:
    """What is exchanged and drawn: images, or clusters of them.

    Parameters
    ----------
    unit : array (n,) of int
        The unit of each image, from 0 on.
    crossed : bool
        Whether each unit has images in both sets; otherwise each lies in one.
    """

    def __init__(self, unit: npt.NDArray[np.int64], *, crossed: bool) -> None:
        self.unit, self.crossed = unit, crossed
        self.n = int(unit.max()) + 1

    @cached_property
    def alone(self) -> bool:
        """Whether each image is a unit of its own, in this order."""
        return self.n == len(self.unit) and bool((self.unit == np.arange(self.n)).all())

    @cached_property
    def _incidence(self) -> Any:
        n = len(self.unit)
        return csr_array((np.ones(n), (self.unit, np.arange(n))), shape=(self.n, n))

    def total(self, values: Array) -> Array:
        """Add up images by unit (unit, sample)."""
        return values if self.alone else np.asarray(self._incidence @ values)


class Apart(NamedTuple):
    """Means of two sets in each sample, and the variance of their difference."""

    first: Array
    second: Array
    variance: Array
    """Of the difference of the means (sample,)."""
    parts: tuple[Array, Array]
    """What both sets contribute to it; the second is 0 where units are crossed."""
    counts: tuple[Array, Array]
    """Number of units of each set (sample,)."""

    @property
    def difference(self) -> Array:
        """Mean of the first set less that of the second."""
        return self.first - self.second

    @property
    def degrees(self) -> Array:
        """Degrees of freedom of the variance: those of Welch and Satterthwaite, with units in place of images."""
        one, two = self.parts
        below = one**2 / (self.counts[0] - 1) + two**2 / np.maximum(self.counts[1] - 1, 1)
        few = np.minimum(*self.counts) - 1
        found = np.divide(self.variance**2, below, out=np.asarray(few, float).copy(), where=below > 0)
        return np.asarray(found)


def apart(first: Array, second: Array, member: Array, drawn: Array, units: Units) -> Apart:
    """Compare the means of two sets in samples.

    Parameters
    ----------
    first, second : array (n, sample) or (n, 1)
        Value of each image where it counts to the first or to the second set.
    member : array (n, sample) or (n, 1)
        1 for images of the first set, 0 for those of the second.
    drawn : array (unit, sample) or (unit, 1)
        How often each unit is there.
    units : Units
        What is exchanged and drawn.

    Returns
    -------
    Apart
        Means, and the variance of their difference: K / (K − 1) Σ u², u the sum over the images of a unit of their
        deviation from the mean of their set, divided by the size of the set, and K the number of units; by set where
        units lie in one set each. For images by themselves this is Welch's, and for pairs that of paired differences.
    """
    other = 1 - member
    sizes, others = units.total(member), units.total(other)
    sums, more = units.total(member * first), units.total(other * second)
    n, m = ((drawn * part).sum(axis=0) for part in (sizes, others))
    means = (drawn * sums).sum(axis=0) / n, (drawn * more).sum(axis=0) / m
    left, right = (sums - sizes * means[0]) / n, (more - others * means[1]) / m
    if units.crossed:
        k = (drawn * np.ones_like(sizes)).sum(axis=0)
        counts, parts = (k, k), (_spread(left - right, drawn, k), np.zeros(left.shape[1:]))
    else:
        counts = (drawn * (sizes > 0)).sum(axis=0), (drawn * (others > 0)).sum(axis=0)
        parts = _spread(left, drawn, counts[0]), _spread(right, drawn, counts[1])
    return Apart(*means, parts[0] + parts[1], parts, counts)


def _spread(deviations: Array, drawn: Array, n: Array) -> Array:
    """Give the variance of a sum over n units from what each contributes."""
    return np.asarray(n / np.maximum(n - 1, 1) * (drawn * deviations**2).sum(axis=0))


def limits_of_mean(values: Array, units: Units) -> tuple[Array, Array]:
    """Give 95 % intervals of the mean of one set: Student's t, with units in place of images.

    Parameters
    ----------
    values : array (score, n)
        Values of its images.
    units : Units
        What they belong to.

    Returns
    -------
    array (score,), array (score,)
        Lower and upper limits; the variance is that of :func:`apart`.
    """
    mean = values.mean(axis=1)
    deviations = units.total(values.T - mean) / values.shape[1]
    variance = _spread(deviations, np.ones((units.n, 1)), np.full(len(values), units.n))
    half = t.isf(0.025, units.n - 1) * np.sqrt(variance)
    return mean - half, mean + half


def studentised(difference: Array, variance: Array) -> Array:
    """Divide differences by their standard errors.

    Parameters
    ----------
    difference, variance : array (...)
        Differences and their variances.

    Returns
    -------
    array (...)
        Quotients, at most `LARGEST`; 0 where there is no difference.
    """
    error = np.sqrt(variance)
    t = np.divide(difference, error, out=np.sign(difference) * LARGEST, where=error * LARGEST > np.abs(difference))
    return np.asarray(t)


class Levels:
    """Values of all images of both sets, in order, with equal ones together.

    Parameters
    ----------
    values : array (n,)
        The values.
    """

    def __init__(self, values: Array) -> None:
        self.values, self.level = np.unique(values, return_inverse=True)
        self.order = np.argsort(self.level, kind="stable")
        self.starts = np.searchsorted(self.level[self.order], np.arange(len(self.values)))

    def counted(self, weights: Array) -> tuple[Array, Array]:
        """Give the weight at each value, and up to it (value, sample)."""
        at = weights[self.order]
        if len(self.values) < len(self.level):
            at = np.add.reduceat(at, self.starts, axis=0)
        return at, np.cumsum(at, axis=0)


def placements(levels: Levels, member: Array) -> tuple[Array, Array, Array]:
    """Give each image the share of the other set that lies below it, ties half, and both distributions' difference.

    Parameters
    ----------
    levels : Levels
        Values of all images.
    member : array (n, sample)
        1 for images of the first set, 0 for those of the second.

    Returns
    -------
    array (n, sample), array (n, sample)
        Share of the second set below an image, and of the first set.
    array (value, sample)
        Distribution function of the first set less that of the second, at each value.
    """
    (at, upto), (at_other, upto_other) = (levels.counted(one) for one in (member, 1 - member))
    shares = [(upto - at / 2) / upto[-1], (upto_other - at_other / 2) / upto_other[-1]]
    distance = upto / upto[-1] - upto_other / upto_other[-1]
    return shares[1][levels.level], shares[0][levels.level], distance


def gaps(levels: Levels, distance: Array) -> tuple[Array, Array]:
    """Measure how far two distributions are apart.

    Parameters
    ----------
    levels : Levels
        Values of all images.
    distance : array (value, sample)
        Difference of the distribution functions at each value.

    Returns
    -------
    array (sample,), array (sample,)
        Kolmogorov and Smirnov's largest distance, and Wasserstein's (the area between both functions, in units of the
        values).
    """
    size = np.abs(distance)
    return size.max(axis=0), np.diff(levels.values) @ size[:-1]


def quantiles(levels: Levels, weights: Array, which: Array) -> Array:
    """Give quantiles of samples.

    Parameters
    ----------
    levels : Levels
        Values of all images.
    weights : array (n, sample) of whole numbers
        How often each image is there.
    which : array (quantile,)
        Shares.

    Returns
    -------
    array (quantile, sample)
        Quantiles, linear between the values at both sides (Hyndman and Fan's seventh definition, as in numpy).
    """
    upto = levels.counted(weights)[1]
    places = (upto[-1] - 1) * which[:, None]
    below = np.floor(places)
    found = []
    for place in (below, np.minimum(below + 1, upto[-1] - 1)):
        index = np.stack([np.count_nonzero(upto <= row, axis=0) for row in place])
        found.append(levels.values[np.minimum(index, len(levels.values) - 1)])
    return np.asarray(found[0] + (places - below) * (found[1] - found[0]))


def dominance_limits(delta: float, error: float, degrees: float, n: int) -> tuple[float, float]:
    """Give the 95 % interval of Cliff's delta, which is not symmetric about it.

    Parameters
    ----------
    delta, error : float
        Delta and its standard error.
    degrees : float
        Degrees of freedom of the error.
    n : int
        Units of the smaller set.

    Returns
    -------
    float, float
        (δ − δ³ ± t s √((1 − δ²)² + t² s²)) / (1 − δ² + t² s²); where the sets do not overlap, (n − z²) / (n + z²) and
        1, or these with a minus.

    References
    ----------
    Feng D, Cliff N (2004). Monte Carlo evaluation of ordinal d with improved confidence interval. Journal of Modern
    Applied Statistical Methods 3:322-332.
    """
    if error < ROUNDING:
        z = float(norm.isf(0.025))
        inner = (n - z**2) / (n + z**2)
        return (inner, 1.0) if delta > 0 else (-1.0, -inner) if delta < 0 else (0.0, 0.0)
    reach = float(t.isf(0.025, degrees)) * error
    middle, half = delta - delta**3, reach * np.sqrt((1 - delta**2) ** 2 + reach**2)
    whole = 1 - delta**2 + reach**2
    return float(max((middle - half) / whole, -1.0)), float(min((middle + half) / whole, 1.0))
