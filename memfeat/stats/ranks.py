"""Ranks in samples of images, in which an image may stand several times."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["resampled_ranks"]

Array = npt.NDArray[np.float64]


def resampled_ranks(values: Array, counts: npt.NDArray[Any]) -> Array:
    """Rank each image among the drawn ones, ties at their mean rank, less the mean rank.

    Parameters
    ----------
    values : array (n,)
        One number per image.
    counts : array (draw, n)
        How often each image stands in each sample.

    Returns
    -------
    array (draw, n)
        Ranks, also of what was not drawn.
    """
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) > 0])
    drawn = np.add.reduceat(counts[:, order], starts, axis=1)
    middle = np.cumsum(drawn, axis=1) - drawn / 2
    group = np.empty(len(order), dtype=np.intp)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(order)]))
    centred: Array = (middle - counts.sum(axis=1, keepdims=True) / 2)[:, group]
    return centred
