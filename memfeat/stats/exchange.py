"""What may change places or be drawn again: images, images inside their group, or whole groups."""

from collections.abc import Callable, Iterator
from itertools import islice, product
from itertools import permutations as arrangements
from math import factorial, prod
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, count, known_options, listed, one_of
from memfeat._columns import of_series
from memfeat._labels import IMAGE, image_names, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.stats.inference import ALTERNATIVES

__all__ = ["Exchange", "Units", "bootstrap_counts", "drawn_units", "grouping", "permutations", "units"]

Array = npt.NDArray[Any]
Scheme = Literal["free", "within", "whole"]
Alternative = Literal["two-sided", "greater", "less"]


class Exchange(TypedDict, total=False):
    """What may be exchanged under the null hypothesis, and which side is tested: options that every test takes.

    `blocks` : DataArray (image) or Series, the group of each image (category, scene, participant).
    `permute` : "free" (groups are ignored), "within" (images change places inside their group) or "whole" (groups of
    equal size change places as a whole). Must be named when blocks are given.
    `alternative` : "two-sided" (the default), "greater" or "less".
    """

    blocks: xr.DataArray | pd.Series
    permute: Scheme
    alternative: Alternative


class Units(NamedTuple):
    """Options of a test, checked, with groups in the order of the images."""

    scheme: dict[str, Any]
    """`blocks` (array or None) and `permute`, as :func:`permutations` and :func:`bootstrap_counts` take them."""
    alternative: str
    recorded: dict[str, str | None]
    """What goes into the attributes of the result: `blocks`, `permute` and `alternative`."""


def units(exchange: Exchange, *, to: xr.Dataset | xr.DataArray, alternative: Alternative) -> Units:
    """Check what may be exchanged and which side is tested.

    Parameters
    ----------
    exchange : dict
        The options that the user gave; those that are None count as not given.
    to : Dataset or DataArray (image, ...)
        Labelled data whose images the groups must cover; gives the order.
    alternative : {"two-sided", "greater", "less"}
        The side that is tested unless the user says otherwise.

    Returns
    -------
    Units
        The options, checked.

    Raises
    ------
    UnknownNameError
        If there is no such option.
    KindError, ArgumentError
        If groups are not one label per image of `to`, a scheme is missing or superfluous, or the side is unknown.
    """
    known_options(exchange, Exchange)
    given: dict[str, Any] = {name: value for name, value in exchange.items() if value is not None}
    column = given.get("blocks")
    groups = None if column is None else grouping(column, to=to)
    scheme = _scheme(groups, given.get("permute"))
    side = one_of("alternative", given.get("alternative", alternative), ALTERNATIVES)
    called = None if groups is None else str(groups.name) if groups.name is not None else "groups"
    recorded = {"blocks": called, "permute": scheme, "alternative": side}
    return Units({"blocks": None if groups is None else groups.values, "permute": scheme}, side, recorded)


def grouping(column: Any, *, to: xr.Dataset | xr.DataArray | None = None, argument: str = "blocks") -> xr.DataArray:
    """Check one label per image, and number the groups.

    Parameters
    ----------
    column : DataArray (image) or pandas.Series
        Text or whole numbers. The index of a Series holds the image names.
    to : Dataset or DataArray (image, ...), optional
        Labelled data whose images must be the same; gives the order.
    argument : str
        What the user calls the column.

    Returns
    -------
    DataArray (image)
        Number of each image's group, int64; groups are numbered in the order of their names.

    Raises
    ------
    KindError
        If the column is neither a DataArray nor a Series.
    ArgumentError
        If a label is missing, there are other dims, or images differ.
    """
    if isinstance(column, pd.Series):
        column = of_series(column.astype(object), argument)
    if not isinstance(column, xr.DataArray):
        remedy = 'Pass one column: images["category"], or a Series indexed by image name.'
        raise KindError(advice(argument, "be a DataArray or Series", listed(type(column).__name__), remedy))
    image_names(column, argument)
    if column.dims != (IMAGE,):
        raise ArgumentError(
            advice(argument, "have one label per image", listed(f"dims {tuple(map(str, column.dims))}"))
        )
    column = column if to is None else matched(column, to, argument=argument, reference="the images")
    labels = column.values
    missing = pd.isna(labels)
    if missing.any():
        which = listed.of(column[IMAGE].values[missing])
        raise ArgumentError(advice(argument, "have a label for every image", listed(f"none for {which}")))
    ordered = labels if labels.dtype.kind in "iufb" else labels.astype(str)
    numbers = np.unique(ordered, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return xr.DataArray(numbers, dims=IMAGE, coords={IMAGE: column[IMAGE]}, name=column.name)


def permutations(
    n: int, n_permutations: int, *, rng: np.random.Generator, blocks: Array | None = None, permute: str | None = None
) -> tuple[Array, bool]:
    """Draw rearrangements of images, or list them all when they are few.

    Null hypothesis: the labels of images (or of whole groups) carry no information, so that every rearrangement was
    equally likely. Unit of exchange: the image; with `permute="within"` the image inside its group; with
    `permute="whole"` the group.

    Parameters
    ----------
    n : int
        Number of images, in the order of their names, so that a seed gives the same draw for the same images.
    n_permutations : int
        Number of draws. If there are no more rearrangements than this, all are listed, the identity first.
    rng : numpy.random.Generator
        Source of the draws; untouched when all are listed.
    blocks : array (n,), optional
        Group of each image.
    permute : {"free", "within", "whole"}, optional
        What may change places; must be named when there are blocks, and is "free" otherwise. Whole groups change
        places with groups of the same size, image by image in the given order.

    Returns
    -------
    array (permutation, n) of int
        Row r says which image takes each image's place.
    bool
        Whether these are all rearrangements.

    Raises
    ------
    ArgumentError
        If blocks are given without a scheme or a scheme without blocks, or nothing can change places.

    Examples
    --------
    >>> import numpy as np
    >>> permutations(3, 6, rng=np.random.default_rng(0))[0].tolist()
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    """
    count("n_permutations", n_permutations)
    labels = np.zeros(n, dtype=int) if blocks is None else np.asarray(blocks)
    pools = POOLS[_scheme(blocks, permute)](labels)
    total = prod(factorial(len(pool)) for pool in pools)
    if total == 1:
        found = listed(f"groups of {', '.join(map(str, np.unique(labels, return_counts=True)[1]))} images")
        remedy = "Whole groups change places with groups of their size only; groups of one image leave nothing within."
        raise ArgumentError(advice("blocks", f"leave something to exchange with permute={permute!r}", found, remedy))
    exact = total <= n_permutations
    rows = _all_rows(pools) if exact else _drawn_rows(pools, rng)
    index = np.empty((total if exact else n_permutations, n), dtype=np.min_scalar_type(n))
    for row, moved in zip(index, islice(rows, len(index)), strict=True):
        for pool, places in zip(pools, moved, strict=True):
            row[pool] = pool[np.asarray(places)]
    return index, exact


def bootstrap_counts(
    n: int, n_bootstraps: int, *, rng: np.random.Generator, blocks: Array | None = None, permute: str | None = None
) -> Array:
    """Draw how often each image stands in each bootstrap sample.

    Resampled unit: the image; with `permute="within"` the image inside its group; with `permute="whole"` the group.

    Parameters
    ----------
    n : int
        Number of images, in the order of their names.
    n_bootstraps : int
        Number of samples.
    rng : numpy.random.Generator
        Source of the draws.
    blocks : array (n,), optional
        Group of each image.
    permute : {"free", "within", "whole"}, optional
        The scheme, as for :func:`permutations`.

    Returns
    -------
    array (draw, n) of int
        Counts. Each row sums to n, except that whole groups of different sizes give samples of different sizes.

    Raises
    ------
    ArgumentError
        If blocks are given without a scheme or a scheme without blocks, or every sample would be the same.
    """
    count("n_bootstraps", n_bootstraps)
    scheme = _scheme(blocks, permute)
    drawn = drawn_units(n, blocks=blocks, permute=permute)
    if drawn["n"] <= drawn["strata"]:
        found = listed(f"{drawn['n']} units in {drawn['strata']} groups")
        remedy = "Whole groups need at least two; groups of one image leave nothing to draw within. Or n_bootstraps=0."
        raise ArgumentError(advice("blocks", f"leave something to draw with permute={scheme!r}", found, remedy))
    groups = np.zeros(n, dtype=int) if blocks is None else np.unique(blocks, return_inverse=True)[1].reshape(-1)
    if scheme == "whole":
        return _draws(rng, groups.max() + 1, n_bootstraps)[:, groups]
    counts = np.empty((n_bootstraps, n), dtype=np.int64)
    for pool in POOLS[scheme](groups):
        counts[:, pool[:, 0]] = _draws(rng, len(pool), n_bootstraps)
    return counts


def drawn_units(n: int, *, blocks: Array | None = None, permute: str | None = None) -> dict[str, int]:
    """Count what a bootstrap sample draws, for :func:`expanded`.

    Parameters
    ----------
    n : int
        Number of images.
    blocks : array (n,), optional
        Group of each image.
    permute : {"free", "within", "whole"}, optional
        The scheme, as for :func:`permutations`.

    Returns
    -------
    dict
        `n`, how many units are drawn: images, or groups with `permute="whole"`; `strata`, in how many groups: more than
        one with `permute="within"`.
    """
    groups = 1 if blocks is None else len(np.unique(blocks))
    return {"free": _drawn(n), "within": _drawn(n, groups), "whole": _drawn(groups)}[_scheme(blocks, permute)]


def _drawn(n: int, strata: int = 1) -> dict[str, int]:
    return {"n": n, "strata": strata}


def _scheme(blocks: Any, permute: str | None) -> str:
    """Check that groups come with a named scheme, and a scheme that needs groups with groups."""
    if blocks is None and permute in (None, "free"):
        return "free"
    if permute is None:
        remedy = (
            'Choose permute="whole" when scores or features vary between groups (free permutation then rejects too '
            'often), permute="within" to compare images inside their group only, or permute="free" to ignore groups.'
        )
        raise ArgumentError(advice("permute", "be named when blocks are given", permute, remedy))
    one_of("permute", permute, POOLS)
    if blocks is None:
        raise ArgumentError(advice("blocks", f"be given when permute={permute!r}", blocks, 'Or use permute="free".'))
    return permute


def _groups(labels: Array) -> list[Array]:
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def _whole(labels: Array) -> list[Array]:
    """Stack groups of equal size: (group, image)."""
    groups = _groups(labels)
    sizes = sorted({len(group) for group in groups})
    return [np.stack([group for group in groups if len(group) == size]) for size in sizes]


#: scheme -> pools of units that may change places, each (unit, image in unit)
POOLS: dict[str, Callable[[Array], list[Array]]] = {
    "free": lambda labels: [np.arange(len(labels))[:, None]],
    "within": lambda labels: [group[:, None] for group in _groups(labels)],
    "whole": _whole,
}


def _all_rows(pools: list[Array]) -> Iterator[tuple[Any, ...]]:
    return product(*(arrangements(range(len(pool))) for pool in pools))


def _drawn_rows(pools: list[Array], rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    while True:
        yield tuple(rng.permutation(len(pool)) for pool in pools)


def _draws(rng: np.random.Generator, n: int, n_bootstraps: int) -> Array:
    return rng.multinomial(n, np.full(n, 1 / n), size=n_bootstraps)
