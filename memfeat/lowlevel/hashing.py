"""A hash of what each image looks like, by which near-duplicates are found."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from PIL import Image
from scipy.fft import dctn

from memfeat._labels import IMAGE, stamped
from memfeat._tables import texts
from memfeat.images.reading import tabled
from memfeat.lowlevel.seeing import each

__all__ = ["N_BITS", "hash_bits", "packed", "perceptual_hash"]

Bits = npt.NDArray[np.bool_]
#: Side of the grey image that is hashed, pixels.
SIDE = 32
N_BITS = 64
#: Coefficients of an even image are rounding errors, about 1e-13 for grey values up to 255.
DECIMALS = 6


def _lowest(n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of the n coefficients of lowest frequency, without the mean."""
    rows, columns = np.indices((SIDE, SIDE)).reshape(2, -1)
    order = np.lexsort((rows, rows + columns))[1 : n + 1]
    return rows[order], columns[order]


ROWS, COLUMNS = _lowest(N_BITS)


def perceptual_hash(images: Any, *, mirrored: bool = False, progress: bool | None = None) -> xr.DataArray:
    """Compute a hash of what each image looks like, which little changes in the file do not change.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images.
    mirrored : bool
        Hash their mirror images (left and right exchanged), to find one picture in both orientations.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    DataArray (image)
        64 bits as 16 hexadecimal digits; empty if the image cannot be read.

    Raises
    ------
    KindError, ArgumentError, MissingFileError, NoImageError
        If it is no image table, and none can be made of it.

    Notes
    -----
    The grey image is squashed to 32 × 32. Of its discrete cosine transform the 64 coefficients of lowest frequency are
    taken, without the mean; a bit says whether a coefficient lies above their median. The number of bits in which two
    hashes differ says how unlike two pictures are: 0 to 8 for copies that were scaled, compressed, made grey,
    brightened by a fifth or raised in contrast, about 32 for pictures that have nothing to do with each other.

    References
    ----------
    Zauner C (2010). Implementation and benchmarking of perceptual image hash functions. Diploma thesis, Upper Austria
    University of Applied Sciences, Hagenberg.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.linspace(0, 1, 64).reshape(1, 64, 1) * np.ones((48, 1, 3))
    >>> hashes = perceptual_hash({"left": left, "right": left[:, ::-1]})
    >>> hashes.values[0] == perceptual_hash({"right": left[:, ::-1]}, mirrored=True).values[0]
    True
    """
    table = tabled(images, progress=progress)
    side = int(mirrored)
    found, _ = each(table, lambda image: packed(hash_bits(image)[side]), what="perceptual hash", progress=progress)
    written = texts("" if number is None else f"{number:016x}" for number in found)
    result = xr.DataArray(written, dims=IMAGE, coords={IMAGE: table[IMAGE].variable}, name="perceptual_hash")
    return stamped(result, None, method="64 lowest frequencies of the cosine transform of 32 × 32 grey values above "
                   "their median", mirrored=mirrored)  # fmt: skip


def hash_bits(image: Image.Image) -> Bits:
    """Hash a picture and its mirror image.

    Parameters
    ----------
    image : PIL image
        The picture.

    Returns
    -------
    array (2, 64) of bool
        The bits of the picture, and of its mirror image.
    """
    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return _bits(np.asarray(grey, dtype=np.float64))


def _bits(grey: npt.NDArray[np.float64]) -> Bits:
    lowest = np.round(dctn(grey, norm="ortho")[ROWS, COLUMNS], DECIMALS)
    # Mirroring turns the sign of what is odd along x.
    both = np.stack([lowest, lowest * (1 - 2 * (COLUMNS % 2))])
    above: Bits = both > np.median(both, axis=1, keepdims=True)
    return above


def packed(bits: Bits) -> int:
    """Write 64 bits as one number, the first one highest."""
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
