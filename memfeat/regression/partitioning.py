"""How much of the scores several sets of features predict alone and in common, out of fold."""

from collections.abc import Mapping
from functools import partial
from itertools import combinations
from typing import Any, Literal, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, known_options, listed, one_of
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, stamped
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.regression.combining import combined
from memfeat.regression.fits import Tick, fit_of
from memfeat.regression.inference import intervals, named
from memfeat.regression.leaving import Units, limits, ridge_left_out, units_of
from memfeat.regression.options import DecodeOptions, chosen_of
from memfeat.regression.planning import Draws, Plan, planned
from memfeat.regression.resampled import r2
from memfeat.regression.sets import AND, Features, Joint, features_of
from memfeat.regression.targets import SCORE, targets_of

__all__ = ["PartitionOptions", "partition"]

Array = npt.NDArray[np.float64]
MOST = 4
REPEAT, SUBSET = "repeat", "subset"
RIDGE = "ridge"
#: interval -> what is said of it
WORDS = {
    "jackknife": "95 % Student's t, jackknife over images, each left out of fits too",
    "percentile": "95 % expanded percentile bootstrap over images, predictions held fixed",
    "none": "none",
}


class PartitionOptions(DecodeOptions, total=False):
    """Options of :func:`memfeat.regression.partition`, besides those of :class:`memfeat.regression.DecodeOptions`.

    `interval` : "jackknife" (default of ridge regression with sets side by side), "percentile" (of a bootstrap with
    predictions held fixed; default of all other estimators) or "none".
    """

    interval: Literal["jackknife", "percentile", "none"]


def partition(
    features: Mapping[str, Any],
    scores: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame,
    *,
    estimator: Any = "ridge",
    folds: int | xr.DataArray | pd.Series = 5,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[PartitionOptions],
) -> xr.Dataset:
    """Share out what two to four sets of features predict of scores: what each predicts alone, and what in common.

    Scores are decoded from every subset of the sets, in the same folds, and R² of the predictions is shared out.

    Parameters
    ----------
    features : mapping
        Name → set of features, as in :func:`decode`; two to four.
    scores : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame
        One score per image, or several, matched by image name.
    estimator : str or scikit-learn estimator
        What predicts, as in :func:`decode`.
    folds : int, DataArray (image) or pandas.Series
        How many folds, or the fold of each image.
    n_bootstraps : int
        How many bootstrap samples of images for intervals of percentiles. 0 gives none of these.
    rng : int or numpy.random.Generator
        Seed of folds, bootstrap samples, inner folds and what estimators draw, in this order.
    **options : interval, combine, covariates, groups, strata, repeats, held_out, scale, weights, grid, progress, …
        `interval` : "jackknife" for ridge regression, or "percentile", see Notes; "none" gives none. All others are
        as in :func:`decode`; `blocks` and `permute` say how images are drawn. There is no test, and no `alternative`.

    Returns
    -------
    Dataset (subset)
        For each subset of the sets, "a", "b", "a & b": `estimate`, the share of variance that exactly these predict in
        common (of a single one: what it alone predicts), which is negative where sets suppress each other or the
        estimator does worse with more features; `r2`, what these predict together; `ci_low`, `ci_high`, `r2_ci_low`,
        `r2_ci_high` (95 %); `size`, how many sets, and `n` images that are held out. All `estimate` sum to the `r2` of
        all sets. `prediction (subset, image)` and `fold (image)` as in :func:`decode`. Several scores add a dim
        `score`, `repeats` above 1 a dim `repeat` to predictions and folds.

    Raises
    ------
    KindError, UnknownNameError, MissingPackageError
        As :func:`decode` does.
    ArgumentError
        As :func:`decode` does; if there are fewer than two or more than four sets, an `alternative`, a jackknife is
        asked of another estimator, or there is nothing left to compare with once an image or group is left out.

    Warns
    -----
    MemfeatWarning, RetrainedWarning, CircularWarning
        As :func:`decode` does.

    See Also
    --------
    memfeat.rsa.partition : The same for dissimilarities of images, at hand and not out of fold.

    Notes
    -----
    With R²(S) of the out-of-fold predictions from the sets of S, 1 − Σ(y − ŷ)² / Σ(y − ȳ)², the share of exactly S is
    Σ (−1)^(1 + size of T) R²(T ∪ S̄) over T ⊆ S, with S̄ the other sets (commonality analysis) and R² of nothing 0.

    The estimand is the expected value of this for as many images in the same scheme of folds. It is less than what the
    sets would explain in the population if weights were known, by the more the more features there are per image;
    unique shares suffer most, and may be negative. Compare shares of sets of like size, or of the same n.

    "jackknife" leaves each image out in turn, of the training images too (each group of `permute="whole"`), and takes
    estimate ± t · s with the jackknife's standard error s, so that intervals hold how predictions vary with training
    images. For ridge regression that takes no further fits: without image i prediction ŷⱼ is ŷⱼ − hⱼᵢ (yᵢ − ŷᵢ) / (1 −
    hᵢᵢ), exactly, with penalties, the scale of features and the coefficients of covariates as they are with all images.
    The error is rather too large than too small (Efron & Stein, 1981), by the more the more features there are: with
    600 images and 50 features in either set of two, intervals held the estimand in 97 %. Where other images are
    only fitted to (`held_out`), they are a stratum of their own.

    "percentile" gives expanded percentile intervals (:func:`memfeat.stats.expanded`), all from the same bootstrap
    samples of held-out images, with predictions held fixed: these leave out how predictions would vary with other
    training images, and are too narrow for the estimand, by the more the more features there are.

    References
    ----------
    Efron B, Stein C (1981). The jackknife estimate of variance. Annals of Statistics 9:586-596.
    Seibold DR, McPhee RD (1979). Commonality analysis: A method for decomposing explained variance in multiple
    regression analyses. Human Communication Research 5:355-365.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> names = [f"{i:02d}.jpg" for i in range(40)]
    >>> values = np.random.default_rng(0).random((2, 40))
    >>> a, b = (xr.DataArray(v, dims="image", coords={"image": names}) for v in values)
    >>> found = partition({"a": a, "b": b}, (3 * a + b).rename("score"), n_bootstraps=0)
    >>> found["subset"].values.tolist(), bool(found["estimate"][0] > found["estimate"][1])
    (['a', 'b', 'a & b'], True)
    """
    known_options(options, PartitionOptions)
    if options.get("alternative") is not None:
        remedy = "Shares have intervals and no p-values."
        raise ArgumentError(advice("alternative", "be left out", options["alternative"], remedy))
    asked: Any = {name: given for name, given in options.items() if name != "interval"}
    interval = _interval(options.get("interval"), estimator, options.get("combine"))
    read = _sets(features)
    targets = targets_of(scores, read.table)
    cautions = read.cautions(targets)
    given = chosen_of(asked, targets.images, several=True)
    weighted = given.weights is not None
    fit = fit_of(estimator, given.grid, weighted=weighted)
    fit = combined(fit, estimator, options.get("combine"), several=True, weighted=weighted)
    generator, seed = seeded(rng)
    draws = Draws(folds, 0, n_bootstraps if interval == "percentile" else 0)
    plan = planned(fit, targets, given.weights, draws, generator, asked)
    subsets = _subsets(len(read.tables))
    [joint] = read.materials(given.scale, plan.covariates).values()
    parts = [Joint([joint.parts[k] for k in subset], equal=False) for subset in subsets]
    units = units_of(plan.exchanged.scheme, plan.folds.number[0]) if interval == "jackknife" else None
    with bar(plan.steps(len(parts)), "fits", given.progress if plan.slow else False, unit="fit") as progress:
        found = [_predicted(part, plan, units, progress.update) for part in parts]
    fit.remarked([remark for one in found for remark in one.remarks])
    result = _labelled(found, plan, units, subsets).assign_coords(
        {
            SUBSET: np.array([AND.join(list(read.tables)[k] for k in subset) for subset in subsets], dtype=object),
            SCORE: np.array(targets.names, dtype=object),
            IMAGE: targets.images[IMAGE].values,
        }
    )
    single = {SCORE: not targets.several, REPEAT: len(plan.tasks) == 1}
    return stamped(
        result.sel({IMAGE: read.table[IMAGE].values}).isel({dim: 0 for dim, one in single.items() if one}, drop=True),
        read.attrs,
        method=f"variance partitioning, {fit.name}, out of fold",
        estimand="expected out-of-fold R² for as many images in this scheme of folds, not the population value",
        combine=options.get("combine") or "concatenate",
        covariates=None if plan.covariates is None else plan.covariates.names,
        scores=targets.names if targets.several else targets.names[0],
        scale=given.scale,
        **read.recorded,
        weights=given.called,
        **plan.folds.recorded,
        penalties=fit.chosen,
        **{name: value for name, value in plan.exchanged.recorded.items() if name != "alternative"},
        n_bootstraps=draws.n_bootstraps,
        interval=WORDS[interval],
        seed=seed,
        **cautions,
    )


class _Found(NamedTuple):
    """What came of one subset."""

    predictions: Array
    """(score, repeat, n)."""
    left: Array
    """R² without each unit (score, unit), mean over repeats; no units if these were not asked for."""
    remarks: list[str]


def _interval(asked: str | None, estimator: Any, combine: str | None) -> str:
    """Choose the interval: the jackknife needs fits that are linear in the scores, penalties held."""
    by_ridge = isinstance(estimator, str) and estimator == RIDGE
    linear = by_ridge and combine in (None, "concatenate")
    if asked is None:
        return "jackknife" if linear else "percentile"
    if one_of("interval", asked, WORDS) == "jackknife" and not linear:
        remedy = "Use interval='percentile', which holds predictions fixed, or estimator='ridge'."
        other = listed(f"combine={combine!r}" if by_ridge else "another estimator")
        raise ArgumentError(advice("interval", "be 'percentile' unless ridge regression predicts", other, remedy))
    return asked


def _predicted(part: Joint, plan: Plan, units: Units | None, tick: Tick) -> _Found:
    """Predict from one subset, in every repeat."""
    if units is None:
        predicted, left = [plan.fit.run(part, task, tick) for task in plan.tasks], np.empty((plan.tasks[0].n_scores, 0))
    else:
        predicted, repeats = zip(*(ridge_left_out(part, task, units, tick) for task in plan.tasks), strict=True)
        left = np.mean(repeats, axis=0)
    remarks = [remark for one in predicted for remark in one.remarks]
    return _Found(np.stack([one.predictions.T for one in predicted], axis=1), left, remarks)


def _sets(features: Any) -> Features:
    """Read sets of features, as many as can be shared out."""
    read = features_of(features)
    if not read.several or len(read.tables) > MOST:
        found = listed.of(read.tables) if read.several else listed(type(features).__name__)
        remedy = "Pass a mapping: {'early': features[names], 'late': features[others]}."
        raise ArgumentError(advice("features", f"hold 2 to {MOST} sets", found, remedy))
    return read


def _subsets(n_sets: int) -> list[tuple[int, ...]]:
    """List subsets, small ones first."""
    return [one for size in range(1, n_sets + 1) for one in combinations(range(n_sets), size)]


def _sharing(subsets: list[tuple[int, ...]]) -> Array:
    """Give what R² of each subset (column) counts in the share of exactly each subset (row)."""
    of, everything = [frozenset(subset) for subset in subsets], frozenset(subsets[-1])
    return np.array([[(-1.0) ** (len(t & u) + 1) * (everything - t <= u) for u in of] for t in of])


def _labelled(found: list[_Found], plan: Plan, units: Units | None, subsets: list[tuple[int, ...]]) -> xr.Dataset:
    """Judge predictions, and share R² out."""
    held = plan.folds.held
    samples = np.vstack([np.ones((1, len(held)), dtype=np.int64), plan.counts])
    truths = [task.truth()[held] for task in plan.tasks]
    together = np.array(
        [
            [
                np.mean([r2(own[r, held], truth[:, s], samples) for r, truth in enumerate(truths)], axis=0)
                for s, own in enumerate(one.predictions)
            ]
            for one in found
        ]
    )
    shared = partial(np.einsum, "tu,usd->tsd", _sharing(subsets))
    both = {"estimate": shared(together), "r2": together}
    columns = {name: values[..., 0] for name, values in both.items()}
    if units is None:
        columns |= intervals({name: values[..., 1:] for name, values in both.items()}, plan.drawn)
    else:
        left = np.array([one.left for one in found])
        for name, without in {"estimate": shared(left), "r2": left}.items():
            ends = limits(columns[name], without, units)
            columns |= {named(name, what): end for what, end in zip(("ci_low", "ci_high"), ends, strict=True)}
    variables: dict[str, Any] = {name: ((SUBSET, SCORE), values) for name, values in columns.items()}
    variables |= {
        "size": (SUBSET, np.array([*map(len, subsets)])),
        "n": (SUBSET, np.full(len(subsets), len(held))),
        "prediction": ((SUBSET, SCORE, REPEAT, IMAGE), np.stack([one.predictions for one in found])),
        "fold": ((REPEAT, IMAGE), plan.folds.named()),
    }
    return xr.Dataset(variables)
