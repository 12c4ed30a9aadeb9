"""What a result says of itself, read the same way whether it was computed, or read from a file or a table."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._labels import IMAGE

__all__ = ["Facts"]

#: Where the number of images stands, in this order.
COUNTS = ("n_images", "n")
#: How `mf.images.read` calls frames of clips.
FRAME_NAME = re.compile(r"(?P<clip>.+)#(?P<seconds>\d{5,}\.\d{3})", re.DOTALL)
#: Names of the two patterns that frame images, and are none (see `mf.rsa.frame`).
FRAME = {"(zero)", "(constant)"}


@dataclass(frozen=True)
class Facts:
    """Attributes of a result, and the table of its values where there is one."""

    attrs: Mapping[str, Any]
    table: xr.Dataset

    def has(self, *names: str) -> bool:
        """Say whether all these attributes are there and say something."""
        return all(name in self.attrs and np.size(self.attrs[name]) > 0 and self.attrs[name] != "" for name in names)

    def text(self, name: str, default: str = "") -> str:
        """Give an attribute in words."""
        return _clean(self.attrs[name]) if self.has(name) else default

    def names(self, name: str) -> list[str]:
        """Give an attribute that lists names, or is one."""
        return [_clean(one) for one in np.atleast_1d(self.attrs[name])] if self.has(name) else []

    def number(self, name: str) -> float:
        """Give an attribute that is a number; 0 if it is not there."""
        return float(self.attrs[name]) if self.has(name) else 0.0

    def true(self, name: str) -> bool:
        """Say whether an attribute is true."""
        return str(self.attrs.get(name, "")).lower() == "true"

    def unpacked(self, name: str) -> Any:
        """Give an attribute that holds JSON; an empty dict if it is not there."""
        found = self.attrs.get(name, "{}")
        return json.loads(found) if isinstance(found, str) else found

    def different(self, name: str) -> list[str]:
        """List the labels of a dim, or the different words of a column, in their own order."""
        if name not in self.table.variables:
            return []
        values = pd.unique(pd.Series(np.ravel(self.table[name].values)).dropna())
        return [_clean(one) for one in values]

    def column(self, name: str) -> list[str]:
        """Give the labels of a dim or the words of a column, one for each row."""
        return [_clean(one) for one in np.ravel(self.table[name].values)] if name in self.table.variables else []

    def finite(self, name: str) -> npt.NDArray[np.float64]:
        """Give the finite numbers of a variable; none if it is not there or holds something else."""
        if name not in self.table.variables or self.table[name].dtype.kind not in "iuf":
            return np.empty(0)
        values: npt.NDArray[np.float64] = np.ravel(self.table[name].values).astype(np.float64)
        return np.asarray(values[np.isfinite(values)])

    def size(self, name: str) -> int:
        """Count the labels of a dim, in a table the different words of its column."""
        return self.table.sizes[name] if name in self.table.sizes else len(self.different(name))

    @property
    def frames(self) -> dict[str, list[int]]:
        """Give clip → milliseconds after its first frame, of images whose names say that they are frames of clips."""
        found: dict[str, list[int]] = {}
        for frame in filter(None, map(FRAME_NAME.fullmatch, self.column(IMAGE))):
            found.setdefault(frame["clip"], []).append(int(frame["seconds"].replace(".", "")))
        return found

    @property
    def counts(self) -> tuple[int, int]:
        """Give the smallest and the largest number of images that anything rests on; 0 if it is not known."""
        for name in COUNTS:
            if self.has(name) and np.size(self.attrs[name]) == 1:
                return (int(float(self.attrs[name])),) * 2
        # a file that holds several parts of an evaluation calls that of the first so
        found = next((one for one in map(self.finite, ("n", "agreement_n")) if one.size), np.empty(0))
        if found.size:
            return int(found.min()), int(found.max())
        framing = len(FRAME.intersection(self.column(IMAGE)))
        return ((self.size(IMAGE) or self.size(f"{IMAGE}_1")) - framing,) * 2


def _clean(value: Any) -> str:
    """Keep what users wrote from being read as a citation."""
    return str(value).replace("[@", "[ @")
