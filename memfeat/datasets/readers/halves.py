"""Hit rates of both halves of the participants, in random splits, as Isola et al. (2011) and LNSIM's authors do it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, stamped
from memfeat._tables import texts
from memfeat.datasets.folders import legible, needed
from memfeat.datasets.readers.matlab import matrix
from memfeat.errors import ArgumentError

__all__ = ["FILES", "named", "read"]

#: The files, one of each half, with a matrix of the same name.
FILES = ("subject_hrs1.mat", "subject_hrs2.mat")


def read(folder: Path, places: Iterable[str], n_images: int) -> npt.NDArray[np.float64]:
    """Read the files, which hold no names.

    Parameters
    ----------
    folder : Path
        The folder of the set.
    places : iterable of str
        Folders in it where they may lie.
    n_images : int
        How many images there are.

    Returns
    -------
    array (image, half, split)
        The rates, in the order of the files.

    Raises
    ------
    MissingFileError
        If a file is not there.
    ArgumentError
        If a matrix does not have a value per image, or one has more splits than the other.
    """
    where = list(places)
    both = [_half(needed(folder, *(f"{place}/{name}" for place in where)), n_images) for name in FILES]
    if both[0].shape != both[1].shape:
        got = listed(f"{both[0].shape[1]} and {both[1].shape[1]}")
        raise ArgumentError(advice("folder", f"hold as many splits in {FILES[0]} as in {FILES[1]}", got))
    return np.stack(both, axis=1)


def _half(path: Path, n_images: int) -> npt.NDArray[np.float64]:
    """Read a matrix, whichever of its axes is that of the images."""
    found = matrix(path, path.stem)
    with legible(path.name):
        values = np.asarray(found, dtype=np.float64)
    if values.ndim != 2 or n_images not in values.shape or values.shape[0] == values.shape[1]:
        got = listed(f"{n_images} rows, and {path.name} of shape {values.shape}")
        raise ArgumentError(advice("folder", f"hold {path.name} with a value per photograph", got))
    return values if len(values) == n_images else values.T


def named(
    names: Iterable[str], values: npt.NDArray[np.float64], splits: Iterable[str] | None = None, **facts: Any
) -> xr.Dataset:
    """Give the rates with names, sorted by image.

    Parameters
    ----------
    names : iterable of str
        One per image.
    values : array (image, half, split)
        The rates.
    splits : iterable of str, optional
        What the splits are called; by default `split01` and so on.
    **facts : str or number
        What goes into the attributes.

    Returns
    -------
    Dataset (image, half, split)
        `hit_rate`.
    """
    images, n_splits = texts(names), values.shape[2]
    order = np.argsort(images.astype(str), kind="stable")
    called = texts(splits or [f"split{i:02d}" for i in range(1, n_splits + 1)])
    coords = {IMAGE: images[order], "half": [1, 2], "split": called}
    made = xr.Dataset({"hit_rate": ((IMAGE, "half", "split"), values[order])}, coords)
    return stamped(made, kind="halves", estimator="halves as they were published", n_splits=n_splits, **facts)
