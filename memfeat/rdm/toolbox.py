"""RDMs to rsatoolbox and back, with their descriptors."""

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._arrays import named
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, stamped, storable
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError, MissingPackageError, UnknownNameError
from memfeat.rdm.shape import pairs_last, rows
from memfeat.rdm.stacks import Stack, assembled, said

__all__ = ["ENDINGS", "INDEX", "descriptor", "from_rsatoolbox", "is_plain", "package", "saved", "to_rsatoolbox"]

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
Column = npt.NDArray[Any]
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
    ArgumentError
        If rows of pairs were cut out; the message counts them.

    Notes
    -----
    rsatoolbox's functions compare RDMs by position and not by `image`: bring them into the same order first, with
    :func:`select`.
    """
    values = pairs_last(rdms)
    toolbox = package()
    pairs = values.values[..., rows(rdms, range(rdms.sizes[IMAGE]))].astype(np.float64)
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
        pairs.reshape(-1, pairs.shape[-1]),
        dissimilarity_measure=THEIRS.get(str(metric), metric),
        descriptors={str(key): value for key, value in rdms.attrs.items()} | {SHAPED: json.dumps(dims)},
        rdm_descriptors=along,
        pattern_descriptors={IMAGE: [str(name) for name in rdms[IMAGE].values]},
    )


def from_rsatoolbox(
    rdms: Any,
    *,
    names: Any = None,
    dims: str | Sequence[str] = (),
    layer: str | None = None,
    metric: str | None = None,
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
    metric : str, optional
        What the numbers are, such as "sqeuclidean" or "crossnobis", where the RDMs do not say or are wrong; by default
        their measure.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm` in the unit of rsatoolbox, which divides squared distances by the number of features; `per_feature` in
        the attributes says so. Descriptors with one value per RDM are coordinates where they belong to one dim; those
        with one value for all are attributes.

    Raises
    ------
    KindError
        If these are no RDMs of rsatoolbox, or the metric is no text.
    UnknownNameError
        If there is no such descriptor.
    ArgumentError
        If names are missing or repeated, the descriptors named by `dims` do not tell every RDM apart, or the metric is
        empty.
    """
    if not all(hasattr(rdms, name) for name in ("dissimilarities", "rdm_descriptors", "pattern_descriptors")):
        raise KindError(advice("rdms", "be RDMs of rsatoolbox", listed(type(rdms).__name__)))
    facts = said(metric)
    images = _image_names(rdms.pattern_descriptors, names, "rdms")
    along = {str(name): descriptor(values) for name, values in rdms.rdm_descriptors.items() if name != INDEX}
    columns = _columns(along, rdms, (dims,) if isinstance(dims, str) else tuple(dims))
    vectors, coords = _arranged(np.asarray(rdms.dissimilarities, dtype=np.float64), columns)
    measure = str(rdms.dissimilarity_measure or "")
    result = assembled(Stack(vectors, images, coords), layer or measure or "reference")
    result = result.assign_coords(_side_coords(along, columns, coords))
    theirs, per_feature = MEASURES.get(measure.lower(), (measure, False))
    attrs = {str(key): storable(value) for key, value in rdms.descriptors.items() if is_plain(value) and key != SHAPED}
    shared = per_feature and metric in (None, theirs)
    stamped(result, None, metric=theirs or None, source="rsatoolbox", per_feature=True if shared else None)
    return result.assign_attrs({**attrs, **facts})


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
    toolbox = package()
    try:
        return toolbox.rdm.load_rdm(str(file), file_type="hdf5")
    except (OSError, KeyError, ValueError, AttributeError, TypeError) as error:
        problem = listed(f"{file.name}, where {error}")
        raise ArgumentError(advice("path", "be a file that rsatoolbox saved RDMs in", problem)) from error


def package() -> ModuleType:
    """Import rsatoolbox when it is asked for.

    Returns
    -------
    module
        The package.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
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


def descriptor(values: Any) -> npt.NDArray[Any]:
    """Give a descriptor as an array, text as objects.

    Parameters
    ----------
    values : array or list
        One value per RDM, pattern, observation or channel.

    Returns
    -------
    array (n,)
        Numbers as they are; anything else as text.
    """
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
    columns = {str(name): descriptor(values) for name, values in descriptors.items() if name != INDEX}
    if isinstance(names, str) and names not in columns and names != INDEX:
        raise UnknownNameError(advice("names", "be a pattern descriptor", names, f"There are {[*columns]}."))
    if isinstance(names, str):
        return named(descriptor(descriptors[names]))
    telling = [name for name, values in columns.items() if len(set(map(str, values))) == len(values)]
    found = [IMAGE] if IMAGE in columns else telling
    if len(found) != 1:
        remedy = "Say which with names='conds', or pass the image names as a list, in its order."
        shown = listed.of(found) if found else listed("none")
        raise ArgumentError(advice(argument, "have one pattern descriptor that names images", shown, remedy))
    return named(columns[found[0]])


def _columns(along: Mapping[str, Column], rdms: Any, dims: tuple[str, ...]) -> dict[str, Column]:
    """Say for each dim which descriptor of RDMs it is."""
    unknown = [dim for dim in dims if dim not in along]
    if unknown:
        raise UnknownNameError(advice("dims", "be RDM descriptors", unknown[0], f"There are {[*along]}."))
    if dims:
        return {dim: along[dim] for dim in dims}
    shaped = rdms.descriptors.get(SHAPED)
    if shaped is not None and set(json.loads(shaped)) <= set(along):
        return {dim: along[dim] for dim in json.loads(shaped)}
    count = len(rdms.dissimilarities)
    telling = [name for name, values in along.items() if len(set(map(str, values))) == count]
    if count == 1:
        return {}
    best = LAYER if LAYER in telling else telling[0] if telling else None
    return {LAYER: np.arange(count) if best is None else along[best]}


def _arranged(
    vectors: npt.NDArray[np.float64], columns: Mapping[str, Column]
) -> tuple[npt.NDArray[np.float64], dict[str, Any]]:
    """Lay RDMs out along dims."""
    if not columns:
        return vectors[0], {}
    coords = {dim: pd.unique(column) for dim, column in columns.items()}
    codes = [pd.Categorical(column, categories=coords[dim]).codes.astype(np.int64) for dim, column in columns.items()]
    shape = tuple(len(labels) for labels in coords.values())
    seen = np.zeros(shape, dtype=int)
    np.add.at(seen, tuple(codes), 1)
    if (seen != 1).any():
        found = listed(f"{len(vectors)} RDMs for {' × '.join(map(str, shape))} places along {list(columns)!r}")
        raise ArgumentError(advice("dims", "name descriptors that tell every RDM apart, and leave no gap", found))
    out = np.empty((*shape, vectors.shape[1]))
    out[tuple(codes)] = vectors
    return out, coords


def _side_coords(
    along: Mapping[str, Column], columns: Mapping[str, Column], coords: Mapping[str, Any]
) -> dict[str, Any]:
    """Keep descriptors that say something about one dim alone as its coordinates."""
    kept: dict[str, Any] = {}
    for name in (name for name in along if name not in columns):
        for dim, column in columns.items():
            by_label = pd.DataFrame({"label": column, "value": along[name]}).drop_duplicates()
            if len(by_label) == len(coords[dim]):
                ordered = by_label.set_index("label")["value"].reindex(coords[dim]).to_numpy()
                kept[name] = (dim, descriptor(ordered))
                break
    return kept


def is_plain(value: Any) -> bool:
    """Tell what attributes can hold.

    Parameters
    ----------
    value : object
        What rsatoolbox holds in a descriptor.

    Returns
    -------
    bool
        Whether it is text or a number.
    """
    return isinstance(value, str | int | float | np.generic) and not isinstance(value, bool)
