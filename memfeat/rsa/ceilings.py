"""Noise ceilings: how well the best RDM there is could agree with several participants' RDMs."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat._pairs import ends
from memfeat.rsa.concordance import tau_a
from memfeat.rsa.resampling import FLAT, Tick, middle, quiet, ranks_of, ratio, sorted_pairs, untied
from memfeat.rsa.similarity import Method
from memfeat.rsa.whitening import lengths

__all__ = ["CEILINGS", "ceilings"]

Array = npt.NDArray[Any]


class _Ranks(NamedTuple):
    """One RDM in one sample."""

    own: Array
    weighted: Array
    """Times the weights of the pairs."""
    spread: float
    """Weighted sum of squares; 0 if all are equal."""


#: (two RDMs, weights of their pairs of images) → agreement
Agree = Callable[[_Ranks, _Ranks, Array], float]


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
    in_order = [sorted_pairs(vector) for vector in references]
    lower, upper = np.empty((2, len(counts)))
    spare = np.empty(references.shape[1])
    for k, sample in enumerate(counts.astype(np.int64)):
        weights = sample.take(first, mode="clip") * sample.take(second, mode="clip")
        there = weights > 0
        own = []
        for pairs in in_order:
            where, _, ranks, _ = ranks_of(pairs, weights, there)
            spare[where] = ranks
            own.append(spare[there])
        weights = weights[there]
        pooled = np.sum(own, axis=0)
        sides = [_side(ranks, weights) for ranks in own]
        best = _side(_ranks(pooled, weights), weights)
        upper[k] = np.mean([agree(best, side, weights) for side in sides])
        lower[k] = np.mean([agree(_side(_ranks(pooled - side.own, weights), weights), side, weights) for side in sides])
        tick(1)
    return lower, upper


def _ranks(sums: Array, weights: Array) -> Array:
    """Rank sums of ranks, which are whole or half numbers.

    Twice a sum and the position of its pair are put into one whole number, because numbers are sorted several times as
    fast as positions; positions are sorted where these numbers would be too long.
    """
    keys = (2 * sums).astype(np.int64)
    keys -= keys.min(initial=0)
    bits = len(keys).bit_length()
    if int(keys.max(initial=0)).bit_length() + bits < 63:
        keys = keys << bits | np.arange(len(keys))
        keys.sort()
        order = keys & ((1 << bits) - 1)
        keys >>= bits
    else:
        order = np.argsort(keys)
        keys = keys[order]
    out = np.empty(len(sums))
    out[order] = middle(weights[order], np.flatnonzero(np.diff(keys, append=-1)))[0]
    return out


def _side(ranks: Array, weights: Array) -> _Ranks:
    weighted = ranks * weights
    square = float(weighted @ ranks)
    return _Ranks(ranks, weighted, square if square > FLAT * float(weights.sum()) ** 3 / 12 else 0.0)


def _by_products(first: _Ranks, second: _Ranks, weights: Array, *, scale: Callable[..., float]) -> float:
    return scale(float(first.own @ second.weighted), first.spread, second.spread, float(weights.sum()))


def _by_order(first: _Ranks, second: _Ranks, weights: Array) -> float:
    return tau_a(first.own, second.own, weights)


CEILINGS: dict[str, Callable[[Method, Array, Array, Tick], tuple[Array, Array]]] = {
    "spearman": partial(_from_ranks, agree=partial(_by_products, scale=ratio)),
    "pearson": _from_similarities,
    "cosine": _from_similarities,
    "kendall": partial(_from_ranks, agree=_by_order),
    "rho-a": partial(_from_ranks, agree=partial(_by_products, scale=untied)),
    "whitened_pearson": partial(_from_similarities, centre=True),
    "whitened_cosine": partial(_from_similarities, centre=False),
}
