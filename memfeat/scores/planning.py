"""How many raters and how many images a study needs."""

from collections.abc import Callable, Mapping
from math import atanh, ceil, inf, sqrt
from numbers import Real

import xarray as xr
from scipy.stats import norm

from memfeat._check import advice, fraction, one_of
from memfeat.errors import ArgumentError, KindError
from memfeat.stats.exchange import Alternative
from memfeat.stats.halves import reliability_of

__all__ = ["n_images", "n_raters"]

#: A number of raters this close above a whole one is that one: 60.0000000001 come from rounding.
ROUNDING = 1e-9
#: method -> variance of Fisher's z where the correlation is r, in units of 1 / (n − 3)
VARIANCES: dict[str, Callable[[float], float]] = {"pearson": lambda r: 1.0, "spearman": lambda r: 1 + r**2 / 2}
#: Share of the significance level beyond one side.
SIDES = {"two-sided": 2, "greater": 1, "less": 1}


def n_raters(target: float, *, reliability: Mapping[str, float] | xr.Dataset, n_raters: float) -> int:
    """Compute how many raters give scores of a certain reliability.

    Parameters
    ----------
    target : float
        The reliability that the scores of all raters shall have (not that of halves), between 0 and 1.
    reliability : mapping or Dataset
        What is known: {"spearman_brown": r}, of the scores of all raters, or {"split_half": r}, the mean correlation of
        random halves of them; or what :func:`split_half` or :func:`reliability` gave, of one measure:
        `found.sel(measure="hit_rate")`.
    n_raters : float
        How many raters, or responses per image on average, that was found with.

    Returns
    -------
    int
        Raters, or responses per image, rounded up.

    Raises
    ------
    KindError, ArgumentError
        If the target or the reliability does not lie between 0 and 1, the reliability is not named or has several
        measures, or there is no rater.

    See Also
    --------
    split_half : Estimates the reliability.

    Notes
    -----
    With reliability r of n raters, that of k n raters is k r / (1 + (k − 1) r) (Spearman-Brown), so that a target t
    needs k = t (1 − r) / (r (1 − t)). It holds for raters like these, who see the images as these did.

    Examples
    --------
    >>> n_raters(0.9, reliability={"split_half": 0.6}, n_raters=40)
    120
    """
    wanted, known = fraction("target", target), reliability_of(reliability)
    times = wanted * (1 - known) / (known * (1 - wanted))
    return ceil(times * _some(n_raters) - ROUNDING)


def n_images(
    r: float,
    *,
    reliability: Mapping[str, float] | xr.Dataset | None = None,
    method: str = "spearman",
    power: float = 0.8,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> int:
    """Compute how many images show a correlation with scores.

    Parameters
    ----------
    r : float
        The correlation that there would be with scores without noise, not 0 and between −1 and 1.
    reliability : mapping or Dataset, optional
        Of the scores that will be measured: {"spearman_brown": r}, or {"split_half": r}, the mean correlation of random
        halves of the participants, or what :func:`split_half` or :func:`reliability` gave, of one measure. It makes the
        correlation smaller by its root.
    method : {"spearman", "pearson"}
        Which correlation.
    power : float
        How probable a significant correlation shall be.
    alpha : float
        Significance level.
    alternative : {"two-sided", "greater", "less"}
        Which side is tested.

    Returns
    -------
    int
        Images, rounded up.

    Raises
    ------
    KindError, ArgumentError
        If a number does not lie where it must, the reliability is not named or has several measures, or the test looks
        at the other side.

    See Also
    --------
    n_raters : Says how many raters make scores reliable.

    Notes
    -----
    With ρ = r √r_SB, n = 3 + ((z(1 − α) + z(power) √v) / atanh ρ)², α halved when two-sided. v is 1 for Pearson's, and
    1 + ρ² / 2 for Spearman's correlation (Bonett and Wright, 2000). An approximation for normal distributions and
    images that are independent of each other, with a few images too many where ρ is large. Out-of-fold predictions and
    corrections over layers need more.

    References
    ----------
    Bonett DG, Wright TA (2000). Sample size requirements for estimating Pearson, Kendall and Spearman correlations.
    Psychometrika 65:23-28.

    Examples
    --------
    >>> n_images(0.3, method="pearson"), n_images(0.3, method="pearson", reliability={"spearman_brown": 0.5})
    (85, 173)
    """
    known = 1.0 if reliability is None else reliability_of(reliability)
    rho = _size(r, one_of("alternative", alternative, SIDES)) * sqrt(known)
    variance = VARIANCES[one_of("method", method, VARIANCES)](rho)
    beyond = float(norm.isf(fraction("alpha", alpha) / SIDES[alternative]))
    return 3 + ceil(
        ((beyond + float(norm.ppf(fraction("power", power))) * sqrt(variance)) / atanh(rho)) ** 2 - ROUNDING
    )


def _some(n_raters: float) -> float:
    """Check a number of raters, which may be an average."""
    remedy = "Pass the number of raters per image, such as scores['n_targets'].mean()."
    if isinstance(n_raters, bool) or not isinstance(n_raters, Real):
        raise KindError(advice("n_raters", "be a number", n_raters, remedy))
    if not 0 < float(n_raters) < inf:
        raise ArgumentError(advice("n_raters", "be above 0 and finite", n_raters, remedy))
    return float(n_raters)


def _size(r: float, alternative: str) -> float:
    """Check the correlation, and give how far it is from 0."""
    expected = "Pass the correlation that you expect if scores had no noise, such as 0.3."
    if isinstance(r, bool) or not isinstance(r, Real):
        raise KindError(advice("r", "be a number", r, expected))
    if not 0 < abs(r) < 1:
        raise ArgumentError(advice("r", "lie between −1 and 1, and not be 0", r, expected))
    if alternative == ("greater" if r < 0 else "less"):
        remedy = "Use 'two-sided', or test the side on which the correlation is."
        raise ArgumentError(advice("alternative", "be the side of r", alternative, remedy))
    return abs(float(r))
