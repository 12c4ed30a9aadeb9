"""The scores that are predicted: one column, or several of the same images."""

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import guards
from memfeat._check import advice, listed
from memfeat._labels import CAUTIONED, as_scores, in_name_order, matched
from memfeat.errors import ArgumentError

__all__ = ["SCORE", "Targets", "cautions_of", "targets_of", "varying"]

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
    several = isinstance(scores, xr.Dataset | pd.DataFrame)
    columns = [(f"scores[{str(name)!r}]", scores[name]) for name in scores] if several else [("scores", scores)]
    if not columns:
        raise ArgumentError(advice("scores", "have a column", listed("none"), 'Choose some: images[["hit_rate"]].'))
    read = []
    for argument, column in columns:
        one = as_scores(column, argument)
        read.append(in_name_order(matched(one, table, argument=argument, reference="features")))
    values = np.column_stack([one.values for one in read])
    return Targets([str(one.name) for one in read], values, read[0], [dict(one.attrs) for one in read], several)


def varying(targets: Targets, held: npt.NDArray[np.intp]) -> None:
    """Check that there is something to predict.

    Parameters
    ----------
    targets : Targets
        Scores.
    held : array of int
        Which images are held out.

    Raises
    ------
    ArgumentError
        If a score is the same for all of them.
    """
    for k, name in enumerate(targets.names):
        values = targets.values[held, k]
        if np.ptp(values) == 0:
            argument = f"scores[{name!r}]" if targets.several else "scores"
            which = "image" if len(held) == len(targets.values) else "held-out image"
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
