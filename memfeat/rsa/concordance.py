"""Kendall's τ-a of RDMs: concordant less discordant pairs of pairs, over all of them, ties included."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau

from memfeat._pairs import ends
from memfeat.rsa.resampling import Pairs, Tick, quiet

__all__ = ["concordant", "tau_a"]

Array = npt.NDArray[Any]


def tau_a(first: Array, second: Array, weights: Array | None = None) -> float:
    """Compute Kendall's τ-a of two RDMs.

    Parameters
    ----------
    first, second : array (pair,)
        Dissimilarities, or their ranks.
    weights : array (pair,) of int, optional
        How often each pair of images stands in the sample; once each by default.

    Returns
    -------
    float
        (concordant − discordant) / all pairs of pairs; NaN if one RDM is constant.

    Notes
    -----
    From τ-b, which divides by the pairs of pairs that are not tied instead; copies of a pair of images are tied.
    """
    if weights is not None:
        first, second = np.repeat(first, weights), np.repeat(second, weights)
    size = len(first)
    every = size * (size - 1) / 2
    untied = [every - _tied(vector) for vector in (first, second)]
    if min(untied) <= 0:
        return np.nan
    return float(kendalltau(first, second, method="asymptotic").statistic * np.sqrt(untied[0] * untied[1]) / every)


def concordant(vectors: Array, pairs: Pairs, counts: Array, *, tick: Tick = quiet) -> Array:
    """Kendall's τ-a in bootstrap samples, computed anew for each.

    Parameters
    ----------
    vectors : array (vector, pair)
        Upper triangles.
    pairs : list of (int, int)
        Which of them are compared.
    counts : array (draw, n)
        How often each image stands in each sample.
    tick : callable
        Told how many samples are done.

    Returns
    -------
    array (compared, draw)
        Similarities; NaN where a sample leaves nothing to compare.
    """
    first, second = ends(counts.shape[1])
    # whole numbers are sorted faster, and keep their order and their ties
    places = [np.unique(vector, return_inverse=True)[1].reshape(-1) for vector in vectors]
    draws = np.empty((len(pairs), len(counts)))
    for k, sample in enumerate(counts.astype(np.int64)):
        weights = sample[first] * sample[second]
        for row, (i, j) in zip(draws, pairs, strict=True):
            row[k] = tau_a(places[i], places[j], weights)
        tick(1)
    return draws


def _tied(vector: Array) -> float:
    """Pairs of equal values."""
    size = np.unique(vector, return_counts=True)[1].astype(np.float64)
    return float((size * (size - 1)).sum() / 2)
