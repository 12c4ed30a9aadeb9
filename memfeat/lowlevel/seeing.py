"""What low-level statistics are computed of: each picture at one size, as values, luma and luminance."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr
from PIL import Image

from memfeat._labels import IMAGE
from memfeat.images import UnreadableImage, decode
from memfeat.images.colour import WEIGHTS, linear
from memfeat.images.inspection import in_threads

__all__ = ["PIXELS", "Read", "Seen", "each", "seen"]

Array = npt.NDArray[np.float64]
Result = TypeVar("Result")
#: Pictures that have more pixels are shrunk to about so many.
PIXELS = 65_536
#: What each of the 256 pixel values adds to luma and to luminance, (channel, value).
LUMA = np.outer(WEIGHTS, np.arange(256) / 255)
LUMINANCE = np.outer(WEIGHTS, linear(np.arange(256) / 255))


class Seen(NamedTuple):
    """A picture of at most about `PIXELS` pixels."""

    image: Image.Image
    """RGB."""
    rgb: Array
    """(3, y, x), pixel values from 0 to 1."""
    luma: Array
    """(y, x), weighted pixel values, from 0 to 1."""
    luminance: Array
    """(y, x), weighted light, as a share of that of white."""
    size: tuple[int, int]
    """Width and height of the picture before it was shrunk."""


class Read(NamedTuple):
    """Whether an image could be read."""

    status: str
    reason: str


def seen(image: Image.Image) -> Seen:
    """Shrink a picture, and work out its luma and luminance.

    Parameters
    ----------
    image : PIL image
        The picture, RGB.

    Returns
    -------
    Seen
        The picture as statistics see it; one of up to `PIXELS` pixels as it is.
    """
    scale = np.sqrt(PIXELS / (image.width * image.height))
    small = image
    if scale < 1:
        width, height = (max(1, round(edge * scale)) for edge in image.size)
        small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    pixels = np.ascontiguousarray(np.moveaxis(np.asarray(small), -1, 0))
    luma, luminance = (_summed(table, pixels) for table in (LUMA, LUMINANCE))
    return Seen(small, pixels / 255, luma, luminance, image.size)


def _summed(table: Array, pixels: npt.NDArray[np.uint8]) -> Array:
    """Look up what each channel adds, and add it."""
    red, green, blue = (values[channel] for values, channel in zip(table, pixels, strict=True))
    total: Array = red + green + blue
    return total


def each(
    table: xr.Dataset, work: Callable[[Image.Image], Result], *, what: str, progress: bool | None
) -> tuple[list[Result | None], list[Read]]:
    """Decode the images of a table in threads, and do something with each.

    Parameters
    ----------
    table : Dataset (image)
        An image table.
    work : callable
        What is done with an image.
    what : str
        What the progress bar says.
    progress : bool, optional
        Whether to show it.

    Returns
    -------
    list
        What came of each image, in the order of the table; None if it cannot be read.
    list of Read
        Whether each could be read.
    """

    def of(name: str) -> tuple[Result | None, Read]:
        try:
            return work(decode(table, name)), Read("ok", "")
        except UnreadableImage as error:
            return None, Read(error.status, error.reason)

    names = [str(name) for name in table[IMAGE].values]
    both = in_threads(of, names, what=what, progress=progress)
    return [result for result, _ in both], [read for _, read in both]
