"""What can be done to a picture to make another stimulus of it: kernels on arrays, and the table of them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, rfft2
from scipy.ndimage import gaussian_filter

from memfeat.images.colour import encoded, linear, weighted

__all__ = ["KINDS", "Kind", "Range", "blurred", "changed", "contrasted", "greyed", "scrambled"]

Array = npt.NDArray[np.float64]
#: Widths of a picture beyond which a Gaussian leaves its mean only: of the slowest wave, exp(−(2π)² / 2) < 3e-9.
FLAT = 2.0


class Range(NamedTuple):
    """What an option may be."""

    low: float
    high: float
    default: float | None
    """None if it must be given."""


class Kind(NamedTuple):
    """A way to change pictures."""

    of: Callable[..., Array]
    options: Mapping[str, Range]
    random: bool = False
    """Whether it takes a generator after the picture."""
    light: bool | None = None
    """Whether it always works on light, or never; None leaves it to the user."""


def scrambled(values: Array, rng: np.random.Generator, *, strength: float) -> Array:
    """Turn the phases of the spectrum by random angles, the same in all channels.

    Parameters
    ----------
    values : array (y, x, channel) of float
        The picture.
    rng : numpy.random.Generator
        Where the angles come from.
    strength : float
        By how much of its angle each phase is turned.

    Returns
    -------
    array (y, x, channel) of float
        A picture with the same amplitudes.
    """
    size = values.shape[:2]
    # opposite frequencies of a real picture have opposite phases, and so must what they are turned by
    angles = np.angle(rfft2(rng.standard_normal(size)))
    angles[np.ix_(_own_opposites(size[0]), _own_opposites(size[1]))] = 0
    turns = np.exp(1j * strength * angles)
    channels = (irfft2(rfft2(values[..., channel]) * turns, size) for channel in range(values.shape[-1]))
    changed: Array = np.stack(list(channels), axis=-1)
    return changed


def _own_opposites(n: int) -> list[int]:
    """List the frequencies that are their own opposites: the mean and, of an even number, the highest."""
    return [0, n // 2] if n % 2 == 0 else [0]


def greyed(light: Array) -> Array:
    """Give each pixel the grey of the same luminance.

    Parameters
    ----------
    light : array (y, x, 3) of float
        The picture, as light.

    Returns
    -------
    array (y, x, 3) of float
        Three equal channels.
    """
    return np.repeat(weighted(light)[..., None], 3, axis=-1)


def blurred(values: Array, *, sigma: float) -> Array:
    """Blur each channel with a Gaussian; beyond its edges the picture is mirrored.

    Parameters
    ----------
    values : array (y, x, channel) of float
        The picture.
    sigma : float
        Standard deviation of the Gaussian, pixels.

    Returns
    -------
    array (y, x, channel) of float
        The blurred picture.
    """
    for axis in (0, 1):
        if sigma > FLAT * values.shape[axis]:
            values = np.broadcast_to(values.mean(axis=axis, keepdims=True), values.shape)
        else:
            values = gaussian_filter(values, sigma, axes=(axis,), mode="reflect")
    return values


def contrasted(values: Array, *, factor: float) -> Array:
    """Scale the differences from the mean of each channel.

    Parameters
    ----------
    values : array (y, x, channel) of float
        The picture.
    factor : float
        What differences are multiplied by.

    Returns
    -------
    array (y, x, channel) of float
        A picture with the same mean.
    """
    mean = values.mean(axis=(0, 1), keepdims=True)
    changed: Array = mean + factor * (values - mean)
    return changed


#: Name -> what is done.
KINDS = {
    "phase_scramble": Kind(scrambled, {"strength": Range(0, 1, 1.0)}, random=True),
    "greyscale": Kind(greyed, {}, light=True),
    "blur": Kind(blurred, {"sigma": Range(0, np.inf, None)}),
    "contrast": Kind(contrasted, {"factor": Range(0, np.inf, None)}),
}


def changed(pixels: npt.NDArray[np.uint8], apply: Callable[[Array], Array], *, light: bool) -> Array:
    """Change pixel values, or the light that they stand for.

    Parameters
    ----------
    pixels : array (y, x, 3) of uint8
        The picture.
    apply : callable
        What is done to it.
    light : bool
        Whether that is done to light.

    Returns
    -------
    array (y, x, 3) of float
        Pixel values, where those below 0 and above 1 cannot be shown.
    """
    values = pixels / 255
    return encoded(apply(linear(values))) if light else apply(values)
