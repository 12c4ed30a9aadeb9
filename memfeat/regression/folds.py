"""Which image is held out with which."""

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, count
from memfeat.errors import ArgumentError

__all__ = ["shuffled"]


def shuffled(n_images: int, n_folds: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Deal images into folds at random, as evenly as can be.

    Parameters
    ----------
    n_images : int
        How many images.
    n_folds : int
        How many folds.
    generator : numpy.random.Generator
        Where the shuffle comes from.

    Returns
    -------
    array (n_images,) of int
        The fold of each image, 0 to n_folds − 1; sizes differ by one at most.

    Raises
    ------
    KindError
        If the number of folds is not whole.
    ArgumentError
        If there are fewer than two folds, or fewer than two images per fold.
    """
    count("folds", n_folds, least=2)
    if n_images < 2 * n_folds:
        remedy = f"Take folds={n_images // 2} or fewer, or more images." if n_images >= 4 else "Take at least 4 images."
        rule = f"be at most half the number of images ({n_images})"
        raise ArgumentError(advice("folds", rule, n_folds, remedy))
    return generator.permutation(np.arange(n_images, dtype=np.int64) % n_folds)
