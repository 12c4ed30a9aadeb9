"""Files of MATLAB: matrices, and arrays of structs as tables."""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memfeat._check import advice, listed
from memfeat.datasets.folders import legible
from memfeat.errors import ArgumentError

__all__ = ["AGAIN", "has", "matrices", "matrix", "structs", "table"]

#: What to do with a file that is not what it should be.
AGAIN = "Download it again."


def matrices(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read the matrices of a file of version 5 or 7.3, where the first axis comes last in the file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to array
        Name → matrix.

    Raises
    ------
    ArgumentError
        If the file is damaged.
    """
    import h5py
    from scipy.io import loadmat

    with legible(path.name):
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                # groups are no matrices: MATLAB keeps what cells point at in one, #refs#
                return {str(key): np.asarray(one).T for key, one in file.items() if isinstance(one, h5py.Dataset)}
        return {key: one for key, one in loadmat(path).items() if not key.startswith("__")}


def matrix(path: Path, name: str) -> npt.NDArray[Any]:
    """Read a matrix by name.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The matrix.

    Returns
    -------
    array
        The matrix.

    Raises
    ------
    ArgumentError
        If it is not there, or the file is damaged.
    """
    found = matrices(path)
    if name not in found:
        got = listed(f"{', '.join(found)} in {path.name}")
        raise ArgumentError(advice("folder", f"hold {path.name} with {name}", got, AGAIN))
    return found[name]


def structs(path: Path, name: str) -> list[Any]:
    """Read an array of structs, or a cell array of them.

    Parameters
    ----------
    path : Path
        The file, of a version before 7.3.
    name : str
        The array.

    Returns
    -------
    list
        One object per struct, with its fields as attributes; structs in structs likewise.

    Raises
    ------
    ArgumentError
        If it is not there, or the file is damaged or of version 7.3, which stores structs in another way.
    """
    import h5py
    from scipy.io import loadmat

    if h5py.is_hdf5(path):
        rule, got = f"hold {path.name} in a version of MATLAB files before 7.3", listed("version 7.3")
        remedy = f"Save it again in MATLAB: load('{path.name}'); save('{path.name}', '-v7')."
        raise ArgumentError(advice("folder", rule, got, remedy))
    with legible(path.name):
        found = loadmat(path, squeeze_me=True, struct_as_record=False, variable_names=[name]).get(name)
    if found is None:
        got = listed(f"no variable {name!r}")
        raise ArgumentError(advice("folder", f"hold {path.name} as its authors wrote it", got, AGAIN))
    return list(np.atleast_1d(found))


def table(path: Path, rows: list[Any], fields: Mapping[str, str], *, text: Iterable[str] = ()) -> pd.DataFrame:
    """Give fields of structs as columns, whole numbers unless they are text.

    Parameters
    ----------
    path : Path
        Where the structs came from.
    rows : list
        The structs.
    fields : mapping of str to str
        The authors' fields → ours; that of a struct in a struct with a dot, `outer.inner`.
    text : iterable of str
        Fields of the authors that hold text.

    Returns
    -------
    DataFrame
        One row per struct.

    Raises
    ------
    ArgumentError
        If a struct lacks a field, a text is several, or a number is none, no whole one or below 0.
    """
    lacking = [name for name in fields if not rows or not all(has(one, name) for one in rows)]
    if lacking:
        got = listed(f"no field {lacking[0]!r}")
        raise ArgumentError(advice("folder", f"hold {path.name} as its authors wrote it", got, AGAIN))
    words = set(text)
    columns: dict[str, list[Any]] = {}
    for theirs, ours in fields.items():
        values = [attrgetter(theirs)(one) for one in rows]
        given = _word if theirs in words else _whole
        columns[ours] = [given(one, path) for one in values]
    return pd.DataFrame(columns)


def has(one: Any, field: str) -> bool:
    """Say whether a struct has a field.

    Parameters
    ----------
    one : object
        The struct.
    field : str
        The field; that of a struct in a struct with a dot.

    Returns
    -------
    bool
        Whether it is there.
    """
    try:
        attrgetter(field)(one)
    except AttributeError:
        return False
    return True


def _word(value: Any, path: Path) -> str:
    """Give a text; MATLAB's empty one comes as an empty array."""
    if np.size(value) > 1:
        rule = f"hold {path.name} with one text in a field"
        raise ArgumentError(advice("folder", rule, listed.of(np.ravel(value)), AGAIN))
    return "" if np.size(value) == 0 else str(value)


def _whole(value: Any, path: Path) -> int:
    if not isinstance(value, int | float | np.number) or not float(value).is_integer() or value < 0:
        rule = f"hold {path.name} with whole numbers from 0 on as counts"
        raise ArgumentError(advice("folder", rule, listed(str(value)), AGAIN))
    return int(value)
