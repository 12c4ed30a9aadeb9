"""RDMs of brain, behaviour and other tools, read from files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._arrays import READERS, existing, loaded, named
from memfeat._check import advice, known_options, listed
from memfeat._labels import stamped
from memfeat._tables import TABLE_SUFFIXES, is_table_file, read_named, read_plain
from memfeat.errors import ArgumentError
from memfeat.rdm import toolbox
from memfeat.rdm.stacks import Dims, Stack, assembled, condensed, leading, said, stacked
from memfeat.rdm.tables import ENDS, is_long, long_stack

__all__ = ["Told", "read", "stack_of"]

ENDINGS = (*READERS, *TABLE_SUFFIXES, *toolbox.ENDINGS)


class Form(TypedDict, total=False):
    """Options of :func:`read`, which say what a file holds and how.

    `variable` : str, which variable of a `.npz` or `.mat` file, where it holds several; which column holds the values
    of a table of pairs.
    `symmetrise` : bool, average both directions of a square matrix and ignore its diagonal.
    `metric` : str, what the numbers are, such as "sqeuclidean" or "crossnobis".
    """

    variable: str | None
    symmetrise: bool
    metric: str | None


class Told(NamedTuple):
    """What the user says about a file or array."""

    names: Any = None
    dims: Dims = ()
    variable: str | None = None
    symmetrise: bool = False


def read(
    path: str | Path,
    names: Any = None,
    *,
    dims: Dims = (),
    layer: str = "reference",
    **options: Unpack[Form],
) -> xr.Dataset:
    """Read RDMs from a file: those of a brain region, of behaviour, of another tool.

    Parameters
    ----------
    path : str or path
        `.npy`, `.npz`, MATLAB `.mat` of any version, a table (`.csv`, `.tsv`, gzipped or not), or `.h5` or `.hdf5` as
        rsatoolbox saves RDMs. Arrays are square (..., n, n) or condensed (..., pair), upper triangles row by row;
        further axes come first, or last as MATLAB has it. A table is square, with image names in its first column and
        in its header, or has one row per pair with the columns `first`, `second` and a value.
    names : sequence of str, length n, or path
        Image names of an array, in its order: a list, or a text file with one name per line. For rsatoolbox, the
        pattern descriptor that holds them. Tables name images themselves.
    dims : str, sequence of str, or mapping
        What has an RDM of its own: names of further axes of an array, such as ("participant",) or {"participant":
        labels}; columns of a table of pairs; descriptors of RDMs of rsatoolbox.
    layer : str
        What the RDM is called along `layer`, unless that is one of the dims.
    **options : variable, symmetrise, metric
        `variable` is which variable of a `.npz` or `.mat` file, where it holds several, or which column holds the
        values of a table of pairs. `symmetrise=True` averages both directions of a square matrix and ignores its
        diagonal. `metric` says what the numbers are, such as "sqeuclidean" or "crossnobis": whitened methods of
        :func:`memfeat.rsa.compare` ask for it.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm`, float64, in the unit of the file. NaN stays where a pair is missing.

    Raises
    ------
    MissingFileError
        If a file is not there.
    MissingPackageError
        If it is a file of rsatoolbox, and that is not installed.
    UnknownNameError
        If there is no such variable, column, descriptor or option.
    KindError, ArgumentError
        If the kind of file is not known, it cannot be read, names or dims do not fit, the metric is no text or
        empty, or a matrix is not symmetric or not zero on its diagonal and `symmetrise` is false.

    See Also
    --------
    from_square, from_condensed, from_frame, from_rsatoolbox : The same for what is in memory.
    from_similarity : The same for similarities.

    Notes
    -----
    rsatoolbox also saves pickles. Those run code of whoever wrote them when they are opened, so they are not read here:
    `from_rsatoolbox(rsatoolbox.rdm.load_rdm(path))` does, if you trust the file.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/v4.npy", np.ones((2, 3, 3)) - np.eye(3))
    ...     rdms = read(f"{folder}/v4.npy", ["a", "b", "c"], dims=("participant",), layer="V4")
    >>> dict(rdms.rdm.sizes)
    {'layer': 1, 'participant': 2, 'pair': 3}
    """
    known_options(options, Form)
    variable, symmetrise, metric = options.get("variable"), options.get("symmetrise", False), options.get("metric")
    file = existing(path, "path")
    facts = {"source": file.name, "variable": variable, "symmetrised": True if symmetrise else None, **said(metric)}
    if file.suffix.lower() in toolbox.ENDINGS:
        saved = toolbox.saved(file)
        rdms = toolbox.from_rsatoolbox(saved, names=names, dims=_plain(dims), layer=layer, metric=metric)
        return rdms.assign_attrs(source=file.name)
    stack = stack_of(file, Told(names, dims, variable, symmetrise), "path")
    if stack.is_square:
        stack = stack._replace(values=condensed(stack.values, "path", symmetrise=symmetrise))
    return stamped(assembled(stack, layer), None, **facts)


def stack_of(source: Any, told: Told, argument: str) -> Stack:
    """Read RDMs, or matrices of similarities, of any form.

    Parameters
    ----------
    source : DataArray, DataFrame, array, str or path
        What the user gave.
    told : Told
        What the user said about it.
    argument : str
        What the user calls it.

    Returns
    -------
    Stack
        Square matrices, or upper triangles where that is what the source holds.
    """
    if isinstance(source, str | Path) and is_table_file(existing(source, argument)):
        source = _table(Path(source).expanduser())
    if isinstance(source, pd.DataFrame) and is_long(source):
        if told.names is not None or isinstance(told.dims, Mapping):
            remedy = "The table names images and labels itself: pass dims=('participant',) for a column of that name."
            raise ArgumentError(advice("names", "be left out for a table of pairs", listed("names or labels"), remedy))
        return long_stack(source, value=told.variable, dims=_plain(told.dims), argument=argument)
    if isinstance(source, xr.DataArray | pd.DataFrame):
        return stacked(source, told.names, told.dims, argument)
    array = np.asarray(loaded(source, argument, variable=told.variable, otherwise=OTHERWISE))
    if told.names is None:
        remedy = "Pass the image of each row, in the order of the matrix."
        raise ArgumentError(advice("names", "be given for a plain array", listed("none"), remedy))
    images = named(told.names)
    n = len(images)
    pairs = n * (n - 1) // 2
    # MATLAB gives a vector two axes
    axes = array.ndim - len(_plain(told.dims))
    square = axes >= 2 and sum(size == n for size in array.shape) >= 2
    if not square and pairs in array.shape and array.dtype.kind in "iufb":
        values, coords = leading(array.astype(np.float64), (pairs,), told.dims, argument, n)
        return Stack(values, images, coords)
    return stacked(array, images, told.dims, argument)


OTHERWISE = (
    f"Files of kind {', '.join(ENDINGS)} are read. A pickle of rsatoolbox: "
    "mf.rdm.from_rsatoolbox(rsatoolbox.rdm.load_rdm(path)), if you trust it."
)


def _plain(dims: Any) -> tuple[str, ...]:
    return (dims,) if isinstance(dims, str) else tuple(dims)


def _table(file: Path) -> pd.DataFrame:
    """Read a table of pairs, or a square one with the names of rows as its index."""
    table = read_plain(file, "path", text=ENDS)
    if is_long(table):
        return table
    table, key = read_named(file, "path", first=True)
    return table.set_index(key)
