"""RDMs on their way in: plain arrays with image names and further dims, checked, and labelled at the end."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._arrays import named
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER
from memfeat._pairs import PAIR
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError
from memfeat.rdm.shape import at_least, labelled

__all__ = ["SIDES", "Dims", "Stack", "assembled", "condensed", "leading", "numbers", "said", "stacked"]

Array = npt.NDArray[np.float64]
#: Names of further dims, or their names with labels.
Dims = str | Sequence[str] | Mapping[str, Sequence[Any] | None]
SIDES = (f"{IMAGE}_1", f"{IMAGE}_2")
#: Differences between both directions that are rounding, as a share of the largest value.
ROUNDING = 1e-8
EXAMPLE = "Pass metric='crossnobis', for example, or leave it out."


class Stack(NamedTuple):
    """RDMs as plain arrays, and what their axes mean."""

    values: Array
    """Square matrices (..., n, n), or upper triangles (..., pair)."""
    names: npt.NDArray[Any]
    """Images (n,)."""
    coords: dict[str, Any]
    """Labels of further dims, in their order; None for one without."""

    @property
    def is_square(self) -> bool:
        """Tell square matrices from upper triangles."""
        return self.values.ndim == len(self.coords) + 2


def stacked(matrices: Any, names: Any, dims: Dims, argument: str) -> Stack:
    """Read square matrices, labelled or not.

    Parameters
    ----------
    matrices : DataArray, DataFrame or array
        What the user gave.
    names, dims : object
        What the user said about an array.
    argument : str
        What the user calls the matrices.

    Returns
    -------
    Stack
        The matrices, float64.
    """
    if isinstance(matrices, xr.DataArray | pd.DataFrame):
        if names is not None or len(_dims(dims)):
            remedy = "Pass .values with names= and dims=, or leave both out."
            raise ArgumentError(advice("names and dims", "be left out for labelled matrices", listed("both"), remedy))
        if isinstance(matrices, xr.DataArray):
            return _from_dataarray(matrices, argument)
        return _from_dataframe(matrices, argument)
    if names is None:
        remedy = "Pass the image of each row, in the order of the matrix."
        raise ArgumentError(advice("names", "be given for a plain array", listed("none"), remedy))
    images = named(names)
    values, coords = leading(numbers(matrices, argument), (len(images),) * 2, dims, argument, len(images))
    return Stack(values, images, coords)


def _from_dataarray(matrices: xr.DataArray, argument: str) -> Stack:
    """Read what :func:`square` gives."""
    if not set(SIDES) <= set(matrices.dims) or not set(SIDES) <= set(matrices.coords):
        found = listed(f"dims {tuple(map(str, matrices.dims))}")
        raise ArgumentError(advice(argument, "have the named dims 'image_1' and 'image_2', as mf.rdm.square", found))
    ordered = matrices.transpose(..., *SIDES)
    images, others = named(ordered[SIDES[0]].values), named(ordered[SIDES[1]].values)
    values = numbers(ordered.values, argument)[..., _places(images, others, argument)]
    further = {str(dim): ordered.coords.get(dim) for dim in ordered.dims[:-2]}
    coords = {dim: None if coord is None else coord.values for dim, coord in further.items()}
    return Stack(values, images, coords)


def _from_dataframe(matrices: pd.DataFrame, argument: str) -> Stack:
    """Read a table with images in its index and in its columns."""
    images, others = named(matrices.index), named(matrices.columns)
    values = numbers(matrices.to_numpy(), argument)[:, _places(images, others, argument)]
    return Stack(values, images, {})


def _places(images: npt.NDArray[Any], others: npt.NDArray[Any], argument: str) -> list[int]:
    """Find the images of one side on the other."""
    only = sorted(set(images) ^ set(others))
    if only:
        found = listed(f"on one side only {listed.of(only)}")
        raise ArgumentError(advice(argument, "name the same images on both sides", found))
    position = {name: i for i, name in enumerate(others)}
    return [position[name] for name in images]


def numbers(values: Any, argument: str) -> Array:
    """Give real numbers as float64.

    Parameters
    ----------
    values : array
        What the user gave.
    argument : str
        What the user calls it.

    Returns
    -------
    array (...)
        The numbers.

    Raises
    ------
    KindError
        If they are none.
    """
    array = np.asarray(values)
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise KindError(advice(argument, "hold real numbers", listed(str(error)))) from error
    if array.dtype.kind not in "iufb":
        raise KindError(advice(argument, "hold real numbers", listed(f"dtype {array.dtype}")))
    return array.astype(np.float64)


def _dims(dims: Dims) -> dict[str, Any]:
    """Give names of further dims with their labels."""
    given: Any = {dims: None} if isinstance(dims, str) else dims
    if not isinstance(given, Iterable):
        raise KindError(advice("dims", "be names of dims", dims))
    names: list[Hashable] = list(given)
    taken = {IMAGE, PAIR, *SIDES, "first", "second", "rdm"}
    if len(set(names)) < len(names) or not all(isinstance(name, str) and name not in taken for name in names):
        raise ArgumentError(advice("dims", "name different dims, none of them 'image' or 'pair'", names))
    labels = given if isinstance(given, Mapping) else dict.fromkeys(names)
    return {str(name): labels[name] for name in names}


def leading(values: Array, core: tuple[int, ...], dims: Dims, argument: str, n: int) -> tuple[Array, dict[str, Any]]:
    """Bring further axes to the front, and name them.

    Parameters
    ----------
    values : array
        What the user gave.
    core : tuple of int
        Shape of one RDM.
    dims : object
        What the user said about further axes.
    argument : str
        What the user calls the values.
    n : int
        Number of images.

    Returns
    -------
    array (..., core)
        The values.
    dict
        Coordinates of the further dims, in their order.
    """
    coords = _dims(dims)
    # MATLAB has no vectors: an axis of one that nobody named is none
    while values.ndim > len(core) + len(coords) and 1 in values.shape:
        values = values.squeeze(values.shape.index(1))
    front = values.shape[: len(core)] == core and values.shape[-len(core) :] != core
    moved = np.moveaxis(values, range(len(core)), range(-len(core), 0)) if front else values
    if moved.shape[-len(core) :] != core:
        whole = " × ".join(map(str, core))
        rule = f"hold {whole} values per RDM for the {n} images named"
        raise ArgumentError(advice(argument, rule, listed(f"shape {values.shape}")))
    if moved.ndim != len(core) + len(coords):
        remedy = "For one RDM per participant pass dims=('participant',)."
        found = listed(f"{list(coords)!r} for shape {values.shape}")
        raise ArgumentError(advice("dims", "name every axis besides those of images", found, remedy))
    for (dim, labels), size in zip(coords.items(), moved.shape, strict=False):
        if labels is not None and len(labels) != size:
            raise ArgumentError(advice("dims", f"have {size} labels for {dim!r}", len(labels)))
    return moved, coords


def condensed(values: Array, argument: str, *, symmetrise: bool) -> Array:
    """Take the upper triangles of square matrices, after a look at the lower ones and the diagonal.

    Parameters
    ----------
    values : array (..., n, n)
        The matrices.
    argument : str
        What the user calls them.
    symmetrise : bool
        Whether to average both directions.

    Returns
    -------
    array (..., n (n − 1) / 2)
        Upper triangles, row by row.

    Raises
    ------
    ArgumentError
        If a value is infinite, the diagonal is not zero, or the matrices are not symmetric.
    """
    if np.isinf(values).any():
        raise ArgumentError(advice(argument, "be finite, or NaN where a pair is missing", listed("infinity")))
    above = ~np.tri(values.shape[-1], dtype=bool)
    upper, lower = values[..., above], np.swapaxes(values, -1, -2)[..., above]
    if not symmetrise:
        limit = ROUNDING * max(np.nanmax(np.abs(upper), initial=0.0), np.nanmax(np.abs(lower), initial=0.0))
        _check_diagonal(np.diagonal(values, axis1=-2, axis2=-1), argument, limit)
        _check_symmetric(upper, lower, argument, limit)
    one_sided = np.where(np.isnan(upper), lower, upper)
    return np.where(np.isnan(upper) | np.isnan(lower), one_sided, (upper + lower) / 2)


def _check_diagonal(diagonal: Array, argument: str, limit: float) -> None:
    """Refuse images that are not at zero from themselves; NaN says nothing."""
    off = np.abs(diagonal[~np.isnan(diagonal)])
    if (off > limit).any():
        remedy = (
            "If these are similarities, take mf.rdm.from_similarity; if the diagonal says how reliable an image is, "
            "pass symmetrise=True to leave it out."
        )
        raise ArgumentError(advice(argument, "be 0 on the diagonal", float(off.max()), remedy))


def _check_symmetric(upper: Array, lower: Array, argument: str, limit: float) -> None:
    """Refuse matrices of which both halves differ."""
    gap = np.where(np.isnan(upper) & np.isnan(lower), 0.0, np.abs(upper - lower))
    apart = ~(gap <= limit)
    if not apart.any():
        return
    empty = [half for half, values in (("lower", lower), ("upper", upper)) if not np.nan_to_num(values).any()]
    if empty:
        remedy = f"Its {empty[0]} half is empty: pass matrix + matrix.T, with zeros for NaN."
    else:
        remedy = "Pass symmetrise=True to average both directions."
    found = listed(f"{int(apart.sum())} of {apart.size} pairs whose two directions differ")
    raise ArgumentError(advice(argument, "be symmetric", found, remedy))


def said(metric: Any) -> dict[str, str]:
    """Say what the numbers are, if the user does.

    Parameters
    ----------
    metric : str, optional
        What the user said.

    Returns
    -------
    dict
        Attributes: `metric`, or none.

    Raises
    ------
    KindError
        If it is no text.
    ArgumentError
        If it is empty.
    """
    if metric is None:
        return {}
    if not isinstance(metric, str):
        raise KindError(advice("metric", "be the name of what the numbers are", metric, EXAMPLE))
    if not metric.strip():
        raise ArgumentError(advice("metric", "be the name of what the numbers are", metric, EXAMPLE))
    return {"metric": metric}


def assembled(stack: Stack, layer: str) -> xr.Dataset:
    """Put labels to condensed RDMs.

    Parameters
    ----------
    stack : Stack
        Upper triangles.
    layer : str
        Name of the RDM along `layer`, if that is no further dim.

    Returns
    -------
    Dataset (layer, ..., pair)
        The RDMs.
    """
    vectors, names, dims = stack
    at_least(names, "names")
    labels = {dim: (dim, np.asarray(values)) for dim, values in dims.items() if values is not None}
    rdms = xr.DataArray(vectors, dims=(*dims, PAIR), coords=labels)
    if LAYER in dims:
        called_so = rdms[LAYER].values if LAYER in labels else range(rdms.sizes[LAYER])
        rdms = rdms.assign_coords({LAYER: (LAYER, texts(called_so))})
    else:
        rdms = rdms.expand_dims({LAYER: texts([layer])})
    return labelled(rdms.transpose(LAYER, ..., PAIR), names)
