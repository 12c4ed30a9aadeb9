"""Frames of clips: how they are called, which times are taken, and results brought together by clip."""

import re
from fractions import Fraction
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed, one_of
from memfeat._labels import IMAGE, image_names, stamped
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError

__all__ = ["CLIP", "CLIPS", "TIME", "Frame", "by_clip", "called", "is_clip", "of_frame", "parted", "sampled"]

#: Endings of the files that are taken for clips.
CLIPS = (
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".mts", ".m2ts",
)  # fmt: skip
#: Coordinates of frames.
CLIP, TIME = "clip", "time"
#: A clip and the time in it, as names and paths of frames say it.
NAMED = re.compile(r"(?P<clip>.+)#(?P<seconds>\d{5,}\.\d{3})", re.DOTALL)
#: More frames a second would share names, which tell milliseconds apart.
MOST = 1000
STATISTICS = ("mean", "median", "std", "min", "max")

Labelled = TypeVar("Labelled", xr.Dataset, xr.DataArray)


class Frame(NamedTuple):
    """Which frame a path means: the file, and milliseconds after its first frame."""

    clip: str
    milliseconds: int


def is_clip(path: str | Path) -> bool:
    """Say whether a path ends like a clip.

    Parameters
    ----------
    path : str or Path
        The path.

    Returns
    -------
    bool
        Whether it does.
    """
    return Path(path).suffix.lower() in CLIPS


def called(clip: str, milliseconds: int) -> str:
    """Name a frame, or say its path.

    Parameters
    ----------
    clip : str
        Name or path of the clip.
    milliseconds : int
        Time after its first frame.

    Returns
    -------
    str
        `clip#00012.500`: seconds with leading zeros, so that names sort in time.
    """
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{clip}#{seconds:05}.{thousandths:03}"


def parted(name: str) -> Frame | None:
    """Read of which clip a name says that an image is a frame, and when.

    Parameters
    ----------
    name : str
        The name, or a path.

    Returns
    -------
    Frame or None
        None if it names no frame.
    """
    found = NAMED.fullmatch(name)
    return None if found is None else Frame(found["clip"], int(found["seconds"].replace(".", "")))


def of_frame(path: str) -> Frame | None:
    """Read which frame a path means.

    Parameters
    ----------
    path : str
        The path.

    Returns
    -------
    Frame or None
        None if it is the path of a file.
    """
    frame = parted(path)
    return frame if frame is not None and is_clip(frame.clip) else None


def sampled(fps: Any) -> Fraction:
    """Check how many frames a second are asked for.

    Parameters
    ----------
    fps : float
        What the user gave.

    Returns
    -------
    Fraction
        The time between frames in seconds; 1001/30000 for 30000/1001.

    Raises
    ------
    KindError
        If it is no number.
    ArgumentError
        If it is not above 0, or above 1000.
    """
    rule, remedy = f"be a number above 0 and at most {MOST}", "fps=1 takes a frame each second, fps=0.5 every other."
    if isinstance(fps, bool) or not isinstance(fps, Real):
        raise KindError(advice("fps", rule, fps, remedy))
    if not 0 < float(fps) <= MOST:
        raise ArgumentError(advice("fps", rule, fps, remedy))
    return (1 / Fraction(float(fps))).limit_denominator(100_000)


def by_clip(result: Labelled, *, statistic: str = "mean") -> Labelled:
    """Bring results of frames together: one value per clip.

    Parameters
    ----------
    result : Dataset or DataArray (image, ...)
        Predictions, features, an image table, or any other result with names of frames, `clip#seconds`. Images that are
        no frames stay as they are.
    statistic : {"mean", "median", "std", "min", "max"}
        What is taken over the frames of a clip, in each feature by itself; "std" divides by the number of frames.

    Returns
    -------
    Dataset or DataArray (image, ...)
        The same variables, one row per clip: `image` is the name of the clip, so that clips go where images go. Text is
        left out; of flags, "mean" is the share of frames. Coordinate `n_frames` (image): the frames that were used.
        Frames that could not be read are not; a clip without any other has missing values and `n_frames` 0. A column
        that no frame of a clip has is missing, one that some of them lack is as well.

    Raises
    ------
    KindError
        If it is not labelled data.
    ArgumentError
        If it has no frames, no numbers, or there is no such statistic.

    See Also
    --------
    read : With `fps`, frames of clips.

    Notes
    -----
    Frames of one clip resemble each other, and a score belongs to the clip: statistics that count images (decoding,
    RSA, correlations) are to be done with clips, not with frames.

    Examples
    --------
    >>> import xarray as xr
    >>> names = ["a.mp4#00000.000", "a.mp4#00001.000", "b.mp4#00000.000"]
    >>> memory = xr.DataArray([0.5, 0.7, 0.9], dims="image", coords={"image": names}, name="memorability")
    >>> clips = by_clip(memory)
    >>> clips.image.values.tolist(), clips.values.round(2).tolist(), clips.n_frames.values.tolist()
    (['a.mp4', 'b.mp4'], [0.6, 0.9], [2, 1])
    """
    one_of("statistic", statistic, STATISTICS)
    names = [str(name) for name in image_names(result, "result")]
    found = [parted(name) for name in names]
    if not any(found):
        none = listed(f"no name like 'clip.mp4#00001.000' among {listed.of(names)}")
        raise ArgumentError(advice("result", "have frames", none, 'Read them: mf.images.read("clip.mp4", fps=1).'))
    owners = np.array([one.clip if one else name for one, name in zip(found, names, strict=True)])
    told = result.variables if isinstance(result, xr.Dataset) else result.coords
    usable = np.asarray(result["status"].values) == "ok" if "status" in told else np.ones(len(names), bool)
    clips, rows = _rows(owners, usable)
    coords = {IMAGE: texts(clips), "n_frames": (IMAGE, np.array([len(row) for row in rows], np.int64))}
    if isinstance(result, xr.DataArray):
        together = _together(result, rows, statistic).assign_coords(coords)
        return stamped(together, result.attrs, statistic=statistic, kind="clips")
    columns = {str(name): values for name, values in result.data_vars.items() if _numeric(values)}
    if not columns:
        raise ArgumentError(advice("result", "have numbers", listed.of(result.data_vars)))
    made = xr.Dataset({name: _together(values, rows, statistic) for name, values in columns.items()})
    return stamped(made.assign_coords(coords), result.attrs, statistic=statistic, kind="clips")


def _rows(owners: npt.NDArray[np.str_], usable: npt.NDArray[np.bool_]) -> tuple[list[str], list[npt.NDArray[np.intp]]]:
    """Give the clips, sorted, and the rows of each that can be used."""
    clips, numbers = np.unique(owners, return_inverse=True)
    kept = np.flatnonzero(usable)
    ordered = kept[np.argsort(numbers[kept], kind="stable")]
    ends = np.cumsum(np.bincount(numbers[kept], minlength=len(clips)))
    return clips.tolist(), np.split(ordered, ends[:-1])


def _numeric(values: xr.DataArray) -> bool:
    """Say whether a variable has numbers or flags per image."""
    return IMAGE in values.dims and values.dtype.kind in "bfiu"


def _together(values: xr.DataArray, rows: list[Any], statistic: str) -> xr.DataArray:
    """Take a statistic over the rows of each clip."""
    if not _numeric(values):
        raise ArgumentError(advice("result", "have numbers for each image", listed(f"{values.dtype} {values.dims}")))
    bare = values.reset_coords(drop=True).drop_vars(IMAGE)
    floats = bare if bare.dtype.kind == "f" else bare.astype(np.float64)
    made = [
        getattr(floats.isel({IMAGE: row}), statistic)(IMAGE, skipna=False)
        if len(row)
        else xr.full_like(floats.isel({IMAGE: 0}), np.nan)
        for row in rows
    ]
    together: xr.DataArray = xr.concat(made, IMAGE).transpose(*values.dims)
    together.attrs = dict(values.attrs)
    return together
