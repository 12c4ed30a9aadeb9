"""Clusters along time: stretches that go the same way, judged by how much they hold."""

from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat._check import one_of
from memfeat.stats.inference import ALTERNATIVES

__all__ = ["cluster_mass", "labels"]

Array = npt.NDArray[Any]
#: Which sides a test looks at: (sign, …).
SIDES = {"two-sided": (1, -1), "greater": (1,), "less": (-1,)}


def cluster_mass(
    observed: Array, null: Array, threshold: float, *, exact: bool = False, alternative: str = "two-sided"
) -> tuple[Array, Array]:
    """Test clusters along time by their mass.

    Null hypothesis: that of the permutations, at every point of time. A small p says that there is an effect somewhere
    in the series; it does not say that it begins or ends where the cluster does. Unit of exchange: that of the
    permutations, whole series.

    Parameters
    ----------
    observed : array (series, time)
        Statistics, for example t.
    null : array (series, time, permutation)
        The same under rearrangements, the same ones for all.
    threshold : float
        What a point must exceed, in units of the statistic, to belong to a cluster.
    exact : bool
        Whether these are all rearrangements, the identity among them.
    alternative : {"two-sided", "greater", "less"}
        Which side is tested; clusters of one sign never hold points of the other.

    Returns
    -------
    array (series, time) of int
        Number of the cluster a point belongs to, from 1 on in each series; 0 outside.
    array (series, time)
        The p of that cluster, corrected for having looked at all times and all series; 1 outside.

    Notes
    -----
    The mass of a cluster is the sum of statistics of neighbouring points beyond the threshold; it is compared with the
    largest mass over all series under each rearrangement.

    References
    ----------
    Maris E, Oostenveld R (2007). Nonparametric statistical testing of EEG- and MEG-data. Journal of Neuroscience
    Methods 164:177-190.
    """
    sides = SIDES[one_of("alternative", alternative, ALTERNATIVES)]
    largest = np.zeros(null.shape[-1])
    for series in null:
        for sign in sides:
            np.maximum(largest, _masses(sign * series, threshold).max(axis=0), out=largest)
    numbers, p = np.zeros(observed.shape, dtype=np.int64), np.ones(observed.shape)
    for row, (series, number) in enumerate(zip(observed, labels(observed, threshold, sides), strict=True)):
        numbers[row] = number
        for k in range(1, number.max(initial=0) + 1):
            mass = abs(series[number == k].sum())
            b = np.count_nonzero(largest >= mass * (1 - 1e-9))
            p[row, number == k] = b / len(largest) if exact else (b + 1) / (len(largest) + 1)
    return numbers, p


def labels(statistics: Array, threshold: float, sides: tuple[int, ...]) -> Array:
    """Give the clusters of each series numbers, from 1 on.

    Parameters
    ----------
    statistics : array (series, time)
        Statistics.
    threshold : float
        What a point must exceed.
    sides : tuple of int
        1 for clusters above the threshold, −1 for those below its negative.

    Returns
    -------
    array (series, time) of int
        Numbers; 0 outside.
    """
    side = np.sum([sign * (sign * statistics > threshold) for sign in sides], axis=0)
    change = np.diff(side, axis=-1, prepend=0) != 0
    return np.where(side != 0, np.cumsum(change & (side != 0), axis=-1), 0)


def _masses(statistics: Array, threshold: float) -> Array:
    """Mass up to each point of the cluster that it is in (time, permutation)."""
    out = np.zeros(statistics.shape)
    running = np.zeros(statistics.shape[1:])
    for row, values in zip(out, statistics, strict=True):
        running = np.where(values > threshold, running + values, 0.0)
        row[:] = running
    return out
