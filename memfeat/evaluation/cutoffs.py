"""What the error is without images below, or above, a score."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import advice
from memfeat._labels import stamped
from memfeat.errors import ArgumentError, KindError
from memfeat.evaluation.agreement import about
from memfeat.evaluation.pairing import Column, Counts, Draws, Pair, Sampling, draws, pair

__all__ = ["AUTHORS", "CUTOFFS", "error_by_cutoff"]

Array = npt.NDArray[np.float64]
#: The cut-offs that ResMem's authors report: the lowest value it predicts, and one half.
AUTHORS = (0.411, 0.5)
#: 0 removes no hit rate.
CUTOFFS = (0.0, 0.411, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
ERRORS = ("mse", "rmse", "mae")
UNITS = ("score²", "score", "score")
CUT, REMOVED, CUTOFF, METRIC = "cut", "removed", "cutoff", "metric"
CUTS, SIDES = ("predicted", "measured"), ("below", "above")
DIMS = (METRIC, CUT, REMOVED, CUTOFF)
LABELS = {METRIC: ERRORS, CUT: CUTS, REMOVED: SIDES}


def error_by_cutoff(
    predictions: Column,
    scores: xr.DataArray | pd.Series,
    *,
    cutoffs: Sequence[float] = CUTOFFS,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **sampling: Unpack[Sampling],
) -> xr.Dataset:
    """Compute the error without images below, or above, each of several cut-offs, and the share of images removed.

    Parameters
    ----------
    predictions : Dataset, DataArray (image) or pandas.Series
        What `mf.predict` gave, or any number per image.
    scores : DataArray (image) or pandas.Series
        What was measured, matched by image name.
    cutoffs : sequence of float
        Where to cut, in units of the scores; .411 and .5 are those of ResMem's authors.
    n_bootstraps : int
        How many bootstrap samples of images for the intervals. 0 gives none.
    rng : int or numpy.random.Generator
        Seed of the samples.
    **sampling : optional
        `blocks` and `permute`, see :class:`memfeat.evaluation.Sampling`.

    Returns
    -------
    Dataset (metric, cut, removed, cutoff)
        `estimate`, `ci_low` and `ci_high` (95 %) of `mse`, `rmse` and `mae` over the images that are left; `n` of them
        and `share_removed (cut, removed, cutoff)`. `cut` says which number is compared with the cut-off, the predicted
        or the measured one; `removed` whether images below it go (those at it stay) or those above. NaN where nothing
        is left.

    Raises
    ------
    KindError
        If predictions, scores or cut-offs are no numbers.
    ArgumentError
        If images differ, a value is missing, or there is no cut-off.
    UnknownNameError
        If there is no option of that name.

    Notes
    -----
    Cutting on the predicted score can be done before anything is measured, and says for which images a predictor may
    be trusted. ResMem's authors name .411 as the lowest value that it predicts, so the cut they mean is on predictions.
    Cutting on the measured score selects by the very noise that the error contains: the images left have been measured
    too high on average, and the error is not that of images which people really remember so well.

    References
    ----------
    Needell, C. D., & Bainbridge, W. A. (2022). Embracing new techniques in deep learning for estimating image
    memorability. Computational Brain & Behavior, 5, 168-184.

    Examples
    --------
    >>> import pandas as pd
    >>> names = [f"{i}.jpg" for i in range(4)]
    >>> result = error_by_cutoff(
    ...     pd.Series([0.4, 0.6, 0.7, 0.8], names), pd.Series([0.6, 0.6, 0.6, 0.8], names), cutoffs=[0, 0.5]
    ... )
    >>> result["estimate"].sel(metric="mae", cut="predicted", removed="below").values.round(3)
    array([0.075, 0.033])
    """
    given = pair(predictions, scores)
    where = _cutoffs(cutoffs)
    samples = draws(given.images, n_bootstraps, rng, sampling)
    kept = _kept(given, where)
    low, high = _limits(given, kept, samples)
    estimate = _errors(given, kept, np.ones((1, samples.n), dtype=np.int64))[..., 0]
    variables: dict[str, Any] = {
        "estimate": (DIMS, estimate),
        "ci_low": (DIMS, low),
        "ci_high": (DIMS, high),
        "n": (DIMS[1:], kept.sum(axis=-1)),
        "share_removed": (DIMS[1:], 1 - kept.mean(axis=-1)),
    }
    coords: dict[str, Any] = {name: np.array(values, dtype=object) for name, values in LABELS.items()}
    coords |= {CUTOFF: where, "unit": (METRIC, np.array(UNITS, dtype=object))}
    result = stamped(xr.Dataset(variables, coords), given.facts, **given.called, **about(samples))
    return result.assign_attrs(interval="percentile bootstrap", n_images=samples.n)


def _cutoffs(cutoffs: Any) -> Array:
    try:
        where = np.unique(np.asarray(list(cutoffs), dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise KindError(advice("cutoffs", "be numbers", cutoffs, "As in cutoffs=[0.411, 0.5].")) from error
    if not where.size or not np.isfinite(where).all():
        raise ArgumentError(advice("cutoffs", "be at least one finite number", cutoffs, "As in cutoffs=[0.411, 0.5]."))
    return where


def _kept(given: Pair, where: Array) -> npt.NDArray[np.bool_]:
    """Say which images stay: (cut, removed, cutoff, image)."""
    values = np.stack([given.prediction, given.score])[:, None]
    return np.stack([values >= where[:, None], values <= where[:, None]], axis=1)


def _errors(given: Pair, kept: npt.NDArray[np.bool_], counts: Counts) -> Array:
    """Compute the errors in samples: (metric, cut, removed, cutoff, draw)."""
    error = given.prediction - given.score
    left = kept.reshape(-1, len(error)).T.astype(np.float64)  # (image, subset)
    n = counts @ left
    squared, absolute = (
        np.divide(counts @ (left * one[:, None]), n, out=np.full(n.shape, np.nan), where=n > 0)
        for one in (error**2, np.abs(error))
    )
    found = np.stack([squared, np.sqrt(squared), absolute])  # (metric, draw, subset)
    return found.transpose(0, 2, 1).reshape(len(ERRORS), *kept.shape[:-1], len(counts))


def _limits(given: Pair, kept: npt.NDArray[np.bool_], samples: Draws) -> tuple[Array, Array]:
    shape = (len(ERRORS), *kept.shape[:-1])
    if not samples.n_bootstraps:
        return np.full(shape, np.nan), np.full(shape, np.nan)
    return stats.interval(np.concatenate([_errors(given, kept, one) for one in samples.samples()], axis=-1))
