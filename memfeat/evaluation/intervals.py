"""95 % intervals: from bootstrap samples, of a mean, of quantiles, of a share of errors."""

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, gaussian_kde, t

from memfeat import stats

__all__ = ["accelerated", "clustered_mean", "order_quantile", "share_below_root_mean_square"]

Array = npt.NDArray[np.float64]
TAILS = np.array([0.025, 0.975])


def accelerated(estimate: float, draws: Array, left_out: Array) -> tuple[float, float]:
    """Take the bias-corrected and accelerated (BCa) interval of bootstrap values.

    Parameters
    ----------
    estimate : float
        The statistic of the data.
    draws : array (draw,)
        Its values in bootstrap samples; NaN where it is not defined.
    left_out : array (group,)
        Its values with one image, or one group, left out.

    Returns
    -------
    float, float
        Lower and upper limit; NaN where no draw is defined.

    References
    ----------
    Efron B (1987). Better bootstrap confidence intervals. Journal of the American Statistical Association 82:171-185.
    """
    known, jackknife = draws[np.isfinite(draws)], left_out[np.isfinite(left_out)]
    if not known.size or not np.isfinite(estimate):
        return float("nan"), float("nan")
    low, high = stats.bca(np.asarray(estimate), known, jackknife if jackknife.size else np.zeros(1))
    return float(low), float(high)


def clustered_mean(values: Array, cluster: npt.NDArray[np.int64]) -> tuple[float, float, float]:
    """Give a mean with its t-based interval, for images that come in clusters.

    Parameters
    ----------
    values : array (n,)
        One value per image.
    cluster : array (n,)
        The cluster of each image; one of its own for independent images, which gives the usual t interval.

    Returns
    -------
    float, float, float
        Mean, lower and upper limit; limits are NaN for fewer than two clusters.
    """
    mean = float(values.mean()) if values.size else float("nan")
    number = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    n_clusters = int(number.max()) + 1 if values.size else 0
    if n_clusters < 2:
        return mean, float("nan"), float("nan")
    totals = np.bincount(number, weights=values - mean)
    error = np.sqrt(n_clusters / (n_clusters - 1) * (totals**2).sum()) / values.size
    half = float(t.ppf(TAILS[1], n_clusters - 1) * error)
    return mean, mean - half, mean + half


def order_quantile(values: Array, share: float) -> tuple[float, float]:
    """Give an interval of a quantile from the order of independent values, whatever their distribution.

    Parameters
    ----------
    values : array (n,)
        One value per image.
    share : float
        Which quantile.

    Returns
    -------
    float, float
        Lower and upper limit; NaN where so few values say nothing about that side.

    Notes
    -----
    The number of values below the quantile is binomial, so each value of the sorted sample is a limit with a known
    level. Between the two whose levels enclose 2.5 %, the limit is interpolated as by Nyblom.

    References
    ----------
    Nyblom J (1992). Note on interpolated order statistics. Statistics & Probability Letters 14:129-131.
    """
    return _lower_limit(np.sort(values), share), -_lower_limit(np.sort(-values), 1 - share)


def _lower_limit(ascending: Array, share: float) -> float:
    n = len(ascending)
    # level[r]: how often the value of rank r (from 1) lies above the quantile
    level = np.concatenate([[0.0], binom.cdf(np.arange(n), n, share)])
    rank = int(np.searchsorted(level, TAILS[0], side="right")) - 1
    if rank < 1:
        return float("nan")
    if rank == n:
        return float(ascending[-1])
    over, under = level[rank + 1] - TAILS[0], TAILS[0] - level[rank]
    weight = under * (n - rank) * share / (under * (n - rank) * share + over * rank * (1 - share))
    return float((1 - weight) * ascending[rank - 1] + weight * ascending[rank])


def share_below_root_mean_square(error: Array, cluster: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Give an interval of the share of images whose absolute error is below the root mean squared error.

    Parameters
    ----------
    error : array (n,)
        Errors.
    cluster : array (n,)
        The cluster of each image; one of its own for independent images.

    Returns
    -------
    float, float
        Lower and upper limit; NaN where errors do not vary.

    Notes
    -----
    The share s = F(R) changes with an image's own place and with what it does to R, so its influence is
    1[|e| < R] − s + f(R) (e² − R²) / 2R, with f the density of |e|, estimated with a Gaussian kernel. The interval is
    t-based on the mean influence. (Bootstrap samples repeat values, which makes so small a share jump: in
    1,000 simulations of 100 images their percentile interval covered .986.)
    """
    size = np.abs(error)
    root = float(np.sqrt((error**2).mean()))
    if np.ptp(size) <= 1e-12 * root:
        return float("nan"), float("nan")
    inside = size < root
    density = float(gaussian_kde(size)(root)[0])
    influence = inside + density * (size**2 - root**2) / (2 * root)
    _, low, high = clustered_mean(influence, cluster)
    return max(low, 0.0), min(high, 1.0)
