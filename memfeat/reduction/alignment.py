"""Unbiased CKA from two Gram or kernel matrices, for the images as they are and for bootstrap samples of them."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["cka"]

Array = npt.NDArray[Any]
#: A dependence of a matrix with itself below this share of its squares is rounding.
FLAT = 1e-10
#: Centred entries below this share of the entries are rounding: all images are alike.
ROUNDING = 1e-13


def cka(first: Array, second: Array, counts: Array) -> Array:
    """Compute the unbiased CKA of two layers in samples of images.

    Parameters
    ----------
    first, second : array (n, n)
        Gram or kernel matrices of the same images.
    counts : array (draw, n)
        How often each image stands in each sample; ones for the images as they are.

    Returns
    -------
    array (draw,)
        At most about 1, and around 0 for unrelated layers; NaN where images do not differ enough to say.

    Notes
    -----
    CKA is HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)), and HSIC the mean of Kᵢⱼ Lᵢⱼ + Kᵢⱼ L_qr − 2 Kᵢⱼ L_iq over all i, j, q,
    r that are four different images. In a sample, each four weigh cᵢ cⱼ c_q c_r: an image never meets its own copy. The
    sums over four different images are sums over all, less those in which some are the same; that leaves products of
    matrices with vectors. Adding a constant to a row and the same column of K or L changes no mean.
    """
    weights = np.asarray(counts, dtype=np.float64)
    one, other = _hollow(first), _hollow(second)
    own = _dependence(one, one, weights) * _dependence(other, other, weights)
    return np.asarray(_dependence(one, other, weights) / np.sqrt(own))


def _hollow(matrix: Array) -> Array:
    """Centre a Gram matrix, which keeps digits and changes no mean, scale it, and empty its diagonal."""
    whole = np.asarray(matrix, dtype=np.float64)
    means = whole.mean(axis=0)
    centred = whole - means - means[:, None] + means.mean()
    size = np.abs(centred).mean()
    if size <= ROUNDING * np.abs(whole).mean():
        return np.zeros_like(whole)
    hollow = np.asarray(centred / size)
    np.fill_diagonal(hollow, 0.0)
    return hollow


def _dependence(first: Array, second: Array, w: Array) -> Array:
    """Sum over four different images, in each sample; NaN where nothing is left for a matrix with itself.

    With M the product of the entries of both matrices, and p₁ and p₂ the sums of the weights and of their squares.
    """
    same, squares = first is second, w**2
    p1, p2 = w.sum(axis=1), squares.sum(axis=1)
    k, k2 = w @ first, squares @ first
    l, l2 = (k, k2) if same else (w @ second, squares @ second)  # noqa: E741 (K and L are what the formula calls them)
    product = first * second
    m, m2 = w @ product, squares @ product
    m12, m13, m22 = _dot(squares, m), _dot(w**3, m), _dot(squares, m2)
    # both pairs of images are the same: two others must differ from them
    same_pair = (p1**2 - p2) * _dot(w, m) - 4 * p1 * m12 + 4 * m13 + 2 * m22
    # nothing in common: all, less those with one image in common (four ways), less those with both (two ways)
    apart = _dot(w, k) * _dot(w, l) - 4 * (_dot(squares, k * l) - m22) - 2 * m22
    # one image in common, and a fourth that differs from these three
    one = p1 * (_dot(w, k * l) - m12) - (_dot(squares, k * l) - m22) - _dot(w, k2 * l + k * l2) + 2 * m13
    total = same_pair + apart - 2 * one
    if not same:
        return np.asarray(total)
    return np.where(total > FLAT * p1**2 * _dot(w, m), total, np.nan)


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("bi,bi->b", a, b))
