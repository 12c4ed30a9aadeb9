"""RDMs as they are compared: checked, images in the order of their names, participants matched by name."""

from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, image_names, matched
from memfeat._pairs import PAIR, place
from memfeat.errors import ArgumentError, KindError

__all__ = ["MODEL", "PARTICIPANT", "Read", "finite", "incomplete", "read", "stacked", "vectors"]

Array = npt.NDArray[Any]
PARTICIPANT, MODEL = "participant", "model"


class Read(NamedTuple):
    """What is compared, images in the order of their names."""

    names: Array
    """Images (n,)."""
    layers: Array
    """(layer, participant or 1, pair)."""
    references: Array
    """(cell, participant or 1, pair); a cell is one RDM along all further dims of the reference."""
    coords: dict[str, Any]
    """Coordinates of the result: along `layer`, along further dims, and along both at once."""
    cells: dict[str, int]
    """Further dims of the reference, with their sizes."""
    participants: Array
    """Their names, in order; empty if there are none."""
    reference: str
    """What the reference is called."""

    @property
    def dims(self) -> tuple[str, ...]:
        """Dims of a result with one value per comparison."""
        return (LAYER, *self.cells)

    def shaped(self, values: Array) -> Array:
        """Unfold cells: (layer, cell, …) to the dims of the result, with what follows them."""
        return values.reshape(values.shape[0], *self.cells.values(), *values.shape[2:])


def read(rdms: Any, ref: Any, *, models: bool = False, argument: str = "rdms") -> Read:
    """Check both sides, and bring images and pairs into the order of image names.

    Parameters
    ----------
    rdms, ref : Dataset (layer, pair)
        RDMs; `participant` may be a dim of either, and `ref` may have further ones.
    models : bool
        Whether `ref` may hold several layers; they become the dim `model`.
    argument : str
        What the user calls the first.

    Returns
    -------
    Read
        Arrays and labels.

    Raises
    ------
    KindError
        If one is no Dataset of RDMs.
    ArgumentError
        If images or participants differ, there are fewer than 4 images, dims are not as above, or `ref` holds several
        layers and must not.
    """
    for name, given in ((argument, rdms), ("ref", ref)):
        _check_form(given, name)
    extra = set(map(str, rdms["rdm"].dims)) - {LAYER, PARTICIPANT, PAIR}
    if extra:
        found = listed(f"dims {tuple(map(str, rdms['rdm'].dims))}")
        remedy = "Choose one along the others, or pass what has them as ref."
        raise ArgumentError(advice(argument, "have no dims but 'layer', 'participant' and 'pair'", found, remedy))
    matched(ref[IMAGE], rdms[IMAGE], argument="ref", reference=argument)
    names = np.sort(rdms[IMAGE].values.astype(str))
    if len(names) < 4:
        raise ArgumentError(advice(argument, "hold at least 4 images", len(names)))
    layers = vectors(rdms).pipe(_with_layer)
    given = _with_layer(vectors(ref))
    references = _named_models(given, models)
    people = _people(layers, references)
    layers, references = (_in_order(side, people) for side in (layers, references))
    further = [str(dim) for dim in references.dims if dim not in (PARTICIPANT, PAIR)]
    cells = {dim: references.sizes[dim] for dim in further}
    coords = {str(c): layers[c] for c in layers.coords if layers[c].dims == (LAYER,)}
    coords |= {str(c): references[c] for c in references.coords if set(references[c].dims) <= set(cells)}
    flat = references.transpose(*further, PARTICIPANT, PAIR).values
    return Read(
        names.astype(object),
        layers.transpose(LAYER, PARTICIPANT, PAIR).values,
        flat.reshape(prod(cells.values()), *flat.shape[-2:]),
        {name: c.drop_vars(set(c.coords) - {name}) for name, c in coords.items() if name != PARTICIPANT},
        cells,
        np.array(people, dtype=object),
        ", ".join(str(name) for name in given[LAYER].values),
    )


def vectors(rdms: xr.Dataset) -> xr.DataArray:
    """Sort images by name, pairs row by row, whatever their order was.

    Parameters
    ----------
    rdms : Dataset (..., pair)
        RDMs.

    Returns
    -------
    DataArray (..., pair)
        Upper triangles; NaN for pairs that are not there.
    """
    rdm = rdms["rdm"].transpose(..., PAIR)
    names = rdms[IMAGE].values.astype(str)
    n = len(names)
    rank = np.argsort(np.argsort(names, kind="stable"))
    size = n * (n - 1) // 2
    where = place(rank[rdms["first"].values], rank[rdms["second"].values], n)
    if len(where) == size and (where == np.arange(size)).all():
        values = rdm.values.astype(np.float64)
    else:
        values = np.full((*rdm.shape[:-1], size), np.nan)
        values[..., where] = rdm.values
    kept = {name: c for name, c in rdm.coords.items() if PAIR not in c.dims and IMAGE not in c.dims}
    return xr.DataArray(values, dims=rdm.dims, coords=kept)


def stacked(rdms: Any, argument: str, names: Array) -> tuple[list[str], Array]:
    """Read RDMs that have no dims but layers, for the images of others.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs.
    argument : str
        What the user calls them.
    names : array (n,) of str
        The images, sorted.

    Returns
    -------
    list of str
        Layers.
    array (layer, pair)
        Upper triangles in the order of `names`.

    Raises
    ------
    KindError, ArgumentError
        If these are no such RDMs, are not finite, or images differ.
    """
    _check_form(rdms, argument)
    if set(rdms["rdm"].dims) - {LAYER, PAIR}:
        found = listed(f"dims {tuple(map(str, rdms['rdm'].dims))}")
        remedy = "Choose one along the others."
        raise ArgumentError(advice(argument, "have dims 'layer' and 'pair' alone", found, remedy))
    others = xr.DataArray(names, dims=IMAGE, coords={IMAGE: names})
    matched(rdms[IMAGE], others, argument=argument, reference="rdms")
    values = _with_layer(vectors(rdms)).transpose(LAYER, PAIR)
    layers = [str(name) for name in values[LAYER].values]
    finite(values.values, layers, argument)
    return layers, values.values


def finite(values: Array, names: Any, argument: str) -> None:
    """Check that dissimilarities are finite.

    Parameters
    ----------
    values : array (layer, ..., pair)
        Upper triangles.
    names : sequence of str
        What each is called.
    argument : str
        What the user calls them all.

    Raises
    ------
    ArgumentError
        If one is not; the message names the first that has any.
    """
    for name, value in zip(names, values, strict=True):
        if not np.isfinite(value).all():
            found = listed(f"NaN or infinity in layer {str(name)!r}")
            remedy = "Drop those images first."
            raise ArgumentError(advice(argument, "be finite for every pair of images", found, remedy))


def incomplete(values: Array, names: Any, argument: str) -> Array:
    """Tell which RDMs lack pairs.

    Parameters
    ----------
    values : array (layer, ..., pair)
        Upper triangles; NaN for missing pairs.
    names : sequence of str
        What each is called.
    argument : str
        What the user calls them all.

    Returns
    -------
    array (layer,) of bool
        Whether any is missing.

    Raises
    ------
    ArgumentError
        If one is infinite.
    """
    found = np.zeros(len(values), dtype=bool)
    for k, (name, value) in enumerate(zip(names, values, strict=True)):
        found[k] = not np.isfinite(value).all()
        if found[k] and np.isinf(value).any():
            infinity = listed(f"infinity in layer {str(name)!r}")
            raise ArgumentError(advice(argument, "be finite, or NaN where a pair is missing", infinity))
    return found


def _check_form(given: Any, argument: str) -> None:
    if not isinstance(given, xr.Dataset) or not {"rdm", "first", "second"} <= set(given.variables):
        remedy = "Make one with mf.rdm.compute, mf.rdm.from_scores or mf.rdm.from_categories."
        raise KindError(advice(argument, "be a Dataset of RDMs", listed(type(given).__name__), remedy))
    image_names(given, argument)
    if PAIR not in given["rdm"].dims:
        found = listed(f"dims {tuple(map(str, given['rdm'].dims))}")
        raise ArgumentError(advice(argument, "have a dim 'pair'", found))


def _with_layer(values: xr.DataArray) -> xr.DataArray:
    """Give a RDM without layers one, under the name it was chosen by."""
    if LAYER in values.dims:
        return (
            values if LAYER in values.coords else values.assign_coords({LAYER: [*map(str, range(values.sizes[LAYER]))]})
        )
    name = values.coords.get(LAYER, xr.DataArray("rdm")).item()
    return values.drop_vars(LAYER, errors="ignore").expand_dims({LAYER: np.array([name], dtype=object)})


def _named_models(values: xr.DataArray, models: bool) -> xr.DataArray:
    """Turn the layers of the reference into models, or take its only one."""
    if models:
        return values.rename({LAYER: MODEL})
    if values.sizes[LAYER] != 1:
        found = listed(f"layers {listed.of(values[LAYER].values)}")
        raise ArgumentError(advice("ref", "hold one RDM", found, "Choose one: ref.sel(layer=[name])."))
    return values.isel({LAYER: 0}, drop=True)


def _people(layers: xr.DataArray, references: xr.DataArray) -> list[str]:
    """Participants of either side, which must be the same if both have them."""
    named = {}
    for argument, side in (("rdms", layers), ("ref", references)):
        if PARTICIPANT not in side.dims:
            continue
        names = side[PARTICIPANT].values if PARTICIPANT in side.coords else np.arange(side.sizes[PARTICIPANT])
        named[argument] = sorted(map(str, names))
        if len(set(named[argument])) < len(named[argument]):
            raise ArgumentError(advice(argument, "name each participant once", listed.of(named[argument])))
    if len(named) == 2 and named["rdms"] != named["ref"]:
        only = listed.of(sorted(set(named["rdms"]) ^ set(named["ref"])))
        raise ArgumentError(advice("rdms and ref", "hold the same participants", listed(f"only in one {only}")))
    return next(iter(named.values()), [])


def _in_order(side: xr.DataArray, people: list[str]) -> xr.DataArray:
    """Sort participants by name; a side without them has one for all."""
    if PARTICIPANT not in side.dims:
        return side.expand_dims(PARTICIPANT)
    names = side[PARTICIPANT].values if PARTICIPANT in side.coords else np.arange(side.sizes[PARTICIPANT])
    return side.isel({PARTICIPANT: np.argsort([str(name) for name in names], kind="stable")})
