"""Heat maps of Gram matrices: how alike images are in a layer, with themselves on the diagonal."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER
from memfeat.errors import KindError
from memfeat.plot.matrices import Beside, Look, draw_matrix, one_layer

__all__ = ["gram"]

OTHER = f"{IMAGE}_2"
#: What was subtracted before products were taken -> what they are called.
LABELS = {
    "none": "Inner product",
    "features": "Inner product, features centred",
    "images": "Inner product, images centred",
}


def gram(
    grams: xr.Dataset | xr.DataArray,
    *,
    layer: str | None = None,
    order: xr.DataArray | None = None,
    groups: xr.DataArray | None = None,
    thumbnails: xr.DataArray | xr.Dataset | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the inner product of every two images in one layer.

    Parameters
    ----------
    grams : Dataset or DataArray (image, image_2)
        What `mf.gram.compute` gave. The diagonal, squared lengths of feature vectors, is drawn as well.
    layer : str, optional
        Which layer; needed when there is more than one.
    order : DataArray (image) or pandas.Series, optional
        One number per image, such as scores: images are sorted by it, lowest first, ties by name.
    groups : DataArray (image) or pandas.Series, optional
        One category per image: images of one stand together, in the order of `order`, between borders.
    thumbnails : DataArray (image, y, x, rgb) or Dataset (image), optional
        Small pictures from `mf.images.thumbnails`, or the image table itself: they stand along both axes.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Where some products are below zero, zero is pale and the scale reaches as far to both sides.

    Raises
    ------
    KindError, ArgumentError
        If this is no Gram matrix, or `order`, `groups` or `thumbnails` hold other images, there are too many pictures
        to be seen, or the layer is not said.
    UnknownNameError
        If there is no such layer.
    UnreadableImage
        If a file cannot be read any more.
    """
    square = one_layer(_squares(grams), layer, "grams")
    values = square.values
    furthest = float(np.nanmax(np.abs(values)))
    both = bool((values < 0).any())
    label = LABELS.get(str(grams.attrs.get("centre", "none")), LABELS["none"])
    look = Look("grams", label, "sides" if both else "similarity", (-furthest, furthest) if both else None, True)
    return draw_matrix(square, look, Beside(order, groups, thumbnails), ax)


def _squares(grams: Any) -> xr.DataArray:
    """Put the layers of a Dataset along a dim."""
    if isinstance(grams, xr.DataArray) and {IMAGE, OTHER} <= set(grams.dims):
        name = str(grams.name) if grams.name is not None else "features"
        grams = grams.drop_vars(name, errors="ignore").to_dataset(name=name)
    layers = [name for name, one in getattr(grams, "data_vars", {}).items() if set(one.dims) == {IMAGE, OTHER}]
    if not isinstance(grams, xr.Dataset) or not layers:
        raise KindError(advice("grams", "come from mf.gram.compute", listed(type(grams).__name__)))
    plain = [grams[name].transpose(IMAGE, OTHER).reset_coords(drop=True) for name in layers]
    named: xr.DataArray = xr.concat(plain, LAYER).assign_coords({LAYER: [str(name) for name in layers]})
    return named.rename({IMAGE: "image_1", OTHER: "image_2"})
