"""The names that labelled data go by, matching by image name, and provenance."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, finite, listed
from memfeat._columns import as_numbers, counts_rows, of_series, with_names, word
from memfeat._version import __version__
from memfeat.errors import ArgumentError, KindError

__all__ = [
    "ALLOWED",
    "CAUTIONED",
    "IMAGE",
    "INHERITED",
    "LAYER",
    "LAYER_ORDER",
    "RELEASED_HEAD",
    "SCHEMA",
    "as_features",
    "as_scores",
    "dimension",
    "image_names",
    "in_common",
    "in_name_order",
    "layer_names",
    "matched",
    "matrix",
    "stamped",
    "storable",
]

IMAGE = "image"
LAYER = "layer"
#: Attribute of a store that lists its layers as the network runs through them; arrays themselves have no order.
LAYER_ORDER = "layer_order"
#: How what provenance says about the head that was released begins.
RELEASED_HEAD = "the released"
#: Attributes that keep the cautions that apply to a result, and those that the user took back (see `mf.guards`).
CAUTIONED, ALLOWED = "cautions", "allowed"
#: Version of the data contract; stores and saved results carry it as `memfeat_schema`.
SCHEMA = 1
#: Attributes that a result takes over from the features it was made of.
INHERITED = (
    "model",
    "variant",
    "weights_sha256",
    "preprocessing",
    "reduction",
    "precision",
    "computation",
    "backbone",
    "trunk",
    "head",
    "source",
    CAUTIONED,
    ALLOWED,
)

Labelled = TypeVar("Labelled", xr.Dataset, xr.DataArray)


def dimension(layer: str, axis: str) -> str:
    """Name the dimension of a layer's feature axis.

    Parameters
    ----------
    layer : str
        The layer.
    axis : str
        "channel", "y", "x", "token" or "unit".

    Returns
    -------
    str
        `layer:axis`.
    """
    return f"{layer}:{axis}"


def image_names(data: xr.Dataset | xr.DataArray, argument: str) -> npt.NDArray[Any]:
    """Read the image names of labelled data.

    Parameters
    ----------
    data : Dataset or DataArray (image, ...)
        The data.
    argument : str
        What the user calls it.

    Returns
    -------
    array (n,) of str
        The names, in the data's own order.

    Raises
    ------
    KindError
        If it is not an xarray object.
    ArgumentError
        If it has no `image` coordinate, or a name stands twice.
    """
    if not isinstance(data, xr.Dataset | xr.DataArray):
        table = isinstance(data, pd.DataFrame | pd.Series)
        remedy = "mf.features.from_table reads a DataFrame, and the .to_xarray() of a column is one." if table else ""
        raise KindError(advice(argument, "be an xarray Dataset or DataArray", listed(type(data).__name__), remedy))
    if IMAGE not in data.dims or IMAGE not in data.coords:
        dims = listed(f"dims {tuple(map(str, data.dims))}")
        remedy = 'Name the images: data.assign_coords(image=names), with a dim "image".'
        raise ArgumentError(advice(argument, "have a dim 'image' with names", dims, remedy))
    names = np.asarray(data[IMAGE].values)
    if names.dtype.kind == "T":
        # A store gives numpy's newer text type, which not every numpy compares with the older ones.
        names = names.astype(object)
    values, counts = np.unique(names.astype(str), return_counts=True)
    if (counts > 1).any():
        raise ArgumentError(
            advice(
                argument,
                "name each image once",
                listed(f"duplicates {listed.of(values[counts > 1])}"),
                f"Drop the second ones: {argument}.drop_duplicates('image').",
            )
        )
    return names


def as_features(features: Any, argument: str = "features") -> xr.Dataset:
    """Check features, one layer or many, and give them as a Dataset.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        One variable per layer. A single named DataArray is one layer.
    argument : str
        What the user calls it.

    Returns
    -------
    Dataset (image, ...)
        The same data, one variable per layer.

    Raises
    ------
    KindError
        If it is not an xarray object.
    ArgumentError
        If images are not named or named twice, or there is no layer.
    """
    names = image_names(features, argument)
    if features[IMAGE].dtype.kind == "T":
        features = features.assign_coords({IMAGE: names})
    if isinstance(features, xr.DataArray):
        name = str(features.name) if features.name is not None else "features"
        attrs = dict(features.attrs)
        one: xr.Dataset = features.drop_vars([c for c in features.coords if c == name]).to_dataset(name=name)
        one.attrs = attrs
        features = one
    if not layer_names(features):
        remedy = "Make one with mf.extract or mf.features.from_table."
        raise ArgumentError(advice(argument, "hold at least one layer with a dim 'image'", listed("none"), remedy))
    dataset: xr.Dataset = features
    return dataset


def layer_names(features: xr.Dataset) -> list[str]:
    """List the layers of a features Dataset, in its own order.

    Parameters
    ----------
    features : Dataset (image, ...)
        One variable per layer.

    Returns
    -------
    list of str
        Names of the variables that have a dim `image`.
    """
    return [str(name) for name, variable in features.data_vars.items() if IMAGE in variable.dims]


def matrix(layer: xr.DataArray) -> npt.NDArray[Any]:
    """Lay a layer out as images by features.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy.

    Returns
    -------
    array (n, p)
        All dims but `image` flattened in C order; a view where the data allow it.
    """
    ordered = layer.transpose(IMAGE, ...)
    return np.asarray(ordered.values).reshape(ordered.sizes[IMAGE], math.prod(ordered.shape[1:]))


def as_scores(scores: Any, argument: str = "scores") -> xr.DataArray:
    """Check scores, one number per image, and give them as a DataArray.

    Parameters
    ----------
    scores : DataArray (image) or pandas.Series
        One number per image. The index of a Series holds the image names.
    argument : str
        What the user calls it.

    Returns
    -------
    DataArray (image)
        The scores as float64, named.

    Raises
    ------
    KindError
        If it is neither, or holds no numbers.
    ArgumentError
        If images are not named or named twice, other dims are there, or a score is missing.
    """
    drop = "dropna('image')"
    if isinstance(scores, pd.Series):
        drop = "dropna()"
        scores = of_series(scores, argument)
    if not isinstance(scores, xr.DataArray):
        remedy = 'Pass one column: images["hit_rate"], or a Series indexed by image name.'
        raise KindError(advice(argument, "be a DataArray or Series", listed(type(scores).__name__), remedy))
    names = image_names(scores, argument)
    if scores.dims != (IMAGE,):
        raise ArgumentError(
            advice(argument, "have one number per image", listed(f"dims {tuple(map(str, scores.dims))}"))
        )
    if not len(names):
        raise ArgumentError(advice(argument, "hold an image at least", listed("none"), "Look at what chose them."))
    if scores.dtype.kind not in "iufb":
        raise KindError(advice(argument, "hold numbers", listed(f"dtype {scores.dtype}"), as_numbers(scores, argument)))
    out = scores.astype(np.float64)
    out.name = scores.name if scores.name is not None else "score"
    # a column put back into its Dataset would bring the others' images along again
    whole = argument.partition("[")[0]
    remedy = f"Drop those images: {whole} = {whole}.{drop}, then keep the same images in what goes with them."
    finite(argument, out.values, [str(n) for n in names], remedy=remedy)
    return out


def matched(data: Labelled, to: xr.Dataset | xr.DataArray, *, argument: str, reference: str) -> Labelled:
    """Bring data into the image order of a reference, after checking that both hold the same images.

    Parameters
    ----------
    data : Dataset or DataArray (image, ...)
        What is to be reordered.
    to : Dataset or DataArray (image, ...)
        What gives the order.
    argument, reference : str
        What the user calls the two.

    Returns
    -------
    Dataset or DataArray (image, ...)
        `data`, in the order of `to`; the same object when it is in that order already.

    Raises
    ------
    ArgumentError
        If an image is in only one of the two; the message counts and names them, on each side.

    Notes
    -----
    Names that differ in their type only, 7 and "7", are the same, as long as they stay apart as text; the result then
    has those of the reference.
    """
    mine, theirs = (image_names(*one).tolist() for one in ((data, argument), (to, reference)))
    if mine == theirs:
        return data
    if set(mine) == set(theirs):
        position = {name: i for i, name in enumerate(mine)}
        return data.isel({IMAGE: [position[name] for name in theirs]})
    said = [[word(name) for name in names] for names in (mine, theirs)]
    # numbers of rows are names only of what has the same ones
    counted = counts_rows(data) != counts_rows(to) and not set(mine) & set(theirs)
    if set(said[0]) == set(said[1]) and len(set(said[0])) == len(mine) == len(theirs) and not counted:
        position = {name: i for i, name in enumerate(said[0])}
        return data.isel({IMAGE: [position[name] for name in said[1]]}).assign_coords({IMAGE: to[IMAGE].values})
    only = {argument: set(said[0]) - set(said[1]), reference: set(said[1]) - set(said[0])}
    found = "; ".join(f"only in {name} {listed.of(sorted(extra))}" for name, extra in only.items() if extra)
    if counted:
        called = argument if counts_rows(data) else reference
        found, remedy = f"only numbers of rows in {called}", with_names(called)
    else:
        remedy = in_common(argument, reference, *said)
    raise ArgumentError(advice(f"{argument} and {reference}", "hold the same images", listed(found), remedy))


def in_common(argument: str, reference: str, mine: Sequence[str], theirs: Sequence[str]) -> str:
    """Say how to come to the same images: keep those that both hold, or call them the same first.

    Parameters
    ----------
    argument, reference : str
        What the user calls the two.
    mine, theirs : sequence of str
        Their images.

    Returns
    -------
    str
        The remedy.
    """
    if set(mine) & set(theirs):
        known = f"{reference}.image.values" if " " not in reference else "names"
        shared = f"both = sorted(set({argument}.image.values) & set({known}))"
        of_pandas = f"Of pandas, {argument}.index and .loc[both]."
        how = ".sel(image=both) on each, or mf.rdm.select(rdms, both)."
        return f"Keep the shared images: {shared}, then {how} {of_pandas}"
    if {_stem(name) for name in mine} & {_stem(name) for name in theirs}:
        rename = f"{argument} = {argument}.assign_coords(image=[…]), of pandas {argument}.rename({{…: …}})"
        return f"Names differ in their folder, ending or capitals only: give both the same ones, {rename}."
    return "No name stands in both: look at each one's image names, and give both the same ones."


def _stem(name: str) -> str:
    """Give what a file is called without its folder and ending."""
    return PurePosixPath(name.replace("\\", "/")).stem.casefold()


def in_name_order(data: Labelled) -> Labelled:
    """Sort by image name, so that a seeded draw does not depend on the order of images.

    Parameters
    ----------
    data : Dataset or DataArray (image, ...)
        The data.

    Returns
    -------
    Dataset or DataArray (image, ...)
        The data, sorted by the names as text; the same object when it is sorted already.
    """
    names = np.asarray(data[IMAGE].values).astype(str)
    order = np.argsort(names, kind="stable")
    return data if bool((order == np.arange(len(order))).all()) else data.isel({IMAGE: order})


def stamped(result: Labelled, sources: Mapping[str, Any] | None = None, /, **facts: Any) -> Labelled:
    """Say in the attributes where a result came from.

    Parameters
    ----------
    result : Dataset or DataArray
        The result; its attributes are replaced.
    sources : mapping, optional
        Attributes of what it was made of; those in `INHERITED` are taken over.
    **facts : str, number, list, or what JSON can hold
        What was done: method, metric, seed, n. None is left out, bool becomes "true" or "false", a dict becomes
        JSON text, because netCDF holds none of them.

    Returns
    -------
    Dataset or DataArray
        The same object, for chaining.
    """
    attrs: dict[str, Any] = {"memfeat_version": __version__, "memfeat_schema": SCHEMA}
    attrs |= {key: sources[key] for key in INHERITED if sources and key in sources}
    attrs |= {key: storable(value) for key, value in facts.items() if value is not None}
    result.attrs = attrs
    return result


def storable(value: Any) -> Any:
    """Turn a value into one that netCDF and zarr attributes can hold.

    Parameters
    ----------
    value : object
        Text, number, bool, sequence or mapping.

    Returns
    -------
    str, int, float or list
        The same information.
    """
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, np.ndarray | tuple | list):
        return [storable(item) for item in value]
    return value if isinstance(value, str | int | float) else str(value)
