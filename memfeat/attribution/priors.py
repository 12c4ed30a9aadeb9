"""Pictures as something that gradient ascent can change, and what keeps them looking like photographs.

The Fourier parametrisation, the decorrelated colours and the small random changes of the picture between steps are
those of Olah et al. (2017), https://doi.org/10.23915/distill.00007; total variation and blur those of Mahendran &
Vedaldi (2015) and Yosinski et al. (2015).
"""

from collections.abc import Callable
from math import ceil, cos, pi, sin
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.functional import gaussian_blur

__all__ = ["PARAMETRISATIONS", "Picture", "blurred", "moved", "total_variation"]

Generator = np.random.Generator
#: Parameters (3, ...) of one picture, and what makes pictures (n, 3, y, x) of those of several, before colours.
Picture = tuple[npt.NDArray[Any], Callable[[Tensor], Tensor]]
#: Standard deviation of the parameters at the beginning: a nearly uniform grey.
SPREAD = 0.01
#: A square root of the covariance of red, green and blue in ImageNet's photographs, as Olah et al. (2017) measured it.
COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
#: By this the spectrum is divided, so that steps are of the same size as with pixels.
DAMPED = 4.0


def _fourier(rng: Generator, height: int, width: int) -> Picture:
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.hypot(down, across)
    # As in photographs, amplitudes fall with frequency; none is larger than that of the slowest wave.
    scale = np.sqrt(width * height) / np.maximum(frequency, 1 / max(width, height)) / DAMPED
    start = rng.normal(scale=SPREAD, size=(3, *frequency.shape, 2)).astype(np.float32)

    def made(values: Tensor) -> Tensor:
        waves = torch.view_as_complex(values) * torch.as_tensor(scale, dtype=values.dtype, device=values.device)
        spatial: Tensor = torch.fft.irfft2(waves, s=(height, width))
        return spatial

    return start, made


def _pixels(rng: Generator, height: int, width: int) -> Picture:
    return rng.normal(scale=SPREAD, size=(3, height, width)).astype(np.float32), lambda values: values


#: Ways to parametrise a picture, given a generator, its height and its width.
PARAMETRISATIONS: dict[str, Callable[[Generator, int, int], Picture]] = {"fourier": _fourier, "pixels": _pixels}


def coloured(values: Tensor, *, decorrelate: bool) -> Tensor:
    """Make colours from 0 to 1 of any numbers.

    Parameters
    ----------
    values : Tensor (n, 3, y, x)
        Any numbers.
    decorrelate : bool
        Whether the three channels stand for the directions along which colours of photographs vary, instead of for red,
        green and blue.

    Returns
    -------
    Tensor (n, 3, y, x)
        Red, green and blue.
    """
    if decorrelate:
        matrix = torch.tensor(COLOURS, dtype=values.dtype, device=values.device)
        matrix = matrix / matrix.norm(dim=0).max()
        values = torch.einsum("ncyx,dc->ndyx", values, matrix)
    return values.sigmoid()


def moved(pictures: Tensor, rngs: list[Generator], *, jitter: float, rotate: float, zoom: float) -> Tensor:
    """Shift, turn and scale each picture a little at random; beyond its edges it is mirrored.

    Parameters
    ----------
    pictures : Tensor (n, 3, y, x)
        The pictures.
    rngs : list of numpy.random.Generator
        One for each.
    jitter : float
        By at most how many pixels to shift, along each axis.
    rotate : float
        By at most how many degrees to turn.
    zoom : float
        By at most what share to scale up or down.

    Returns
    -------
    Tensor (n, 3, y, x)
        The changed pictures; the same if all three are 0.
    """
    if not (jitter or rotate or zoom):
        return pictures
    height, width = pictures.shape[-2:]
    draws = [_drawn(rng, (jitter, rotate, zoom), height, width) for rng in rngs]
    theta = torch.tensor(np.stack(draws), dtype=pictures.dtype, device=pictures.device)
    grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def _drawn(rng: Generator, most: tuple[float, float, float], height: int, width: int) -> npt.NDArray[np.float64]:
    across, down, turn, scale = rng.uniform(-1, 1, size=4)
    angle, factor = turn * most[1] * pi / 180, 1 + scale * most[2]
    # Coordinates run from -1 to 1 along both axes, whatever their lengths are.
    return np.array(
        [
            [factor * cos(angle), -factor * sin(angle) * height / width, 2 * across * most[0] / width],
            [factor * sin(angle) * width / height, factor * cos(angle), 2 * down * most[0] / height],
        ]
    )


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Blur pictures.

    Parameters
    ----------
    pictures : Tensor (n, 3, y, x)
        The pictures.
    sigma : float
        Standard deviation of the Gaussian in pixels; 0 changes nothing.

    Returns
    -------
    Tensor (n, 3, y, x)
        The blurred pictures.
    """
    if not sigma:
        return pictures
    smooth: Tensor = gaussian_blur(pictures, 2 * ceil(3 * sigma) + 1, sigma)
    return smooth


def total_variation(pictures: Tensor) -> Tensor:
    """Measure how much neighbouring pixels differ.

    Parameters
    ----------
    pictures : Tensor (n, 3, y, x)
        The pictures.

    Returns
    -------
    Tensor (n,)
        Mean absolute difference of neighbours, below and beside each other, summed over both.
    """
    down, across = pictures.diff(dim=2), pictures.diff(dim=3)
    return down.abs().mean(dim=(1, 2, 3)) + across.abs().mean(dim=(1, 2, 3))
