"""Contrasts of sets judged: p-values, corrections over contrasts and scores, intervals, equivalence."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from memfeat import stats
from memfeat._check import advice
from memfeat.errors import ArgumentError, KindError
from memfeat.sets.scores.adjusting import adjusted
from memfeat.sets.scores.contrasting import Contrasted, Pair, bootstrapped, contrasted, exchanged, moved

__all__ = ["MEAN", "ROWS", "Judged", "Plan", "Row", "bound_of", "equivalence", "has_few_clusters", "judged", "tested"]

Array = npt.NDArray[np.float64]
MEAN, DELTA, ADJUSTED = "mean_difference", "cliffs_delta", "adjusted_difference"
#: Degrees of freedom this close below a whole number are that number.
WHOLE = 1e-6
#: With fewer clusters in a set, samples of clusters vary too little (Cameron, Gelbach & Miller, 2008).
FEW_CLUSTERS = 40


class Row(NamedTuple):
    """What a statistic is, and what its p-value says."""

    unit: str
    null: str
    tested: str = ""
    """The test whose p it has, where that is another row's."""


SAME = "the sets are exchangeable"
MEANS = "both sets have the same mean"
SIDES = "an image of the first set is as often above as below one of the second"
#: What is computed of two sets, in this order.
ROWS = {
    MEAN: Row("that of the score", MEANS),
    "hedges_g": Row("pooled standard deviations", MEANS, MEAN),
    "d_z": Row("standard deviations of the differences", MEANS, MEAN),
    DELTA: Row("1", SIDES),
    "auc": Row("1", SIDES, DELTA),
    "paired_delta": Row("1", "a version of the first set is as often above as below its partner"),
    "mann_whitney_u": Row("1", SAME),
    "wilcoxon_w": Row("1", "differences lie symmetrically around 0"),
    "kolmogorov_smirnov": Row("1", SAME),
    "wasserstein": Row("that of the score", SAME),
    ADJUSTED: Row("that of the score", "given the covariates, both sets have the same mean"),
}


class Plan(NamedTuple):
    """What is drawn."""

    n_permutations: int
    n_bootstraps: int
    rng: np.random.Generator
    covariates: Sequence[Array] | None
    """Of the images of both sets, each (n, 1), or of a category (n, label) with a 1 for each image's own"""


class Judged(NamedTuple):
    """One contrast: what was found, the null statistics, and the limits of what was drawn again."""

    found: Contrasted
    null: dict[str, Array]
    exact: dict[str, bool]
    """Test -> whether the null distribution holds all rearrangements"""
    limits: dict[str, Array]
    quantile_limits: Array


def judged(pair: Pair, plan: Plan) -> Judged:
    """Compare two sets, exchange their labels and draw their units again.

    Parameters
    ----------
    pair : Pair
        Two sets.
    plan : Plan
        How many permutations and samples.

    Returns
    -------
    Judged
        Statistics, their null distributions, and intervals.
    """
    found = contrasted(pair)
    null: dict[str, Array] = {}
    exact: dict[str, bool] = {}
    limits = dict(found.limits)
    if plan.n_permutations:
        blocks, listed = moved(pair, plan.n_permutations, plan.rng)
        null = exchanged(pair, blocks)
        exact = dict.fromkeys(null, listed)
    quantile_limits = np.full((2, *found.quantiles.shape), np.nan)
    if plan.n_bootstraps:
        drawn, quantile_limits = _limits(pair, found, plan)
        limits |= drawn
    if plan.covariates is not None:
        one = adjusted(pair, plan.covariates, plan.n_permutations, plan.rng)
        found.estimates[ADJUSTED], found.observed[ADJUSTED], limits[ADJUSTED] = one.estimate, one.observed, one.limits
        if plan.n_permutations:
            null[ADJUSTED], exact[ADJUSTED] = one.null, one.exact
    return Judged(found, null, exact, limits, quantile_limits)


def _limits(pair: Pair, found: Contrasted, plan: Plan) -> tuple[dict[str, Array], Array]:
    """Draw units again (2, score), (2, score, quantile)."""
    drawn = {name: stats.enough(one) for name, one in bootstrapped(pair, plan.n_bootstraps, plan.rng).items()}
    spread = {"n": pair.units.n, "strata": 1 if pair.units.crossed else 2}
    quantiles = np.stack(stats.expanded(drawn["quantiles"], **spread))
    means = _by_t(found) if has_few_clusters(pair) else _expanded(drawn[MEAN], found.degrees)
    low, high = stats.interval(drawn[pair.standardised])
    centre = found.estimates[pair.standardised]
    return {MEAN: means, pair.standardised: centre - np.stack([high, low]) * found.uncertain}, quantiles


def has_few_clusters(pair: Pair) -> bool:
    """Say whether there are too few clusters for the bootstrap of a difference of means.

    Parameters
    ----------
    pair : Pair
        Two sets.

    Returns
    -------
    bool
        True with fewer than 40 clusters in a set; False for images by themselves, and for pairs.
    """
    if pair.paired or pair.units.alone:
        return False
    held = [np.unique(pair.units.unit[pair.member[:, 0] == side]).size for side in (0, 1)]
    return min(held) < FEW_CLUSTERS


def _by_t(found: Contrasted) -> Array:
    """Give limits of differences of means by Student's t (2, score)."""
    half = student.isf(0.025, found.degrees) * found.errors
    return np.stack([found.estimates[MEAN] - half, found.estimates[MEAN] + half])


def _expanded(drawn: Array, degrees: Array) -> Array:
    """Give expanded percentiles, for as many units as have the degrees of freedom of Welch and Satterthwaite."""
    rows = zip(drawn, degrees, strict=True)
    return np.array([stats.expanded(row, n=int(one + WHOLE) + 1) for row, one in rows]).T


def tested(contrasts: Sequence[Judged], name: str) -> dict[str, Array]:
    """Give p-values of a test, and those corrected over contrasts and scores.

    Parameters
    ----------
    contrasts : sequence of Judged
        The contrasts.
    name : str
        The test.

    Returns
    -------
    dict of array (contrast, score)
        `p`, `p_corrected` and `p_fdr`; nothing where the test was not made.
    """
    if name in contrasts[0].found.formulas:
        p = np.stack([one.found.formulas[name] for one in contrasts])
        return {"p": p, "p_corrected": _holm(p), "p_fdr": _fdr(p)}
    if name not in contrasts[0].null:
        return {}
    p = np.stack([stats.p_value(one.found.observed[name], one.null[name], exact=one.exact[name]) for one in contrasts])
    if any(one.exact[name] for one in contrasts):
        return {"p": p, "p_corrected": _holm(p), "p_fdr": _fdr(p)}
    observed = np.concatenate([one.found.observed[name] for one in contrasts])
    null = np.concatenate([one.null[name] for one in contrasts])
    return {"p": p, "p_corrected": stats.max_statistic(observed, null).reshape(p.shape), "p_fdr": _fdr(p)}


def _holm(p: Array) -> Array:
    return stats.holm(p.reshape(-1)).reshape(p.shape)


def _fdr(p: Array) -> Array:
    return stats.fdr(p.reshape(-1)).reshape(p.shape)


def bound_of(given: Any) -> dict[str, float]:
    """Read the equivalence bound.

    Parameters
    ----------
    given : float, mapping or None
        What the user gave.

    Returns
    -------
    dict
        {"score": size} or {"sd": size}; empty for None.

    Raises
    ------
    KindError, ArgumentError
        If it is neither, or not above 0.
    """
    if given is None:
        return {}
    kind, size = next(iter(given.items()), ("", 0)) if isinstance(given, Mapping) else ("score", given)
    if isinstance(size, bool) or not isinstance(size, Real) or kind not in ("sd", "score"):
        remedy = 'Pass the largest difference that does not matter: bound=0.02, or bound={"sd": 0.2}.'
        raise KindError(advice("bound", 'be a number or {"sd": number}', given, remedy))
    if not 0 < float(size) < np.inf:
        raise ArgumentError(advice("bound", "be above 0", given))
    return {str(kind): float(size)}


def equivalence(contrasts: Sequence[Judged], pairs: Sequence[Pair], bound: Mapping[str, float]) -> dict[str, Array]:
    """Test that means differ by less than a bound (two one-sided tests).

    Null hypothesis: the difference of means is the bound or more, in one direction or the other. Unit: the image, or
    the cluster.

    Parameters
    ----------
    contrasts : sequence of Judged
        What was found.
    pairs : sequence of Pair
        The sets of each.
    bound : mapping
        {"score": size} or {"sd": size}.

    Returns
    -------
    dict of array (contrast, score)
        `equivalence_bound` in units of the score, `equivalence_p`, `equivalence_p_corrected` (Holm, over contrasts and
        scores), and the 90 % interval `equivalence_ci_low` and `equivalence_ci_high`, which lies inside the bounds
        where p is below .05.
    """
    columns: dict[str, list[Array]] = {}
    for one, pair in zip(contrasts, pairs, strict=True):
        difference, error, degrees = one.found.estimates[MEAN], one.found.errors, one.found.degrees
        limit = np.array([bound.get("score", bound.get("sd", 0) * _pooled_sd(pair, k)) for k in range(len(error))])
        below, above = (
            student.sf((difference + limit) / error, degrees),
            student.cdf((difference - limit) / error, degrees),
        )
        half = student.isf(0.05, degrees) * error
        row = {"equivalence_bound": limit, "equivalence_p": np.maximum(below, above)}
        row |= {"equivalence_ci_low": difference - half, "equivalence_ci_high": difference + half}
        for name, values in row.items():
            columns.setdefault(name, []).append(values)
    found = {name: np.stack(rows) for name, rows in columns.items()}
    return found | {"equivalence_p_corrected": _holm(found["equivalence_p"])}


def _pooled_sd(pair: Pair, score: int) -> float:
    inside = pair.member[:, 0] > 0
    parts = [pair.values[score][side] for side in (inside, ~inside)]
    return float(np.sqrt(sum(((part - part.mean()) ** 2).sum() for part in parts) / (len(inside) - 2)))
