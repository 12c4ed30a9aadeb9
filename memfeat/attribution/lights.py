"""Between pictures with values from 0 to 1 and what a network takes, and between places in the two."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError
from memfeat.models import Model
from memfeat.models.preprocessing import SquashAndCrop

__all__ = ["Edges", "Light", "light_of", "seen"]

#: Side of the pictures of one colour by which a preprocessing is asked what it does to values, pixels.
PROBE = 256
#: From which level of 255 to which pictures get brighter that ask for places. No round numbers: with as many levels as
#: columns every column would be rounded the same way.
DARK, BRIGHT = 22, 233
#: Rounding to 8 bits and to float32 moves a value by less, as a share of the range from black to white.
ROUNDING = 0.01


class Light(NamedTuple):
    """What a preprocessing makes of values, channel by channel: black + value × span."""

    black: Tensor  # (3, 1, 1)
    span: Tensor  # (3, 1, 1)

    def given(self, picture: Tensor) -> Tensor:
        """Turn pictures with values from 0 to 1 into what the network takes."""
        return self.black.to(picture) + picture * self.span.to(picture)

    def shown(self, batch: Tensor) -> Tensor:
        """Turn what the network takes into pictures with values from 0 to 1."""
        return (batch - self.black.to(batch)) / self.span.to(batch)


class Edges(NamedTuple):
    """Which part of a picture a network sees, in pixels from its left upper corner."""

    left: float
    top: float
    right: float
    bottom: float


def light_of(model: Model) -> Light:
    """Find out what a network's preprocessing does to the values of a picture.

    Parameters
    ----------
    model : Model
        The network.

    Returns
    -------
    Light
        The values of black, and the range from black to white.

    Raises
    ------
    ArgumentError
        If grey does not lie between the two as it does in the picture, or a picture of one colour gets more.
    """
    black, grey, white = (_flat(model, level) for level in (0, 51, 255))
    if ((grey - black - (white - black) / 5).abs() > ROUNDING * (white - black).abs()).any():
        raise ArgumentError(_advice("shift and scale the values of a picture", "others for grey"))
    return Light(black, white - black)


def _flat(model: Model, level: int) -> Tensor:
    values = model.transform(Image.new("RGB", (PROBE, PROBE), (level,) * 3))
    flat = values.mean(dim=(1, 2), keepdim=True)
    if (values - flat).abs().max() > ROUNDING * max(1.0, float(values.abs().max())):
        raise ArgumentError(_advice("give pictures of one colour one colour", "several values"))
    return flat


def _advice(rule: str, found: str) -> str:
    return advice(
        "the network's transform", rule, listed(found), "Put it together from resizing, cropping and scaling."
    )


def seen(model: Model, light: Light) -> Callable[[int, int], Edges]:
    """Give what finds the part of a picture that a network sees.

    Parameters
    ----------
    model : Model
        The network.
    light : Light
        What its preprocessing does to values.

    Returns
    -------
    callable
        Width and height of a picture to the edges of what is seen of it. It raises ArgumentError if the preprocessing
        does something else than resizing and cropping.
    """
    known: dict[tuple[int, int], Edges] = {}
    find = EXACT.get(type(model.transform), _probed)

    def edges(width: int, height: int) -> Edges:
        if (width, height) not in known:
            known[width, height] = find(model.transform, light, width, height)
        return known[width, height]

    return edges


def _squashed(transform: SquashAndCrop, light: Light, width: int, height: int) -> Edges:
    edge = round((transform.resize - transform.crop) / 2)
    near, far = edge / transform.resize, (edge + transform.crop) / transform.resize
    return Edges(near * width, near * height, far * width, far * height)


#: Preprocessing whose crop is known by its numbers. Any other is asked by pictures that get brighter from side to side.
EXACT: dict[type, Callable[[Any, Light, int, int], Edges]] = {SquashAndCrop: _squashed}


def _probed(transform: Any, light: Light, width: int, height: int) -> Edges:
    across, down = (DARK + (np.arange(side) + 0.5) / side * (BRIGHT - DARK) for side in (width, height))
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.rint(across), np.rint(down)[:, None]
    levels = 255 * light.shown(transform(Image.fromarray(ramp))).to(torch.float64).numpy()
    values = (levels - DARK) / (BRIGHT - DARK)
    (left, right), (top, bottom) = _line(values[0]), _line(values[1].T)
    return Edges(left * width, top * height, right * width, bottom * height)


def _line(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Fit a line through the inner half of the columns, where no edge is near, and read it at both ends."""
    rows, columns = values.shape
    inside = slice(columns // 4, columns - columns // 4)
    places = np.arange(columns)[inside] + 0.5
    part = values[rows // 4 : rows - rows // 4, inside]
    slope, start = np.polyfit(places, part.mean(axis=0), 1)
    if np.abs(part - (start + slope * places)).max() > ROUNDING or slope <= 0:
        raise ArgumentError(_advice("resize and crop a picture, no more", "a picture that is turned or bent"))
    return float(start), float(start + slope * columns)
