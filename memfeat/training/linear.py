"""A linear readout fitted to layers, each weighed alike."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError
from memfeat.regression import ridge

__all__ = ["Fitted", "fitted"]

Array = npt.NDArray[np.float64]


class Fitted(NamedTuple):
    """A linear readout.

    Attributes
    ----------
    tensors : dict of Tensor
        `weight` (p,), `centre` (p,) and `intercept` (), float32.
    predictions : array (n,)
        Predictions for all images, those held out among them.
    penalty : float
        The penalty taken, as a multiple of the features' total variance.
    """

    tensors: dict[str, Tensor]
    predictions: Array
    penalty: float


def fitted(layers: Mapping[str, Array], scores: Array, train: npt.NDArray[np.bool_]) -> Fitted:
    """Fit ridge regression to some of the images.

    Parameters
    ----------
    layers : mapping of array (n, p)
        Features of all images, layer by layer.
    scores : array (n,)
        What is to be predicted.
    train : array (n,) of bool
        The images to fit to.

    Returns
    -------
    Fitted
        The readout.

    Raises
    ------
    ArgumentError
        If scores or a layer do not vary.
    """
    if np.ptp(scores[train]) == 0:
        found = listed(f"{scores[train][0]:g} for every training image")
        raise ArgumentError(advice("scores", "differ between images", found))
    centre = {name: values[train].mean(axis=0) for name, values in layers.items()}
    spread = {name: _spread(name, values[train] - centre[name]) for name, values in layers.items()}
    scaled = np.concatenate([(values - centre[name]) / spread[name] for name, values in layers.items()], axis=1)
    weights, penalties = ridge.fitted(scaled[train], scores[train][:, None])
    intercept = scores[train].mean()
    width = np.concatenate([np.full(values.shape[1], spread[name]) for name, values in layers.items()])
    arrays = {
        "weight": weights[:, 0] / width,
        "centre": np.concatenate(list(centre.values())),
        "intercept": np.asarray(intercept),
    }
    tensors = {name: torch.from_numpy(np.asarray(value, dtype=np.float32)) for name, value in arrays.items()}
    return Fitted(tensors, scaled @ weights[:, 0] + intercept, float(penalties[0]) / len(layers))


def _spread(name: str, centred: Array) -> float:
    """Compute the square root of a layer's total variance."""
    spread = float(np.sqrt((centred**2).sum() / len(centred)))
    if not spread > 0:
        raise ArgumentError(advice("layers", "differ between images", name, "Leave it out."))
    return spread
