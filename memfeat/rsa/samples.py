"""Similarities of all layers with all references, of rearranged data and of bootstrap samples."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat import stats
from memfeat._check import advice
from memfeat._pairs import filled, upper
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.rsa.design import Design, by_parts, estimated, rdms_of
from memfeat.rsa.similarity import permuted, similarities

__all__ = [
    "RESAMPLES",
    "Bootstrap",
    "counted",
    "drawn",
    "drawn_images",
    "drawn_of",
    "exchanged_images",
    "rearranged",
]

Array = npt.NDArray[Any]
Mix = Callable[[Array], Array]
#: The fewest samples that have a variance.
FEWEST_DRAWS = 2


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
        return by_parts(design, lambda part: rearranged(part, rows))
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
            one, other = rdms_of(layers, p), rdms_of(references, p)
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
        return by_parts(design, lambda part: counted(part, counts))
    read = design.read
    k, m = len(read.layers), len(read.references)
    people = max(read.layers.shape[1], read.references.shape[1])
    apart = read.layers.shape[1] > 1  # participants' own layers: one at a time
    out = np.empty((k, m, people, len(counts)))
    with bar(len(counts) * (people if apart else 1), "bootstrap", design.progress, unit="sample") as shown:
        for p in range(people if apart else 1):
            others = rdms_of(read.references, p) if apart else read.references.reshape(-1, read.references.shape[-1])
            pairs = [(i, k + j) for i in range(k) for j in range(len(others))]
            both = np.concatenate([rdms_of(read.layers, p), others])
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
                    similarities(design.kernel, rdms_of(read.layers, p)[:, places], rdms_of(read.references, p))
                    for p in range(people)
                ],
                axis=0,
            )
            shown.update(1)
    return null
