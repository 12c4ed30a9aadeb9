"""Sets by name: their images with scores, their trials and further tables."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pandas as pd
import xarray as xr

from memfeat._check import advice, listed, looked_up
from memfeat._labels import IMAGE, SCHEMA, storable
from memfeat._version import __version__
from memfeat.datasets.cards import Card, carded
from memfeat.datasets.folders import legible, located
from memfeat.datasets.readers import READERS
from memfeat.errors import FacesWarning, MemfeatWarning, MissingFileError, UnknownNameError

__all__ = ["load", "table", "tables", "trials"]

Found = TypeVar("Found", bound=xr.Dataset | pd.DataFrame)
#: The column by which mf.predict knows that pictures show faces.
CONTENTS = "contents"
#: Columns of what holds answers of participants, or was made of them.
ANSWERED = {"response", "hit_rate"}


def load(name: str, *, folder: str | Path | None = None) -> xr.Dataset:
    r"""Read a published set: its photographs with their scores, or the scores alone.

    Parameters
    ----------
    name : str
        The set, one of `mf.datasets.CARDS`.
    folder : str or Path, optional
        Its folder, in the layout that its card describes; by default the folder of that name in the one that the
        environment variable `MEMFEAT_DATA` names. Nothing is ever downloaded.
        If it holds the same scores as a table (CSV) and in a file of MATLAB or Excel, the table is read.

    Returns
    -------
    Dataset (image)
        For a set with photographs the image table of `mf.images.read` (headers are read, pictures not decoded), for
        others the scores only. Columns are called as in `mf.scores.from_trials`: `hit_rate`, `false_alarm_rate` and
        `corrected_recognition` as shares, and the counts `hits`, `misses`, `false_alarms`, `correct_rejections`,
        `n_targets` and `n_foils` where they were published. Attributes: `name`, `citation`, `licence`, `trained_on`
        (predictors that were trained on the set, or "none"), and what joined.

    Raises
    ------
    UnknownNameError
        If there is no such set.
    MissingFileError
        If the folder or a file in it is not there; the message says what to download from where, and under which
        licence.
    ArgumentError
        If a file is not as its authors wrote it: it is damaged, a column is missing, an image stands twice.

    Warns
    -----
    MemfeatWarning
        If names have no photograph, photographs no score, or tables of a set not the same images, counted and named; or
        if names were inferred from the order of files.
    FacesWarning
        If the pictures are of faces, for which ResMem's authors caution against using it.

    See Also
    --------
    table : Further tables of a set.
    trials : Trials, where they were published.
    check : Whether a folder is complete.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> rows = ["Image type,Image index,Memorability score,Distinctiveness,Reconstruction error", "Target,1,0.5,2,0.1"]
    >>> for layer in range(1, 8):
    ...     _ = (folder / f"Isola_layer_{layer}_dist_rec.csv").write_text("\n".join(rows))
    >>> images = load("reconmem_isola", folder=folder)
    >>> images["corrected_recognition"].sel(image="target_0001").item(), images.attrs["trained_on"]
    (0.5, 'none')
    """
    card = carded(name)
    images = _read(READERS[name].load, card, folder)
    if card.contents:
        images = images.assign({CONTENTS: (IMAGE, [card.contents] * images.sizes[IMAGE])})
    if card.warning:
        kind = FacesWarning if card.contents == "faces" else MemfeatWarning
        warnings.warn(f"{card.title}: {card.warning}", kind, stacklevel=2)
    return _told(images, card, "photographs" if images.attrs["kind"] == "images" else "scores")


def trials(name: str, *, folder: str | Path | None = None) -> pd.DataFrame:
    """Read the trials of a set, one per row, as `mf.scores.from_trials` takes them.

    Parameters
    ----------
    name : str
        The set.
    folder : str or Path, optional
        Its folder, as for :func:`load`.

    Returns
    -------
    DataFrame
        `image`, `participant`, `truth` ("old": a target; "new": a foil), `response` ("old" or "new"; empty where there
        was none) and further columns. Experiments are told apart by `experiment` where there are several: score them
        one by one.

    Raises
    ------
    UnknownNameError
        If there is no such set, or it was published without trials.
    MissingFileError, ArgumentError
        As :func:`load`.
    """
    card = carded(name)
    read = READERS[name].trials
    if read is None:
        have = ", ".join(repr(one) for one, reader in READERS.items() if reader.trials is not None)
        got = listed(f"{name!r}, of which scores were published, but no trials")
        raise UnknownNameError(advice("name", f"be one of {have}", got, f"There is mf.datasets.load({name!r})."))
    return _told(_read(read, card, folder), card, "trials")


def table(name: str, which: str, *, folder: str | Path | None = None) -> xr.Dataset | pd.DataFrame:
    """Read a further table of a set.

    Parameters
    ----------
    name : str
        The set.
    which : str
        The table, one of :func:`tables`.
    folder : str or Path, optional
        Its folder, as for :func:`load`.

    Returns
    -------
    Dataset or DataFrame
        A Dataset with the dim `image` where rows are images (features as `<name>:unit`); else a DataFrame. Attributes
        as of :func:`load`.

    Raises
    ------
    UnknownNameError
        If there is no such set or table.
    MissingFileError, ArgumentError
        As :func:`load`.
    """
    card, there = carded(name), tables(name)
    remedy = f"The tables of {name!r}: {', '.join(there)}." if there else f"{name!r} has no further tables."
    found = _read(READERS[name].tables[looked_up("which", which, there, remedy)], card, folder)
    return _told(found, card, which)


def tables(name: str) -> list[str]:
    """List the further tables of a set.

    Parameters
    ----------
    name : str
        The set.

    Returns
    -------
    list of str
        What :func:`table` reads.

    Raises
    ------
    UnknownNameError
        If there is no such set.

    Examples
    --------
    >>> tables("isola_attributes")
    ['attributes', 'split', 'weights']
    """
    return list(READERS[carded(name).name].tables)


def _read(read: Callable[[Path], Found], card: Card, folder: str | Path | None) -> Found:
    """Read from a folder; where a file is missing, say what it must look like."""
    place = located(card, folder)
    try:
        with legible():
            return read(place)
    except MissingFileError as error:
        raise MissingFileError(f"{error} The folder of {card.title} must look like this: {card.layout}") from error


def _told(found: Found, card: Card, part: str) -> Found:
    """Say in the attributes which set it is, what was read of it, and under which terms."""
    facts = {"memfeat_version": __version__, "memfeat_schema": SCHEMA, "published": part, "name": card.name}
    facts |= {"title": card.title, "citation": card.citation, "licence": card.licence}
    facts |= {"works": list(card.works)} if card.works else {}
    facts |= {"answers": card.answers} if card.answers and ANSWERED.intersection(map(str, found)) else {}
    found.attrs |= facts | {"trained_on": storable(list(card.trained_on)) or "none"}
    return found
