"""How reliable scores are: participants in random halves, and how well the scores of both agree."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, count, known_options, listed, one_of
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, stamped
from memfeat.errors import ArgumentError
from memfeat.scores.agreement import METHODS
from memfeat.scores.counts import Counts, tallied
from memfeat.scores.halving import LEAST_RESPONSES, chosen_of, halved, scored
from memfeat.scores.summing import WORDS, Gathered, correlated, gathered, summed
from memfeat.scores.trials import TrialColumns, Trials, read
from memfeat.stats.exchange import units
from memfeat.stats.halves import HALF, SPLIT

__all__ = ["SplitHalfOptions", "halves", "split_half"]

Array = npt.NDArray[np.float64]
ESTIMATOR = "participants in random halves"


class SplitHalfOptions(TrialColumns, total=False):
    """Options of :func:`memfeat.scores.split_half`, besides the columns of :class:`memfeat.scores.TrialColumns`.

    `blocks` : DataArray (image) or Series, the group of each image (category, scene), for the bootstrap over images.
    `permute` : "free" (groups are ignored), "within" (images are drawn inside their group) or "whole" (groups are
    drawn). Must be named when blocks are given.
    `progress` : bool or None, whether progress of the bootstrap is shown; None shows it when stderr is a terminal.
    """

    blocks: xr.DataArray | pd.Series
    permute: Literal["free", "within", "whole"]
    progress: bool | None


def split_half(
    trials: pd.DataFrame | str | Path,
    *,
    measures: str | Sequence[str] | None = None,
    method: str = "spearman",
    n_splits: int = 1_000,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[SplitHalfOptions],
) -> xr.Dataset:
    """Estimate the reliability of image scores from random halves of the participants.

    Parameters
    ----------
    trials : DataFrame, str or Path
        Old/new recognition, one row per trial, as for :func:`from_trials`; participants must be named. Exclude
        participants before: the rules must not know the halves.
    measures : str or list of str, optional
        Which scores of :func:`from_trials`. By default "hit_rate", "false_alarm_rate", "corrected_recognition" and
        "d_prime", as far as there are enough responses for them. Name them where one is alike for all images, such as
        false alarms that nobody gave.
    method : {"spearman", "pearson"}
        Which correlation of the halves' scores.
    n_splits : int
        How many times participants are dealt into halves; one is left over when their number is odd.
    n_bootstraps : int
        How many bootstrap samples of images for the intervals. 0 gives none.
    rng : int or numpy.random.Generator
        Seed of splits and bootstrap samples, in this order.
    **options : optional
        See :class:`SplitHalfOptions`.

    Returns
    -------
    Dataset (measure, split)
        `estimate`, the mean correlation of two halves (raw: of scores from half the participants); `reliability`, of
        the scores of all participants; `ceiling`, of correlations with them. `ci_low`, `ci_high`,
        `reliability_ci_low` … are 95 % intervals over images. `spread`, standard deviation of the correlation over
        splits; `correlation` in each split. `n` images; `n_dropped`, those that never had 2 responses in every cell
        of both halves; `n_sometimes_dropped`, those that did not have them in some splits.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError
        If it is no table, or there is no such column or option.
    ArgumentError
        If participants are not named, or fewer than two; there are not enough responses; scores are alike in more than
        1 % of the splits or samples; or an option has an unknown value.

    See Also
    --------
    halves : Gives the scores of both halves, which other functions draw again with the images.
    reliability : Does the same with halves that exist already.

    Notes
    -----
    With r the mean over splits, `reliability` is 2r / (1 + r) (Spearman-Brown), and `ceiling` its root: what a
    perfect predictor of the true scores would reach. What papers call human consistency is r, the agreement of two
    half samples: it is no ceiling, and models may exceed it. Where halves disagree, r is below 0, and `reliability`
    means nothing (it may lie far below −1); `ceiling` is 0.

    In a split, images with fewer than 2 responses in a cell of a half (old or new, as the score needs it) are left out.
    d′ is log-linear, z((hits + ½) / (n + 1)) − z((false alarms + ½) / (n + 1)).

    Intervals are those of :func:`memfeat.stats.expanded`. Each sample of images averages over 50 of the splits; they
    say how r varies over images, for as many participants as these.

    `reliability=` of :func:`memfeat.regression.decode`, :func:`memfeat.measures.profile`,
    :func:`memfeat.evaluation.evaluate`, :func:`n_raters` and :func:`n_images` takes this result, and holds the number
    of its measure fixed. Model RDMs have a reliability of their own: pass :func:`memfeat.rsa.compare` RDMs of
    :func:`halves`, made by :func:`memfeat.rdm.from_scores`.

    References
    ----------
    Isola P, Xiao J, Torralba A, Oliva A (2011). What makes an image memorable? IEEE Conference on Computer Vision and
    Pattern Recognition, 145-152.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = [(who, image) for who in "abcd" for image in "wxyz"]
    >>> table = pd.DataFrame(cells, columns=["participant", "image"]).assign(truth=1)
    >>> table["response"] = table["image"].map({"w": 1, "x": 1, "y": 0, "z": 0})
    >>> found = split_half(table, n_splits=10, n_bootstraps=0)
    >>> found["measure"].values, found["estimate"].values, found["reliability"].values
    (array(['hit_rate'], dtype=object), array([1.]), array([1.]))
    """
    one_of("method", method, METHODS)
    known_options(options, SplitHalfOptions, split_half)
    table, chosen = _read(trials, measures, options)
    images = _images(table)
    exchange: Any = {name: options.get(name) for name in ("blocks", "permute")}
    exchanged = units(exchange, to=images, alternative="two-sided")
    generator, seed = seeded(rng)

    def used(first: Counts, second: Counts, start: int) -> dict[str, Gathered]:
        return correlated(_scored(first, second, chosen), start, method=method)

    found = gathered(halved(table, count("n_splits", n_splits), generator, used))
    result = summed(
        found,
        exchanged.scheme,
        method=method,
        n_bootstraps=n_bootstraps,
        rng=generator,
        progress=options.get("progress"),
    )
    return stamped(
        result,
        method=f"{method} correlation of two halves",
        **_about(table, n_splits),
        **WORDS,
        n_bootstraps=n_bootstraps,
        blocks=exchanged.recorded["blocks"],
        permute=exchanged.recorded["permute"],
        seed=seed,
    )


def halves(
    trials: pd.DataFrame | str | Path,
    *,
    measures: str | Sequence[str] | None = None,
    n_splits: int = 100,
    rng: int | np.random.Generator = 0,
    **columns: Unpack[TrialColumns],
) -> xr.Dataset:
    """Score images by each half of the participants, in many random splits.

    Parameters
    ----------
    trials : DataFrame, str or Path
        Old/new recognition, one row per trial, as for :func:`split_half`.
    measures : str or list of str, optional
        Which scores, as for :func:`split_half`.
    n_splits : int
        How many times participants are dealt into halves.
    rng : int or numpy.random.Generator
        Seed of the splits; the same as those of :func:`split_half`.
    **columns : optional
        Columns of the table, see :class:`TrialColumns`.

    Returns
    -------
    Dataset (image, half, split)
        One variable per measure; NaN where an image has fewer than 2 responses in a half.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError, ArgumentError
        As :func:`split_half`.

    See Also
    --------
    split_half : Estimates the reliability without keeping the halves.

    Notes
    -----
    `reliability=` of :func:`memfeat.regression.decode`, :func:`memfeat.measures.profile` and
    :func:`memfeat.evaluation.evaluate` takes the whole Dataset for scores of these names, or one of them for any
    scores, and draws halves again with the images. :func:`memfeat.rdm.from_scores` makes model RDMs of one for
    `reliability=` of :func:`memfeat.rsa.compare`. All of them want scores in every split: `.dropna("image")`, and the
    same images elsewhere.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = [(who, image) for who in "abcd" for image in "wxyz"]
    >>> table = pd.DataFrame(cells, columns=["participant", "image"]).assign(truth=1)
    >>> table["response"] = table["image"].map({"w": 1, "x": 1, "y": 0, "z": 0})
    >>> halves(table, n_splits=10)["hit_rate"].isel(split=0).values.tolist()
    [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]
    """
    known_options(columns, TrialColumns, halves)
    table, chosen = _read(trials, measures, columns)
    generator, seed = seeded(rng)
    blocks = halved(table, count("n_splits", n_splits), generator, lambda one, two, _: _scored(one, two, chosen))
    values = {
        name: np.stack([np.concatenate([block[name][half] for block in blocks]) for half in (0, 1)]) for name in chosen
    }
    coords = {**_images(table).coords, HALF: [1, 2], SPLIT: np.arange(n_splits)}
    dims = (HALF, SPLIT, IMAGE)
    result = xr.Dataset({name: (dims, both) for name, both in values.items()}, coords).transpose(IMAGE, HALF, SPLIT)
    facts = {"method": "scores of two halves", **_about(table, n_splits), "seed": seed}
    return stamped(result.map(lambda one: stamped(one, **facts)), **facts)


def _images(trials: Trials) -> xr.DataArray:
    return xr.DataArray(trials.images, dims=IMAGE, coords={IMAGE: trials.images})


def _about(trials: Trials, n_splits: int) -> dict[str, Any]:
    return {
        "estimator": ESTIMATOR,
        "least_responses": LEAST_RESPONSES,
        "n_splits": n_splits,
        "participants_left_over": len(trials.participants) % 2,
        **trials.recorded,
    }


def _read(trials: Any, measures: str | Sequence[str] | None, options: Any) -> tuple[Trials, list[str]]:
    """Read trials, and choose what they are scored by."""
    known = SplitHalfOptions.__annotations__.keys() - TrialColumns.__annotations__.keys()
    table = read(trials, {name: column for name, column in options.items() if name not in known})
    n = len(table.participants)
    if n < 2:
        found = listed(f"{n} participants" if n else "no column of participants")
        remedy = "Name the column: participant='subject'. Where only counts are known, mf.scores.resplit them."
        raise ArgumentError(advice("trials", "name at least two participants", found, remedy))
    counts = tallied(table.image, table.old, table.said_old, n_images=len(table.images))
    return table, chosen_of(measures, counts, "trials")


def _scored(first: Counts, second: Counts, measures: list[str]) -> dict[str, tuple[Array, Array]]:
    return {name: (scored(first, name), scored(second, name)) for name in measures}
