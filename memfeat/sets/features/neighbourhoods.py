"""Whether the images next to an image are of its own set, and how far two sets cover the same ground."""

import numpy as np
import numpy.typing as npt

__all__ = ["OVERLAPS", "overlap", "own_share"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
#: What is said of how two sets overlap.
OVERLAPS = ("precision", "recall", "density", "coverage")


def own_share(distances: Array, labels: Mask, k: int) -> Array:
    """Compute the share of the k nearest other images that are in the same set, mean over images.

    Parameters
    ----------
    distances : array (m, m)
        Distances of the images of both sets.
    labels : array (m, p)
        Whether an image is in the first set, for p ways to divide them.
    k : int
        How many neighbours; images at the same distance in the order of their names.

    Returns
    -------
    array (p,)
        The share, 0 to 1.
    """
    near = _others(distances).argsort(axis=1, kind="stable")[:, :k]
    return np.asarray(np.mean([(labels[column] == labels).mean(axis=0) for column in near.T], axis=0))


def overlap(distances: Array, is_first: Mask, k: int) -> Array:
    """Compute how far two sets cover the same ground.

    The ball of an image reaches up to its k-th nearest neighbour in its own set.

    Parameters
    ----------
    distances : array (m, m)
        Distances of the images of both sets.
    is_first : array (m,)
        Whether an image is in the first set.
    k : int
        Up to which neighbour a ball reaches.

    Returns
    -------
    array (4,)
        Precision, the share of the second set that lies in a ball of the first; recall, the share of the first set that
        lies in a ball of the second; density, in how many balls of the first set an image of the second lies, divided
        by k; coverage, the share of balls of the first set that hold an image of the second.
    """
    across = distances[np.ix_(is_first, ~is_first)]
    first, second = (_radii(distances[np.ix_(own, own)], k) for own in (is_first, ~is_first))
    in_first = across <= first[:, None]
    in_second = across <= second
    precision, recall = in_first.any(axis=0).mean(), in_second.any(axis=1).mean()
    return np.array([precision, recall, in_first.sum(axis=0).mean() / k, in_first.any(axis=1).mean()])


def _others(distances: Array) -> Array:
    found = distances.copy()
    np.fill_diagonal(found, np.inf)
    return found


def _radii(distances: Array, k: int) -> Array:
    return np.asarray(np.partition(_others(distances), k - 1, axis=1)[:, k - 1])
