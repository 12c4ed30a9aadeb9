"""Where a predictor saturates, and how many images stand there."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["BAND", "Floor", "floor_of", "found_in"]

Array = npt.NDArray[np.float64]
#: Predictions this close to the lowest one, as a share of the range of all predictions, are near ties with it.
BAND = 0.01


class Floor(NamedTuple):
    """The floor of a set of predictions."""

    value: float
    rule: str  # in words, for the attributes


def floor_of(prediction: Array, facts: dict[str, Any]) -> Floor:
    """Find the value at or below which predictions count as saturated.

    Parameters
    ----------
    prediction : array (n,)
        Predictions.
    facts : dict
        Attributes of the predictions; `floor` is what the predictor itself declares.

    Returns
    -------
    Floor
        The declared value. Without one, the lowest prediction plus 1 % of the range: a head that saturates softly gives
        values that lie close together and are not equal, so exact ties would miss them.
    """
    declared = facts.get("floor")
    if declared is not None:
        return Floor(float(declared), "declared by the predictor")
    return Floor(
        found_in(prediction),
        "near ties of the lowest prediction: within 1 % of the range of predictions",
    )


def found_in(prediction: Array) -> float:
    """Find the floor that predictions show by themselves.

    Parameters
    ----------
    prediction : array (n,)
        Predictions.

    Returns
    -------
    float
        The lowest prediction plus 1 % of the range.
    """
    return float(prediction.min() + BAND * np.ptp(prediction))
