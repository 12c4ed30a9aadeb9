"""What varies between images, and what is only rounding."""

import numpy as np
import numpy.typing as npt

__all__ = ["NOTHING", "varied"]

Array = npt.NDArray[np.float64]
#: What is below this share of the size of something is rounding.
NOTHING = 1e-9


def varied(values: Array, spread: Array | None = None) -> npt.NDArray[np.bool_]:
    """Say which columns vary, more than by rounding.

    Parameters
    ----------
    values : array (n, p)
        Columns of numbers.
    spread : array (p,), optional
        Their standard deviations, or those of what is left of them.

    Returns
    -------
    array (p,) of bool
        Whether each standard deviation exceeds `NOTHING` of the column's largest absolute value.
    """
    return np.asarray((values.std(axis=0) if spread is None else spread) > NOTHING * np.abs(values).max(axis=0))
