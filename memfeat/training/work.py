"""What one fit is about, before it is known how the head is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from memfeat.models import Model
from memfeat.training.checkpoint import Checkpoint
from memfeat.training.recipe import Recipe

__all__ = ["Made", "Work"]


@dataclass(frozen=True)
class Work:
    """Images with scores, features and a split, in the order of the images' names.

    Attributes
    ----------
    table : Dataset (image)
        The image table.
    names : list of str
        The images.
    features : Dataset (image, ...)
        Pooled features of the layers that the head reads.
    scores : array (n,)
        What is to be predicted.
    held_out : array (n,) of bool
        True for an image that is held out.
    model : Model
        The network.
    folder : Path or None
        Where to keep decoded images and the state of the training.
    recipe : Recipe
        How to train.
    generator : numpy.random.Generator
        For all random draws.
    device : torch.device
        Where to train.
    progress : bool or None
        Whether to show progress bars.
    """

    table: xr.Dataset
    names: list[str]
    features: xr.Dataset
    scores: npt.NDArray[np.float64]
    held_out: npt.NDArray[np.bool_]
    model: Model
    folder: Path | None
    recipe: Recipe
    generator: np.random.Generator
    device: torch.device
    progress: bool | None


@dataclass(frozen=True)
class Made:
    """What was fitted.

    Attributes
    ----------
    tensors : dict of Tensor
        The head's weights.
    predictions : array (n,)
        Predictions for all images.
    recipe : dict
        How it was fitted, for the record.
    bits : array (n, 2, 64) of bool
        Perceptual hashes of the images and of their mirror images.
    history : list of list of float
        How a training went, round by round.
    checkpoint : Checkpoint or None
        The state of the training, which is to stay until the head has been saved.
    """

    tensors: dict[str, torch.Tensor]
    predictions: npt.NDArray[np.float64]
    recipe: dict[str, Any]
    bits: npt.NDArray[np.bool_]
    history: list[list[float]]
    checkpoint: Checkpoint | None = None
