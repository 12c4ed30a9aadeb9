"""Arrays and lists of image names that users bring, from memory or from files of numpy, MATLAB and text."""

from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, listed
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError, MissingFileError, UnknownNameError

__all__ = ["READERS", "called", "existing", "loaded", "named"]


def called(source: Any) -> str:
    """Name a source in the attributes, without the folders of this machine.

    Parameters
    ----------
    source : object
        What the user gave.

    Returns
    -------
    str
        The name of a file, or the kind of an object.
    """
    return Path(source).name if isinstance(source, str | Path) else type(source).__name__


def named(names: Any) -> npt.NDArray[np.object_]:
    """Read image names from a list or a text file, each once.

    Parameters
    ----------
    names : sequence of str, or path
        The names, or a text file with one name per line.

    Returns
    -------
    array (n,) of str
        The names.

    Raises
    ------
    KindError
        If these are no names.
    MissingFileError
        If the file is not there.
    ArgumentError
        If a name is empty or stands twice.
    """
    if isinstance(names, str | Path):
        path = Path(names).expanduser()
        if not path.is_file():
            raise MissingFileError(advice("names", "be a list, or a text file that exists", str(names)))
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if not hasattr(names, "__iter__"):
        raise KindError(advice("names", "be a list of image names or a text file", listed(type(names).__name__)))
    values = [str(name) for name in names]
    empty = [i for i, name in enumerate(values) if not name.strip()]
    if empty:
        raise ArgumentError(advice("names", "name every image", listed(f"an empty name at position {empty[0]}")))
    twice = sorted({name for name, n in zip(*np.unique(values, return_counts=True), strict=True) if n > 1})
    if twice:
        raise ArgumentError(advice("names", "name each image once", listed(f"duplicates {listed.of(twice)}")))
    return texts(values)


def existing(source: Any, argument: str) -> Path:
    """Check that a file is there.

    Parameters
    ----------
    source : str or path
        The file.
    argument : str
        What the user calls it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingFileError
        If it is not there.
    """
    path = Path(source).expanduser()
    if not path.is_file():
        raise MissingFileError(advice(argument, "be an array, or a file that exists", str(source)))
    return path


def loaded(array: Any, argument: str, *, variable: str | None = None, otherwise: str = "") -> Any:
    """Load an array if it is a file.

    Parameters
    ----------
    array : array, str or path
        The array, or a file of it: `.npy`, `.npz`, or MATLAB `.mat` of any version.
    argument : str
        What the user calls it.
    variable : str, optional
        Which variable of a `.npz` or `.mat` file, where it holds several.
    otherwise : str
        What to do with files of another kind.

    Returns
    -------
    object
        The array.

    Raises
    ------
    MissingFileError
        If the file is not there.
    UnknownNameError
        If there is no such variable.
    ArgumentError
        If the kind of file is not known, it cannot be read, or it holds several variables and none was chosen.
    """
    if not isinstance(array, str | Path):
        return array
    path = existing(array, argument)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ArgumentError(advice(argument, f"be a file of kind {', '.join(READERS)}", path.name, otherwise))
    try:
        variables = reader(path)
    except (ValueError, OSError, EOFError) as error:
        problem = listed(f"{path.name}, where {error}")
        raise ArgumentError(advice(argument, "be a file that can be read", problem)) from error
    return _chosen(variables, variable, path.name, argument)


def _chosen(variables: Mapping[str, Any], variable: str | None, where: str, argument: str) -> Any:
    """Choose a variable of a file."""
    shapes = ", ".join(f"{name!r} {np.shape(value)}" for name, value in sorted(variables.items()))
    if variable is not None and variable not in variables:
        has = f"{where} holds {shapes or 'no numeric array'}."
        raise UnknownNameError(advice("variable", "be a numeric array of the file", variable, has))
    if variable is None and len(variables) != 1:
        rule = "hold one numeric array, or variable must say which"
        remedy = f"Pass variable={min(variables)!r}, for example." if variables else ""
        raise ArgumentError(advice(argument, rule, listed(f"{where} with {shapes or 'none'}"), remedy))
    return variables[next(iter(variables)) if variable is None else variable]


def _npy(path: Path) -> Mapping[str, Any]:
    return {path.stem: np.load(path, allow_pickle=False)}


def _npz(path: Path) -> Mapping[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _mat(path: Path) -> Mapping[str, Any]:
    """Read the numeric variables of a MATLAB file, as MATLAB shows their axes."""
    import h5py
    from scipy import io

    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            # MATLAB stores columns first, so HDF5 shows the axes in reverse
            return {
                name: np.asarray(item[()]).T
                for name, item in file.items()
                if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub" and not _is_matlab_text(item)
            }
    # scipy 1.18 warns unless it is told which kind of sparse matrix to give; scipy 1.13 cannot be told
    kind: dict[str, Any] = {"spmatrix": False} if "spmatrix" in signature(io.loadmat).parameters else {}
    found: dict[str, Any] = io.loadmat(path, **kind)
    dense = {name: item.toarray() if hasattr(item, "toarray") else item for name, item in found.items()}
    return {name: item for name, item in dense.items() if isinstance(item, np.ndarray) and item.dtype.kind in "fiub"}


def _is_matlab_text(item: Any) -> bool:
    """Tell text, cells and empty variables, which v7.3 also stores as whole numbers."""
    kind = item.attrs.get("MATLAB_class", b"double")
    return kind in (b"char", b"cell", b"struct") or bool(item.attrs.get("MATLAB_empty", 0))


#: Ending of a file -> how its arrays are read.
READERS: dict[str, Callable[[Path], Mapping[str, Any]]] = {".npy": _npy, ".npz": _npz, ".mat": _mat}
