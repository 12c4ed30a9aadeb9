"""Heat maps of images against images."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes

from memfeat._check import advice, listed, looked_up
from memfeat._labels import IMAGE, LAYER, as_scores, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.style import SCALES, canvas, drawing, note, room

__all__ = ["rdm"]

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
#: The smallest type, in points, that image names are written in.
SMALLEST = 4.5


def rdm(
    rdms: xr.Dataset | xr.DataArray,
    *,
    layer: str | None = None,
    order: xr.DataArray | None = None,
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
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Image names are written where they fit.

    Raises
    ------
    KindError, ArgumentError
        If this is no RDM, or `order` holds other images, or the layer is not said.
    UnknownNameError
        If there is no such layer.
    """
    square = _one_layer(_squared(rdms), layer)
    names = square["image_1"].values.astype(str)
    place = np.argsort(names, kind="stable")
    if order is not None:
        holder = xr.DataArray(np.zeros(names.size), dims=IMAGE, coords={IMAGE: square["image_1"].values})
        ranks = matched(as_scores(order, "order"), holder, argument="order", reference="rdms")
        place = np.lexsort((names, ranks.values))
    values = square.values.astype(float)[np.ix_(place, place)]
    np.fill_diagonal(values, np.nan)
    new = ax is None
    ax = canvas(ax, height=68)
    with drawing():
        if new:
            # The plain constrained layout forgets that a square narrows the Axes, and cuts off what stands beside it.
            ax.get_figure(root=True).set_layout_engine("compressed")  # type: ignore[union-attr]
        _name_images(ax, names[place])
        image = ax.imshow(values, cmap=colormaps[SCALES["distance"]].with_extremes(bad=EMPTY), interpolation="nearest")
        metric = str(rdms.attrs.get("metric", ""))
        bar = ax.get_figure().colorbar(image, ax=ax, label=LABELS.get(metric, metric or "Dissimilarity"), shrink=0.75)  # type: ignore[union-attr]
        bar.outline.set_visible(False)
        ax.spines[:].set_visible(False)
        note(ax, _caption(square, order))
    return ax


def _name_images(ax: Axes, names: npt.NDArray[Any]) -> None:
    ax.set(xticks=[], yticks=[], xlabel="Image, in the same order", ylabel="Image")
    size = min(7.0, 0.6 * room(ax) * 72 / names.size)
    if size >= SMALLEST:
        short = [name if len(name) <= 20 else f"{name[:19]}…" for name in names]
        ax.set_yticks(range(names.size), short, fontsize=size)
        ax.set_ylabel("")
        ax.tick_params(length=0)


def _caption(square: xr.DataArray, order: Any) -> str:
    layer = f"{square[LAYER].values}; " if LAYER in square.coords else ""
    by = (
        f"sorted by {str(order.name or 'score').replace('_', ' ')}, lowest first"
        if order is not None
        else "sorted by name"
    )
    return f"{layer}n = {square.sizes['image_1']} images, {by}"


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


def _one_layer(square: xr.DataArray, layer: str | None) -> xr.DataArray:
    if LAYER in square.dims:
        layers = [str(name) for name in square[LAYER].values]
        if layer is None and len(layers) > 1:
            raise ArgumentError(advice("layer", "name one of the layers", layer, f"There are {listed.of(layers)}."))
        square = square.sel({LAYER: looked_up("layer", layer, layers) if layer is not None else layers[0]})
    if square.ndim != 2:
        raise ArgumentError(advice("rdms", "be one square per layer", listed(f"dims {square.dims}"), "Select first."))
    return square.transpose("image_1", "image_2")
