"""What analyses of several RDMs share: their options, the samples they are computed in, and participants' values."""

from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import advice, count, listed
from memfeat.errors import ArgumentError
from memfeat.rsa.comparison import images_of
from memfeat.rsa.framing import unframed
from memfeat.rsa.intervals import WORDS
from memfeat.rsa.people import IMAGES, RDMS, resampled_unit
from memfeat.rsa.reading import PARTICIPANT, Read
from memfeat.stats.exchange import units

__all__ = ["ExplainedOptions", "Samples", "samples_of", "with_participants"]

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


class Samples(NamedTuple):
    """The data themselves, and bootstrap samples of images if these are drawn again."""

    counts: Array
    """How often each image stands in each (1 + draw, n)."""
    drawn: dict[str, int]
    resample: str
    recorded: dict[str, Any]

    def interval(self, values: Array) -> dict[str, Array]:
        """Mean over participants and its limits, of (..., participant or 1, data and then draws)."""
        mean = values.mean(axis=-2)
        table = {"estimate": mean[..., 0]}
        if self.resample == RDMS:
            limits = stats.t_interval(values[..., 0])
        elif len(self.counts) > 1:
            limits = stats.expanded(stats.enough(mean[..., 1:]), **self.drawn)
        else:
            unknown = np.full(table["estimate"].shape, np.nan)
            limits = (unknown, unknown)
        return table | dict(zip(("ci_low", "ci_high"), limits, strict=True))


def samples_of(sides: Read, options: ExplainedOptions, n_bootstraps: int, rng: np.random.Generator) -> Samples:
    """Draw samples of images if those are drawn again, the data themselves first.

    Parameters
    ----------
    sides : Read
        What is compared.
    options : ExplainedOptions
        What the user gave.
    n_bootstraps : int
        How many samples.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    Samples
        All of them, and how they were drawn.

    Raises
    ------
    ArgumentError
        If RDMs are framed, there are too few participants, or groups come with participants that are drawn.
    """
    unframed(sides.names, "RDMs")
    count("n_bootstraps", n_bootstraps, least=0)
    resample = resampled_unit(options, sides)
    exchange: Any = {name: value for name, value in options.items() if name in ("blocks", "permute")}
    given = next((name for name, value in exchange.items() if value is not None), None)
    if resample == RDMS and given is not None:
        remedy = "It says how images are drawn, and participants are: use resample='images'."
        raise ArgumentError(advice(given, f"be left out with resample={resample!r}", listed("it"), remedy))
    exchanged = units(exchange, to=images_of(sides), alternative="two-sided")
    n = len(sides.names)
    counts = np.ones((1, n), dtype=np.int64)
    recorded: dict[str, Any] = {name: value for name, value in exchanged.recorded.items() if name != "alternative"}
    recorded |= {
        "resample": resample,
        "interval": WORDS[resample, "t" if resample == RDMS else "percentile"],
        "n_participants": len(sides.participants) or None,
    }
    if n_bootstraps and resample == IMAGES:
        again = stats.bootstrap_counts(n, n_bootstraps, rng=rng, **exchanged.scheme)
        counts = np.concatenate([counts, again])
    return Samples(counts, stats.drawn_units(n, **exchanged.scheme), resample, recorded)


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
