"""What the strongest places of units see, cut out of the photographs."""

from math import ceil, floor
from typing import Any

import numpy as np
import xarray as xr
from PIL import Image

from memfeat._check import advice, count, listed
from memfeat._labels import stamped
from memfeat.attribution.fields import Field, field_of
from memfeat.attribution.lights import Edges, light_of, seen
from memfeat.attribution.targets import must_be_model
from memfeat.errors import ArgumentError, KindError
from memfeat.images import decode, read, thumbnails
from memfeat.images.reading import tabled
from memfeat.models import Model

__all__ = ["crops"]

DIMS = ("unit", "end", "rank")
#: The sides of a cut, in pixels of the picture.
SIDES = ("left", "top", "right", "bottom")
Box = tuple[int, int, int, int]
#: A side that lies by less than this beyond a pixel's edge lies on it.
ROUNDING = 1e-6


def crops(top: xr.Dataset, images: Any, *, model: Model, size: int = 96) -> xr.DataArray:
    """Cut out of photographs what the strongest places of units see.

    Parameters
    ----------
    top : Dataset (unit, end, rank)
        From :func:`top_images` of a layer with its map: features extracted with reduce="none".
    images : Dataset (image), or whatever `mf.images.read` takes
        The photographs, which may be more than those in `top`.
    model : Model
        The network that the features come from.
    size : int
        Edge of the squares into which cuts are fitted, in pixels.

    Returns
    -------
    DataArray (unit, end, rank, y, x, rgb)
        Values of 0 to 255, uint8, each cut as large as fits a white square. Coordinates (unit, end, rank): `name` of
        the photograph, `value` of the unit, and `left`, `top`, `right`, `bottom`, the sides of the cut in pixels of the
        photograph.

    Raises
    ------
    KindError
        If `top` does not come from :func:`top_images`, or `model` is none.
    UnknownNameError
        If a photograph is not in the table.
    UnreadableImage
        If it cannot be decoded.
    ArgumentError
        If `top` has no places, the map is not that of the network's layer, or the preprocessing does more than to
        resize and crop.

    See Also
    --------
    receptive_field : The sizes of what is cut out, in pixels of the network's input.
    memfeat.plot.image_grid : Draws them.

    Notes
    -----
    A cut is the theoretical receptive field of the place, as far as it lies inside the photograph, brought from the
    network's input back to the photograph through the preprocessing. In deep layers it is most of the picture.
    """
    must_be_model(model)
    count("size", size)
    fields = field_of(model, _checked(top))
    table = tabled(images)
    edges = seen(model, light_of(model))
    boxes = np.empty((*top["name"].shape, len(SIDES)), dtype=int)
    cuts: dict[str, Image.Image] = {}
    for at in np.ndindex(top["name"].shape):
        picture = decode(table, str(top["name"].values[at]))
        place = int(top["y"].values[at]), int(top["x"].values[at])
        boxes[at] = box = _box(fields, place, edges(*picture.size), picture.size)
        # names that sort as the places do
        cuts["-".join(f"{index:09}" for index in at)] = picture.crop(box)
    squares = thumbnails(read(cuts, progress=False), size=size)
    values = squares.values.reshape(*boxes.shape[:-1], *squares.shape[1:])
    found = {"name": top["name"].variable, "value": top["value"].variable}
    sides = {side: (DIMS, boxes[..., i]) for i, side in enumerate(SIDES)}
    coords = {dim: top[dim] for dim in DIMS} | {"rgb": squares["rgb"]} | found | sides
    result = xr.DataArray(values, coords, (*DIMS, "y", "x", "rgb"), name="crop")
    return stamped(result, top.attrs, method="theoretical receptive fields", layer=top.attrs["layer"], size=size)


def _checked(top: Any) -> str:
    """Give the layer of what top_images found."""
    if not isinstance(top, xr.Dataset) or "layer" not in top.attrs or not {"name", "value"} <= set(top.data_vars):
        raise KindError(advice("top", "come from mf.attribution.top_images", listed(type(top).__name__)))
    if not {"y", "x"} <= set(top.data_vars):
        remedy = "Extract the layer's map: mf.extract(images, model=model, layers=…, reduce='none')."
        raise ArgumentError(advice("top", "hold places of a map", listed("features without rows and columns"), remedy))
    return str(top.attrs["layer"])


def _box(fields: tuple[Field, Field], place: tuple[int, int], edges: Edges, size: tuple[int, int]) -> Box:
    """Give the pixels of a picture that a place sees, those included of which it sees a part."""
    for field, at in zip(fields, place, strict=True):
        if at >= field.places:
            found = listed(f"place {at} of {field.places}")
            remedy = "Pass the network that the features come from, and features of reduce='none'."
            raise ArgumentError(advice("top", "hold places of the layer's map", found, remedy))
    (top, bottom), (left, right) = (
        _within(field.box(at), field.pixels, ends, length)
        for field, at, ends, length in zip(
            fields, place, ((edges.top, edges.bottom), (edges.left, edges.right)), size[::-1], strict=True
        )
    )
    return left, top, right, bottom


def _within(box: tuple[int, int], pixels: int, ends: tuple[float, float], length: int) -> tuple[int, int]:
    """Bring pixels of the input back to those of a picture, at least one of them."""
    scale = (ends[1] - ends[0]) / pixels
    low, high = (ends[0] + scale * one for one in box)
    first = min(max(floor(low + ROUNDING), 0), length - 1)
    return first, max(min(ceil(high - ROUNDING), length), first + 1)
