"""Which image counts to which set if labels change places: every way there is, or as many as are asked for."""

from collections.abc import Callable, Iterator
from itertools import combinations, product
from math import comb, prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["relabelled"]

Labels = npt.NDArray[np.int64]
#: Labels that are drawn at once.
BLOCK = 10_000_000


class _Pool(NamedTuple):
    """Units that may change places."""

    places: npt.NDArray[np.intp]
    """(unit, image in unit)"""
    kinds: Labels
    """Which row of `patterns` each unit has (unit,)"""
    patterns: npt.NDArray[Any]
    """What units are labelled (kind, image in unit)"""

    @property
    def total(self) -> int:
        """Number of ways that differ."""
        sizes = np.bincount(self.kinds).tolist()
        return prod(comb(sum(sizes[: k + 1]), size) for k, size in enumerate(sizes))


def relabelled(
    label: npt.NDArray[Any],
    n_permutations: int,
    rng: np.random.Generator,
    *,
    blocks: npt.NDArray[Any] | None = None,
    permute: str | None = None,
) -> tuple[npt.NDArray[Any], bool]:
    """Let labels change places.

    Null hypothesis: every way to hand out these labels was equally likely. Unit of exchange: the image; with
    `permute="within"` the image inside its group; with `permute="whole"` the group, among groups of its size.

    Parameters
    ----------
    label : array (n,) of int or bool
        The set of each image, in the order of their names, so that a seed gives the same draw for the same images.
    n_permutations : int
        Number of draws. If there are no more ways than this that differ, all are listed.
    rng : numpy.random.Generator
        Source of the draws; untouched when all are listed.
    blocks : array (n,), optional
        Group of each image.
    permute : {"free", "within", "whole"}, optional
        What may change places; "free" without groups.

    Returns
    -------
    array (sample, n)
        Labels.
    bool
        Whether these are all ways.

    Examples
    --------
    >>> import numpy as np
    >>> relabelled(np.array([1, 1, 0]), 3, np.random.default_rng(0))
    (array([[1, 1, 0],
           [1, 0, 1],
           [0, 1, 1]]), True)
    """
    pools = [_pool(label, places) for places in POOLS[permute or "free"](label if blocks is None else blocks)]
    total = prod(pool.total for pool in pools)
    exact = total <= n_permutations
    found = np.empty((total if exact else n_permutations, len(label)), dtype=label.dtype)
    if exact:
        for row, ways in zip(found, product(*(list(_ways(pool.kinds.tolist())) for pool in pools)), strict=True):
            for pool, way in zip(pools, ways, strict=True):
                row[pool.places] = pool.patterns[list(way)]
        return found, True
    step = max(1, BLOCK // len(label))
    for start in range(0, n_permutations, step):
        part = found[start : start + step]
        for pool in _together(pools):
            drawn = rng.permuted(np.broadcast_to(pool.kinds, (len(part), *pool.kinds.shape)), axis=-1)
            part[:, pool.places] = pool.patterns[drawn]
    return found, False


def _pool(label: npt.NDArray[Any], places: npt.NDArray[np.intp]) -> _Pool:
    patterns, kinds = np.unique(label[places], axis=0, return_inverse=True)
    return _Pool(places, kinds.reshape(-1), patterns)


def _together(pools: list[_Pool]) -> Iterator[_Pool]:
    """Draw pools of as many single images in one go: (pool, unit) in place of (unit,)."""
    alone = [pool for pool in pools if pool.places.shape[1] == 1]
    yield from (pool for pool in pools if pool.places.shape[1] > 1)
    for size in sorted({len(pool.places) for pool in alone}):
        alike = [pool for pool in alone if len(pool.places) == size]
        places = np.stack([pool.places for pool in alike])
        patterns = np.unique(np.concatenate([pool.patterns for pool in alike]), axis=0)
        values = np.stack([pool.patterns[pool.kinds, 0] for pool in alike])
        yield _Pool(places, np.searchsorted(patterns[:, 0], values), patterns)


def _ways(kinds: list[int]) -> Iterator[tuple[int, ...]]:
    """List every order of kinds that can be told from the others."""
    if len(set(kinds)) < 2:
        yield tuple(kinds)
        return
    first = kinds[0]
    rest = [kind for kind in kinds if kind != first]
    for places in combinations(range(len(kinds)), len(kinds) - len(rest)):
        for others in _ways(rest):
            following, held = iter(others), set(places)
            yield tuple(first if place in held else next(following) for place in range(len(kinds)))


def _groups(blocks: npt.NDArray[Any]) -> list[npt.NDArray[np.intp]]:
    return np.split(np.argsort(blocks, kind="stable"), np.unique(np.sort(blocks), return_index=True)[1][1:])


def _whole(blocks: npt.NDArray[Any]) -> list[npt.NDArray[np.intp]]:
    groups = _groups(blocks)
    return [np.stack([one for one in groups if len(one) == size]) for size in sorted(set(map(len, groups)))]


#: scheme -> pools of units that may change places, each (unit, image in unit)
POOLS: dict[str, Callable[[npt.NDArray[Any]], list[npt.NDArray[np.intp]]]] = {
    "free": lambda blocks: [np.arange(len(blocks))[:, None]],
    "within": lambda blocks: [group[:, None] for group in _groups(blocks)],
    "whole": _whole,
}
