"""From pixel values to light and back (sRGB), and how much of it the eye takes for brightness."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["WEIGHTS", "encoded", "linear", "weighted"]

Array = npt.NDArray[np.float64]
#: What red, green and blue add to luminance (ITU-R BT.709).
WEIGHTS = (0.2126, 0.7152, 0.0722)
#: Where the straight part of the curve ends, as a pixel value and as light (IEC 61966-2-1).
VALUE, LIGHT = 0.04045, 0.0031308


def linear(values: npt.NDArray[Any]) -> Array:
    """Turn pixel values into light.

    Parameters
    ----------
    values : array (...) of float
        Pixel values, from 0 (black) to 1 (white), encoded as sRGB.

    Returns
    -------
    array (...) of float
        Light, as a share of that of white.
    """
    return np.where(values <= VALUE, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4)


def encoded(light: npt.NDArray[Any]) -> Array:
    """Turn light into pixel values.

    Parameters
    ----------
    light : array (...) of float
        Light, as a share of that of white.

    Returns
    -------
    array (...) of float
        Pixel values encoded as sRGB, from 0 to 1.
    """
    return np.where(light <= LIGHT, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def weighted(rgb: npt.NDArray[Any]) -> Array:
    """Weigh red, green and blue by what they add to luminance.

    Parameters
    ----------
    rgb : array (..., 3)
        Light, which gives relative luminance, or pixel values, which give luma.

    Returns
    -------
    array (...) of float
        0.2126 R + 0.7152 G + 0.0722 B.
    """
    red, green, blue = (rgb[..., channel] * weight for channel, weight in enumerate(WEIGHTS))
    total: Array = red + green + blue
    return total
