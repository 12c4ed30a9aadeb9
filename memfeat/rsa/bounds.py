"""Noise bounds of a reference: from several participants' RDMs, or from halves of the scores it was made of."""

from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat import stats
from memfeat._check import advice, listed
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.rsa.ceilings import ceilings
from memfeat.rsa.design import Design
from memfeat.rsa.intervals import Evidence
from memfeat.rsa.options import Plan
from memfeat.rsa.reading import Read
from memfeat.rsa.reliable import bound
from memfeat.rsa.samples import drawn_images, drawn_of

__all__ = ["noise_bounds", "noise_words"]

Array = npt.NDArray[Any]


def noise_bounds(found: Evidence) -> dict[str, Any]:
    """Give the noise bounds of the reference, with their intervals over images.

    Parameters
    ----------
    found : Evidence
        What is compared.

    Returns
    -------
    dict
        Variables along the further dims of the reference: `noise_lower` and `noise_upper`, and limits of each if
        images are resampled; NaN for references that lack pairs. Empty if there is nothing that they could be
        taken from.

    Raises
    ------
    ArgumentError
        If a reliability is given besides several participants.
    """
    design, plan = found.design, found.plan
    references, counts = design.read.references, _drawn(found)
    several = references.shape[1] > 1
    if plan.reliability is not None:
        if several:
            given = listed(f"it beside {references.shape[1]} participants")
            remedy = "Their RDMs give noise bounds themselves."
            raise ArgumentError(advice("reliability", "be left out with several participants' RDMs", given, remedy))
        return bound(plan.reliability, design, rng=found.rng, counts=counts)
    whole = _whole(design.read)
    if not several or not whole.any():
        return {}
    every = np.ones((1, len(design.read.names)), dtype=np.int64)
    table = dict(zip(("noise_lower", "noise_upper"), _taken(found.method, design, every)[..., 0].T, strict=True))
    if counts is not None:
        draws = _taken(found.method, design, counts)
        stats.enough(draws[whole])
        for name, values in zip(tuple(table), draws.swapaxes(0, 1), strict=True):
            table[f"{name}_ci_low"], table[f"{name}_ci_high"] = stats.expanded(values, **drawn_of(design))
    dims, shape = tuple(design.read.cells), tuple(design.read.cells.values())
    return {name: (dims, values.reshape(shape)) for name, values in table.items()}


def noise_words(plan: Plan, sides: Read) -> str | None:
    """Say what the noise bounds are.

    Parameters
    ----------
    plan : Plan
        Whether a reliability was given.
    sides : Read
        References.

    Returns
    -------
    str or None
        For the record; None if there are none.
    """
    if plan.reliability is not None:
        return "noise_upper: √(2r / (1 + r)) of split halves' RDMs, an approximation"
    if not _whole(sides).any():
        return "none: references lack pairs"
    if sides.references.shape[1] > 1:
        return "agreement of each participant's RDM with the average of the others (lower) and of all (upper)"
    return None


def _whole(sides: Read) -> Array:
    """Which references hold all pairs of all participants (cell,)."""
    return np.asarray(np.isfinite(sides.references).all(axis=(1, 2)))


def _drawn(found: Evidence) -> Array | None:
    """Give the samples of images in which noise bounds are taken again, if they are."""
    if not found.n_bootstraps or found.plan.resample != "images" or not found.plan.noise_interval:
        return None
    if found.bootstrap is not None:
        return found.bootstrap.counts
    return drawn_images(found.design, found.n_bootstraps, found.rng)


def _taken(method: str, design: Design, counts: Array) -> Array:
    """Take both bounds of each reference in samples of images (cell, bound, draw); NaN where it lacks pairs."""
    whole = _whole(design.read)
    out = np.full((len(whole), 2, len(counts)), np.nan)
    with bar(whole.sum() * len(counts), "noise bounds", design.progress, unit="sample") as shown:
        for k in np.flatnonzero(whole):
            out[k] = ceilings(method, design.kernel, design.read.references[k], counts, shown.update)
    return out
