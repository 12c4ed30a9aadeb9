"""What a reader of a set can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import xarray as xr

__all__ = ["Once", "Reader", "Table"]

Table = xr.Dataset | pd.DataFrame


Found = TypeVar("Found")


class Once:
    """A folder of which each thing is read once, however many checks need it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._found: dict[Any, Any] = {}

    def __call__(self, read: Callable[..., Found], *how: Any) -> Found:
        """Read from the folder, or give what was read."""
        key = (read, repr(how))
        if key not in self._found:
            self._found[key] = read(self.folder, *how)
        found: Found = self._found[key]
        return found


@dataclass(frozen=True)
class Reader:
    """How a set is read."""

    load: Callable[[Path], xr.Dataset]
    """Its images with their scores."""
    tables: Mapping[str, Callable[[Path], Table]] = field(default_factory=dict)
    """Its further tables."""
    trials: Callable[[Path], pd.DataFrame] | None = None
    """Its trials, one per row, where they were published."""
    checks: Mapping[str, Callable[[Once], tuple[Any, Any]]] = field(default_factory=dict)
    """What is checked -> what is expected (one of several, if it is a tuple), and what was found."""
