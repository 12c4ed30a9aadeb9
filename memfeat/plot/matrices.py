"""Heat maps of images against images."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes

from memfeat._check import advice, listed, looked_up
from memfeat._labels import IMAGE, LAYER, as_scores, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.margins import name_groups, name_images, place_pictures
from memfeat.plot.pictures import pictures
from memfeat.plot.style import SCALES, canvas, drawing, note, room

__all__ = ["Beside", "Look", "draw_matrix", "one_layer", "rdm"]

Array = npt.NDArray[Any]
#: What a dissimilarity is called on a colour bar, by the `metric` in its attributes.
LABELS = {
    "correlation": "Dissimilarity (1 − Pearson r)",
    "cosine": "Dissimilarity (1 − cosine)",
    "euclidean": "Euclidean distance",
    "sqeuclidean": "Squared Euclidean distance",
    "cityblock": "City-block distance",
    "mahalanobis": "Mahalanobis distance",
    "sqmahalanobis": "Squared Mahalanobis distance",
    "crossnobis": "Crossnobis distance",
    "poisson": "Poisson divergence",
}
#: Colour of what has no distance.
EMPTY = "#D0D0D0"


class Look(NamedTuple):
    """How a matrix is drawn."""

    argument: str
    """What the user calls it."""
    label: str
    """Of the colour bar."""
    scale: str = "distance"
    limits: tuple[float, float] | None = None
    diagonal: bool = False
    """Whether an image and itself have a value to be shown."""


class Beside(NamedTuple):
    """What says where images stand, and what stands beside them."""

    order: Any = None
    groups: Any = None
    thumbnails: Any = None


def rdm(
    rdms: xr.Dataset | xr.DataArray,
    *,
    layer: str | None = None,
    order: xr.DataArray | None = None,
    groups: xr.DataArray | None = None,
    thumbnails: xr.DataArray | xr.Dataset | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the dissimilarity of every pair of images in one layer.

    Parameters
    ----------
    rdms : Dataset, or DataArray (layer, image_1, image_2)
        What `mf.rdm.compute` or `mf.rdm.square` gave. The diagonal is left grey.
    layer : str, optional
        Which layer; needed when there is more than one.
    order : DataArray (image) or pandas.Series, optional
        One number per image, such as scores: images are sorted by it, lowest first, ties by name.
    groups : DataArray (image) or pandas.Series, optional
        One category per image: images of one stand together, in the order of `order`, between borders.
    thumbnails : DataArray (image, y, x, rgb) or Dataset (image), optional
        Small pictures from `mf.images.thumbnails`, or the image table itself: they stand along both axes instead of
        names, in up to three rows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Image names, and those of categories, are written where they fit.

    Raises
    ------
    KindError, ArgumentError
        If this is no RDM, or `order`, `groups` or `thumbnails` hold other images, there are too many pictures to be
        seen, or the layer is not said.
    UnknownNameError
        If there is no such layer.
    UnreadableImage
        If a file cannot be read any more.
    """
    square = one_layer(_squared(rdms), layer, "rdms")
    metric = str(rdms.attrs.get("metric", ""))
    look = Look("rdms", LABELS.get(metric, metric or "Dissimilarity"))
    return draw_matrix(square, look, Beside(order, groups, thumbnails), ax)


def draw_matrix(square: xr.DataArray, look: Look, beside: Beside, ax: Axes | None) -> Axes:
    """Draw a number for every pair of images.

    Parameters
    ----------
    square : DataArray (image_1, image_2)
        The numbers.
    look : Look
        How they are drawn.
    beside : Beside
        Order, groups and pictures.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes.

    Raises
    ------
    KindError, ArgumentError
        If what stands beside it is of other images.
    """
    order, groups, thumbnails = beside
    names = square["image_1"].values.astype(str)
    holder = xr.DataArray(np.zeros(names.size), dims=IMAGE, coords={IMAGE: square["image_1"].values})
    keys = [names]
    if order is not None:
        keys.append(matched(as_scores(order, "order"), holder, argument="order", reference=look.argument).values)
    kinds = None if groups is None else _groups(groups, holder, look.argument)
    place = np.lexsort(keys if kinds is None else [*keys, kinds])
    small = None if thumbnails is None else pictures(thumbnails, names[place], reference=look.argument)
    values = square.values.astype(float)[np.ix_(place, place)]
    if not look.diagonal:
        np.fill_diagonal(values, np.nan)
    new = ax is None
    ax = canvas(ax, height=68)
    width = room(ax)  # before the colour bar takes some
    with drawing():
        if new:
            # The plain constrained layout forgets that a square narrows the Axes, and cuts off what stands beside it.
            ax.get_figure(root=True).set_layout_engine("compressed")  # type: ignore[union-attr]
        ax.set(xticks=[], yticks=[], xlabel="Image, in the same order", ylabel="Image")
        low, high = look.limits or (None, None)
        colours = colormaps[SCALES[look.scale]].with_extremes(bad=EMPTY)
        image = ax.imshow(values, cmap=colours, interpolation="nearest", vmin=low, vmax=high)
        bar = ax.get_figure().colorbar(image, ax=ax, label=look.label, shrink=0.75)  # type: ignore[union-attr]
        bar.outline.set_visible(False)
        ax.spines[:].set_visible(False)
        _beside(ax, names[place], small, None if kinds is None else kinds[place], width)
        note(ax, _caption(square, order, groups))
    return ax


def _beside(ax: Axes, names: Array, small: list[Array] | None, kinds: Array | None, width: float) -> None:
    """Put pictures, or names, and the categories beside the map."""
    if small is None and kinds is None:
        name_images(ax, list(names), width)
        return
    ax.set(xlabel="" if small else ax.get_xlabel(), ylabel="")
    beyond = place_pictures(ax, small, width) if small else 0.0
    if kinds is not None:
        name_groups(ax, list(kinds), beyond, width)


def _groups(groups: Any, holder: xr.DataArray, reference: str) -> npt.NDArray[np.str_]:
    """Give the category of each image, as text."""
    if isinstance(groups, pd.Series):
        groups = xr.DataArray(groups.to_numpy(), dims=IMAGE, coords={IMAGE: groups.index.to_numpy()}, name=groups.name)
    if not isinstance(groups, xr.DataArray) or groups.dims != (IMAGE,):
        found = listed(getattr(groups, "dims", type(groups).__name__))
        raise KindError(advice("groups", "be a column of categories, one for each image", found))
    return matched(groups, holder, argument="groups", reference=reference).values.astype(str)


def _caption(square: xr.DataArray, order: Any, groups: Any) -> str:
    layer = f"{square[LAYER].values}; " if LAYER in square.coords else ""
    by = [f"{_called(groups, 'category')}"] if groups is not None else []
    by += [f"{_called(order, 'score')}, lowest first" if order is not None else "name"]
    return f"{layer}n = {square.sizes['image_1']} images, sorted by {' and '.join(by)}"


def _called(column: Any, otherwise: str) -> str:
    return str(column.name or otherwise).replace("_", " ")


def _squared(rdms: Any) -> xr.DataArray:
    """Lay compact RDMs out as a square; one that is square already passes through."""
    if isinstance(rdms, xr.DataArray) and {"image_1", "image_2"} <= set(rdms.dims):
        return rdms
    if not isinstance(rdms, xr.Dataset) or not {"rdm", "first", "second"} <= set(rdms.variables):
        kind = type(rdms).__name__
        raise KindError(advice("rdms", "come from mf.rdm.compute or mf.rdm.square", listed(kind)))
    names, first, second = rdms[IMAGE].values, rdms["first"].values, rdms["second"].values
    values = rdms["rdm"].transpose(..., "pair")
    square = np.zeros((*values.shape[:-1], names.size, names.size))
    square[..., first, second] = square[..., second, first] = values.values
    dims = [*values.dims[:-1], "image_1", "image_2"]
    coords = {name: values[name] for name in values.dims[:-1] if name in values.coords}
    return xr.DataArray(square, dims=dims, coords={**coords, "image_1": names, "image_2": names})


def one_layer(square: xr.DataArray, layer: str | None, argument: str) -> xr.DataArray:
    """Select the layer that is drawn.

    Parameters
    ----------
    square : DataArray (layer, image_1, image_2)
        Matrices; the dim `layer` may be absent.
    layer : str, optional
        Which one.
    argument : str
        What the user calls the matrices.

    Returns
    -------
    DataArray (image_1, image_2)
        The matrix.

    Raises
    ------
    ArgumentError
        If there are several and none is named, or there are further dims.
    UnknownNameError
        If there is no such layer.
    """
    if LAYER in square.dims:
        layers = [str(name) for name in square[LAYER].values]
        if layer is None and len(layers) > 1:
            raise ArgumentError(advice("layer", "name one of the layers", layer, f"There are {listed.of(layers)}."))
        square = square.sel({LAYER: looked_up("layer", layer, layers) if layer is not None else layers[0]})
    if square.ndim != 2:
        raise ArgumentError(advice(argument, "be one square per layer", listed(f"dims {square.dims}"), "Select first."))
    return square.transpose("image_1", "image_2")
