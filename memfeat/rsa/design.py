"""What is compared with what, and how: checked, scaled once, and the similarities as they are."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, listed, one_of
from memfeat._labels import LAYER
from memfeat.errors import ArgumentError
from memfeat.rsa.framing import framing
from memfeat.rsa.people import UNITS, enough_people
from memfeat.rsa.reading import Read, incomplete
from memfeat.rsa.similarity import Method, gapped, similarities

__all__ = ["Design", "Part", "by_parts", "centred", "designed", "estimated", "rdms_of"]

Array = npt.NDArray[Any]


class Design(NamedTuple):
    """What is compared, how, and what is drawn again."""

    read: Read
    kernel: Method
    scheme: dict[str, Any]
    """Which images may change places."""
    resample: str
    progress: bool | None
    units: tuple[Array, Array]
    """Layers and references, scaled: (layer, participant or 1, ...), (cell, participant or 1, ...)."""
    free: Array
    """Positions of the images that are exchanged and drawn: all but the patterns that frame them."""
    parts: "tuple[Part, ...]" = ()
    """If pairs are missing: the same in parts, each with a way of its own, so that one leaves the others alone."""


class Part(NamedTuple):
    """Some layers and some references."""

    layers: Array
    cells: Array
    """Positions of both."""
    design: Design


def designed(
    read: Read, kernel: Method, *, scheme: dict[str, Any], resample: str = "images", progress: bool | None = None
) -> Design:
    """Scale RDMs once, and check that their similarities are defined.

    Parameters
    ----------
    read : Read
        What is compared.
    kernel : Method
        How.
    scheme : dict
        Which images may change places, see :func:`memfeat.stats.permutations`.
    resample : {"images", "rdms", "both"}
        What is drawn again.
    progress : bool or None
        Whether progress is shown.

    Returns
    -------
    Design
        All of it.

    Raises
    ------
    ArgumentError
        If a RDM is infinite or constant, pairs are missing that the method needs, two RDMs share too few, or there are
        too few participants to draw from.
    """
    one_of("resample", resample, UNITS)
    if resample != "images":
        enough_people(read, resample)
    nothing = np.empty(0)
    bare = Design(read, kernel, scheme, resample, progress, (nothing, nothing), np.flatnonzero(~framing(read.names)))
    names = read.coords[LAYER].values, np.array(_cell_names(read), dtype=object)
    gaps = incomplete(read.layers, names[0], "rdms"), incomplete(read.references, names[1], "ref")
    if not (gaps[0].any() or gaps[1].any()):
        return _scaled_once(bare, names)
    return bare._replace(parts=_parts(bare, names, gaps))


def _scaled_once(design: Design, names: tuple[Array, Array]) -> Design:
    """Scale RDMs of which no pair is missing."""
    sides = ("rdms", design.read.layers, names[0]), ("ref", design.read.references, names[1])
    units = []
    for argument, values, called in sides:
        units.append(_scaled(design.kernel, values))
        _varied(units[-1], values, called, argument)
    return design._replace(units=(units[0], units[1]))


def _parts(design: Design, names: tuple[Array, Array], gaps: tuple[Array, Array]) -> tuple[Part, ...]:
    """Take complete RDMs as usual, and those that lack pairs, with everything they meet, pair by pair."""
    agree, (lacking, also) = design.kernel.pairwise, gaps
    if agree is None:
        argument, k = ("rdms", 0) if lacking.any() else ("ref", 1)
        found = listed(f"missing pairs (NaN) in layer {str(names[k][gaps[k]][0])!r}")
        remedy = "Leave it out, drop the images without values, or use method='pearson'."
        raise ArgumentError(advice(argument, "hold every pair of images for whitened methods", found, remedy))
    slow, every = gapped(design.kernel, agree), np.ones(len(also), dtype=bool)
    found_parts = []
    for layers, cells, kernel in ((~lacking, ~also, design.kernel), (~lacking, also, slow), (lacking, every, slow)):
        if not (layers.any() and cells.any()):
            continue
        read = design.read._replace(layers=design.read.layers[layers], references=design.read.references[cells])
        part, called = design._replace(read=read, kernel=kernel), (names[0][layers], names[1][cells])
        part = _scaled_once(part, called) if kernel is design.kernel else _defined(part, called)
        found_parts.append(Part(np.flatnonzero(layers), np.flatnonzero(cells), part))
    return tuple(found_parts)


def _defined(part: Design, names: tuple[Array, Array]) -> Design:
    """Refuse RDMs that share too few pairs."""
    wrong = np.argwhere(~np.isfinite(estimated(part)).all(axis=-1))
    if len(wrong):
        layer, cell = (str(called[k]) for called, k in zip(names, wrong[0], strict=True))
        found = listed(f"layer {layer!r} and {cell!r}, which share too few")
        remedy = "Leave one of them out, or fill missing pairs."
        raise ArgumentError(advice("rdms and ref", "share pairs of images that differ", found, remedy))
    return part


def by_parts(design: Design, function: Callable[[Design], Array]) -> Array:
    """Do the same with every part, and put results together.

    Parameters
    ----------
    design : Design
        One of which pairs are missing.
    function : callable
        Design → array (layer, cell, ...).

    Returns
    -------
    array (layer, cell, ...)
        Of all layers and references.
    """
    found = [function(part.design) for part in design.parts]
    out = np.empty((len(design.read.layers), len(design.read.references), *found[0].shape[2:]))
    for part, values in zip(design.parts, found, strict=True):
        out[np.ix_(part.layers, part.cells)] = values
    return out


def estimated(design: Design) -> Array:
    """Compare every layer with every reference.

    Parameters
    ----------
    design : Design
        What is compared.

    Returns
    -------
    array (layer, cell, participant or 1)
        Similarities.
    """
    if design.parts:
        return by_parts(design, estimated)
    read, kernel = design.read, design.kernel
    people = max(read.layers.shape[1], read.references.shape[1])
    if kernel.products:
        pairs = ((rdms_of(design.units[0], p), rdms_of(design.units[1], p)) for p in range(people))
        return np.stack([one @ other.T for one, other in pairs], axis=-1)
    sides = ((rdms_of(read.layers, p), rdms_of(read.references, p)) for p in range(people))
    return np.stack([similarities(kernel, one, other) for one, other in sides], axis=-1)


def centred(design: Design) -> bool:
    """Say whether similarities are 0 on average when images are rearranged.

    Parameters
    ----------
    design : Design
        What is compared.

    Returns
    -------
    bool
        False for cosines, and for framed RDMs.
    """
    return design.kernel.centred and len(design.free) == len(design.read.names)


def rdms_of(side: Array, participant: int) -> Array:
    """Take the RDMs of one participant; those of a side without participants are everybody's.

    Parameters
    ----------
    side : array (k, participant or 1, ...)
        RDMs.
    participant : int
        Which.

    Returns
    -------
    array (k, ...)
        The RDMs.
    """
    return np.asarray(side[:, participant if side.shape[1] > 1 else 0])


def _scaled(kernel: Method, side: Array) -> Array:
    """Scale every RDM (k, participant or 1, pair), one at a time: many layers of many images fill the memory."""
    out = np.empty((*side.shape[:2], len(kernel.scaled(side[0, 0]))))
    for units, one in zip(out, side, strict=True):
        for unit, vector in zip(units, one, strict=True):
            unit[:] = kernel.scaled(vector)
    return out


def _varied(units: Array, values: Array, names: Any, argument: str) -> None:
    """Refuse RDMs whose scaling is not defined: nothing varies."""
    for name, scaled, stack in zip(names, units, values, strict=True):
        for unit, vector in zip(scaled, stack, strict=True):
            if not np.isfinite(unit).all():
                found = listed(f"layer {str(name)!r}, whose dissimilarities are all {float(vector[0])!r}")
                raise ArgumentError(advice(argument, "differ between pairs of images", found, "Leave that layer out."))


def _cell_names(read: Read) -> list[str]:
    """Name references in messages, by their place along further dims."""
    if not read.cells:
        return [read.reference]
    where = [range(size) for size in read.cells.values()]
    grid = np.stack(np.meshgrid(*where, indexing="ij"), axis=-1).reshape(-1, len(where))
    labels = {dim: read.coords[dim].values if dim in read.coords else range(size) for dim, size in read.cells.items()}
    return [", ".join(f"{dim} {labels[dim][k]}" for dim, k in zip(read.cells, row, strict=True)) for row in grid]
