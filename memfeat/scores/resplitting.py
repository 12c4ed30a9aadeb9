"""Halves of the responses to each image, where it is not known who gave which."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import count, known_options
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, stamped
from memfeat.scores.counts import Counts
from memfeat.scores.halving import LEAST_RESPONSES, chosen_of, scored
from memfeat.scores.scoring import CountColumns, rates
from memfeat.stats.halves import HALF, SPLIT

__all__ = ["resplit"]

Whole = npt.NDArray[np.int64]
ESTIMATOR = "responses in random halves, image by image (hypergeometric)"


def resplit(
    counts: xr.Dataset | pd.DataFrame | str | Path,
    *,
    measures: str | Sequence[str] | None = None,
    n_splits: int = 100,
    rng: int | np.random.Generator = 0,
    **columns: Unpack[CountColumns],
) -> xr.Dataset:
    """Deal the responses to each image into random halves, and score images by each.

    Parameters
    ----------
    counts : Dataset (image), DataFrame, str or Path
        Counts of responses, as for :func:`rates`: what :func:`from_trials` gave, or a table with one row per image.
    measures : str or list of str, optional
        Which scores, as for :func:`split_half`.
    n_splits : int
        How many times responses are dealt.
    rng : int or numpy.random.Generator
        Seed of the splits.
    **columns : optional
        Which column holds what, where it is not called so, see :class:`CountColumns`.

    Returns
    -------
    Dataset (image, half, split)
        One variable per measure, as from :func:`halves`; NaN where an image has fewer than 2 responses in a half.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError
        If it is no table, or there is no such column.
    ArgumentError
        If counts cannot be used, there are not enough responses, or an option has an unknown value.

    See Also
    --------
    halves : Deals participants, where these are known.
    reliability : Estimates the reliability by halves.

    Notes
    -----
    Of n responses of which k are "old", a half has n // 2, drawn without replacement; one is left over when n is odd.

    This is another estimator than halves of participants. It takes all responses as given by different people. That one
    participant says "old" more often than another goes into the noise of each image, unless all have seen all images.
    Where participants are known, deal participants.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image": ["a", "b", "c"], "hits": [8, 4, 0], "n_targets": [8, 8, 8]})
    >>> dealt = resplit(table, n_splits=5)["hit_rate"]
    >>> dealt.mean("half").isel(split=0).values
    array([1. , 0.5, 0. ])
    """
    known_options(columns, CountColumns, resplit)
    table = rates(counts, **columns)
    known = Counts(*(table[name].values for name in Counts._fields))
    chosen = chosen_of(measures, known, "counts")
    generator, seed = seeded(rng)
    both = _dealt(known, count("n_splits", n_splits), generator)
    values = {name: ((HALF, SPLIT, IMAGE), np.stack([scored(half, name) for half in both])) for name in chosen}
    coords = {IMAGE: table[IMAGE].values, HALF: [1, 2], SPLIT: np.arange(n_splits)}
    result = xr.Dataset(values, coords).transpose(IMAGE, HALF, SPLIT)
    facts = {"method": "scores of two halves", "estimator": ESTIMATOR, "least_responses": LEAST_RESPONSES}
    facts |= {"n_splits": n_splits, "seed": seed}
    return stamped(result.map(lambda one: stamped(one, **facts)), **facts)


def _dealt(counts: Counts, n_splits: int, rng: np.random.Generator) -> tuple[Counts, Counts]:
    """Deal responses (split, image): first those of one half, then those of the other from what is left."""
    halves: tuple[list[Whole], list[Whole]] = ([], [])
    for said_old, said_new in ((counts.hits, counts.misses), (counts.false_alarms, counts.correct_rejections)):
        size = (said_old + said_new) // 2
        first = rng.hypergeometric(said_old, said_new, size, size=(n_splits, len(size)))
        second = rng.hypergeometric(said_old - first, said_new - (size - first), size)
        for half, drawn in zip(halves, (first, second), strict=True):
            half += [drawn, size - drawn]
    return Counts(*halves[0]), Counts(*halves[1])
