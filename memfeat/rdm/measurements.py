"""Features to rsatoolbox's Datasets and back, with repeats and descriptors."""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, as_features, dimension, layer_names, stamped, storable
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.rdm.toolbox import INDEX, descriptor, is_plain, package

__all__ = ["features_from_rsatoolbox", "features_to_rsatoolbox"]


def features_to_rsatoolbox(
    features: xr.Dataset | xr.DataArray, *, layer: str | None = None, repeat: str | None = None
) -> Any:
    """Give one layer of features to rsatoolbox.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features; one layer may come as a DataArray. They are read into memory.
    layer : str, optional
        Which layer; may be left out when there is just one.
    repeat : str, optional
        The dim of repeats or runs, if there is one: each becomes observations of their own.

    Returns
    -------
    rsatoolbox.data.Dataset
        One observation per image, and repeat. Observation descriptors `image`, `repeat` and other coordinates of
        images; channel descriptors: position along each feature dim, or its labels; descriptors: `layer` and the
        attributes.

    Raises
    ------
    MissingPackageError
        If rsatoolbox is not installed.
    KindError, UnknownNameError, ArgumentError
        If these are no features, there is no such layer or dim, or there are several layers and none was chosen.
    """
    table = as_features(features)
    known = layer_names(table)
    if layer is None and len(known) > 1:
        raise ArgumentError(advice("layer", "be chosen when there are several", listed.of(known), "Pass layer=."))
    chosen = known[0] if layer is None else layer
    if chosen not in known:
        raise UnknownNameError(advice("layer", "be a layer of the features", chosen, f"It has {listed.of(known)}."))
    data = table[chosen]
    if repeat and repeat not in data.dims:
        found = listed(f"dims {tuple(map(str, data.dims))}")
        raise UnknownNameError(advice("repeat", f"be a dim of layer {chosen!r}", found))
    toolbox = package()
    lead = (repeat, IMAGE) if repeat else (IMAGE,)
    ordered = data.transpose(*lead, ...)
    rows = prod(ordered.shape[: len(lead)])
    observed = {IMAGE: np.tile(texts(ordered[IMAGE].values), rows // ordered.sizes[IMAGE])}
    for name, coord in ordered.coords.items():
        if coord.dims == (IMAGE,) and name != IMAGE:
            observed[str(name)] = np.tile(coord.values, rows // ordered.sizes[IMAGE])
    if repeat:
        marks = ordered[repeat].values if repeat in ordered.coords else np.arange(ordered.sizes[repeat])
        observed[repeat] = np.repeat(marks, ordered.sizes[IMAGE])
    features_dims = [str(dim) for dim in ordered.dims[len(lead) :]]
    labels = [ordered[dim].values if dim in ordered.coords else np.arange(ordered.sizes[dim]) for dim in features_dims]
    grid = np.meshgrid(*(np.arange(len(label)) for label in labels), indexing="ij")
    channels = {
        dim.removeprefix(f"{chosen}:"): list(label[place.reshape(-1)])
        for dim, label, place in zip(features_dims, labels, grid, strict=True)
    }
    return toolbox.data.Dataset(
        np.asarray(ordered.values, dtype=np.float64).reshape(rows, -1),
        descriptors={LAYER: chosen} | {str(key): value for key, value in features.attrs.items()},
        obs_descriptors={name: list(values) for name, values in observed.items()},
        channel_descriptors=channels,
    )


def features_from_rsatoolbox(
    dataset: Any, *, names: Any = None, repeat: str | None = None, layer: str | None = None
) -> xr.Dataset:
    """Take measurements from rsatoolbox as features.

    Parameters
    ----------
    dataset : rsatoolbox.data.Dataset
        Observations by channels.
    names : str or sequence of str, optional
        The observation descriptor that holds image names, or the names themselves; by default the descriptor `image`,
        or else the only one that holds text.
    repeat : str, optional
        The observation descriptor that tells repeats or runs apart, where images were observed more than once; it
        becomes a dim for :func:`compute`.
    layer : str, optional
        What the layer is called; by default the descriptor `layer`, or else "measurements".

    Returns
    -------
    Dataset (image, ..., <layer>:unit)
        One variable, float64; with the dim `repeat` where it was named. The first channel descriptor that tells all
        channels apart is the coordinate of the last dim.

    Raises
    ------
    KindError
        If it is no Dataset of rsatoolbox.
    UnknownNameError
        If there is no such descriptor.
    ArgumentError
        If an image was observed more than once and no repeat is named, or not once in every repeat.
    """
    if not all(hasattr(dataset, name) for name in ("measurements", "obs_descriptors", "channel_descriptors")):
        raise KindError(advice("dataset", "be a Dataset of rsatoolbox", listed(type(dataset).__name__)))
    observed = {str(name): descriptor(values) for name, values in dataset.obs_descriptors.items()}
    words = texts(_observed_names(observed, names, len(dataset.measurements)))
    called = str(layer or dataset.descriptors.get(LAYER) or "measurements")
    images, row = np.unique(words.astype(str), return_index=True)
    images = texts(words[np.sort(row)])
    values = np.asarray(dataset.measurements, dtype=np.float64)
    unit = dimension(called, "unit")
    coords: dict[str, Any] = {IMAGE: images}
    if repeat is None:
        if len(images) < len(words):
            found = listed(f"{len(words)} observations of {len(images)} images")
            remedy = "Name the descriptor that tells repeats apart: repeat='run'."
            raise ArgumentError(advice("dataset", "hold each image once", found, remedy))
        dims: tuple[str, ...] = (IMAGE, unit)
    else:
        if repeat not in observed:
            raise UnknownNameError(advice("repeat", "be an observation descriptor", repeat, f"It has {[*observed]}."))
        marks = pd.unique(observed[repeat])
        values = _by_repeat(values, words, images, observed[repeat], marks)
        dims, coords[repeat] = (IMAGE, repeat, unit), marks
    labels = {str(k): descriptor(v) for k, v in dataset.channel_descriptors.items() if k != INDEX}
    telling = [column for column in labels.values() if len(set(map(str, column))) == values.shape[-1]]
    if telling:
        coords[unit] = telling[0]
    facts = {str(key): storable(value) for key, value in dataset.descriptors.items() if is_plain(value)}
    result = stamped(xr.Dataset({called: (dims, values)}, coords=coords), None, source="rsatoolbox", kind="features")
    return result.assign_attrs(facts)


def _observed_names(observed: Mapping[str, npt.NDArray[Any]], names: Any, count: int) -> Iterable[Any]:
    """Find image names among descriptors of observations."""
    if names is not None and not isinstance(names, str):
        given = list(names)
        if len(given) != count:
            raise ArgumentError(advice("names", f"have one name for each of {count} observations", len(given)))
        return given
    text = [name for name, values in observed.items() if values.dtype.kind == "O"]
    chosen = names if names is not None else IMAGE if IMAGE in observed else text[0] if len(text) == 1 else None
    if chosen is None:
        remedy = "Say which with names='stimulus', or pass the image names as a list, in its order."
        raise ArgumentError(advice("dataset", "have one descriptor that names images", listed.of(observed), remedy))
    if chosen not in observed:
        raise UnknownNameError(advice("names", "be an observation descriptor", chosen, f"It has {[*observed]}."))
    return observed[chosen]


def _by_repeat(
    values: npt.NDArray[np.float64],
    words: npt.NDArray[Any],
    images: npt.NDArray[Any],
    repeats: npt.NDArray[Any],
    marks: Any,
) -> npt.NDArray[np.float64]:
    """Lay observations out as images by repeats by channels."""
    rows = pd.Categorical(words, categories=images).codes.astype(np.int64)
    columns = pd.Categorical(repeats, categories=marks).codes.astype(np.int64)
    seen = np.zeros((len(images), len(marks)), dtype=int)
    np.add.at(seen, (rows, columns), 1)
    if (seen != 1).any():
        image, repeat = np.argwhere(seen != 1)[0]
        found = listed(f"{images[image]!r} {seen[image, repeat]} times in {marks.tolist()[repeat]!r}")
        remedy = "Average observations inside a repeat first, and drop images that a repeat lacks."
        raise ArgumentError(advice("dataset", "hold each image once in every repeat", found, remedy))
    out = np.empty((len(images), len(marks), values.shape[1]))
    out[rows, columns] = values
    return out
