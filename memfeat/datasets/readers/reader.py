"""What a reader of a set can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

__all__ = ["Check", "Reader", "Table"]

Table = xr.Dataset | pd.DataFrame


class Check(NamedTuple):
    """One thing that a folder must be, and what it is."""

    check: str
    expected: Any
    found: Any
    passed: bool


@dataclass(frozen=True)
class Reader:
    """How a set is read."""

    load: Callable[[Path], xr.Dataset]
    """Its images with their scores."""
    tables: Mapping[str, Callable[[Path], Table]] = field(default_factory=dict)
    """Its further tables."""
    trials: Callable[[Path], pd.DataFrame] | None = None
    """Its trials, one per row, where they were published."""
    checks: Mapping[str, Callable[[Path], tuple[Any, Any]]] = field(default_factory=dict)
    """What is checked -> what is expected and what was found, of which one of several may be expected."""
