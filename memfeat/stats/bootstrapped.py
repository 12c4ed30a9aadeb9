"""From bootstrap values to intervals and p-values: when they are defined, and how."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

from memfeat._check import advice, listed, one_of
from memfeat.errors import ArgumentError
from memfeat.stats.inference import interval

__all__ = ["bca", "bootstrap_p", "enough"]

Array = npt.NDArray[Any]
#: More undefined samples than this share, and what is left is no sample of anything.
UNDEFINED = 0.01


def enough(draws: Array, *, argument: str = "n_bootstraps") -> Array:
    """Check that each statistic is defined in nearly all bootstrap samples.

    Parameters
    ----------
    draws : array (..., draw)
        Values; NaN where a sample leaves nothing to compute.
    argument : str
        What the user calls the bootstrap.

    Returns
    -------
    array (..., draw)
        The same draws. Intervals and p-values pass over what is NaN, for each statistic by itself.

    Raises
    ------
    ArgumentError
        If more than 1 % of the samples of one statistic are undefined.
    """
    share = 1 - np.isfinite(draws).mean(axis=-1).min(initial=1.0)
    if share > UNDEFINED:
        found = listed(f"{share:.0%} undefined samples")
        remedy = f"There are too few images, or too few values that differ: use {argument}=0, or more images."
        raise ArgumentError(advice(argument, "leave something to compare in nearly every sample", found, remedy))
    return draws


def bootstrap_p(draws: Array, *, alternative: str = "two-sided", n: int | None = None, strata: int = 1) -> Array:
    """Compute p-values of a difference from its bootstrap values.

    Null hypothesis: the difference is 0. Unit: what was drawn again. The p-value is the level at which the percentile
    interval just touches 0, so that p and interval never disagree.

    Parameters
    ----------
    draws : array (..., draw)
        Values of the difference in bootstrap samples; NaN where it is not defined.
    alternative : {"two-sided", "greater", "less"}
        Which side is tested.
    n, strata : int
        What a sample draws, see :func:`drawn_units`: p is then the level at which the :func:`expanded` interval just
        touches 0, of Student's t of k = n − strata degrees of freedom: with z the normal quantile of one side,
        t = z √(k / n).

    Returns
    -------
    array (...)
        (b + 1) / (m + 1), with b the number of m defined draws at or beyond 0 on the other side; twice the smaller
        side, at most 1, if two-sided. NaN where no draw is defined.

    References
    ----------
    Efron B, Tibshirani RJ (1993). An introduction to the bootstrap, chapter 15. Chapman & Hall.

    Examples
    --------
    >>> import numpy as np
    >>> float(bootstrap_p(np.array([0.1, 0.2, -0.1, 0.3, 0.2, 0.4, 0.1])))
    0.5
    """
    m = np.isfinite(draws).sum(axis=-1)
    below, above = ((np.count_nonzero(side, axis=-1) + 1) / (m + 1) for side in (draws <= 0, draws >= 0))
    if n is not None:
        below, above = (t.sf(norm.isf(side) * np.sqrt((n - strata) / n), n - strata) for side in (below, above))
    sides = {"greater": below, "less": above, "two-sided": np.minimum(1.0, 2 * np.minimum(below, above))}
    return np.where(m > 0, sides[one_of("alternative", alternative, sides)], np.nan)


def bca(estimate: Array, draws: Array, jackknife: Array, *, strata: Array | None = None) -> tuple[Array, Array]:
    """Compute the bias-corrected and accelerated 95 % interval.

    Parameters
    ----------
    estimate : array (...)
        Values of the data.
    draws : array (..., draw)
        Values in bootstrap samples; NaN where a sample leaves nothing to compute.
    jackknife : array (..., unit)
        Values with one unit left out at a time.
    strata : array (unit,), optional
        Group of each unit, where units are drawn inside groups.

    Returns
    -------
    array (...), array (...)
        Lower and upper limit.

    Notes
    -----
    With z₀ = Φ⁻¹(share of draws below the estimate, ties half) and a = Σ d³ / 6 (Σ d²)^1.5, d the mean of the
    jackknife's values, in its stratum, less these, the limits are the quantiles Φ(z₀ + (z₀ + z) / (1 − a (z₀ + z))) of
    the draws for z = ± 1.96. Falls back on the percentile interval where all draws lie on one side of the estimate.

    References
    ----------
    Efron B (1987). Better bootstrap confidence intervals. Journal of the American Statistical Association 82:171-185.
    """
    gap = np.empty_like(jackknife)
    groups = np.zeros(jackknife.shape[-1], dtype=int) if strata is None else strata
    for group in np.unique(groups):
        values = jackknife[..., groups == group]
        gap[..., groups == group] = values.mean(axis=-1, keepdims=True) - values
    power = (gap**2).sum(axis=-1) ** 1.5
    bend = (gap**3).sum(axis=-1) / np.where(power > 0, 6 * power, 1.0)
    side = np.sign(draws - np.asarray(estimate)[..., None])
    share = (1 - np.nanmean(side, axis=-1)) / 2
    shift = norm.ppf(np.clip(share, 1e-9, 1 - 1e-9))
    ends = list(interval(draws))
    inside = (share > 0) & (share < 1)
    for k, z in enumerate(np.asarray(norm.ppf([0.025, 0.975]))):
        level = norm.cdf(shift + (shift + z) / (1 - bend * (shift + z)))
        found = np.array(
            [np.nanquantile(row, q) for row, q in zip(draws.reshape(-1, draws.shape[-1]), level.ravel(), strict=True)]
        )
        ends[k] = np.where(inside, found.reshape(np.shape(estimate)), ends[k])
    return ends[0], ends[1]
