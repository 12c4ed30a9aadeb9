"""Placing images in a sequence so that repeats come after the lags that are wanted."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

__all__ = ["Placed", "asked_at", "fillers_needed", "placed"]

Places = npt.NDArray[np.intp]
Lags = Sequence[int]
#: Random orders that are tried, of each of the two ways.
TRIES = 20


class Placed(NamedTuple):
    """Where each pair of showings stands, from 0."""

    first: Places  # (pair,)
    second: Places  # (pair,)


def placed(allowed: Sequence[Lags], length: int, rng: np.random.Generator) -> Placed | None:
    """Place pairs of showings in a sequence, each pair at a lag that it is allowed.

    Parameters
    ----------
    allowed : sequence of sequence of int
        Lags of each pair: trials from the first showing to the second.
    length : int
        Places in the sequence; those that stay free are for images that are shown once.
    rng : numpy.random.Generator
        Source of orders and places.

    Returns
    -------
    Placed or None
        Places at random all over the sequence, the longest lags first; where that does not fit, each pair as early as
        possible; None if neither does, in 20 random orders.
    """
    for way in (_scattered, _packed):
        for _ in range(TRIES):
            found = way(allowed, length, rng)
            if found is not None:
                return found
    return None


def fillers_needed(allowed: Sequence[Lags], rng: np.random.Generator) -> int:
    """Count the free places between pairs that are packed as tightly as was found.

    Parameters
    ----------
    allowed : sequence of sequence of int
        Lags of each pair.
    rng : numpy.random.Generator
        Source of orders.

    Returns
    -------
    int
        How many images that are shown once are enough.
    """
    most = 2 * len(allowed) + sum(max(lags) for lags in allowed)
    lengths = []
    for _ in range(TRIES):
        found = _packed(allowed, most, rng)
        assert found is not None
        lengths.append(int(found.second.max()) + 1)
    return min(lengths) - 2 * len(allowed)


def _scattered(allowed: Sequence[Lags], length: int, rng: np.random.Generator) -> Placed | None:
    """Place pairs at random, those with the longest lags first."""
    free = np.ones(length, dtype=bool)
    first, second = (np.zeros(len(allowed), dtype=np.intp) for _ in range(2))
    order = sorted(rng.permutation(len(allowed)), key=lambda i: -min(allowed[i]))
    for i in order:
        for lag in rng.permutation(np.asarray(allowed[i])).tolist():
            # a lag as long as the sequence leaves no start
            starts = np.flatnonzero(free[: max(length - lag, 0)] & free[lag:])
            if len(starts):
                break
        else:
            return None
        first[i] = rng.choice(starts)
        second[i] = first[i] + lag
        free[[first[i], second[i]]] = False
    return Placed(first, second)


def _packed(allowed: Sequence[Lags], length: int, rng: np.random.Generator) -> Placed | None:
    """Fill places from the left, with a pair where one fits, those with the longest lags first."""
    free = np.ones(length, dtype=bool)
    first, second = (np.full(len(allowed), -1, dtype=np.intp) for _ in range(2))
    left = sorted(rng.permutation(len(allowed)), key=lambda i: -min(allowed[i]))
    for start in range(length):
        if not left:
            return Placed(first, second)
        if not free[start]:
            continue
        fitting = ((i, start + lag) for i in left for lag in allowed[i] if start + lag < length and free[start + lag])
        found = next(fitting, None)
        if found is not None:
            i, first[found[0]], second[found[0]] = found[0], start, found[1]
            left.remove(i)
            free[[start, found[1]]] = False
    return None if left else Placed(first, second)


def asked_at(
    studied: Places, allowed: Sequence[Lags | None], start: int, n_tests: int, rng: np.random.Generator
) -> Places | None:
    """Choose places in a test for images that were studied, each at a lag that it is allowed.

    Parameters
    ----------
    studied : array (image,) of int
        Place of each image in the study phase.
    allowed : sequence of sequence of int or None
        Lags of each image, counted over both phases; None for any.
    start : int
        Trials of the study phase: the place of the first test.
    n_tests : int
        Places in the test.
    rng : numpy.random.Generator
        Source of the order in which places are tried.

    Returns
    -------
    array (image,) of int or None
        Places in the test, from 0; None if there is no way to keep all lags.
    """
    order = rng.permutation(n_tests)
    lags = start + order[None] - studied[:, None]
    fits = np.stack([np.ones(n_tests, bool) if one is None else np.isin(lags[i], one) for i, one in enumerate(allowed)])
    images = rng.permutation(len(studied))
    match = maximum_bipartite_matching(csr_array(fits[images].astype(np.int8)), perm_type="column")
    if (match < 0).any():
        return None
    places = np.empty(len(studied), dtype=np.intp)
    places[images] = order[match]
    return places
