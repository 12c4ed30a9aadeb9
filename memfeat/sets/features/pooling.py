"""Images of all sets together, in the order of their names: features of one network, and the set of each image."""

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import guards
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, as_features, in_name_order, layer_names
from memfeat.errors import ArgumentError, KindError
from memfeat.stats.exchange import grouping

__all__ = ["FIRST", "SECOND", "Pool", "apart", "is_features", "joined", "labels_of", "pool_of"]

#: What two sets are called that are given one by one.
FIRST, SECOND = "a", "b"
#: Attributes that features of two sets must share to be compared, where both have them.
SAME = (*guards.ORIGIN, "preprocessing", "reduction")


class Pool(NamedTuple):
    """Features of all sets."""

    features: xr.Dataset
    """(image, ...), images in the order of their names."""
    number: npt.NDArray[np.int64]
    """(n,), number of the set of each image."""
    sets: list[str]
    """Names of the sets."""
    facts: dict[str, Any]
    """Cautions that apply."""

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Numbers of every two sets."""
        return list(combinations(range(len(self.sets)), 2))

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Count the images of each set."""
        return np.bincount(self.number, minlength=len(self.sets))


def is_features(data: Any) -> bool:
    """Tell features from one label per image.

    Parameters
    ----------
    data : object
        What the user gave.

    Returns
    -------
    bool
        Whether it is xarray with more than one number per image.
    """
    return isinstance(data, xr.Dataset) or (isinstance(data, xr.DataArray) and data.dims != (IMAGE,))


def pool_of(features: Any, sets: Any) -> Pool:
    """Read features and sets.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features of all images, or of the first set.
    sets : DataArray (image), pandas.Series, or Dataset or DataArray (image, ...)
        The set of each image, or features of the second set.

    Returns
    -------
    Pool
        All of it, checked.

    Raises
    ------
    KindError, ArgumentError
        If they are no features or labels, come from different networks, have images or too little in common, or there
        is one set only.
    """
    table = as_features(features)
    cautions = guards.analysis(features)
    if is_features(sets):
        second = as_features(sets, "sets")
        cautions |= guards.analysis(sets)
        apart(table, second)
        names, both = [FIRST, SECOND], joined(table, second)
        number = np.repeat([0, 1], [table.sizes[IMAGE], second.sizes[IMAGE]])
    else:
        names, number = labels_of(sets, table)
        both = table
    for name in layer_names(both):
        _check_layer(both[name])
    order = np.argsort(both[IMAGE].values.astype(str), kind="stable")
    return Pool(in_name_order(both), number[order], names, cautions)


def labels_of(sets: Any, to: xr.Dataset) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Read the set of each image.

    Parameters
    ----------
    sets : DataArray (image) or pandas.Series
        One label per image.
    to : Dataset (image, ...)
        Labelled data of the same images; gives the order.

    Returns
    -------
    list of str
        Names of the sets, sorted.
    array (n,) of int
        Number of the set of each image.

    Raises
    ------
    KindError, ArgumentError
        If they are not one label per image of these, or all images are in one set.
    """
    if not isinstance(sets, xr.DataArray | pd.Series):
        remedy = 'Pass the column of labels, images["set"], or features of a second set.'
        raise KindError(advice("sets", "be a DataArray, a Series or features", listed(type(sets).__name__), remedy))
    number = grouping(sets, to=to, argument="sets").values
    labels = np.asarray(sets)
    names = [str(name) for name in np.unique(labels if labels.dtype.kind in "iufb" else labels.astype(str))]
    if len(names) < 2:
        remedy = "Label images of both sets, or pass features of the second one."
        raise ArgumentError(advice("sets", "name two sets at least", listed.of(names), remedy))
    return names, number


def apart(first: xr.Dataset, second: xr.Dataset) -> None:
    """Refuse sets that hold images of the same name.

    Parameters
    ----------
    first, second : Dataset (image, ...)
        The sets.

    Raises
    ------
    ArgumentError
        If a name stands in both.
    """
    mine, theirs = (set(map(str, one[IMAGE].values)) for one in (first, second))
    shared = sorted(mine & theirs)
    if shared:
        everything = "the same images: " if mine == theirs else ""
        remedy = (
            "An image is in one set: drop it from the other, b.drop_sel(image=...). If they are versions of each "
            "other, rename one, b.assign_coords(image=['edited/' + name for name in b.image.values]), and pass "
            "blocks= (the original of each) with permute='within'."
        )
        found = listed(f"{everything}{listed.of(shared)} in both")
        raise ArgumentError(advice("a and b", "hold different images", found, remedy))


def joined(first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    """Put features of two sets into one Dataset, the first ones first, without reading them.

    Parameters
    ----------
    first, second : Dataset (image, ...)
        The sets.

    Returns
    -------
    Dataset (image, ...)
        Both, layers in the order of the first.

    Raises
    ------
    ArgumentError
        If they come from different networks, or have other layers or features.
    """
    _same_network(first.attrs, second.attrs)
    mine, theirs = layer_names(first), layer_names(second)
    only = {"a": [name for name in mine if name not in theirs], "b": [name for name in theirs if name not in mine]}
    if any(only.values()):
        found = "; ".join(f"only in {which} {listed.of(names)}" for which, names in only.items() if names)
        remedy = 'Extract the same layers of both, or pass one label per image: images["set"].'
        raise ArgumentError(advice("a and b", "hold the same layers", listed(found), remedy))
    for name in mine:
        sizes = [{dim: n for dim, n in one[name].sizes.items() if dim != IMAGE} for one in (first, second)]
        if sizes[0] != sizes[1]:
            remedy = "Extract both with the same network and the same reduction."
            found = f"{sizes[0]} and {sizes[1]}"
            raise ArgumentError(advice("a and b", f"have the same features in layer {name!r}", listed(found), remedy))
    bare = [one[mine].drop_vars([c for c in one.coords if c not in one.dims]) for one in (first, second)]
    # chunks of the whole keep what is in memory from being copied
    chunked = [one.map(lambda layer: layer if layer.chunks else layer.chunk()) for one in bare]
    try:
        return xr.concat(chunked, IMAGE, join="exact", combine_attrs="override", coords="minimal", compat="override")
    except ValueError as error:
        remedy = "Bring the features of both into the same order, with the same labels."
        found = "other labels along a dim of features"
        raise ArgumentError(advice("a and b", "have the same features", listed(found), remedy)) from error


def _same_network(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Refuse features that were made in different ways, as far as that is known."""
    differing = [key for key in SAME if first.get(key) and second.get(key) and first[key] != second[key]]
    if differing:
        key = differing[0]
        remedy = "Distances between features of different networks mean nothing: extract both sets with the same one."
        found = listed(f"{key} {first[key]!r} and {second[key]!r}")
        raise ArgumentError(advice("a and b", "come from the same network, read in the same way", found, remedy))


def _check_layer(layer: xr.DataArray) -> None:
    if layer.dtype.kind not in "iufb":
        found = listed(f"dtype {layer.dtype} in {str(layer.name)!r}")
        raise KindError(advice("features", "hold real numbers", found, "Drop columns of text."))
