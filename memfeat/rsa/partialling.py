"""Correlations of RDMs with what control RDMs explain taken out."""

from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import guards, stats
from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat._labels import LAYER, stamped
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.comparison import CORRECTIONS
from memfeat.rsa.correlated import CORRELATIONS, Correlated
from memfeat.rsa.explained import ExplainedOptions, Samples, bootstrapped, samples_of, with_participants
from memfeat.rsa.intervals import WORDS
from memfeat.rsa.people import IMAGES, RDMS
from memfeat.rsa.reading import Read, finite, read, stacked

__all__ = ["partial"]

Array = npt.NDArray[Any]
#: What p of a partial correlation says is not there.
NULL = "the mean partial correlation over the population of participants is 0 (random effects)"


def partial(
    rdms: xr.Dataset,
    ref: xr.Dataset,
    controls: xr.Dataset | list[xr.Dataset],
    *,
    method: str = "spearman",
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[ExplainedOptions],
) -> xr.Dataset:
    """Compare the RDM of each layer with a reference, with what control RDMs explain taken out of both.

    Over images there is an interval and no p-value: the partial correlation removes only what controls explain linearly
    (in ranks, for Spearman) at the level of pairs. It is no test of conditional independence, and rearranging images
    would reject too often where a confounder drives both sides. Where the control is one number per image,
    :func:`adjusted` tests.

    Over participants, `resample="rdms"`, there is one. Null hypothesis: over the population of participants the mean
    partial correlation is 0, for the images that were shown. Unit: the participant. What controls leave of a
    confounder, because it is not linear or was measured with noise, counts here as agreement, too.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs. With a dim `participant` they meet the reference of the same participant.
    ref : Dataset (layer, pair)
        One RDM of the same images; `participant` and further dims as in :func:`compare`.
    controls : Dataset (layer, pair) or list of Dataset
        RDMs whose share is taken out, all at once; each layer of each Dataset is one.
    method : {"spearman", "pearson"}
        Which correlation.
    n_bootstraps : int
        Bootstrap samples of images for the interval over images. 0 gives no such interval.
    rng : int or numpy.random.Generator
        Seed or source of the draws.
    **options : resample, blocks, permute, progress
        `resample`: "images" (default) or "rdms" (participants), what the results hold for others of. `blocks` and
        `permute` say how images are drawn, see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (layer, ...)
        `estimate` (mean over participants), `ci_low`, `ci_high` (95 %: expanded percentile bootstrap over images, or
        Student's t over participants), `plain`, the correlation without controls, `n` images. With participants also
        `by_participant (layer, ..., participant)`, which :func:`cluster` tests along time. With `resample="rdms"` also
        `p` (Student's t, two-sided), `p_corrected` (Holm, over all layers and further dims) and `p_fdr`
        (Benjamini-Hochberg over the same).

    Raises
    ------
    KindError, ArgumentError
        As :func:`compare` does; if controls repeat each other, or leave nothing of a layer or of the reference; with
        `resample="rdms"` if there are fewer than two participants, or blocks, which say how images are drawn.

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    With r the correlations of layer a, reference b and controls C, in the same (bootstrap) sample:
    (rₐ♭ − rₐᶜ R⁻¹ rᶜ♭) / √((1 − rₐᶜ R⁻¹ rᶜₐ) (1 − r♭ᶜ R⁻¹ rᶜ♭)), R the correlations of the controls.

    Examples
    --------
    >>> import pandas as pd
    >>> from memfeat import rdm
    >>> scores = pd.Series([9, 5, 6, 8, 7, 1, 4, 3], index=list("abcdefgh"))
    >>> kinds = ("nearest", "min_rank", "max_rank")
    >>> nearest, low, high = (rdm.from_scores(scores, kind=kind) for kind in kinds)
    >>> result = partial(nearest, low, [high], n_bootstraps=0)
    >>> float(result.plain[0].round(3)), float(result.estimate[0].round(3))
    (0.606, 0.932)
    """
    one_of("method", method, CORRELATIONS)
    known_options(options, ExplainedOptions)
    random, seed = generator(rng)
    sides = read(rdms, ref)
    given = [controls] if isinstance(controls, xr.Dataset) else controls
    if not isinstance(given, list | tuple) or not given:
        raise KindError(advice("controls", "be RDMs or a list of them", listed(type(controls).__name__)))
    named = [stacked(one, f"controls[{k}]", sides.names) for k, one in enumerate(given)]
    names, taken = [name for one, _ in named for name in one], np.concatenate([values for _, values in named])
    cautions = guards.related(rdms.attrs, ref.attrs, "rdms")
    finite(sides.layers, sides.coords[LAYER].values, "rdms")
    finite(sides.references, [sides.reference] * len(sides.references), "ref")
    count("n_bootstraps", n_bootstraps, least=0)
    samples = samples_of(sides, options, bootstrapped(n_bootstraps, random), WORDS[IMAGES, "percentile"])
    left, plain = _without(sides, taken, method, samples.counts, options.get("progress"))
    result = _left_and_plain(sides, left, plain, samples)
    tested = samples.resample == RDMS
    return stamped(
        result,
        rdms.attrs,
        method=f"partial RSA, {method}",
        metric=rdms.attrs.get("metric"),
        reference=sides.reference,
        controls=names,
        null=NULL if tested else None,
        test="t" if tested else None,
        correction=CORRECTIONS[RDMS] if tested else None,
        n_bootstraps=len(samples.counts) - 1,
        seed=seed,
        **samples.recorded,
        **cautions,
    )


def _without(sides: Read, controls: Array, method: str, counts: Array, progress: bool | None) -> tuple[Array, Array]:
    """Correlate without controls, and plainly (layer, cell, participant or 1, data and then draws)."""
    cells, people, size = sides.references.shape
    own = sides.layers.shape[1] > 1
    # participants' own layers meet their own references alone; those of all meet everybody's in one pass
    if own:
        parts = [
            (sides.layers[:, p], sides.references[:, p if people > 1 else 0]) for p in range(sides.layers.shape[1])
        ]
    else:
        parts = [(sides.layers[:, 0], sides.references.reshape(-1, size))]
    found = []
    for layers, references in parts:
        group = Correlated(
            method, np.concatenate([layers, references, controls]), (len(layers), len(references), len(controls))
        )
        one = group.without(counts, progress)
        _left_over(one[0][..., 0])
        found.append([values.reshape(len(layers), cells, -1, len(counts)) for values in one])
    left, plain = (np.concatenate(values, axis=2) for values in zip(*found, strict=True))
    return left, plain


def _left_and_plain(sides: Read, left: Array, plain: Array, samples: Samples) -> xr.Dataset:
    """Put labels to partial and plain correlations (layer, cell, participant or 1, data and then draws)."""
    table = samples.interval(left) | {"plain": plain[..., 0].mean(axis=2)}
    if samples.resample == RDMS:
        each = left[..., 0].reshape(-1, left.shape[2])
        # Student's t draws nothing
        found = stats.across(each, test="t", n_permutations=0, rng=np.random.default_rng(0))
        found["p_fdr"] = stats.fdr(found["p"])
        table |= {name: found[name].reshape(left.shape[:2]) for name in ("p", "p_corrected", "p_fdr")}
    columns: dict[str, Any] = {name: (sides.dims, sides.shaped(values)) for name, values in table.items()}
    columns["n"] = (LAYER, np.full(len(left), len(sides.names)))
    return with_participants(xr.Dataset(columns, coords=sides.coords), sides, left, sides.dims)


def _left_over(estimate: Array) -> None:
    if not np.isfinite(estimate).all():
        remedy = "Leave out the control that is the same as a layer or as the reference."
        found = listed("RDMs of which they leave nothing")
        raise ArgumentError(advice("controls", "leave something of layers and reference", found, remedy))
