"""Statistics of how the pixels of a picture lie beside each other."""

import io

import numpy as np
import numpy.typing as npt
from numpy.polynomial import polynomial
from scipy.fft import fft2, fftfreq
from scipy.ndimage import sobel
from scipy.signal.windows import hann

from memfeat.lowlevel.seeing import Seen

__all__ = ["edge_density", "jpeg_size", "spectral_slope"]

Array = npt.NDArray[np.float64]
#: What a Sobel filter puts out where luma rises by one from pixel to pixel.
SOBEL_GAIN = 8
#: An edge is where luma changes by more than this share of its range from pixel to pixel.
EDGE = 0.05
QUALITY = 75
#: Rings of the spectrum, equally wide in log frequency: how many, where the last one ends (cycles per pixel), and
#: how many of a Hann window's steps of frequency the first one keeps away from the mean, which leaks over two.
N_RINGS, HIGHEST, AWAY = 16, 0.4, 4
#: Pictures that are smaller have too few frequencies.
LEAST_SIDE = 32


def edge_density(picture: Seen) -> float:
    """Count the pixels at which luma changes quickly."""
    along = (sobel(picture.luma, axis=axis, mode="nearest") / SOBEL_GAIN for axis in (0, 1))
    return float((np.hypot(*along) > EDGE).mean())


def jpeg_size(picture: Seen) -> float:
    """Compress a picture, and count the bytes for each pixel."""
    file = io.BytesIO()
    picture.image.save(file, "JPEG", quality=QUALITY)
    return file.tell() / (picture.image.width * picture.image.height)


def spectral_slope(picture: Seen) -> float:
    """Fit a line to the amplitude spectrum of luma in logarithmic coordinates."""
    luma = picture.luma
    if min(luma.shape) < LEAST_SIDE or np.ptp(luma) == 0:
        return np.nan
    frequency, amplitude = _rings(luma)
    return float(polynomial.polyfit(np.log10(frequency), np.log10(amplitude), 1)[1])


def _rings(luma: Array) -> tuple[Array, Array]:
    """Average the spectrum over orientations: frequency in cycles per pixel, and root mean square amplitude."""
    height, width = luma.shape
    window = np.outer(hann(height), hann(width))
    power = np.abs(fft2((luma - np.average(luma, weights=window)) * window)) ** 2
    frequency = np.hypot(fftfreq(height)[:, None], fftfreq(width))
    edges = np.geomspace(AWAY / min(luma.shape), HIGHEST, N_RINGS + 1)
    ring = np.digitize(frequency, edges).ravel()
    # the first and the last hold what lies outside of all rings
    count, power_in, log_in = (
        np.bincount(ring, weights=weights, minlength=N_RINGS + 2)[1:-1]
        for weights in (None, power.ravel(), np.log(np.maximum(frequency, edges[0] / 2)).ravel())
    )
    there = power_in > 0
    return np.exp(log_in[there] / count[there]), np.sqrt(power_in[there] / count[there])
