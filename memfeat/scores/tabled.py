"""Halves that exist already: columns of a table, and how reliable the scores are by them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import advice, known_options, listed, one_of
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, image_names, in_name_order, stamped
from memfeat._tables import read_named, read_table, texts
from memfeat.errors import ArgumentError, KindError
from memfeat.scores.agreement import METHODS
from memfeat.scores.summing import WORDS, correlated, summed
from memfeat.stats.exchange import units
from memfeat.stats.halves import HALF, SPLIT

__all__ = ["read_halves", "reliability"]

Array = npt.NDArray[np.float64]
#: Attributes of halves that say where they came from.
ORIGIN = ("estimator", "least_responses", "participants_left_over", "n_participants", "n_trials", "columns")


def read_halves(
    table: pd.DataFrame | str | Path,
    *,
    columns: Sequence[str] = ("half1_*", "half2_*"),
    name: str = "score",
    image: str | None = None,
) -> xr.DataArray:
    """Read the scores of both halves of the participants from a table with one row per image.

    Parameters
    ----------
    table : DataFrame, str or Path
        A table with one row per image, named by a column `image` or the like or by the index, or a CSV or TSV file.
    columns : pair of str
        The columns of the first and of the second half. A `*` stands for what tells splits apart, and must be the same
        in both: `half1_split01` goes with `half2_split01`.
    name : str
        What the scores are, such as "hit_rate".
    image : str, optional
        The column that names the images, where it is not called so.

    Returns
    -------
    DataArray (image, half, split)
        The scores, NaN where a cell is empty; splits are named as in the columns.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError
        If it is no table, not there, or has no such column of images.
    ArgumentError
        If images are not named once each, or there are none; a pattern fits no column, a half is missing, or is the
        other one; or a column holds no numbers.

    See Also
    --------
    reliability : Estimates how reliable the scores are by them.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image": ["a", "b"], "half1_01": [0.5, 0.9], "half2_01": [0.6, 0.8]})
    >>> read_halves(table).sel(image="b", split="01").values
    array([0.9, 0.8])
    """
    if isinstance(columns, str) or len(columns) != 2:
        remedy = "As in columns=('half1_*', 'half2_*')."
        raise ArgumentError(advice("columns", "name the first and the second half", columns, remedy))
    asked: Any = {"option": "image", "repeated": "Keep one row per image."}
    frame, key = read_named(table, "table", column=image, **asked) if image else read_table(table, "table", **asked)
    if frame.empty:
        raise ArgumentError(advice("table", "have an image at least", listed("no row"), "Look at what chose its rows."))
    others = [str(one) for one in frame.columns if one != key]
    first, second = (_matching(str(pattern), others) for pattern in columns)
    if not first or first.keys() != second.keys():
        alone = sorted(first.get(split, second.get(split, "")) for split in first.keys() ^ second.keys())
        found = listed(f"{columns[0]} {columns[1]}" + (f", and only one half: {listed.of(alone)}" if alone else ""))
        remedy = f"The table has: {listed.of(others)}."
        raise ArgumentError(advice("columns", "name both halves of each split", found, remedy))
    same = [column for split, column in first.items() if second[split] == column]
    if same:
        remedy = "A half agrees with itself, whatever the scores are: name that of the other participants."
        raise ArgumentError(advice("columns", "be different columns", listed.of(same), remedy))
    values = np.stack([np.stack([_numbers(frame, half[split]) for half in (first, second)]) for split in first], axis=2)
    coords = {IMAGE: texts(frame[key]), HALF: [1, 2], SPLIT: texts(first)}
    made = xr.DataArray(values.transpose(1, 0, 2), coords, (IMAGE, HALF, SPLIT), name=name)
    said = {"estimator": "halves as they were published", "columns": list(map(str, columns))}
    return stamped(in_name_order(made), method="scores of two halves", n_splits=len(first), **said)


def _matching(pattern: str, columns: list[str]) -> dict[str, str]:
    """Give what the `*` stands for → the column."""
    before, star, after = pattern.partition("*")
    if not star:
        return {"1": pattern} if pattern in columns else {}
    size = len(before) + len(after)
    fitting = [one for one in columns if one.startswith(before) and one.endswith(after) and len(one) > size]
    return {one[len(before) : len(one) - len(after)]: one for one in fitting}


def _numbers(frame: pd.DataFrame, column: str) -> Array:
    if not pd.api.types.is_numeric_dtype(frame[column]):
        raise ArgumentError(advice("columns", "hold numbers", column, "There is text in that column."))
    return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)


def reliability(
    halves: xr.DataArray | xr.Dataset,
    *,
    method: str = "spearman",
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    progress: bool | None = None,
    **exchange: Unpack[stats.Exchange],
) -> xr.Dataset:
    """Estimate the reliability of image scores from halves that exist already.

    Parameters
    ----------
    halves : DataArray (image, half, split) or Dataset of them
        Scores of two halves of the participants, of one measure or several; `split` may be missing where there is one.
        NaN where an image is left out of a split.
    method : {"spearman", "pearson"}
        Which correlation of the halves' scores.
    n_bootstraps : int
        How many bootstrap samples of images for the intervals. 0 gives none.
    rng : int or numpy.random.Generator
        Seed of the bootstrap samples.
    progress : bool or None
        Whether progress of the bootstrap is shown; None shows it when stderr is a terminal.
    **exchange : optional
        `blocks` and `permute` of the bootstrap over images, see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (measure, split)
        As from :func:`split_half`.

    Raises
    ------
    KindError, UnknownNameError
        If these are no labelled numbers, or there is no such option.
    ArgumentError
        If dims are others, images are not named once each, there are fewer than 3, scores are alike in more than 1 % of
        the splits or samples, or an option has an unknown value.

    See Also
    --------
    split_half : Draws the halves from trials.
    read_halves : Reads halves from a table.
    resplit : Draws halves of responses where participants are unknown.

    Examples
    --------
    >>> import xarray as xr
    >>> values = [[0.9, 0.8], [0.7, 0.6], [0.5, 0.55], [0.2, 0.3]]
    >>> two = xr.DataArray(values, {"image": list("abcd")}, ["image", "half"], name="hit_rate")
    >>> found = reliability(two, method="pearson", n_bootstraps=0)
    >>> found["estimate"].values.round(3), found["reliability"].values.round(3)
    (array([0.984]), array([0.992]))
    """
    one_of("method", method, METHODS)
    if "alternative" in exchange:
        remedy = "Nothing is tested: leave it out."
        raise ArgumentError(advice("alternative", "not be given", exchange["alternative"], remedy))
    known_options(exchange, stats.Exchange, reliability)
    table = _read(halves)
    exchanged = units(exchange, to=table, alternative="two-sided")
    generator, seed = seeded(rng)
    pairs = {name: (table[name].values[0], table[name].values[1]) for name in map(str, table.data_vars)}
    found = correlated(pairs, 0, method=method)
    made: Any = {"method": method, "n_bootstraps": n_bootstraps, "rng": generator, "progress": progress}
    result = summed(found, exchanged.scheme, **made)
    said = {name: halves.attrs[name] for name in ORIGIN if name in halves.attrs}
    return stamped(
        result.assign_coords({SPLIT: table[SPLIT].values}),
        method=f"{method} correlation of two halves",
        **{"estimator": "halves that were given", "n_splits": table.sizes[SPLIT], **said},
        **WORDS,
        n_bootstraps=n_bootstraps,
        blocks=exchanged.recorded["blocks"],
        permute=exchanged.recorded["permute"],
        seed=seed,
    )


def _read(halves: Any) -> xr.Dataset:
    """Check halves; (half, split, image) with images in the order of their names."""
    remedy = "mf.scores.halves, mf.scores.resplit and mf.scores.read_halves make them."
    if isinstance(halves, xr.DataArray):
        halves = halves.to_dataset(name="score" if halves.name is None else str(halves.name))
    if not isinstance(halves, xr.Dataset):
        raise KindError(advice("halves", "be a DataArray or Dataset", listed(type(halves).__name__), remedy))
    image_names(halves, "halves")
    if not halves.data_vars:
        raise ArgumentError(advice("halves", "hold scores", listed("no variable"), remedy))
    for one in halves.data_vars.values():
        dims = {str(name): size for name, size in one.sizes.items()}
        if dims.keys() - {SPLIT} != {IMAGE, HALF} or dims[HALF] != 2 or dims.get(SPLIT, 1) < 1 or dims[IMAGE] < 3:
            raise ArgumentError(
                advice("halves", "have dims image (3 or more), half (2) and split", listed(dims), remedy)
            )
        if one.dtype.kind not in "iuf":
            raise KindError(advice("halves", "hold numbers", listed(f"dtype {one.dtype}"), remedy))
        infinite = np.isinf(one.transpose(IMAGE, ...).values).reshape(dims[IMAGE], -1).any(axis=1)
        if infinite.any():
            named = listed.of(halves[IMAGE].values[infinite])
            raise ArgumentError(
                advice("halves", "be finite, or NaN for none", named, "Look at how they were computed.")
            )
    whole = halves if SPLIT in halves.dims else halves.expand_dims({SPLIT: [0]})
    whole = whole if SPLIT in whole.coords else whole.assign_coords({SPLIT: np.arange(whole.sizes[SPLIT])})
    return in_name_order(whole).transpose(HALF, SPLIT, IMAGE).astype(np.float64)
