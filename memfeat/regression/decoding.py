"""Scores of images predicted from features of held-out images, layer by layer."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, LAYER, stamped
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.regression.combining import combined
from memfeat.regression.covariates import Covariates
from memfeat.regression.fits import Task, fit_of
from memfeat.regression.halves import Reliable, relative_values, reliable
from memfeat.regression.inference import Found, intervals, tests
from memfeat.regression.metrics import METRICS
from memfeat.regression.options import DecodeOptions, chosen_of
from memfeat.regression.planning import Draws, Plan, planned
from memfeat.regression.resampled import RESAMPLED
from memfeat.regression.scaling import Source
from memfeat.regression.sets import features_of
from memfeat.regression.targets import SCORE, Targets, targets_of

__all__ = ["decode"]

Array = npt.NDArray[np.float64]
#: Whether covariates are taken out -> what is tested.
NULLS = {
    False: "scores are unrelated to features; permuted scores are fitted, and hyper-parameters chosen, anew",
    True: "given the covariates, scores are unrelated to features; permuted residuals of the scores (Freedman-Lane) "
    "are fitted, and hyper-parameters chosen, anew",
}
#: A named number, or scores of halves of the participants; by name of the score where there are several.
Reliability = Mapping[str, Any] | xr.DataArray | xr.Dataset
#: Dim of what is fitted once per fold: the fold that was held out.
HELD_OUT = "held_out"
SET = "set"
REPEAT = "repeat"


class _Decoded(NamedTuple):
    """One layer."""

    prediction: Array  # (score, repeat, n), NaN where never held out
    truth: Array  # (score, repeat, n), what predictions are compared with
    chosen: dict[str, npt.NDArray[Any]]  # (score, repeat, k), and sets where each has its own
    remarks: list[str]
    observed: dict[str, Array]  # (score,), means over repeats like the others
    null: dict[str, Array]  # (score, permutations)
    draws: dict[str, Array]  # (score, bootstraps)


def decode(  # noqa: PLR0913 (two data, six options)
    features: xr.Dataset | xr.DataArray | Mapping[str, Any],
    scores: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame,
    *,
    estimator: Any = "ridge",
    folds: int | xr.DataArray | pd.Series = 5,
    n_permutations: int | None = None,
    n_bootstraps: int = 1_000,
    reliability: Reliability | None = None,
    rng: int | np.random.Generator = 0,
    **options: Unpack[DecodeOptions],
) -> xr.Dataset:
    """Predict the score of each image from its features, by nested cross-validation, in every layer.

    Images are dealt into folds at random, the same for all layers and scores. The images of a fold are predicted by a
    model that is fitted, its penalty included, on the images of the other folds.

    Null hypothesis of the p-values: scores are unrelated to features, so that every assignment of scores to images was
    equally likely. Unit of exchange: the image, or as `permute` says. The permuted scores go through the same folds,
    with a penalty of their own.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...), or mapping
        Features, one variable per layer, in memory or lazy: every layer by itself. Or a mapping from name to set of
        features, which are used together as `combine` says: Dataset or DataArray, DataFrame or Series by image name,
        or labels of images, which become a column of 0 and 1 for each label.
    scores : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame
        One score per image, matched by image name. In a Dataset or DataFrame every column is one (hit rate, false
        alarms, d′); all are predicted from the same Gram matrix.
    estimator : {"ridge", "pls", "pcr", "lasso", "elastic_net"} or scikit-learn estimator
        What predicts: ridge regression, partial least squares, principal-component regression, or a regressor or
        pipeline, of which `grid` names the parameters that are chosen in inner folds.
    folds : int, DataArray (image) or pandas.Series
        How many folds, or the fold of each image (a set, a fixed split), which is then held out by that name.
    n_permutations : int, optional
        How many permutations of the scores; if there are no more rearrangements than this, all are used and p is
        exact. 0 gives no p-values. By default 999, and 99 where each is fitted by itself: lasso, elastic net and
        estimators of scikit-learn, or with weights. The smallest p is then .01.
    n_bootstraps : int
        How many bootstrap samples of images for the interval. 0 gives no interval.
    reliability : mapping, Dataset, or DataArray (image, half, split), optional
        {"split_half": r} or {"spearman_brown": r} of the scores; what :func:`memfeat.scores.split_half` or
        :func:`memfeat.scores.reliability` gave; or the scores of both halves of the participants in one or more random
        splits, which are drawn again together with the images, as :func:`memfeat.scores.halves` gives them. Adds the
        relative values. Of a Dataset the measure called as the scores is taken, or the only one. With several scores,
        such a Dataset, or a mapping from score to any of these.
    rng : int or numpy.random.Generator
        Seed of folds, permutations, bootstrap samples, inner folds and what estimators draw, in this order.
    **options : groups, strata, repeats, held_out, scale, weights, covariates, combine, grid, progress, …
        How folds are dealt and models fitted, see :class:`memfeat.regression.DecodeOptions`, and what may be exchanged,
        see :class:`memfeat.stats.Exchange`. The default alternative is "greater". Blocks that change places as a
        whole are also held out as a whole.

    Returns
    -------
    Dataset (layer, image, held_out)
        Per layer: `estimate` (Spearman correlation of scores with out-of-fold predictions, pooled over folds),
        `ci_low`, `ci_high` (95 %), `p`, `p_corrected` (largest statistic over layers and scores), `p_fdr`, `null_mean`
        (mean estimate for permuted scores), `n` (images that are held out); `pearson`, `r2` and `mse` (in squared units
        of the scores), each with the same: `r2_ci_low`, `r2_p` … With `reliability` also `estimate_relative`,
        `pearson_relative`, `r2_relative` and `mse_floor` with their limits; with halves `reliability_spearman` and
        `reliability_pearson`, those of the full scores. `prediction (layer, image)`, in units of the scores and in the
        order of the features, NaN for images that are never held out; `fold (image)`, the fold in which an image is
        held out; `penalty (layer, held_out)`, in squared units of the features as they were scaled (lasso, elastic net:
        of the features times the scores); `penalty_edge (layer, held_out)`, 1 where that is the largest that was tried,
        −1 for the smallest, else 0; with covariates `residual (image)`, what they left of the scores and predictions
        are compared with. Other estimators tell what they chose under its own name: `n_components`, `l1_ratio`,
        `parameters` (JSON). Sets of features make one `layer`, "a & b"; stacked ones have
        `weight (layer, held_out, set)` and what each set chose, banded ones `band (layer, held_out, set)`, shares that
        sum to 1. Several scores add a dim `score`, `repeats` above 1 a dim `repeat` to predictions, folds and
        penalties.

    Raises
    ------
    KindError
        If features or scores are no labelled numbers.
    ArgumentError
        If images differ, a value is missing, scores or a layer do not vary, there are fewer than two images per fold
        or fewer groups than folds, so few images are held out or so few scores differ that more than 1 % of the
        bootstrap samples hold one score only, folds split what is exchanged as a whole, groups come without a scheme,
        covariates are constant or made up of each other in some training part, or an option has an unknown value.
    UnknownNameError
        If there is no option of that name.
    MissingPackageError
        If himalaya is not installed, for `combine="banded"`.

    Warns
    -----
    MemfeatWarning
        If an estimator of scikit-learn warned, of fits that did not converge for instance; once, with how often.
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
    where hᵢ includes 1/m for the intercept. A layer with at most half as many features as images is decomposed by its
    features instead, to the same predictions.

    Principal-component regression and partial least squares are computed in the eigenvectors of the same matrix, where
    k components of the latter are k steps of conjugate gradients (Phatak & de Hoog, 2002): permuted scores are further
    columns. Numbers of components are chosen in 5 inner folds of each training fold, which keep groups together.
    Lasso and elastic net (30 penalties, mixes of .1, .5 and .9) and estimators of scikit-learn get the features
    themselves, in memory as float64, and are fitted anew for every permutation.

    Correlations pooled over folds lie below zero when there is nothing to find, because each fold is predicted around
    the mean of the others: with 5 folds on average about −1.3/√n, which is −.2 for 40 images and −.05 for 800
    (simulated). The permutations have the same bias, so compare with them (`p`, `null_mean`) and not with zero; an
    interval below zero says nothing else. Predictions that do not vary count as a correlation of 0. R² and MSE are
    tested for being better than with permuted scores; "two-sided" is taken as "greater" there.

    The interval is the expanded percentile interval (:func:`memfeat.stats.expanded`) of bootstrap samples of held-out
    images with predictions held fixed: it says how well these predictions are measured, not how predictions would vary
    with other training images. Layers are strongly dependent: do not count significant ones.

    With `covariates`, features and scores are regressed on them in the training images of each fold, with an intercept,
    and the coefficients are applied to held-out images too; for the Gram matrix that is M K Mᵀ, with M the map from
    images to residuals. Predictions are of these residuals, `residual (image)`, and all metrics say how well they agree
    with them: R² is the share of what the covariates leave. The null hypothesis is then: given the covariates, scores
    are unrelated to features. Residuals of the scores, of all images, change places, and the permuted ones are
    regressed on the covariates in every fold anew (Freedman & Lane, 1983); which is what permuting them around the
    values that the covariates predict comes to. What is not linear in the covariates stays.

    Sets side by side add up their Gram matrices, each divided by the mean square of the training images unless
    `scale="none"`. Stacked sets are each predicted by themselves; a fold's predictions are the training mean ȳ and
    Σ wₛ (ŷₛ − ȳ), with non-negative weights that fit predictions of inner folds best (Breiman, 1996). Banded ridge has
    the kernel Σ bₛ Kₛ and one penalty λ, which comes to a penalty λ / bₛ for each set; bands are chosen among 100
    (equal ones, each set alone, and draws) with the penalty, by the squared error in inner folds, with himalaya
    (Dupré la Tour et al., 2022). Permuted scores choose weights, bands and penalties of their own.

    Repeats deal folds anew. What is reported, and compared with permuted scores, is the mean over repeats.

    Correlations relative to reliability are divided by √r_SB (Spearman's by that of ranks), R² by r_SB; `mse_floor` is
    (1 − r_SB) · var(y). From halves, r_SB is 2r / (1 + r) with r their mean correlation over splits. These are
    approximations of classical test theory, and may exceed 1. A number, named or found by split halves, is held fixed
    in their intervals; one of Pearson's correlations is taken for Spearman's too, and the other way round.

    References
    ----------
    Hoerl AE, Kennard RW (1970). Ridge regression: biased estimation for nonorthogonal problems. Technometrics 12:55-67.
    Breiman L (1996). Stacked regressions. Machine Learning 24:49-64.
    Dupré la Tour T, Eickenberg M, Nunez-Elizalde AO, Gallant JL (2022). Feature-space selection with banded ridge
    regression. NeuroImage 264:119728.
    Freedman D, Lane D (1983). A nonstochastic interpretation of reported significance levels. Journal of Business and
    Economic Statistics 1:292-298.
    Phatak A, de Hoog F (2002). Exploiting the connection between PLS, Lanczos methods and conjugate gradients:
    alternative proofs of some properties of PLS. Journal of Chemometrics 16:361-367.
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
    read = features_of(features)
    targets = targets_of(scores, read.table)
    cautions = read.cautions(targets)
    given = chosen_of(options, targets.images, several=read.several)
    weighted = given.weights is not None
    fit = fit_of(estimator, given.grid, weighted=weighted)
    fit = combined(fit, estimator, options.get("combine"), several=read.several, weighted=weighted)
    generator, seed = seeded(rng)
    plan = planned(fit, targets, given.weights, Draws(folds, n_permutations, n_bootstraps), generator, options)
    known = reliable(_of_scores(reliability, plan.covariates), targets, plan.folds.held, plan.counts)
    materials = read.materials(given.scale, plan.covariates)
    with bar(plan.steps(len(materials)), "fits", given.progress if plan.slow else False, unit="fit") as progress:
        # each takes its Gram matrix along when it goes
        layers = {name: _decoded(materials.pop(name), plan, progress.update) for name in list(materials)}
    fit.remarked([remark for layer in layers.values() for remark in layer.remarks])
    result = _labelled(layers, plan, targets, list(read.tables)).sel({IMAGE: read.table[IMAGE].values})
    result = result.assign(_judged(list(layers.values()), plan, known))
    return stamped(
        _as_asked(result, plan, targets),
        read.attrs,
        method=f"{fit.name}, out of fold",
        statistic="Spearman correlation pooled over folds",
        null=NULLS[plan.covariates is not None],
        covariates=None if plan.covariates is None else plan.covariates.names,
        scores=targets.names if targets.several else targets.names[0],
        scale=given.scale,
        combine=(options.get("combine") or "concatenate") if read.several else None,
        **read.recorded,
        weights=given.called,
        **plan.folds.recorded,
        penalties=fit.chosen,
        n_permutations=plan.n_permutations,
        exact=plan.exact,
        **plan.exchanged.recorded,
        correction="over layers and scores; p_corrected: max-statistic; p_fdr: Benjamini-Hochberg",
        n_bootstraps=n_bootstraps,
        interval="95 % expanded percentile bootstrap over images, predictions held fixed",
        reliability=None if known is None else known.recorded,
        seed=seed,
        **cautions,
    )


def _of_scores(reliability: Reliability | None, covariates: Covariates | None) -> Reliability | None:
    """Refuse a reliability of scores where what covariates leave of them is predicted."""
    if reliability is not None and covariates is not None:
        remedy = "What they leave of the scores is less reliable than the scores: compare with neither."
        raise ArgumentError(advice("reliability", "be left out with covariates", listed("both"), remedy))
    return reliability


def _decoded(material: Source, plan: Plan, tick: Callable[[int], object]) -> _Decoded:
    """Predict scores and permuted scores from one layer, and judge predictions; means over repeats."""
    predicted = [plan.fit.run(material, task, tick) for task in plan.tasks]
    rounds = (_round(one.predictions, task, plan) for one, task in zip(predicted, plan.tasks, strict=True))
    kept, truth, *agreement = zip(*rounds, strict=True)
    means = [{name: np.mean([one[name] for one in kind], axis=0) for name in METRICS} for kind in agreement]
    chosen = {
        name: np.stack([one.chosen[name].swapaxes(0, 1) for one in predicted], axis=1) for name in predicted[0].chosen
    }
    both = np.stack(kept, axis=1), np.stack(truth, axis=1)
    return _Decoded(*both, chosen, [text for one in predicted for text in one.remarks], *means)


def _round(predictions: Array, task: Task, plan: Plan) -> tuple[Any, ...]:
    """Judge the predictions of folds that were dealt once."""
    held, s, targets = plan.folds.held, task.n_scores, task.truth()
    predicted, truth = predictions[held], targets[held]
    kept = np.full((2, s, len(targets)), np.nan)
    kept[:, :, held] = predicted[:, :s].T, truth[:, :s].T
    with np.errstate(divide="ignore", invalid="ignore"):  # permuted scores may leave out all that differ
        observed = {name: metric(predicted[:, :s], truth[:, :s]) for name, metric in METRICS.items()}
        null = {name: metric(predicted[:, s:], truth[:, s:]).reshape(-1, s).T for name, metric in METRICS.items()}
        draws = {
            name: np.array([metric(predicted[:, i], truth[:, i], plan.counts) for i in range(s)])
            for name, metric in RESAMPLED.items()
        }
    return *kept, observed, null, draws


def _judged(layers: list[_Decoded], plan: Plan, known: Reliable | None) -> dict[str, Any]:
    """Test all layers together, and relate them to the reliability of scores; what was not asked for is NaN."""
    found = {
        name: Found(*(np.array([getattr(layer, kind)[name] for layer in layers]) for kind in Found._fields))
        for name in METRICS
    }
    spread = plan.scores.var(axis=0)
    columns = intervals({name: one.draws for name, one in found.items()}, plan.drawn)
    for name, one in found.items():
        columns |= tests(name, one, exact=plan.exact, alternative=plan.exchanged.alternative, spread=spread)
    variables: dict[str, Any] = {name: ((LAYER, SCORE), values) for name, values in columns.items()}
    if known is None:
        return variables
    samples = {name: np.concatenate([one.observed[..., None], one.draws], axis=-1) for name, one in found.items()}
    related = relative_values(samples, known)
    limits = intervals({name: values[..., 1:] for name, values in related.items()}, plan.drawn)
    variables |= {name: ((LAYER, SCORE), values[..., 0]) for name, values in related.items()}
    variables |= {name: ((LAYER, SCORE), values) for name, values in limits.items()}
    return variables | (_reliability(known, plan) if known.halves else {})


def _reliability(known: Reliable, plan: Plan) -> dict[str, Any]:
    """Tell the reliability that halves have."""
    samples = {"reliability_spearman": known.spearman, "reliability_pearson": known.pearson}
    limits = intervals({name: values[..., 1:] for name, values in samples.items()}, plan.drawn)
    return {name: (SCORE, values) for name, values in ({n: v[..., 0] for n, v in samples.items()} | limits).items()}


def _labelled(layers: Mapping[str, _Decoded], plan: Plan, targets: Targets, sets: list[str]) -> xr.Dataset:
    """Name what was found."""
    found, (n_repeats, _) = layers.values(), plan.folds.number.shape
    both = (LAYER, SCORE)
    variables: dict[str, Any] = {name: (both, np.array([layer.observed[name] for layer in found])) for name in METRICS}
    variables |= {
        "n": (LAYER, np.full(len(layers), len(plan.folds.held))),
        "prediction": ((*both, REPEAT, IMAGE), np.stack([layer.prediction for layer in found])),
        "fold": ((REPEAT, IMAGE), plan.folds.named()),
    }
    if plan.covariates is not None:
        variables["residual"] = ((SCORE, REPEAT, IMAGE), next(iter(found)).truth)
    for name in next(iter(found)).chosen:
        values = np.stack([layer.chosen[name] for layer in found])
        variables[name] = ((*both, REPEAT, HELD_OUT, SET)[: values.ndim], values)
    coords = {LAYER: np.array(list(layers), dtype=object), SCORE: np.array(targets.names, dtype=object)}
    coords |= {IMAGE: targets.images[IMAGE].values, HELD_OUT: plan.folds.names, REPEAT: np.arange(n_repeats)}
    if any(SET in dims for dims, _ in variables.values()):
        coords[SET] = np.array(sets, dtype=object)
    return xr.Dataset(variables, coords)


def _as_asked(result: xr.Dataset, plan: Plan, targets: Targets) -> xr.Dataset:
    """Leave out dims that the user did not ask for: of one score, of folds dealt once."""
    single = {SCORE: not targets.several, REPEAT: len(plan.folds.number) == 1}
    return result.isel({dim: 0 for dim, one in single.items() if one}, drop=True)
