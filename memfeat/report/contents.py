"""The images of a report: what is known of each, in columns."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import _numerals
from memfeat._check import advice, listed, looked_up
from memfeat._frames import IMAGE_COLUMNS, per_image
from memfeat._labels import IMAGE, image_names
from memfeat.errors import ArgumentError
from memfeat.images.reading import tabled
from memfeat.prediction import predict
from memfeat.report.options import Settings

__all__ = ["Contents", "described", "shortened"]

Array = npt.NDArray[np.float64]
MEMORABILITY, STATUS, REASON, WARNINGS = "memorability", "status", "reason", "warnings"
#: What a warning of a prediction begins with -> what images that have it are called.
FLAGS = {
    "at the floor": "at the predictor's floor",
    "enlarged": "smaller than the network's input",
    "squashed": "long and narrow",
    "mode": "not RGB",
}
UNREADABLE, PIXELS = "unreadable", "pixels"
#: Columns that are about a file, and by which nobody sorts.
ABOUT_FILES = (IMAGE, "sha256", "path", WARNINGS, STATUS, REASON)
#: A column of text with more different words than this cannot be told apart by colour.
MOST_GROUPS = 8


class Contents(NamedTuple):
    """The images, and what is known of them."""

    table: xr.Dataset
    """(image): the user's table with predictions; carries path, status and reason."""
    score: str
    """The column that images are sorted by."""
    by: str | None
    """The column of sets."""

    @property
    def names(self) -> list[str]:
        """Give image names, in the order of the table."""
        return [str(name) for name in self.table[IMAGE].values]

    @property
    def read(self) -> npt.NDArray[np.bool_]:
        """Say which images could be read."""
        return np.asarray(self.table[STATUS].values.astype(str) == "ok")

    @property
    def scores(self) -> xr.DataArray:
        """Give the score of images that could be read and have one."""
        column = self.table[self.score].astype(float)
        return column.isel({IMAGE: np.isfinite(column.values) & self.read}).reset_coords(drop=True)

    @property
    def sets(self) -> list[str | None]:
        """Say which set each image is of, None where the table does not."""
        return [] if self.by is None else [_word(value) for value in self.table[self.by].values]

    @property
    def floor(self) -> float | None:
        """Give the predictor's floor, if the score is a prediction and it has one."""
        found = self.table[self.score].attrs.get("floor")
        return None if found is None else float(found)

    @property
    def by_resmem(self) -> bool:
        """Say whether memorability was predicted by ResMem; predictions that do not say by what are taken for its."""
        if MEMORABILITY not in self.table.data_vars:
            return False
        said = {**self.table.attrs, **self.table[MEMORABILITY].attrs}
        predicted = str(said.get("long_name", "")).startswith("predicted")
        return "resmem" in str(said.get("model", "resmem" if predicted else ""))

    def frame(self) -> pd.DataFrame:
        """Give the table that is downloaded."""
        return per_image(self.table)

    def columns(self) -> list[dict[str, Any]]:
        """Give the columns as the page holds them: numbers with as many digits as are shown, words as they are."""
        frame = self.frame()
        if frame[self.score].dtype.kind == "b":
            frame[self.score] = frame[self.score].astype(np.uint8)
        return [_column(str(name), frame[name], self.table) for name in frame.columns if name not in ABOUT_FILES]

    def flags(self) -> list[list[str]]:
        """Say what is to know about each image, in the words of `FLAGS`."""
        return [
            [UNREADABLE] if not read else [flag for begin, flag in FLAGS.items() if _warned(text, begin)]
            for read, text in zip(self.read, self._words(WARNINGS), strict=True)
        ]

    def notes(self) -> list[str]:
        """Say the same in the words of the prediction, with numbers; or why an image could not be read."""
        rows = zip(self.read, *map(self._words, (WARNINGS, STATUS, REASON)), strict=True)
        return [text if read else f"{status}: {reason}".rstrip(": ") for read, text, status, reason in rows]

    def unreadable(self) -> pd.DataFrame:
        """List what could not be read."""
        columns = {"Image": self.names, "Status": self._words(STATUS), "Reason": self._words(REASON)}
        return pd.DataFrame(columns, dtype=object)[~self.read]

    def _words(self, name: str) -> list[str]:
        """Give a column of text. A table file does not tell an empty text from a missing one."""
        if name not in self.table.variables:
            return [""] * len(self.names)
        return [_word(value) or "" for value in self.table[name].values]


def described(images: Any, chosen: Settings) -> Contents:
    """Bring together what is known of the images; predict their memorability if nobody has.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images.
    chosen : Settings
        Options.

    Returns
    -------
    Contents
        The images.

    Raises
    ------
    ArgumentError
        If a column is missing, is called like one of the result, or the memory is of other images.
    """
    table = tabled(images, progress=chosen.progress)
    if not table.sizes[IMAGE]:
        raise ArgumentError(advice("images", "hold at least one image", listed("none")))
    # those that are computed are not there yet
    own = {str(name): column for name, column in table.data_vars.items() if column.dims == (IMAGE,) and name != PIXELS}
    have = list(dict.fromkeys([MEMORABILITY, *own]))
    for option, wanted in (("score", chosen.score), ("by", chosen.by)):
        if wanted is not None:
            looked_up(option, wanted, have, f"There are {', '.join(have)}.")
    kind = own[chosen.score].dtype if chosen.score in own else np.dtype(float)
    if kind.kind not in "iufb":
        raise ArgumentError(advice("score", "name a column of numbers", chosen.score, f"It holds {kind}."))
    whole = _with_memory(table, chosen).set_coords([STATUS, REASON])
    told = Contents(whole, chosen.score, chosen.by)
    if not told.scores.size:
        remedy = "Every image is unreadable, or has no score; mf.images.ledger(images) says why."
        raise ArgumentError(advice("score", "have a number for at least one image", chosen.score, remedy))
    return told


def _with_memory(table: xr.Dataset, chosen: Settings) -> xr.Dataset:
    """Put predictions beside the user's columns."""
    if chosen.memory is None and MEMORABILITY in table.data_vars:
        return table
    taken = [str(name) for name in table.data_vars if name in IMAGE_COLUMNS]
    if taken:
        remedy = f"Rename it: images.rename({{{taken[0]!r}: 'human_{taken[0]}'}})."
        rule = "have no columns called like those of a prediction"
        raise ArgumentError(advice("images", rule, listed.of(taken), remedy))
    memory = predict(table, progress=chosen.progress) if chosen.memory is None else _of_these(chosen.memory, table)
    own = table.drop_vars([name for name in table.coords if name != IMAGE])
    known = {name: (IMAGE, table[name].values) for name in table.coords if name not in memory.variables}
    return memory.assign(own.data_vars).assign_coords(known)


def _of_these(memory: xr.Dataset, table: xr.Dataset) -> xr.Dataset:
    """Bring predictions into the order of the images."""
    theirs = {str(name) for name in image_names(memory, "memory")}
    mine = {str(name) for name in table[IMAGE].values}
    if theirs != mine:
        differ = listed(f"{len(mine - theirs)} images without a prediction, {len(theirs - mine)} predictions of others")
        remedy = "Leave it out, and memorability is predicted."
        raise ArgumentError(advice("memory", "be of the same images", differ, remedy))
    found = memory.sel({IMAGE: table[IMAGE].values})
    absent = {name: (IMAGE, table[name].values) for name in (STATUS, REASON) if name not in found.variables}
    return found.assign(absent)


def _column(name: str, values: pd.Series, table: xr.Dataset) -> dict[str, Any]:
    """Give a column as the page holds it."""
    label = str(table[name].attrs.get("long_name", name)) if name in table.variables else name
    about = {"name": name, "label": label if label != name else name.replace("_", " ")}
    if values.dtype.kind in "iu":
        return about | {"kind": "number", "digits": 0, "values": values.tolist()}
    if values.dtype.kind == "f":
        numbers = values.to_numpy(float)
        known = numbers[np.isfinite(numbers)]
        digits = _numerals.places(float(known.std()) if known.size else 0.0)
        return about | {"kind": "number", "digits": digits, "values": [shortened(one) for one in numbers]}
    words = [_word(one) for one in values]
    groups = sorted({word for word in words if word})
    return about | {"kind": "group" if 1 < len(groups) <= MOST_GROUPS else "text", "values": words}


def shortened(value: float) -> float | None:
    """Give a number with the nine digits that tell any two of single precision apart; None if it is not finite.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    float or None
        As the page holds it.
    """
    return float(f"{value:.9g}") if np.isfinite(value) else None


def _word(value: Any) -> str | None:
    """Write a cell in words; None where it is missing, which an empty text is too."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    # a column of whole numbers with a gap is one of floating-point numbers
    return str(value).removesuffix(".0") if isinstance(value, float | np.floating) else str(value) or None


def _warned(text: str, begin: str) -> bool:
    return any(part.startswith(begin) for part in text.split("; "))
