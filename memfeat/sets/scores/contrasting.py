"""One set against another: estimates, what they are when labels are exchanged, and intervals of units drawn again."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats as distributions

from memfeat import stats
from memfeat.sets.relabelling import relabelled
from memfeat.sets.scores.weighing import (
    Apart,
    Levels,
    Units,
    apart,
    dominance_limits,
    gaps,
    placements,
    quantiles,
    studentised,
)

__all__ = ["BLOCK", "QUANTILES", "Contrasted", "Pair", "bootstrapped", "by_unit", "contrasted", "exchanged", "moved"]

Array = npt.NDArray[np.float64]
QUANTILES = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
#: Numbers that are held at once: images times samples.
BLOCK = 2_000_000
#: What differs by less, relative to the largest value, is equal.
ROUNDING = 1e-12
NOT_TESTED = float("nan")


class Pair(NamedTuple):
    """Images of two sets, in the order of sets and names."""

    values: Array
    """(score, n)"""
    member: Array
    """(n, 1): 1 for images of the first set, 0 for those of the second"""
    units: Units
    paired: bool
    """Whether each unit is one image of each set."""

    @property
    def everyone(self) -> Array:
        """Each unit once."""
        return np.ones((self.units.n, 1))

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of images of each set."""
        first = int(self.member.sum())
        return first, len(self.member) - first

    @property
    def standardised(self) -> str:
        """What the difference in standard deviations is called."""
        return "d_z" if self.paired else "hedges_g"

    def differences(self, score: int) -> Array:
        """First image of each pair less the second one (unit,)."""
        signed = np.where(self.member[:, 0] > 0, self.values[score], -self.values[score])
        found = np.bincount(self.units.unit, weights=signed, minlength=self.units.n)
        # differences that are equal but for rounding are ties
        step = ROUNDING * np.abs(signed).max()
        return np.asarray(np.round(found / step) * step if step > 0 else found)


class Contrasted(NamedTuple):
    """What was found for each score, and the statistics that p-values are of."""

    estimates: dict[str, Array]
    """Row -> (score,)"""
    limits: dict[str, Array]
    """Row -> (2, score)"""
    observed: dict[str, Array]
    """Test -> (score,)"""
    formulas: dict[str, Array]
    """Row -> p from a formula (score,)"""
    degrees: Array
    errors: Array
    """Of the difference of means (score,)"""
    uncertain: Array
    """Standard error of the standardised difference (score,)"""
    quantiles: Array
    """(score, quantile)"""


def moved(pair: Pair, n_permutations: int, rng: np.random.Generator) -> tuple[Iterator[Array], bool]:
    """Exchange labels: of images, of whole clusters that lie in one set each, or inside clusters that lie in both.

    Parameters
    ----------
    pair : Pair
        Two sets.
    n_permutations : int
        How many times; if there are no more ways that differ, all are listed.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    iterator of array (n, sample)
        1 for images that count to the first set.
    bool
        Whether these are all ways.
    """
    labels, exact = by_unit(pair.member[:, 0].astype(np.int8), pair.units, n_permutations, rng)
    step = max(1, BLOCK // len(pair.member))
    return (part.astype(np.float64) for part in labels(step)), exact


def by_unit(
    label: npt.NDArray[Any], units: Units, n_permutations: int, rng: np.random.Generator
) -> tuple[Callable[[int], Iterator[npt.NDArray[Any]]], bool]:
    """Exchange labels of units, or inside units that have images in every set.

    Parameters
    ----------
    label : array (n,)
        The set of each image.
    units : Units
        What images belong to.
    n_permutations : int
        How many times.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    callable
        Number of samples to give at once -> iterator of labels (n, sample).
    bool
        Whether these are all ways that differ.
    """
    if units.crossed:
        drawn, exact = relabelled(label, n_permutations, rng, blocks=units.unit, permute="within")
        places: Any = slice(None)
    else:
        of_unit = np.zeros(units.n, dtype=label.dtype)
        of_unit[units.unit] = label
        drawn, exact = relabelled(of_unit, n_permutations, rng)
        places = units.unit

    def blocks(step: int) -> Iterator[npt.NDArray[Any]]:
        return (drawn[start : start + step].T[places] for start in range(0, len(drawn), step))

    return blocks, exact


def exchanged(pair: Pair, blocks: Iterator[Array]) -> dict[str, Array]:
    """Compute the tested statistics where labels are exchanged, the same ones for all scores.

    Parameters
    ----------
    pair : Pair
        Two sets.
    blocks : iterator of array (n, sample)
        1 for images that count to the first set.

    Returns
    -------
    dict of array (score, sample)
        Test -> statistics.
    """
    levels = [Levels(row) for row in pair.values]
    found: dict[str, list[Array]] = {}
    for member in blocks:
        rows = [_tested(pair, k, levels[k], member)[0] for k in range(len(levels))]
        for name in rows[0]:
            found.setdefault(name, []).append(np.stack([row[name] for row in rows]))
    return {name: np.concatenate(parts, axis=-1) for name, parts in found.items()}


def _tested(pair: Pair, score: int, levels: Levels, member: Array) -> tuple[dict[str, Array], Apart, Apart, Array]:
    """Compute the statistics that p-values are of, in samples, and what they are made of."""
    values = pair.values[score][:, None]
    means = apart(values, values, member, pair.everyone, pair.units)
    first, second, distance = placements(levels, member)
    ranks = apart(first, second, member, pair.everyone, pair.units)
    sizes = member.sum(axis=0)
    scale = np.sqrt(sizes * (len(values) - sizes) / len(values))
    largest, area = gaps(levels, distance)
    tested = {
        "mean_difference": studentised(means.difference, means.variance),
        # delta is a difference of mean placements, whose variance is a quarter of its own
        "cliffs_delta": studentised(ranks.difference, 4 * ranks.variance),
        "kolmogorov_smirnov": scale * largest,
        "wasserstein": scale * area / values.std(),
    }
    if pair.paired:
        signs = np.sign(pair.differences(score))[:, None]
        kept = member == pair.member
        turned = np.where(pair.units.total(kept * pair.member) > 0, signs, -signs)
        tested["paired_delta"] = studentised(turned.mean(axis=0), turned.var(axis=0, ddof=1) / len(turned))
    return tested, means, ranks, np.stack([largest, area])


def contrasted(pair: Pair) -> Contrasted:
    """Compare two sets, without drawing anything.

    Parameters
    ----------
    pair : Pair
        Two sets.

    Returns
    -------
    Contrasted
        Estimates and what there are formulas for.
    """
    each = [_estimated(pair, k) for k in range(len(pair.values))]
    merged = [
        {name: np.stack([one[part][name] for one in each], axis=-1) for name in each[0][part]} for part in range(4)
    ]
    degrees, errors, uncertain = (np.array([one[4][part] for one in each]) for part in range(3))
    levels = [_quantile_differences(pair, k, pair.everyone)[:, 0] for k in range(len(each))]
    return Contrasted(merged[0], merged[1], merged[2], merged[3], degrees, errors, uncertain, np.stack(levels))


def _estimated(pair: Pair, score: int) -> tuple[Any, ...]:
    tested, means, ranks, distances = _tested(pair, score, Levels(pair.values[score]), pair.member)
    observed = {name: values[0] for name, values in tested.items()}
    delta, error = float(ranks.difference[0]), 2 * float(np.sqrt(ranks.variance[0]))
    n = int(min(means.counts[0][0], means.counts[1][0]))
    standardised, uncertain = _standardised(pair, score, pair.everyone, means)
    estimates = {"mean_difference": means.difference[0], pair.standardised: standardised[0]}
    estimates |= {"cliffs_delta": delta, "auc": (1 + delta) / 2}
    limits = {"cliffs_delta": np.array(dominance_limits(delta, error, float(ranks.degrees[0]), n))}
    limits["auc"] = (1 + limits["cliffs_delta"]) / 2
    if pair.paired:
        signs = np.sign(pair.differences(score))
        spread = float(signs.std(ddof=1) / np.sqrt(len(signs)))
        estimates["paired_delta"] = signs.mean()
        limits["paired_delta"] = np.array(dominance_limits(float(signs.mean()), spread, len(signs) - 1, len(signs)))
    estimates |= {"kolmogorov_smirnov": distances[0, 0], "wasserstein": distances[1, 0]}
    formulas = _ranked(pair, score)
    estimates |= {name: value[0] for name, value in formulas.items()}
    how = float(means.degrees[0]), float(np.sqrt(means.variance[0])), float(uncertain[0])
    return estimates, limits, observed, {name: value[1] for name, value in formulas.items()}, how


def _standardised(pair: Pair, score: int, drawn: Array, means: Apart) -> tuple[Array, Array]:
    """Give the difference in standard deviations in samples of units, and its standard error.

    For pairs it is d_z, in those of the differences; otherwise Hedges' g, in pooled ones, corrected for few images.
    """
    if pair.paired:
        variance, degrees, fewer = means.variance * pair.units.n, np.asarray(pair.units.n - 1.0), np.asarray(1.0)
    else:
        values, weights = pair.values[score][:, None], drawn[pair.units.unit]
        inside = pair.member * (values - means.first) ** 2 + (1 - pair.member) * (values - means.second) ** 2
        degrees = weights.sum(axis=0) - 2
        variance, fewer = (weights * inside).sum(axis=0) / degrees, 1 - 3 / (4 * degrees - 1)
    variance = np.where(variance > 0, variance, np.nan)
    standardised = fewer * means.difference / np.sqrt(variance)
    return standardised, np.sqrt(means.variance / variance + standardised**2 / (2 * degrees))


def _ranked(pair: Pair, score: int) -> dict[str, tuple[float, float]]:
    """Give the classical rank tests, which are for images by themselves or in pairs."""
    if pair.paired:
        signed = distributions.wilcoxon(pair.differences(score))
        return {"wilcoxon_w": (float(signed.statistic), float(signed.pvalue))}
    if not pair.units.alone:
        return {}
    inside = pair.member[:, 0] > 0
    found = distributions.mannwhitneyu(pair.values[score][inside], pair.values[score][~inside])
    return {"mann_whitney_u": (float(found.statistic), float(found.pvalue))}


def _quantile_differences(pair: Pair, score: int, drawn: Array) -> Array:
    """Give differences of quantiles in samples of units (quantile, sample)."""
    levels, weights = Levels(pair.values[score]), drawn[pair.units.unit]
    first, second = (quantiles(levels, weights * part, QUANTILES) for part in (pair.member, 1 - pair.member))
    return first - second


def bootstrapped(pair: Pair, n_bootstraps: int, rng: np.random.Generator) -> dict[str, Array]:
    """Draw units again, inside their set where they lie in one, the same ones for all scores.

    Parameters
    ----------
    pair : Pair
        Two sets.
    n_bootstraps : int
        How many samples.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    dict of array (..., sample)
        "mean_difference" (score, sample); "hedges_g" or "d_z", less that of the data and studentised; "quantiles"
        (score, quantile, sample).
    """
    units = pair.units
    side = np.zeros(units.n, dtype=np.int64)
    side[units.unit] = pair.member[:, 0]
    scheme: dict[str, Any] = {} if units.crossed else {"blocks": side, "permute": "within"}
    found: dict[str, list[Array]] = {}
    step = max(1, BLOCK // len(pair.member))
    for start in range(0, n_bootstraps, step):
        size = min(step, n_bootstraps - start)
        drawn = stats.bootstrap_counts(units.n, size, rng=rng, **scheme).T.astype(np.float64)
        rows = [_drawn(pair, k, drawn) for k in range(len(pair.values))]
        for name in rows[0]:
            found.setdefault(name, []).append(np.stack([row[name] for row in rows]))
    return {name: np.concatenate(parts, axis=-1) for name, parts in found.items()}


def _drawn(pair: Pair, score: int, drawn: Array) -> dict[str, Array]:
    values = pair.values[score][:, None]
    means = apart(values, values, pair.member, drawn, pair.units)
    observed = apart(values, values, pair.member, pair.everyone, pair.units)
    standardised, error = _standardised(pair, score, drawn, means)
    known = _standardised(pair, score, pair.everyone, observed)[0]
    return {
        "mean_difference": means.difference,
        pair.standardised: (standardised - known) / error,
        "quantiles": _quantile_differences(pair, score, drawn),
    }
