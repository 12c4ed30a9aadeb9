"""Whether a penalty that was chosen lies at an end of those that were tried."""

import numpy as np
import numpy.typing as npt

__all__ = ["edge"]

Array = npt.NDArray[np.float64]
#: Penalties that differ by less than this share are the same one.
SAME = 1e-6


def edge(penalties: Array, tried: Array) -> npt.NDArray[np.int64]:
    """Say which end of the grid each penalty lies at.

    Parameters
    ----------
    penalties : array (...)
        What was chosen.
    tried : array (k,)
        What it was chosen from.

    Returns
    -------
    array (...) of int
        1 for the largest, −1 for the smallest, 0 between, and where all are the same.
    """
    largest, smallest = penalties >= tried.max() * (1 - SAME), penalties <= tried.min() * (1 + SAME)
    return np.asarray(largest, dtype=np.int64) - np.asarray(smallest, dtype=np.int64)
