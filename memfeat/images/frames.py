"""Clips among the images that were found: each becomes its frames."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat._tables import texts
from memfeat.errors import ArgumentError
from memfeat.images.clips import CLIP, TIME, called, is_clip, parted, sampled
from memfeat.images.decoding import decode_file
from memfeat.images.inspection import Facts, in_threads
from memfeat.images.opening import UnreadableImage
from memfeat.images.sources import Found
from memfeat.images.video import identity, listing

__all__ = ["Frames", "in_time", "spread", "verified"]


class Frames(NamedTuple):
    """Images, clips taken apart; and what is known of frames, by name."""

    found: Found
    facts: dict[str, Facts]
    #: seconds from the start of the clip
    times: dict[str, float]


def spread(found: Found, fps: Any, *, progress: bool | None) -> Frames:
    """Put the frames of each clip in its place.

    Parameters
    ----------
    found : Found
        What the source holds.
    fps : float, optional
        Frames a second; None takes no clips apart.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Frames
        A clip that cannot be read stays one row that says why; what a truncated clip lacks is one more.

    Raises
    ------
    ArgumentError
        If there are clips, and `fps` is not given, or clips come with a column called `clip` or `time`.
    MissingPackageError
        If there are clips, and what decodes them is not installed.
    """
    step = None if fps is None else sampled(fps)
    clips = [str(item) for item in found.items if isinstance(item, Path) and is_clip(item)]
    if not clips:
        return Frames(found, {}, {})
    if step is None:
        remedy = "fps=1 takes a frame each second."
        raise ArgumentError(advice("fps", "be given with clips", listed(f"none, and {listed.of(clips)}"), remedy))
    taken = [] if found.columns is None else [name for name in (CLIP, TIME) if name in found.columns]
    if taken:
        remedy = "Rename them: frames have such coordinates."
        raise ArgumentError(advice("source", "not have columns with reserved names", listed.of(taken), remedy))
    seen = in_threads(lambda clip: _taken_apart(clip, step), clips, what="Looking at clips", progress=progress)
    return _placed(found, dict(zip(clips, seen, strict=True)), step)


def _taken_apart(clip: str, step: Fraction) -> list[tuple[int | None, Facts]]:
    """List the frames of a clip, in milliseconds; None is the clip itself."""
    try:
        said = listing(clip)
    except UnreadableImage as error:
        return [(None, Facts(status=error.status, reason=error.reason))]
    n = -(-said.duration // step)
    times = [round(1000 * step * k) for k in range(n + bool(said.cut))]
    facts = Facts(width=said.width, height=said.height, mode=said.mode)
    rows: list[tuple[int | None, Facts]] = [
        (time, replace(facts, sha256=identity(said.sha256, time))) for time in times
    ]
    if said.cut:
        rows[-1] = (times[-1], replace(rows[-1][1], status="truncated", reason=said.cut))
    return rows


def _placed(found: Found, seen: dict[str, list[Any]], step: Fraction) -> Frames:
    """Put frames where their clips were."""
    names, items, rows = [], [], []
    facts, times = {}, {}
    for row, (name, item) in enumerate(zip(found.names, found.items, strict=True)):
        frames = seen.get(str(item), []) if isinstance(item, Path) and is_clip(item) else [(None, None)]
        for k, (time, fact) in enumerate(frames):
            mine = name if time is None else called(name, time)
            names.append(mine)
            items.append(item if time is None else Path(called(str(item), time)))
            rows.append(row)
            if fact is not None:
                facts[mine] = fact
            if time is not None:
                times[mine] = float(k * step)
    columns = None if found.columns is None else found.columns.iloc[rows].reset_index(drop=True)
    return Frames(replace(found, names=names, items=items, columns=columns), facts, times)


def verified(path: str, facts: Facts) -> Facts:
    """Decode a frame once.

    Parameters
    ----------
    path : str
        Where it is.
    facts : Facts
        What is known of it.

    Returns
    -------
    Facts
        Its own size, or why it cannot be decoded.
    """
    if facts.status != "ok":
        return facts
    try:
        width, height = decode_file(path).size
    except UnreadableImage as error:
        return replace(facts, status=error.status, reason=error.reason)
    return replace(facts, width=width, height=height)


def in_time(table: xr.Dataset, facts: dict[str, Facts], times: dict[str, float]) -> xr.Dataset:
    """Say of each image of which clip it is a frame, and when.

    Parameters
    ----------
    table : Dataset (image)
        An image table.
    facts : dict of str to Facts
        Frames by name, and clips that could not be read.
    times : dict of str to float
        Seconds by name of frame.

    Returns
    -------
    Dataset (image)
        With coordinates `clip`, "" where an image is none, and `time`, NaN there.
    """
    names = [str(name) for name in table[IMAGE].values]
    split = {name: parted(name) if name in times else None for name in facts}
    clips = {name: one.clip if one else name for name, one in split.items()}
    seconds = np.array([times.get(name, np.nan) for name in names])
    table = table.assign_coords({CLIP: (IMAGE, texts([clips.get(name, "") for name in names])), TIME: (IMAGE, seconds)})
    table[TIME].attrs = {"long_name": "time from the first frame of the clip", "units": "s"}
    return table
