"""To rsatoolbox and back: its RDMs and Datasets with their descriptors."""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._arrays import named
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, as_features, dimension, layer_names, stamped, storable
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError, MissingPackageError, UnknownNameError
from memfeat.rdm.matrices import Stack, assembled, to_condensed
from memfeat.rdm.shape import pairs_last

__all__ = [
    "ENDINGS",
    "features_from_rsatoolbox",
    "features_to_rsatoolbox",
    "from_rsatoolbox",
    "saved",
    "to_rsatoolbox",
]

#: Files of its own, other than pickles.
ENDINGS = (".h5", ".hdf5")
#: Its name of a dissimilarity → ours; those of which it gives the mean over features, and not the sum, are marked.
MEASURES = {
    "squared euclidean": ("sqeuclidean", True),
    "squared mahalanobis": ("sqmahalanobis", True),
}
#: Ours → its own, for the same unit.
THEIRS = {"correlation": "correlation", "crossnobis": "crossnobis", "poisson": "poisson"}
INDEX = "index"
#: The descriptor by which RDMs that came from here find back to their dims.
SHAPED = "memfeat_dims"


def to_rsatoolbox(rdms: xr.Dataset) -> Any:
    """Give RDMs to rsatoolbox.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs; further dims are kept as descriptors.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        One RDM per layer and place along further dims. Pattern descriptor `image`; RDM descriptors `layer`, the further
        dims and their coordinates; descriptors: the attributes. :func:`from_rsatoolbox` reads it back.

    Raises
    ------
    MissingPackageError
        If rsatoolbox is not installed.
    KindError
        If it is no Dataset of RDMs.

    Notes
    -----
    rsatoolbox's functions compare RDMs by position and not by `image`: bring them into the same order first, with
    :func:`select`.
    """
    values = pairs_last(rdms)
    toolbox = _toolbox()
    dims = [str(dim) for dim in values.dims[:-1]]
    places = np.indices(values.shape[:-1]).reshape(len(dims), -1)
    place = dict(zip(dims, places, strict=True))
    labels = {dim: values[dim].values if dim in values.coords else np.arange(values.sizes[dim]) for dim in dims}
    further = {
        str(name): coord.values
        for name, coord in values.coords.items()
        if len(coord.dims) == 1 and coord.dims[0] in dims and name not in dims
    }
    along = {dim: list(labels[dim][place[dim]]) for dim in dims}
    along |= {name: list(column[place[str(values[name].dims[0])]]) for name, column in further.items()}
    metric = str(rdms.attrs.get("metric", "")) or None
    return toolbox.rdm.RDMs(
        to_condensed(rdms).reshape(-1, values.shape[-1]),
        dissimilarity_measure=THEIRS.get(str(metric), metric),
        descriptors={str(key): value for key, value in rdms.attrs.items()} | {SHAPED: json.dumps(dims)},
        rdm_descriptors=along,
        pattern_descriptors={IMAGE: [str(name) for name in rdms[IMAGE].values]},
    )


def from_rsatoolbox(
    rdms: Any, *, names: Any = None, dims: str | Sequence[str] = (), layer: str | None = None
) -> xr.Dataset:
    """Take RDMs from rsatoolbox.

    Parameters
    ----------
    rdms : rsatoolbox.rdm.RDMs
        Its RDMs.
    names : str or sequence of str, optional
        The pattern descriptor that holds image names, or the names themselves, in its order; by default the descriptor
        `image`, or else the only one that tells all patterns apart, the index aside.
    dims : str or sequence of str
        RDM descriptors that become dims, such as ("participant",) or ("layer", "participant"). By default the dims
        that the RDMs had when they were given to rsatoolbox; else all of them stand along `layer`, and are named by
        the first descriptor that tells them apart.
    layer : str, optional
        What the RDM is called along `layer` where that is no descriptor; by default its measure.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm` in the unit of rsatoolbox, which divides squared distances by the number of features; `per_feature` in
        the attributes says so. Descriptors with one value per RDM are coordinates where they belong to one dim; those
        with one value for all are attributes.

    Raises
    ------
    KindError
        If these are no RDMs of rsatoolbox.
    UnknownNameError
        If there is no such descriptor.
    ArgumentError
        If names are missing or repeated, or the descriptors named by `dims` do not tell every RDM apart.
    """
    if not all(hasattr(rdms, name) for name in ("dissimilarities", "rdm_descriptors", "pattern_descriptors")):
        raise KindError(advice("rdms", "be RDMs of rsatoolbox", listed(type(rdms).__name__)))
    images = _image_names(rdms.pattern_descriptors, names, "rdms")
    along = {str(name): _column(values) for name, values in rdms.rdm_descriptors.items() if name != INDEX}
    wanted = _wanted(along, rdms, (dims,) if isinstance(dims, str) else tuple(dims))
    vectors, coords = _arranged(np.asarray(rdms.dissimilarities, dtype=np.float64), along, wanted)
    measure = str(rdms.dissimilarity_measure or "")
    stack = Stack(vectors, images, {LAYER if dim == INDEX else dim: values for dim, values in coords.items()})
    result = assembled(stack, layer or measure or "reference")
    result = result.assign_coords(_side_coords(along, wanted, coords, len(rdms.dissimilarities)))
    metric, per_feature = MEASURES.get(measure.lower(), (measure, False))
    attrs = {str(key): storable(value) for key, value in rdms.descriptors.items() if _is_plain(value) and key != SHAPED}
    stamped(result, None, metric=metric or None, source="rsatoolbox", per_feature=True if per_feature else None)
    return result.assign_attrs(attrs)


def features_to_rsatoolbox(features: xr.Dataset | xr.DataArray, *, layer: str | None = None, repeat: str = "") -> Any:
    """Give one layer of features to rsatoolbox.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features; one layer may come as a DataArray. They are read into memory.
    layer : str, optional
        Which layer; may be left out when there is just one.
    repeat : str
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
    toolbox = _toolbox()
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
    observed = {str(name): _column(values) for name, values in dataset.obs_descriptors.items()}
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
    labels = {str(k): _column(v) for k, v in dataset.channel_descriptors.items() if k != INDEX}
    telling = [column for column in labels.values() if len(set(map(str, column))) == values.shape[-1]]
    if telling:
        coords[unit] = telling[0]
    facts = {str(key): storable(value) for key, value in dataset.descriptors.items() if _is_plain(value)}
    result = stamped(xr.Dataset({called: (dims, values)}, coords=coords), None, source="rsatoolbox", kind="features")
    return result.assign_attrs(facts)


def saved(file: Path) -> Any:
    """Load RDMs that rsatoolbox saved.

    Parameters
    ----------
    file : Path
        A file of kind `ENDINGS`.

    Returns
    -------
    rsatoolbox.rdm.RDMs
        The RDMs.

    Raises
    ------
    MissingPackageError
        If rsatoolbox is not installed.
    ArgumentError
        If it cannot be read.
    """
    toolbox = _toolbox()
    try:
        return toolbox.rdm.load_rdm(str(file), file_type="hdf5")
    except (OSError, KeyError, ValueError, AttributeError, TypeError) as error:
        problem = listed(f"{file.name}, where {error}")
        raise ArgumentError(advice("path", "be a file that rsatoolbox saved RDMs in", problem)) from error


def _toolbox() -> ModuleType:
    """Import rsatoolbox when it is asked for."""
    try:
        with warnings.catch_warnings():
            # it brings warnings of its own and of what it imports
            warnings.simplefilter("ignore")
            import rsatoolbox
            import rsatoolbox.data
            import rsatoolbox.rdm
    except ImportError as error:
        remedy = 'pip install "memfeat[rsatoolbox]"'
        raise MissingPackageError(advice("rsatoolbox", "be installed", listed("nothing"), remedy)) from error
    module: ModuleType = rsatoolbox
    return module


def _column(values: Any) -> npt.NDArray[Any]:
    """Give a descriptor as an array, text as objects."""
    items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    items = [item.decode() if isinstance(item, bytes) else item for item in items]
    if any(isinstance(item, str) for item in items):
        return texts(items)
    array = np.asarray(items)
    return array if array.ndim == 1 and array.dtype.kind in "iufb" else texts(items)


def _image_names(descriptors: Mapping[str, Any], names: Any, argument: str) -> npt.NDArray[Any]:
    """Find image names among descriptors of patterns."""
    if names is not None and not isinstance(names, str):
        return named(names)
    columns = {str(name): _column(values) for name, values in descriptors.items() if name != INDEX}
    if isinstance(names, str) and names not in columns and names != INDEX:
        raise UnknownNameError(advice("names", "be a pattern descriptor", names, f"There are {[*columns]}."))
    if isinstance(names, str):
        return named(_column(descriptors[names]))
    telling = [name for name, values in columns.items() if len(set(map(str, values))) == len(values)]
    found = [IMAGE] if IMAGE in columns else telling
    if len(found) != 1:
        remedy = "Say which with names='conds', or pass the image names as a list, in its order."
        shown = listed.of(found) if found else listed("none")
        raise ArgumentError(advice(argument, "have one pattern descriptor that names images", shown, remedy))
    return named(columns[found[0]])


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


def _wanted(along: Mapping[str, npt.NDArray[Any]], rdms: Any, dims: tuple[str, ...]) -> tuple[str, ...]:
    """Say which descriptors of RDMs are dims."""
    if dims:
        unknown = [dim for dim in dims if dim not in along]
        if unknown:
            raise UnknownNameError(advice("dims", "be RDM descriptors", unknown[0], f"There are {[*along]}."))
        return dims
    shaped = rdms.descriptors.get(SHAPED)
    if shaped is not None and set(json.loads(shaped)) <= set(along):
        return tuple(json.loads(shaped))
    count = len(rdms.dissimilarities)
    telling = [name for name, values in along.items() if len(set(map(str, values))) == count]
    if count == 1:
        return ()
    return (LAYER,) if LAYER in telling else (telling[0],) if telling else (INDEX,)


def _arranged(
    vectors: npt.NDArray[np.float64], along: Mapping[str, npt.NDArray[Any]], wanted: tuple[str, ...]
) -> tuple[npt.NDArray[np.float64], dict[str, Any]]:
    """Lay RDMs out along dims."""
    if not wanted:
        return vectors.reshape(vectors.shape[1]) if len(vectors) == 1 else vectors, {}
    columns = {dim: np.arange(len(vectors)) if dim == INDEX else along[dim] for dim in wanted}
    coords = {dim: pd.unique(column) for dim, column in columns.items()}
    codes = [pd.Categorical(columns[dim], categories=coords[dim]).codes.astype(np.int64) for dim in wanted]
    shape = tuple(len(labels) for labels in coords.values())
    filled = np.zeros(shape, dtype=int)
    np.add.at(filled, tuple(codes), 1)
    if (filled != 1).any():
        found = listed(f"{len(vectors)} RDMs for {' × '.join(map(str, shape))} places along {list(wanted)!r}")
        raise ArgumentError(advice("dims", "name descriptors that tell every RDM apart, and leave no gap", found))
    out = np.empty((*shape, vectors.shape[1]))
    out[tuple(codes)] = vectors
    return out, coords


def _side_coords(
    along: Mapping[str, npt.NDArray[Any]], wanted: tuple[str, ...], coords: Mapping[str, Any], count: int
) -> dict[str, Any]:
    """Keep descriptors that say something about one dim alone as its coordinates."""
    kept: dict[str, Any] = {}
    for name, values in along.items():
        for dim in wanted if name not in wanted else ():
            column = np.arange(count) if dim == INDEX else along[dim]
            by_label = pd.DataFrame({"label": column, "value": values}).drop_duplicates()
            if len(by_label) == len(coords[dim]):
                ordered = by_label.set_index("label")["value"].reindex(coords[dim]).to_numpy()
                kept[name] = (LAYER if dim == INDEX else dim, _column(ordered))
                break
    return kept


def _is_plain(value: Any) -> bool:
    """Tell what attributes can hold."""
    return isinstance(value, str | int | float | np.generic) and not isinstance(value, bool)


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
        found = listed(f"{images[image]!r} {seen[image, repeat]} times in {marks[repeat]!r}")
        remedy = "Average observations inside a repeat first, and drop images that a repeat lacks."
        raise ArgumentError(advice("dataset", "hold each image once in every repeat", found, remedy))
    out = np.empty((len(images), len(marks), values.shape[1]))
    out[rows, columns] = values
    return out
