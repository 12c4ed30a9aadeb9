"""What a reference made of scores could reach at most, from how well halves of the scores agree."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, matched
from memfeat._pairs import PAIR
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.reading import finite, vectors
from memfeat.rsa.similarity import Method, similarities
from memfeat.stats.reliability import spearman_brown, stepped_up

__all__ = ["bound"]

Array = npt.NDArray[Any]
HALF, SPLIT = "half", "split"
REMEDY = (
    "Pass RDMs of both halves along 'half' (and of several splits along 'split'), or the number itself, of RDMs and "
    'not of scores: {"split_half": r} or {"spearman_brown": r}.'
)


def bound(reliability: Mapping[str, float] | xr.Dataset, kernel: Method, names: Array) -> float:
    """Estimate the similarity that the RDM of true scores would have with the RDM of the scores that were measured.

    Parameters
    ----------
    reliability : mapping or Dataset (half, pair)
        {"split_half": r} or {"spearman_brown": r} of RDMs, or RDMs of both halves, `split` being a further dim.
    kernel : Method
        How RDMs are compared.
    names : array (n,) of str
        The images, sorted.

    Returns
    -------
    float
        √(2r / (1 + r)), r the mean similarity of the halves' RDMs. An approximation from classical test theory.

    Raises
    ------
    KindError
        If it is neither.
    ArgumentError
        If images differ, there are not two halves, or halves do not agree.
    """
    if isinstance(reliability, Mapping) and not isinstance(reliability, xr.Dataset):
        return sqrt(spearman_brown(reliability, remedy=REMEDY))
    if not isinstance(reliability, xr.Dataset) or not {"rdm", "first", "second"} <= set(reliability.variables):
        found = listed(type(reliability).__name__)
        raise KindError(advice("reliability", "be a named number or a Dataset of RDMs", found, REMEDY))
    return sqrt(float(stepped_up(_agreement(reliability, kernel, names))))


def _agreement(reliability: xr.Dataset, kernel: Method, names: Array) -> float:
    """Mean similarity of the halves' RDMs over splits."""
    others = xr.DataArray(names, dims=IMAGE, coords={IMAGE: names})
    matched(reliability[IMAGE], others, argument="reliability", reference="rdms")
    halves = vectors(reliability)
    if LAYER in halves.dims and halves.sizes[LAYER] == 1:
        halves = halves.isel({LAYER: 0}, drop=True)
    halves = halves if SPLIT in halves.dims else halves.expand_dims(SPLIT)
    if set(halves.dims) != {SPLIT, HALF, PAIR} or halves.sizes[HALF] != 2:
        found = listed({str(name): size for name, size in halves.sizes.items()})
        raise ArgumentError(advice("reliability", "hold the RDMs of two halves along 'half'", found, REMEDY))
    values = halves.transpose(SPLIT, HALF, PAIR).values
    finite(values, range(len(values)), "reliability")
    r = float(np.mean([similarities(kernel, one[:1], one[1:])[0, 0] for one in values]))
    if not r > 0:
        remedy = "Scores whose halves do not agree say nothing about images."
        raise ArgumentError(advice("reliability", "hold halves whose RDMs agree", listed(f"a mean of {r:.3f}"), remedy))
    return r
