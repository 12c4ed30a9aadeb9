"""Small pictures of images inside figures: found by name, without the white that made them square."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, image_names, in_common
from memfeat.errors import ArgumentError, KindError
from memfeat.images import thumbnails as shrunk

__all__ = ["SMALLEST", "draw_picture", "pictures", "refused"]

Array = npt.NDArray[Any]
#: Pixels of the longer edge of a picture that is made of an image table.
DOTS = 160
#: Smallest side of a picture, in millimetres, in which something can still be seen.
SMALLEST = 2.5
DIMS = {IMAGE, "y", "x", "rgb"}


def pictures(given: Any, names: npt.ArrayLike, *, reference: str, argument: str = "thumbnails") -> list[Array]:
    """Find the picture of each image.

    Parameters
    ----------
    given : DataArray (image, y, x, rgb) or Dataset (image)
        What `mf.images.thumbnails` gave, or a table of `mf.images.read`, whose files are opened.
    names : sequence of str
        The images, in the order in which their pictures are wanted.
    reference : str
        What the user calls that which has these images.
    argument : str
        What the user calls `given`.

    Returns
    -------
    list of array (y, x, rgb)
        The pictures, each of its own shape.

    Raises
    ------
    KindError
        If it is neither.
    ArgumentError
        If an image has no picture.
    UnreadableImage
        If a file cannot be read any more.
    """
    if isinstance(given, xr.Dataset) and {"path", "status"} <= set(given.coords):
        some = given.isel({IMAGE: _held(given, names, argument, reference)})
        given = shrunk(some, size=DOTS, names=list(some[IMAGE].values))
    if not isinstance(given, xr.DataArray) or set(given.dims) != DIMS:
        found = getattr(given, "dims", type(given).__name__)
        raise KindError(advice(argument, "come from mf.images.thumbnails or mf.images.read", listed(found)))
    ordered = given.isel({IMAGE: _held(given, names, argument, reference)})
    squares = np.asarray(ordered.transpose(IMAGE, "y", "x", "rgb").values)
    if not {"width", "height"} <= set(ordered.coords):
        return list(squares)
    edges = np.stack([ordered["height"].values, ordered["width"].values], axis=1)
    return [_shown(square, shape) for square, shape in zip(squares, edges, strict=True)]


def refused(argument: str, side: float, most: int, width: float, n: int) -> None:
    """See to it that pictures are large enough to be seen.

    Parameters
    ----------
    argument : str
        What the user calls them.
    side : float
        What there is room for, in millimetres.
    most : int
        How many could be seen.
    width : float
        Width of the Axes, in millimetres.
    n : int
        How many there are.

    Raises
    ------
    ArgumentError
        If they are too small; the message says how many would do.
    """
    if side < SMALLEST:
        remedy = "Draw on wider Axes (mf.plot.axes), or pass a subset of the images."
        raise ArgumentError(advice(argument, f"be at most {most} on {width:.0f} mm", n, remedy))


def draw_picture(ax: Axes, picture: Array, middle: tuple[float, float], side: float) -> None:
    """Draw a picture in units of the Axes, so that it keeps its place whatever becomes of the figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The Axes, whose limits may change.
    picture : array (y, x, rgb)
        The picture.
    middle : (float, float)
        Where its middle stands.
    side : float
        Length of its longer edge.
    """
    height, width = np.array(picture.shape[:2]) / max(picture.shape[:2]) * side / 2
    x, y = middle
    extent = (x - width, x + width, y + height, y - height)
    ax.imshow(picture, extent=extent, interpolation="antialiased", clip_on=False).set_clip_path(None)


def _held(given: Any, names: npt.ArrayLike, argument: str, reference: str) -> list[int]:
    """Find the position of each image; further images are left alone."""
    there = {str(name): k for k, name in enumerate(image_names(given, argument))}
    wanted = [str(name) for name in np.asarray(names)]
    if gone := sorted(set(wanted) - set(there)):
        found, remedy = f"only in {reference} {listed.of(gone)}", in_common(argument, reference, list(there), wanted)
        raise ArgumentError(advice(f"{argument} and {reference}", "hold the same images", listed(found), remedy))
    return [there[name] for name in wanted]


def _shown(square: Array, shape: Array) -> Array:
    """Cut off the white that made a picture square."""
    side = square.shape[0]
    height, width = np.maximum(1, np.round(shape * side / shape.max())).astype(int)
    top, left = (side - height) // 2, (side - width) // 2
    return square[top : top + height, left : left + width]
