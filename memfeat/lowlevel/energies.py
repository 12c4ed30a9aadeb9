"""GIST: how much of each orientation and scale there is in each part of a picture."""

import json
import warnings
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from PIL import Image
from scipy.fft import fft2, fftfreq, ifft2

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, dimension, stamped
from memfeat._tables import texts
from memfeat.errors import MemfeatWarning, NoImageError
from memfeat.images.reading import tabled
from memfeat.lowlevel.seeing import Read, each

__all__ = ["gist"]

Array = npt.NDArray[np.float64]
LAYER = "gist"
#: Side of the grey square, and of one of its parts, pixels.
SIDE, PART = 256, 64
N_SCALES, N_ORIENTATIONS, GRID = 4, 8, 4
#: Centre of the finest scale, cycles per pixel; each further one is lower by this factor.
FINEST, STEP = 0.3, 1.85
#: How quickly a filter falls off: with frequency relative to its centre, and with the square of the angle (radians).
ALONG, ACROSS = 3.5, 2 * np.pi
#: Pixels that are mirrored at each side, so that opposite sides do not meet: for filters, and before that.
MARGIN, EARLIER = 32, 5
#: Frequencies up to about this one (cycles per picture) are taken out beforehand, and what is left is divided by its
#: local deviation, which is given a least value.
CUTOFF, LEAST = 4, 0.2


def gist(images: Any, *, progress: bool | None = None) -> xr.Dataset:
    """Describe the spatial envelope of images: oriented energy at four scales in sixteen parts of the picture.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    Dataset (image, gist:unit)
        One layer, `gist`, of 512 features without unit, float32, to be used wherever features are. The coordinate
        `gist:unit` names them: scale (1 is the finest), orientation in degrees (of the wave: 0 varies from left to
        right, 90 from bottom to top; counted anticlockwise), row and column of the part. Images stand in the order of
        the table; unreadable ones are absent, and attrs `n_left_out` and `left_out` say which and why.

    Raises
    ------
    NoImageError
        If no image can be read.
    KindError, ArgumentError, MissingFileError
        If it is no image table, and none can be made of it.

    Warns
    -----
    MemfeatWarning
        If images were left out.

    Notes
    -----
    The central square of the picture is scaled to 256 × 256 (bilinear, antialiased), its three channels averaged and
    stretched to 0 to 255. Of log(1 + grey) frequencies below about 4 cycles per picture are taken out with a Gaussian,
    exp(−f² log 2 / 4²), and the rest is divided by 0.2 + its local standard deviation under the same Gaussian. This is
    filtered with 4 × 8 transfer functions, exp(−3.5 (f / c − 1)² − 2π (θ − a)²): centres c = 0.3 / 1.85ˢ cycles per
    pixel for s = 0 … 3, angles a = 0, π/8 … 7π/8, each on one side of the spectrum. The magnitude of what comes out is
    averaged in 4 × 4 parts. These are the settings of the code that the authors of GIST published, but that filters are
    0 at the mean, which has no orientation, and that resizing differs in detail.

    References
    ----------
    Oliva A, Torralba A (2001). Modeling the shape of the scene: a holistic representation of the spatial envelope.
    International Journal of Computer Vision 42, 145-175.

    Examples
    --------
    >>> import numpy as np
    >>> stripes = np.tile(np.cos(np.arange(256) * 0.3 * 2 * np.pi) / 2 + 0.5, (256, 1))
    >>> features = gist({"stripes": stripes})
    >>> features["gist"].sizes["gist:unit"], features["gist"].idxmax("gist:unit").item()[:21]
    (512, 'scale 1, 0 degrees, r')
    """
    table = tabled(images, progress=progress)
    filters = transfer_functions(SIDE + 2 * MARGIN)
    work = partial(_described, filters=filters)
    found, read = each(table, work, what="GIST", progress=progress)
    left_out = _left_out(table, read)
    which = listed.of(f"{row['image']}: {row['status']}" for row in left_out)
    if len(left_out) == len(found):
        remedy = "mf.images.ledger(mf.images.read(...)) says why."
        raise NoImageError(
            advice("images", "hold at least one readable image", listed(f"unreadable ones, {which}"), remedy)
        )
    if left_out:
        message = f"Images left out, {which}. The attribute 'left_out' of the features says why."
        warnings.warn(message, MemfeatWarning, stacklevel=2)
    there = [row for row, values in enumerate(found) if values is not None]
    values = np.stack([values for values in found if values is not None]).astype(np.float32)
    dim = dimension(LAYER, "unit")
    coords = {IMAGE: table[IMAGE].values[there], dim: texts(_units())}
    result = xr.Dataset({LAYER: ((IMAGE, dim), values)}, coords)
    result[LAYER].attrs["units"] = "1"
    counts = {"n_images": len(there), "n_left_out": len(left_out), "left_out": json.dumps(left_out)}
    return stamped(result, None, kind="features", source="GIST (Oliva & Torralba, 2001)", **counts)


def transfer_functions(side: int) -> Array:
    """Compute the filters in the frequency domain.

    Parameters
    ----------
    side : int
        Side of the picture that is filtered, pixels.

    Returns
    -------
    array (4, 8, side, side) of float
        One filter per scale and orientation; the mean is the first row and column.
    """
    down, right = fftfreq(side)[:, None], fftfreq(side)[None]
    frequency = np.hypot(down, right)
    # rows are counted downwards, angles anticlockwise
    angle = np.arctan2(-down, right)
    centres = FINEST / STEP ** np.arange(N_SCALES)[:, None, None, None]
    turned = angle - np.arange(N_ORIENTATIONS)[:, None, None] * np.pi / N_ORIENTATIONS
    turned = (turned + np.pi) % (2 * np.pi) - np.pi
    filters: Array = np.exp(-ALONG * (frequency / centres - 1) ** 2 - ACROSS * turned**2)
    # the mean has no orientation
    filters[..., 0, 0] = 0
    return filters


def prefiltered(grey: Array) -> Array:
    """Take out slow changes of brightness, and even out contrast.

    Parameters
    ----------
    grey : array (y, x) of float
        Grey values from 0 to 255.

    Returns
    -------
    array (y, x) of float
        Local contrast, without unit.
    """
    padded = np.pad(np.log1p(grey), EARLIER, mode="symmetric")
    cycles = (fftfreq(edge) * edge for edge in padded.shape)
    down, right = next(cycles)[:, None], next(cycles)
    low = np.exp(-(down**2 + right**2) * np.log(2) / CUTOFF**2)
    high = padded - ifft2(fft2(padded) * low).real
    deviation = np.sqrt(np.abs(ifft2(fft2(high**2) * low).real))
    inner = slice(EARLIER, -EARLIER)
    even: Array = (high / (LEAST + deviation))[inner, inner]
    return even


def energies(grey: Array, filters: Array) -> Array:
    """Average the magnitude of each filter's output in each part of a picture.

    Parameters
    ----------
    grey : array (256, 256) of float
        Grey values from 0 to 255.
    filters : array (4, 8, 320, 320) of float
        As :func:`transfer_functions` gives them.

    Returns
    -------
    array (4, 8, 4, 4) of float
        Scale, orientation, row and column.
    """
    spectrum = fft2(np.pad(prefiltered(grey), MARGIN, mode="symmetric"))
    inner = slice(MARGIN, -MARGIN)
    found = np.empty((N_SCALES, N_ORIENTATIONS, GRID, GRID))
    for scale, of_scale in enumerate(filters):
        magnitude = np.abs(ifft2(spectrum * of_scale))[:, inner, inner]
        found[scale] = magnitude.reshape(-1, GRID, PART, GRID, PART).mean(axis=(2, 4))
    return found


def _described(image: Image.Image, *, filters: Array) -> Array:
    """Give the features of one picture."""
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    box = (left, top, left + short, top + short)
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
    return energies(_stretched(np.asarray(small).mean(axis=-1)), filters).ravel()


def _stretched(grey: Array) -> Array:
    above: Array = grey - grey.min()
    highest = float(above.max())
    return above if highest == 0 else above * (255 / highest)


def _units() -> list[str]:
    """Name the features, in their order."""
    parts = product(range(N_SCALES), range(N_ORIENTATIONS), range(GRID), range(GRID))
    return [
        f"scale {scale + 1}, {180 / N_ORIENTATIONS * turn:g} degrees, row {row + 1}, column {column + 1}"
        for scale, turn, row, column in parts
    ]


def _left_out(table: xr.Dataset, read: list[Read]) -> list[dict[str, str]]:
    names = (str(name) for name in table[IMAGE].values)
    return [{"image": name, **one._asdict()} for name, one in zip(names, read, strict=True) if one.status != "ok"]
