"""What similarities say with one image, or one group of images, left out at a time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat import stats
from memfeat._check import advice, listed
from memfeat.errors import ArgumentError
from memfeat.rsa.design import Design
from memfeat.rsa.samples import counted
from memfeat.stats.participants import t_limits

__all__ = ["jackknifed", "left_out", "one_left_out", "strata_of", "t_left_out"]

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
    counts = np.ones((1, len(design.read.names)), dtype=np.int64)
    kept = one_left_out(len(design.free), design.scheme)
    counts = counts.repeat(len(kept), axis=0)
    counts[:, design.free] = kept
    return _defined(counted(design, counts).mean(axis=2))


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


def one_left_out(n: int, scheme: Mapping[str, Any]) -> Array:
    """Leave out each image in turn, or each group that is drawn as a whole.

    Parameters
    ----------
    n : int
        Number of images.
    scheme : mapping
        `blocks` and `permute`, see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    array (unit, n) of int
        1 for images that stay, 0 for those that are left out.

    Raises
    ------
    ArgumentError
        If nothing varies once units are kept to their groups.
    """
    drawn = stats.drawn_units(n, **scheme)
    if drawn["n"] <= drawn["strata"]:
        found = listed(f"{drawn['n']} units in {drawn['strata']} groups")
        remedy = "Whole groups need at least two; groups of one image say nothing of how images vary within."
        rule = f"leave something to draw with permute={scheme.get('permute')!r}"
        raise ArgumentError(advice("blocks", rule, found, remedy))
    if scheme.get("permute") != "whole":
        return 1 - np.eye(n, dtype=np.int64)
    blocks = np.asarray(scheme["blocks"])
    return np.array([blocks != group for group in np.unique(blocks)]).astype(np.int64)


def t_left_out(estimate: Array, left: Array, *, strata: Array | None = None) -> tuple[Array, Array]:
    """Compute 95 % intervals from values without each unit, where some units may weigh much more than others.

    Parameters
    ----------
    estimate : array (...)
        Values of all units.
    left : array (..., unit)
        Values with one unit left out.
    strata : array (unit,), optional
        Group of each unit, where units are drawn inside groups.

    Returns
    -------
    array (...), array (...)
        Estimate ± t(.975, f) · s, with s the jackknife's standard error and f the degrees of freedom that s² is known
        by, 2 s⁴ / Var(s²): with one stratum of n units 2n / (κ − 1), with κ the kurtosis of their contributions, and
        never more than the jackknife has.

    Raises
    ------
    ArgumentError
        If the statistic is not defined once a unit is left out.

    References
    ----------
    Satterthwaite FE (1946). An approximate distribution of estimates of variance components. Biometrics Bulletin
    2:110-114.
    """
    found = stats.jackknife(estimate, _defined(left), strata=strata)
    groups = np.zeros(left.shape[-1], dtype=int) if strata is None else strata
    noise = np.zeros(np.shape(estimate))
    for group in np.unique(groups):
        values = left[..., groups == group]
        n = values.shape[-1]
        part = (n - 1) / n * np.square(values - values.mean(axis=-1, keepdims=True))
        noise += n * part.var(axis=-1)
    known = np.divide(2 * found.error**4, noise, out=np.full_like(noise, np.inf), where=noise > 0)
    return t_limits(estimate, found.error, np.clip(known, 1, found.degrees))


def _defined(values: Array) -> Array:
    """Refuse similarities that are not defined once something is left out."""
    if not np.isfinite(values).all():
        found = listed("one of which that is not so")
        remedy = "There are too few images, or too few values that differ: do without intervals, or take more images."
        raise ArgumentError(advice("images", "leave something to compare without each of them", found, remedy))
    return values
