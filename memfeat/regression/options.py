"""What decoding may be told besides its data."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import advice, known_options
from memfeat.errors import ArgumentError
from memfeat.stats.exchange import grouping

__all__ = ["DecodeOptions", "exchange_of"]


class DecodeOptions(stats.Exchange, total=False):
    """Options of :func:`memfeat.regression.decode`, besides those of :class:`memfeat.stats.Exchange`.

    `groups` : DataArray (image) or Series, images that are held out together (a scene, a category, a set); `permute`
    must then be named too.
    `strata` : DataArray (image) or Series, of each of which every fold gets its share. Not to be made of the scores.
    `repeats` : int, how often folds are dealt anew (default 1). Estimates are means over repeats.
    `held_out` : label or list of labels, which of the folds that the user gave are predicted; all by default. The
    images of others are only fitted to.
    """

    groups: xr.DataArray | pd.Series
    strata: xr.DataArray | pd.Series
    repeats: int
    held_out: str | Sequence[Any]


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
    exchange: Any = {name: options.get(name) for name in stats.Exchange.__annotations__}
    if options.get("groups") is not None and exchange["blocks"] is None:
        if exchange["permute"] is None:
            remedy = (
                'Choose permute="whole" when scores or features vary between groups (free permutation then rejects '
                'too often), permute="within" to compare images inside their group only, or permute="free".'
            )
            raise ArgumentError(advice("permute", "be named when groups are given", None, remedy))
        exchange["blocks"] = grouping(options["groups"], to=images, argument="groups")
    return exchange
