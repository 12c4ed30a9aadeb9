"""Reliability of scores: from halves of many splits to one row per measure, with its interval and its ceiling."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import stats
from memfeat._check import advice, count, listed
from memfeat._tables import texts
from memfeat.errors import ArgumentError
from memfeat.scores.agreement import agreement, resampled_agreement
from memfeat.stats.halves import MEASURE, SPLIT
from memfeat.stats.reliability import stepped_up

__all__ = ["KEPT", "WORDS", "Gathered", "correlated", "gathered", "summed"]

Array = npt.NDArray[np.float64]
#: The scores of the first and of the second half (split, n).
Pair = tuple[Array, Array]
#: Bootstrap samples of images average over this many splits: what splits differ in is small beside what images do.
KEPT = 50
#: More undefined splits than this share, and their mean is one of other splits.
UNDEFINED = 0.01
WORDS = {
    "interval": "95 % expanded percentile bootstrap over images",
    "spread": "standard deviation over splits, which is no confidence interval",
    "ceiling": "√reliability, of correlations with the scores only; an approximation from classical test theory",
}


class Gathered(NamedTuple):
    """What is known about one measure after all splits."""

    correlations: Array
    """(split,)."""
    kept: Pair
    """Scores of the first `KEPT` splits."""
    used: npt.NDArray[np.int64]
    """(n,), in how many splits each image was used."""


def correlated(block: Mapping[str, Pair], start: int, *, method: str) -> dict[str, Gathered]:
    """Correlate halves, and keep those of the first splits.

    Parameters
    ----------
    block : mapping
        Measure → scores of both halves, of some splits.
    start : int
        The number of the first of these splits.
    method : {"spearman", "pearson"}
        Which correlation.

    Returns
    -------
    dict of Gathered
        What is known after these splits.
    """
    most = max(0, KEPT - start)
    found = {}
    for name, (first, second) in block.items():
        used = (np.isfinite(first) & np.isfinite(second)).sum(axis=0)
        # a copy, or a few rows would keep the whole block
        kept = first[:most].copy(), second[:most].copy()
        found[name] = Gathered(agreement(first, second, method=method), kept, used)
    return found


def gathered(parts: Sequence[Mapping[str, Gathered]]) -> dict[str, Gathered]:
    """Put together what is known of blocks of splits.

    Parameters
    ----------
    parts : sequence of mapping of Gathered
        In the order of the splits.

    Returns
    -------
    dict of Gathered
        The same for all splits.
    """
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(parts: list[Gathered]) -> Gathered:
    first, second = (np.concatenate([part.kept[half] for part in parts]) for half in (0, 1))
    correlations = np.concatenate([part.correlations for part in parts])
    return Gathered(correlations, (first, second), np.sum([part.used for part in parts], axis=0))


def summed(
    found: Mapping[str, Gathered],
    exchanged: Mapping[str, Any],
    *,
    method: str,
    n_bootstraps: int,
    rng: np.random.Generator,
    progress: bool | None,
) -> xr.Dataset:
    """Make the table of reliabilities.

    Parameters
    ----------
    found : mapping of Gathered
        Measure → its splits.
    exchanged : mapping
        `blocks` and `permute` of the bootstrap over images.
    method : {"spearman", "pearson"}
        Which correlation.
    n_bootstraps : int
        How many samples of images; the same ones for all measures.
    rng : numpy.random.Generator
        Source of the samples.
    progress : bool or None
        Whether progress is shown.

    Returns
    -------
    Dataset (measure, split)
        As :func:`memfeat.scores.split_half` describes it.

    Raises
    ------
    ArgumentError
        If a correlation is not defined in more than 1 % of the splits, or of the bootstrap samples.
    """
    rows = {name: _row(name, one) for name, one in found.items()}
    n = len(next(iter(found.values())).used)
    if count("n_bootstraps", n_bootstraps, least=0):
        counts = stats.bootstrap_counts(n, n_bootstraps, rng=rng, **exchanged)
        for name, one in found.items():
            drawn = _drawn(one.used > 0, **exchanged)
            draws = resampled_agreement(*one.kept, counts, method=method, progress=progress)
            # the splits that were drawn again are some of all, and their mean is another
            shift = rows[name]["estimate"] - np.nanmean(one.correlations[:KEPT])
            low, high = (float(np.clip(limit + shift, -1, 1)) for limit in stats.expanded(stats.enough(draws), **drawn))
            rows[name] |= _stepped({"estimate_ci_low": low, "estimate_ci_high": high})
    names = {name.replace("estimate_ci", "ci"): name for name in next(iter(rows.values()))}
    table = {short: (MEASURE, np.array([row[name] for row in rows.values()])) for short, name in names.items()}
    correlations = np.array([one.correlations for one in found.values()])
    result: dict[str, Any] = table | {"correlation": ((MEASURE, SPLIT), correlations)}
    return xr.Dataset(result, {MEASURE: texts(rows), SPLIT: np.arange(correlations.shape[1])})


def _drawn(used: npt.NDArray[np.bool_], *, blocks: Array | None, permute: str | None) -> dict[str, int]:
    """Count what a sample draws of the images that are used."""
    return stats.drawn_units(int(used.sum()), blocks=None if blocks is None else blocks[used], permute=permute)


def _row(name: str, one: Gathered) -> dict[str, Any]:
    """Give what is known without a bootstrap."""
    r = one.correlations
    undefined = float(np.isnan(r).mean())
    if undefined > UNDEFINED:
        found = listed(f"{undefined:.0%} of the splits without a correlation")
        remedy = "Too few images have 2 responses in each half, or all scores are alike: choose other measures."
        raise ArgumentError(advice(name, "differ between images in both halves", found, remedy))
    figures = _stepped({"estimate": float(np.nanmean(r))})
    used, n_splits = one.used, len(r)
    numbers = {
        "n": int((used > 0).sum()),
        "n_dropped": int((used == 0).sum()),
        "n_sometimes_dropped": int(((used > 0) & (used < n_splits)).sum()),
    }
    return figures | {"spread": float(np.nanstd(r, ddof=1)) if n_splits > 1 else np.nan} | numbers


def _stepped(figures: Mapping[str, float]) -> dict[str, float]:
    """Step correlations of halves up, and take the root; a reliability of 0 or less has no ceiling but 0."""
    more = dict(figures)
    for name, r in figures.items():
        reliability = float(stepped_up(r)) if r > -1 else -np.inf
        more[name.replace("estimate", "reliability")] = reliability
        more[name.replace("estimate", "ceiling")] = float(np.sqrt(max(reliability, 0.0)))
    return more
