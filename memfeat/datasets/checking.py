"""Whether the folder of a set is complete, and holds what it should."""

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from memfeat.datasets import known
from memfeat.datasets.cards import carded
from memfeat.datasets.folders import first, legible, located
from memfeat.datasets.readers import READERS
from memfeat.datasets.readers.reader import Once
from memfeat.errors import MemfeatError, MemfeatWarning

__all__ = ["check"]

#: What the check of hashes is called.
HASHES = "files that are the known ones, by their hashes"


def check(name: str, *, folder: str | Path | None = None) -> pd.DataFrame:
    """Check that a folder holds a set as it was published.

    Parameters
    ----------
    name : str
        The set.
    folder : str or Path, optional
        Its folder, as for :func:`load`.

    Returns
    -------
    DataFrame
        One row per check: `check`, `expected` (one of several, where parts of a set are in use), `found`, and `passed`.
        A file that is missing or cannot be read is what was found. For sets of which `Card.hashes` says so, files are
        compared with known ones by their hashes: one whose line ends were changed, as Git does on Windows, is another.

    Raises
    ------
    UnknownNameError
        If there is no such set.
    MissingFileError
        If the folder is not there.
    """
    card = carded(name)
    see = Once(located(card, folder))
    checks = dict(READERS[name].checks)
    if name in known.FILES:
        checks[HASHES] = lambda see: (len(known.FILES[name]), see(_n_matched, name))
    rows = [_row(one, run, see) for one, run in checks.items()]
    return pd.DataFrame(rows, columns=["check", "expected", "found", "passed"])


def _n_matched(folder: Path, name: str) -> int:
    """Count the files of a folder that have the bytes that are known."""
    own = known.PLACES.get(name, "")
    found = {file: first(folder, (file, own + file)) for file in known.FILES[name]}
    return sum(_digest(path) == known.FILES[name][file] for file, path in found.items())


def _digest(path: Path | None) -> str:
    if path is None or not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _row(what: str, run: Callable[[Once], tuple[Any, Any]], see: Once) -> tuple[str, str, str, bool]:
    try:
        with warnings.catch_warnings(), legible():
            # what did not join is counted by the checks themselves
            warnings.simplefilter("ignore", MemfeatWarning)
            expected, found = run(see)
    except (MemfeatError, OSError) as error:
        return what, "to be read", str(error), False
    options = expected if isinstance(expected, tuple) else (expected,)
    return what, " or ".join(map(_shown, options)), _shown(found), found in options


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
