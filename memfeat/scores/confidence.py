"""Receiver operating characteristics from how sure people were."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.integrate import trapezoid

from memfeat._check import advice, listed, one_of
from memfeat._labels import IMAGE, stamped
from memfeat.errors import ArgumentError
from memfeat.scores.trials import FurtherColumns, Trials, read

__all__ = ["roc"]

Array = npt.NDArray[np.float64]


def _signed(found: Trials, confidence: Array) -> Array:
    """Order answers from sure new to sure old; the least sure old stands next to the least sure new."""
    above = confidence - confidence.min() + 1
    return np.asarray(np.where(found.said_old, above, -above))


#: what the column holds -> columns that it needs, and how it becomes a rating from sure new to sure old
SCALES: dict[str, tuple[tuple[str, ...], Callable[[Trials, Array], Array]]] = {
    "confidence": (("response", "confidence"), _signed),
    "old": (("confidence",), lambda found, confidence: confidence),
}
#: what is put together -> whether images are told apart
POOLED = {"image": False, "all": True}


def roc(
    trials: pd.DataFrame | str | Path,
    *,
    by: str = "image",
    scale: str = "confidence",
    truth: str | None = None,
    response: str | None = None,
    **columns: Unpack[FurtherColumns],
) -> xr.Dataset:
    """Trace the receiver operating characteristic (ROC) from confidence ratings.

    Parameters
    ----------
    trials : DataFrame, str or Path
        One row per trial, as for :func:`memfeat.scores.from_trials`.
    by : {"image", "all"}
        One curve per image, or one of all trials together.
    scale : {"confidence", "old"}
        What the column `confidence` holds: how sure the answer in `response` was; or a rating from sure new (lowest) to
        sure old (highest), which needs no `response`.
    truth, response : str, optional
        Columns, as in :func:`memfeat.scores.from_trials`.
    **columns : image, participant, lag, confidence
        Further columns, see :class:`memfeat.scores.FurtherColumns`. `confidence` must be named unless it is called so.

    Returns
    -------
    Dataset (image, threshold)
        `hit_rate` and `false_alarm_rate` of those who rated at or above each threshold, from (0, 0) at infinity to
        (1, 1) at the lowest rating; `auc` (image), the area under the straight lines between the points; `n_targets`
        and `n_foils`. Without `image` for `by="all"`. NaN for images that were never shown as target, or as foil.
        With `scale="confidence"` a threshold is 1, 2, … for "old" and −1, −2, … for "new", from the least sure on.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError, ArgumentError
        As :func:`memfeat.scores.from_trials`; if a confidence is missing, all ratings are the same, or an option has an
        unknown value.

    Notes
    -----
    The area is the probability that a target is rated higher than a foil, ties counting half (Mann-Whitney).
    Where all trials are together, people who use the scale differently bring the area down.

    References
    ----------
    Macmillan NA, Creelman CD (2005). Detection theory: a user's guide. Erlbaum.

    Examples
    --------
    >>> trials = pd.DataFrame({"image": ["a"] * 4, "truth": [1, 1, 0, 0], "response": [1, 1, 1, 0]})
    >>> curve = roc(trials.assign(confidence=[3, 1, 1, 2]))
    >>> curve["threshold"].values, curve["hit_rate"].values[0], curve["auc"].item()
    (array([inf,  3.,  1., -2.]), array([0. , 0.5, 1. , 1. ]), 0.875)
    """
    pooled = POOLED[one_of("by", by, POOLED)]
    needs, rated = SCALES[one_of("scale", scale, SCALES)]
    chosen: dict[str, Any] = {**columns, "truth": truth}
    if "response" in needs:
        chosen["response"] = response
    elif response is not None:
        remedy = "A rating from sure new to sure old says what was answered by itself."
        raise ArgumentError(advice("response", "be left out with scale='old'", response, remedy))
    found = read(trials, chosen, needs=needs, of=roc)
    assert found.confidence is not None
    levels, level = np.unique(rated(found, found.confidence), return_inverse=True)
    if len(levels) < 2:
        same = listed(f"{found.confidence[0]:g} in all trials")
        remedy = "Name the column of ratings, confidence='…'; without ratings, take mf.scores.from_trials."
        raise ArgumentError(advice("confidence", "vary", same, remedy))
    image = np.zeros_like(found.image) if pooled else found.image
    images = found.images[:1] if pooled else found.images
    rates, n = _curves(image, found.old, level, shape=(len(images), len(levels)))
    result = xr.Dataset(
        {
            "hit_rate": ((IMAGE, "threshold"), rates[:, 0]),
            "false_alarm_rate": ((IMAGE, "threshold"), rates[:, 1]),
            "auc": (IMAGE, trapezoid(rates[:, 0], rates[:, 1], axis=1)),
            "n_targets": (IMAGE, n[:, 0]),
            "n_foils": (IMAGE, n[:, 1]),
        },
        coords={IMAGE: images, "threshold": np.append(np.inf, levels[::-1])},
    )
    result = result.isel({IMAGE: 0}, drop=True) if pooled else result
    return stamped(result, method="ROC of confidence ratings, trapezoidal area", by=by, scale=scale, **found.recorded)


def _curves(
    image: npt.NDArray[np.intp], old: npt.NDArray[np.bool_], level: npt.NDArray[np.intp], *, shape: tuple[int, int]
) -> tuple[Array, npt.NDArray[np.int64]]:
    """Give shares at or above each threshold (image, target or foil, threshold), and how many trials there are."""
    n_images, n_levels = shape
    cells = np.bincount((2 * image + ~old) * n_levels + level, minlength=2 * n_images * n_levels)
    above = np.cumsum(cells.reshape(n_images, 2, n_levels)[..., ::-1], axis=-1)
    above = np.concatenate([np.zeros((n_images, 2, 1), dtype=above.dtype), above], axis=-1)
    n = above[..., -1]
    return above / np.where(n > 0, n, np.nan)[..., None], n
