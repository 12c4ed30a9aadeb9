"""From what the user points at to the image table."""

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import guards
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, image_names
from memfeat.errors import ArgumentError, KindError, MemfeatWarning
from memfeat.images.frames import in_time, spread, verified
from memfeat.images.inspection import Facts, in_threads, inspect_file, inspect_pixels
from memfeat.images.joining import Joined, joined
from memfeat.images.sources import Found, found
from memfeat.images.table import assembled, column_values, user_columns

__all__ = ["read", "tabled"]

#: Coordinates of every image table.
COLUMNS = ("path", "sha256", "width", "height", "mode", "status", "reason")

_log = logging.getLogger(__name__)


def read(  # noqa: PLR0913 (one source, six options)
    source: Any,
    *,
    scores: Any = None,
    column: str | None = None,
    root: str | os.PathLike[str] | None = None,
    fps: float | None = None,
    verify: bool = True,
    progress: bool | None = None,
) -> xr.Dataset:
    """Read images into a table: one row per image, whether it can be decoded or not.

    Parameters
    ----------
    source : str, path, list, DataFrame or dict
        A folder (searched with its subfolders; hidden files and files that do not end like an image are left out), an
        image or clip, a list of paths, a CSV or TSV file or DataFrame with a column of paths, or a dict of names to
        images: paths, PIL images, numpy arrays (uint8 or floating point in [0, 1]; height × width, with 1, 3 or 4
        channels last) or torch tensors (channels first or last).
    scores : str, path, DataFrame, Series or dict, optional
        Further columns, one row per image: a table with a column of image names, a Series indexed by them, or a dict
        of numbers by name. See Notes for how names are joined.
    column : str, optional
        The column of `source` (or of `scores`, when the source is no table) that names the images. Found by itself
        when just one column is called `image`, `path`, `file`, `filename`, `image_name` or the like.
    root : str or path, optional
        The folder that image names are relative to. By default the folder itself; for a table, where the CSV lies (or
        the working directory); for a list, the deepest folder that holds all of it. Relative paths of a table are
        looked up in it.
    fps : float, optional
        Frames of each second that are taken of clips (MP4, MOV, AVI, MKV, WebM and others), which needs the extra
        `video`. A folder is searched for clips only if it is given. See Notes.
    verify : bool
        Decode each image once, so that damaged files are known now. Otherwise only headers are read (each file is
        still hashed), and a damaged image is found when it is decoded.
    progress : bool, optional
        Show a progress bar on stderr; by default when that is a terminal.

    Returns
    -------
    Dataset (image)
        Sorted by `image`, the path relative to `root` with forward slashes, or the name given. Coordinates: `path` (as
        given, "" in memory), `sha256` of the file's bytes (in memory, of shape and RGB bytes), `width` and `height` in
        pixels once upright, `mode` as stored, `status` ("ok", "missing", "empty", "unreadable", "truncated" or "too
        large") and `reason`. Variables: the user's columns; in-memory images also have `pixels`, one uint8 array
        (height, width, 3) per image, which is to be dropped before the table is saved. With clips, also coordinates
        `clip` (its name; "" of a photograph) and `time` (seconds from its first frame; NaN of a photograph).

    Raises
    ------
    MissingFileError
        If the source, `root`, or every file of a list is not there.
    NoImageError
        If the source holds no image.
    KindError
        If the source, or an image in memory, is of another kind.
    UnknownNameError
        If there is no such `column`.
    ArgumentError
        If `fps` is not given with a clip or is not above 0, an image is named twice, a table cannot be parsed, its
        column of names cannot be told, a column has a reserved name or one like a layer, no score joins, or
        floating-point pixels lie outside [0, 1].
    MissingPackageError
        If there are clips, and PyAV is not installed.

    Warns
    -----
    MemfeatWarning
        If names of scores or images did not join, or scores are NaN; counted and named.

    See Also
    --------
    decode : One image as RGB, and the rules by which files become RGB.
    ledger : The images that cannot be decoded, and why.
    by_clip : Results of frames, brought together by clip.

    Notes
    -----
    Scores are joined by the whole name first; what is left, by the file's name, where folders on both sides agree as
    far as both name them; and what is left then, by that without the ending of an image file (`rock.png` in a table
    joins `rock.jpg`). A name that fits more than one of the other side joins none. Missing numbers are NaN, missing
    text is empty. A table that memfeat wrote (it has `sha256` and `status`) may be given as scores: what it says about
    the files themselves is left out, with its `warnings`. Of several columns that could name the images, one called
    exactly `image` is taken.

    Images that declare more than 120 million pixels (60 million in WebP, AVIF and JPEG 2000, which need more memory),
    or more than Pillow allows (2 × `PIL.Image.MAX_IMAGE_PIXELS`), are "too large" and not decoded.

    A clip stands for its frames at 0, 1/`fps`, 2/`fps` … seconds, as long as it lasts; each is the image that is shown
    then, also where frames are not evenly spaced. They are called `clip.mp4#00012.500`: seconds with five digits and
    three decimals, so that names sort in time. Columns of a table are repeated for each. `sha256` is of the hash of the
    clip's file and the time. Frames are decoded when they are needed, and again each time. A clip that cannot be read
    is one row with its `status`; of a truncated one, the first frame that is lacking is. With `verify`, each of these
    frames is decoded once, for which the clip is decoded as a whole.

    Examples
    --------
    >>> import numpy as np
    >>> grey, white = np.full((4, 6), 128, np.uint8), np.ones((2, 2, 3))
    >>> images = read({"grey": grey, "white": white}, scores={"white": 0.7, "grey": 0.5})
    >>> images.image.values.tolist(), images.width.values.tolist(), images.score.values.tolist()
    (['grey', 'white'], [6, 2], [0.5, 0.7])
    """
    have, known, times = spread(found(source, column=column, root=root, clips=fps is not None), fps, progress=progress)
    own = {} if have.columns is None else _values(user_columns(have.columns, "source"), "source")
    more = None if scores is None else joined(scores, have.names, column=column if have.columns is None else None)
    both = own | _added(more, own)
    facts = _inspected(have, known, verify=verify, progress=progress)
    for message in [*(more.messages if more else []), *_missing(both, own, more)]:
        warnings.warn(message, MemfeatWarning, stacklevel=2)
    counts = have.facts | (more.facts if more else {})
    paths = [_writable(item.as_posix()) if isinstance(item, Path) else "" for item in have.items]
    names = [_writable(name) for name in have.names]
    table = assembled(names, paths, facts, both, kind="images", verified=verify, **counts)
    for name in both:
        table[name].attrs |= guards.beside(source if name in own else scores, name)
    return in_time(table, known, times) if known else table


def tabled(images: Any, *, progress: bool | None = None) -> xr.Dataset:
    """Give an image table: the one that was given, or what :func:`read` makes of anything else, unverified.

    Parameters
    ----------
    images : Dataset (image), or whatever `read` takes
        The images.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Dataset (image)
        The table.

    Raises
    ------
    KindError
        If it is a Dataset, but not an image table.
    """
    if not isinstance(images, xr.Dataset):
        return read(images, verify=False, progress=progress)
    lacking = [name for name in COLUMNS if name not in images.coords]
    if IMAGE not in images.dims or lacking:
        remedy = "Make one with mf.images.read."
        raise KindError(
            advice("images", "be an image table", listed(f"a Dataset without {', '.join(lacking)}"), remedy)
        )
    image_names(images, "images")
    return images


def _writable(name: str) -> str:
    """Spell out the bytes of a file name that are not UTF-8, which no table could be saved with."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _values(table: pd.DataFrame, argument: str) -> dict[str, npt.NDArray[Any]]:
    return {str(name): column_values(table[name], argument) for name in table.columns}


def _added(more: Joined | None, own: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Give the columns of scores; refuse those that the source has as well."""
    if more is None:
        return {}
    twice = [str(name) for name in more.columns.columns if name in own]
    if twice:
        remedy = "Rename or drop them in one of the two."
        raise ArgumentError(advice("scores", "not repeat columns of the source", listed.of(twice), remedy))
    return _values(more.columns, "scores")


def _missing(both: dict[str, Any], own: dict[str, Any], more: Joined | None) -> list[str]:
    """Count the numbers that are missing although the image has a row."""
    bare = 0 if more is None else more.facts["n_images_without_score"]
    counts = {
        name: int(np.isnan(values).sum()) - (0 if name in own else bare)
        for name, values in both.items()
        if values.dtype.kind == "f"
    }
    return [
        f"{name!r} is NaN for {count} of {len(both[name])} images, and stays so; drop them where a calculation needs "
        f"all: images.dropna('image', subset=[{name!r}])"
        for name, count in counts.items()
        if count
    ]


def _inspected(have: Found, known: dict[str, Facts], *, verify: bool, progress: bool | None) -> list[Facts]:
    """Look at each image; log how many cannot be used."""

    def look(row: int) -> Facts:
        item, seen = have.items[row], known.get(have.names[row])
        if seen is not None:
            return verified(str(item), seen) if verify else seen
        if not isinstance(item, Path):
            return inspect_pixels(have.names[row], item)
        if _writable(str(item)) != str(item):
            return Facts(status="unreadable", reason="the file's name is not UTF-8; rename it")
        return inspect_file(str(item), verify=verify)

    facts = in_threads(look, range(len(have.names)), what="Reading images", progress=progress)
    bad = [name for name, fact in zip(have.names, facts, strict=True) if fact.status != "ok"]
    if bad:
        _log.warning("%s of %d images cannot be used; mf.images.ledger(images) says why", listed.of(bad), len(facts))
    return facts
