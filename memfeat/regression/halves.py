"""How reliable scores are: by a named number, or by halves of the participants, drawn again with the images."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, finite, listed, looked_up
from memfeat._labels import IMAGE, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.regression.metrics import resampled_spearman
from memfeat.regression.resampled import Counts, pearson, variance
from memfeat.regression.targets import Targets
from memfeat.stats.reliability import NAMED, spearman_brown, stepped_up

__all__ = ["Reliable", "relative_values", "reliable"]

Array = npt.NDArray[np.float64]
HALF, SPLIT = "half", "split"
REMEDY = (
    'Pass {"split_half": 0.78}, {"spearman_brown": 0.876}, or the scores of both halves: a DataArray '
    "(image, half, split) with two halves."
)


class Reliable(NamedTuple):
    """Reliability of each score, r_SB, first in the data and then in each bootstrap sample."""

    spearman: Array
    """(score, 1 + draws), of ranks, for rank correlations."""
    pearson: Array
    """(score, 1 + draws)."""
    spread: Array
    """(score, 1 + draws), variance of the scores."""
    halves: bool
    """Whether any came from halves, so that there is something to tell."""
    recorded: Any
    """What goes into the attributes of the result."""


def reliable(given: Any, targets: Targets, held: npt.NDArray[np.intp], counts: Counts) -> Reliable | None:
    """Read reliabilities, and compute them in every sample of the images that are held out.

    Parameters
    ----------
    given : mapping, DataArray (image, half, split), Dataset of them, or None
        A named number or halves; with several scores a mapping or Dataset from score to either.
    targets : Targets
        Scores.
    held : array of int
        Which images are held out.
    counts : array (draws, held)
        How often each of them stands in each sample.

    Returns
    -------
    Reliable or None
        Reliabilities; NaN for scores without one.

    Raises
    ------
    KindError, ArgumentError, UnknownNameError
        If they are something else, images differ, or there is no such score.
    """
    if given is None:
        return None
    by_score = _by_score(given, targets)
    samples = np.vstack([np.ones((1, len(held)), dtype=np.int64), counts])
    known = [by_score.get(name) for name in targets.names]
    halves = [one if isinstance(one, np.ndarray) else None for one in known]
    found = [
        [np.full(len(samples), np.nan if one is None else one) for _ in range(2)]
        if two is None
        else [_of_halves(correlate, two[..., held], samples) for correlate in (resampled_spearman, pearson)]
        for one, two in zip(known, halves, strict=True)
    ]
    ranks, values = (np.array(kind) for kind in zip(*found, strict=True))
    for name, two, *both in zip(targets.names, halves, ranks[:, 0], values[:, 0], strict=True):
        if two is not None and not np.isfinite(both).all():
            argument = f"reliability[{name!r}]" if targets.several else "reliability"
            below = listed("halves whose mean correlation is 0 or less")
            remedy = "Such scores cannot tell images apart: leave reliability out, or take more participants."
            raise ArgumentError(advice(argument, "be above 0", below, remedy))
    spread = np.array([variance(targets.values[held, k], samples) for k in range(len(known))])
    told: list[Any] = [
        "none" if k is None else f"halves, {len(k)} splits" if isinstance(k, np.ndarray) else float(k) for k in known
    ]
    some = any(one is not None for one in halves)
    return Reliable(
        ranks, values, spread, some, dict(zip(targets.names, told, strict=True)) if targets.several else told[0]
    )


def relative_values(values: Mapping[str, Array], known: Reliable) -> dict[str, Array]:
    """Relate metrics to what scores of this reliability allow.

    Parameters
    ----------
    values : mapping of array (layer, score, 1 + draws)
        `estimate` and `pearson` (correlations with the scores), `r2` and `mse`, in the data and in each sample.
    known : Reliable
        Reliability of the scores in the same samples.

    Returns
    -------
    dict of array (layer, score, 1 + draws)
        Correlations divided by √r_SB, R² divided by r_SB, and the expected squared error of a perfect model,
        (1 − r_SB) · var(y). Ratios above 1 are left as they are. Samples of the error are reflected around its
        estimate: θ²/θ* instead of θ*.

    Notes
    -----
    Samples underestimate the error as the estimate does, and their percentiles held the truth in 89 to 91 % of
    simulations. The basic bootstrap interval, here of the logarithm, corrects for that (Davison & Hinkley, 1997,
    Bootstrap methods and their application, section 5.2; Cambridge University Press).
    """
    floor = (1 - known.pearson) * known.spread
    ratio = np.divide(floor[:, :1], floor, out=np.ones_like(floor), where=floor > 0)
    return {
        "estimate_relative": values["estimate"] / np.sqrt(known.spearman),
        "pearson_relative": values["pearson"] / np.sqrt(known.pearson),
        "r2_relative": values["r2"] / known.pearson,
        "mse_floor": np.broadcast_to(floor[:, :1] * ratio, values["mse"].shape),
    }


def _by_score(given: Any, targets: Targets) -> dict[str, float | Array]:
    """Give the reliability of each score that has one."""
    if not targets.several:
        return {targets.names[0]: _one(given, "reliability", targets.images)}
    named = isinstance(given, Mapping | xr.Dataset) and not set(map(str, given)) & set(NAMED)
    if not named:
        remedy = f"Say whose it is: {{{targets.names[0]!r}: {{'split_half': 0.78}}}}."
        raise ArgumentError(advice("reliability", "name scores", listed(type(given).__name__), remedy))
    for name in given:
        looked_up("reliability", str(name), targets.names, f"There are {', '.join(targets.names)}.")
    return {str(name): _one(given[name], f"reliability[{str(name)!r}]", targets.images) for name in given}


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
    ordered = matched(whole, images, argument=argument, reference="scores").transpose(SPLIT, HALF, IMAGE)
    values = ordered.values.astype(np.float64)
    remedy = "Drop images that a half of the participants has not seen, here, from scores and from features."
    finite(argument, values.transpose(2, 0, 1), list(map(str, images[IMAGE].values)), remedy=remedy)
    return values


def _of_halves(correlate: Callable[[Array, Array, Counts], Array], halves: Array, samples: Counts) -> Array:
    """Step the mean correlation of halves up in each sample; NaN where it is not above 0."""
    mean = np.mean([correlate(first, second, samples) for first, second in halves], axis=0)
    return stepped_up(np.where(mean > 0, mean, np.nan))
