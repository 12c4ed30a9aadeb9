"""What a reference made of scores could reach at most, from how well halves of the scores agree."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import stats
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, matched
from memfeat._pairs import PAIR
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.design import Design
from memfeat.rsa.reading import finite, vectors
from memfeat.rsa.samples import drawn_of
from memfeat.rsa.similarity import similarities
from memfeat.stats.reliability import spearman_brown, stepped_up

__all__ = ["bound"]

Array = npt.NDArray[Any]
HALF, SPLIT = "half", "split"
REMEDY = (
    "Pass RDMs of both halves along 'half' (and of several splits along 'split'), or the number itself, of RDMs and "
    'not of scores: {"split_half": r} or {"spearman_brown": r}.'
)


def bound(
    reliability: Mapping[str, float] | xr.Dataset,
    design: Design,
    *,
    rng: np.random.Generator,
    counts: Array | None = None,
) -> dict[str, float]:
    """Estimate the similarity that the RDM of true scores would have with the RDM of the scores that were measured.

    Parameters
    ----------
    reliability : mapping or Dataset (half, pair)
        {"split_half": r} or {"spearman_brown": r} of RDMs, or RDMs of both halves, `split` being a further dim.
    design : Design
        How RDMs of which images are compared, and how images are drawn.
    rng : numpy.random.Generator
        Source of the draws of splits.
    counts : array (draw, n), optional
        How often each image stands in each bootstrap sample, for the interval.

    Returns
    -------
    dict
        `noise_upper`: √(2r / (1 + r)), r the mean similarity of the halves' RDMs. An approximation from classical test
        theory, for correlations; for τ-a, which is no ratio of variances, somewhat too high. With counts, and halves,
        `noise_upper_ci_low` and `noise_upper_ci_high`, the expanded percentile interval over images; each sample of
        images also takes a sample of splits.

    Raises
    ------
    KindError
        If it is neither.
    ArgumentError
        If images differ, there are not two halves, halves do not agree, or the method is a cosine.
    """
    if not design.kernel.centred:
        found, remedy = listed("a cosine"), "Cosines of noise agree too: use method='pearson' or 'whitened_pearson'."
        raise ArgumentError(advice("method", "be a correlation where a reliability is given", found, remedy))
    if isinstance(reliability, Mapping) and not isinstance(reliability, xr.Dataset):
        return {"noise_upper": sqrt(spearman_brown(reliability, remedy=REMEDY))}
    if not isinstance(reliability, xr.Dataset) or not {"rdm", "first", "second"} <= set(reliability.variables):
        found = listed(type(reliability).__name__)
        raise KindError(advice("reliability", "be a named number or a Dataset of RDMs", found, REMEDY))
    halves, kernel = _halves(reliability, design.read.names), design.kernel
    r = float(np.mean([similarities(kernel, one[:1], one[1:])[0, 0] for one in halves]))
    if not r > 0:
        remedy = "Scores whose halves do not agree say nothing about images."
        raise ArgumentError(advice("reliability", "hold halves whose RDMs agree", listed(f"a mean of {r:.3f}"), remedy))
    table = {"noise_upper": sqrt(float(stepped_up(r)))}
    return table if counts is None else table | _interval(halves, design, counts, rng)


def _halves(reliability: xr.Dataset, names: Array) -> Array:
    """Read the RDMs of halves (split, half, pair)."""
    others = xr.DataArray(names, dims=IMAGE, coords={IMAGE: names})
    matched(reliability[IMAGE], others, argument="reliability", reference="rdms")
    halves = vectors(reliability)
    if LAYER in halves.dims and halves.sizes[LAYER] == 1:
        halves = halves.isel({LAYER: 0}, drop=True)
    halves = halves if SPLIT in halves.dims else halves.expand_dims(SPLIT)
    if set(halves.dims) != {SPLIT, HALF, PAIR} or halves.sizes[HALF] != 2:
        found = listed({str(name): size for name, size in halves.sizes.items()})
        raise ArgumentError(advice("reliability", "hold the RDMs of two halves along 'half'", found, REMEDY))
    values = halves.transpose(SPLIT, HALF, PAIR).values
    finite(values, range(len(values)), "reliability")
    return np.asarray(values)


def _interval(halves: Array, design: Design, counts: Array, rng: np.random.Generator) -> dict[str, float]:
    """Draw images and, for each sample of them, splits."""
    similar = np.array([design.kernel.similar(one, [(0, 1)], counts)[0] for one in halves])
    splits = rng.multinomial(len(halves), np.full(len(halves), 1 / len(halves)), size=len(counts)) / len(halves)
    r = stats.enough(np.einsum("sd,ds->d", similar, splits))
    low, high = stats.expanded(np.sqrt(stepped_up(np.clip(r, 0, None))), **drawn_of(design))
    return {"noise_upper_ci_low": float(low), "noise_upper_ci_high": float(high)}
