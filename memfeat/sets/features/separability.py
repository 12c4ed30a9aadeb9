"""How well a classifier that never saw an image tells which set it is of."""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from memfeat.regression.ridge import out_of_fold

__all__ = ["auc", "inner_products"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: Decimals of predicted labels; what differs beyond them is rounding.
DECIMALS = 12
CHANCE = 0.5


def inner_products(distances: Array) -> Array:
    """Turn distances into inner products of images, whose origin is their mean.

    Parameters
    ----------
    distances : array (m, m)
        Euclidean distances.

    Returns
    -------
    array (m, m)
        The Gram matrix.
    """
    found = distances**2 / -2
    means = found.mean(axis=0)
    found -= means
    found -= means[:, None]
    found += means.mean()
    return np.asarray(found)


def auc(gram: Array, labels: Mask, fold: npt.NDArray[np.int64]) -> Array:
    """Compute how often a held-out image of the first set is ranked before one of the second.

    Parameters
    ----------
    gram : array (m, m)
        Inner products of the images of both sets.
    labels : array (m, p)
        Whether an image is in the first set, for p ways to divide them; each is fitted anew.
    fold : array (m,) of int
        The fold in which an image is held out.

    Returns
    -------
    array (p,)
        The area under the ROC curve, over pairs of images that are held out together; ties count one half. One half
        where no fold holds out images of both sets.
    """
    predicted = out_of_fold(gram, labels.astype(np.float64), fold)[0].round(DECIMALS)
    wins, pairs = np.zeros((2, labels.shape[1]))
    for k in range(int(fold.max()) + 1):
        own = labels[fold == k]
        n_first = own.sum(axis=0)
        ranks = rankdata(predicted[fold == k], axis=0)
        wins += (ranks * own).sum(axis=0) - n_first * (n_first + 1) / 2
        pairs += n_first * (len(own) - n_first)
    return np.asarray(np.divide(wins, pairs, out=np.full(len(pairs), CHANCE), where=pairs > 0))
