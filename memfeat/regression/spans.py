"""The span of the training images of one fold: coordinates in which every fit that rotations leave alone is cheap."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

__all__ = ["Span", "span"]

Array = npt.NDArray[np.float64]


class Span(NamedTuple):
    """Training images, centred on their (weighted) mean and multiplied by the root of their weights: U diag(√v)."""

    values: Array
    """(r,) v, all above zero."""
    vectors: Array
    """(m, r) U."""
    scale: float
    """Mean diagonal of the Gram matrix."""
    held_out: Array
    """(o, r), held-out images in the same coordinates."""
    root: Array
    """(m,), root of the weights, whose mean is 1."""

    def centred(self, targets: Array) -> tuple[Array, Array]:
        """Give the (weighted) means of targets (t,), and targets less these, times the root of the weights (m, t)."""
        means = np.average(targets, axis=0, weights=self.root**2)
        return means, (targets - means) * self.root[:, None]


def span(
    gram: Array, inside: npt.NDArray[np.intp], outside: npt.NDArray[np.intp], weights: Array | None = None
) -> Span:
    """Centre on the mean of the training images, by the Gram matrix alone, and decompose.

    Parameters
    ----------
    gram : array (n, n)
        Inner products of the images' features; where their origin lies makes no difference.
    inside, outside : array of int
        Training and held-out images.
    weights : array (n,), optional
        How much each image counts.

    Returns
    -------
    Span
        The training images, and the held-out ones in their coordinates.
    """
    w = np.ones(len(inside)) if weights is None else weights[inside] / weights[inside].mean()
    root, share = np.sqrt(w), w / len(inside)
    among, across = gram[np.ix_(inside, inside)], gram[np.ix_(outside, inside)]
    rounding = np.finfo(np.float64).eps * float(np.trace(among))
    to_mean = among @ share
    middle = float(to_mean @ share)
    held_out = (across - (across @ share)[:, None] - to_mean + middle) * root
    among -= to_mean[:, None]
    among -= to_mean - middle
    among *= root[:, None] * root
    scale = max(float(np.trace(among)) / len(inside), 0.0)
    values, vectors = eigh(among, driver="evd", overwrite_a=True, check_finite=False)
    kept = values > max(rounding, len(inside) * np.finfo(np.float64).eps * values[-1])
    values, vectors = values[kept], vectors[:, kept]
    return Span(values, vectors, scale, held_out @ vectors / np.sqrt(values), root)
