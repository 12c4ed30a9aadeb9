"""Scores of images predicted from features of held-out images, layer by layer."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import gram, guards, stats
from memfeat._check import advice, count, listed, one_of
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, LAYER, as_features, as_scores, in_name_order, layer_names, matched, stamped
from memfeat.errors import ArgumentError
from memfeat.regression import ridge
from memfeat.regression.folds import shuffled
from memfeat.regression.metrics import METRICS, resampled_spearman, spearman
from memfeat.regression.reliability import relative
from memfeat.stats.exchange import units
from memfeat.stats.reliability import spearman_brown

__all__ = ["ESTIMATORS", "decode"]

Array = npt.NDArray[np.float64]
Estimator = Callable[[Array, Array, npt.NDArray[np.int64]], tuple[Array, Array]]
#: name -> function of Gram matrix (n, n), targets (n, t) and fold (n,) that gives predictions (n, t), penalties (k, t)
ESTIMATORS: dict[str, Estimator] = {
    "ridge": ridge.out_of_fold,
}
#: Dim of what is fitted once per fold: the number of the fold that was held out.
HELD_OUT = "held_out"
INFERENCE = ("ci_low", "ci_high", "p", "p_corrected", "p_fdr", "null_mean")


class _Plan(NamedTuple):
    """What all layers share, with images in the order of their names."""

    fold: npt.NDArray[np.int64]  # (n,)
    targets: Array  # (n, 1 + permutations), the scores first
    counts: npt.NDArray[np.int64]  # (bootstraps, n)
    exact: bool


class _Decoded(NamedTuple):
    """One layer."""

    prediction: Array  # (n,)
    penalty: Array  # (k,)
    metrics: dict[str, float]
    null: Array  # (permutations,)
    draws: Array  # (bootstraps,)


def decode(  # noqa: PLR0913 (two data, six options)
    features: xr.Dataset | xr.DataArray,
    scores: xr.DataArray | pd.Series,
    *,
    estimator: str = "ridge",
    folds: int = 5,
    n_permutations: int = 999,
    n_bootstraps: int = 1_000,
    reliability: Mapping[str, float] | None = None,
    rng: int | np.random.Generator = 0,
    **exchange: Unpack[stats.Exchange],
) -> xr.Dataset:
    """Predict the score of each image from its features, by nested cross-validation, in every layer.

    Images are dealt into folds at random, the same for all layers. The images of a fold are predicted by a model that
    is fitted, its penalty included, on the images of the other folds.

    Null hypothesis of the p-values: scores are unrelated to features, so that every assignment of scores to images was
    equally likely. Unit of exchange: the image, or as `permute` says. The permuted scores go through the same folds,
    with a penalty of their own.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    scores : DataArray (image) or pandas.Series
        One score per image, matched by image name.
    estimator : {"ridge"}
        What predicts.
    folds : int
        How many folds.
    n_permutations : int
        How many permutations of the scores; if there are no more rearrangements than this, all are used and p is
        exact. 0 gives no p-values.
    n_bootstraps : int
        How many bootstrap samples of images for the interval. 0 gives no interval.
    reliability : mapping, optional
        {"split_half": r} or {"spearman_brown": r} of the scores; adds the relative values.
    rng : int or numpy.random.Generator
        Seed of folds, permutations and bootstrap samples, in this order.
    **exchange : optional
        `blocks`, `permute` and `alternative`, see :class:`memfeat.stats.Exchange`. The default alternative is
        "greater". Blocks say what is permuted and resampled; folds do not keep them together.

    Returns
    -------
    Dataset (layer, image, held_out)
        Per layer: `estimate` (Spearman correlation of scores with out-of-fold predictions, pooled over folds),
        `ci_low`, `ci_high` (95 %), `p`, `p_corrected` (largest statistic over layers), `p_fdr`, `null_mean` (mean
        estimate for permuted scores), `n`, `pearson`, `r2` and `mse` (in squared units of the scores); with
        `reliability` also `estimate_relative`, `pearson_relative`, `r2_relative` and `mse_floor`.
        `prediction (layer, image)`, in units of the scores and in the order of the features; `fold (image)`, the fold
        in which an image is held out; `penalty (layer, held_out)`, in squared units of the features.

    Raises
    ------
    KindError
        If features or scores are no labelled numbers.
    ArgumentError
        If images differ, a value is missing, scores or a layer do not vary, there are fewer than two images per fold,
        or an option has an unknown value.
    UnknownNameError
        If there is no option of that name.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.
    CircularWarning
        If the scores were predicted by the network that the features come from, or by one with the same trunk.

    See Also
    --------
    memfeat.rsa.compare : Relates dissimilarities of images instead.

    Notes
    -----
    Ridge regression is fitted in its dual form from the Gram matrix K = X Xᵀ of the layer. In each fold K is centred on
    the mean of the training images and decomposed once. Of 13 penalties, 10⁻⁶ to 10⁶ times the mean diagonal of the
    centred training matrix, the one with the smallest leave-one-out squared error Σ((yᵢ − ŷᵢ) / (1 − hᵢ))² is taken,
    where hᵢ includes 1/m for the intercept. Features are not scaled.

    Correlations pooled over folds lie below zero when there is nothing to find, because each fold is predicted around
    the mean of the others: with 5 folds on average about −1.3/√n, which is −.2 for 40 images and −.05 for 800
    (simulated). The permutations have the same bias, so compare with them (`p`, `null_mean`) and not with zero; an
    interval below zero says nothing else. Predictions that do not vary count as a correlation of 0.

    The interval resamples images with predictions held fixed: it says how well these predictions are measured, not
    how predictions would vary with other training images. Layers are strongly dependent: do not count significant ones.

    Correlations relative to reliability are divided by √r_SB, R² by r_SB; `mse_floor` is (1 − r_SB) · var(y). These are
    approximations of classical test theory, and may exceed 1.

    References
    ----------
    Hoerl AE, Kennard RW (1970). Ridge regression: biased estimation for nonorthogonal problems. Technometrics 12:55-67.
    Allen DM (1974). The relationship between variable selection and data augmentation and a method for prediction.
    Technometrics 16:125-127.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> names = [f"{i:02d}.jpg" for i in range(12)]
    >>> layer = xr.DataArray(np.arange(12.0)[:, None], dims=["image", "fc:unit"], coords={"image": names}, name="fc")
    >>> result = decode(layer, layer[:, 0] / 10 + 3, n_permutations=19)
    >>> result["estimate"].values, result["p"].values
    (array([1.]), array([0.05]))
    """
    table = as_features(features)
    target = in_name_order(_varying(matched(as_scores(scores), table, argument="scores", reference="features")))
    cautions = guards.analysis(features, target)
    fit = ESTIMATORS[one_of("estimator", estimator, ESTIMATORS)]
    exchanged = units(exchange, to=target, alternative="greater")
    known = None if reliability is None else spearman_brown(reliability)
    generator, seed = seeded(rng)
    plan = _plan(target, folds, (n_permutations, n_bootstraps), generator, exchanged.scheme)
    layers = {name: _decoded(_gram(table[name]), plan, fit) for name in layer_names(table)}
    result = _labelled(layers, plan, target[IMAGE]).sel({IMAGE: table[IMAGE].values})
    tested = _inference(layers, plan, exchanged.alternative)
    result = result.assign({name: (LAYER, values) for name, values in tested.items()})
    if known is not None:
        result = result.assign(relative(result, known, float(target.values.var())))
    return stamped(
        result,
        features.attrs,
        method=f"{estimator}, out of fold",
        statistic="Spearman correlation pooled over folds",
        null="scores are unrelated to features; penalties are chosen anew for permuted scores",
        scores=str(target.name),
        scale="none",
        n_folds=folds,
        penalties="leave-one-out squared error in each training fold",
        n_permutations=plan.targets.shape[1] - 1,
        exact=plan.exact,
        **exchanged.recorded,
        correction="p_corrected: max-statistic over layers; p_fdr: Benjamini-Hochberg over layers",
        n_bootstraps=n_bootstraps,
        interval="95 % percentile bootstrap over images, predictions held fixed",
        reliability=known,
        seed=seed,
        **cautions,
    )


def _varying(scores: xr.DataArray) -> xr.DataArray:
    """Check that there is something to predict."""
    if len(scores) and np.ptp(scores.values) == 0:
        raise ArgumentError(advice("scores", "differ between images", listed(f"{scores.values[0]:g} for every image")))
    return scores


def _plan(
    target: xr.DataArray, folds: int, draws: tuple[int, int], generator: np.random.Generator, scheme: dict[str, Any]
) -> _Plan:
    """Draw folds, permutations and bootstrap samples."""
    fold = shuffled(len(target), folds, generator)
    index, exact, counts = np.empty((0, len(target)), dtype=np.intp), False, np.empty((0, len(target)), dtype=np.int64)
    if count("n_permutations", draws[0], least=0):
        index, exact = stats.permutations(len(target), draws[0], rng=generator, **scheme)
    if count("n_bootstraps", draws[1], least=0):
        counts = stats.bootstrap_counts(len(target), draws[1], rng=generator, **scheme)
    return _Plan(fold, np.column_stack([target.values, target.values[index].T]), counts, exact)


def _gram(layer: xr.DataArray) -> Array:
    """Compute the Gram matrix of a layer, images in the order of their names."""
    order = np.argsort(layer[IMAGE].values.astype(str), kind="stable")
    products = gram.linear(layer, centre="features")[np.ix_(order, order)]
    # rounding leaves the same small number everywhere when all images are alike
    if np.trace(products) - products.mean() * len(order) <= 1e-9 * np.trace(products):
        remedy = f"Leave it out: features.drop_vars({str(layer.name)!r})."
        raise ArgumentError(advice("features", "differ between images", listed(f"layer {layer.name!r}"), remedy))
    return products


def _decoded(products: Array, plan: _Plan, fit: Estimator) -> _Decoded:
    """Predict scores and permuted scores from one layer."""
    predictions, penalties = fit(products, plan.targets, plan.fold)
    prediction, score = predictions[:, 0], plan.targets[:, 0]
    return _Decoded(
        prediction,
        penalties[:, 0],
        {name: float(metric(prediction, score)) for name, metric in METRICS.items()},
        spearman(predictions[:, 1:], plan.targets[:, 1:]),
        resampled_spearman(prediction, score, plan.counts),
    )


def _inference(layers: Mapping[str, _Decoded], plan: _Plan, side: str) -> dict[str, Array]:
    """Test all layers together; what was not asked for is NaN."""
    found = dict.fromkeys(INFERENCE, np.full(len(layers), np.nan))
    if len(plan.counts):
        found["ci_low"], found["ci_high"] = stats.interval(np.array([layer.draws for layer in layers.values()]))
    if plan.targets.shape[1] > 1:
        observed = np.array([layer.metrics["estimate"] for layer in layers.values()])
        null = np.array([layer.null for layer in layers.values()])
        found["p"] = stats.p_value(observed, null, exact=plan.exact, alternative=side)
        found["p_corrected"] = stats.max_statistic(observed, null, exact=plan.exact, alternative=side)
        found["p_fdr"], found["null_mean"] = stats.fdr(found["p"]), null.mean(axis=1)
    return found


def _labelled(layers: Mapping[str, _Decoded], plan: _Plan, images: xr.DataArray) -> xr.Dataset:
    """Name what was found."""
    found = layers.values()
    variables: dict[str, Any] = {name: (LAYER, np.array([layer.metrics[name] for layer in found])) for name in METRICS}
    variables |= {
        "n": (LAYER, np.full(len(layers), len(images))),
        "prediction": ((LAYER, IMAGE), np.stack([layer.prediction for layer in found])),
        "fold": (IMAGE, plan.fold),
        "penalty": ((LAYER, HELD_OUT), np.stack([layer.penalty for layer in found])),
    }
    names = np.array(list(layers), dtype=object)
    return xr.Dataset(variables, {LAYER: names, IMAGE: images.values, HELD_OUT: np.arange(plan.fold.max() + 1)})
