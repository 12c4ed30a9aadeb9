"""What a table says about each image: hash, size, mode, and whether it can be decoded."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from memfeat._progress import bar
from memfeat.images.arrays import as_image
from memfeat.images.decoding import ORIENTATION_TAG, orientation, rgb
from memfeat.images.opening import UnreadableImage, diagnosed, opened, readable, room

__all__ = ["Facts", "in_threads", "inspect_file", "inspect_pixels"]

#: Decoding threads; more would only hold more images in memory at once.
N_THREADS = min(8, (os.cpu_count() or 1) + 1)

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Facts:
    """One row of the image table, without name and path."""

    sha256: str = ""
    width: int = 0
    height: int = 0
    mode: str = ""
    status: str = "ok"
    reason: str = ""
    pixels: npt.NDArray[np.uint8] | None = None


def inspect_file(path: str, *, verify: bool) -> Facts:
    """Hash a file, read its header and, to verify it, decode it once.

    Parameters
    ----------
    path : str
        The file.
    verify : bool
        Whether to decode it.

    Returns
    -------
    Facts
        What was found; what could not be is empty or 0.
    """
    facts: dict[str, Any] = {}
    try:
        with readable(path, path) as file:
            facts["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            with opened(file, path) as image:
                facts["mode"] = image.mode
                # as stored, in case that it cannot be decoded
                facts["width"], facts["height"] = image.size
                measured = _verified_size if verify else _upright_size
                facts["width"], facts["height"] = measured(image)
    except UnreadableImage as error:
        facts |= {"status": error.status, "reason": error.reason}
    return Facts(**facts)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Read width and height as they will be once the image is upright."""
    tags: Any = getattr(image, "tag_v2", None)
    # Pillow has turned the size of a TIFF already, depending on its version; the tags have not been touched
    width, height = image.size if tags is None else (int(tags[256]), int(tags[257]))
    turned = orientation(image) if tags is None else tags.get(ORIENTATION_TAG, 1)
    return (height, width) if turned in (5, 6, 7, 8) else (width, height)


def _verified_size(image: Image.Image) -> tuple[int, int]:
    """Read every byte of the pixels; JPEG at an eighth of the size, which reads as much and costs far less."""
    if image.format in ("JPEG", "MPO"):
        size = _upright_size(image)
        # at its full size: a progressive JPEG is held whole while it is read, however small it comes out
        with room(image):
            image.draft(None, (1, 1))
            image.load()
        return size
    # the tags of a PNG may come after its pixels, so that only now is it known which way is up
    return rgb(image).size


def inspect_pixels(name: str, value: Any) -> Facts:
    """Turn an image in memory into RGB, and describe it.

    Parameters
    ----------
    name : str
        What the user calls the image.
    value : array, PIL image or tensor
        The image.

    Returns
    -------
    Facts
        With `pixels`, a uint8 array (height, width, 3).
    """
    image = as_image(name, value)
    mode = image.mode
    try:
        pixels = np.array(rgb(image))
    except Exception as error:  # a PIL image is read lazily, from a file that may be damaged
        blank = np.zeros((0, 0, 3), np.uint8)
        status, reason = diagnosed(error)
        return Facts(mode=mode, status=status, reason=reason, pixels=blank)
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
    return Facts(digest, width, height, mode, pixels=pixels)


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], *, what: str, progress: bool | None
) -> list[Result]:
    """Apply a function to each item in threads, in order, with a progress bar.

    Parameters
    ----------
    work : callable
        What is done to each.
    items : sequence
        The items.
    what : str
        What the bar says.
    progress : bool, optional
        Whether to show it; by default when stderr is a terminal.

    Returns
    -------
    list
        The results, in the order of the items.
    """
    executor = ThreadPoolExecutor(N_THREADS)
    try:
        return list(_counted(executor.map(work, items), total=len(items), what=what, progress=progress))
    finally:
        # an interrupt must not wait for the images that have not been started
        executor.shutdown(cancel_futures=True)


def _counted(results: Iterable[Result], *, total: int, what: str, progress: bool | None) -> Iterator[Result]:
    """Show progress over results."""
    with bar(total, what, progress) as shown:
        for result in results:
            shown.update()
            yield result
