"""Random halves of the participants, and the scores that each half gives to images."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from memfeat._check import advice, listed, one_of
from memfeat.errors import ArgumentError
from memfeat.scores.counts import SCORES, Counts
from memfeat.scores.trials import Trials

__all__ = ["LEAST_RESPONSES", "MEASURES", "USUAL", "chosen_of", "halved", "scored", "splits"]

Array = npt.NDArray[np.float64]
Made = TypeVar("Made")
N_THREADS = min(8, os.cpu_count() or 1)
#: An image with fewer responses than this in a cell of a half is left out of the split.
LEAST_RESPONSES = 2
#: Fewer images than this, and there is nothing to correlate.
LEAST_IMAGES = 3
#: Differences closer than this are ties: .6 − .1 and .7 − .2 differ in the last bit.
DIGITS = 12
#: How many numbers an array of half scores may hold; each thread holds some of them.
ROOM = 125_000
#: Score of an image -> which responses it needs.
MEASURES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SCORES, ("n_targets", "n_foils")),
    "hit_rate": ("n_targets",),
    "false_alarm_rate": ("n_foils",),
}
#: Those that are taken unless told.
USUAL = ("hit_rate", "false_alarm_rate", "corrected_recognition", "d_prime")
CORRECTION = "log-linear"


def scored(counts: Counts, measure: str) -> Array:
    """Score images.

    Parameters
    ----------
    counts : Counts of array (..., n)
        Responses of one half.
    measure : str
        One of `MEASURES`.

    Returns
    -------
    array (..., n)
        Scores; NaN with fewer than 2 responses of a kind that the score needs.
    """
    enough = np.logical_and.reduce([getattr(counts, cell) >= LEAST_RESPONSES for cell in MEASURES[measure]])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(enough, np.round(SCORES[measure](counts, CORRECTION), DIGITS), np.nan)


def chosen_of(measures: str | Sequence[str] | None, counts: Counts, argument: str) -> list[str]:
    """Choose measures.

    Parameters
    ----------
    measures : str, list of str or None
        What the user asked for; None for all of the usual ones that can be.
    counts : Counts of array (n,)
        All responses to each image.
    argument : str
        What the user calls the responses.

    Returns
    -------
    list of str
        Names of `MEASURES`.

    Raises
    ------
    ArgumentError
        If there is no such measure, or not enough responses for one.
    """
    least = 2 * LEAST_RESPONSES
    able = {
        name: sum(np.logical_and.reduce([getattr(counts, cell) >= least for cell in cells])) >= LEAST_IMAGES
        for name, cells in MEASURES.items()
    }
    names = [measures] if isinstance(measures, str) else list(USUAL if measures is None else measures)
    for name in names:
        one_of("measures", name, MEASURES)
    kept = [name for name in names if able[name]]
    if not names:
        known = f"There are {', '.join(MEASURES)}."
        raise ArgumentError(advice("measures", "name at least one", listed("none"), known))
    if not kept or (measures is not None and len(kept) < len(names)):
        rule = f"hold {least} responses of a kind to each of {LEAST_IMAGES} images"
        found = listed(f"fewer for {', '.join(name for name in names if not able[name])}")
        remedy = f"The smallest half that is scored has {LEAST_RESPONSES} responses to an image."
        raise ArgumentError(advice(argument, rule, found, remedy))
    return kept


def splits(n_participants: int, n_splits: int, rng: np.random.Generator) -> npt.NDArray[np.int8]:
    """Deal participants into two halves.

    Parameters
    ----------
    n_participants : int
        How many there are.
    n_splits : int
        How many splits are drawn.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    array (split, participant)
        0 and 1 for the halves, which are of the same size; −1 for the one who is left over when the number is odd.
    """
    place = rng.random((n_splits, n_participants)).argsort(axis=-1).argsort(axis=-1)
    half = n_participants // 2
    return np.select([place < half, place < 2 * half], [0, 1], -1).astype(np.int8)


def halved(
    trials: Trials, n_splits: int, rng: np.random.Generator, use: Callable[[Counts, Counts, int], Made]
) -> list[Made]:
    """Count the responses of both halves, some splits at a time, in threads.

    Parameters
    ----------
    trials : Trials
        Trials of known participants.
    n_splits : int
        How many splits are drawn.
    rng : numpy.random.Generator
        Source of the draws; how many splits are counted at a time does not change them.
    use : callable
        Takes the responses to each image in the first and in the second half, Counts of array (split, image), and the
        number of the first of these splits.

    Returns
    -------
    list
        What it gave, in the order of the splits.
    """
    tables = _tables(trials)
    n_participants = len(trials.participants)
    step = max(1, ROOM // max(len(trials.images), n_participants))
    # drawn one after the other: which thread comes first changes nothing
    starts = range(0, n_splits, step)
    dealt = [splits(n_participants, min(step, n_splits - start), rng) for start in starts]

    def used(start: int, block: npt.NDArray[np.int8]) -> Made:
        first, second = (_counted(tables, block == half) for half in (0, 1))
        return use(first, second, start)

    with ThreadPoolExecutor(N_THREADS) as threads:
        return list(threads.map(used, starts, dealt))


def _tables(trials: Trials) -> list[csr_array[Any]]:
    """Count responses by image and participant, in the order of the fields of counts."""
    old, said = trials.old, trials.said_old
    shape = (len(trials.images), len(trials.participants))
    return [
        csr_array((np.ones(kind.sum(), dtype=np.float32), (trials.image[kind], trials.participant[kind])), shape=shape)
        for kind in (old & said, old & ~said, ~old & said, ~old & ~said)
    ]


def _counted(tables: list[csr_array[Any]], member: npt.NDArray[np.bool_]) -> Counts:
    """Add up the responses of members (split, participant); float32 is exact up to 16,777,216 of them."""
    chosen = np.ascontiguousarray(member.T, dtype=np.float32)
    return Counts(*(np.ascontiguousarray((table @ chosen).T, dtype=np.int64) for table in tables))
