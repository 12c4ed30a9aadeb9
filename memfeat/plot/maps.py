"""Maps of images in two dimensions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from memfeat._check import advice, listed, one_of
from memfeat._labels import IMAGE, image_names, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.distributions import score_column
from memfeat.plot.pictures import SMALLEST, pictures, refused
from memfeat.plot.style import COLOURS, INCH, SCALES, canvas, drawing, note, room

__all__ = ["LACKING", "axis_label", "coloured", "embedding", "mapped", "said"]

Array = npt.NDArray[Any]
#: Side of a thumbnail in millimetres: the largest, and the smallest where those that cover others are left out.
LARGEST, APART = 9.0, 6.0
#: Millimetres between frames that do not cover each other.
GAP = 1.6
DOT: dict[str, Any] = {"s": 14, "linewidths": 0.4, "edgecolors": "white"}
#: Colour of an image without a score.
LACKING = "#B0B0B0"
#: What happens to pictures that would cover each other.
OVERLAPS = ("draw", "hide")


def embedding(
    space: xr.Dataset,
    *,
    thumbnails: xr.DataArray | xr.Dataset | None = None,
    scores: xr.DataArray | None = None,
    components: Sequence[int] = (0, 1),
    overlap: str = "draw",
    ax: Axes | None = None,
) -> Axes:
    """Draw images where an embedding puts them, as dots or as small pictures, coloured by a score.

    Parameters
    ----------
    space : Dataset
        What `mf.reduction.embed` gave: `embedding (image, component)`.
    thumbnails : DataArray (image, y, x, rgb) or Dataset (image), optional
        Small pictures from `mf.images.thumbnails`, or the image table itself; dots without them.
    scores : DataArray (image) or pandas.Series, optional
        Colours dots and frames; those of images without a score are grey.
    components : (int, int)
        Positions of the components along the horizontal and the vertical axis.
    overlap : {"draw", "hide"}
        Whether pictures may cover each other, or those that would are left out and are dots.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes; one unit is the same length along both. With `overlap="hide"` pictures are chosen for the size of the
        figure as it is, from the outside in.

    Raises
    ------
    KindError, ArgumentError
        If this is no embedding, images differ, a component is absent, pictures would be too small to see,
        or an option is unknown.
    UnreadableImage
        If a file cannot be read any more.
    """
    points = mapped(space, components)
    names = [str(name) for name in points[IMAGE].values]
    given = coloured(scores, points)
    colours, bar = _colours(given, len(names))
    about = said(space, len(names)) + (given.said if given else "")
    one_of("overlap", overlap, OVERLAPS)
    small = None if thumbnails is None else pictures(thumbnails, names, reference="space")
    ax = canvas(ax, height=80)
    with drawing():
        xy = points.values
        ax.scatter(xy[:, 0], xy[:, 1], c=colours, **DOT)
        if bar is not None:
            drawn = ax.get_figure().colorbar(bar[0], ax=ax, label=bar[1], shrink=0.7)  # type: ignore[union-attr]
            drawn.outline.set_visible(False)
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.08 if small is None else 0.2)
        ax.set(xlabel=axis_label(space, components[0]), ylabel=axis_label(space, components[1]))
        note(ax, about)
        if small is not None:
            shown = _place(ax, xy, small, colours if bar is not None else ["white"] * len(names), overlap)
            if hidden := sorted(set(range(len(names))) - set(shown)):
                # a picture covers no other image
                ax.scatter(xy[hidden, 0], xy[hidden, 1], c=[colours[k] for k in hidden], zorder=4, **DOT)
                note(ax, f"{about}; {len(shown)} of them as pictures")
    return ax


def mapped(space: Any, components: Sequence[int]) -> xr.DataArray:
    """Take two components of an embedding.

    Parameters
    ----------
    space : Dataset
        What `mf.reduction.embed` gave.
    components : (int, int)
        Positions of the components.

    Returns
    -------
    DataArray (image, component)
        Where each image lies.

    Raises
    ------
    KindError, ArgumentError
        If this is no embedding, or a component is absent.
    """
    if not isinstance(space, xr.Dataset) or "embedding" not in space:
        raise KindError(advice("space", "come from mf.reduction.embed", listed(type(space).__name__)))
    image_names(space, "space")
    points = space["embedding"].transpose(IMAGE, ...)
    count = points.shape[1]
    if len(components) != 2 or not all(0 <= int(one) < count for one in components):
        remedy = f"The space has {count}; embed into more: mf.reduction.embed(layer, n_components=2)."
        raise ArgumentError(advice("components", f"be two positions below {count}", listed(tuple(components)), remedy))
    return points[:, list(components)]


class Coloured(NamedTuple):
    """Scores of the images of a map."""

    values: Array
    """NaN where there is none."""
    label: str

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Say which images have one."""
        return np.isfinite(self.values)

    @property
    def said(self) -> str:
        """Say how many have none, and what they look like."""
        lacking = int((~self.known).sum())
        return f"; grey: {lacking} without a score" if lacking else ""


def coloured(scores: Any, points: xr.DataArray) -> Coloured | None:
    """Find the scores of the images of a map; some may have none.

    Parameters
    ----------
    scores : DataArray (image) or pandas.Series, optional
        One number per image.
    points : DataArray (image, component)
        The map.

    Returns
    -------
    Coloured, optional
        Scores in the order of the map.

    Raises
    ------
    KindError, ArgumentError
        If they are no numbers, of other images, or all missing.
    """
    if scores is None:
        return None
    column, _ = score_column(scores)
    shown = matched(column.astype(float), points, argument="scores", reference="space")
    found = Coloured(shown.values, str(column.name or "score").replace("_", " ").capitalize())
    if not found.known.any():
        remedy = "Leave them out, and dots have one colour."
        raise ArgumentError(advice("scores", "have a number for at least one image", listed("none"), remedy))
    return found


def _colours(scores: Coloured | None, n: int) -> tuple[Any, tuple[ScalarMappable, str] | None]:
    """One colour per image, and what a colour bar needs."""
    if scores is None:
        return [COLOURS["data"]] * n, None
    known = scores.values[scores.known]
    scale = ScalarMappable(Normalize(float(known.min()), float(known.max())), colormaps[SCALES["score"]])
    rows = zip(scale.to_rgba(scores.values), scores.known, strict=True)
    return [to_rgba(tuple(one)) if has else to_rgba(LACKING) for one, has in rows], (scale, scores.label)


def _place(ax: Axes, xy: Array, given: Sequence[Array], colours: Sequence[Any], overlap: str) -> list[int]:
    """Put pictures on their points, and say of which."""
    width = room(ax) * INCH
    side = min(LARGEST, 0.55 * width / np.sqrt(len(xy)))
    if overlap == "draw":
        refused("thumbnails", side, int((0.55 * width / SMALLEST) ** 2), width, len(xy))
    side = side if overlap == "draw" else max(side, APART)
    shown = list(range(len(xy))) if overlap == "draw" else _apart(ax, xy, given, side)
    for k in shown:
        box = OffsetImage(given[k], zoom=side / INCH * 72 / max(given[k].shape[:2]), interpolation="antialiased")
        frame = {"edgecolor": colours[k], "linewidth": 1.1, "boxstyle": "square,pad=0.02"}
        ax.add_artist(AnnotationBbox(box, (xy[k, 0], xy[k, 1]), frameon=True, bboxprops=frame, pad=0.1))
    return shown


def _apart(ax: Axes, xy: Array, given: Sequence[Array], side: float) -> list[int]:
    """Choose pictures that do not cover each other, the outermost first, which say most about what an axis means."""
    # the layout decides how far apart points lie
    ax.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    dots = ax.transData.transform(xy) / ax.get_figure(root=True).dpi * INCH  # type: ignore[union-attr]
    frames = np.array([[one.shape[1], one.shape[0]] for one in given]) * side
    frames = frames / frames.max(axis=1, keepdims=True) * side + GAP
    chosen: list[int] = []
    for k in np.lexsort((np.arange(len(xy)), -np.linalg.norm(dots - dots.mean(axis=0), axis=1))):
        away = np.abs(dots[chosen] - dots[k]) * 2 >= frames[chosen] + frames[k]
        if away.any(axis=1).all():
            chosen.append(int(k))
    return chosen


def axis_label(space: xr.Dataset, component: int) -> str:
    """Say what lies along an axis.

    Parameters
    ----------
    space : Dataset
        What `mf.reduction.embed` gave.
    component : int
        Position of the component.

    Returns
    -------
    str
        The component, with its share of variance where it has one.
    """
    method = str(space.attrs.get("method", ""))
    name = f"{'Principal component' if method == 'pca' else 'Dimension'} {component + 1}"
    if "explained_variance_ratio" not in space:
        return name
    return f"{name} ({100 * float(space['explained_variance_ratio'][component]):.0f} % of variance)"


def said(space: xr.Dataset, n: int) -> str:
    """Say what an embedding is of.

    Parameters
    ----------
    space : Dataset
        What `mf.reduction.embed` gave.
    n : int
        How many images are drawn.

    Returns
    -------
    str
        The layer and the number of images.
    """
    layer = str(space.attrs.get("layer", ""))
    return f"{layer}{'; ' if layer else ''}n = {n} images"
