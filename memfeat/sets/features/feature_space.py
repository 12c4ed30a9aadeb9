"""Do two sets differ in the feature space of a network? Layer by layer, with labels."""

from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import count, generator, known_options, one_of
from memfeat._labels import LAYER, layer_names, stamped
from memfeat._progress import bar
from memfeat._tables import texts
from memfeat.sets.features.design import Design, Plan, design_of, plan_of
from memfeat.sets.features.layering import STATISTICS, Layer, n_steps, on_layer
from memfeat.sets.features.neighbourhoods import OVERLAPS
from memfeat.sets.features.pooling import Pool, pool_of

__all__ = ["FeatureOptions", "compare_features"]

Array = npt.NDArray[np.float64]
#: What is computed unless told.
USUAL = ("mmd", "energy", "classifier", "neighbours", "frechet")
CONTRAST = "contrast"
NULL = (
    "in this layer images of the two sets are exchangeable: both were drawn from one distribution; p_corrected: in "
    "every layer"
)
CORRECTION = (
    "over layers, for each statistic by itself; p_corrected: max-statistic, times the number of contrasts; p_fdr: "
    "Benjamini-Hochberg over layers and contrasts"
)
#: statistic -> what it is called in a methods section
WORDS = {
    "mmd": "squared maximum mean discrepancy (Gaussian kernel, bandwidth {bandwidth:g} × the median distance)",
    "energy": "energy distance",
    "mmd_linear": "the squared distance of their means",
    "classifier": "a classifier two-sample test (ridge regression, {folds} folds, area under the ROC curve)",
    "neighbours": "the share of the {k} nearest neighbours that belong to the same set",
    "frechet": "squared Fréchet distance (20 principal components, Ledoit-Wolf shrinkage)",
}
REFERENCES = {
    "mmd": "Gretton et al. (2012), JMLR 13:723",
    "energy": "Székely & Rizzo (2004), InterStat 5:1",
    "mmd_linear": "Gretton et al. (2012), JMLR 13:723",
    "classifier": "Lopez-Paz & Oquab (2017), ICLR",
    "neighbours": "Schilling (1986), JASA 81:799; Kynkäänniemi et al. (2019), NeurIPS 32; Naeem et al. (2020), ICML",
    "frechet": "Heusel et al. (2017), NeurIPS 30; Ledoit & Wolf (2004), J Multivar Anal 88:365",
}


class FeatureOptions(TypedDict, total=False):
    """What may be exchanged, and how statistics are computed: options of :func:`memfeat.sets.compare_features`.

    `blocks` : DataArray (image) or Series, the group of each image (scene, photographer; the original of a version).
    `permute` : "whole", groups of equal size change places, for images that share a source; "within", images change
    places inside their group, for versions of the same picture; "free", groups are ignored. Must be named when blocks
    are given.
    `folds` : in how many folds the classifier holds images out, 5 by default.
    `k` : how many neighbours count, 5 by default.
    `bandwidth` : width of the kernel of "mmd" in median distances of two images, 1 by default.
    `most` : of how many images at most, drawn at random and as many of each set, classifier, neighbours and Fréchet
    distance are computed, 2,000 by default. "mmd", "energy" and "mmd_linear" take all images.
    """

    blocks: xr.DataArray | pd.Series
    permute: stats.exchange.Scheme
    folds: int
    k: int
    bandwidth: float
    most: int


def compare_features(
    features: xr.Dataset | xr.DataArray,
    sets: xr.DataArray | pd.Series | xr.Dataset,
    *,
    statistics: Sequence[str] | str = USUAL,
    n_permutations: int = 999,
    rng: int | np.random.Generator = 0,
    progress: bool | None = None,
    **options: Unpack[FeatureOptions],
) -> xr.Dataset:
    """Compare image sets in the feature space of a network, layer by layer.

    Null hypothesis of the p-values: images of the two sets were drawn from one distribution of features, so that every
    division of the images into sets of these sizes was equally likely. Unit of exchange: the image, or as `permute`
    says. A small p says that the sets differ in some way, not in which.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features of all images, one variable per layer, in memory or lazy; or of the first set.
    sets : DataArray (image), pandas.Series, or Dataset or DataArray (image, ...)
        The set of each image, matched by image name, such as `images["set"]`; or the features of the second set, from
        the same network: then the sets are called "a" and "b". More than two sets are compared two by two.
    statistics : sequence of {"mmd", "energy", "classifier", "neighbours", "frechet", "mmd_linear"}
        What to compute; all but the last unless told. See Notes.
    n_permutations : int
        How many rearrangements of images between two sets; if there are no more than this, all are used and p is exact.
        0 gives no p-values.
    rng : int or numpy.random.Generator
        Seed of permutations, of the images that `most` leaves, and of folds, in this order.
    progress : bool, optional
        Show a progress bar with the time left; by default when stderr is a terminal.
    **options : blocks, permute, folds, k, bandwidth, most
        See :class:`FeatureOptions`.

    Returns
    -------
    Dataset (statistic, layer) or (statistic, layer, contrast)
        `estimate`; `tested`, the value that p is about: for "mmd", "mmd_linear" and "energy" that with its bias from
        comparing images with themselves, else the estimate; `expected`, its mean over rearrangements: what sets of
        these sizes show when nothing differs (to be held against `tested`); `p`; `p_corrected` (largest statistic over
        layers, times the number of contrasts) and `p_fdr` (Benjamini-Hochberg over layers and contrasts), for each
        statistic by itself. `overlap (measure, layer)` of two sets: precision, recall, density, coverage, without p. `n
        (set)` and `n_sampled (set)` images, `bandwidth (layer)` σ of the kernel in units of the features, `explained
        (layer)` the share of variance of the components of "frechet". With more than two sets a dim `contrast`, with
        coordinates `first` and `second`.

    Raises
    ------
    KindError
        If features or sets are no labelled data of that kind.
    UnknownNameError
        If there is no option of that name.
    ArgumentError
        If images differ, stand in both sets or are too few, there is one set only, features come from different
        networks, are NaN, infinite or the same for all images of a layer, every image of both sets has a copy in the
        other, rearrangements move no image into the other set, or an option has an unknown value.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    near_duplicates : Images that stand in both sets.
    memfeat.measures.distinctiveness : How far each image is from others.

    Notes
    -----
    With d the Euclidean distance of two images, and means over images x, x′ of the first set and y, y′ of the second:

    - "mmd": squared maximum mean discrepancy, mean k(x, x′) + mean k(y, y′) − 2 mean k(x, y) with
      k = exp(−d² / 2σ²), σ = `bandwidth` × the median d of two images of any set.
    - "energy": 2 mean d(x, y) − mean d(x, x′) − mean d(y, y′), in units of the features.
    - "mmd_linear": ‖mean x − mean y‖², which only sees means.
    - "classifier": ridge regression on ±1, the penalty chosen inside each training part by leave-one-out error; the
      area under the ROC curve over pairs of images that are held out together, .5 at chance. Folds do not look at the
      sets, and keep blocks together unless `permute="free"`.
    - "neighbours": share of the k nearest other images that are of the image's own set, mean over images of both.
    - "frechet": squared Fréchet distance between normal distributions of the two sets, covariances shrunk (Ledoit and
      Wolf, 2004), along the 20 leading principal components of both sets together. It is above 0 for finite sets that
      do not differ: hold it against `expected`, and compare it with nothing of another size.

    Estimates of the first three leave out pairs of an image with itself, have no bias, and may lie below 0. p compares
    the sums that include them, which are never below 0. Every p is one-sided: larger is further apart. For the
    correction each layer's statistic is less its mean over observed and rearranged values, divided by their standard
    deviation. Layers are strongly dependent: do not count significant ones. p is not corrected over statistics: choose
    one beforehand.

    `overlap`: the ball of an image reaches to its k-th nearest neighbour in its own set. Precision is the share of the
    second set inside balls of the first, recall the share of the first inside balls of the second (Kynkäänniemi et al.,
    2019); density counts in how many balls of the first set an image of the second lies, divided by k; coverage is the
    share of balls of the first set that hold an image of the second (Naeem et al., 2020).

    There are no intervals: in a bootstrap sample images meet their own copies, which all of these take for structure.

    Distances are computed from one Gram matrix per layer. With more than `most` images those of all images are
    computed in tiles of at most 1 GiB, and features are read several times.

    References
    ----------
    Gretton A, Borgwardt KM, Rasch MJ, Schölkopf B, Smola A (2012). A kernel two-sample test. Journal of Machine
    Learning Research 13:723-773.
    Székely GJ, Rizzo ML (2004). Testing for equal distributions in high dimension. InterStat 5:1-16.
    Lopez-Paz D, Oquab M (2017). Revisiting classifier two-sample tests. ICLR.
    Schilling MF (1986). Multivariate two-sample tests based on nearest neighbors. Journal of the American Statistical
    Association 81:799-806.
    Heusel M, Ramsauer H, Unterthiner T, Nessler B, Hochreiter S (2017). GANs trained by a two time-scale update rule
    converge to a local Nash equilibrium. Advances in Neural Information Processing Systems 30.
    Ledoit O, Wolf M (2004). A well-conditioned estimator for large-dimensional covariance matrices. Journal of
    Multivariate Analysis 88:365-411.
    Kynkäänniemi T, Karras T, Laine S, Lehtinen J, Aila T (2019). Improved precision and recall metric for assessing
    generative models. Advances in Neural Information Processing Systems 32.
    Naeem MF, Oh SJ, Uh Y, Choi Y, Yoo J (2020). Reliable fidelity and diversity metrics for generative models. ICML,
    PMLR 119:7176-7185.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> values = np.r_[0:6, 20:26].reshape(-1, 1).astype(float)
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": list("abcdefghijkl")}, name="fc")
    >>> sets = xr.DataArray(["indoor"] * 6 + ["outdoor"] * 6, coords={"image": layer.image})
    >>> found = compare_features(layer, sets, statistics=["energy", "neighbours"])
    >>> found["estimate"].sel(layer="fc").values.round(2).tolist()
    [35.33, 1.0]
    """
    known_options(options, FeatureOptions)
    wanted = [statistics] if isinstance(statistics, str) else list(dict.fromkeys(statistics))
    for name in wanted:
        one_of("statistics", name, STATISTICS)
    pool, plan = pool_of(features, sets), plan_of(options, wanted)
    drawn, seed = generator(rng)
    design = design_of(pool, plan, options, count("n_permutations", n_permutations, least=0), drawn)
    names = layer_names(pool.features)
    with bar(len(names) * n_steps(pool, plan, design), "sets", progress, unit="step") as shown:
        found = [on_layer(pool.features[name], pool, plan, design, shown.update) for name in names]
    return stamped(
        _labelled(found, pool, plan, design),
        features.attrs,
        method="image sets in feature space, by layer",
        methods=_methods(pool, plan, design),
        references=[REFERENCES[name] for name in wanted],
        null=NULL,
        correction=CORRECTION,
        interval="none",
        seed=seed,
        **plan.recorded,
        **design.recorded,
        **pool.facts,
    )


def _labelled(found: Sequence[Layer], pool: Pool, plan: Plan, design: Design) -> xr.Dataset:
    """Judge what was found, and give it its labels."""
    judged = [_judged(found, statistic, plan, design) for statistic in plan.statistics]
    dims = ("statistic", LAYER, CONTRAST)
    result = xr.Dataset({name: (dims, np.stack([one[name] for one in judged])) for name in judged[0]})
    if "neighbours" in plan.statistics:
        result["overlap"] = (("measure", LAYER, CONTRAST), np.stack([one.overlap.T for one in found], axis=1))
        result = result.assign_coords(measure=texts(OVERLAPS))
    if "mmd" in plan.statistics:
        result["bandwidth"] = (LAYER, np.array([one.width for one in found]))
    if "frechet" in plan.statistics:
        result["explained"] = ((LAYER, CONTRAST), np.stack([one.explained for one in found]))
    result["n"] = ("set", pool.sizes)
    if plan.others and not design.is_whole:
        result["n_sampled"] = ("set", np.bincount(pool.number[design.sample], minlength=len(pool.sets)))
    result = result.assign_coords(
        {"statistic": texts(plan.statistics), LAYER: texts(layer_names(pool.features)), "set": texts(pool.sets)}
    )
    if len(pool.pairs) == 1:
        return result.isel({CONTRAST: 0})
    first, second = ([pool.sets[pair[side]] for pair in pool.pairs] for side in (0, 1))
    called = [f"{one} and {other}" for one, other in zip(first, second, strict=True)]
    sides = {"first": (CONTRAST, texts(first)), "second": (CONTRAST, texts(second))}
    return result.assign_coords({CONTRAST: texts(called), **sides})


def _judged(found: Sequence[Layer], statistic: str, plan: Plan, design: Design) -> dict[str, Array]:
    """Compare one statistic with its rearrangements, (layer, contrast) each."""
    out = {"estimate": np.stack([one.estimates[statistic] for one in found])}
    contrasts = design.everyone if statistic in plan.kernels else design.contrasts
    values = [np.stack([one.values[statistic][c] for one in found]) for c in range(len(contrasts))]
    out["tested"] = np.stack([one[:, 0] for one in values], axis=1)
    if values[0].shape[1] == 1:
        return out
    columns = [_tested(one, contrast.exact, len(contrasts)) for one, contrast in zip(values, contrasts, strict=True)]
    out |= {name: np.stack([column[name] for column in columns], axis=1) for name in columns[0]}
    out["p_fdr"] = stats.fdr(out["p"].reshape(-1)).reshape(out["p"].shape)
    return out


def _tested(values: Array, exact: bool, n_contrasts: int) -> dict[str, Array]:
    """Test one contrast in all layers, (layer,) each, by values (layer, 1 + permutation)."""
    observed, null = values[:, 0], values[:, 1:]
    how: dict[str, Any] = {"exact": exact, "alternative": "greater"}
    p = stats.p_value(observed, null, **how)
    # observed and rearranged values alike, so that under the null none of them stands out; all of them, if exact
    every = null if exact else values
    spread = np.std(every, axis=1)
    z = (values - np.mean(every, axis=1)[:, None]) / np.where(spread > 0, spread, 1)[:, None]
    corrected = np.minimum(1, n_contrasts * stats.max_statistic(z[:, 0], z[:, 1:], **how))
    return {"expected": np.mean(null, axis=1), "p": p, "p_corrected": corrected}


def _methods(pool: Pool, plan: Plan, design: Design) -> str:
    """Write what was done as a methods section does."""
    sets = ", ".join(f"{name!r} (n = {size})" for name, size in zip(pool.sets, pool.sizes, strict=True))
    how = "; ".join(WORDS[name].format(**plan._asdict()) for name in plan.statistics)
    text = f"Image sets {sets} were compared in {len(layer_names(pool.features))} layers by {how}."
    if plan.others and not design.is_whole:
        text += f" All but discrepancies and energy distances were computed for {len(design.sample)} random images."
    said = design.recorded
    if not said["n_permutations"]:
        return text
    moved = {"free": "images", "within": "images within their group", "whole": "whole groups of images"}
    times = f"all {_counted(said)} rearrangements" if said["exact"] is True else f"{_counted(said)} permutations"
    text += f" P-values come from {times} of {moved[said['permute']]} between sets, and were corrected over layers by "
    text += "the maximum statistic" + (" and over contrasts by Bonferroni's procedure." if len(pool.pairs) > 1 else ".")
    if said["n_fixed"]:
        fixed = "/".join(map(str, np.ravel(said["n_fixed"])))
        text += f" {fixed} images are in groups without a counterpart in the other set, and never changed places."
    return text


def _counted(said: dict[str, Any]) -> str:
    """Write how often images changed places; of contrasts that differ in it, all numbers."""
    return "/".join(map(str, np.ravel(said["n_permutations"])))
