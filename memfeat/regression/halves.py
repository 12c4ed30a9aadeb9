"""How reliable scores are: by a named number, or by halves of the participants, drawn again with the images."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat.regression.metrics import resampled_spearman
from memfeat.regression.resampled import Counts, pearson, variance
from memfeat.regression.targets import Targets
from memfeat.stats.halves import agreeing, reliabilities, stepped_mean

__all__ = ["Reliable", "relative_values", "reliable"]

Array = npt.NDArray[np.float64]


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
    given : mapping, DataArray (image, half, split), Dataset or None
        What :func:`memfeat.stats.halves.reliabilities` takes.
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
    by_score = reliabilities(given, targets.names, targets.images, several=targets.several, reference="scores")
    samples = np.vstack([np.ones((1, len(held)), dtype=np.int64), counts])
    known = [by_score[name].value if name in by_score else np.nan for name in targets.names]
    halves = [one if isinstance(one, np.ndarray) else None for one in known]
    found = [
        [np.full(len(samples), one) for _ in range(2)]
        if two is None
        else [_of_halves(correlate, two[..., held], samples) for correlate in (resampled_spearman, pearson)]
        for one, two in zip(known, halves, strict=True)
    ]
    ranks, values = (np.array(kind) for kind in zip(*found, strict=True))
    for name, two, *both in zip(targets.names, halves, ranks[:, 0], values[:, 0], strict=True):
        if two is not None:
            agreeing(both, f"reliability[{name!r}]" if targets.several else "reliability")
    spread = np.array([variance(targets.values[held, k], samples) for k in range(len(known))])
    told: dict[str, Any] = {name: by_score[name].recorded if name in by_score else "none" for name in targets.names}
    some = any(one is not None for one in halves)
    return Reliable(ranks, values, spread, some, told if targets.several else told[targets.names[0]])


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


def _of_halves(correlate: Callable[[Array, Array, Counts], Array], halves: Array, samples: Counts) -> Array:
    """Step the mean correlation of halves up in each sample; NaN where it is not above 0."""
    return stepped_mean([correlate(first, second, samples) for first, second in halves])
