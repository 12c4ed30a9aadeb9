"""RDMs against a reference: estimates, intervals and permutation tests, with labels."""

from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import guards, stats
from memfeat._check import advice, count, generator, listed, one_of
from memfeat._labels import IMAGE, LAYER, image_names, matched, stamped
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.similarity import METHODS, Method, permuted
from memfeat.stats.exchange import units

__all__ = ["compare"]

Array = npt.NDArray[Any]
PAIR = "pair"
COLUMNS = ("estimate", "ci_low", "ci_high", "p", "p_corrected", "p_fdr")


def compare(
    rdms: xr.Dataset,
    ref: xr.Dataset,
    *,
    method: str = "spearman",
    n_permutations: int = 9_999,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **exchange: Unpack[stats.Exchange],
) -> xr.Dataset:
    """Compare the RDM of each layer with a reference RDM.

    Null hypothesis: which image is which in the reference has nothing to do with which image is which in the layers.
    Unit of exchange: the image (rows and columns of the reference change places together, Mantel's test), or what
    `permute` names.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs, as :func:`memfeat.rdm.compute` gives them.
    ref : Dataset (layer, pair)
        One RDM of the same images, in any order: a model RDM, or that of a brain region or another layer.
    method : {"spearman", "pearson", "cosine"}
        How two RDMs are compared, over pairs of images; Spearman gives ties their mean rank.
    n_permutations : int
        Rearrangements of images for the p-values. If there are no more than this, all are used and p is exact. 0 gives
        no p-values.
    n_bootstraps : int
        Bootstrap samples of images for the interval. 0 gives no interval.
    rng : int or numpy.random.Generator
        Seed or source of the draws.
    **exchange : blocks, permute, alternative
        `blocks` is a DataArray (image) or Series with the group of each image (category, scene, participant) and then
        `permute` must be named: "free", "within" or "whole". The bootstrap follows the same scheme. `alternative` is
        "two-sided" (default: a reference may also turn out to be opposite), "greater" or "less".

    Returns
    -------
    Dataset (layer)
        `estimate`, `ci_low` and `ci_high` (95 % percentile bootstrap over images), `p`, `p_corrected` (largest
        statistic over layers under the same rearrangements), `p_fdr` (Benjamini-Hochberg over layers), `n` images.

    Raises
    ------
    KindError
        If these are no RDMs, or a number is no whole number.
    UnknownNameError
        If an option of `exchange` is unknown.
    ArgumentError
        If images differ, there are fewer than 4, an RDM holds NaN or is constant, `ref` has more than one layer, or
        blocks come without a scheme.

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    The similarity of RDMs is Σ aᵢⱼ bᵢⱼ over pairs i < j, where a and b are the dissimilarities (cosine), less their
    mean (pearson), or their mid-ranks less the mean (spearman), scaled to length 1. Ranks do not change when images
    are rearranged, so they are taken once. In a bootstrap sample in which image i stands cᵢ times, a pair of different
    images weighs cᵢcⱼ and pairs of an image with itself are left out; Spearman takes weighted mid-ranks. The interval
    describes other images from the same source, not other networks or participants.

    References
    ----------
    Mantel N (1967). The detection of disease clustering and a generalized regression approach. Cancer Research
    27:209-220.
    Nili H, Wingfield C, Walther A, Su L, Marslen-Wilson W, Kriegeskorte N (2014). A toolbox for representational
    similarity analysis. PLoS Computational Biology 10:e1003553.

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
    kernel = METHODS[one_of("method", method, METHODS)]
    count("n_permutations", n_permutations, least=0)
    count("n_bootstraps", n_bootstraps, least=0)
    random, seed = generator(rng)
    layers, reference = _read(rdms, ref)
    cautions = guards.related(rdms.attrs, ref.attrs, "rdms")
    exchanged = units(exchange, to=layers[IMAGE], alternative="two-sided")
    n = layers.sizes[IMAGE]
    data, target = _normalised(kernel, layers, "rdms"), _normalised(kernel, reference, "ref")[0]
    table = {"estimate": data @ target}
    exact = False
    if n_permutations:
        rows, exact = stats.permutations(n, n_permutations, rng=random, **exchanged.scheme)
        table |= _p_values(table["estimate"], permuted(data, target, rows), exact, exchanged.alternative)
    if n_bootstraps:
        counts = stats.bootstrap_counts(n, n_bootstraps, rng=random, **exchanged.scheme)
        draws = kernel.resampled(layers["rdm"].values, reference["rdm"].values[0], counts)
        table["ci_low"], table["ci_high"] = stats.interval(draws)
    return stamped(
        _result(table, layers),
        rdms.attrs,
        method=f"RSA, {method}",
        metric=rdms.attrs.get("metric"),
        reference=str(reference[LAYER].values[0]),
        null="which image is which in the reference is unrelated to the layers (Mantel)",
        **exchanged.recorded,
        n_permutations=n_permutations,
        exact=exact,
        correction="p_corrected: max-statistic over layers; p_fdr: Benjamini-Hochberg over layers",
        n_bootstraps=n_bootstraps,
        interval="percentile bootstrap over images, 95 %",
        seed=seed,
        **cautions,
    )


def _p_values(estimate: Array, null: Array, exact: bool, alternative: str) -> dict[str, Array]:
    p = stats.p_value(estimate, null, exact=exact, alternative=alternative)
    corrected = stats.max_statistic(estimate, null, exact=exact, alternative=alternative)
    return {"p": p, "p_corrected": corrected, "p_fdr": stats.fdr(p)}


def _result(table: dict[str, Array], layers: xr.Dataset) -> xr.Dataset:
    """Put labels to the numbers; what was not asked for is NaN."""
    unknown = np.full(layers.sizes[LAYER], np.nan)
    columns = {name: (LAYER, table.get(name, unknown)) for name in COLUMNS}
    columns["n"] = (LAYER, np.full(layers.sizes[LAYER], layers.sizes[IMAGE]))
    return xr.Dataset(columns, coords={name: c for name, c in layers.coords.items() if c.dims == (LAYER,)})


def _normalised(kernel: Method, rdms: xr.Dataset, argument: str) -> Array:
    """Scale each RDM so that a product of two is their similarity."""
    units = np.empty(rdms["rdm"].shape)
    for unit, vector, name in zip(units, rdms["rdm"].values, rdms[LAYER].values, strict=True):
        if not np.isfinite(vector).all():
            found = listed(f"NaN or infinity in layer {str(name)!r}")
            raise ArgumentError(
                advice(argument, "be finite for every pair of images", found, "Drop those images first.")
            )
        unit[:] = kernel.scaled(vector)
        if not np.isfinite(unit).all():
            found = listed(f"layer {str(name)!r}, whose dissimilarities are all {float(vector[0])!r}")
            raise ArgumentError(advice(argument, "differ between pairs of images", found, "Leave that layer out."))
    return units


def _read(rdms: Any, ref: Any) -> tuple[xr.Dataset, xr.Dataset]:
    """Check both, and bring images and pairs into the order of image names."""
    for argument, given in (("rdms", rdms), ("ref", ref)):
        _check_form(given, argument)
    matched(ref[IMAGE], rdms[IMAGE], argument="ref", reference="rdms")
    layers, reference = _in_name_order(rdms), _in_name_order(ref)
    if layers.sizes[IMAGE] < 4:
        raise ArgumentError(advice("rdms", "hold at least 4 images", layers.sizes[IMAGE]))
    if reference.sizes[LAYER] != 1:
        found = listed(f"layers {listed.of(reference[LAYER].values)}")
        raise ArgumentError(advice("ref", "hold one RDM", found, "Choose one: ref.sel(layer=[name])."))
    return layers, reference


def _check_form(given: Any, argument: str) -> None:
    if not isinstance(given, xr.Dataset) or not {"rdm", "first", "second"} <= set(given.variables):
        remedy = "Make one with mf.rdm.compute, mf.rdm.from_scores or mf.rdm.from_categories."
        raise KindError(advice(argument, "be a Dataset of RDMs", listed(type(given).__name__), remedy))
    image_names(given, argument)
    if not {PAIR} <= set(given["rdm"].dims) <= {LAYER, PAIR}:
        found = listed(f"dims {tuple(map(str, given['rdm'].dims))}")
        raise ArgumentError(
            advice(argument, "have dims 'layer' and 'pair' alone", found, "Choose one along the others.")
        )


def _in_name_order(rdms: xr.Dataset) -> xr.Dataset:
    """Sort images by name, pairs row by row, whatever their order was."""
    rdm = rdms["rdm"] if LAYER in rdms["rdm"].dims else rdms["rdm"].expand_dims(LAYER)
    rdm = rdm.assign_coords({LAYER: rdm.coords.get(LAYER, np.array(["rdm"], dtype=object))}).transpose(LAYER, PAIR)
    names = rdms[IMAGE].values.astype(str)
    place = np.argsort(np.argsort(names, kind="stable"))
    ends = np.sort([place[rdms["first"].values], place[rdms["second"].values]], axis=0)
    slot = ends[0] * len(names) - ends[0] * (ends[0] + 1) // 2 + ends[1] - ends[0] - 1
    values = np.full((rdm.sizes[LAYER], len(names) * (len(names) - 1) // 2), np.nan)
    values[:, slot] = rdm.values
    kept = {name: c for name, c in rdm.coords.items() if c.dims == (LAYER,)}
    return xr.Dataset({"rdm": ((LAYER, PAIR), values)}, coords=kept | {IMAGE: (IMAGE, np.sort(names).astype(object))})
