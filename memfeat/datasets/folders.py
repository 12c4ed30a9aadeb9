"""Where the files of a set lie, and what to do where they do not."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from memfeat._check import advice, listed
from memfeat.datasets.cards import Card
from memfeat.errors import ArgumentError, MemfeatError, MissingFileError

__all__ = ["VARIABLE", "first", "legible", "located", "needed"]

#: The environment variable that names the folder of all sets.
VARIABLE = "MEMFEAT_DATA"


def located(card: Card, folder: str | Path | None) -> Path:
    """Find the folder of a set.

    Parameters
    ----------
    card : Card
        The set.
    folder : str or Path, optional
        Its folder; by default the one of its name in the folder that `MEMFEAT_DATA` names.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    MissingFileError
        If it is not there; the message says what to download from where, and what the folder must look like.
    """
    root = os.environ.get(VARIABLE)
    if folder is None and not root:
        got = listed(f"none, and the environment variable {VARIABLE} is not set")
        raise MissingFileError(advice("folder", f"be the folder of {card.title}", got, _remedy(card)))
    place = Path(folder).expanduser() if folder is not None else Path(str(root)).expanduser() / card.name
    if not place.is_dir():
        raise MissingFileError(advice("folder", f"be the folder of {card.title}", str(place), _remedy(card)))
    return place


def _remedy(card: Card) -> str:
    return (
        f"memfeat downloads nothing by itself. Download: {card.download} The folder must look like this: {card.layout} "
        f"Licence: {card.licence} Then name it, folder='…', or put it into the folder that {VARIABLE} names, as "
        f"{card.name!r}."
    )


def first(folder: Path, places: Iterable[str]) -> Path | None:
    """Find the first of some places that is there.

    Parameters
    ----------
    folder : Path
        The folder of a set.
    places : iterable of str
        Files or folders in it.

    Returns
    -------
    Path or None
        The first that exists.
    """
    return next((folder / place for place in places if (folder / place).exists()), None)


def needed(folder: Path, *places: str) -> Path:
    """Find the first of some places, one of which must be there.

    Parameters
    ----------
    folder : Path
        The folder of a set.
    *places : str
        Files or folders in it, where they may be.

    Returns
    -------
    Path
        The first that exists.

    Raises
    ------
    MissingFileError
        If there is none.
    """
    found = first(folder, places)
    if found is None:
        there = listed(f"{folder}, which holds {listed.of(sorted(one.name for one in folder.iterdir()), most=5)}")
        raise MissingFileError(advice("folder", f"hold {' or '.join(places)}", there))
    return found


@contextmanager
def legible(what: str = "each file") -> Iterator[None]:
    """Say of what cannot be read that it is damaged, whatever error its reader knows for that.

    Parameters
    ----------
    what : str
        The file's name.

    Raises
    ------
    ArgumentError
        If reading it fails in a way that nobody foresaw; the error itself is named.
    """
    try:
        yield
    except (MemfeatError, Warning, ImportError, MemoryError, PermissionError):
        raise
    except Exception as error:  # each format has its own: JSON, MATLAB, HDF5, archives, text that is none
        got = listed(f"{type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}")
        rule = f"hold {what} as its authors wrote it"
        raise ArgumentError(advice("folder", rule, got, "It may be damaged: download it again.")) from error
