"""All statistics of one layer, from its distances."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._blocks import Tick
from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError
from memfeat.reduction.distances import euclidean
from memfeat.sets.features.design import Design, Plan
from memfeat.sets.features.discrepancies import KERNELS, Block, discrepancies
from memfeat.sets.features.exchanging import Contrast
from memfeat.sets.features.frechet import frechet, leading
from memfeat.sets.features.neighbourhoods import overlap, own_share
from memfeat.sets.features.pooling import Pool
from memfeat.sets.features.separability import auc, inner_products
from memfeat.sets.features.tiles import n_tiles, tiles

__all__ = ["OTHERS", "STATISTICS", "Layer", "n_steps", "on_layer"]

Array = npt.NDArray[np.float64]


class Layer(NamedTuple):
    """What was found in one layer."""

    estimates: dict[str, Array]
    """Statistic → (contrast,)."""
    values: dict[str, list[Array]]
    """Statistic → for each contrast (1 + permutation,), what is tested, observed first."""
    overlap: Array
    """(contrast, overlap)."""
    width: float
    """σ of the kernel of "mmd"."""
    explained: Array
    """(contrast,), share of variance of the components of the Fréchet distance."""


class _Part(NamedTuple):
    """Images of two sets."""

    distances: Array
    """(m, m)."""
    contrast: Contrast
    fold: npt.NDArray[np.int64]
    k: int


class _Outcome(NamedTuple):
    """One statistic of two sets."""

    values: Array
    """(1 + permutation,)."""
    explained: float = np.nan


def _classifier(part: _Part) -> _Outcome:
    return _Outcome(auc(inner_products(part.distances), part.contrast.labels, part.fold))


def _neighbours(part: _Part) -> _Outcome:
    return _Outcome(own_share(part.distances, part.contrast.labels, part.k))


def _frechet(part: _Part) -> _Outcome:
    scores, explained = leading(inner_products(part.distances))
    return _Outcome(frechet(scores, part.contrast.labels), explained)


#: statistic that needs all distances at once -> how it is computed
OTHERS: dict[str, Callable[[_Part], _Outcome]] = {
    "classifier": _classifier,
    "neighbours": _neighbours,
    "frechet": _frechet,
}
STATISTICS = (*KERNELS, *OTHERS)


def n_steps(pool: Pool, plan: Plan, design: Design) -> int:
    """Count the steps that a layer takes.

    Parameters
    ----------
    pool, plan, design : object
        What is compared, and how.

    Returns
    -------
    int
        One for the distances, one for each tile, and one for each further statistic of each contrast.
    """
    in_tiles = n_tiles(len(pool.number)) if plan.kernels and not design.is_whole else int(bool(plan.kernels))
    return 1 + in_tiles + len(pool.pairs) * len(plan.others)


def on_layer(layer: xr.DataArray, pool: Pool, plan: Plan, design: Design, tick: Tick) -> Layer:
    """Compare sets in one layer.

    Parameters
    ----------
    layer : DataArray (image, ...)
        Features, images in the order of their names.
    pool, plan, design : object
        What is compared, and how.
    tick : callable
        Is told of each step.

    Returns
    -------
    Layer
        What was found.

    Raises
    ------
    ArgumentError
        If features do not differ between images, or between sets, or are not finite.
    """
    name = str(layer.name)
    distances = euclidean(layer if design.is_whole else layer.isel({IMAGE: design.sample}))
    _must_differ(distances, name)
    tick(1)
    width = _width(distances, plan, name)
    blocks = _whole(distances, tick) if design.is_whole else _tiled(layer, tick)
    summed = discrepancies(blocks, pool.number, design.everyone, plan.kernels, width) if plan.kernels else {}
    estimates = {statistic: found.estimate for statistic, found in summed.items()}
    values = {statistic: found.values for statistic, found in summed.items()}
    covered, explained = [], np.full(len(design.contrasts), np.nan)
    for c, contrast in enumerate(design.contrasts):
        part = _Part(distances[np.ix_(contrast.members, contrast.members)], contrast, design.folds[c], plan.k)
        _must_be_two(part, pool, design, c, name)
        for statistic in plan.others:
            found = OTHERS[statistic](part)
            values.setdefault(statistic, []).append(found.values)
            explained[c] = np.fmax(explained[c], found.explained)
            tick(1)
        if "neighbours" in plan.statistics:
            covered.append(overlap(part.distances, contrast.labels[:, 0], plan.k))
    estimates |= {one: np.array([value[0] for value in values[one]]) for one in plan.others}
    return Layer(estimates, values, np.array(covered), width, explained)


def _whole(distances: Array, tick: Tick) -> Iterator[Block]:
    """Give all distances as one tile."""
    every = slice(0, len(distances))
    yield Block(every, every, distances**2)
    tick(1)


def _tiled(layer: xr.DataArray, tick: Tick) -> Iterator[Block]:
    for tile in tiles(layer, centred=True):
        yield Block(tile.rows, tile.columns, tile.squared_distances())
        tick(1)


def _must_differ(distances: Array, name: str) -> None:
    if not distances.any():
        remedy = f"Leave it out: features.drop_vars({name!r})."
        raise ArgumentError(advice("features", "differ between images", listed(f"layer {name!r}"), remedy))


def _width(distances: Array, plan: Plan, name: str) -> float:
    """Give σ of the kernel, in units of the features."""
    width = plan.bandwidth * float(np.median(distances[np.triu_indices(len(distances), 1)]))
    if "mmd" in plan.statistics and width <= 0:
        found = listed(f"copies for most pairs of images of layer {name!r}")
        remedy = "Leave out 'mmd' or the layer; mf.sets.near_duplicates lists the copies."
        raise ArgumentError(advice("features", "differ between most images for 'mmd'", found, remedy))
    return width


def _must_be_two(part: _Part, pool: Pool, design: Design, c: int, name: str) -> None:
    """Refuse sets whose images are copies of each other."""
    if not design.is_whole:
        return
    copies = part.distances == 0
    is_first = part.contrast.labels[:, 0]
    if (copies[:, is_first].sum(axis=1) == copies[:, ~is_first].sum(axis=1)).all():
        first, second = (pool.sets[k] for k in pool.pairs[c])
        found = listed(f"{first!r} and {second!r} with the same features in layer {name!r}")
        remedy = "mf.sets.near_duplicates lists the copies. If only this layer does not see the difference, drop it."
        raise ArgumentError(advice("sets", "differ", found, remedy))
