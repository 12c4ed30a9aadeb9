"""Similarities with one image, or one group of images, left out at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat import stats
from memfeat._check import advice, listed
from memfeat.errors import ArgumentError
from memfeat.rsa.design import Design
from memfeat.rsa.samples import counted

__all__ = ["jackknifed", "left_out", "strata_of"]

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
    values: Array = counted(design, 1 - _units(design)).mean(axis=2)
    if not np.isfinite(values).all():
        found = listed("one of which that is not so")
        remedy = "There are too few images, or too few values that differ: use n_bootstraps=0, or more images."
        raise ArgumentError(advice("images", "leave something to compare without each of them", found, remedy))
    return values


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
    return stats.jackknife(mix(values), mix(left_out(design)), strata=strata_of(design))


def strata_of(design: Design) -> Array | None:
    """Give the group of each unit, where units are drawn inside groups.

    Parameters
    ----------
    design : Design
        How images are drawn.

    Returns
    -------
    array (unit,) or None
        Groups.
    """
    return np.asarray(design.scheme["blocks"]) if design.scheme.get("permute") == "within" else None


def _units(design: Design) -> Array:
    """Which images are left out together (unit, image)."""
    scheme = design.scheme
    n = len(design.free)
    whole = scheme.get("permute") == "whole"
    units = [scheme["blocks"] == group for group in np.unique(scheme["blocks"])] if whole else np.eye(n, dtype=bool)
    out = np.zeros((len(units), len(design.read.names)), dtype=np.int64)
    out[:, design.free] = units
    return out
