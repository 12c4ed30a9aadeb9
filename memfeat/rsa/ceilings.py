"""Noise ceilings: how well the best RDM there is could agree with several participants' RDMs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat._pairs import ends
from memfeat.rsa.concordance import tau_a
from memfeat.rsa.paired import Agree, by_products, mid_ranks
from memfeat.rsa.resampling import Tick, quiet, untied
from memfeat.rsa.similarity import Method
from memfeat.rsa.whitening import lengths

__all__ = ["CEILINGS", "ceilings"]

Array = npt.NDArray[Any]


def ceilings(method: str, kernel: Method, references: Array, counts: Array, tick: Tick = quiet) -> tuple[Array, Array]:
    """Compute lower and upper noise ceilings in bootstrap samples.

    Parameters
    ----------
    method : str
        How RDMs are compared.
    kernel : Method
        The same, with its noise covariance if there is one.
    references : array (participant, pair)
        Upper triangles, two participants at least.
    counts : array (draw, n)
        How often each image stands in each sample; a row of ones for the ceilings themselves.
    tick : callable
        Told how many samples are done.

    Returns
    -------
    array (draw,), array (draw,)
        Mean agreement of each participant's RDM with the average RDM of the others, and with that of all.

    Notes
    -----
    Averages are those that agree best: of RDMs scaled to length 1 (cosine, whitened cosine), of z-scores (pearson,
    whitened pearson), of ranks (spearman, rho-a and, as an approximation, kendall). The first two kinds need nothing
    but the similarities Rₚᵩ of participants: Σᵩ Rₚᵩ / √ΣΣR; the rest ranks the averages anew in each sample.

    References
    ----------
    Nili H, Wingfield C, Walther A, Su L, Marslen-Wilson W, Kriegeskorte N (2014). A toolbox for representational
    similarity analysis. PLoS Computational Biology 10:e1003553.
    """
    return CEILINGS[method](kernel, references, counts, tick)


def _from_similarities(
    kernel: Method, references: Array, counts: Array, tick: Tick, *, centre: bool | None = None
) -> tuple[Array, Array]:
    """Average scaled RDMs; `centre` is given for whitened ones, which are scaled by their plain length."""
    n = len(references)
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    scale = np.ones((n, len(counts)))
    if centre is not None:
        scale = lengths(references, counts, centre=centre, noise=kernel.noise)
    agreement = np.empty((n, n, len(counts)))
    for (i, j), row in zip(pairs, kernel.similar(references, pairs, counts, tick=tick), strict=True):
        agreement[i, j] = agreement[j, i] = row * scale[i] * scale[j]
    own = np.einsum("iid->id", agreement)
    along, whole = agreement.sum(axis=1), agreement.sum(axis=(0, 1))
    upper = along / np.sqrt(own * whole)
    lower = (along - own) / np.sqrt(own * (whole - 2 * along + own))
    return lower.mean(axis=0), upper.mean(axis=0)


def _from_ranks(kernel: Method, references: Array, counts: Array, tick: Tick, *, agree: Agree) -> tuple[Array, Array]:
    """Average ranks, anew in each sample."""
    first, second = ends(counts.shape[1])
    lower, upper = np.empty((2, len(counts)))
    for k, sample in enumerate(counts.astype(np.int64)):
        weights = sample[first] * sample[second]
        there = np.flatnonzero(weights)
        weights = weights[there]
        ranks = np.stack([mid_ranks(vector[there], weights) for vector in references])
        pooled = ranks.sum(axis=0)
        best = mid_ranks(pooled, weights)
        upper[k] = np.mean([agree(best, own, weights) for own in ranks])
        lower[k] = np.mean([agree(mid_ranks(pooled - own, weights), own, weights) for own in ranks])
        tick(1)
    return lower, upper


CEILINGS: dict[str, Callable[[Method, Array, Array, Tick], tuple[Array, Array]]] = {
    "spearman": partial(_from_ranks, agree=by_products),
    "pearson": _from_similarities,
    "cosine": _from_similarities,
    "kendall": partial(_from_ranks, agree=tau_a),
    "rho-a": partial(_from_ranks, agree=partial(by_products, scale=untied)),
    "whitened_pearson": partial(_from_similarities, centre=True),
    "whitened_cosine": partial(_from_similarities, centre=False),
}
