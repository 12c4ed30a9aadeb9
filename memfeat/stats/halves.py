"""What a user gives as the reliability of scores, read: a number, what split halves found, or the scores of halves."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, finite, listed, looked_up
from memfeat._labels import IMAGE, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.stats.reliability import NAMED, spearman_brown, stepped_up

__all__ = ["HALF", "MEASURE", "SPLIT", "Reliability", "agreeing", "reliabilities", "reliability_of", "stepped_mean"]

Array = npt.NDArray[np.float64]
HALF, SPLIT, MEASURE = "half", "split", "measure"
#: The variable of what split halves found, by measure.
RELIABILITY = "reliability"
#: How their attributes begin when they say what was correlated.
METHODS = ("spearman", "pearson")
REMEDY = (
    'Pass {"split_half": 0.78}, {"spearman_brown": 0.876}, what mf.scores.split_half gave, or the scores of both '
    "halves: a DataArray (image, half, split) with two halves."
)


class Reliability(NamedTuple):
    """How reliable one score is."""

    value: float | Array
    """r_SB, of the full scores; or scores of halves (split, half, n), which give it in each sample of images."""
    recorded: float | str
    """What goes into the attributes of a result."""


def reliabilities(
    given: Any, names: Sequence[str], images: xr.DataArray, *, several: bool, reference: str
) -> dict[str, Reliability]:
    """Read the reliability of each score that has one.

    Parameters
    ----------
    given : mapping, DataArray (image, half, split) or Dataset
        {"split_half": r} or {"spearman_brown": r}; what :func:`memfeat.scores.split_half` or
        :func:`memfeat.scores.reliability` gave, a Dataset (measure), whose number is taken; or the scores of both
        halves of the participants, in which `split` may be missing where there is one, or a Dataset of them. With
        several scores, a mapping from score to any of them, or a Dataset.
    names : sequence of str
        The scores.
    images : DataArray (image)
        Images, in the order that halves are brought into.
    several : bool
        Whether the user gave a table of scores.
    reference : str
        What the user calls the data that have these images.

    Returns
    -------
    dict of Reliability
        Score → its reliability. Of a Dataset, one score takes the measure of its name, or the only one there is;
        several take those of their names.

    Raises
    ------
    KindError
        If it is none of these, or halves hold no numbers.
    ArgumentError
        If a number does not lie between 0 and 1, no measure has a score's name, images differ, a half is missing, or
        there are not two of them.
    UnknownNameError
        If a mapping names a score that is not there.
    """
    if not several:
        return {names[0]: _read(_chosen(given, names[0]), "reliability", images, reference)}
    return {
        name: _read(one, f"reliability[{name!r}]", images, reference) for name, one in _by_score(given, names).items()
    }


def reliability_of(given: Any) -> float:
    """Read one reliability that is a number.

    Parameters
    ----------
    given : mapping or Dataset
        {"split_half": r} or {"spearman_brown": r}, or what split halves gave, of one measure.

    Returns
    -------
    float
        r_SB, of the full scores.

    Raises
    ------
    KindError, ArgumentError
        If it is something else, such as halves; there are several measures; or it does not lie between 0 and 1.
    """
    if not isinstance(given, xr.Dataset):
        return spearman_brown(given)
    if not _summed(given):
        remedy = "mf.scores.reliability makes it of scores of halves."
        raise KindError(advice("reliability", "be a named number or that of split halves", listed("Dataset"), remedy))
    parts = _parts(given)
    if len(parts) != 1:
        found, remedy = listed.of(parts, most=9), f"Choose one of them: {_picked(given, parts)}."
        raise ArgumentError(advice("reliability", "have one measure", found, remedy))
    return float(_found(next(iter(parts.values())), "reliability").value)


def stepped_mean(correlations: Sequence[Array]) -> Array:
    """Step the mean correlation of halves over splits up.

    Parameters
    ----------
    correlations : sequence of array (...)
        One per split.

    Returns
    -------
    array (...)
        2r / (1 + r); NaN where r is not above 0.
    """
    mean = np.mean(correlations, axis=0)
    return stepped_up(np.where(mean > 0, mean, np.nan))


def agreeing(values: npt.ArrayLike, argument: str) -> None:
    """See to it that halves agree.

    Parameters
    ----------
    values : array (...)
        Reliabilities that halves have, of :func:`stepped_mean`.
    argument : str
        What the user calls the halves.

    Raises
    ------
    ArgumentError
        If one is NaN.
    """
    if not np.isfinite(values).all():
        found = listed("halves whose mean correlation is 0 or less")
        remedy = "Such scores cannot tell images apart: leave reliability out, or take more participants."
        raise ArgumentError(advice(argument, "be above 0", found, remedy))


def _by_score(given: Any, names: Sequence[str]) -> dict[str, Any]:
    """Give what is meant for each of several scores."""
    if isinstance(given, xr.Dataset):
        parts = _parts(given)
        kept = {name: parts[name] for name in names if name in parts}
        if not kept:
            whose = f"Say whose it is: {{{names[0]!r}: {_picked(given, parts)}}}."
            raise _unnamed(f"one of the scores {', '.join(map(repr, names))}", parts, whose)
        return kept
    if not isinstance(given, Mapping) or set(map(str, given)) & set(NAMED):
        remedy = f"Say whose it is: {{{names[0]!r}: {{'split_half': 0.78}}}}."
        raise ArgumentError(advice("reliability", "name scores", listed(type(given).__name__), remedy))
    for name in given:
        looked_up("reliability", str(name), names, f"There are {', '.join(names)}.")
    return {str(name): _chosen(one, str(name)) for name, one in given.items()}


def _chosen(given: Any, name: str) -> Any:
    """Take the measure called as the score, or the only one there is."""
    if not isinstance(given, xr.Dataset):
        return given
    parts = _parts(given)
    if name not in parts and len(parts) != 1:
        raise _unnamed(f"the score {name!r}", parts, f"Choose one of them: {_picked(given, parts)}.")
    return parts.get(name, next(iter(parts.values())))


def _parts(given: xr.Dataset) -> dict[str, Any]:
    """Give what a Dataset has by measure: what was found, or halves."""
    if not _summed(given):
        return {str(name): one for name, one in given.data_vars.items()}
    table = given if MEASURE in given.dims else given.expand_dims(MEASURE)
    names = table[MEASURE].values if MEASURE in table.coords else ["score"]
    return {str(name): table.isel({MEASURE: k}) for k, name in enumerate(names)}


def _summed(given: xr.Dataset) -> bool:
    """Tell what split halves found from the halves themselves."""
    return RELIABILITY in given.data_vars and set(given[RELIABILITY].dims) <= {MEASURE}


def _unnamed(whose: str, parts: Collection[str], remedy: str) -> ArgumentError:
    found = listed(f"measures {listed.of(parts, most=9)}" if parts else "none")
    return ArgumentError(advice("reliability", f"have a measure called as {whose}", found, remedy if parts else REMEDY))


def _picked(given: xr.Dataset, parts: Iterable[str]) -> str:
    """Write how one measure is chosen."""
    first = next(iter(parts), "hit_rate")
    return f"reliability.sel(measure={first!r})" if _summed(given) else f"reliability[{first!r}]"


def _read(given: Any, argument: str, images: xr.DataArray, reference: str) -> Reliability:
    """Read the reliability of one score."""
    if isinstance(given, xr.Dataset):
        return _found(given, argument)
    if isinstance(given, xr.DataArray):
        halves = _halves(given, argument, images, reference)
        return Reliability(halves, f"halves, {len(halves)} splits")
    if not isinstance(given, Mapping):
        raise KindError(advice(argument, "be a named number or halves", listed(type(given).__name__), REMEDY))
    value = spearman_brown(given, remedy=REMEDY)
    return Reliability(value, value)


def _found(given: xr.Dataset, argument: str) -> Reliability:
    """Take the number that split halves found for one measure, and say so."""
    measure = str(given[MEASURE].values) if MEASURE in given.coords else "score"
    value = float(given[RELIABILITY])
    if not 0 < value < 1:
        found = listed(f"{value:.4g} for {measure}")
        remedy = "What does not agree in halves, or agrees entirely, is no measure of noise: leave reliability out."
        raise ArgumentError(advice(argument, "lie between 0 and 1", found, remedy))
    method = str(given.attrs.get("method", "")).partition(" ")[0]
    how = f"{method}, stepped up" if method in METHODS else "stepped up"
    return Reliability(value, f"split_half of {measure}: {value:.4g} ({how})")


def _halves(given: xr.DataArray, argument: str, images: xr.DataArray, reference: str) -> Array:
    """Read scores of halves (split, half, n), in the order of the images."""
    if given.dtype.kind not in "iuf":
        raise KindError(advice(argument, "hold numbers", listed(f"dtype {given.dtype}"), REMEDY))
    dims = {str(name): size for name, size in given.sizes.items()}
    if dims.keys() - {SPLIT} != {IMAGE, HALF} or dims[HALF] != 2 or 0 in dims.values():
        raise ArgumentError(advice(argument, "have dims image, half (2) and split", listed(dims), REMEDY))
    whole = given if SPLIT in dims else given.expand_dims(SPLIT)
    ordered = matched(whole, images, argument=argument, reference=reference).transpose(SPLIT, HALF, IMAGE)
    values = ordered.values.astype(np.float64)
    remedy = f"Drop images that a half of the participants has not seen, {argument}.dropna('image'), from all else too."
    finite(argument, values.transpose(2, 0, 1), list(map(str, images[IMAGE].values)), remedy=remedy)
    return values
