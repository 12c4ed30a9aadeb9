"""Hit rates as they would be had every target been shown again after the same lag."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, count, listed
from memfeat._labels import IMAGE, stamped
from memfeat.errors import ArgumentError, KindError, NotConvergedWarning
from memfeat.scores.trials import FurtherColumns, read

__all__ = ["lag_corrected"]

Array = npt.NDArray[np.float64]
#: Change of the slope below which the fit has settled, and rounds after which it is given up.
SETTLED, MOST = 1e-12, 100_000


class _Fit(NamedTuple):
    """What the alternating fit found."""

    slope: float
    scores: Array
    rounds: int
    settled: bool


def lag_corrected(
    trials: pd.DataFrame | str | Path,
    *,
    reference_lag: float = 100,
    n_rounds: int | None = None,
    truth: str | None = None,
    response: str | None = None,
    **columns: Unpack[FurtherColumns],
) -> xr.Dataset:
    """Correct hit rates for the lags after which targets were shown again (Khosla et al., 2015).

    Parameters
    ----------
    trials : DataFrame, str or Path
        One row per trial, as for :func:`memfeat.scores.from_trials`, with a column of lags: trials from the first
        showing to the repeat. Those of foils are not looked at.
    reference_lag : float
        The lag T for which scores are given. Publications differ: 100 for photographs in LaMem, 75 in code for videos.
    n_rounds : int, optional
        Rounds of the alternating fit, 10 in published code. Goes on until it has settled if not given.
    truth, response : str, optional
        Columns, as in :func:`memfeat.scores.from_trials`.
    **columns : image, participant, lag, confidence
        Further columns, see :class:`memfeat.scores.FurtherColumns`. `lag` must be named unless it is called so.

    Returns
    -------
    Dataset (image)
        `lag_corrected`, the share of hits to be expected at the reference lag; `hit_rate`, the share that there was;
        `hits`, `n_targets` and `mean_log_lag`, the mean of ln(lag / T); without dims, `slope`, the change of hit rate
        per unit of ln(lag). Images that were never targets are left out and counted.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError, ArgumentError
        As :func:`memfeat.scores.from_trials`; if there are no targets, a target's lag is missing, zero or negative, or
        no image has two lags, so that lag and image cannot be told apart.

    Warns
    -----
    NotConvergedWarning
        If the fit has not settled after 100,000 rounds.

    Notes
    -----
    Model: p(hit of image i after lag t) = mᵢ + α ln(t / T). Starting from mᵢ = 1 and with nᵢ answers x to image i, it
    alternates

    α = Σᵢ nᵢ⁻¹ Σⱼ ln(tᵢⱼ/T) (xᵢⱼ − mᵢ) / Σᵢ nᵢ⁻¹ Σⱼ ln(tᵢⱼ/T)², and mᵢ = nᵢ⁻¹ Σⱼ (xᵢⱼ − α ln(tᵢⱼ/T)),

    which settles at least squares with weights 1/nᵢ. The further lags are from T, relative to how much they vary for an
    image, the slower: ten rounds may be too few. As the model is linear, a score can leave 0 to 1 where the reference
    lag is far from those of the trials; it is not clipped. Scores at another T differ by one constant, and their order
    does not depend on it.

    References
    ----------
    Khosla A, Raju AS, Torralba A, Oliva A (2015). Understanding and predicting image memorability at a large scale.
    ICCV, 2390-2398.

    Examples
    --------
    >>> trials = pd.DataFrame({"image": list("aabb"), "truth": 1, "response": [1, 0, 1, 1], "lag": [10, 100, 10, 100]})
    >>> found = lag_corrected(trials)
    >>> found["slope"].item().__round__(4), found["lag_corrected"].values.round(3)
    (-0.2171, array([0.25, 0.75]))
    """
    chosen: dict[str, Any] = {**columns, "truth": truth, "response": response}
    at = _positive(reference_lag)
    rounds = None if n_rounds is None else count("n_rounds", n_rounds)
    found = read(trials, chosen, needs=("response", "lag"), of=lag_corrected)
    assert found.lag is not None
    if not found.old.any():
        raise ArgumentError(advice("trials", "hold targets", listed("foils only"), "Check the column of truth."))
    shown, image = np.unique(found.image[found.old], return_inverse=True)
    hit, log = found.said_old[found.old].astype(np.float64), np.log(found.lag[found.old] / at)
    n = np.bincount(image)
    means = {name: np.bincount(image, weights=v) / n for name, v in (("x", hit), ("l", log), ("xl", hit * log))}
    square = np.bincount(image, weights=log**2) / n
    if not np.any(square - means["l"] ** 2 > 1e-12 * (1 + square)):
        remedy = "A correction needs images that different people saw again after different lags."
        raise ArgumentError(advice("lag", "differ within an image", listed("one lag for each image"), remedy))
    fit = _alternated(means["x"], means["l"], means["xl"], square, rounds=rounds)
    if rounds is None and not fit.settled:
        words = f"The fit has not settled after {MOST:,} rounds. Take a reference_lag closer to the lags of the trials."
        warnings.warn(words, NotConvergedWarning, stacklevel=2)
    result = xr.Dataset(
        {
            "lag_corrected": (IMAGE, fit.scores),
            "hit_rate": (IMAGE, means["x"]),
            "hits": (IMAGE, np.bincount(image, weights=hit).astype(np.int64)),
            "n_targets": (IMAGE, n.astype(np.int64)),
            "mean_log_lag": (IMAGE, means["l"]),
            "slope": fit.slope,
        },
        coords={IMAGE: found.images[shown]},
    )
    return stamped(
        result,
        method="hit rates corrected for lag, alternating least squares (Khosla et al., 2015)",
        reference_lag=at,
        n_rounds=fit.rounds,
        settled=fit.settled,
        n_images_never_target=len(found.images) - len(shown),
        **found.recorded,
    )


def _positive(lag: Any) -> float:
    remedy = "It counts trials, as the lags do; leave it out for 100."
    if isinstance(lag, bool) or not isinstance(lag, int | float | np.number):
        raise KindError(advice("reference_lag", "be a number", lag, remedy))
    if not 0 < lag < np.inf:
        raise ArgumentError(advice("reference_lag", "be above 0", lag, remedy))
    return float(lag)


def _alternated(x: Array, log: Array, product: Array, square: Array, *, rounds: int | None) -> _Fit:
    """Alternate slope and scores, from the means of answers, of log lags, of their products and of squared log lags."""
    scores, slope, settled, done = np.ones_like(x), np.inf, False, 0
    while done < (MOST if rounds is None else rounds) and not (settled and rounds is None):
        new = float((product - scores * log).sum() / square.sum())
        scores = x - new * log
        settled, slope, done = abs(new - slope) < SETTLED, new, done + 1
    return _Fit(slope, scores, done, settled)
