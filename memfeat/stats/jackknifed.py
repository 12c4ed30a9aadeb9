"""From values with one unit left out at a time to a bias and a standard error."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Jackknife", "jackknife"]

Array = npt.NDArray[Any]


class Jackknife(NamedTuple):
    """What leaving units out says of an estimate."""

    bias: Array
    """How much the estimate is expected to exceed its value for very many units (...)."""
    error: Array
    """Standard error (...)."""
    degrees: int
    """Degrees of freedom of the error."""


def jackknife(estimate: Array, left: Array, *, strata: Array | None = None) -> Jackknife:
    """Estimate bias and standard error from values with one unit left out at a time.

    Parameters
    ----------
    estimate : array (...)
        Values of all units.
    left : array (..., unit)
        Values with one unit left out.
    strata : array (unit,), optional
        Group of each unit, where units are drawn inside groups. Groups of one unit say nothing, and are passed over.

    Returns
    -------
    Jackknife
        With nₛ units in stratum s and θ̄ₛ the mean of its values: bias Σ (nₛ − 1)(θ̄ₛ − θ), standard error
        √ Σ (nₛ − 1) / nₛ Σ (θᵢ − θ̄ₛ)², degrees of freedom Σ (nₛ − 1).

    References
    ----------
    Efron B, Tibshirani RJ (1993). An introduction to the bootstrap, chapter 11. Chapman & Hall.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([1.0, 2.0, 6.0])
    >>> without = np.array([4.0, 3.5, 1.5])  # their means with one left out
    >>> found = jackknife(values.mean(), without)
    >>> bool(np.isclose(found.error, values.std(ddof=1) / np.sqrt(3))), round(float(found.bias), 9), found.degrees
    (True, 0.0, 2)
    """
    groups = np.zeros(left.shape[-1], dtype=int) if strata is None else strata
    bias, variance, degrees = np.zeros(np.shape(estimate)), np.zeros(np.shape(estimate)), 0
    for group in np.unique(groups):
        values = left[..., groups == group]
        n = values.shape[-1]
        bias += (n - 1) * (values.mean(axis=-1) - estimate)
        variance += (n - 1) * values.var(axis=-1)
        degrees += n - 1
    return Jackknife(bias, np.sqrt(variance), degrees)
