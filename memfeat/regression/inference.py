"""From agreement in the data, under permutation and in bootstrap samples to p-values and intervals, per metric."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat import stats

__all__ = ["Found", "intervals", "tests"]

Array = npt.NDArray[np.float64]
#: What is better when it is smaller, and what has no side on which it would be as far from nothing.
SMALLER, ONE_SIDED = ("mse",), ("r2", "mse")


class Found(NamedTuple):
    """One metric of all layers."""

    observed: Array
    """(layer, score)."""
    null: Array
    """(layer, score, permutation)."""
    draws: Array
    """(layer, score, draw)."""


def intervals(draws: Mapping[str, Array], drawn: Mapping[str, int]) -> dict[str, Array]:
    """Take the interval of each metric.

    Parameters
    ----------
    draws : mapping of array (..., draw)
        Bootstrap values; there may be none.
    drawn : mapping
        What a sample draws, see :func:`memfeat.stats.expanded`.

    Returns
    -------
    dict of array (...)
        Lower and upper limit of each, NaN where there are no draws.
    """
    found: dict[str, Array] = {}
    for name, values in draws.items():
        nothing = np.full(values.shape[:-1], np.nan)
        limits = stats.expanded(values, **drawn) if values.shape[-1] else (nothing, nothing)
        found |= {named(name, "ci_low"): limits[0], named(name, "ci_high"): limits[1]}
    return found


def tests(name: str, found: Found, *, exact: bool, alternative: str, spread: Array) -> dict[str, Array]:
    """Test one metric in all layers, for all scores, together.

    Parameters
    ----------
    name : str
        The metric.
    found : Found
        Its values.
    exact : bool
        Whether these are all rearrangements.
    alternative : {"two-sided", "greater", "less"}
        Which side: more agreement, or less. R² and MSE, which are not 0 without a relation, take "two-sided" as
        "greater".
    spread : array (score,)
        Variance of the scores: squared errors are compared across scores in its multiples.

    Returns
    -------
    dict of array (layer, score)
        p-values and the mean of permuted scores; NaN where there are none.
    """
    names = ("p", "p_corrected", "p_fdr", "null_mean")
    if not found.null.shape[-1]:
        return {named(name, what): np.full(found.observed.shape, np.nan) for what in names}
    side = "greater" if alternative == "two-sided" and name in ONE_SIDED else alternative
    scale = -1 / spread[None] if name in SMALLER else np.ones((1, len(spread)))
    observed, null = found.observed * scale, found.null * scale[..., None]
    options: Any = {"exact": exact, "alternative": side}
    p = stats.p_value(observed, null, **options)
    together = stats.max_statistic(observed.ravel(), null.reshape(observed.size, -1), **options)
    values = (p, together.reshape(p.shape), stats.fdr(p.ravel()).reshape(p.shape), _mean(found.null))
    return {named(name, what): value for what, value in zip(names, values, strict=True)}


def _mean(null: Array) -> Array:
    """Average over permutations that leave scores to compare with; R² has no value without variance."""
    defined = np.isfinite(null)
    return np.asarray(np.where(defined, null, 0.0).sum(axis=-1) / defined.sum(axis=-1))


def named(metric: str, what: str) -> str:
    """Name a variable: the estimate's own are called by what they are alone."""
    return what if metric == "estimate" else f"{metric}_{what}"
