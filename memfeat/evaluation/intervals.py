"""95 % intervals: from bootstrap samples, of a share, of a mean."""

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

__all__ = ["accelerated", "clustered_mean", "wilson"]

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
    below = (np.count_nonzero(known < estimate) + np.count_nonzero(known == estimate) / 2) / known.size
    shift = norm.ppf(np.clip(below, 1 / (known.size + 1), known.size / (known.size + 1)))
    influence = jackknife.mean() - jackknife if jackknife.size else np.zeros(1)
    size = (influence**2).sum() ** 1.5
    acceleration = (influence**3).sum() / (6 * size) if size > 0 else 0.0
    moved = shift + norm.ppf(TAILS)
    low, high = np.quantile(known, norm.cdf(shift + moved / (1 - acceleration * moved)))
    return float(low), float(high)


def wilson(found: Array, n: Array) -> tuple[Array, Array]:
    """Give the Wilson score interval of shares.

    Parameters
    ----------
    found : array (...)
        How many images.
    n : array (...)
        Of how many.

    Returns
    -------
    array (...), array (...)
        Lower and upper limit; NaN where n is 0.

    References
    ----------
    Wilson EB (1927). Probable inference, the law of succession, and statistical inference. Journal of the American
    Statistical Association 22:209-212.
    """
    z = float(norm.ppf(TAILS[1]))
    found, n = np.broadcast_arrays(np.asarray(found, float), np.asarray(n, float))
    n = np.where(n > 0, n, np.nan)
    share = found / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


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
