"""Scores of images from how often each was hit, missed, falsely called old and rightly rejected."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

__all__ = ["CORRECTIONS", "SCORES", "Counts", "corrected", "derived", "tallied"]

Array = npt.NDArray[np.float64]


class Counts(NamedTuple):
    """Answers to each image."""

    hits: npt.NDArray[np.int64]
    """(image,), targets called old."""
    misses: npt.NDArray[np.int64]
    """(image,), targets called new."""
    false_alarms: npt.NDArray[np.int64]
    """(image,), foils called old."""
    correct_rejections: npt.NDArray[np.int64]
    """(image,), foils called new."""

    @property
    def n_targets(self) -> npt.NDArray[np.int64]:
        """How often each image was a target."""
        return self.hits + self.misses

    @property
    def n_foils(self) -> npt.NDArray[np.int64]:
        """How often each image was a foil."""
        return self.false_alarms + self.correct_rejections


#: How rates of 0 and 1, whose z is infinite, are kept from them -> (found, n) -> rates and the n that they are of.
CORRECTIONS: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "log-linear": lambda found, n: ((found + 0.5) / (n + 1), n + 1),
    "1/(2n)": lambda found, n: (np.clip(found / n, 0.5 / n, 1 - 0.5 / n), n),
}


def tallied(
    image: npt.NDArray[np.intp], old: npt.NDArray[np.bool_], said_old: npt.NDArray[np.bool_], *, n_images: int
) -> Counts:
    """Count the answers to each image.

    Parameters
    ----------
    image : array (trial,) of int
        Which image was shown.
    old : array (trial,) of bool
        Whether it was a target.
    said_old : array (trial,) of bool
        Whether it was called old.
    n_images : int
        How many images there are.

    Returns
    -------
    Counts
        The counts.
    """
    cell = 2 * (~old) + ~said_old  # hits, misses, false alarms, correct rejections
    counts = np.bincount(4 * image + cell, minlength=4 * n_images).reshape(n_images, 4)
    return Counts(*counts.T.astype(np.int64))


def shares(found: npt.NDArray[np.int64], n: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Give counts and their n as numbers, the n as NaN where there is none, so that every rate of it is.

    Parameters
    ----------
    found, n : array (...)
        How many, and of how many.

    Returns
    -------
    array (...), array (...)
        Both as numbers.
    """
    return found.astype(np.float64), np.where(n > 0, n, np.nan)


def corrected(counts: Counts, correction: str) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Give hit and false-alarm rates that are neither 0 nor 1, and the n that each is of.

    Parameters
    ----------
    counts : Counts
        The counts.
    correction : str
        A key of `CORRECTIONS`.

    Returns
    -------
    (array, array), (array, array)
        Hit rates and their n, false-alarm rates and theirs; NaN where there is no target, or no foil.
    """
    keep = CORRECTIONS[correction]
    hits = keep(*shares(counts.hits, counts.n_targets))
    return hits, keep(*shares(counts.false_alarms, counts.n_foils))


def _hit_rate(counts: Counts, correction: str) -> Array:
    found, n = shares(counts.hits, counts.n_targets)
    return found / n


def _false_alarm_rate(counts: Counts, correction: str) -> Array:
    found, n = shares(counts.false_alarms, counts.n_foils)
    return found / n


def _corrected_recognition(counts: Counts, correction: str) -> Array:
    return _hit_rate(counts, correction) - _false_alarm_rate(counts, correction)


def _accuracy(counts: Counts, correction: str) -> Array:
    right = counts.hits + counts.correct_rejections
    both = (counts.n_targets > 0) & (counts.n_foils > 0)
    return right / np.where(both, counts.n_targets + counts.n_foils, np.nan)


def _d_prime(counts: Counts, correction: str) -> Array:
    (hits, _), (alarms, _) = corrected(counts, correction)
    return np.asarray(ndtri(hits) - ndtri(alarms))


def _criterion(counts: Counts, correction: str) -> Array:
    (hits, _), (alarms, _) = corrected(counts, correction)
    return np.asarray(-(ndtri(hits) + ndtri(alarms)) / 2)


def _mutual_information(counts: Counts, correction: str) -> Array:
    table = np.array([[counts.correct_rejections, counts.misses], [counts.false_alarms, counts.hits]]) + 0.1
    p = table / table.sum(axis=(0, 1))
    apart = p.sum(axis=0, keepdims=True) * p.sum(axis=1, keepdims=True)
    both = (counts.n_targets > 0) & (counts.n_foils > 0)
    return np.where(both, (p * np.log(p / apart)).sum(axis=(0, 1)), np.nan)


#: name of a score -> how it comes from counts, with the correction of rates of 0 and 1 where it needs one
SCORES: dict[str, Callable[[Counts, str], Array]] = {
    "hit_rate": _hit_rate,
    "false_alarm_rate": _false_alarm_rate,
    "corrected_recognition": _corrected_recognition,
    "accuracy": _accuracy,
    "d_prime": _d_prime,
    "criterion": _criterion,
    "mutual_information": _mutual_information,
}


def derived(counts: Counts, *, correction: str) -> dict[str, Array]:
    """Compute every score of every image.

    Parameters
    ----------
    counts : Counts
        The counts.
    correction : str
        A key of `CORRECTIONS`.

    Returns
    -------
    dict of array (image,)
        The scores, as `SCORES` has them; NaN where the image was never shown as what a score needs.
    """
    return {name: compute(counts, correction) for name, compute in SCORES.items()}
