"""Agreement with scores, relative to what the reliability of the scores allows."""

from math import sqrt

import xarray as xr

__all__ = ["relative"]


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
