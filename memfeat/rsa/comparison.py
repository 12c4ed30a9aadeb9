"""RDMs against a reference: estimates, intervals, tests and noise ceilings, with labels."""

from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import guards
from memfeat._check import count, generator
from memfeat._labels import IMAGE, LAYER, stamped
from memfeat.rsa.bounds import noise_bounds, noise_words
from memfeat.rsa.design import Design, centred, designed, estimated
from memfeat.rsa.framing import framing
from memfeat.rsa.intervals import NULLS, WORDS, Evidence, limits, p_values
from memfeat.rsa.leaving import jackknifed
from memfeat.rsa.options import WHITENING, Options, Plan, chosen, kernel_for, whitening_allowed
from memfeat.rsa.reading import PARTICIPANT, Read, read
from memfeat.rsa.samples import drawn
from memfeat.stats.exchange import units

__all__ = ["compare", "images_of"]

Array = npt.NDArray[Any]
#: What some results hold besides.
BESIDES = ("bias", "corrected", "chance")
COLUMNS = ("estimate", "ci_low", "ci_high", "p", "p_corrected", "p_fdr")
CORRECTIONS = {
    "images": "p_corrected: max-statistic over all comparisons; p_fdr: Benjamini-Hochberg over them",
    "rdms": "p_corrected: Holm over all comparisons; p_fdr: Benjamini-Hochberg over them",
    "both": "p_corrected: Holm over all comparisons; p_fdr: Benjamini-Hochberg over them",
}


def compare(
    rdms: xr.Dataset,
    ref: xr.Dataset,
    *,
    method: str = "spearman",
    n_permutations: int = 9_999,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[Options],
) -> xr.Dataset:
    """Compare the RDM of each layer with a reference RDM.

    Null hypothesis and unit, by what is resampled:

    - `resample="images"` (default): which image is which in the reference has nothing to do with which image is which
      in the layers. Unit of exchange: the image (rows and columns of the reference change places together, Mantel's
      test), or what `permute` names. Participants are those measured.
    - `resample="rdms"`: over the population of participants the mean similarity is 0. Unit: the participant. Images are
      those shown.
    - `resample="both"`: over the populations of participants and of images the mean similarity is 0.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs, as :func:`memfeat.rdm.compute` gives them. With a dim `participant` (each one's own model, for example)
        they meet the reference of the same participant.
    ref : Dataset (layer, pair)
        One RDM of the same images, in any order: a model RDM, or that of a brain region or another layer. `participant`
        may be a further dim, and so may others (`roi`, `time`), which the result then has too.
    method : {"spearman", "pearson", "cosine", "kendall", "rho-a", "whitened_pearson", "whitened_cosine"}
        How two RDMs are compared, over pairs of images; see Notes. Whitened ones want squared distances on both sides.
    n_permutations : int
        Rearrangements of images (or signs of participants) for the p-values. If there are no more than this, all are
        used and p is exact. 0 gives no such p-values.
    n_bootstraps : int
        Bootstrap samples for the interval, if it is one of those; else only of noise bounds. 0 gives no such interval.
    rng : int or numpy.random.Generator
        Seed or source of the draws.
    **options : resample, interval, test, reliability, noise_interval, noise_cov, progress, blocks, permute, alternative
        `resample`: "images", "rdms" (participants) or "both", what the results hold for others of. `interval`:
        "percentile" (images; whitened methods "jackknife"), "bca" or "t" (rdms, both); percentiles of participants from
        20 on. `test`, across
        participants (rdms): "t", "wilcoxon" or "signs" (sign flips). `reliability`, for a reference made of scores:
        RDMs of both halves along a dim `half` (and of several splits along `split`), as `mf.rdm.from_scores` makes them
        of `mf.scores.halves`, or {"split_half": r} or {"spearman_brown": r} of RDMs, not of scores. `noise_interval`:
        whether noise bounds get intervals. `noise_cov`: variances
        (image) or covariance (image, image_2) of the images' noise for whitened methods, the identity by default.
        `blocks` is a DataArray (image) or Series with the group of each image (category, scene, participant) and then
        `permute` must be named: "free", "within" or "whole"; the bootstrap follows the same scheme. `alternative` is
        "two-sided" (default: a reference may also turn out to be opposite), "greater" or "less".

    Returns
    -------
    Dataset (layer, ...)
        `estimate` (mean over participants), `ci_low` and `ci_high` (95 %), `p`, `p_corrected` (over all layers and
        further dims: largest statistic under the same rearrangements, or Holm), `p_fdr` (Benjamini-Hochberg over the
        same), `n` images. Whitened methods also give, over images or both, `bias`, by how much `estimate` is expected
        to exceed its value for very many images, and `corrected`, the estimate less the bias, which the interval is
        about. Cosines and framed RDMs also give `chance`, the mean over rearrangements. If pairs are missing,
        `n_pairs`: how many both RDMs have, of the participant with fewest. With participants also `by_participant
        (layer, ..., participant)`. With several participants' references `noise_lower` and `noise_upper (...)`: mean
        agreement with the average RDM of the others, and of all; with `ci_low` and `ci_high` of each over images. With
        `reliability` `noise_upper` alone, and if that holds RDMs of halves its interval, over images and splits.

    Raises
    ------
    KindError
        If these are no RDMs, or a number is no whole number.
    UnknownNameError
        If an option is unknown.
    ArgumentError
        If images or participants differ, there are fewer than 4 images, an RDM is infinite or constant, pairs are
        missing that a whitened method needs, or two RDMs share too few, `ref` has more than one layer, a choice is
        unknown or does not go with another, blocks come without a scheme, there are too few participants, or more than
        1 % of the bootstrap samples leave nothing to compare.

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    The similarity of RDMs is Σ aᵢⱼ bᵢⱼ over pairs i < j, where a and b are the dissimilarities (cosine), less their
    mean (pearson), or their mid-ranks less the mean (spearman), scaled to length 1. rho-a is the same of ranks without
    correction for ties, 12 Σ ab / (m³ − m) for m pairs; kendall is τ-a, concordant less discordant pairs of pairs over
    all of them: both fit references that predict ties. Whitened ones are aᵀV⁻¹b, scaled likewise, with V the covariance
    of squared distances whose patterns have noise covariance Σ; for features of networks Σ = I is a convention.
    The whitened cosine of squared Euclidean RDMs is linear CKA.

    Ranks do not change when images are rearranged, so they are taken once; kendall, and whitening with `noise_cov`, are
    computed anew, and slow. In a bootstrap sample in which image i stands cᵢ times, a pair of different images weighs
    cᵢcⱼ and pairs of an image with itself are left out; Spearman takes weighted mid-ranks. Percentiles are expanded
    ones (:func:`memfeat.stats.expanded`), which make up for how much narrower than Student's the plain ones are. The
    interval over images describes other images from the same source, not other networks or participants. Whitened
    cosines of few images are larger than those of many, the more so the more dimensions there are; the jackknife
    estimates by how much, and its interval, of bias-corrected estimate ± t times standard error, is their default. The
    estimate itself is left as it is, and may lie outside.

    `resample="both"` draws images and participants, which counts noise three times; the standard error is corrected by
    bootstraps of each alone, 2 (V of rdms + V of images) − V of both, with a correction for small numbers. Degrees of
    freedom are Satterthwaite's: between those of the smaller sample, if it makes all the error, and those of both.

    Pairs that are missing (NaN) are left out of each comparison for itself, so that a layer scores the same whatever
    the others lack. Such comparisons are taken pair by pair, which is slow. There are then no noise bounds of
    references that lack pairs.

    Noise bounds average the RDMs that agree best under the method: scaled (cosine), z-scored (pearson) or ranked ones.
    √(2r / (1 + r)) from halves of scores is an approximation from classical test theory.

    References
    ----------
    Mantel N (1967). The detection of disease clustering and a generalized regression approach. Cancer Research
    27:209-220.
    Nili H, Wingfield C, Walther A, Su L, Marslen-Wilson W, Kriegeskorte N (2014). A toolbox for representational
    similarity analysis. PLoS Computational Biology 10:e1003553.
    Diedrichsen J, Berlot E, Mur M, Schütt HH, Shahbazi M, Kriegeskorte N (2021). Comparing representational geometries
    using whitened unbiased-distance-matrix similarity. Neurons, Behavior, Data analysis, and Theory 5(3).
    Schütt HH, Kipnis AD, Diedrichsen J, Kriegeskorte N (2023). Statistical inference on representational geometries.
    eLife 12:e82566.
    Satterthwaite FE (1946). An approximate distribution of estimates of variance components. Biometrics Bulletin
    2:110-114.

    Examples
    --------
    >>> import pandas as pd
    >>> from memfeat import rdm
    >>> scores = pd.Series([0.9, 0.5, 0.6, 0.8, 0.7], index=list("abcde"))
    >>> nearest = rdm.from_scores(scores, kind="nearest")
    >>> result = compare(nearest, nearest, n_bootstraps=0)
    >>> float(result.estimate[0].round(6)), round(float(result.p[0]) * 120)  # itself, and its mirror image
    (1.0, 2)
    """
    plan = chosen(options, method)
    count("n_permutations", n_permutations, least=0)
    count("n_bootstraps", n_bootstraps, least=0)
    random, seed = generator(rng)
    sides = read(rdms, ref)
    whitening_allowed(method, rdms, ref)
    kernel = kernel_for(method, plan.noise_cov, sides.names, n_bootstraps)
    cautions = guards.related(rdms.attrs, ref.attrs, "rdms")
    exchanged = units(plan.exchange, to=images_of(sides), alternative="two-sided")
    design = designed(sides, kernel, scheme=exchanged.scheme, resample=plan.resample, progress=plan.progress)
    values = estimated(design)
    # permutations are drawn before bootstrap samples, so that either number can change alone
    found = Evidence(design, plan, values, None, method, n_permutations, n_bootstraps, random, exchanged.alternative)
    table: dict[str, Any] = p_values(found) if plan.resample != "both" else {}
    if n_bootstraps and (plan.interval == "jackknife" or (plan.resample == "both" and method in WHITENING)):
        found = found._replace(left=jackknifed(design, values.mean(axis=-1), np.asarray))
    if n_bootstraps and plan.interval != "jackknife":
        found = found._replace(bootstrap=drawn(design, n_bootstraps, random))
        table |= p_values(found) if plan.resample == "both" else {}
    table |= {"estimate": values.mean(axis=-1)} | limits(found)
    result = _result(table, design, values).assign(noise_bounds(found))
    return stamped(
        result,
        rdms.attrs,
        method=f"RSA, {method}",
        metric=rdms.attrs.get("metric"),
        reference=sides.reference,
        resample=plan.resample,
        null=NULLS[plan.resample],
        test=plan.test if plan.resample == "rdms" else None,
        **exchanged.recorded,
        baseline=None if centred(design) else "above 0 without any relation; two-sided p compare with `chance`",
        n_permutations=n_permutations,
        exact=bool(table.get("exact", False)),
        correction=_correction(plan),
        n_bootstraps=n_bootstraps,
        interval=WORDS[plan.resample, plan.interval],
        n_participants=len(sides.participants) or None,
        noise=noise_words(plan, sides),
        seed=seed,
        **cautions,
    )


def images_of(sides: Read) -> xr.DataArray:
    """Give the images as labelled data, for what must be matched with them; patterns that frame them are none."""
    names = sides.names[~framing(sides.names)]
    return xr.DataArray(names, dims=IMAGE, coords={IMAGE: names})


def _result(table: dict[str, Any], design: Design, values: Array) -> xr.Dataset:
    """Put labels to the numbers; what was not asked for is NaN."""
    sides = design.read
    unknown = np.full(values.shape[:2], np.nan)
    columns: dict[str, Any] = {name: (sides.dims, sides.shaped(table.get(name, unknown))) for name in COLUMNS}
    columns |= {name: (sides.dims, sides.shaped(table[name])) for name in BESIDES if name in table}
    columns["n"] = (LAYER, np.full(len(sides.layers), len(sides.names)))
    if design.parts:
        columns["n_pairs"] = (sides.dims, sides.shaped(_shared(sides)))
    coords = dict(sides.coords)
    if len(sides.participants):
        columns["by_participant"] = ((*sides.dims, PARTICIPANT), sides.shaped(values))
        coords[PARTICIPANT] = (PARTICIPANT, sides.participants)
    return xr.Dataset(columns, coords=coords)


def _shared(sides: Read) -> Array:
    """Count the pairs that each layer and reference both have (layer, cell), of the participant with fewest."""
    layers, references = (np.isfinite(side).astype(np.float64) for side in (sides.layers, sides.references))
    shape = np.broadcast_shapes(layers.shape[1:], references.shape[1:])
    both = (np.broadcast_to(side, (len(side), *shape)) for side in (layers, references))
    return np.asarray(np.einsum("kpi,mpi->kmp", *both).min(axis=-1), dtype=np.int64)


def _correction(plan: Plan) -> str:
    if plan.resample == "rdms" and plan.test == "signs":
        return CORRECTIONS["images"]
    return CORRECTIONS[plan.resample]
