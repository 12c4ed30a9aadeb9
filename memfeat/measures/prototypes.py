"""How alike an image is to others of its kind, and how far from the middle of a kind."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import _blocks
from memfeat._check import advice, listed, one_of
from memfeat._labels import IMAGE, as_features
from memfeat.errors import ArgumentError
from memfeat.measures.layers import Measured, at_least, called, per_image, width_of, without
from memfeat.stats.exchange import grouping

__all__ = ["Groups", "from_centroid", "prototype_distance", "together", "typicality"]

Array = npt.NDArray[np.float64]
#: Features of an image that differ by less than this share of their size are all equal up to rounding.
ROUNDING = 1e-13


class Groups(NamedTuple):
    """The category of each image, in the order of the images."""

    of: npt.NDArray[np.int64]
    sizes: Array
    name: str | None

    def sums(self, block: Array) -> Array:
        """Add up the images of each category (group, width)."""
        starts = np.cumsum(self.sizes).astype(np.intp) - self.sizes.astype(np.intp)
        return np.asarray(np.add.reduceat(block[np.argsort(self.of, kind="stable")], starts, axis=0))


def typicality(
    features: xr.Dataset | xr.DataArray,
    *,
    groups: xr.DataArray | pd.Series | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Measure how alike each image is to the others of its category, or of the set.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    groups : DataArray (image) or pandas.Series, optional
        Category of each image, matched by image name; all images are of one kind unless told.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    Dataset (image)
        One variable per layer: mean of Pearson's r, over features, with each other image of the category, from −1 to 1;
        NaN for the only image of a category.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers, or `groups` is no column.
    ArgumentError
        If images are not named or named twice, there are fewer than 2, groups are of other images, a value is NaN or
        infinite, a layer has a single feature, or an image has features that are all equal.

    Warns
    -----
    MemfeatWarning
        If an image is the only one of its category.
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    distinctiveness : With `kind="mean", metric="correlation"`, 1 less typicality in the whole set.
    prototype_distance : Distance to the mean of the category.

    Notes
    -----
    The image itself does not count. The sum of correlations with all others is the product of the image's features,
    standardised, with the sum of the others', so that layers are read twice and images are not compared two by two.

    References
    ----------
    Kramer MA, Hebart MN, Baker CI, Bainbridge WA (2023). The features underlying the memorability of objects. Science
    Advances 9:eadd2981.

    Examples
    --------
    >>> import xarray as xr
    >>> values = [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 1.0, 0.0]]
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": list("abc")}, name="fc")
    >>> typicality(layer)["fc"].values.round(3)
    array([ 0.,  0., -1.])
    """
    table = as_features(features)
    kinds = together(table.sizes[IMAGE]) if groups is None else _groups(table, groups)
    result = per_image(
        features, partial(_typicality, kinds), progress=progress, passes=2, method="typicality", groups=kinds.name
    )
    _say_alone(result, kinds)
    return result


def prototype_distance(
    features: xr.Dataset | xr.DataArray,
    groups: xr.DataArray | pd.Series,
    *,
    to: str = "own",
    progress: bool | None = None,
) -> xr.Dataset:
    """Measure how far each image is from the prototype of its category, or of the nearest other one.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    groups : DataArray (image) or pandas.Series
        Category of each image, matched by image name.
    to : {"own", "other"}
        "own": the prototype of the image's own category, made of its other images; "other": the nearest prototype of
        another category.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    Dataset (image)
        One variable per layer: Euclidean distance to the mean of the category, in units of the features; with "own",
        NaN for the only image of a category.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers, or `groups` is no column.
    ArgumentError
        If images are not named or named twice, groups are of other images, a value is NaN or infinite, there is a
        single category and `to` is "other", or `to` is unknown.

    Warns
    -----
    MemfeatWarning
        If an image is the only one of its category, with "own".
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    eccentricity : The same with all images in one category.

    Notes
    -----
    Scenes near others of their kind were taken for old ones more often (Lukavský and Děchtěrenko 2017): relate hits and
    false alarms to it separately.

    References
    ----------
    Lukavský J, Děchtěrenko F (2017). Visual properties and memorising scenes: Effects of image-space sparseness and
    uniformity. Attention, Perception, & Psychophysics, doi:10.3758/s13414-017-1375-9.

    Examples
    --------
    >>> import pandas as pd
    >>> import xarray as xr
    >>> layer = xr.DataArray([[0.0], [2.0], [7.0], [9.0]], dims=["image", "fc:unit"], name="fc")
    >>> kind = pd.Series(["cup", "cup", "tree", "tree"], index=list("abcd"))
    >>> prototype_distance(layer.assign_coords(image=list("abcd")), kind, to="other")["fc"].values
    array([8., 6., 6., 8.])
    """
    one_of("to", to, ("own", "other"))
    kinds = _groups(as_features(features), groups)
    if to == "other" and len(kinds.sizes) < 2:
        remedy = "Take to='own'."
        raise ArgumentError(advice("groups", "hold at least 2 categories with to='other'", len(kinds.sizes), remedy))
    kernel = _to_own if to == "own" else _to_other
    result = per_image(
        features, partial(kernel, kinds), progress=progress, method="prototype distance", to=to, groups=kinds.name
    )
    if to == "own":
        _say_alone(result, kinds)
    return result


def from_centroid(layer: xr.DataArray, kinds: Groups, tick: _blocks.Tick) -> Array:
    """Measure the distance to the mean of the others of a category.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer.
    kinds : Groups
        The category of each image.
    tick : callable
        Is told the number of features after each block.

    Returns
    -------
    array (n,)
        Distances; NaN for the only image of a category.
    """
    squares, size = np.zeros(layer.sizes[IMAGE]), kinds.sizes[kinds.of]
    for block in _blocks.checked(layer, tick=tick):
        gap = _centred(block, kinds)
        squares += np.einsum("ij,ij->i", gap, gap)
    with np.errstate(invalid="ignore", divide="ignore"):
        # without the image itself the mean lies further away from it, by this factor
        return np.asarray(np.sqrt(squares) * (size / (size - 1)))


def together(n: int) -> Groups:
    """Put all images into one category.

    Parameters
    ----------
    n : int
        How many images there are.

    Returns
    -------
    Groups
        The category.
    """
    return Groups(np.zeros(n, dtype=np.int64), np.array([float(n)]), None)


def _groups(table: xr.Dataset, column: Any) -> Groups:
    """Read which category each image is of, in the order of the features."""
    found = grouping(column, to=table, argument="groups")
    name = "groups" if found.name is None else str(found.name)
    return Groups(found.values, np.bincount(found.values).astype(np.float64), name)


def _say_alone(result: xr.Dataset, kinds: Groups) -> None:
    alone = result[IMAGE].values[kinds.sizes[kinds.of] == 1]
    if len(alone):
        result.attrs["alone"] = [str(name) for name in alone]
    without(alone, "are the only ones of their category", 'Drop them before you go on: .dropna("image").', depth=4)


def _centred(block: npt.NDArray[Any], kinds: Groups) -> Array:
    """Subtract from each image the mean of its category."""
    # what all images share is taken away first, so that images that are alike come to lie at exactly 0
    moved = block - block[:1].astype(np.float64)
    moved -= (kinds.sums(moved) / kinds.sizes[:, None])[kinds.of]
    return np.asarray(moved)


def _to_own(kinds: Groups, layer: xr.DataArray, tick: _blocks.Tick) -> Measured:
    return Measured(from_centroid(layer, kinds, tick))


def _to_other(kinds: Groups, layer: xr.DataArray, tick: _blocks.Tick) -> Measured:
    squares = np.zeros((len(kinds.sizes), layer.sizes[IMAGE]))
    for block in _blocks.checked(layer, tick=tick):
        values = block.astype(np.float64)
        for total, prototype in zip(squares, kinds.sums(values) / kinds.sizes[:, None], strict=True):
            gap = values - prototype
            total += np.einsum("ij,ij->i", gap, gap)
    squares[kinds.of, np.arange(squares.shape[1])] = np.inf
    return Measured(np.sqrt(squares.min(axis=0)))


def _typicality(kinds: Groups, layer: xr.DataArray, tick: _blocks.Tick) -> Measured:
    at_least(layer, 2, "typicality")
    if width_of(layer) == 1:
        remedy = "A correlation is over features: reduce the layer less."
        raise ArgumentError(advice(called(layer), "have at least 2 features", 1, remedy))
    mean, length = _standard(layer, tick)
    size = kinds.sizes[kinds.of]
    total = np.zeros(len(size))
    for block in _blocks.checked(layer, tick=tick):
        standard = (block - mean[:, None]) / length[:, None]
        total += np.einsum("ij,ij->i", standard, kinds.sums(standard)[kinds.of] - standard)
    with np.errstate(invalid="ignore"):
        return Measured(np.clip(total / (size - 1), -1, 1))


def _standard(layer: xr.DataArray, tick: _blocks.Tick) -> tuple[Array, Array]:
    """Find the mean over features of each image, and the length of what is left without it."""
    first: Any = None
    total, squares = np.zeros((2, layer.sizes[IMAGE]))
    for block in _blocks.checked(layer, tick=tick):
        first = block[:, 0].astype(np.float64) if first is None else first
        moved = block - first[:, None]
        total += moved.sum(axis=1)
        squares += np.einsum("ij,ij->i", moved, moved)
    size = total / width_of(layer)
    left = squares - total * size
    flat = left <= ROUNDING * squares
    if flat.any():
        found = listed(f"{listed.of(layer[IMAGE].values[flat])} without")
        remedy = "Drop these images: their correlation with others is not defined."
        raise ArgumentError(advice(called(layer), "have features that differ within an image", found, remedy))
    return first + size, np.sqrt(left)
