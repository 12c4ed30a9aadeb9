"""RDMs that come or go as plain arrays: square matrices and condensed vectors."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._arrays import called, named
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, stamped
from memfeat._pairs import place
from memfeat.errors import ArgumentError
from memfeat.rdm.shape import pairs_last
from memfeat.rdm.stacks import SIDES, Dims, Stack, assembled, condensed, leading, numbers, said, stacked

__all__ = ["from_condensed", "from_square", "to_condensed"]

Array = npt.NDArray[np.float64]


def from_square(
    matrices: Any,
    names: Any = None,
    *,
    dims: Dims = (),
    layer: str = "reference",
    metric: str | None = None,
    symmetrise: bool = False,
) -> xr.Dataset:
    """Make RDMs of square matrices; the inverse of :func:`square`.

    Parameters
    ----------
    matrices : DataArray (..., image_1, image_2), DataFrame, or array (..., n, n)
        Dissimilarities. A DataArray or DataFrame names images on both sides, which may be in different orders. An array
        may have further axes before the two of images, or after them, as MATLAB has it.
    names : sequence of str, length n, or path
        Image names of an array, in its order: a list, or a text file with one name per line.
    dims : str, sequence of str, or mapping
        Names of further axes of an array, in its order, such as ("participant",); or {"participant": labels}.
    layer : str
        What the RDM is called along `layer`, unless that is one of the dims.
    metric : str, optional
        What the numbers are, such as "sqeuclidean" or "crossnobis": whitened methods of :func:`memfeat.rsa.compare`
        ask for it.
    symmetrise : bool
        Average both directions and ignore the diagonal. Where one direction is NaN the other one stands.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm`, float64, in the unit of the matrices. NaN stays where a pair is missing.

    Raises
    ------
    KindError
        If these are no matrices of numbers, or the metric is no text.
    MissingFileError
        If a file of names is not there.
    ArgumentError
        If matrices are not square, names do not fit, there are fewer than 3 images, a value is infinite, the metric is
        empty, or a matrix is not symmetric or not zero on its diagonal and `symmetrise` is false.

    See Also
    --------
    square : The way back.
    from_similarity : The same for similarities.

    Examples
    --------
    >>> from_square([[0, 1, 2], [1, 0, 3], [2, 3, 0]], ["a", "b", "c"]).rdm.values
    array([[1., 2., 3.]])
    """
    facts = said(metric)
    found = stacked(matrices, names, dims, "matrices")
    vectors = condensed(found.values, "matrices", symmetrise=symmetrise)
    result = assembled(found._replace(values=vectors), layer)
    stamped(result, None, source=called(matrices), symmetrised=True if symmetrise else None)
    kept = _as_before(result, matrices) if isinstance(matrices, xr.DataArray) else result
    return kept.assign_attrs(facts)


def from_condensed(
    vectors: Any, names: Any, *, dims: Dims = (), layer: str = "reference", metric: str | None = None
) -> xr.Dataset:
    """Make RDMs of condensed vectors, as scipy, MATLAB and rsatoolbox have them.

    Parameters
    ----------
    vectors : array (..., n (n − 1) / 2)
        Upper triangles without the diagonal, row by row; further axes before the pairs, or after them.
    names : sequence of str, length n, or path
        Image names, in the order of the matrix: a list, or a text file with one name per line.
    dims : str, sequence of str, or mapping
        Names of further axes, such as ("participant",); or {"participant": labels}.
    layer : str
        What the RDM is called along `layer`, unless that is one of the dims.
    metric : str, optional
        What the numbers are, such as "sqeuclidean" or "crossnobis": whitened methods of :func:`memfeat.rsa.compare`
        ask for it.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm`, float64, in the unit of the vectors. NaN stays where a pair is missing.

    Raises
    ------
    KindError
        If these are no numbers, or no names, or the metric is no text.
    MissingFileError
        If a file of names is not there.
    ArgumentError
        If names do not fit, there are fewer than 3 images, a value is infinite, or the metric is empty.

    See Also
    --------
    to_condensed : The way back.

    Examples
    --------
    >>> from_condensed([1, 2, 3], ["a", "b", "c"]).rdm.values
    array([[1., 2., 3.]])
    """
    facts = said(metric)
    images = named(names)
    n = len(images)
    values, coords = leading(numbers(vectors, "vectors"), (n * (n - 1) // 2,), dims, "vectors", n)
    if np.isinf(values).any():
        raise ArgumentError(advice("vectors", "be finite, or NaN where a pair is missing", listed("infinity")))
    return stamped(assembled(Stack(values, images, coords), layer), None, source=called(vectors), **facts)


def to_condensed(rdms: xr.Dataset) -> Array:
    """Give RDMs as plain vectors, as :func:`scipy.spatial.distance.squareform` takes them.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs; further dims are kept.

    Returns
    -------
    array (layer, ..., pair)
        The upper triangles, row by row; the order of images is that of `rdms.image`.

    Raises
    ------
    KindError
        If it is no Dataset of RDMs.

    Examples
    --------
    >>> to_condensed(from_condensed([1, 2, 3], ["a", "b", "c"]))
    array([[1., 2., 3.]])
    """
    values, n = pairs_last(rdms), rdms.sizes[IMAGE]
    vectors = np.full((*values.shape[:-1], n * (n - 1) // 2), np.nan)
    vectors[..., place(rdms["first"].values, rdms["second"].values, n)] = values.values
    return vectors


def _as_before(rdms: xr.Dataset, matrices: xr.DataArray) -> xr.Dataset:
    """Keep what labelled matrices say besides names: other coordinates, and where they came from."""
    further = {
        str(name): coord
        for name, coord in matrices.coords.items()
        if name not in rdms.coords and not set(SIDES) & {name, *coord.dims}
    }
    result = rdms.assign_coords(further)
    own = {name: rdms.attrs[name] for name in ("symmetrised",) if name in rdms.attrs}
    result.attrs = (
        {**matrices.attrs, **own} if "memfeat_version" in matrices.attrs else {**rdms.attrs, **matrices.attrs}
    )
    return result
