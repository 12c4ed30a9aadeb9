"""Corrected for several differences at once: the largest of them in the same bootstrap samples."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

from memfeat._check import one_of
from memfeat.stats.inference import ALTERNATIVES, p_value

__all__ = ["largest_deviation"]

Array = npt.NDArray[Any]
#: Below this a standard error is rounding: what is compared is the same.
ROUNDING = 1e-12


def largest_deviation(
    estimate: Array,
    draws: Array,
    *,
    n: int,
    strata: int = 1,
    error: Array | None = None,
    alternative: str = "two-sided",
) -> Array:
    """Compute p-values of differences from the largest deviation of any of them in the same bootstrap samples.

    Null hypothesis: no difference is other than 0. Unit: what was drawn again, in the same samples for all.

    Parameters
    ----------
    estimate : array (...)
        Differences in the data, of correlations or of other numbers of about that size.
    draws : array (..., draw)
        The same differences in the samples. One that is not defined (NaN) counts as far away.
    n, strata : int
        What a sample draws, see :func:`drawn_units`.
    error : array (...), optional
        Standard errors of the differences. By default those of the bootstrap: √(n / (n − strata)) times the spread of
        the draws, which for a mean is s / √n.
    alternative : {"two-sided", "greater", "less"}
        Which side is tested.

    Returns
    -------
    array (...)
        With b the number of m samples in which any difference lies as many standard errors from its estimate as this
        one from 0, (b + 1) / (m + 1). 1 for a difference whose standard error is rounding; NaN for one that is not
        defined in the data, which does not count among the others.

    See Also
    --------
    holm : Needs no samples, and is the more cautious the more differences depend on each other.

    Notes
    -----
    Deviations of samples are in standard errors of the bootstrap, the spread of the draws, and one of z is taken for
    the t that is as rare in Student's distribution with n − strata degrees of freedom. The number of differences sets
    no limit to p: Holm's correction multiplies one that is 1 / (m + 1) at least.

    References
    ----------
    Westfall PH, Young SS (1993). Resampling-based multiple testing. Wiley.

    Examples
    --------
    >>> import numpy as np
    >>> draws = np.array([[1.0, 3, 2, 2], [0.0, 0, 1, -1]])
    >>> largest_deviation(np.array([2.0, 0.0]), draws, n=100)
    array([0.2, 1. ])
    """
    extremeness = ALTERNATIVES[one_of("alternative", alternative, ALTERNATIVES)]
    there = np.isfinite(estimate)
    found = np.full(np.shape(estimate), np.nan)
    if not there.any():
        return found
    center, own = estimate[there], draws[there]
    degrees = max(n - strata, 1)
    spread = np.nanstd(own, axis=-1, ddof=1)
    errors = spread * np.sqrt(n / degrees) if error is None else error[there]
    away = extremeness((own - center[:, None]) / np.where(spread > ROUNDING, spread, np.inf)[:, None]).max(axis=0)
    tailed = np.sign(away) * t.isf(norm.sf(np.abs(away)), degrees)
    observed = extremeness(center / np.where(errors > ROUNDING, errors, np.inf))
    found[there] = p_value(observed, tailed, alternative="greater")
    return found
