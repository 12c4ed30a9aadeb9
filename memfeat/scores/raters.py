"""How reliable scores of fewer or more raters would be."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import stamped
from memfeat.errors import ArgumentError, KindError
from memfeat.stats.halves import reliability_of

__all__ = ["by_raters"]

#: What to pass for a number of raters.
ADVICE = "Pass how many people saw each image on average, such as 40."
Array = npt.NDArray[np.float64]
MEASURE, RATERS = "measure", "n_raters"
#: What is known of a reliability that was measured, with its interval.
KNOWN = {"estimate": "reliability", "ci_low": "reliability_ci_low", "ci_high": "reliability_ci_high"}
#: Raters that are looked at by default: so many numbers, to so many times those that were measured.
STEPS, TIMES = 60, 4


def by_raters(
    reliability: Mapping[str, float] | xr.Dataset, *, n_raters: float, at: Sequence[float] | None = None
) -> xr.Dataset:
    """Compute how reliable scores of fewer or more raters would be.

    Parameters
    ----------
    reliability : mapping or Dataset
        What is known: {"spearman_brown": r}, of the scores of all raters, or {"split_half": r}, the mean correlation of
        random halves of them; or what :func:`split_half` or :func:`reliability` gave, of one measure or several.
    n_raters : float
        How many raters, or responses per image on average, that was found with.
    at : sequence of float, optional
        Numbers of raters that are asked about; by default whole numbers from 1 to four times `n_raters`.

    Returns
    -------
    Dataset (n_raters) or (measure, n_raters)
        `estimate`, the reliability of scores of so many raters; `measured`, that of `n_raters`. Of what split halves
        gave also `ci_low` and `ci_high` (95 %), the limits of the measured one stepped alike, and `n` images.

    Raises
    ------
    KindError
        If these are no numbers.
    ArgumentError
        If the reliability is not named, does not lie between 0 and 1 or is no result of split halves, or a number of
        raters is not above 0.

    See Also
    --------
    n_raters : Says how many raters a reliability needs.
    memfeat.plot.reliability : Draws it.

    Notes
    -----
    With reliability r of n raters, that of m raters is k r / (1 + (k − 1) r), k = m / n (Spearman-Brown). It rises with
    r, so that limits of r are limits of it, and cover alike. It holds for raters like these, who see the images as
    these did. A lower limit below 0 is taken for 0.

    References
    ----------
    Spearman C (1910). Correlation calculated from faulty data. British Journal of Psychology 3:271-295.
    Brown W (1910). Some experimental results in the correlation of mental abilities. British Journal of Psychology
    3:296-322.

    Examples
    --------
    >>> found = by_raters({"spearman_brown": 0.75}, n_raters=40, at=[20, 40, 120])
    >>> found["estimate"].values.round(3).tolist()
    [0.6, 0.75, 0.9]
    """
    n = _number("n_raters", n_raters)
    raters = _places(n) if at is None else np.array([_number("at", one) for one in at])
    if not raters.size:
        raise ArgumentError(
            advice("at", "hold a number of raters at least", listed("none"), "Leave it out for a curve.")
        )
    known = _known(reliability)
    columns = {name: _stepped(values, raters / n) for name, values in known.items()}
    columns["measured"] = known["estimate"]
    result = xr.Dataset(columns, coords={RATERS: raters})
    facts: dict[str, Any] = {"n_measured": n, "method": "Spearman-Brown"}
    if isinstance(reliability, xr.Dataset):
        result = result.assign(n=reliability["n"])
        counts = np.unique(reliability["n"].values)
        facts["n_images"] = f"{counts[0]}" if counts.size == 1 else f"{counts[0]} to {counts[-1]}"
        facts["interval"] = str(reliability.attrs.get("interval", "95 % interval over images"))
    return stamped(result, reliability.attrs if isinstance(reliability, xr.Dataset) else None, **facts)


def _stepped(r: xr.DataArray, times: Array) -> xr.DataArray:
    """Step reliabilities to so many times as many raters."""
    k = xr.DataArray(times, dims=RATERS)
    held = r.clip(min=0)
    return (held * k / (1 + (k - 1) * held)).transpose(..., RATERS)


def _known(reliability: Any) -> dict[str, xr.DataArray]:
    """Give what is known of the reliability of all raters, with its interval if there is one."""
    if not isinstance(reliability, xr.Dataset) or "reliability" not in reliability:
        return {"estimate": xr.DataArray(reliability_of(reliability))}
    found = {name: reliability[column] for name, column in KNOWN.items() if column in reliability}
    value = found["estimate"]
    if not set(value.dims) <= {MEASURE}:
        dims = listed(f"dims {tuple(map(str, value.dims))}")
        raise ArgumentError(advice("reliability", "be of one measure or several", dims, "Select first."))
    if not ((value > 0) & (value < 1)).all():
        found_values = listed(", ".join(f"{one:.3g}" for one in np.ravel(value.values)))
        remedy = "Leave out measures whose halves do not agree: reliability.sel(measure=[…])."
        raise ArgumentError(advice("reliability", "lie between 0 and 1 for each measure", found_values, remedy))
    return found


def _places(n: float) -> Array:
    """Give whole numbers from 1 to four times as many, nearer to each other where the curve is steep."""
    last = max(2.0, round(TIMES * n))
    return np.unique(np.round(np.geomspace(1, last, STEPS)))


def _number(argument: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise KindError(advice(argument, "be a number of raters", value, ADVICE))
    number = float(value)
    if not (np.isfinite(number) and number > 0):
        raise ArgumentError(advice(argument, "be above 0", value, ADVICE))
    return number
