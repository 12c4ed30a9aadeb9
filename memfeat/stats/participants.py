"""Inference over participants: what holds for others of the same population, not only for those who were measured."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats as distributions

from memfeat._check import advice, listed, one_of
from memfeat.errors import ArgumentError
from memfeat.stats.inference import ALTERNATIVES, holm, max_statistic, p_value

__all__ = ["TESTS", "across", "sign_flips", "student", "t_interval", "t_limits", "two_factor", "two_factor_degrees"]

Array = npt.NDArray[Any]


def t_interval(values: Array) -> tuple[Array, Array]:
    """Compute the 95 % interval of a mean over participants, from Student's t.

    Parameters
    ----------
    values : array (..., participant)
        One value per participant, two participants at least.

    Returns
    -------
    array (...), array (...)
        Mean ± t(.975, P − 1) · s / √P, in units of the values.

    References
    ----------
    Student (1908). The probable error of a mean. Biometrika 6:1-25.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = t_interval(np.array([1.0, 2.0, 3.0]))
    >>> float(low.round(3)), float(high.round(3))
    (-0.484, 4.484)
    """
    n = values.shape[-1]
    return t_limits(values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(n), n - 1)


def t_limits(estimate: Array, error: Array, degrees: int | Array) -> tuple[Array, Array]:
    """Compute 95 % intervals from standard errors.

    Parameters
    ----------
    estimate, error : array (...)
        Estimates and their standard errors.
    degrees : int or array (...)
        Degrees of freedom of the errors.

    Returns
    -------
    array (...), array (...)
        Estimate ± t(.975, degrees) · error.
    """
    half = distributions.t.ppf(0.975, degrees) * error
    return estimate - half, estimate + half


def two_factor(both: Array, rdms: Array, images: Array, *, n_rdms: int, n_images: int) -> Array:
    """Correct the variance of a bootstrap over participants and images together.

    The bootstrap over both counts the noise of single measurements three times; the bootstraps over one factor alone
    count it once each.

    Parameters
    ----------
    both, rdms, images : array (...)
        Variances over bootstrap samples of both factors, of participants alone and of images alone.
    n_rdms, n_images : int
        How many participants and images there are.

    Returns
    -------
    array (...)
        Vᵣ + Vᵢ − (both − rdms − images) · R I / ((R − 1)(I − 1)) with Vᵣ = rdms · R / (R − 1) and
        Vᵢ = images · I / (I − 1), not below Vᵣ or Vᵢ and not above `both`. For many
        participants and images this is 2 (rdms + images) − both.

    References
    ----------
    Schütt HH, Kipnis AD, Diedrichsen J, Kriegeskorte N (2023). Statistical inference on representational geometries.
    eLife 12:e82566.

    Examples
    --------
    >>> import numpy as np
    >>> float(two_factor(np.array(4.5), np.array(2.0), np.array(2.0), n_rdms=10**9, n_images=10**9).round(6))
    3.5
    """
    of_rdms, of_images, twice = _components(both, rdms, images, n_rdms, n_images)
    return np.asarray(np.minimum(np.maximum(of_rdms + of_images - twice, np.maximum(of_rdms, of_images)), both))


def two_factor_degrees(both: Array, rdms: Array, images: Array, *, n_rdms: int, n_images: int) -> Array:
    """Compute the degrees of freedom of the variance that :func:`two_factor` gives.

    Those of the smaller sample would only do where it makes the whole variance: with few participants and an error that
    comes from images for the most part, intervals would be too wide.

    Parameters
    ----------
    both, rdms, images : array (...)
        Variances over bootstrap samples of both factors, of participants alone and of images alone.
    n_rdms, n_images : int
        How many participants and images there are.

    Returns
    -------
    array (...)
        V² / (Vᵣ² / (R − 1) + Vᵢ² / (I − 1) + Vᵣᵢ² / ((R − 1) (I − 1))), with V the corrected variance, Vᵣ and Vᵢ as
        there, and Vᵣᵢ what it subtracts; not below min(R, I) − 1, and not above R + I − 2.

    References
    ----------
    Satterthwaite FE (1946). An approximate distribution of estimates of variance components. Biometrics Bulletin
    2:110-114.

    Examples
    --------
    >>> import numpy as np
    >>> float(two_factor_degrees(np.array(2.0), np.array(1.0), np.array(1.0), n_rdms=11, n_images=11).round(1))
    16.5
    """
    parts = _components(both, rdms, images, n_rdms, n_images)
    freedom = (n_rdms - 1, n_images - 1, (n_rdms - 1) * (n_images - 1))
    whole = two_factor(both, rdms, images, n_rdms=n_rdms, n_images=n_images)
    spread = np.sum([part**2 / degrees for part, degrees in zip(parts, freedom, strict=True)], axis=0)
    least, most = min(freedom), n_rdms + n_images - 2
    degrees = np.divide(whole**2, spread, out=np.full(np.shape(whole), float(least)), where=spread > 0)
    return np.asarray(np.clip(degrees, least, most))


def _components(both: Array, rdms: Array, images: Array, n_rdms: int, n_images: int) -> tuple[Array, Array, Array]:
    """Variances of participants and of images, unbiased, and what both hold."""
    more_rdms, more_images = n_rdms / (n_rdms - 1), n_images / (n_images - 1)
    return more_rdms * rdms, more_images * images, more_rdms * more_images * (both - rdms - images)


def student(estimate: Array, error: Array, degrees: int | Array, *, alternative: str = "two-sided") -> Array:
    """Compute p-values from Student's t.

    Null hypothesis: the expectation of the estimate is 0. Unit: what the standard error was taken over.

    Parameters
    ----------
    estimate, error : array (...)
        Estimates and their standard errors.
    degrees : int or array (...)
        Degrees of freedom.
    alternative : {"two-sided", "greater", "less"}
        Which values are extreme.

    Returns
    -------
    array (...)
        P-values.
    """
    tails: dict[str, Callable[[Array], Any]] = {
        "two-sided": lambda t: 2 * distributions.t.sf(np.abs(t), degrees),
        "greater": lambda t: distributions.t.sf(t, degrees),
        "less": lambda t: distributions.t.cdf(t, degrees),
    }
    return np.asarray(tails[one_of("alternative", alternative, ALTERNATIVES)](estimate / error))


def sign_flips(values: Array, n_permutations: int, *, rng: np.random.Generator) -> tuple[Array, Array, bool]:
    """Compute t of the mean over participants, and of the same with signs flipped at random.

    Null hypothesis: values lie symmetrically around 0. Unit of exchange: the participant, whose values all change sign
    together.

    Parameters
    ----------
    values : array (..., participant)
        One value per participant.
    n_permutations : int
        Number of draws. If there are no more patterns of signs than this, all are listed, the plain one first.
    rng : numpy.random.Generator
        Source of the draws; untouched when all are listed.

    Returns
    -------
    array (...)
        Student's t.
    array (..., permutation)
        The same with flipped signs.
    bool
        Whether these are all patterns.
    """
    n = values.shape[-1]
    exact = 2**n <= n_permutations
    signs = np.array(list(product([1.0, -1.0], repeat=n))) if exact else rng.choice([1.0, -1.0], (n_permutations, n))
    scale = np.abs(values).max(axis=-1, keepdims=True)
    part = values / np.where(scale > 0, scale, 1.0)
    squares = np.square(part).mean(axis=-1)

    def statistic(mean: Array, square: Array) -> Array:
        # all values alike has no spread: as large a t as numbers hold, with its sign
        spread = np.maximum((square - mean**2) / (n - 1), np.finfo(float).tiny)
        return np.asarray(mean / np.sqrt(spread))

    return statistic(part.mean(axis=-1), squares), statistic(part @ signs.T / n, squares[..., None]), exact


def across(
    values: Array, *, test: str, n_permutations: int, rng: np.random.Generator, alternative: str = "two-sided"
) -> dict[str, Any]:
    """Test the mean over participants against 0 (random effects).

    Null hypothesis: over the population of participants the values have mean 0 (t), or lie symmetrically around 0
    (wilcoxon, signs). Unit: the participant.

    Parameters
    ----------
    values : array (test, participant)
        One value per participant.
    test : {"t", "wilcoxon", "signs"}
        Student's t, Wilcoxon's signed ranks, or sign flips of the studentised mean.
    n_permutations : int
        How many patterns of signs, for "signs".
    rng : numpy.random.Generator
        Source of the signs.
    alternative : {"two-sided", "greater", "less"}
        Which values are extreme.

    Returns
    -------
    dict
        `p (test,)`, `p_corrected (test,)`: largest statistic under the same signs, or Holm's; `exact`.

    Raises
    ------
    ArgumentError
        If all participants have the same values, so that there is nothing to compare a mean with.
    """
    one_of("test", test, TESTS)
    if (np.ptp(values, axis=-1) == 0).any():
        remedy = "Participants with the same RDM are one participant."
        raise ArgumentError(advice("ref", "differ between participants", listed("equal values"), remedy))
    return TESTS[test](values, n_permutations, rng, alternative)


def _t(values: Array, _: int, __: np.random.Generator, alternative: str) -> dict[str, Any]:
    n = values.shape[-1]
    p = student(values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(n), n - 1, alternative=alternative)
    return {"p": p, "p_corrected": holm(p), "exact": False}


def _wilcoxon(values: Array, _: int, __: np.random.Generator, alternative: str) -> dict[str, Any]:
    options: dict[str, Any] = {"alternative": alternative}
    p = np.array([distributions.wilcoxon(row, **options).pvalue for row in values])
    return {"p": p, "p_corrected": holm(p), "exact": False}


def _signs(values: Array, n_permutations: int, rng: np.random.Generator, alternative: str) -> dict[str, Any]:
    observed, null, exact = sign_flips(values, n_permutations, rng=rng)
    options: dict[str, Any] = {"exact": exact, "alternative": alternative}
    return {
        "p": p_value(observed, null, **options),
        "p_corrected": max_statistic(observed, null, **options),
        "exact": exact,
    }


TESTS: dict[str, Callable[[Array, int, np.random.Generator, str], dict[str, Any]]] = {
    "t": _t,
    "wilcoxon": _wilcoxon,
    "signs": _signs,
}
