"""Which images a head is trained on, and which it is held against."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, count, fraction, listed
from memfeat._tables import read_table
from memfeat.errors import ArgumentError, UnknownNameError

__all__ = ["TRAIN", "VALIDATION", "drawn", "given"]

TRAIN, VALIDATION = "train", "validation"
Mask = npt.NDArray[np.bool_]


def drawn(n_images: int, validation: Any, generator: np.random.Generator) -> Mask:
    """Draw the images that are held out.

    Parameters
    ----------
    n_images : int
        How many there are, in the order of their names.
    validation : int or float
        How many to hold out, or which share.
    generator : numpy.random.Generator
        Where the draw comes from.

    Returns
    -------
    array (n_images,) of bool
        True for an image that is held out.

    Raises
    ------
    KindError, ArgumentError
        If it is no number, or leaves too few images.
    """
    whole = isinstance(validation, Integral) and not isinstance(validation, bool)
    n = count("validation", validation, least=0) if whole else round(n_images * fraction("validation", validation))
    if n and not 3 <= n <= n_images - 3:
        rule = "leave at least 3 images for training and 3 for validation"
        raise ArgumentError(advice("validation", rule, listed(f"{n} of {n_images} images for validation")))
    held_out = np.zeros(n_images, dtype=np.bool_)
    held_out[generator.permutation(n_images)[:n]] = True
    return held_out


def given(split: Any, names: Sequence[str]) -> Mask:
    """Read a split that was saved.

    Parameters
    ----------
    split : path or DataFrame
        A table with a column `part` ("train" or "validation") and one that names images, such as a head's `split.csv`.
    names : sequence of str
        The images that there are; those that the table names besides are left out.

    Returns
    -------
    array (len(names),) of bool
        True for an image that is held out.

    Raises
    ------
    UnknownNameError
        If it has no column `part`.
    ArgumentError
        If an image is in neither part, a part is called otherwise, or one holds too few images.
    """
    table, key = read_table(split, "split")
    if "part" not in table.columns:
        have = f"It has: {', '.join(map(str, table.columns))}."
        raise UnknownNameError(advice("split", "have a column 'part'", listed("none"), have))
    part = dict(zip(table[key].astype(str), table["part"].astype(str), strict=True))
    absent = [name for name in names if name not in part]
    if absent:
        remedy = "Leave them out of the images, or add them to the split."
        raise ArgumentError(advice("split", "name every image", listed(f"no row for {listed.of(absent)}"), remedy))
    strange = sorted({part[name] for name in names} - {TRAIN, VALIDATION})
    if strange:
        raise ArgumentError(advice("split", f"call its parts {TRAIN!r} and {VALIDATION!r}", listed.of(strange)))
    held_out = np.array([part[name] == VALIDATION for name in names], dtype=np.bool_)
    if held_out.sum() not in (0, *range(3, len(names) - 2)):
        found = listed(f"{len(names) - held_out.sum()} and {held_out.sum()}")
        raise ArgumentError(advice("split", "have at least 3 images in each part", found))
    return held_out
