"""Reference RDMs of human judgements: similarities, and the places that images were given in a space."""

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._arrays import called
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, stamped
from memfeat._tables import read_named, texts
from memfeat.errors import ArgumentError, KindError
from memfeat.rdm.distances import compute
from memfeat.rdm.files import Told, stack_of
from memfeat.rdm.stacks import Dims, assembled, condensed

__all__ = ["from_coordinates", "from_similarity"]


def from_similarity(
    source: Any,
    names: Any = None,
    *,
    dims: Dims = (),
    maximum: float | None = None,
    symmetrise: bool = False,
    layer: str = "similarity",
) -> xr.Dataset:
    """Make RDMs of similarities, such as ratings of how alike two images are.

    Parameters
    ----------
    source : DataArray, DataFrame, array, str or path
        Similarities, higher for images that are more alike: a square matrix or a table of pairs in one of the forms
        that :func:`from_square` and :func:`from_frame` take, or a file in one of those that :func:`read` takes.
    names : sequence of str, length n, or path
        Image names of an array, in its order.
    dims : str, sequence of str, or mapping
        Names of further axes of an array, or columns of a table of pairs, such as ("participant",).
    maximum : float, optional
        The end of the scale, which stands for no dissimilarity at all: 7 for ratings from 1 to 7, 1 for correlations.
        By default the largest similarity that there is, of an image with itself or with another.
    symmetrise : bool
        Average both directions, where it mattered which image came first.
    layer : str
        What the RDM is called along `layer`.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm`: `maximum` less the similarity, in its unit.

    Raises
    ------
    MissingFileError, UnknownNameError, KindError, ArgumentError
        As :func:`read`; and if a similarity is above `maximum`.

    Notes
    -----
    The similarity of an image with itself is not used, other than to find the end of the scale.

    Images are matched with other data by their whole name. Where these have another ending than the photographs, rename
    them: `rdms.assign_coords(image=[name.removesuffix(".png") + ".jpg" for name in rdms.image.values])`.

    Examples
    --------
    >>> from_similarity([[7, 6, 2], [6, 7, 1], [2, 1, 7]], ["a", "b", "c"]).rdm.values
    array([[1., 5., 6.]])
    """
    stack = stack_of(source, Told(names, dims, symmetrise=symmetrise), "source")
    found = float(np.nanmax(stack.values)) if np.isfinite(stack.values).any() else np.nan
    end = found if maximum is None else _maximum(maximum, found)
    values = stack.values
    if stack.is_square:
        values, n = values.copy(), len(stack.names)
        values[..., range(n), range(n)] = 0
        values = condensed(values, "source", symmetrise=symmetrise)
    facts = {"source": called(source), "kind": "similarity", "maximum": end}
    result = stamped(assembled(stack._replace(values=end - values), layer), None, **facts)
    return result.assign_attrs({**source.attrs, **result.attrs}) if isinstance(source, xr.DataArray) else result


def from_coordinates(
    source: Any,
    *,
    column: str | None = None,
    metric: str = "euclidean",
    per: str | Iterable[str] = (),
    layer: str = "coordinates",
) -> xr.Dataset:
    """Make an RDM of the places of images in a space, such as a solution of multidimensional scaling.

    Parameters
    ----------
    source : str, path, DataFrame, or DataArray (image, ...)
        A table with a row per image and a column per dimension of the space: a CSV or TSV file, or in memory.
    column : str, optional
        The column of image names of a table; by default the first.
    metric : str
        The distance in that space, as :func:`compute` has it.
    per : str or sequence of str
        Dims of a DataArray along which each has an RDM of its own, such as "participant" for INDSCAL.
    layer : str
        What the RDM is called along `layer`.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm`, in the unit of the coordinates for euclidean.

    Raises
    ------
    KindError
        If it is no table or DataArray, or holds no numbers; columns that hold none are named.
    MissingFileError, UnknownNameError, ArgumentError
        If the file or column is not there, an image is missing or named twice, a value is missing, or the metric cannot
        be used.

    See Also
    --------
    compute : The same for features.

    Notes
    -----
    Images are matched with other data by their whole name. Where the table names them with another ending than the
    photographs, rename them first: `table["image"] = table["image"].str.removesuffix(".png") + ".jpg"`.

    Examples
    --------
    >>> import pandas as pd
    >>> space = pd.DataFrame({"image": ["a", "b", "c"], "dim1": [0, 3, 0], "dim2": [0, 4, 1]})
    >>> from_coordinates(space).rdm.values.round(3)
    array([[5.   , 1.   , 4.243]])
    """
    places = source if isinstance(source, xr.DataArray) else _places(source, column)
    rdms = compute(places.rename(layer), metric=metric, per=per, progress=False)
    return rdms.assign_attrs(kind="coordinates", source=called(source))


def _maximum(maximum: Any, found: float) -> float:
    """Check the end of the scale."""
    if isinstance(maximum, bool) or not isinstance(maximum, Real):
        raise KindError(advice("maximum", "be a number", maximum))
    if float(maximum) < found:
        raise ArgumentError(advice("maximum", f"be at least the largest similarity, {found:g}", maximum))
    return float(maximum)


def _places(source: Any, column: str | None) -> xr.DataArray:
    """Read a table of coordinates."""
    table, key = read_named(source, "source", column=column, first=True)
    space = table.drop(columns=key)
    wrong = [str(name) for name in space.columns if not pd.api.types.is_numeric_dtype(space[name])]
    if wrong or space.columns.empty:
        found = listed(f"{listed.of(wrong)} without" if wrong else "no column")
        remedy = f"Drop them; say which column holds the image names with column= (now {key!r})."
        raise KindError(advice("source", "hold numbers besides the names", found, remedy))
    values = space.to_numpy(dtype=np.float64, na_value=np.nan)
    return xr.DataArray(values, dims=(IMAGE, "dimension"), coords={IMAGE: texts(table[key])})
