"""Whitened similarity of RDMs: squared distances weighed by how their noise varies together.

Squared distances that share an image have correlated noise, with covariance V = (C Σ Cᵀ)² (entry by entry; C holds one
contrast of two images per row). No matrix of pairs by pairs is made: G, minus half the squared distances with a zero
diagonal, is only known up to terms uᵢ + uⱼ, and xᵀV⁻¹y is the product of the two G from which these are taken out
in the metric of Σ⁻¹.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat._pairs import filled, n_images
from memfeat.rsa.resampling import FLAT, Pairs, Tick, over, quiet, size_of, total

__all__ = ["Noise", "lengths", "noise_of", "resampled", "whitened"]

Array = npt.NDArray[Any]


class Noise(NamedTuple):
    """Covariance of the images' noise, read once."""

    root: Array
    """M with MᵀM = Σ⁻¹ (n, n)."""
    precision: Array
    """1 / σ² of each image (n,), if Σ is diagonal; else empty."""


def noise_of(covariance: Array) -> Noise:
    """Prepare a noise covariance.

    Parameters
    ----------
    covariance : array (n,) or (n, n)
        Variances, or a positive definite matrix.

    Returns
    -------
    Noise
        What whitening takes.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite.
    """
    if covariance.ndim == 1:
        return Noise(np.diag(1 / np.sqrt(covariance)), 1 / covariance)
    return Noise(np.linalg.inv(np.linalg.cholesky(covariance)), np.empty(0))


def whitened(vectors: Array, noise: Noise | None = None) -> Array:
    """Whiten RDMs, so that a product of two is xᵀV⁻¹y.

    Parameters
    ----------
    vectors : array (vector, pair)
        Upper triangles of squared distances.
    noise : Noise, optional
        Σ; the identity by default.

    Returns
    -------
    array (vector, pair + n)
        The off-diagonal entries times √2, then the diagonal.
    """
    n = n_images(vectors.shape[1])
    upper = ~np.tri(n, dtype=bool)
    root = None if noise is None else noise.root
    axis = np.ones(n) if root is None else root.sum(axis=1)
    axis /= np.sqrt(axis @ axis)
    out = np.empty((len(vectors), vectors.shape[1] + n))
    for row, vector in zip(out, vectors, strict=True):
        matrix = filled(vector, n)
        matrix = matrix if root is None else root @ matrix @ root.T
        along = matrix @ axis
        along -= axis * (axis @ along) / 2
        matrix -= np.multiply.outer(along, axis)
        matrix -= np.multiply.outer(axis, along)
        row[:-n] = matrix[upper] * np.sqrt(2)
        row[-n:] = np.diagonal(matrix)
    return out


def resampled(
    vectors: Array, pairs: Pairs, counts: Array, *, centre: bool, noise: Noise | None = None, tick: Tick = quiet
) -> Array:
    """Whitened cosine or Pearson correlation in bootstrap samples, all at once.

    Parameters
    ----------
    vectors : array (vector, pair)
        Upper triangles of squared distances.
    pairs : list of (int, int)
        Which of them are compared.
    counts : array (draw, n)
        How often each image stands in each sample.
    centre : bool
        Whether the mean over pairs is subtracted first.
    noise : Noise, optional
        Σ, diagonal; the identity by default.
    tick : callable
        Told how many samples are done.

    Returns
    -------
    array (compared, draw)
        Similarities; NaN where a sample leaves nothing to compare.

    Notes
    -----
    Copies of an image are images of their own with noise of their own, whose distance to each other is not known. With
    cₖ copies, precisions hₖ, wₖ = cₖhₖ and N = Σ w, the terms uₖ that are taken out solve
    uₖ (N − 2wₖ + 2hₖ) + Σ w u = 2sₖ, where sₖ is the weighted row sum of G: a closed form per sample.
    """
    sample = _Sample(counts, np.ones(counts.shape[1]) if noise is None else noise.precision)
    used = sorted({k for pair in pairs for k in pair})
    parts = {k: _part(vectors[k], sample, centre) for k in used}
    norms = {k: _inner(parts[k], parts[k], sample, centre) for k in used}
    squares = {k: np.where(norms[k] > FLAT * parts[k].size, norms[k], 0.0) for k in used}
    draws = np.empty((len(pairs), len(counts)))
    for out, (i, j) in zip(draws, pairs, strict=True):
        product = norms[i] if i == j else _inner(parts[i], parts[j], sample, centre)
        out[:] = over(product, np.sqrt(squares[i] * squares[j]))
    tick(len(counts))
    return draws


def lengths(vectors: Array, counts: Array, *, centre: bool, noise: Noise | None = None) -> Array:
    """Whitened length of each RDM over its plain length, in each bootstrap sample.

    Parameters
    ----------
    vectors : array (vector, pair)
        Upper triangles of squared distances.
    counts : array (draw, n)
        How often each image stands in each sample.
    centre : bool
        Whether the mean over pairs is subtracted first.
    noise : Noise, optional
        Σ, diagonal; the identity by default.

    Returns
    -------
    array (vector, draw)
        Ratios.
    """
    sample = _Sample(counts, np.ones(counts.shape[1]) if noise is None else noise.precision)
    size = size_of(sample.counts)
    out = np.empty((len(vectors), len(counts)))
    for row, vector in zip(out, vectors, strict=True):
        shifted = vector - vector.mean() if centre else vector
        plain = total(shifted * shifted, sample.counts)
        plain -= over(total(shifted, sample.counts) ** 2, size) if centre else 0
        part = _part(vector, sample, centre)
        row[:] = np.sqrt(over(_inner(part, part, sample, centre), plain))
    return out


class _Sample:
    """Bootstrap samples: weights, and what is divided by."""

    def __init__(self, counts: Array, precision: Array) -> None:
        self.counts = counts.astype(np.float64)
        self.precision = precision
        self.weights = self.counts * precision
        divisor = self.weights.sum(axis=1, keepdims=True) - 2 * self.weights + 2 * precision
        self.singular = np.flatnonzero((np.abs(divisor) < 1e-9 * np.abs(divisor).max()).any(axis=1))
        self.divisor = np.where(np.abs(divisor) > 0, divisor, 1.0)

    def taken_out(self, first: Array, second: Array) -> Array:
        """Product of what is taken out of two matrices with these row sums (draw, n)."""
        share = self.weights / self.divisor
        one, two = (share * first).sum(axis=1), (share * second).sum(axis=1)
        out = 2 * ((share * first * second).sum(axis=1) - one * two / (1 + share.sum(axis=1)))
        for k in self.singular.tolist():
            out[k] = self._solved(k, first[k], second[k])
        return np.asarray(out)

    def _solved(self, k: int, first: Array, second: Array) -> float:
        """Do the same by solving the equations: an image makes up half the sample, and the closed form is 0 / 0."""
        weight = self.weights[k]
        there = weight > 0
        whole = (weight.sum() - 2 * weight + 2 * self.precision)[there] / 2
        system = np.diag(whole) + weight[there] / 2
        return float((weight[there] * np.linalg.solve(system, first[there])) @ second[there])


class _Part(NamedTuple):
    """One RDM in all samples."""

    off: Array  # matrix (n, n), zero diagonal
    diagonal: Array  # (n,)
    sums: Array  # weighted row sums (draw, n)
    mean: Array  # of the dissimilarities (draw,)
    level: Array  # product of the whitened matrix with that of equal distances (draw,)
    size: Array  # sum of squares before anything is taken out (draw,)


def _part(vector: Array, sample: _Sample, centre: bool) -> _Part:
    """Centre a RDM on all images, which changes no product and keeps its digits, and sum it in every sample."""
    shift = vector.mean() if centre else 0.0
    n = n_images(len(vector))
    matrix = filled(vector - shift, n)
    rows = matrix.mean(axis=1)
    rows -= rows.mean() / 2
    matrix -= rows[:, None]
    matrix -= rows
    diagonal = np.diagonal(matrix).copy()
    np.fill_diagonal(matrix, 0)
    sums = sample.weights @ matrix + sample.precision * diagonal
    mean = level = np.zeros(len(sample.counts))
    if centre:
        mean = over(total(vector - shift, sample.counts), size_of(sample.counts))
        equal = np.broadcast_to(-sample.precision, sums.shape)
        level = -(sample.counts * sample.precision**2) @ diagonal - sample.taken_out(sums, equal)
    size = _plain(matrix, matrix, diagonal**2, sample)
    return _Part(matrix, diagonal, sums, mean, level, size)


def _inner(a: _Part, b: _Part, sample: _Sample, centre: bool) -> Array:
    """Product of two whitened RDMs in every sample; equal distances are minus the identity, up to what is taken out."""
    whole = a.size if a is b else _plain(a.off, b.off, a.diagonal * b.diagonal, sample)
    product = whole - sample.taken_out(a.sums, b.sums)
    if not centre:
        return product
    equal = np.broadcast_to(-sample.precision, a.sums.shape)
    unit = sample.counts @ sample.precision**2 - sample.taken_out(equal, equal)
    return np.asarray(product - a.mean * b.level - b.mean * a.level + a.mean * b.mean * unit)


def _plain(a: Array, b: Array, diagonal: Array, sample: _Sample) -> Array:
    """Weighted sum of products of two matrices with zero diagonal, and of their diagonals."""
    upper = ~np.tri(len(a), dtype=bool)
    return np.asarray(2 * total((a * b)[upper], sample.weights) + (sample.counts * sample.precision**2) @ diagonal)
