"""Similarities of all layers with all references: of the data, of rearranged data and of bootstrap samples."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat import stats
from memfeat._check import advice, listed, one_of
from memfeat._labels import LAYER
from memfeat._pairs import filled, upper
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.rsa.framing import framing
from memfeat.rsa.reading import Read, incomplete
from memfeat.rsa.similarity import Method, gapped, permuted, similarities

__all__ = [
    "RESAMPLES",
    "Bootstrap",
    "Design",
    "centred",
    "counted",
    "designed",
    "drawn",
    "drawn_images",
    "drawn_of",
    "estimated",
    "exchanged_images",
    "rearranged",
]

Array = npt.NDArray[Any]
Mix = Callable[[Array], Array]
#: The fewest participants of whom something can be said about others, and samples that have a variance.
FEWEST = FEWEST_DRAWS = 2


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


class Bootstrap(NamedTuple):
    """Bootstrap values of the mean over participants."""

    draws: Array
    """(layer, cell, draw), of what is resampled."""
    error: Array
    """Corrected standard error (layer, cell) if both are resampled, else empty."""
    counts: Array
    """Of images (draw, n)."""
    degrees: Array = np.empty(0)
    """Degrees of freedom of the error (layer, cell) if both are resampled, else empty."""


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
    one_of("resample", resample, RESAMPLES)
    people = len(read.participants)
    if resample != "images" and people < FEWEST:
        found = listed(f"{people} participants" if people else "no dim 'participant'")
        remedy = "Use resample='images', or give the RDMs of several participants."
        raise ArgumentError(
            advice("ref", f"have at least {FEWEST} participants for resample={resample!r}", found, remedy)
        )
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


def _by_parts(design: Design, function: Callable[[Design], Array]) -> Array:
    """Do the same with every part, and put results (layer, cell, ...) together."""
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
        return _by_parts(design, estimated)
    read, kernel = design.read, design.kernel
    people = max(read.layers.shape[1], read.references.shape[1])
    if kernel.products:
        pairs = ((_of(design.units[0], p), _of(design.units[1], p)) for p in range(people))
        return np.stack([one @ other.T for one, other in pairs], axis=-1)
    sides = ((_of(read.layers, p), _of(read.references, p)) for p in range(people))
    return np.stack([similarities(kernel, one, other) for one, other in sides], axis=-1)


def rearranged(design: Design, rows: Array) -> Array:
    """Compare again under rearrangements of images, the same for all.

    Parameters
    ----------
    design : Design
        What is compared.
    rows : array (permutation, n)
        Which image takes each image's place in the references.

    Returns
    -------
    array (layer, cell, permutation)
        Means over participants.

    Notes
    -----
    A similarity that is a product is linear in the scaled reference, so that participants' scaled references are
    averaged before they are rearranged. Whichever side has fewer RDMs is rearranged.
    """
    if design.parts:
        return _by_parts(design, lambda part: rearranged(part, rows))
    read = design.read
    if not design.kernel.travels:
        return _anew(design, rows)
    people = read.layers.shape[1]
    layers, references = design.units
    references = references if people > 1 else references.mean(axis=1, keepdims=True)
    k, m = len(layers), len(references)
    null = np.zeros((k, m, len(rows)))
    with bar(len(rows) * min(k, m) * people, "permutations", design.progress, unit="perm") as shown:
        for p in range(people):
            one, other = _of(layers, p), _of(references, p)
            if m <= k:
                null += np.stack([permuted(one, target, rows, shown.update) for target in other], axis=1)
            else:
                back = np.argsort(rows, axis=1)
                null += np.stack([permuted(other, target, back, shown.update) for target in one])
    return np.asarray(null / people)


def drawn(design: Design, n_bootstraps: int, rng: np.random.Generator, mix: Mix = np.asarray) -> Bootstrap:
    """Compare again in bootstrap samples.

    Parameters
    ----------
    design : Design
        What is compared, and what is resampled.
    n_bootstraps : int
        How many samples.
    rng : numpy.random.Generator
        Source of the draws.
    mix : callable
        What is made of the similarities (layer, cell, ...), linear in them: differences, or nothing.

    Returns
    -------
    Bootstrap
        Values, and what they were taken from.

    Raises
    ------
    ArgumentError
        If too many samples leave nothing to compare, or there are too few participants to draw from.
    """
    return RESAMPLES[design.resample](design, n_bootstraps, rng, mix)


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


def drawn_of(design: Design) -> dict[str, int]:
    """Count what a bootstrap sample draws.

    Parameters
    ----------
    design : Design
        What is drawn, and how.

    Returns
    -------
    dict
        `n` images, or groups that stay together, and in how many `strata`.
    """
    return stats.drawn_units(len(design.free), **design.scheme)


def drawn_images(design: Design, n_bootstraps: int, rng: np.random.Generator) -> Array:
    """Draw images; patterns that frame them stand once in every sample.

    Parameters
    ----------
    design : Design
        What is drawn, and how.
    n_bootstraps : int
        How many samples.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    array (draw, n)
        How often each image stands in each sample.
    """
    counts = np.ones((n_bootstraps, len(design.read.names)), dtype=np.int64)
    counts[:, design.free] = stats.bootstrap_counts(len(design.free), n_bootstraps, rng=rng, **design.scheme)
    return counts


def exchanged_images(design: Design, n_permutations: int, rng: np.random.Generator) -> tuple[Array, bool]:
    """Rearrange images; patterns that frame them keep their place.

    Parameters
    ----------
    design : Design
        What changes places.
    n_permutations : int
        How many rearrangements.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    array (permutation, n)
        Which image takes each image's place.
    bool
        Whether these are all.
    """
    moved, exact = stats.permutations(len(design.free), n_permutations, rng=rng, **design.scheme)
    rows = np.tile(np.arange(len(design.read.names)), (len(moved), 1))
    rows[:, design.free] = design.free[moved]
    return rows, exact


def counted(design: Design, counts: Array) -> Array:
    """Compare again in given bootstrap samples of images.

    Parameters
    ----------
    design : Design
        What is compared.
    counts : array (draw, n)
        How often each image stands in each sample.

    Returns
    -------
    array (layer, cell, participant or 1, draw)
        Similarities.
    """
    if design.parts:
        return _by_parts(design, lambda part: counted(part, counts))
    read = design.read
    k, m = len(read.layers), len(read.references)
    people = max(read.layers.shape[1], read.references.shape[1])
    apart = read.layers.shape[1] > 1  # participants' own layers: one at a time
    out = np.empty((k, m, people, len(counts)))
    with bar(len(counts) * (people if apart else 1), "bootstrap", design.progress, unit="sample") as shown:
        for p in range(people if apart else 1):
            others = _of(read.references, p) if apart else read.references.reshape(-1, read.references.shape[-1])
            pairs = [(i, k + j) for i in range(k) for j in range(len(others))]
            both = np.concatenate([_of(read.layers, p), others])
            values = design.kernel.similar(both, pairs, counts, tick=shown.update)
            out[:, :, slice(p, p + 1) if apart else slice(None)] = values.reshape(k, m, -1, len(counts))
    return out


def _images(design: Design, n_bootstraps: int, rng: np.random.Generator, mix: Mix) -> Bootstrap:
    counts = drawn_images(design, n_bootstraps, rng)
    return Bootstrap(mix(counted(design, counts)).mean(axis=2), np.empty(0), counts)


def _rdms(design: Design, n_bootstraps: int, rng: np.random.Generator, mix: Mix) -> Bootstrap:
    values = mix(estimated(design))
    people = _draw_people(values.shape[-1], n_bootstraps, rng)
    return Bootstrap(values @ people.T, np.empty(0), np.empty((0, len(design.read.names))))


def _both(design: Design, n_bootstraps: int, rng: np.random.Generator, mix: Mix) -> Bootstrap:
    """Draw images and participants, and images alone and participants alone for the correction."""
    if n_bootstraps < FEWEST_DRAWS:
        rule = f"be 0, or at least {FEWEST_DRAWS} for a standard error"
        raise ArgumentError(advice("n_bootstraps", rule, n_bootstraps))
    counts = drawn_images(design, n_bootstraps, rng)
    values = stats.enough(mix(counted(design, counts)))
    n_rdms = values.shape[2]
    people = _draw_people(n_rdms, n_bootstraps, rng)[: values.shape[-1]]
    both = np.einsum("kmpd,dp->kmd", values, people)
    alone = mix(estimated(design)) @ people.T
    variances = [np.nanvar(draws, axis=-1, ddof=1) for draws in (both, alone, values.mean(axis=2))]
    drawn_by = drawn_of(design)
    sizes = {"n_rdms": n_rdms, "n_images": drawn_by["n"] - drawn_by["strata"] + 1}
    error, degrees = np.sqrt(stats.two_factor(*variances, **sizes)), stats.two_factor_degrees(*variances, **sizes)
    return Bootstrap(both, error, counts, degrees)


RESAMPLES: dict[str, Callable[[Design, int, np.random.Generator, Mix], Bootstrap]] = {
    "images": _images,
    "rdms": _rdms,
    "both": _both,
}


def _draw_people(n: int, n_bootstraps: int, rng: np.random.Generator) -> Array:
    """Share of each participant in each sample (draw, participant)."""
    return rng.multinomial(n, np.full(n, 1 / n), size=n_bootstraps) / n


def _anew(design: Design, rows: Array) -> Array:
    """Rearrange images of the layers, and compare from the start."""
    read, n = design.read, rows.shape[1]
    lookup = filled(np.arange(n * (n - 1) // 2), n)
    people = max(read.layers.shape[1], read.references.shape[1])
    null = np.empty((len(read.layers), len(read.references), len(rows)))
    with bar(len(rows), "permutations", design.progress, unit="perm") as shown:
        for k, row in enumerate(np.argsort(rows, axis=1)):
            places = upper(lookup[np.ix_(row, row)])
            null[..., k] = np.mean(
                [
                    similarities(design.kernel, _of(read.layers, p)[:, places], _of(read.references, p))
                    for p in range(people)
                ],
                axis=0,
            )
            shown.update(1)
    return null


def _of(side: Array, participant: int) -> Array:
    """Take the RDMs of one participant; those of a side without participants are everybody's."""
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
