"""Fréchet distance of two sets: between normal distributions fitted to each, along the leading components of both."""

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

__all__ = ["COMPONENTS", "frechet", "leading"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: How many principal components of both sets together.
COMPONENTS = 20
#: Components with less than this share of the variance of the first are rounding.
NOTHING = 1e-10
#: Numbers of the products of components that are held at once.
BLOCK = 2**24


def leading(gram: Array) -> tuple[Array, float]:
    """Take the leading principal components of images.

    Parameters
    ----------
    gram : array (m, m)
        Centred inner products.

    Returns
    -------
    array (m, r)
        Scores, at most `COMPONENTS`, whose distances are those of the images as far as these components go.
    float
        The share of the variance that they have.
    """
    m = len(gram)
    values, vectors = eigh(gram, subset_by_index=[max(0, m - COMPONENTS), m - 1])
    kept = values > NOTHING * values[-1]
    return vectors[:, kept] * np.sqrt(values[kept]), float(values[kept].sum() / np.trace(gram))


def frechet(scores: Array, labels: Mask) -> Array:
    """Compute squared Fréchet distances with shrunk covariances, for many ways to divide images at once.

    Parameters
    ----------
    scores : array (m, r)
        Coordinates of the images of both sets.
    labels : array (m, p)
        Whether an image is in the first set, for p ways to divide them.

    Returns
    -------
    array (p,)
        ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½), in squared units of the features.
    """
    width = max(1, BLOCK // scores.shape[1] ** 2)
    starts = range(0, labels.shape[1], width)
    return np.concatenate([_frechet(scores, labels[:, start : start + width]) for start in starts])


def _frechet(scores: Array, labels: Mask) -> Array:
    (first, one), (second, other) = (_shrunk(scores, own) for own in (labels, ~labels))
    traces = sum(np.trace(cov, axis1=1, axis2=2) for cov in (one, other))
    values, vectors = np.linalg.eigh(one)
    # (p, r, r): eigenvalues of Σ₁^½ Σ₂ Σ₁^½ are those of Σ₁ Σ₂
    root = np.sqrt(np.maximum(values, 0))[:, :, None] * vectors.transpose(0, 2, 1)
    middle = np.linalg.eigvalsh(root @ other @ root.transpose(0, 2, 1))
    cross = np.sqrt(np.maximum(middle, 0)).sum(axis=1)
    return np.asarray(((first - second) ** 2).sum(axis=1) + traces - 2 * cross)


def _shrunk(scores: Array, own: Mask) -> tuple[Array, Array]:
    """Compute means (p, r) and covariances (p, r, r) shrunk towards a multiple of the identity, of one set.

    Formulas of Ledoit and Wolf (2004), for all ways to divide images in one product each.
    """
    m, r = scores.shape
    weights = own.T.astype(np.float64)
    n = weights.sum(axis=1)
    means = weights @ scores / n[:, None]
    squares = (weights @ (scores[:, :, None] * scores[:, None]).reshape(m, -1)).reshape(-1, r, r) / n[:, None, None]
    covariances = squares - means[:, :, None] * means[:, None]
    mu = np.trace(covariances, axis1=1, axis2=2) / r
    squared = np.einsum("pij,pij->p", covariances, covariances)
    # mean of ‖x − mean‖⁴ over the images of the set
    lengths = _lengths(scores, means)
    fourth = np.einsum("pm,pm->p", weights, lengths**2) / n
    delta = squared - r * mu**2
    beta = np.minimum((fourth - squared) / n, delta)
    share = np.divide(beta, delta, out=np.zeros_like(beta), where=delta > 0)
    covariances *= (1 - share)[:, None, None]
    covariances += (share * mu)[:, None, None] * np.eye(r)
    return means, covariances


def _lengths(scores: Array, means: Array) -> Array:
    """Give ‖x − mean‖² of every image from every mean (p, m)."""
    found = (scores**2).sum(axis=1) - 2 * means @ scores.T + (means**2).sum(axis=1)[:, None]
    return np.asarray(np.maximum(found, 0))
