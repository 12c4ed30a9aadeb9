"""Downloads that their authors permit, asked for by name and checked by hash."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memfeat._check import advice, listed
from memfeat.datasets.cards import Card, carded
from memfeat.errors import ArgumentError, MissingFileError, MissingPackageError, UnknownNameError

__all__ = ["FILES", "fetch"]

#: set -> where its files lie, at a fixed state of the authors' repository.
SOURCES = {
    "rim2025": "https://raw.githubusercontent.com/nwrim/naturalness_compression_memorability/"
    "1c7260459b2bece334af670a0164895484fe239e/data/image_level_measure/",
}
#: set -> file -> sha256 of its bytes
FILES: Mapping[str, Mapping[str, str]] = {
    "rim2025": {
        "set1_compressibility.csv": "e3e3941380cd7c16a5015a44ee38c8b34bdaaac65692d5f722735cb9589eece2",
        "set1_memorability.csv": "62ebbf3760faf44cc4bb71f31ced8b80fcfab4315b66d31fab9250d3f0a8594e",
        "set1_naturalness.csv": "57f9f8c6c65decfcaee77f32754795c138a5ee8657b3ef5e7b6da51f2282398a",
        "set1_resmem.csv": "f4dad384c107cde6cd3329a4f055255e2e9235d170b6b7e6f25f263839ea8d05",
        "set1_vitnat.csv": "fe9ae82fb30c6546f8dff28d04f4565b6c9e662d7e8cdf1ef11711a8e62a2f49",
        "set2_compressibility.csv": "0f7d9006338d2f06eb2c55234446db58e0603efddc622f04741271f2faa4d74f",
        "set2_memorability.csv": "e8e0285035edaeee3b1b9ef897e81f33127578b447ed51908570a3079139f59a",
        "set2_naturalness.csv": "ef53a3c2870a602c216dcb12ba1bc1128cad48fbf20f662a06da4d041687031e",
        "set2_resmem.csv": "1fdacd4922238235adbc6eca7eb3102c3e2bd6f3fb0878b4512bc4e71dce7e08",
        "set2_vitnat.csv": "865eb26a99e9bb221233d279ca606a4d0266a4985de401f1ac8abb02aec01468",
    },
}


def fetch(name: str, folder: str | Path, *, source: str | None = None) -> Path:
    """Download a set whose licence permits it, into a folder that you name.

    Parameters
    ----------
    name : str
        The set. There is one so far, "rim2025"; the others' cards say what to download by hand.
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
    other = [one for one, known in FILES[name].items() if _differs(place / one, known, pooch.file_hash)]
    if other:
        got = listed(f"{listed.of(other)} with other content in {place}")
        raise ArgumentError(
            advice("folder", "be empty, or hold these files", got, "Move them, or name another folder.")
        )
    with _quiet(pooch.get_logger()):
        _download(pooch.create(path=place, base_url=_folder(source or SOURCES[name]), registry=dict(FILES[name])), card)
    return place


def _differs(path: Path, known: str, digest: Callable[[str], str]) -> bool:
    return path.is_file() and digest(str(path)) != known


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
