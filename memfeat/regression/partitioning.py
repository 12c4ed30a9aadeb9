"""How much of the scores several sets of features predict alone and in common, out of fold."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, stamped
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.regression.combining import combined
from memfeat.regression.fits import fit_of
from memfeat.regression.inference import intervals
from memfeat.regression.options import DecodeOptions, chosen_of
from memfeat.regression.planning import Draws, Plan, planned
from memfeat.regression.resampled import r2
from memfeat.regression.sets import AND, Features, Joint, features_of
from memfeat.regression.targets import SCORE, targets_of

__all__ = ["partition"]

Array = npt.NDArray[np.float64]
MOST = 4
REPEAT, SUBSET = "repeat", "subset"


def partition(
    features: Mapping[str, Any],
    scores: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame,
    *,
    estimator: Any = "ridge",
    folds: int | xr.DataArray | pd.Series = 5,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[DecodeOptions],
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
        How many bootstrap samples of images for the intervals. 0 gives no intervals.
    rng : int or numpy.random.Generator
        Seed of folds, bootstrap samples and inner folds, in this order.
    **options : combine, covariates, groups, strata, repeats, held_out, scale, weights, grid, progress, blocks, permute
        As in :func:`decode`; `blocks` and `permute` say how images are drawn. There is no test, and no `alternative`.

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
        As :func:`decode` does; if there are fewer than two or more than four sets, or an `alternative`.

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

    Intervals are expanded percentile intervals (:func:`memfeat.stats.expanded`), all from the same bootstrap samples of
    held-out images, with predictions held fixed: they leave out how predictions would vary with other training images.

    References
    ----------
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
    if options.get("alternative") is not None:
        remedy = "Shares have intervals and no p-values."
        raise ArgumentError(advice("alternative", "be left out", options["alternative"], remedy))
    read = _sets(features)
    targets = targets_of(scores, read.table)
    cautions = read.cautions(targets)
    given = chosen_of(options, targets.images, several=True)
    weighted = given.weights is not None
    fit = fit_of(estimator, given.grid, weighted=weighted)
    fit = combined(fit, estimator, options.get("combine"), several=True, weighted=weighted)
    generator, seed = seeded(rng)
    plan = planned(fit, targets, given.weights, Draws(folds, 0, n_bootstraps), generator, options)
    subsets = _subsets(len(read.tables))
    [joint] = read.materials(given.scale, plan.covariates).values()
    parts = [Joint([joint.parts[k] for k in subset], equal=False) for subset in subsets]
    with bar(plan.steps(len(parts)), "fits", given.progress if plan.slow else False, unit="fit") as progress:
        predicted = [[fit.run(part, task, progress.update) for task in plan.tasks] for part in parts]
    fit.remarked([remark for of_subset in predicted for one in of_subset for remark in one.remarks])
    predictions = np.array([[one.predictions.T for one in of_subset] for of_subset in predicted]).swapaxes(1, 2)
    result = _labelled(predictions, plan, subsets).assign_coords(
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
        n_bootstraps=n_bootstraps,
        interval="95 % expanded percentile bootstrap over images, predictions held fixed",
        seed=seed,
        **cautions,
    )


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


def _labelled(predictions: Array, plan: Plan, subsets: list[tuple[int, ...]]) -> xr.Dataset:
    """Judge predictions (subset, score, repeat, n), and share R² out."""
    held, n_scores = plan.folds.held, plan.tasks[0].n_scores
    samples = np.vstack([np.ones((1, len(held)), dtype=np.int64), plan.counts])
    truths = [task.truth()[held] for task in plan.tasks]
    together = np.array(
        [
            [
                np.mean([r2(own[r, held], truth[:, s], samples) for r, truth in enumerate(truths)], axis=0)
                for s, own in enumerate(of_subset[:n_scores])
            ]
            for of_subset in predictions
        ]
    )
    shares = np.einsum("tu,usd->tsd", _sharing(subsets), together)
    columns = {"estimate": shares[..., 0], "r2": together[..., 0]}
    columns |= intervals({"estimate": shares[..., 1:], "r2": together[..., 1:]}, plan.drawn)
    variables: dict[str, Any] = {name: ((SUBSET, SCORE), values) for name, values in columns.items()}
    variables |= {
        "size": (SUBSET, np.array([*map(len, subsets)])),
        "n": (SUBSET, np.full(len(subsets), len(held))),
        "prediction": ((SUBSET, SCORE, REPEAT, IMAGE), predictions),
        "fold": ((REPEAT, IMAGE), plan.folds.named()),
    }
    return xr.Dataset(variables)
