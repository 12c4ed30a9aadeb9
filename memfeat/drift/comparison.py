"""Two networks layer by layer: alignment, dissimilarities, units, and what can be decoded, with labels."""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import _progress, guards, stats
from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat._labels import CAUTIONED, IMAGE, LAYER, as_scores, matched, stamped
from memfeat.drift.decodability import STATISTICS
from memfeat.drift.measures import QUANTILES, Layer, Plan, measured
from memfeat.drift.pairing import Pair, paired
from memfeat.errors import ArgumentError
from memfeat.rdm.distances import METRICS
from memfeat.regression.folds import shuffled
from memfeat.rsa.similarity import METHODS
from memfeat.stats.exchange import units

__all__ = ["Options", "compare"]

Array = npt.NDArray[Any]
log = logging.getLogger(__name__)
NETWORKS = ("first", "second")


class Options(TypedDict, total=False):
    """How to predict scores, and what to draw: options of :func:`compare`.

    `statistic` : "spearman" (default) or "r2", how well predictions agree with the scores.
    `folds` : how many folds for the predictions, 5 by default.
    `blocks` : DataArray (image) or Series, the group of each image (category, scene, participant).
    `permute` : "free", "within" or "whole", how groups are drawn; must be named when there are blocks.
    """

    statistic: str
    folds: int
    blocks: xr.DataArray | pd.Series
    permute: stats.exchange.Scheme


class _Design(NamedTuple):
    """What is done, and how a result says so."""

    plan: Plan
    recorded: dict[str, Any]


def compare(  # noqa: PLR0913 (three data, five options)
    first: xr.Dataset | xr.DataArray,
    second: xr.Dataset | xr.DataArray,
    scores: xr.DataArray | pd.Series | None = None,
    *,
    metric: str = "correlation",
    method: str = "spearman",
    n_bootstraps: int = 1_000,
    progress: bool | None = None,
    rng: int | np.random.Generator = 0,
    **options: Unpack[Options],
) -> xr.Dataset:
    """Compare the features of two networks layer by layer, on the same images.

    Parameters
    ----------
    first, second : Dataset or DataArray (image, ...)
        Features of the two, as `mf.extract` gives them, in memory or lazy; say the frozen and the retrained one. Images
        and layers are matched by name. One layer of each is read at a time.
    scores : DataArray (image) or pandas.Series, optional
        One score per image, such as a measured hit rate. Adds how well each network's layer predicts it.
    metric : {"correlation", "cosine", "euclidean", "sqeuclidean"}
        Dissimilarity of two images in a layer, see :func:`memfeat.rdm.compute`.
    method : {"spearman", "pearson", "cosine"}
        How the two RDMs of a layer are compared, see :func:`memfeat.rsa.compare`.
    n_bootstraps : int
        Bootstrap samples of images for the intervals, the same for all layers and measures. 0 gives no intervals.
    progress : bool, optional
        Whether to show a progress bar with the time left; by default when stderr is a terminal.
    rng : int or numpy.random.Generator
        Seed of folds and bootstrap samples, in this order.
    **options
        `statistic`, `folds`, `blocks`, `permute`: see :class:`Options`.

    Returns
    -------
    Dataset (measure, layer)
        Layers in the order of the first. `estimate`, `ci_low` and `ci_high` (95 %, NaN where there is none) of each
        `measure`: "cka", "rdm" (correlation of the two RDMs), "units" (median over units of Pearson's r) and, with
        scores, "decodability" (second less first: above 0 if the second network's layer predicts better). `n` images,
        `n_units`, `unit_quantiles (quantile, layer)` of Pearson's r, `constant_units (layer)`, the share of units that
        are the same for all images in one of the two, and with scores `decoded (network, layer)`. Attributes name both
        networks (`first_model`, `first_variant`, `first_weights_sha256`, `second_model` …), the layers that only one
        of them has (`only_in_first`, `only_in_second`), and why a measure is NaN (`undefined`), the last three as JSON.

    Raises
    ------
    KindError
        If features or scores are no labelled numbers.
    ArgumentError
        If images differ, there are fewer than 4, no layer is in both, a layer has other units in the two, a value is
        NaN or infinite, the scores do not vary, or an option has an unknown value.
    UnknownNameError
        If there is no option of that name.

    Warns
    -----
    CircularWarning
        If one of the two networks predicted the scores.

    See Also
    --------
    units : The correlation of each unit.
    memfeat.plot.drift_profile : Draws the result.

    Notes
    -----
    CKA is the unbiased linear one, HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)) of the two Gram matrices: 1 for features that
    differ by a rotation and a scale, and around 0 for unrelated ones at any number of images and units; it may lie a
    little below 0 or above 1. Large directions of the features weigh most.

    Bootstrap samples draw images; an image never meets its own copy, neither in CKA nor in an RDM. The intervals say
    how the estimate varies over images from the same source. They are expanded percentile intervals, which make up for
    the percentile bootstrap's being too narrow with few images: the .025 and .975 quantiles are replaced by those at
    Φ(± √(n / (n − 1)) t), t of n − 1 degrees of freedom (Hesterberg 2015; see :func:`memfeat.stats.expanded`). That of
    CKA is wider than 95 % where the variance of features is spread evenly over many directions, or the networks are
    unrelated.

    Decodability is that of :func:`memfeat.regression.decode`: out-of-fold predictions, the penalty chosen inside each
    training set. Both networks have the same folds, and each bootstrap sample draws the same images for both. The
    fitted predictions are held fixed: the interval says how well the difference between these two sets of predictions
    is measured, and not how it would vary with other training images or folds. Correlations pooled over folds lie below
    zero when there is nothing to find; the two biases cancel in the difference only where both layers tell as little.

    Layers are strongly dependent: do not count those that moved.

    References
    ----------
    Hesterberg TC (2015). What teachers should know about the bootstrap: resampling in the undergraduate statistics
    curriculum. The American Statistician 69:371-386.
    Kornblith S, Norouzi M, Lee H, Hinton G (2019). Similarity of neural network representations revisited. ICML,
    PMLR 97:3519-3529.
    Song L, Smola A, Gretton A, Bedo J, Borgwardt K (2012). Feature selection via dependence maximization. Journal of
    Machine Learning Research 13:1393-1434.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> names = [f"{i}.jpg" for i in range(8)]
    >>> values = np.random.default_rng(0).normal(size=(8, 3))
    >>> first = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": names}, name="fc")
    >>> result = compare(first, 2 * first, n_bootstraps=0)
    >>> result["estimate"].sel(layer="fc").values.round(6)
    array([1., 1., 1.])
    """
    pair = paired(first, second)
    target, cautions = _scores(scores, pair), {}
    if target is not None:
        cautions = _cautions(first, second, guards.origin(target.attrs, given=guards.SCORES))
    design = _design(pair, target, {"metric": metric, "method": method, "n_bootstraps": n_bootstraps}, options, rng)
    layers = {}
    with _progress.bar(len(pair.layers), "drift", progress, unit="layer") as bar:
        for name in pair.layers:
            layers[name] = measured(pair.first[name], pair.second[name], design.plan)
            bar.update(1)
    undefined = {name: layer.undefined for name, layer in layers.items() if layer.undefined}
    if undefined:
        log.warning("Not everything is defined in %s; the attribute 'undefined' says why", listed.of(undefined))
    result = _labelled(layers, design.plan, pair)
    return stamped(result, None, **pair.recorded, **design.recorded, undefined=undefined, **cautions)


def _scores(scores: xr.DataArray | pd.Series | None, pair: Pair) -> xr.DataArray | None:
    """Check the scores, if there are any."""
    if scores is None:
        return None
    target = matched(as_scores(scores), pair.first, argument="scores", reference="first")
    if np.ptp(target.values) == 0:
        raise ArgumentError(advice("scores", "differ between images", listed(f"{target.values[0]:g} for every image")))
    return target


def _cautions(first: Any, second: Any, source: Mapping[str, Any]) -> dict[str, Any]:
    """Caution once where one of the networks predicted the scores."""
    facts = guards.related(first.attrs, source, "first")
    if "circular" in facts.get(CAUTIONED, ""):
        return facts
    return facts | guards.related(second.attrs, source, "second")


def _design(
    pair: Pair, target: xr.DataArray | None, given: dict[str, Any], options: Options, rng: int | np.random.Generator
) -> _Design:
    """Check the options, and draw folds and bootstrap samples."""
    known_options(options, Options)
    one_of("metric", given["metric"], METRICS)
    one_of("method", given["method"], METHODS)
    statistic = one_of("statistic", options.get("statistic", "spearman"), STATISTICS)
    n, draws = pair.first.sizes[IMAGE], count("n_bootstraps", given["n_bootstraps"], least=0)
    if n < 4:
        raise ArgumentError(advice("first", "hold at least 4 images", n))
    groups: stats.Exchange = {}
    if "blocks" in options:
        groups["blocks"] = options["blocks"]
    if "permute" in options:
        groups["permute"] = options["permute"]
    exchanged = units(groups, to=pair.first[IMAGE], alternative="two-sided")
    random, seed = generator(rng)
    empty = np.empty(0)
    fold = empty if target is None else shuffled(n, options.get("folds", 5), random)
    counts = stats.bootstrap_counts(n, draws, rng=random, **exchanged.scheme) if draws else np.empty((0, n))
    scores = empty if target is None else target.values
    plan = Plan(
        given["metric"], given["method"], statistic, fold, scores, counts, stats.drawn_units(n, **exchanged.scheme)
    )
    recorded = given | {"blocks": exchanged.recorded["blocks"], "permute": exchanged.recorded["permute"]}
    recorded |= {
        "interval": "95 % expanded percentile bootstrap over images; for decodability paired, predictions held fixed",
        "seed": seed,
    }
    if target is not None:
        recorded |= {"scores": str(target.name), "statistic": statistic, "estimator": "ridge, out of fold"}
        recorded |= {"n_folds": int(fold.max()) + 1, "decodability": "second less first"}
    return _Design(plan, recorded)


def _labelled(layers: Mapping[str, Layer], plan: Plan, pair: Pair) -> xr.Dataset:
    """Put labels to the numbers."""
    found = list(layers.values())
    measures = list(found[0].estimate)
    estimate = np.array([[layer.estimate[name] for layer in found] for name in measures])
    low, high = np.full((2, *estimate.shape), np.nan)
    for row, name in enumerate(measures):
        draws = np.array([layer.draws[name] for layer in found])
        if draws.size:
            low[row], high[row] = stats.expanded(draws, **plan.drawn)
    variables: dict[str, Any] = {
        "estimate": (("measure", LAYER), estimate),
        "ci_low": (("measure", LAYER), low),
        "ci_high": (("measure", LAYER), high),
        "unit_quantiles": (("quantile", LAYER), np.transpose([layer.quantiles for layer in found])),
        "constant_units": (LAYER, np.array([layer.constant for layer in found])),
        "n_units": (LAYER, np.array([layer.n_units for layer in found])),
        "n": (LAYER, np.full(len(found), pair.first.sizes[IMAGE])),
    }
    coords = {"measure": np.array(measures, dtype=object), LAYER: np.array(list(layers), dtype=object)}
    coords |= {"quantile": np.array(QUANTILES)}
    if len(plan.scores):
        variables["decoded"] = (("network", LAYER), np.transpose([layer.decoded for layer in found]))
        coords["network"] = np.array(NETWORKS, dtype=object)
    return xr.Dataset(variables, coords)
