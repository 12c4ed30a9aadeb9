"""Frames of clips, by path and time: what a clip holds, and the picture that is shown at a time."""

import hashlib
import os
import threading
from collections import OrderedDict
from fractions import Fraction
from typing import NamedTuple

from PIL import Image

from memfeat.images.clips import Frame, called
from memfeat.images.opening import UnreadableImage
from memfeat.images.passes import Clip

__all__ = ["Listing", "frame", "identity", "listing"]

#: Clips that stay open, so that the next frame is decoded from where the last one was.
N_OPEN = 4

_lock = threading.Lock()
_open: "OrderedDict[tuple[int, str], Clip]" = OrderedDict()


class Listing(NamedTuple):
    """What a clip holds."""

    sha256: str
    #: seconds from the first frame to the end of the last
    duration: Fraction
    width: int
    height: int
    mode: str
    #: why the clip ends early, or ""
    cut: str


def identity(sha256: str, milliseconds: int) -> str:
    """Give the hash by which a frame is known.

    Parameters
    ----------
    sha256 : str
        That of the clip's file.
    milliseconds : int
        Time after the first frame.

    Returns
    -------
    str
        The sha256 of both.
    """
    return hashlib.sha256(called(sha256, milliseconds).encode()).hexdigest()


def listing(path: str) -> Listing:
    """Look at a clip: its hash, how long it is, and its first frame.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    Listing
        What it holds.

    Raises
    ------
    UnreadableImage
        If the file is missing, empty, truncated, too large or no clip, or has no frame.
    """
    clip = Clip(path, n_threads=1)
    try:
        first = clip.picture(0, path)
    finally:
        clip.close()
    return Listing(clip.sha256, clip.duration, *first.size, clip.mode, clip.cut)


def frame(which: Frame, name: str, *, expected: str = "") -> Image.Image:
    """Decode the frame that is shown at a time, upright, with square pixels.

    Parameters
    ----------
    which : Frame
        The clip and the time.
    name : str
        The image, for the message.
    expected : str
        The hash of the frame, if it is known.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    UnreadableImage
        If it cannot be decoded, or the clip is another one than was expected.
    """
    clip, left = _opened(which.clip)
    for one in left:
        one.release()
    picture = clip.picture(which.milliseconds, name)
    if expected and identity(clip.sha256, which.milliseconds) != expected:
        raise UnreadableImage(name, "changed", "the clip is not the one that was read into the table; read it again")
    return picture


def _opened(path: str) -> tuple[Clip, list[Clip]]:
    """Give a clip that stays open, and those that no longer do."""
    process = os.getpid()
    with _lock:
        clip = _open.pop((process, path), None) or Clip(path)
        _open[process, path] = clip
        # those of a parent process have no threads here: to close them would wait for ever
        mine = [key for key in _open if key[0] == process]
        return clip, [_open.pop(key) for key in mine[:-N_OPEN]]
