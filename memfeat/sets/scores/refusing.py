"""Sets that cannot be compared, or not so: overlapping, unpaired, all alike, of two networks, chosen by the score."""

import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError, CircularWarning

__all__ = ["must_be_of_one_network", "must_be_pairs", "must_not_overlap", "must_vary", "warn_of_chosen"]

Tables = Mapping[str, xr.Dataset]
#: How the method of sets ends that were chosen.
BALANCED = "by balance"


def must_not_overlap(tables: Tables) -> None:
    """Refuse sets that share images.

    Parameters
    ----------
    tables : mapping of Dataset (image)
        The sets.

    Raises
    ------
    ArgumentError
        If two hold an image of the same name, unless all of these are other files by their hash.
    """
    for (one, first), (two, second) in combinations(tables.items(), 2):
        names = [np.asarray(table[IMAGE].values).astype(str) for table in (first, second)]
        shared = sorted(set(names[0]) & set(names[1]))
        if shared and not _are_others(first, second, shared):
            same = "the same images" if len(shared) == len(names[0]) == len(names[1]) else f"shared {listed.of(shared)}"
            remedy = (
                "If these are versions of the same images, compare them in pairs: paired=True. If they are other "
                "images of the same name, rename them. Otherwise leave the shared ones out of one set."
            )
            if all(name.isdigit() for name in shared):
                remedy = "These look like row numbers: make image names the index, table.set_index('image'). " + remedy
            raise ArgumentError(advice("sets", "not share images", listed(f"{same} in {one!r} and {two!r}"), remedy))


def _are_others(first: xr.Dataset, second: xr.Dataset, shared: list[str]) -> bool:
    """Say whether images of the same name are other files, by their hash."""
    if "sha256" not in first.variables or "sha256" not in second.variables:
        return False
    hashes = [
        dict(zip(table[IMAGE].values.astype(str), table["sha256"].values, strict=True)) for table in (first, second)
    ]
    return all(hashes[0][name] != hashes[1][name] for name in shared)


def must_be_pairs(originals: Mapping[str, npt.NDArray[Any]]) -> None:
    """See to it that each original has one image in each set.

    Parameters
    ----------
    originals : mapping of array (n,)
        Name of each set -> the original of each of its images.

    Raises
    ------
    ArgumentError
        If a set has several of an original, or none.
    """
    first = next(iter(originals))
    for name, labels in originals.items():
        values, counts = np.unique(labels.astype(str), return_counts=True)
        if (counts > 1).any():
            twice = listed(f"more in {name!r} of {listed.of(values[counts > 1])}")
            remedy = "Keep one version of each; with several, name the originals by clusters= instead."
            raise ArgumentError(advice("paired", "give each original one image in each set", twice, remedy))
        odd = sorted(set(labels) ^ set(originals[first]))
        if odd:
            where = listed(f"in only one of {first!r} and {name!r}: {listed.of(odd)}")
            remedy = "Leave out what has no partner, or name the column of originals: paired='original'."
            raise ArgumentError(advice("paired", "find the same originals in every set", where, remedy))


def must_vary(score: str, values: Mapping[str, npt.NDArray[np.float64]]) -> None:
    """Refuse a score that has one value in each of two sets.

    Parameters
    ----------
    score : str
        Its name.
    values : mapping of array (n,)
        Name of each set -> its values.

    Raises
    ------
    ArgumentError
        If it does.
    """
    flat = [name for name, one in values.items() if not np.ptp(one)]
    if len(flat) > 1:
        remedy = "Without spread inside two sets there is nothing to judge their difference by."
        which = listed(f"one value in each of {listed.of(flat)}")
        raise ArgumentError(advice(f"sets[{score!r}]", "vary inside the sets", which, remedy))


def must_be_of_one_network(tables: Tables) -> None:
    """Refuse what was predicted by different networks.

    Parameters
    ----------
    tables : mapping of Dataset (image)
        Sets of predictions; those that do not say by what are let through.

    Raises
    ------
    ArgumentError
        If they are of different networks, or of different weights.
    """
    facts = [
        {key: table.attrs[key] for key in ("model", "variant", "weights_sha256") if key in table.attrs}
        for table in tables.values()
    ]
    told = [fact for fact in facts if fact]
    if any(fact != told[0] for fact in told):
        which = listed.of([f"{fact.get('model')} {fact.get('variant', '')}".strip() for fact in told])
        remedy = "Predict all sets with one network: scores of two are not on one scale."
        raise ArgumentError(advice("sets", "be predicted by the same network", which, remedy))


def warn_of_chosen(tables: Tables, scores: Sequence[str]) -> None:
    """Warn of sets that were chosen by the scores in which they are compared.

    Parameters
    ----------
    tables : mapping of Dataset (image)
        The sets.
    scores : sequence of str
        What is compared.

    Warns
    -----
    CircularWarning
        If they were.
    """
    facts = [table.attrs for table in tables.values() if str(table.attrs.get("method", "")).endswith(BALANCED)]
    by = {str(name) for fact in facts for key in ("score", "covariates") for name in np.atleast_1d(fact.get(key, []))}
    if same := [name for name in scores if name in by]:
        text = (
            f"These sets were chosen by {', '.join(same)}: a test of what they were chosen by tests nothing. Describe "
            "them by mf.sets.balance, and compare scores of other participants."
        )
        warnings.warn(text, CircularWarning, stacklevel=4)
