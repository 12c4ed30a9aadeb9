"""Maps of images in two dimensions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, as_scores, image_names, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.style import COLOURS, INCH, SCALES, canvas, drawing, note, room

__all__ = ["embedding"]

#: Side of a thumbnail in millimetres: the largest and the smallest that is still a picture.
LARGEST, SMALLEST = 9.0, 2.5


def embedding(
    space: xr.Dataset,
    *,
    thumbnails: xr.DataArray | None = None,
    scores: xr.DataArray | None = None,
    components: Sequence[int] = (0, 1),
    ax: Axes | None = None,
) -> Axes:
    """Draw images where an embedding puts them, as dots or as small pictures, coloured by a score.

    Parameters
    ----------
    space : Dataset
        What `mf.reduction.embed` gave: `embedding (image, component)`.
    thumbnails : DataArray (image, y, x, rgb), optional
        Small pictures from `mf.images.thumbnails`; dots without them.
    scores : DataArray (image) or pandas.Series, optional
        Colours dots and frames.
    components : (int, int)
        Positions of the components along the horizontal and the vertical axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes; one unit is the same length along both.

    Raises
    ------
    KindError, ArgumentError
        If this is no embedding, images differ, a component is absent, or pictures would be too small to see.
    """
    points = _points(space, components)
    names = [str(name) for name in points[IMAGE].values]
    colours, bar = _colours(scores, points)
    pictures = None if thumbnails is None else _pictures(thumbnails, points)
    ax = canvas(ax, height=80)
    with drawing():
        xy = points.values
        ax.scatter(xy[:, 0], xy[:, 1], s=14, c=colours, linewidths=0.4, edgecolors="white")
        if pictures is not None:
            _place(ax, xy, pictures, colours if bar is not None else ["white"] * len(names))
        if bar is not None:
            drawn = ax.get_figure().colorbar(bar[0], ax=ax, label=bar[1], shrink=0.7)  # type: ignore[union-attr]
            drawn.outline.set_visible(False)
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.08 if pictures is None else 0.2)
        ax.set(xlabel=_label(space, components[0]), ylabel=_label(space, components[1]))
        note(ax, _caption(space, len(names)))
    return ax


def _points(space: Any, components: Sequence[int]) -> xr.DataArray:
    if not isinstance(space, xr.Dataset) or "embedding" not in space:
        raise KindError(advice("space", "come from mf.reduction.embed", listed(type(space).__name__)))
    image_names(space, "space")
    points = space["embedding"].transpose(IMAGE, ...)
    count = points.shape[1]
    if len(components) != 2 or not all(0 <= int(one) < count for one in components):
        remedy = "Embed into more: mf.reduction.embed(layer, n_components=2)."
        raise ArgumentError(advice("components", f"be two positions below {count}", listed(tuple(components)), remedy))
    return points[:, list(components)]


def _colours(scores: Any, points: xr.DataArray) -> tuple[Any, tuple[ScalarMappable, str] | None]:
    """One colour per image, and what a colour bar needs."""
    if scores is None:
        return [COLOURS["data"]] * points.sizes[IMAGE], None
    shown = matched(as_scores(scores), points, argument="scores", reference="space")
    scale = ScalarMappable(Normalize(float(shown.min()), float(shown.max())), colormaps[SCALES["score"]])
    return list(scale.to_rgba(shown.values)), (scale, str(shown.name).replace("_", " ").capitalize())


def _pictures(thumbnails: Any, points: xr.DataArray) -> list[npt.NDArray[Any]]:
    if not isinstance(thumbnails, xr.DataArray) or set(thumbnails.dims) != {IMAGE, "y", "x", "rgb"}:
        found = getattr(thumbnails, "dims", type(thumbnails).__name__)
        raise KindError(advice("thumbnails", "come from mf.images.thumbnails", listed(found)))
    ordered = matched(thumbnails, points, argument="thumbnails", reference="space")
    squares = np.asarray(ordered.transpose(IMAGE, "y", "x", "rgb").values)
    if not {"width", "height"} <= set(ordered.coords):
        return list(squares)
    edges = np.stack([ordered["height"].values, ordered["width"].values], axis=1)
    return [_shown(square, shape) for square, shape in zip(squares, edges, strict=True)]


def _shown(square: npt.NDArray[Any], shape: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Cut off the white that made a picture square."""
    side = square.shape[0]
    height, width = np.maximum(1, np.round(shape * side / shape.max())).astype(int)
    top, left = (side - height) // 2, (side - width) // 2
    return square[top : top + height, left : left + width]


def _place(ax: Axes, xy: npt.NDArray[Any], pictures: Sequence[npt.NDArray[Any]], colours: Sequence[Any]) -> None:
    width = room(ax) * INCH
    side = min(LARGEST, 0.55 * width / np.sqrt(len(xy)))
    if side < SMALLEST:
        most = int((0.55 * width / SMALLEST) ** 2)
        remedy = "Draw on wider Axes (mf.plot.axes), or pass a subset of the images."
        raise ArgumentError(advice("thumbnails", f"be at most {most} on {width:.0f} mm", len(xy), remedy))
    for point, picture, colour in zip(xy, pictures, colours, strict=True):
        box = OffsetImage(picture, zoom=side / INCH * 72 / max(picture.shape[:2]), interpolation="antialiased")
        frame = {"edgecolor": colour, "linewidth": 1.1, "boxstyle": "square,pad=0.02"}
        ax.add_artist(AnnotationBbox(box, (point[0], point[1]), frameon=True, bboxprops=frame, pad=0.1))


def _label(space: xr.Dataset, component: int) -> str:
    method = str(space.attrs.get("method", ""))
    name = f"{'Principal component' if method == 'pca' else 'Dimension'} {component + 1}"
    if "explained_variance_ratio" not in space:
        return name
    return f"{name} ({100 * float(space['explained_variance_ratio'][component]):.0f} % of variance)"


def _caption(space: xr.Dataset, n: int) -> str:
    layer = str(space.attrs.get("layer", ""))
    return f"{layer}{'; ' if layer else ''}n = {n} images"
