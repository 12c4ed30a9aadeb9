"""What decoding may be told besides its data."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import advice, known_options, listed, one_of
from memfeat._labels import as_scores, matched
from memfeat.errors import ArgumentError
from memfeat.regression.scaling import SCALES
from memfeat.stats.exchange import grouping

__all__ = ["Chosen", "DecodeOptions", "chosen_of", "exchange_of"]


class DecodeOptions(stats.Exchange, total=False):
    """Options of :func:`memfeat.regression.decode`, besides those of :class:`memfeat.stats.Exchange`.

    `groups` : DataArray (image) or Series, images that are held out together (a scene, a category, a set); `permute`
    must then be named too.
    `strata` : DataArray (image) or Series, of each of which every fold gets its share. Not to be made of the scores.
    `repeats` : int, how often folds are dealt anew (default 1). Estimates are means over repeats.
    `held_out` : label or list of labels, which of the folds that the user gave are predicted; all by default. The
    images of others are only fitted to.
    `scale` : "none" (default), "layer" (features divided by one number, the root of their total variance in the
    training fold) or "unit" (each standardised by its mean and deviation in the training fold; one Gram matrix per
    fold).
    `weights` : DataArray (image) or Series above 0, how much each image counts in fits, such as its number of
    responses. They go where scores go in permutations. Metrics count each image once.
    `grid` : mapping from parameters of a scikit-learn estimator to the values to choose from, in inner folds.
    `progress` : bool or None, whether progress of refits is shown; None shows it when stderr is a terminal.
    """

    groups: xr.DataArray | pd.Series
    strata: xr.DataArray | pd.Series
    repeats: int
    held_out: str | Sequence[Any]
    scale: Literal["none", "layer", "unit"]
    weights: xr.DataArray | pd.Series
    grid: Mapping[str, Any]
    progress: bool | None


class Chosen(NamedTuple):
    """How models are fitted, checked."""

    scale: str
    weights: npt.NDArray[np.float64] | None
    """(n,), images in the order of their names."""
    called: str | None
    grid: Mapping[str, Any] | None
    progress: bool | None


def chosen_of(options: Mapping[str, Any], images: xr.DataArray) -> Chosen:
    """Read how models are fitted.

    Parameters
    ----------
    options : mapping
        What the user gave.
    images : DataArray (image)
        Images, in the order of their names.

    Returns
    -------
    Chosen
        All of it.

    Raises
    ------
    UnknownNameError
        If there is no such option.
    KindError, ArgumentError
        If there is no such scale, or weights are not one number above 0 per image of these.
    """
    known_options(options, DecodeOptions)
    scale = one_of("scale", options.get("scale") or "none", SCALES)
    weights, called = None, None
    if options.get("weights") is not None:
        column = matched(as_scores(options["weights"], "weights"), images, argument="weights", reference="scores")
        if (column.values <= 0).any():
            bad = listed.of(column["image"].values[column.values <= 0])
            remedy = "An image without responses has no score: drop it."
            raise ArgumentError(advice("weights", "be above 0 for every image", listed(f"0 or less for {bad}"), remedy))
        weights, called = column.values, str(column.name)
    return Chosen(scale, weights, called, options.get("grid"), options.get("progress"))


def exchange_of(options: Mapping[str, Any], images: xr.DataArray) -> stats.Exchange:
    """Give what is exchanged and tested; groups are what changes places unless blocks say otherwise.

    Parameters
    ----------
    options : mapping
        What the user gave.
    images : DataArray (image)
        Images, in the order of their names.

    Returns
    -------
    Exchange
        `blocks`, `permute` and `alternative`, as far as they are known.

    Raises
    ------
    UnknownNameError
        If there is no such option.
    KindError, ArgumentError
        If there are groups, and no scheme is named, or they are not one label per image of these.
    """
    known_options(options, DecodeOptions)
    exchange: dict[str, Any] = {name: options.get(name) for name in stats.Exchange.__annotations__}
    if options.get("groups") is not None and exchange["blocks"] is None:
        if exchange["permute"] is None:
            remedy = (
                'Choose permute="whole" when scores or features vary between groups (free permutation then rejects '
                'too often), permute="within" to compare images inside their group only, or permute="free".'
            )
            raise ArgumentError(advice("permute", "be named when groups are given", None, remedy))
        exchange["blocks"] = grouping(options["groups"], to=images, argument="groups")
    return cast(stats.Exchange, exchange)
