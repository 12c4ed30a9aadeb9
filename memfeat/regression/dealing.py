"""Which image is held out when: folds dealt at random, by groups and strata, repeated, or given by the user."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, count, listed
from memfeat._labels import IMAGE, matched
from memfeat.errors import ArgumentError
from memfeat.regression.folds import shuffled
from memfeat.stats.exchange import grouping

__all__ = ["NEVER", "Dealing", "Folds", "dealer_of", "dealt", "dealt_inside", "folds_of", "kept_together"]

Numbers = npt.NDArray[np.int64]
#: Number of the fold of an image that is never held out.
NEVER = -1
#: Inner folds in which hyper-parameters are chosen, where there are enough images and groups.
INNER = 5


class Folds(NamedTuple):
    """When each image is held out, images in the order of their names."""

    number: Numbers
    """(repeat, n), 0 to k − 1, or NEVER."""
    names: npt.NDArray[Any]
    """(k,), what each fold is called: its number, or the user's label."""
    labels: npt.NDArray[Any] | None
    """(n,), labels of the user, also of images that are never held out."""
    recorded: dict[str, Any]
    """What goes into the attributes of the result."""

    @property
    def held(self) -> npt.NDArray[np.intp]:
        """Positions of the images that are held out at some time."""
        return np.flatnonzero(self.number[0] != NEVER)

    def named(self) -> npt.NDArray[Any]:
        """Give the fold of each image by name, (repeat, n)."""
        return self.number if self.labels is None else self.labels[None]


class Dealing(NamedTuple):
    """What folds are dealt by, in the order of the images."""

    groups: Numbers | None
    strata: Numbers | None
    recorded: dict[str, Any]

    def among(self, chosen: npt.NDArray[np.intp]) -> "Dealing":
        """Give the same for some of the images."""
        groups, strata = (None if one is None else one[chosen] for one in (self.groups, self.strata))
        return Dealing(groups, strata, self.recorded)


def dealer_of(options: Mapping[str, Any], scheme: Mapping[str, Any], images: xr.DataArray) -> Dealing:
    """Read what folds are to keep together, and what each of them is to have its share of.

    Parameters
    ----------
    options : mapping
        `groups` and `strata`, one label per image, if the user gave them.
    scheme : mapping
        `blocks` (array or None) and `permute`: groups that change places as a whole are kept together too.
    images : DataArray (image)
        Images, in the order of their names.

    Returns
    -------
    Dealing
        Numbers of groups and strata.

    Raises
    ------
    KindError, ArgumentError
        If they are not one label per image of these.
    """
    read = {
        name: grouping(options[name], to=images, argument=name)
        for name in ("groups", "strata")
        if options.get(name) is not None
    }
    recorded = {f"fold_{name}": str(column.name or name) for name, column in read.items()}
    numbers = {name: column.values for name, column in read.items()}
    if "groups" not in numbers and scheme["permute"] == "whole":
        numbers["groups"], recorded["fold_groups"] = scheme["blocks"], "blocks"
    return Dealing(numbers.get("groups"), numbers.get("strata"), recorded)


def folds_of(
    folds: Any, dealing: Dealing, options: Mapping[str, Any], images: xr.DataArray, generator: np.random.Generator
) -> Folds:
    """Deal folds, or read those of the user.

    Parameters
    ----------
    folds : int, DataArray (image) or pandas.Series
        How many, or the fold of each image.
    dealing : Dealing
        What is kept together and alike.
    options : mapping
        `repeats` and `held_out`, if the user gave them.
    images : DataArray (image)
        Images, in the order of their names.
    generator : numpy.random.Generator
        Where shuffles come from.

    Returns
    -------
    Folds
        When each image is held out.

    Raises
    ------
    KindError
        If `folds` is neither, or `repeats` not whole.
    ArgumentError
        If there are too few images, groups or folds, images differ, a label is missing, or options do not go together.
    """
    repeats, held_out = options.get("repeats"), options.get("held_out")
    if isinstance(folds, xr.DataArray | pd.Series):
        superfluous = {"repeats": repeats, "strata": dealing.strata, "groups": options.get("groups")}
        for name, value in superfluous.items():
            if value is not None:
                raise ArgumentError(advice(name, "be left out when folds are given", listed("both")))
        return _given(folds, held_out, images)
    if held_out is not None:
        remedy = "Pass the fold of each image: folds=images['split'], held_out='test'."
        raise ArgumentError(advice("held_out", "name folds that are given", held_out, remedy))
    times = count("repeats", 1 if repeats is None else repeats)
    number = np.stack([dealt(len(images), folds, dealing, generator) for _ in range(times)])
    recorded = {"n_folds": int(folds), "n_repeats": times if times > 1 else None, **dealing.recorded}
    found = Folds(number, np.arange(folds), None, recorded)
    _enough(found)
    return found


def dealt(n_images: int, n_folds: int, dealing: Dealing, generator: np.random.Generator) -> Numbers:
    """Deal images into folds of nearly the same size.

    Parameters
    ----------
    n_images : int
        How many images.
    n_folds : int
        How many folds.
    dealing : Dealing
        Images of a group go into the same fold; each fold gets its share of each stratum.
    generator : numpy.random.Generator
        Where the shuffle comes from.

    Returns
    -------
    array (n_images,) of int
        The fold of each image.

    Raises
    ------
    KindError
        If the number of folds is not whole.
    ArgumentError
        If there are fewer than two folds, fewer than two images per fold, or fewer groups than folds.

    Notes
    -----
    Groups, in random order but the largest first, go each to the fold that so far has least of their strata: the
    smallest Σ gₛ cₛ / nₛ over strata s, with g images of the group, c of the fold and n in all. Without groups each
    image is one; where both are missing, images are shuffled.
    """
    plain = shuffled(n_images, n_folds, generator)
    if dealing.groups is None and dealing.strata is None:
        return plain
    unit = _numbered(np.arange(n_images) if dealing.groups is None else dealing.groups)
    kind = _numbered(np.zeros(n_images, dtype=np.int64) if dealing.strata is None else dealing.strata)
    if unit.max() + 1 < n_folds:
        found = listed(f"{n_folds} folds of {unit.max() + 1} group{'s' * bool(unit.max())}")
        remedy = "Images of a group are held out together: take fewer folds, or finer groups."
        raise ArgumentError(advice("folds", "be at most as many as there are groups", found, remedy))
    table = np.zeros((unit.max() + 1, kind.max() + 1))
    np.add.at(table, (unit, kind), 1)
    return _balanced(table, n_folds, generator)[unit]


def dealt_inside(fold: Numbers, dealing: Dealing, generator: np.random.Generator) -> Numbers:
    """Deal the training images of each fold into up to five inner folds.

    Parameters
    ----------
    fold : array (n,) of int
        The fold of each image, or NEVER.
    dealing : Dealing
        What inner folds keep together and alike, too.
    generator : numpy.random.Generator
        Where the shuffle comes from.

    Returns
    -------
    array (k, n) of int
        For each fold the inner fold of each training image; NEVER for images that are held out.

    Raises
    ------
    ArgumentError
        If the images of a fold leave fewer than four others, or these are one group.
    """
    inner = np.full((fold.max() + 1, len(fold)), NEVER, dtype=np.int64)
    for k, row in enumerate(inner):
        inside = np.flatnonzero(fold != k)
        own = dealing.among(inside)
        n_groups = len(inside) if own.groups is None else len(np.unique(own.groups))
        n_inner = min(INNER, n_groups, len(inside) // 2)
        if n_inner < 2:
            found = listed(f"{len(inside)} images in {n_groups} group{'s' * (n_groups > 1)}")
            remedy = "Take other folds, finer groups, or estimator='ridge', which needs none."
            raise ArgumentError(advice("folds", "leave enough to choose by in inner folds", found, remedy))
        row[inside] = dealt(len(inside), n_inner, own, generator)
    return inner


def _balanced(table: npt.NDArray[np.float64], n_folds: int, generator: np.random.Generator) -> Numbers:
    """Give each group (row: its images by stratum) a fold."""
    order = generator.permutation(len(table))
    order = order[np.argsort(-table[order].sum(axis=1), kind="stable")]
    share = table / table.sum(axis=0)
    filled, fold = np.zeros((n_folds, table.shape[1])), np.empty(len(table), dtype=np.int64)
    names = generator.permutation(n_folds)
    for group in order:
        k = np.lexsort((filled.sum(axis=1), (filled @ share[group]).round(12)))[0]
        filled[k] += table[group]
        fold[group] = names[k]
    return fold


def _numbered(labels: npt.NDArray[Any]) -> Numbers:
    return np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _given(folds: Any, held_out: Any, images: xr.DataArray) -> Folds:
    """Read the fold of each image, and which folds are held out."""
    number = grouping(folds, to=images, argument="folds").values
    labels = _labels(folds, images)
    first = np.unique(number, return_index=True)[1]
    names = labels[first]
    if len(names) < 2:
        remedy = "One fold leaves nothing to fit to."
        raise ArgumentError(advice("folds", "have two labels at least", listed.of(names), remedy))
    called = [str(name) for name in names]
    wanted = called if held_out is None else [str(one) for one in np.atleast_1d(np.asarray(held_out, dtype=object))]
    unknown = [label for label in wanted if label not in called]
    if unknown or not wanted:
        remedy = f"They are {', '.join(map(repr, called))}."
        raise ArgumentError(advice("held_out", "name folds", listed.of(unknown), remedy))
    place = np.full(len(names), NEVER, dtype=np.int64)
    chosen = [k for k, name in enumerate(called) if name in wanted]
    place[chosen] = np.arange(len(chosen))
    found = Folds(place[number][None], names[chosen], labels, {"n_folds": len(chosen), "folds": str(folds.name)})
    _enough(found)
    return found


def _labels(folds: Any, images: xr.DataArray) -> npt.NDArray[Any]:
    if isinstance(folds, pd.Series):
        return folds.reindex(images[IMAGE].values).to_numpy()
    return np.asarray(matched(folds, images, argument="folds", reference="scores").values)


def _enough(folds: Folds) -> None:
    """Refuse folds that leave too little to fit to, or too little to judge by."""
    for k, name in enumerate(folds.names):
        n_training = int((folds.number != k).sum(axis=1).min())
        if n_training < 2:
            raise ArgumentError(
                advice("folds", f"leave two images at least to fit to, fold {str(name)!r} held out", n_training)
            )
    if len(folds.held) < 3:
        raise ArgumentError(advice("folds", "hold out three images at least", len(folds.held)))


def kept_together(folds: Folds, scheme: Mapping[str, Any]) -> None:
    """Check that groups that change places as a whole are in one fold each.

    Parameters
    ----------
    folds : Folds
        When each image is held out.
    scheme : mapping
        `blocks` and `permute`.

    Raises
    ------
    ArgumentError
        If a group is split.
    """
    if scheme["permute"] != "whole":
        return
    blocks = _numbered(scheme["blocks"])
    split = [block for block in range(blocks.max() + 1) if any(_several(row[blocks == block]) for row in folds.number)]
    if split:
        remedy = "Images of a block would be predicted from others of it: give folds or groups that keep blocks whole."
        found = listed(f"{len(split)} of {blocks.max() + 1} blocks in several folds")
        raise ArgumentError(advice("folds", "keep blocks together with permute='whole'", found, remedy))


def _several(numbers: Numbers) -> bool:
    return len(set(numbers.tolist())) > 1
