"""How reliable scores are, in the data and in each sample of images: a named number, or halves of participants."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError
from memfeat.measures.resampled import Counts, correlations
from memfeat.measures.tables import Columns
from memfeat.stats.halves import agreeing, reliabilities, stepped_mean

__all__ = ["Known", "known_of"]

Array = npt.NDArray[np.float64]


class Known(NamedTuple):
    """Reliability of each score, r_SB, first in the data and then in each sample."""

    values: Array
    """(score, 1 + draws); NaN for a score without one."""
    halves: bool
    """Whether any came from halves, so that there is something to tell."""
    recorded: Any
    """What goes into the attributes of the result."""


def known_of(
    given: Any, scores: Columns, covariates: Columns, samples: Counts, *, images: xr.DataArray, ranked: Any
) -> Known | None:
    """Read reliabilities, and compute those of halves in every sample.

    Parameters
    ----------
    given : mapping, DataArray (image, half, split), Dataset or None
        What :func:`memfeat.stats.halves.reliabilities` takes.
    scores, covariates : Columns
        Scores, and what is taken out of them and of halves.
    samples : array (1 + draws, n)
        How often each image stands in the data, once, and in each sample.
    images : DataArray (image)
        The images' names.
    ranked : function, optional
        What becomes of ranks, see :func:`correlations`.

    Returns
    -------
    Known or None
        The reliabilities.

    Raises
    ------
    KindError, ArgumentError, UnknownNameError
        If they are something else, images differ, there is no such score, halves do not agree, or a number is named for
        scores that covariates are taken out of.
    """
    if given is None:
        return None
    by_score = reliabilities(given, scores.names, images, several=scores.several, reference="measure")
    values = np.full((len(scores.names), len(samples)), np.nan)
    told: dict[str, Any] = dict.fromkeys(scores.names, "none")
    for k, name in enumerate(scores.names):
        if name not in by_score:
            continue
        one, told[name] = by_score[name]
        argument = f"reliability[{name!r}]" if scores.several else "reliability"
        if isinstance(one, float):
            _of_scores_themselves(argument, covariates)
            values[k] = one
        else:
            pairs = [correlations(a[None], b[None], covariates.values, samples, ranked=ranked)[0, 0] for a, b in one]
            values[k] = stepped_mean(pairs)
            agreeing(values[k, 0], argument)
    some = any(isinstance(one.value, np.ndarray) for one in by_score.values())
    return Known(values, some, told if scores.several else told[scores.names[0]])


def _of_scores_themselves(argument: str, covariates: Columns) -> None:
    if covariates.names:
        remedy = (
            "What covariates leave of scores is less reliable than the scores. Pass halves, as from mf.scores.halves, "
            "or leave one of both out."
        )
        raise ArgumentError(advice(argument, "be scores of halves with covariates", listed("a number"), remedy))
