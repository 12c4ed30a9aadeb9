"""Memorability scores of each image: from trials, or from counts of their answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, known_options, listed, looked_up, one_of
from memfeat._labels import IMAGE, image_names, stamped
from memfeat._tables import read_named, texts
from memfeat.errors import ArgumentError
from memfeat.scores.counts import CORRECTIONS, Counts, derived, tallied
from memfeat.scores.intervals import LIMITS, intervals
from memfeat.scores.trials import FurtherColumns, read

__all__ = ["CountColumns", "from_trials", "rates"]


class CountColumns(TypedDict, total=False):
    """Columns of a table of counts, where they are not called as here.

    `image` : names the image.
    `hits` : how often a target was called old.
    `misses` : how often a target was called new.
    `false_alarms` : how often a foil was called old.
    `correct_rejections` : how often a foil was called new.
    `n_targets` : how often the image was a target, in place of `misses` (or of `hits`).
    `n_foils` : how often the image was a foil, in place of `correct_rejections` (or of `false_alarms`).
    """

    image: str
    hits: str
    misses: str
    false_alarms: str
    correct_rejections: str
    n_targets: str
    n_foils: str


#: What to do with several rows of an image.
ADDED = (
    "Add its counts: counts.groupby('image', as_index=False).sum(numeric_only=True). If a row is a trial, take "
    "mf.scores.from_trials, and mf.scores.split_half for reliability."
)
#: What makes up the answers to targets, and to foils: called old, called new, both together.
TARGETS = ("hits", "misses", "n_targets")
FOILS = ("false_alarms", "correct_rejections", "n_foils")


def from_trials(
    trials: pd.DataFrame | str | Path,
    *,
    truth: str | None = None,
    response: str | None = None,
    correction: str = "log-linear",
    interval: str = "wilson",
    **columns: Unpack[FurtherColumns],
) -> xr.Dataset:
    """Score each image from the trials of an old/new recognition experiment.

    Parameters
    ----------
    trials : DataFrame, str or Path
        One row per trial, or a CSV or TSV file of it, gzipped or not.
    truth : str, optional
        The column that says what was shown: old (a target) or new (a foil). It must be named unless it is called
        truth, is_target, is_old, was_old or is_repeat; `old`, `target` and `correct` are never guessed.
    response : str, optional
        The column that says what was answered, "old" or "new" (not whether that was right). It must be named unless it
        is called response, answer or said_old.
    correction : {"log-linear", "1/(2n)"}
        How rates of 0 and 1 are kept from them for d′ and criterion: (found + .5) / (n + 1) for all images, or
        1/(2n) in place of 0 and 1 − 1/(2n) in place of 1.
    interval : {"wilson", "jeffreys"}
        Interval of a rate.
    **columns : image, participant, lag, confidence
        Further columns, see :class:`memfeat.scores.FurtherColumns`.

    Returns
    -------
    Dataset (image)
        The counts `hits`, `misses`, `false_alarms`, `correct_rejections`, `n_targets`, `n_foils`; from them `hit_rate`,
        `false_alarm_rate`, `corrected_recognition` (hit rate − false-alarm rate) and `accuracy`, as shares, `d_prime`
        and `criterion`, in standard deviations, and `mutual_information`, in nats; `…_ci_low` and `…_ci_high` of all
        but the last. NaN where an image was never shown as a target, or never as a foil, and a score needs that: what
        was only a foil has no hit rate. The attributes say how columns were read, and count such images.

    Raises
    ------
    KindError, MissingFileError
        If it is no table, or not there.
    UnknownNameError
        If there is no such column or option.
    ArgumentError
        If a column is not found, or more than one could be it; an answer is not coded by yes/no, 1/0, true/false or
        old/new; a participant answers to an image twice; or an option has an unknown value.

    See Also
    --------
    rates : Starts from counts.
    exclude : Leaves out participants beforehand.

    Notes
    -----
    Trials without an answer are left out and counted in `n_without_response`. Where not pressing a key means "new",
    fill them in: `trials["response"].fillna(0)`. Participants of few trials, even of one, count with those.

    With rates H and F, z the normal quantile function: d′ = z(H) − z(F), criterion = −(z(H) + z(F)) / 2. Mutual
    information of what was shown and what was answered is Σ p log(p / p′) over the four cells, .1 added to each count,
    with p′ the product of the margins.

    Intervals are 95 % and over participants, for this image. Corrected recognition has Newcombe's, accuracy the same of
    a weighted sum, d′ and criterion that of the delta method, with rates after the correction. They take answers as
    independent, as where an image is a target for some participants and a foil for others. Where the same ones see it
    as both, as in continuous recognition, those of differences are a little off: of corrected recognition and d′ too
    wide, of the criterion too narrow, by the more the more participants differ in their bias; and the other way round
    if those who hit often are those who rarely give false alarms. Simulated 95 % intervals from 100 people held the
    truth in 93 to 97.5 % while answers to target and foil correlated by −.15 to .22 within an image.

    References
    ----------
    Macmillan NA, Creelman CD (2005). Detection theory: a user's guide. Erlbaum.
    Hautus MJ (1995). Corrections for extreme proportions and their biasing effects on estimated values of d′. Behavior
    Research Methods, Instruments, & Computers 27:46-51.
    Gourevitch V, Galanter E (1967). A significance test for one parameter isosensitivity functions. Psychometrika
    32:25-33.
    Newcombe RG (1998). Interval estimation for the difference between independent proportions. Statistics in Medicine
    17:873-890.
    Bylinskii Z, Isola P, Bainbridge C, Torralba A, Oliva A (2015). Intrinsic and extrinsic effects on image
    memorability. Vision Research 116:165-178.

    Examples
    --------
    >>> trials = pd.DataFrame(
    ...     {"image": list("aaaabb"), "target": [1, 1, 1, 0, 0, 0], "key": ["yes", "yes", "no", "no", "yes", "no"]}
    ... )
    >>> scores = from_trials(trials, truth="target", response="key")
    >>> scores["hits"].values, scores["hit_rate"].values.round(3), scores["false_alarm_rate"].values
    (array([2, 0]), array([0.667,   nan]), array([0. , 0.5]))
    >>> scores.attrs["response"]
    "column 'key': yes = old; no = new"
    """
    chosen: dict[str, Any] = {**columns, "truth": truth, "response": response}
    found = read(trials, chosen, of=from_trials)
    counts = tallied(found.image, found.old, found.said_old, n_images=len(found.images))
    method = "counts of old/new recognition trials, and scores derived from them"
    return _scored(found.images, counts, correction, interval, method=method, **found.recorded)


def rates(
    counts: xr.Dataset | pd.DataFrame | str | Path,
    *,
    correction: str = "log-linear",
    interval: str = "wilson",
    **columns: Unpack[CountColumns],
) -> xr.Dataset:
    """Score each image from counts of the answers it had.

    Parameters
    ----------
    counts : Dataset (image), DataFrame, str or Path
        One row per image, or a CSV or TSV file of it. What :func:`from_trials` gave is one, so that counts of several
        experiments can be added.
    correction, interval : str
        As in :func:`from_trials`.
    **columns : image, hits, misses, false_alarms, correct_rejections, n_targets, n_foils
        Which column holds what, where it is not called so, see :class:`memfeat.scores.CountColumns`. Two of the three
        that concern targets are enough, and two of those that concern foils; without any, foils were never shown.

    Returns
    -------
    Dataset (image)
        As :func:`from_trials`, sorted by image.

    Raises
    ------
    KindError, MissingFileError
        If it is no table, or not there.
    UnknownNameError
        If there is no such column or option.
    ArgumentError
        If too few columns are there, a count is missing, negative or no whole number, hits and misses are not the
        targets, an image stands twice, or an option has an unknown value.

    See Also
    --------
    from_trials : Starts from trials.

    Examples
    --------
    >>> table = pd.DataFrame({"image": ["a", "b"], "H": [3, 4], "FA": [1, 0], "n": [4, 4]})
    >>> scores = rates(table, hits="H", false_alarms="FA", n_targets="n", n_foils="n")
    >>> scores["corrected_recognition"].values, scores["misses"].values
    (array([0.5, 1. ]), array([1, 0]))
    """
    known_options(columns, CountColumns, rates)
    named: dict[str, Any] = {name: column for name, column in columns.items() if column is not None}
    table, key = _table(counts, named.pop("image", None))
    have = [str(name) for name in table.columns]
    remedy = f"The table has: {', '.join(have)}."
    named = {name: looked_up(name, column, have, remedy) for name, column in named.items()}
    table = table.sort_values(key)
    where = {name: named.get(name, name) for name in (*TARGETS, *FOILS) if name in named or name in have}
    found = {name: _whole(table[column], name, table[key]) for name, column in where.items()}
    if not set(where) & set(FOILS):
        found |= {name: np.zeros(len(table), dtype=np.int64) for name in FOILS}
    cells = Counts(*_two(found, TARGETS, table[key], have), *_two(found, FOILS, table[key], have))
    told = {f"{name}_column": column for name, column in where.items() if column != name}
    method = "scores derived from counts of old/new recognition"
    return _scored(texts(table[key]), cells, correction, interval, method=method, **told)


def _table(counts: Any, column: str | None) -> tuple[pd.DataFrame, str]:
    """Read a table of images, sorted by name."""
    if isinstance(counts, xr.Dataset):
        image_names(counts, "counts")
        flat = [name for name in counts.data_vars if counts[name].dims == (IMAGE,)]
        counts, column = counts[flat].reset_coords(drop=True).to_dataframe().reset_index(), IMAGE
    table, key = read_named(counts, "counts", column=column, option="image", repeated=ADDED)
    if not len(table):
        raise ArgumentError(advice("counts", "hold at least one image", listed("no rows"), "Look at what chose rows."))
    return table, key


def _whole(values: pd.Series, argument: str, names: pd.Series) -> npt.NDArray[np.int64]:
    """Check that a column holds counts."""
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~((numbers >= 0) & (numbers == np.floor(numbers)) & np.isfinite(numbers))
    if bad.any():
        which = listed(f"{str(values[bad].iloc[0])!r} and the like for {listed.of(names[bad])}")
        remedy = "Rates are no counts: multiply them by the number of answers, or drop images without any."
        raise ArgumentError(advice(argument, "be whole numbers from 0 on", which, remedy))
    return numbers.astype(np.int64)


def _two(
    found: Mapping[str, npt.NDArray[np.int64]], names: tuple[str, str, str], images: pd.Series, have: list[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give how often images were called old, and new, from any two of old, new and their sum."""
    old, new, total = (found.get(name) for name in names)
    if sum(one is not None for one in (old, new, total)) < 2:
        columns = listed(f"columns {', '.join(map(repr, have))}")
        remedy = f"Say which: {names[0]}='…', {names[1]}='…'."
        raise ArgumentError(advice("counts", f"have two of {', '.join(names)}", columns, remedy))
    if old is None and new is not None and total is not None:
        old = total - new
    if new is None and old is not None and total is not None:
        new = total - old
    assert old is not None
    assert new is not None
    wrong = (old < 0) | (new < 0) | (False if total is None else old + new != total)
    if wrong.any():
        which = listed(f"other numbers for {listed.of(images[wrong])}")
        raise ArgumentError(advice(f"{names[0]} and {names[1]}", f"add up to {names[2]}", which, "Correct the table."))
    return old, new


def _scored(names: npt.NDArray[np.object_], counts: Counts, correction: str, interval: str, **facts: Any) -> xr.Dataset:
    """Put counts, scores and their intervals into one table."""
    one_of("correction", correction, CORRECTIONS)
    one_of("interval", interval, LIMITS)
    columns: dict[str, npt.NDArray[Any]] = dict(counts._asdict())
    columns |= {"n_targets": counts.n_targets, "n_foils": counts.n_foils}
    columns |= derived(counts, correction=correction)
    for name, limits in intervals(counts, interval=interval, correction=correction).items():
        columns |= {f"{name}_ci_low": limits.low, f"{name}_ci_high": limits.high}
    table = xr.Dataset({name: (IMAGE, values) for name, values in columns.items()}, coords={IMAGE: names})
    rated = f"{'Wilson' if interval == 'wilson' else 'Jeffreys'}, of accuracy, too"
    return stamped(
        table,
        **facts,
        correction=f"{correction}, for d_prime and criterion",
        interval=f"95 %: {rated}; corrected_recognition Newcombe from these; d_prime, criterion delta method",
        n_images=len(names),
        n_images_never_target=int((counts.n_targets == 0).sum()),
        n_images_never_foil=int((counts.n_foils == 0).sum()),
    )
