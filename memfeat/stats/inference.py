"""From permutation and bootstrap distributions to p-values, corrections over layers and intervals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control, norm, t

from memfeat._check import one_of

__all__ = ["ALTERNATIVES", "expanded", "fdr", "holm", "interval", "max_statistic", "p_value"]

Array = npt.NDArray[Any]

#: What counts as further from the null, as a function whose large values are extreme.
ALTERNATIVES: dict[str, Callable[[Array], Array]] = {"two-sided": np.abs, "greater": np.positive, "less": np.negative}
#: Share of the values beyond each limit of a 95 % interval.
TAIL = 0.025
#: Statistics closer than this, relative to the largest of them, are equal: sums in another order differ by rounding.
TIE = 1e-9


def p_value(observed: Array, null: Array, *, exact: bool = False, alternative: str = "two-sided") -> Array:
    """Compute p-values of statistics from their permutation distributions.

    Null hypothesis and unit of exchange: those of the permutations.

    Parameters
    ----------
    observed : array (...)
        Statistics of the data.
    null : array (..., permutation)
        The same statistics of the rearranged data; leading dims broadcast. What is not defined (NaN) counts as at least
        as extreme.
    exact : bool
        Whether these are all rearrangements, the identity among them.
    alternative : {"two-sided", "greater", "less"}
        Which values are extreme. Two-sided compares absolute values.

    Returns
    -------
    array (...)
        (b + 1) / (m + 1), with b the number of m permuted statistics at least as extreme as the observed one; b / m
        if exact.

    References
    ----------
    Phipson B, Smyth GK (2010). Permutation p-values should never be zero. Statistical Applications in Genetics and
    Molecular Biology 9:39.

    Examples
    --------
    >>> import numpy as np
    >>> float(p_value(np.array(2.0), np.array([1.0, -2.0, 3.0])))
    0.75
    """
    extremeness = ALTERNATIVES[one_of("alternative", alternative, ALTERNATIVES)]
    return _exceedance(extremeness(np.asarray(observed)), extremeness(np.asarray(null)), exact=exact)


def max_statistic(observed: Array, null: Array, *, exact: bool = False, alternative: str = "two-sided") -> Array:
    """Compute p-values corrected for having looked at every layer, from the largest statistic over layers.

    Null hypothesis: no layer differs from chance (strong control of the family-wise error where the null
    distributions of the layers do not depend on which other layers carry an effect). Unit of exchange: that of the
    permutations, which must be the same for all layers.

    Parameters
    ----------
    observed : array (layer, ...)
        Statistics of the data, on one scale for all layers.
    null : array (layer, ..., permutation)
        The same statistics under the same rearrangements.
    exact : bool
        Whether these are all rearrangements, the identity among them.
    alternative : {"two-sided", "greater", "less"}
        Which values are extreme.

    Returns
    -------
    array (layer, ...)
        Corrected p-values, never smaller than the uncorrected ones.

    References
    ----------
    Westfall PH, Young SS (1993). Resampling-based multiple testing. Wiley.
    """
    extremeness = ALTERNATIVES[one_of("alternative", alternative, ALTERNATIVES)]
    return _exceedance(extremeness(np.asarray(observed)), extremeness(np.asarray(null)).max(axis=0), exact=exact)


def fdr(p: Array) -> Array:
    """Adjust p-values for the false discovery rate over layers (Benjamini and Hochberg).

    Null hypothesis: that of each p-value. Holds for independent or positively dependent layers.

    Parameters
    ----------
    p : array (layer, ...)
        Uncorrected p-values.

    Returns
    -------
    array (layer, ...)
        Adjusted p-values: those below q form a set with an expected share of false discoveries of at most q.

    References
    ----------
    Benjamini Y, Hochberg Y (1995). Controlling the false discovery rate. Journal of the Royal Statistical Society B
    57:289-300.
    """
    return np.asarray(false_discovery_control(p, axis=0))


def holm(p: Array) -> Array:
    """Adjust p-values for the family-wise error (Holm).

    Null hypothesis: that of each p-value. Holds whatever the dependence between them.

    Parameters
    ----------
    p : array (test, ...)
        Uncorrected p-values.

    Returns
    -------
    array (test, ...)
        Adjusted p-values, at most 1.

    References
    ----------
    Holm S (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6:65-70.

    Examples
    --------
    >>> import numpy as np
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p)
    order = np.argsort(p, axis=0, kind="stable")
    left = len(p) - np.arange(len(p)).reshape(-1, *[1] * (p.ndim - 1))
    grown = np.maximum.accumulate(np.take_along_axis(p, order, axis=0) * left, axis=0)
    out = np.empty(p.shape)
    np.put_along_axis(out, order, np.minimum(1.0, grown), axis=0)
    return out


def interval(draws: Array) -> tuple[Array, Array]:
    """Take the 95 % percentile interval of bootstrap values.

    Parameters
    ----------
    draws : array (..., draw)
        Values of the statistic in bootstrap samples; NaN where it is not defined.

    Returns
    -------
    array (...), array (...)
        Lower and upper limit; NaN where no draw is defined.

    References
    ----------
    Efron B, Tibshirani RJ (1993). An introduction to the bootstrap, chapter 13. Chapman & Hall.
    """
    return _between(draws, TAIL)


def expanded(draws: Array, *, n: int, strata: int = 1) -> tuple[Array, Array]:
    """Take the 95 % expanded percentile interval of bootstrap values.

    The plain percentile interval of a mean is that of a normal distribution with the variance Σ(x − x̄)² / n: for n
    images it is too narrow, by √((n − 1) / n) and by the difference between the normal distribution and Student's t.
    This one takes quantiles as much further out as makes up for both.

    Parameters
    ----------
    draws : array (..., draw)
        Values of the statistic in bootstrap samples; NaN where it is not defined.
    n : int
        How many units a sample draws: images, or groups that are drawn as a whole.
    strata : int
        Number of groups inside which units are drawn; each leaves one degree of freedom less.

    Returns
    -------
    array (...), array (...)
        Lower and upper limit: the quantiles Φ(± √(n / k) t) of the draws, with k = n − strata degrees of freedom and t
        the .975 quantile of Student's distribution. NaN where no draw is defined, and where nothing varies (k = 0).

    References
    ----------
    Hesterberg TC (2015). What teachers should know about the bootstrap: resampling in the undergraduate statistics
    curriculum. The American Statistician 69:371-386.

    Examples
    --------
    >>> import numpy as np
    >>> draws = np.linspace(0, 1, 1_001)
    >>> low, high = expanded(draws, n=10)
    >>> print(f"{low:.3f} to {high:.3f}")
    0.009 to 0.991
    """
    degrees = n - strata
    if degrees < 1:
        nothing = np.full(np.shape(draws)[:-1], np.nan)
        return nothing, nothing.copy()
    return _between(draws, float(norm.sf(np.sqrt(n / degrees) * t.isf(TAIL, degrees))))


def _between(draws: Array, tail: float) -> tuple[Array, Array]:
    """Leave out a share of the values at each end."""
    defined = np.asarray(np.isfinite(draws).any(axis=-1))
    low, high = np.nanquantile(np.where(defined[..., None], draws, 0.0), [tail, 1 - tail], axis=-1)
    return np.where(defined, low, np.nan), np.where(defined, high, np.nan)


def _exceedance(observed: Array, null: Array, *, exact: bool) -> Array:
    """Share of the null at least as large as the observed."""
    null = np.where(np.isnan(null), np.inf, null)
    largest = np.abs(np.where(np.isfinite(null), null, 0.0)).max(axis=-1)
    slack = TIE * np.maximum(np.abs(observed), largest)
    b = np.count_nonzero(null >= np.asarray(observed - slack)[..., None], axis=-1)
    return np.asarray(b / null.shape[-1] if exact else (b + 1) / (null.shape[-1] + 1))
