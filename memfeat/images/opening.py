"""Opening image files: what is there, what is damaged, and why."""

import logging
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from os import PathLike
from typing import Any

from PIL import Image, UnidentifiedImageError

from memfeat.errors import MemfeatError

__all__ = ["PIXEL_LIMIT", "UnreadableImage", "diagnosed", "opened", "quiet", "readable", "room"]

#: Images that declare more pixels than this are not decoded, and all threads together decode no more at once. With at
#: most 12 bytes a pixel (the stored image, its RGB, and that turned upright) this bounds the memory of decoding.
PIXEL_LIMIT = 120_000_000
#: Formats whose decoders take about twice the memory of others: each of their pixels counts as so many.
COSTLY = {"WEBP": 2, "JPEG2000": 2, "AVIF": 2, "HEIF": 2}
#: Formats that are tried; those that start another program (EPS) or hold no pixels are not among them.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "JPEG2000", "TGA", "AVIF", "HEIF")
#: How a file begins -> what a whole one has near its end.
ENDINGS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND"}

_warnings_lock = threading.Lock()
#: Memory is shared by all threads, and so is what says how much of it is in use.
_turn, _change = threading.Lock(), threading.Condition()
_in_use: list[int] = []


class UnreadableImage(MemfeatError, ValueError):
    """An image cannot be decoded.

    Parameters
    ----------
    image : str
        Its name.
    status : str
        "missing", "empty", "unreadable", "truncated", "too large" or "changed".
    reason : str
        What went wrong.
    """

    def __init__(self, image: str, status: str, reason: str) -> None:
        super().__init__(image, status, reason)
        self.image, self.status, self.reason = image, status, reason

    def __str__(self) -> str:
        """Say which image, and why."""
        return f"image {self.image!r} is {self.status}: {self.reason}"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Pillow's warnings in, one thread at a time.

    The list of filters is shared by all threads, and `warnings.catch_warnings` swaps it as a whole: a thread that does
    so beside another one can leave the other's filters behind for good. One rule put in and taken out cannot.
    """
    with _warnings_lock:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        rules: Any = warnings.filters
        rule = rules[0]
        # what it logs is said again by the error that follows
        talkative = logging.getLogger("PIL.TiffImagePlugin")
        talkative.addFilter(_nothing)
        try:
            yield
        finally:
            talkative.removeFilter(_nothing)
            with suppress(ValueError):
                rules.remove(rule)


def _nothing(_record: logging.LogRecord) -> bool:
    """Let no message pass."""
    return False


def _weight(image: Image.Image) -> int:
    """Count the pixels of an image, more than once where its decoder takes more memory."""
    return image.width * image.height * COSTLY.get(image.format or "", 1)


@contextmanager
def room(image: Image.Image) -> Iterator[None]:
    """Wait until an image may be decoded: all threads together decode no more than `PIXEL_LIMIT` pixels.

    Parameters
    ----------
    image : PIL.Image.Image
        The image, its pixels not yet read.

    Yields
    ------
    None
        The room is held until the context ends.
    """
    # an image in memory may be larger than the limit; it waits until it is alone
    weight = min(_weight(image), PIXEL_LIMIT)
    # those who come after one that waits wait behind it, so that small images cannot keep a large one out for ever
    with _turn, _change:
        _change.wait_for(lambda: sum(_in_use) + weight <= PIXEL_LIMIT)
        _in_use.append(weight)
    try:
        yield
    finally:
        with _change:
            _in_use.remove(weight)
            _change.notify_all()


@contextmanager
def readable(path: str | PathLike[str], name: str) -> Iterator[BufferedReader]:
    """Open a file that has bytes; anything else becomes an `UnreadableImage`.

    Parameters
    ----------
    path : str or path
        The file.
    name : str
        The image, for the message.

    Yields
    ------
    binary file
        At its first byte.
    """
    try:
        # a pipe would be waited for, and a device may never end
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UnreadableImage(name, "unreadable", "it is no ordinary file")
        with open(path, "rb") as file:
            if file.seek(0, 2) == 0:
                raise UnreadableImage(name, "empty", "the file has no bytes")
            file.seek(0)
            yield file
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadableImage(name, "missing", f"there is no file {str(path)!r}") from None
    except OSError as error:  # also while it is read: a disk or a network drive may fail
        raise UnreadableImage(name, "unreadable", error.strerror or str(error)) from error


@contextmanager
def opened(file: BufferedReader, name: str) -> Iterator[Image.Image]:
    """Open an image, headers only; whatever fails here or in the body becomes an `UnreadableImage`.

    Parameters
    ----------
    file : binary file
        At its first byte.
    name : str
        The image, for the message.

    Yields
    ------
    PIL.Image.Image
        The image, its pixels not yet read.
    """
    try:
        with quiet():
            Image.init()
            image = Image.open(file, formats=[kind for kind in FORMATS if kind in Image.OPEN])
        with image:
            if _weight(image) > PIXEL_LIMIT:
                limit = PIXEL_LIMIT // COSTLY.get(image.format or "", 1)
                raise MemoryError(f"{image.width} × {image.height} pixels are more than {limit:,}; save it smaller")
            yield image
    except UnreadableImage:
        raise
    except Exception as error:  # decoders of damaged files raise anything
        raise UnreadableImage(name, *diagnosed(error, file)) from error


def diagnosed(error: Exception, file: BufferedReader | None = None) -> tuple[str, str]:
    """Tell a cut-off image from one that is too large, and from what is no image.

    Parameters
    ----------
    error : Exception
        What Pillow raised.
    file : binary file, optional
        What it was reading.

    Returns
    -------
    str
        The status.
    str
        The reason.
    """
    text = _said(error)
    if isinstance(error, MemoryError | Image.DecompressionBombError):
        return "too large", text
    if "truncated" in text.lower() or isinstance(error, EOFError) or (file is not None and _cut_off(file)):
        return "truncated", f"the file ends before the image does ({text})"
    if isinstance(error, UnidentifiedImageError) and file is not None:
        return "unreadable", _unidentified(file)
    return "unreadable", text


def _said(error: Exception) -> str:
    """Put an exception into words; a few of Pillow's say too little, or too much."""
    if isinstance(error, UnidentifiedImageError):
        return "its header cannot be read"
    text = str(error).strip()
    return text if " " in text else f"{type(error).__name__} {text}".rstrip()


def _cut_off(file: BufferedReader) -> bool:
    """Say whether a file of a known kind lacks its end."""
    file.seek(0)
    head = file.read(12)
    size = file.seek(0, 2)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return size < int.from_bytes(head[4:8], "little") + 8
    file.seek(max(0, size - 4096))
    tail = file.read()
    return any(head.startswith(start) and end not in tail for start, end in ENDINGS.items())


def _unidentified(file: BufferedReader) -> str:
    """Say what a file that is no known image begins with."""
    file.seek(0)
    head = file.read(16)
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheif"):
        return "HEIC is not read by Pillow; convert it to JPEG, or call pillow_heif.register_heif_opener() first"
    return f"no image format is recognised (the file begins with {head!r})"
