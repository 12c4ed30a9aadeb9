"""Trials as a tidy table, with what is known about each image beside every answer to it."""

from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._columns import counts_rows, of_frame, of_series, with_names, word
from memfeat._labels import IMAGE, as_scores, image_names, in_common
from memfeat.errors import ArgumentError, KindError
from memfeat.scores.trials import TrialColumns, Trials, read

__all__ = ["TRIAL_COLUMNS", "by_trial", "to_long"]

#: Columns of the tidy table, besides those of images.
TRIAL_COLUMNS = ("participant", IMAGE, "old", "said_old", "correct", "lag", "confidence")


def to_long(
    trials: pd.DataFrame | str | Path, *, memorability: Any = None, **columns: Unpack[TrialColumns]
) -> pd.DataFrame:
    """Make a tidy table of trials, for mixed models in other programs.

    Parameters
    ----------
    trials : DataFrame, str or Path
        Old/new recognition, one row per trial, as for :func:`from_trials`.
    memorability : DataArray (image), Series, Dataset (image) or DataFrame, optional
        Numbers per image that every trial gets, by image name: memorability, or several columns. It may know further
        images.
    **columns : optional
        Columns of the table, see :class:`TrialColumns`.

    Returns
    -------
    DataFrame
        One row per trial: `participant` and `image` as text, `old` (a target was shown), `said_old`, `correct` as 0 or
        1, `lag` and `confidence` where they were named, and the numbers per image. Its attributes say how columns were
        read.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError, ArgumentError
        If trials cannot be read, an image of theirs has no number, or a column has a name of those above.

    See Also
    --------
    mixed_model : Fits one here.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image": ["a", "b"], "subject": [7, 7], "truth": [1, 0], "response": [1, 1]})
    >>> to_long(table, memorability=pd.Series({"a": 0.9, "b": 0.6}, name="memorability"))
      participant image  old  said_old  correct  memorability
    0           7     a    1         1        1           0.9
    1           7     b    0         1        0           0.6
    """
    known = read(trials, columns, of=to_long)
    people = {"participant": known.participants[known.participant]} if len(known.participants) else {}
    found: dict[str, Any] = {
        **people,
        IMAGE: known.images[known.image],
        "old": known.old.astype(np.int64),
        "said_old": known.said_old.astype(np.int64),
        "correct": (known.old == known.said_old).astype(np.int64),
    }
    found |= {name: getattr(known, name) for name in ("lag", "confidence") if getattr(known, name) is not None}
    if memorability is not None:
        found |= by_trial(memorability, known, "memorability")
    frame = pd.DataFrame(found)
    frame.attrs.update(known.recorded)
    return frame


def by_trial(given: Any, trials: Trials, argument: str) -> dict[str, npt.NDArray[np.float64]]:
    """Give every trial the numbers of its image.

    Parameters
    ----------
    given : DataArray (image), Series, Dataset (image) or DataFrame
        Numbers per image; those of other images are passed over.
    trials : Trials
        Trials.
    argument : str
        What the user calls the numbers.

    Returns
    -------
    dict of array (trial,)
        Name → numbers.

    Raises
    ------
    KindError, ArgumentError
        If they are no numbers, an image of the trials has none, or a name is one of `TRIAL_COLUMNS`.
    """
    if isinstance(given, pd.DataFrame | xr.Dataset):
        table = of_frame(given, argument) if isinstance(given, pd.DataFrame) else given
        columns = {f"{argument}[{str(name)!r}]": table[name] for name in table}
    elif isinstance(given, pd.Series | xr.DataArray):
        columns = {argument: given}
    else:
        kinds = "be a DataArray, Series, Dataset or DataFrame"
        remedy = "One number per image, by image name: pandas.Series(numbers, index=names)."
        raise KindError(advice(argument, kinds, listed(type(given).__name__), remedy))
    found = {}
    for called, column in columns.items():
        one = _of_images(column, trials, called)
        if str(one.name) in TRIAL_COLUMNS:
            taken = f"not be called {', '.join(TRIAL_COLUMNS)}"
            raise ArgumentError(advice(argument, taken, str(one.name), "Rename it."))
        found[str(one.name)] = one.values[trials.image]
    if not found:
        raise ArgumentError(advice(argument, "hold a column", listed("none"), "Put one number per image into it."))
    return found


def _of_images(column: Any, trials: Trials, argument: str) -> xr.DataArray:
    """Give the numbers of the images of the trials, in their order."""
    given = of_series(column, argument) if isinstance(column, pd.Series) else column
    position = {word(name): i for i, name in enumerate(image_names(given, argument))}
    missing = sorted(set(trials.images) - set(position))
    if missing or counts_rows(given):
        shared = len(missing) < len(trials.images)
        remedy = "Leave their trials out, or give them one."
        if not shared:
            remedy = in_common(argument, "trials", list(position), trials.images.tolist())
        found = f"none for {listed.of(missing)}" if shared else f"{listed.of(position)}, and not {listed.of(missing)}"
        if counts_rows(given):
            found, remedy = "numbers of rows", with_names(argument)
        raise ArgumentError(advice(argument, "have every image of the trials", listed(found), remedy))
    chosen = given.isel({IMAGE: [position[name] for name in trials.images]})
    return as_scores(chosen.assign_coords({IMAGE: trials.images}), argument)
