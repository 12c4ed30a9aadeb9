"""Ways to compare RDMs. Most are a product of scaled vectors, so that one matrix product serves many permutations."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from memfeat._pairs import filled, laid_out, n_images
from memfeat.rsa.concordance import concordant
from memfeat.rsa.paired import AGREEMENTS, Agree, similar
from memfeat.rsa.resampling import Tick, moments, quiet, ranked, untied
from memfeat.rsa.whitening import Noise, resampled, whitened

__all__ = ["COMPARISONS", "METHODS", "Method", "gapped", "kernel_of", "permuted", "similarities"]

Array = npt.NDArray[Any]
#: Most bytes of permuted references held at once.
BLOCK_BYTES = 2**27
#: The upper triangle is cut into at most this many stripes of rows, each a rectangle from its first diagonal entry on.
STRIPES = 8


class Method(NamedTuple):
    """One way to compare RDMs."""

    scaled: Callable[[Array], Array]
    """Upper triangle → vector whose product with another is their similarity; NaN if it is not defined."""
    similar: Callable[..., Array]
    """(vectors, which with which, counts of images, tick=) → similarities (compared, draw)."""
    products: bool = True
    """Whether a product of what `scaled` gives is the similarity."""
    travels: bool = True
    """Whether scaling a rearranged RDM is rearranging the scaled one; otherwise each is compared anew."""
    noise: Noise | None = None
    """Covariance of the images' noise, where it is known."""
    pairwise: Agree | None = None
    """The same of single pairs, some of which may be missing; None if it needs all of them."""
    centred: bool = True
    """Whether it is 0 on average when images are rearranged; cosines of distances are far above."""

    def resampled(self, layers: Array, reference: Array, counts: Array) -> Array:
        """Compare layers (layer, pair) with one reference (pair,) in samples (draw, n): (layer, draw)."""
        pairs = [(k, len(layers)) for k in range(len(layers))]
        return self.similar(np.concatenate([layers, reference[None]]), pairs, counts)


def permuted(data: Array, target: Array, rows: Array, tick: Tick = quiet) -> Array:
    """Compare all layers with the reference under each rearrangement of its images.

    Parameters
    ----------
    data : array (layer, pair)
        Scaled upper triangles; whitened ones have the diagonal after them.
    target : array (pair,)
        The scaled reference.
    rows : array (permutation, n)
        Which image of the reference takes each image's place.
    tick : callable
        Told how many permutations are done.

    Returns
    -------
    array (layer, permutation)
        Similarities.

    Notes
    -----
    The rearranged reference is read in a few rectangles that cover the upper triangle; what they hold below it, and the
    diagonal, meets zeros in the data. That avoids picking single pairs, which costs more than all the rest. Many
    rearrangements of one rectangle are held at once, so that layers are read from memory seldom.
    """
    n = rows.shape[1]
    size = n * (n - 1) // 2
    spans = list(pairwise(np.linspace(0, n, min(STRIPES, 1 + n // 64) + 1).astype(int)))
    parts = [np.empty((len(data), (b - a) * (n - a))) for a, b in spans]
    for k, vector in enumerate(data):
        matrix = laid_out(vector[:size], n)
        for (a, b), part in zip(spans, parts, strict=True):
            part[k] = matrix[a:b, a:].ravel()
    matrix = filled(target[:size], n)
    widest = max(part.shape[1] for part in parts)
    moved = np.empty(max(1, BLOCK_BYTES // (8 * widest)) * widest)
    null = np.zeros((len(data), len(rows)))
    for start in range(0, len(rows), len(moved) // widest):
        block = rows[start : start + len(moved) // widest].astype(np.intp)
        out = null[:, start : start + len(block)]
        for (a, b), part in zip(spans, parts, strict=True):
            held = moved[: len(block) * part.shape[1]].reshape(len(block), b - a, n - a)
            for one, row in zip(held, block, strict=True):
                matrix.take(row[a:b], axis=0).take(row[a:], axis=1, out=one, mode="clip")
            out += part @ held.reshape(len(block), -1).T
        if len(target) > size:
            out += data[:, size:] @ target[size:][block].T
        tick(len(block))
    return null


def similarities(kernel: Method, first: Array, second: Array) -> Array:
    """Compare every RDM of one stack with every one of another.

    Parameters
    ----------
    kernel : Method
        How they are compared.
    first, second : array (k, pair), array (m, pair)
        Upper triangles.

    Returns
    -------
    array (k, m)
        Similarities; NaN where one is not defined.
    """
    if kernel.products:
        one, other = (np.stack([kernel.scaled(vector) for vector in side]) for side in (first, second))
        return np.asarray(one @ other.T)
    n = n_images(first.shape[1])
    pairs = [(i, len(first) + j) for i in range(len(first)) for j in range(len(second))]
    whole = np.ones((1, n), dtype=np.int64)
    return kernel.similar(np.concatenate([first, second]), pairs, whole).reshape(len(first), len(second))


def _unit(vector: Array) -> Array:
    """Scale to length 1; NaN if there is no length."""
    length = np.sqrt(vector @ vector)
    return vector / length if length > 0 else np.full(len(vector), np.nan)


def _centred(vector: Array) -> Array:
    """Subtract the mean and scale; NaN if all entries are equal."""
    return _unit(vector - vector.mean()) if np.ptp(vector) > 0 else np.full(len(vector), np.nan)


def _mid_ranks(vector: Array) -> Array:
    return _centred(rankdata(vector))


def _untied_ranks(vector: Array) -> Array:
    """Centre mid-ranks, and scale as if there were no ties."""
    ranks, size = rankdata(vector), len(vector)
    ranks -= (size + 1) / 2
    return ranks * np.sqrt(12 / (size**3 - size)) if np.ptp(vector) > 0 else np.full(size, np.nan)


def _whitened(vector: Array, *, centre: bool, noise: Noise | None = None) -> Array:
    """Whiten and scale; NaN if nothing is left."""
    if centre and np.ptp(vector) == 0:
        return np.full(len(whitened(vector[None], noise)[0]), np.nan)
    return _unit(whitened((vector - vector.mean() if centre else vector)[None], noise)[0])


#: Those of plain products over pairs.
METHODS: dict[str, Method] = {
    "spearman": Method(_mid_ranks, ranked, pairwise=AGREEMENTS["spearman"]),
    "pearson": Method(_centred, partial(moments, centre=True), pairwise=AGREEMENTS["pearson"]),
    "cosine": Method(_unit, partial(moments, centre=False), pairwise=AGREEMENTS["cosine"], centred=False),
}
#: All of them.
COMPARISONS: dict[str, Method] = METHODS | {
    "kendall": Method(_centred, concordant, products=False, travels=False, pairwise=AGREEMENTS["kendall"]),
    "rho-a": Method(_untied_ranks, partial(ranked, agreement=untied), pairwise=AGREEMENTS["rho-a"]),
    "whitened_pearson": Method(partial(_whitened, centre=True), partial(resampled, centre=True)),
    "whitened_cosine": Method(partial(_whitened, centre=False), partial(resampled, centre=False), centred=False),
}


def kernel_of(method: str, noise: Noise | None = None) -> Method:
    """Choose a way to compare RDMs.

    Parameters
    ----------
    method : str
        One of `COMPARISONS`.
    noise : Noise, optional
        Covariance of the images' noise, for the whitened ones.

    Returns
    -------
    Method
        The way. With noise that differs between images a rearrangement must be whitened anew.
    """
    plain = COMPARISONS[method]
    if noise is None:
        return plain
    noisy: dict[str, Any] = {"noise": noise}
    scaled, similar_to = partial(plain.scaled, **noisy), partial(plain.similar, **noisy)
    return Method(scaled, similar_to, travels=False, noise=noise, centred=plain.centred)


def gapped(kernel: Method, agree: Agree) -> Method:
    """Give the way in which the same comparison is done where pairs are missing.

    Parameters
    ----------
    kernel : Method
        A way to compare RDMs.
    agree : callable
        Its `pairwise`.

    Returns
    -------
    Method
        One that takes each two RDMs by themselves; every rearrangement is compared anew.
    """
    return kernel._replace(similar=partial(similar, agree=agree), products=False, travels=False)
