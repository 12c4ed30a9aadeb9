"""Agreement with scores, relative to what the reliability of the scores allows."""

from collections.abc import Callable, Mapping
from math import sqrt

import xarray as xr

from memfeat._check import advice, fraction, listed
from memfeat.errors import ArgumentError, KindError

__all__ = ["relative", "spearman_brown"]

#: name of a reliability -> the reliability of the full scores
NAMED: dict[str, Callable[[float], float]] = {"split_half": lambda r: 2 * r / (1 + r), "spearman_brown": lambda r: r}


def spearman_brown(reliability: Mapping[str, float]) -> float:
    """Read the reliability of the full scores from a named number.

    Parameters
    ----------
    reliability : mapping
        One entry: {"split_half": r}, the mean correlation of random halves, or {"spearman_brown": r}, stepped up.

    Returns
    -------
    float
        The reliability of the full scores, 2r / (1 + r) for halves.

    Raises
    ------
    KindError
        If it is no mapping.
    ArgumentError
        If it has not exactly one of these names, or the number is not between 0 and 1.

    Examples
    --------
    >>> round(spearman_brown({"split_half": 0.78}), 3)
    0.876
    """
    remedy = 'Say what the number is: {"split_half": 0.78} or {"spearman_brown": 0.876}.'
    if not isinstance(reliability, Mapping):
        raise KindError(advice("reliability", "be a named number", listed(type(reliability).__name__), remedy))
    if len(reliability) != 1 or not set(reliability) <= set(NAMED):
        raise ArgumentError(advice("reliability", "hold one named number", dict(reliability), remedy))
    [(name, value)] = reliability.items()
    return NAMED[name](fraction(f"reliability[{name!r}]", value))


def relative(result: xr.Dataset, reliability: float, variance: float) -> dict[str, xr.DataArray]:
    """Relate metrics to what scores of this reliability allow.

    Parameters
    ----------
    result : Dataset (layer)
        With `estimate` and `pearson` (correlations with the scores) and `r2`.
    reliability : float
        Of the full scores, r_SB.
    variance : float
        Of the scores.

    Returns
    -------
    dict of str to DataArray (layer)
        Correlations divided by √r_SB, R² divided by r_SB, and the expected squared error of a perfect model,
        (1 − r_SB) · var(y). Ratios above 1 are left as they are.
    """
    return {
        "estimate_relative": result["estimate"] / sqrt(reliability),
        "pearson_relative": result["pearson"] / sqrt(reliability),
        "r2_relative": result["r2"] / reliability,
        "mse_floor": xr.full_like(result["mse"], (1 - reliability) * variance),
    }
