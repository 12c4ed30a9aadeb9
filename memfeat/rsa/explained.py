"""What analyses of several RDMs share: their options, the samples they are computed in, and participants' values."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import advice, listed
from memfeat.errors import ArgumentError
from memfeat.rsa.comparison import images_of
from memfeat.rsa.framing import unframed
from memfeat.rsa.intervals import WORDS
from memfeat.rsa.leaving import one_left_out, t_left_out
from memfeat.rsa.people import IMAGES, RDMS, resampled_unit
from memfeat.rsa.reading import PARTICIPANT, Read
from memfeat.stats.exchange import units

__all__ = ["Again", "ExplainedOptions", "Samples", "bootstrapped", "leaving_out", "samples_of", "with_participants"]

Array = npt.NDArray[Any]


class ExplainedOptions(TypedDict, total=False):
    """Options of :func:`memfeat.rsa.partial` and :func:`memfeat.rsa.partition`.

    `blocks` : DataArray (image) or Series, the group of each image.
    `permute` : "free", "within" or "whole", how the bootstrap draws; must be named when blocks are given.
    `resample` : "images" (default) or "rdms" (participants), what results are to hold for others of.
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    blocks: xr.DataArray | pd.Series
    permute: str
    resample: Literal["images", "rdms"]
    progress: bool | None


Limits = Callable[[Array], tuple[Array, Array]]


class Samples(NamedTuple):
    """The data themselves, and what is compared again for intervals over images."""

    counts: Array
    """How often each image stands in each (1 + again, n)."""
    limits: Limits
    """Values in the data and again (..., 1 + again) → limits (...)."""
    resample: str
    recorded: dict[str, Any]

    def interval(self, values: Array) -> dict[str, Array]:
        """Mean over participants and its limits, of (..., participant or 1, 1 + again)."""
        mean = values.mean(axis=-2)
        table = {"estimate": mean[..., 0]}
        if self.resample == RDMS:
            limits = stats.t_interval(values[..., 0])
        else:
            limits = (self.limits if len(self.counts) > 1 else _unknown)(mean)
        return table | dict(zip(("ci_low", "ci_high"), limits, strict=True))


#: (number of images, scheme) → samples (again, n), and limits of values in the data and in these (..., 1 + again)
Again = Callable[[int, dict[str, Any]], tuple[Array, Limits]]


def bootstrapped(n_bootstraps: int, rng: np.random.Generator) -> Again:
    """Draw images again, for expanded percentile intervals.

    Parameters
    ----------
    n_bootstraps : int
        How many samples; there may be none.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    callable
        Draws them.
    """

    def again(n: int, scheme: dict[str, Any]) -> tuple[Array, Limits]:
        units_drawn = stats.drawn_units(n, **scheme)
        counts = stats.bootstrap_counts(n, n_bootstraps, rng=rng, **scheme) if n_bootstraps else np.empty((0, n), int)
        return counts, lambda values: stats.expanded(stats.enough(values[..., 1:]), **units_drawn)

    return again


def leaving_out(n: int, scheme: dict[str, Any]) -> tuple[Array, Limits]:
    """Leave images out one at a time, for jackknife intervals.

    Parameters
    ----------
    n : int
        Number of images.
    scheme : dict
        `blocks` and `permute`, see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    array (unit, n)
        Images that stay.
    callable
        Values in the data and without each → limits.
    """
    strata = np.asarray(scheme["blocks"]) if scheme.get("permute") == "within" else None
    return one_left_out(n, scheme), lambda values: t_left_out(values[..., 0], values[..., 1:], strata=strata)


def samples_of(sides: Read, options: ExplainedOptions, again: Again | None, interval: str) -> Samples:
    """Compare again if results are to hold for other images, the data themselves first.

    Parameters
    ----------
    sides : Read
        What is compared.
    options : ExplainedOptions
        What the user gave.
    again : callable, optional
        In which samples; in none unless told.
    interval : str
        What kind of interval over images they give.

    Returns
    -------
    Samples
        All of them, and how they were made.

    Raises
    ------
    ArgumentError
        If RDMs are framed, there are too few participants, or groups come with participants that are drawn.
    """
    unframed(sides.names, "RDMs")
    resample = resampled_unit(options, sides)
    exchange: Any = {name: value for name, value in options.items() if name in ("blocks", "permute")}
    given = next((name for name, value in exchange.items() if value is not None), None)
    if resample == RDMS and given is not None:
        remedy = "It says how images are drawn, and participants are: use resample='images'."
        raise ArgumentError(advice(given, f"be left out with resample={resample!r}", listed("it"), remedy))
    exchanged = units(exchange, to=images_of(sides), alternative="two-sided")
    n = len(sides.names)
    limits: Limits = _unknown
    counts = np.ones((1, n), dtype=np.int64)
    recorded: dict[str, Any] = {name: value for name, value in exchanged.recorded.items() if name != "alternative"}
    recorded |= {
        "resample": resample,
        "interval": WORDS[RDMS, "t"] if resample == RDMS else interval,
        "n_participants": len(sides.participants) or None,
    }
    if again is not None and resample == IMAGES:
        more, limits = again(n, exchanged.scheme)
        counts = np.concatenate([counts, more])
    return Samples(counts, limits, resample, recorded)


def _unknown(values: Array) -> tuple[Array, Array]:
    nothing = np.full(values.shape[:-1], np.nan)
    return nothing, nothing


def with_participants(result: xr.Dataset, sides: Read, values: Array, dims: tuple[str, ...]) -> xr.Dataset:
    """Add the values of each participant, where there are any.

    Parameters
    ----------
    result : Dataset
        Means over participants.
    sides : Read
        What was compared.
    values : array (..., participant or 1, data and then draws)
        Of each.
    dims : tuple of str
        Dims of a mean.

    Returns
    -------
    Dataset
        With `by_participant` along `dims` and participants.
    """
    if not len(sides.participants):
        return result
    each = ((*dims, PARTICIPANT), sides.shaped(values[..., 0]))
    return result.assign(by_participant=each).assign_coords({PARTICIPANT: (PARTICIPANT, sides.participants)})
