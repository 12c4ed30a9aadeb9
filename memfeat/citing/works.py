"""The works that results can cite, read from the table beside this file."""

import csv
import functools
from importlib.resources import files
from typing import NamedTuple

from memfeat._version import __version__

__all__ = ["MEMFEAT", "OTHERS", "RESMEM", "Work", "work", "works"]

#: Keys of what is cited for the toolkit, and for the network and its weights.
MEMFEAT, RESMEM = "memfeat", "needell2022"
#: In place of the authors who are not listed.
OTHERS = "others"


class Work(NamedTuple):
    """A work that can be cited."""

    key: str
    kind: str
    """"article", "inproceedings", "book", "misc" (a preprint, thesis or report) or "software"."""
    authors: tuple[str, ...]
    """Family name, a comma and initials; a group in braces; `OTHERS` last where there are more."""
    year: str
    """Empty for memfeat, which is cited by its version."""
    title: str
    venue: str
    volume: str
    pages: str
    """Pages, or the number of the article."""
    doi: str
    verified: bool
    """Whether author, year, title and where it appeared were checked against a second source."""


@functools.cache
def works() -> dict[str, Work]:
    """Read the table of works.

    Returns
    -------
    dict of Work
        Key → work, in the order of the keys. memfeat has the version that is installed.
    """
    text = files("memfeat.citing").joinpath("works.csv").read_text(encoding="utf-8")
    found = {row["key"]: _read(row) for row in csv.DictReader(text.splitlines())}
    found[MEMFEAT] = found[MEMFEAT]._replace(title=f"memfeat (version {__version__})")
    return found


def work(key: str) -> Work:
    """Look a work up.

    Parameters
    ----------
    key : str
        Its key.

    Returns
    -------
    Work
        The work.
    """
    return works()[key]


def _read(row: dict[str, str]) -> Work:
    authors = tuple(name.strip() for name in row["authors"].split(";"))
    rest = {name: row[name] for name in ("key", "year", "title", "venue", "volume", "pages", "doi")}
    return Work(**rest, kind=row["type"], authors=authors, verified=row["verified"] == "yes")
