"""RDMs as labelled pairs and as square matrices."""

from collections.abc import Iterable, Sequence
from posixpath import splitext
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, image_names
from memfeat._pairs import PAIR, ends, filled, place
from memfeat.errors import ArgumentError, KindError, UnknownNameError

__all__ = ["at_least", "labelled", "pairs_last", "rows", "select", "square"]

Array = npt.NDArray[Any]


def square(rdms: xr.Dataset) -> xr.DataArray:
    """Show RDMs as square matrices with image names on both sides.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs, as :func:`compute` gives them; further dims are kept.

    Returns
    -------
    DataArray (layer, image_1, image_2)
        Symmetric, with zeros on the diagonal, in the units of the RDMs.

    Raises
    ------
    KindError
        If it is no Dataset of RDMs.
    ArgumentError
        If rows of pairs were cut out; the message counts them.

    Examples
    --------
    >>> import pandas as pd
    >>> from memfeat.rdm import from_scores
    >>> square(from_scores(pd.Series([0.9, 0.5, 0.6], index=["a", "b", "c"]), kind="nearest")).values[0].round(2)
    array([[0. , 0.4, 0.3],
           [0.4, 0. , 0.1],
           [0.3, 0.1, 0. ]])
    """
    values, names = pairs_last(rdms), rdms[IMAGE].values
    matrices = filled(values.values[..., rows(rdms, range(len(names)))], len(names))
    dims = (f"{IMAGE}_1", f"{IMAGE}_2")
    coords = {str(c): values[c] for c in values.coords if PAIR not in values[c].dims} | dict.fromkeys(dims)
    coords |= {dim: (dim, names) for dim in dims}
    return xr.DataArray(matrices, dims=(*values.dims[:-1], *dims), coords=coords, name="rdm", attrs=dict(rdms.attrs))


def select(rdms: xr.Dataset, names: Iterable[str] | xr.DataArray) -> xr.Dataset:
    """Take the RDMs of some images, in the order given.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs, as :func:`compute` gives them; further dims are kept.
    names : iterable of str
        Names of at least two images, each once.

    Returns
    -------
    Dataset (layer, pair)
        The RDMs of these images alone, in the units of the RDMs.

    Raises
    ------
    KindError
        If it is no Dataset of RDMs.
    UnknownNameError
        If an image is not among them; the message counts and names those missing, and says how to rename them where
        the ending of the file is all that differs.
    ArgumentError
        If an image is named twice, fewer than two are named, or rows of their pairs were cut out.

    Examples
    --------
    >>> import pandas as pd
    >>> from memfeat.rdm import from_scores
    >>> rdms = from_scores(pd.Series([0.9, 0.5, 0.6], index=["a", "b", "c"]), kind="nearest")
    >>> select(rdms, ["c", "a"]).rdm.values.round(2)
    array([[0.3]])
    """
    values, known = pairs_last(rdms), rdms[IMAGE].values
    wanted = [str(name) for name in (names.values if isinstance(names, xr.DataArray) else names)]
    where = _positions(wanted, [str(name) for name in known])
    chosen = values.drop_vars(["first", "second"], errors="ignore").isel({PAIR: rows(rdms, where)})
    return labelled(chosen, known[where]).assign_attrs(rdms.attrs)


def labelled(values: xr.DataArray, names: Array) -> xr.Dataset:
    """Put image names and pairs to dissimilarities.

    Parameters
    ----------
    values : DataArray (..., pair)
        Upper triangles, row by row.
    names : array (n,) of str
        The images.

    Returns
    -------
    Dataset (..., pair)
        `rdm`, with the coordinates `first`, `second` and `image`.
    """
    pairs = {
        name: (PAIR, end.astype(np.int32)) for name, end in zip(("first", "second"), ends(len(names)), strict=True)
    }
    return xr.Dataset({"rdm": values}, coords=pairs | {IMAGE: (IMAGE, names)})


def rows(rdms: xr.Dataset, where: Sequence[int]) -> Array:
    """Find the rows of all pairs of some images, in whatever order they stand.

    Parameters
    ----------
    rdms : Dataset (..., pair)
        RDMs.
    where : sequence of int
        Positions of the images.

    Returns
    -------
    array (pair,) of int
        Rows of the upper triangle of these images, row by row.

    Raises
    ------
    ArgumentError
        If a pair has no row.
    """
    names, chosen = rdms[IMAGE].values, np.asarray(where)
    n = len(names)
    row = np.full(n * (n - 1) // 2, -1)
    row[place(rdms["first"].values, rdms["second"].values, n)] = np.arange(rdms.sizes[PAIR])
    first, second = (chosen[end] for end in ends(len(chosen)))
    found = row[place(first, second, n)]
    gaps = np.flatnonzero(found < 0)
    if len(gaps):
        which = f"{str(names[first[gaps[0]]])!r} with {str(names[second[gaps[0]]])!r}"
        missing = listed(f"{len(gaps)} of {len(found)} pairs missing; the first is {which}")
        remedy = "Take RDMs of which no pairs were cut out; mf.rdm.to_condensed(rdms) has NaN in their place."
        raise ArgumentError(advice("rdms", "hold all pairs of these images", missing, remedy))
    return found


def at_least(names: Array, argument: str) -> None:
    """Check that there are enough images for an RDM.

    Parameters
    ----------
    names : array (n,) of str
        The images.
    argument : str
        What the user calls the data.

    Raises
    ------
    ArgumentError
        If there are fewer than three: a single pair has nothing to be compared with.
    """
    if len(names) < 3:
        raise ArgumentError(advice(argument, "hold at least 3 images", len(names)))


def pairs_last(rdms: Any, argument: str = "rdms") -> xr.DataArray:
    """Give the dissimilarities with pairs last, after a look at the form.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs; further dims are kept.
    argument : str
        What the user calls them.

    Returns
    -------
    DataArray (..., pair)
        `rdm`.

    Raises
    ------
    KindError
        If it is no Dataset of RDMs.
    """
    if not isinstance(rdms, xr.Dataset) or not {"rdm", "first", "second"} <= set(rdms.variables):
        remedy = "Make one with mf.rdm.compute, mf.rdm.from_scores or mf.rdm.read."
        raise KindError(advice(argument, "be a Dataset of RDMs", listed(type(rdms).__name__), remedy))
    image_names(rdms, argument)
    return rdms["rdm"].transpose(..., PAIR)


def _positions(wanted: Sequence[str], known: Sequence[str]) -> list[int]:
    """Find images by name."""
    position = {name: i for i, name in enumerate(known)}
    missing = [name for name in wanted if name not in position]
    if missing:
        found = listed(f"unknown {listed.of(missing)}")
        raise UnknownNameError(advice("names", "be images of the RDMs", found, _renaming(missing, known)))
    if len(set(wanted)) < len(wanted) or len(wanted) < 2:
        raise ArgumentError(advice("names", "name at least two images, each once", listed.of(wanted)))
    return [position[name] for name in wanted]


def _renaming(missing: Sequence[str], known: Sequence[str]) -> str:
    """Say how to rename the images of RDMs if they differ from those that are missing in one ending alone."""
    mine, theirs = ([splitext(name) for name in side] for side in (known, missing))
    stems = {stem for stem, _ in mine}
    endings = [{ending for _, ending in side} for side in (mine, theirs)]
    if not {stem for stem, _ in theirs} <= stems or max(map(len, endings)) > 1:
        return ""
    old, new = (ending.pop() for ending in endings)
    renamed = f"[name.removesuffix({old!r}) + {new!r} for name in rdms.image.values]"
    return f"Only the ending differs: rdms = rdms.assign_coords(image={renamed})."
