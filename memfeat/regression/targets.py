"""The scores that are predicted: one column, or several of the same images."""

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import guards
from memfeat._check import advice, listed
from memfeat._columns import of_frame
from memfeat._labels import CAUTIONED, as_scores, in_name_order, matched
from memfeat.errors import ArgumentError

__all__ = ["SCORE", "Targets", "cautions_of", "columns_of", "targets_of", "varying"]

SCORE = "score"


class Targets(NamedTuple):
    """Scores, images in the order of their names."""

    names: list[str]
    values: npt.NDArray[np.float64]
    """(n, score)."""
    images: xr.DataArray
    """The first column, which gives the order."""
    attrs: list[dict[Any, Any]]
    """Attributes of each column."""
    several: bool
    """Whether the user gave columns, so that results are by score."""


def targets_of(scores: Any, table: xr.Dataset) -> Targets:
    """Read one column of scores, or several.

    Parameters
    ----------
    scores : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame
        One number per image and score.
    table : Dataset (image, ...)
        Features of the same images.

    Returns
    -------
    Targets
        The scores.

    Raises
    ------
    KindError, ArgumentError
        If they are no numbers, a number is missing, or images differ from those of the features.
    """
    read, several = columns_of(scores, "scores", table)
    values = np.column_stack([one.values for one in read])
    return Targets([str(one.name) for one in read], values, read[0], [dict(one.attrs) for one in read], several)


def columns_of(
    given: Any, argument: str, to: xr.Dataset | xr.DataArray, *, reference: str = "features"
) -> tuple[list[xr.DataArray], bool]:
    """Read one column of numbers, or several.

    Parameters
    ----------
    given : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame
        One number per image and column.
    argument : str
        What the user calls it.
    to : Dataset or DataArray (image, ...)
        Labelled data of the same images.
    reference : str
        What the user calls these.

    Returns
    -------
    list of DataArray (image)
        The columns, images in the order of their names.
    bool
        Whether the user gave columns, and not one.

    Raises
    ------
    KindError, ArgumentError
        If they are no numbers, a number is missing, or images differ from those of `to`.
    """
    several = isinstance(given, xr.Dataset | pd.DataFrame)
    given = of_frame(given, argument) if isinstance(given, pd.DataFrame) else given
    columns = [(f"{argument}[{str(name)!r}]", given[name]) for name in given] if several else [(argument, given)]
    if not columns:
        remedy = 'Choose some: images[["hit_rate"]].'
        raise ArgumentError(advice(argument, "have a column", listed("none"), remedy))
    read = []
    for called, column in columns:
        one = as_scores(column, called)
        read.append(in_name_order(matched(one, to, argument=called, reference=reference)))
    return read, several


def varying(targets: Targets, some: npt.NDArray[np.intp], *, fold: str | None = None) -> None:
    """Check that there is something to predict, or to fit to.

    Parameters
    ----------
    targets : Targets
        Scores.
    some : array of int
        Which images are held out, or fitted to.
    fold : str, optional
        The fold that is held out, if these are fitted to.

    Raises
    ------
    ArgumentError
        If a score is the same for all of them.
    """
    for k, name in enumerate(targets.names):
        values = targets.values[some, k]
        if np.ptp(values) == 0:
            argument = f"scores[{name!r}]" if targets.several else "scores"
            held = "image" if len(some) == len(targets.values) else "held-out image"
            which = held if fold is None else f"image that is fitted to, fold {fold!r} held out"
            found = listed(f"{values[0]:g} for every {which}")
            remedy = "A score that is the same for all cannot be predicted: leave it out, or take other images."
            raise ArgumentError(advice(argument, "differ between images", found, remedy))


def cautions_of(features: xr.Dataset | xr.DataArray, targets: Targets) -> dict[str, Any]:
    """Caution against scores that the network of the features predicted.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        As the user gave them.
    targets : Targets
        Scores.

    Returns
    -------
    dict
        Attributes of the result, see :func:`memfeat.guards.analysis`.

    Warns
    -----
    RetrainedWarning, CircularWarning
        See :func:`memfeat.guards.analysis`.
    """
    # one warning for all columns of one origin
    origins = {json.dumps(guards.origin(a, given=guards.SCORES), sort_keys=True, default=str): a for a in targets.attrs}
    if len(origins) > 1:
        origins.pop("{}", None)
    found = [guards.analysis(features, targets.images.assign_attrs(attrs)) for attrs in origins.values()]
    return max(found, key=lambda facts: len(facts.get(CAUTIONED, "")))
