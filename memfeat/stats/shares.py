"""95 % intervals of shares."""

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

__all__ = ["LEVEL", "Z", "wilson"]

Array = npt.NDArray[np.float64]
#: Share of intervals that hold the truth.
LEVEL = 0.95
#: How many standard deviations hold that share of a normal distribution.
Z = float(norm.isf((1 - LEVEL) / 2))


def wilson(found: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Array, Array]:
    """Give the Wilson score interval of shares.

    Parameters
    ----------
    found : array (...)
        How many.
    n : array (...)
        Of how many.

    Returns
    -------
    array (...), array (...)
        Lower and upper limit; NaN where n is 0 or NaN.

    References
    ----------
    Wilson EB (1927). Probable inference, the law of succession, and statistical inference. Journal of the American
    Statistical Association 22:209-212.
    """
    some = np.asarray(n, dtype=np.float64)
    some = np.where(some > 0, some, np.nan)
    share = np.asarray(found, dtype=np.float64) / some
    middle = (share + Z**2 / (2 * some)) / (1 + Z**2 / some)
    half = Z / (1 + Z**2 / some) * np.sqrt(share * (1 - share) / some + Z**2 / (4 * some**2))
    # rounding must not leave the share outside
    return np.where(share == 0, 0.0, middle - half), np.where(share == 1, 1.0, middle + half)
