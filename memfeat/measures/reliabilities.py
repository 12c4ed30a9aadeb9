"""How reliable scores are, in the data and in each sample of images: a named number, or halves of participants."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, finite, listed, looked_up
from memfeat._labels import IMAGE, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.measures.resampled import Counts, correlations
from memfeat.measures.tables import Columns
from memfeat.stats.reliability import NAMED, spearman_brown, stepped_up

__all__ = ["Known", "known_of"]

Array = npt.NDArray[np.float64]
HALF, SPLIT = "half", "split"
REMEDY = (
    'Pass {"split_half": 0.78}, {"spearman_brown": 0.876}, or the scores of both halves: a DataArray '
    "(image, half, split) with two halves."
)


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
    given : mapping, DataArray (image, half, split), Dataset of them, or None
        A named number or halves; with several scores a mapping or Dataset from score to either.
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
    by_score = _by_score(given, scores, images)
    values = np.full((len(scores.names), len(samples)), np.nan)
    told: dict[str, Any] = dict.fromkeys(scores.names, "none")
    for k, name in enumerate(scores.names):
        one = by_score.get(name)
        argument = f"reliability[{name!r}]" if scores.several else "reliability"
        if isinstance(one, float):
            _of_scores_themselves(argument, covariates)
            values[k], told[name] = one, one
        elif one is not None:
            pairs = [correlations(a[None], b[None], covariates.values, samples, ranked=ranked)[0, 0] for a, b in one]
            mean = np.mean(pairs, axis=0)
            values[k], told[name] = stepped_up(np.where(mean > 0, mean, np.nan)), f"halves, {len(one)} splits"
            _above_zero(values[k, 0], argument)
    some = any(isinstance(one, np.ndarray) for one in by_score.values())
    return Known(values, some, told if scores.several else told[scores.names[0]])


def _of_scores_themselves(argument: str, covariates: Columns) -> None:
    if covariates.names:
        remedy = (
            "What covariates leave of scores is less reliable than the scores. Pass halves, or leave one of both out."
        )
        raise ArgumentError(advice(argument, "be scores of halves with covariates", listed("a number"), remedy))


def _above_zero(value: float, argument: str) -> None:
    if not np.isfinite(value):
        remedy = "Such scores cannot tell images apart: leave reliability out, or take more participants."
        found = listed("halves whose mean correlation is 0 or less")
        raise ArgumentError(advice(argument, "be above 0", found, remedy))


def _by_score(given: Any, scores: Columns, images: xr.DataArray) -> dict[str, float | Array]:
    """Give the reliability of each score that has one."""
    if not scores.several:
        return {scores.names[0]: _one(given, "reliability", images)}
    if not isinstance(given, Mapping | xr.Dataset) or set(map(str, given)) & set(NAMED):
        remedy = f"Say whose it is: {{{scores.names[0]!r}: {{'split_half': 0.78}}}}."
        raise ArgumentError(advice("reliability", "name scores", listed(type(given).__name__), remedy))
    for name in given:
        looked_up("reliability", str(name), scores.names, f"There are {', '.join(scores.names)}.")
    return {str(name): _one(given[name], f"reliability[{str(name)!r}]", images) for name in given}


def _one(given: Any, argument: str, images: xr.DataArray) -> float | Array:
    """Read a named number, or halves (split, half, n)."""
    if not isinstance(given, xr.DataArray):
        return spearman_brown(given, remedy=REMEDY)
    if given.dtype.kind not in "iuf":
        raise KindError(advice(argument, "hold numbers", listed(f"dtype {given.dtype}"), REMEDY))
    dims = {str(name): size for name, size in given.sizes.items()}
    if dims.keys() - {SPLIT} != {IMAGE, HALF} or dims[HALF] != 2 or 0 in dims.values():
        raise ArgumentError(advice(argument, "have dims image, half (2) and split", listed(dims), REMEDY))
    whole = given if SPLIT in dims else given.expand_dims(SPLIT)
    ordered = matched(whole, images, argument=argument, reference="measure").transpose(SPLIT, HALF, IMAGE)
    values = ordered.values.astype(np.float64)
    remedy = "Drop images that a half of the participants has not seen, here, from scores and from the measure."
    finite(argument, values.transpose(2, 0, 1), list(map(str, images.values)), remedy=remedy)
    return values
