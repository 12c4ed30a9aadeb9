"""Maps of what a network's number depends on, over the pictures."""

import textwrap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from matplotlib.ticker import ScalarFormatter

from memfeat._check import advice, listed, looked_up
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.style import COLOURS, canvas, drawing, note

__all__ = ["attribution"]

#: Colours of maps without negative values, and of those with both signs.
SCALES = {"magnitude": "inferno", "signed": "RdBu_r"}
#: The share of values, from below, at which the strongest colour is reached: single pixels would darken all others.
STRONGEST = 0.99
#: How much of the picture shows through where the map is strongest, and how light the picture is made.
COVER, PALE = 0.85, 0.5
#: Letters in a line beside the scale: it is as high as the picture, which may be much wider than high.
BESIDE = 28


class _Part(NamedTuple):
    """One map, and where it lies: left, right, bottom, top in pixels of the picture."""

    values: npt.NDArray[Any]
    extent: tuple[float, float, float, float]
    name: str


def attribution(
    maps: xr.DataArray,
    *,
    image: str | None = None,
    thumbnails: xr.DataArray | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a score or unit depends on in an image, over the image.

    Parameters
    ----------
    maps : DataArray (image, y, x)
        What `mf.attribution.attribute` gave.
    image : str, optional
        Which image; needed when there is more than one.
    thumbnails : DataArray (image, y, x, rgb), optional
        Pictures from `mf.images.thumbnails`, of a size as large as they shall be sharp (size=512); they are drawn in
        grey, with the map where the network saw it. Without them the map is drawn by itself.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes, in pixels of the picture; a thin line is drawn around what the network saw of it. Maps with negative
        values have two colours, white or clear at 0; the strongest colour is that of the 99th percentile of absolute
        values.

    Raises
    ------
    KindError
        If these are no maps, or no thumbnails.
    UnknownNameError
        If there is no such image, or no thumbnail of it.
    ArgumentError
        If no image is said and there are several, or a value is NaN.
    """
    part = _part(maps, image)
    picture = None if thumbnails is None else _picture(thumbnails, part.name)
    signed = bool((part.values < 0).any())
    most = float(np.quantile(np.abs(part.values), STRONGEST)) or float(np.abs(part.values).max()) or 1.0
    colours = colormaps[SCALES["signed" if signed else "magnitude"]]
    norm = Normalize(-most if signed else 0.0, most)
    new = ax is None
    ax = canvas(ax, height=68)
    with drawing():
        if new:
            # As for heat maps: the plain constrained layout cuts off what stands beside a picture.
            ax.get_figure(root=True).set_layout_engine("compressed")  # type: ignore[union-attr]
        alpha: Any = None
        if picture is not None:
            width, height = _size(maps, part)
            pale = 1 - PALE + PALE * picture @ np.array([0.2126, 0.7152, 0.0722])
            ax.imshow(pale, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
            alpha = COVER * np.clip(np.abs(part.values) / most, 0, 1)
        ax.imshow(part.values, cmap=colours, norm=norm, extent=part.extent, alpha=alpha, interpolation="nearest")
        if picture is not None:
            ax.add_patch(_frame(part))
        whole = part.extent if picture is None else (0, width, height, 0)
        ax.set(xlim=whole[:2], ylim=whole[2:], xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        _bar(ax, ScalarMappable(norm, colours), str(maps.attrs.get("long_name", "attribution")))
        note(ax, _caption(maps, part.name))
    return ax


def _part(maps: Any, image: str | None) -> _Part:
    if not isinstance(maps, xr.DataArray):
        raise KindError(advice("maps", "come from mf.attribution.attribute", listed(type(maps).__name__)))
    if not {"y", "x"} <= set(maps.dims):
        remedy = "A layer without maps has no places to show; mf.attribution.attribute gives maps of the image for it."
        raise KindError(advice("maps", "have the dims 'y' and 'x'", listed(maps.dims), remedy))
    if IMAGE in maps.dims:
        names = [str(name) for name in maps[IMAGE].values]
        if image is None and len(names) > 1:
            raise ArgumentError(advice("image", "be said when there are several", listed.of(names)))
        maps = maps.isel({IMAGE: 0 if image is None else names.index(looked_up("image", image, names))})
    values = np.asarray(maps.transpose("y", "x").values, dtype=float)
    if not np.isfinite(values).all():
        raise ArgumentError(advice("maps", "be finite", listed("NaN or infinity")))
    if not {"left", "top", "right", "bottom"} <= set(maps.coords):
        height, width = values.shape
        return _Part(values, (0, width, height, 0), _name(maps))
    left, right, bottom, top = (float(maps[side]) for side in ("left", "right", "bottom", "top"))
    return _Part(values, (left, right, bottom, top), _name(maps))


def _name(maps: xr.DataArray) -> str:
    return str(maps[IMAGE].values) if IMAGE in maps.coords else ""


def _picture(thumbnails: Any, name: str) -> npt.NDArray[np.float64]:
    """Give a picture without the white that made it square, values from 0 to 1."""
    if not isinstance(thumbnails, xr.DataArray) or set(thumbnails.dims) != {IMAGE, "y", "x", "rgb"}:
        found = getattr(thumbnails, "dims", type(thumbnails).__name__)
        raise KindError(advice("thumbnails", "come from mf.images.thumbnails", listed(found)))
    names = [str(one) for one in thumbnails[IMAGE].values]
    one = thumbnails.isel({IMAGE: names.index(looked_up("thumbnails", name, names))}).transpose("y", "x", "rgb")
    values = np.asarray(one.values) / 255
    if not {"width", "height"} <= set(one.coords):
        return values
    edges = np.array([float(one["height"]), float(one["width"])])
    side = values.shape[0]
    height, width = np.maximum(1, np.round(edges * side / edges.max())).astype(int)
    top, left = (side - height) // 2, (side - width) // 2
    return values[top : top + height, left : left + width]


def _size(maps: xr.DataArray, part: _Part) -> tuple[float, float]:
    """Give width and height of the picture in its own pixels."""
    if not {"width", "height"} <= set(maps.coords):
        return part.extent[1], part.extent[2]
    one = maps.sel({IMAGE: part.name}) if IMAGE in maps.dims else maps
    return float(one["width"]), float(one["height"])


def _frame(part: _Part) -> Rectangle:
    left, right, bottom, top = part.extent
    return Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=COLOURS["note"], linewidth=0.4)


def _bar(ax: Axes, colours: ScalarMappable, label: str) -> None:
    ticks = ScalarFormatter()
    ticks.set_powerlimits((-2, 3))
    label = "\n".join(textwrap.wrap(label[:1].upper() + label[1:], BESIDE))
    extend = "both" if colours.norm.vmin else "max"
    bar = ax.figure.colorbar(colours, ax=ax, label=label, shrink=0.75, extend=extend, format=ticks)
    bar.outline.set_visible(False)


def _caption(maps: xr.DataArray, name: str) -> str:
    attrs = maps.attrs
    unit = ", ".join(str(one) for one in np.atleast_1d(attrs.get("unit", [])))
    what = {"score": "predicted score", "unit": f"unit {unit} of {attrs.get('layer')}"}
    target = what.get(str(attrs.get("target")), f"direction in {attrs.get('layer')}")
    said = [name, f"{attrs.get('method', '')} of the {target}".replace("_", " "), str(attrs.get("model", ""))]
    return "; ".join(word for word in said if word)
