"""Downloads that their authors permit, asked for by name and checked by hash."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memfeat._check import advice, listed
from memfeat.datasets import known
from memfeat.datasets.cards import Card, carded
from memfeat.errors import ArgumentError, MissingFileError, MissingPackageError, UnknownNameError

__all__ = ["FILES", "fetch"]

#: set -> where its files lie, at a fixed state of the authors' repository.
SOURCES = {
    "rim2025": "https://raw.githubusercontent.com/nwrim/naturalness_compression_memorability/"
    "1c7260459b2bece334af670a0164895484fe239e/data/image_level_measure/",
}
#: set -> file -> sha256 of its bytes
FILES = {name: known.FILES[name] for name in SOURCES}


def fetch(name: str, folder: str | Path, *, source: str | None = None) -> Path:
    """Download a set whose licence permits it, into a folder that you name.

    Parameters
    ----------
    name : str
        The set. There is one so far, "rim2025", whose licence says that it may be copied; the others' cards say what to
        download by hand.
    folder : str or Path
        Where the files go; made if it is not there. Files that are there with the right content are not downloaded
        again.
    source : str, optional
        Address of the folder to download from, such as a mirror; by default a fixed state of the authors' repository.
        The files must be the same bytes.

    Returns
    -------
    Path
        The folder, for `mf.datasets.load(name, folder=...)`.

    Raises
    ------
    UnknownNameError
        If there is no such set, or none that may be downloaded directly.
    MissingPackageError
        If pooch is not installed.
    ArgumentError
        If the folder holds other files of these names, or a downloaded file is not the one that is known.
    MissingFileError
        If the download fails, as without a network.

    See Also
    --------
    load : Reads a set; it never downloads.
    """
    card = carded(name)
    if name not in FILES:
        got = listed(f"{name!r}, which has no direct download of known files")
        raise UnknownNameError(
            advice("name", f"be one of {', '.join(map(repr, FILES))}", got, f"By hand: {card.download}")
        )
    try:
        import pooch
    except ImportError as error:
        remedy = f'pip install "memfeat[datasets]". By hand: {card.download}'
        raise MissingPackageError(advice("pooch", "be installed", listed("no such package"), remedy)) from error
    place = Path(folder).expanduser()
    other = [one for one, digest in FILES[name].items() if _differs(place / one, digest, pooch.file_hash)]
    if other:
        got = listed(f"{listed.of(other)} with other content in {place}")
        raise ArgumentError(
            advice("folder", "be empty, or hold these files", got, "Move them, or name another folder.")
        )
    with _quiet(pooch.get_logger()):
        _download(pooch.create(path=place, base_url=_folder(source or SOURCES[name]), registry=dict(FILES[name])), card)
    return place


def _differs(path: Path, digest: str, of_file: Callable[[str], str]) -> bool:
    return path.is_file() and of_file(str(path)) != digest


def _folder(address: str) -> str:
    return f"{address.rstrip('/')}/"


def _download(store: Any, card: Card) -> None:
    """Download what is not there yet."""
    for file in store.registry_files:
        try:
            store.fetch(file)
        except ValueError as error:
            got = listed(f"another {file} at {store.base_url}")
            remedy = f"The authors may have changed it. By hand: {card.download}"
            raise ArgumentError(advice("source", "hold the files whose hashes are known", got, remedy)) from error
        except OSError as error:
            got, remedy = listed(f"{type(error).__name__} at {store.base_url}{file}"), "Is there a network? By hand: "
            raise MissingFileError(advice("source", "be reached", got, f"{remedy}{card.download}")) from error


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from writing which files it downloads, and leave its logger as it was."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
