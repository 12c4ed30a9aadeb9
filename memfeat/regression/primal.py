"""The same span from the features themselves, for layers with far fewer features than images."""

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh, qr

from memfeat.regression.spans import Span

__all__ = ["span"]

Array = npt.NDArray[np.float64]


def span(
    features: Array, inside: npt.NDArray[np.intp], outside: npt.NDArray[np.intp], weights: Array | None = None
) -> Span:
    """Centre on the mean of the training images, and decompose a matrix that has the size of the features.

    Parameters
    ----------
    features : array (n, p)
        Features; where their origin lies makes no difference.
    inside, outside : array of int
        Training and held-out images.
    weights : array (n,), optional
        How much each image counts.

    Returns
    -------
    Span
        What :func:`memfeat.regression.spans.span` gives for the Gram matrix of these features.
    """
    w = np.ones(len(inside)) if weights is None else weights[inside] / weights[inside].mean()
    # from the first image on, images that are all alike are exactly so
    near = features[inside] - features[inside[0]]
    middle = w @ near / len(inside)
    held_out = features[outside] - features[inside[0]] - middle
    near -= middle
    near *= np.sqrt(w)[:, None]
    # X = QR keeps U = QW orthonormal where X W / √v, of the covariance, would not
    across, square = qr(near, mode="economic", overwrite_a=True, check_finite=False)
    products = square @ square.T
    scale = float(np.trace(products)) / len(inside)
    values, vectors = eigh(products, driver="evd", overwrite_a=True, check_finite=False)
    kept = values > len(inside) * np.finfo(np.float64).eps * values[-1]
    values, vectors = values[kept], vectors[:, kept]
    return Span(values, across @ vectors, scale, held_out @ (square.T @ vectors) / np.sqrt(values), np.sqrt(w))
