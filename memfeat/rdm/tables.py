"""RDMs that come or go as tables with one row per pair of images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, stamped
from memfeat._pairs import PAIR, place
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.rdm.shape import pairs_last
from memfeat.rdm.stacks import Stack, assembled, said

__all__ = ["ENDS", "from_frame", "is_long", "long_stack", "to_frame"]

#: The columns that name both images of a pair.
ENDS = ("first", "second")
#: What a column of dissimilarities may be called.
VALUES = ("rdm", "dissimilarity", "distance", "similarity", "value", "rating")


def to_frame(rdms: xr.Dataset) -> pd.DataFrame:
    """Lay RDMs out as a tidy table, one row per layer and pair.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs; further dims give further columns.

    Returns
    -------
    DataFrame
        `layer` and other dims, `first` and `second` (image names), `rdm`. :func:`from_frame` reads it back.

    Raises
    ------
    KindError
        If it is no Dataset of RDMs.

    Examples
    --------
    >>> import pandas as pd
    >>> from memfeat.rdm import from_scores
    >>> table = to_frame(from_scores(pd.Series([0.9, 0.5, 0.6], index=["a", "b", "c"])))
    >>> table["second"].tolist(), table["rdm"].tolist()
    (['b', 'c', 'c'], [0.5, 0.25, 0.75])
    """
    values, names = pairs_last(rdms), rdms[IMAGE].values
    dims = [str(dim) for dim in values.dims[:-1]]
    labels = [values[dim].values if dim in values.coords else np.arange(values.sizes[dim]) for dim in dims]
    pairs, cells = values.sizes[PAIR], values.size // values.sizes[PAIR]
    places = np.indices(values.shape[:-1]).reshape(len(dims), -1)
    columns = {dim: np.repeat(label[place], pairs) for dim, label, place in zip(dims, labels, places, strict=True)}
    columns |= {end: np.tile(names[rdms[end].values], cells) for end in ENDS}
    return pd.DataFrame(columns | {"rdm": values.values.reshape(-1)})


def from_frame(
    table: pd.DataFrame,
    *,
    value: str | None = None,
    dims: str | Sequence[str] = (),
    layer: str = "reference",
    metric: str | None = None,
) -> xr.Dataset:
    """Make RDMs of a table with one row per pair.

    Parameters
    ----------
    table : DataFrame
        Columns `first` and `second` name two images, one more column holds their dissimilarity. Pairs may come in any
        order and direction, each once.
    value : str, optional
        The column of dissimilarities; by default the one called rdm, dissimilarity, distance, similarity, value or
        rating, or the only one left.
    dims : str or sequence of str
        Columns that say which RDM a row belongs to, such as "participant". A column `layer` is always one of them.
    layer : str
        What the RDM is called along `layer`, where there is no such column.
    metric : str, optional
        What the numbers are, such as "sqeuclidean" or "crossnobis": whitened methods of :func:`memfeat.rsa.compare`
        ask for it.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm`, float64, in the unit of the column. Images, and labels along the dims, are in the order in which they
        first come.

    Raises
    ------
    KindError
        If it is no DataFrame, the column holds no numbers, or the metric is no text.
    UnknownNameError
        If a column is not there.
    ArgumentError
        If a pair is missing, stands twice or is an image with itself, several columns could hold the values, there
        are fewer than 3 images, or the metric is empty.

    See Also
    --------
    to_frame : The way back.

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = {"first": ["a", "a", "c"], "second": ["b", "c", "b"], "distance": [1.0, 2.0, 3.0]}
    >>> from_frame(pd.DataFrame(pairs)).rdm.values
    array([[1., 2., 3.]])
    """
    if not isinstance(table, pd.DataFrame):
        raise KindError(advice("table", "be a DataFrame", listed(type(table).__name__)))
    facts = said(metric)
    stack = long_stack(table, value=value, dims=dims, argument="table")
    return stamped(assembled(stack, layer), None, source="DataFrame", **facts)


def is_long(table: pd.DataFrame) -> bool:
    """Tell a table of pairs from a square one.

    Parameters
    ----------
    table : DataFrame
        The table.

    Returns
    -------
    bool
        Whether it has the columns `first` and `second`.
    """
    return set(ENDS) <= {str(name) for name in table.columns}


def long_stack(table: pd.DataFrame, *, value: str | None, dims: str | Sequence[str], argument: str) -> Stack:
    """Read a table of pairs.

    Parameters
    ----------
    table : DataFrame
        The table.
    value : str, optional
        The column of dissimilarities.
    dims : str or sequence of str
        Columns that say which RDM a row belongs to.
    argument : str
        What the user calls the table.

    Returns
    -------
    Stack
        Upper triangles.
    """
    further = [dims] if isinstance(dims, str) else [str(dim) for dim in dims]
    if LAYER in table.columns and LAYER not in further:
        further = [LAYER, *further]
    numbers = _numbers(table, _value_column(table, value, further, argument), argument)
    names = texts(pd.unique(np.stack([texts(table[end]) for end in ENDS], axis=1).ravel()))
    position = {name: i for i, name in enumerate(names)}
    ends = np.array([[position[str(name)] for name in table[end]] for end in ENDS])
    coords = {dim: list(pd.unique(table[dim])) for dim in further}
    cells = [pd.Categorical(table[dim], categories=coords[dim]).codes.astype(np.int64) for dim in further]
    n, shape = len(names), tuple(len(labels) for labels in coords.values())
    _check_ends(table, ends, cells, argument)
    where = place(ends[0], ends[1], n)
    vectors, seen = np.full((*shape, n * (n - 1) // 2), np.nan), np.zeros((*shape, n * (n - 1) // 2), dtype=int)
    np.add.at(seen, (*cells, where), 1)
    _check_once(seen, names, argument)
    vectors[(*cells, where)] = numbers
    return Stack(vectors, names, coords)


def _value_column(table: pd.DataFrame, value: str | None, further: Sequence[str], argument: str) -> str:
    """Choose the column of dissimilarities."""
    columns = [str(name) for name in table.columns]
    for name in [*ENDS, *further, *([value] if value is not None else [])]:
        if name not in columns:
            raise UnknownNameError(advice(argument, f"have a column {name!r}", listed.of(columns, most=8)))
    if value is not None:
        return value
    left = [name for name in columns if name not in (*ENDS, *further)]
    known = [name for name in left if name in VALUES]
    found = known if len(known) == 1 else left
    if len(found) != 1:
        shown = listed(f"{listed.of(left)} besides those that name pairs")
        remedy = "Say which with value=, and which of them tell RDMs apart with dims=."
        raise ArgumentError(advice(argument, "have one column of dissimilarities", shown, remedy))
    return found[0]


def _numbers(table: pd.DataFrame, column: str, argument: str) -> npt.NDArray[np.float64]:
    """Read the column of dissimilarities."""
    values: Any = table[column]
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_complex_dtype(values):
        raise KindError(advice(f"{argument}[{column!r}]", "hold numbers", listed(f"dtype {values.dtype}")))
    numbers: npt.NDArray[np.float64] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(numbers).any():
        raise ArgumentError(advice(f"{argument}[{column!r}]", "be finite, or empty", listed("infinity")))
    return numbers


def _check_ends(table: pd.DataFrame, ends: Any, cells: Sequence[Any], argument: str) -> None:
    """Refuse rows that name no pair, or no RDM."""
    empty = table[list(ENDS)].isna().to_numpy().any(axis=1) | np.any([code < 0 for code in cells], axis=0)
    if empty.any():
        rows = listed(f"an empty cell in row {int(np.flatnonzero(empty)[0]) + 1}")
        raise ArgumentError(advice(argument, "name both images, and the RDM, in every row", rows))
    same = ends[0] == ends[1]
    if same.any():
        which = listed(f"{int(same.sum())} rows, the first with {str(table[ENDS[0]].iloc[int(same.argmax())])!r} twice")
        raise ArgumentError(advice(argument, "name two different images in every row", which, "Drop those rows."))


def _check_once(seen: npt.NDArray[np.intp], names: npt.NDArray[Any], argument: str) -> None:
    """Refuse pairs that are missing or repeated."""
    first, second = np.triu_indices(len(names), 1)
    for wrong, what, remedy in (
        (seen == 0, "missing", "Keep images of which all pairs are there, or add rows with an empty value."),
        (seen > 1, "more than once", "Average repeated ratings and both directions first: table.groupby(...).mean()."),
    ):
        if wrong.any():
            pair = int(np.argwhere(wrong)[0][-1])
            which = f"the first is {names[first[pair]]!r} with {names[second[pair]]!r}"
            found = listed(f"{int(wrong.sum())} pairs {what}; {which}")
            raise ArgumentError(advice(argument, "hold each pair of images once per RDM", found, remedy))
