"""Image files to upright RGB pixels, by one stated rule per kind of file."""

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from io import BufferedReader
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr
from PIL import Image

from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.errors import KindError, UnknownNameError
from memfeat.images.clips import of_frame
from memfeat.images.opening import UnreadableImage, opened, quiet, readable, room
from memfeat.images.video import frame

__all__ = ["ORIENTATION_TAG", "decode", "decode_file", "orientation", "rgb"]

#: EXIF orientation -> how the stored pixels are turned upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION_TAG = 0x0112
#: Pixels that are converted at a time where a conversion needs copies.
STRIP = 1_000_000


def orientation(image: Image.Image) -> int:
    """Read the EXIF orientation, 1 (upright) where there is none or it cannot be read.

    Parameters
    ----------
    image : PIL.Image.Image
        The image, open.

    Returns
    -------
    int
        1 to 8.
    """
    try:
        with quiet():
            # the base class reads what the header holds; PNG's own method would decode the whole image
            value = Image.Image.getexif(image).get(ORIENTATION_TAG, 1)
    except Exception:  # a damaged tag block must not cost the image
        return 1
    return value if value in UPRIGHT else 1


def rgb(image: Image.Image) -> Image.Image:
    """Turn an open image into upright RGB, by the rules stated in :func:`decode`.

    Parameters
    ----------
    image : PIL.Image.Image
        The image, any mode. It is not changed, but its pixels are read.

    Returns
    -------
    PIL.Image.Image
        RGB; the same image if it is RGB and upright already, because a copy would double the memory.
    """
    with room(image):
        # a TIFF reads its tags again while it loads, and warns about them
        with quiet() if image.format == "TIFF" else nullcontext():
            image.load()
        turn = UPRIGHT.get(orientation(image))
        flat = _flat(image)
        return flat if turn is None else flat.transpose(turn)


def _flat(image: Image.Image) -> Image.Image:
    """Give RGB, in strips where that takes more memory than the result."""
    if image.mode not in DEEP and not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    rows = max(1, STRIP // image.width)
    if rows >= image.height:
        return _over_white(_eight_bit(image))
    flat = Image.new("RGB", image.size)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        flat.paste(_over_white(_eight_bit(image.crop(box))), box)
    return flat


def _eight_bit(image: Image.Image) -> Image.Image:
    """Bring more than 8 bits per channel to 8."""
    scale = DEEP.get(image.mode)
    if scale is None:
        return image
    values = np.asarray(image)
    grey = scale(values)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey = np.where(values == transparent, np.uint8(255), grey)
    return Image.fromarray(grey)


def _high_byte(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Keep the upper 8 of 16 bits."""
    if values.size and (values.min() < 0 or values.max() > 65_535):
        raise ValueError(
            f"32-bit integers from {values.min()} to {values.max()} have no defined white; save it as 8 or 16 bit"
        )
    return (values.astype(np.int64) >> 8).astype(np.uint8)


def _unit_range(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Map [0, 1] to 0–255."""
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"floating-point values from {values.min():g} to {values.max():g} are not in [0, 1]; rescale them, "
            "or save the image as 8 or 16 bit"
        )
    return np.rint(values * 255.0).astype(np.uint8)


#: Mode of more than 8 bits per channel -> how it becomes 8.
DEEP: dict[str, Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]] = {
    "I;16": _high_byte,
    "I;16L": _high_byte,
    "I;16B": _high_byte,
    "I;16N": _high_byte,
    "I": _high_byte,
    "F": _unit_range,
}


def _over_white(image: Image.Image) -> Image.Image:
    """Compose what is transparent over white, and give RGB."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def decode_file(path: str | PathLike[str], *, name: str | None = None) -> Image.Image:
    """Decode one image file, by the rules stated in :func:`decode`. Safe to call from many threads.

    Parameters
    ----------
    path : str or path
        The file.
    name : str, optional
        What to call the image in an error; the path by default.

    Returns
    -------
    PIL.Image.Image
        RGB, upright.

    Raises
    ------
    UnreadableImage
        If the file is missing, empty, truncated, too large or no image; `status` and `reason` say which and why.
    """
    name = str(path) if name is None else name
    moment = of_frame(str(path))
    if moment is not None:
        return frame(moment, name)
    with readable(path, name) as file, opened(file, name) as image:
        return rgb(image)


def decode(images: xr.Dataset, name: str) -> Image.Image:
    """Decode one image of a table to upright RGB.

    Parameters
    ----------
    images : Dataset (image)
        A table of :func:`memfeat.images.read`, or a part of one.
    name : str
        Which image, as in the coordinate `image`.

    Returns
    -------
    PIL.Image.Image
        RGB, `width` × `height` pixels.

    Raises
    ------
    KindError
        If `images` is no image table.
    UnknownNameError
        If it does not hold the image.
    UnreadableImage
        If the image is missing, empty, truncated, too large, no image, or not the file that the table was made of any
        more; `status` and `reason` say which and why.

    Notes
    -----
    What a file holds, and what becomes of it:

    - RGB with 8 bits per channel: as stored. No colour profile is applied. RGB with 16 bits: the upper 8.
    - EXIF orientation: applied, so that the image is upright.
    - Alpha (RGBA, LA, PA, a transparent palette entry, a transparent colour): composed over white.
    - Greyscale and black-and-white (L, 1): the same value in all three channels. Palette (P): looked up.
    - CMYK and YCbCr: Pillow's conversion without profiles; Adobe's inverted CMYK is recognised.
    - 16-bit greyscale (I;16, or I with values up to 65,535): the upper 8 bits, `value >> 8`. Other 32-bit integers
      have no defined white and are unreadable.
    - Floating point (F): values in [0, 1] become `round(255 * value)`, halves to even; any other range is unreadable.
    - Animated or of several pages: the first frame.
    - A frame of a clip, `clip.mp4#00012.500`: the one that is shown at that time, in the colours that the clip
      declares, its pixels made square, upright.
    """
    if not isinstance(images, xr.Dataset) or not {IMAGE, "path", "status"} <= set(images.coords):
        raise KindError(advice("images", "be a table of mf.images.read", listed(type(images).__name__)))
    try:
        row: Any = images.get_index(IMAGE).get_loc(name)
    except KeyError:
        raise UnknownNameError(advice("name", "be an image of the table", name, "See images.image.values.")) from None
    # variables, because a DataArray of each column would cost more than a small image
    columns = images.variables
    path, status = str(columns["path"].values[row]), str(columns["status"].values[row])
    if status != "ok":
        raise UnreadableImage(name, status, str(columns["reason"].values[row]))
    if "pixels" in columns and not path:
        return Image.fromarray(columns["pixels"].values[row])
    expected = str(columns["sha256"].values[row]) if "sha256" in columns else ""
    moment = of_frame(path)
    if moment is not None:
        return frame(moment, name, expected=expected)
    with readable(path, name) as file:
        _must_be_the_same(file, expected, name)
        with opened(file, name) as image:
            return rgb(image)


def _must_be_the_same(file: BufferedReader, sha256: str, name: str) -> None:
    """Refuse a file that is not the one that the table describes."""
    if sha256 and hashlib.file_digest(file, "sha256").hexdigest() != sha256:
        raise UnreadableImage(name, "changed", "the file is not the one that was read into the table; read it again")
    file.seek(0)
