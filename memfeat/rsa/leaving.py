"""Similarities with one image, or one group of images, left out at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat import stats
from memfeat.rsa.samples import Design, counted

__all__ = ["jackknifed", "left_out"]

Array = npt.NDArray[Any]


def left_out(design: Design) -> Array:
    """Compare again without each image, or without each group where groups stay together.

    Parameters
    ----------
    design : Design
        What is compared.

    Returns
    -------
    array (layer, cell, unit)
        Means over participants.

    Raises
    ------
    ArgumentError
        If the similarity is not defined once one is left out.
    """
    return stats.enough(counted(design, 1 - _units(design)).mean(axis=2))


def jackknifed(design: Design, values: Array, mix: Callable[[Array], Array]) -> stats.Jackknife:
    """Estimate bias and standard error over images.

    Parameters
    ----------
    design : Design
        What is compared.
    values : array (layer, cell)
        Similarities of all images.
    mix : callable
        Similarities (layer, cell, ...) → what is wanted of them, differences for instance.

    Returns
    -------
    Jackknife
        Of what is wanted.
    """
    strata = design.scheme["blocks"] if design.scheme.get("permute") == "within" else None
    return stats.jackknife(mix(values), mix(left_out(design)), strata=strata)


def _units(design: Design) -> Array:
    """Which images are left out together (unit, image)."""
    scheme = design.scheme
    if scheme.get("permute") != "whole":
        return np.eye(len(design.read.names), dtype=np.int64)
    return np.stack([scheme["blocks"] == group for group in np.unique(scheme["blocks"])]).astype(np.int64)
