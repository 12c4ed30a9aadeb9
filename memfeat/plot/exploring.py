"""A map of images to point at, for notebooks and the browser."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib import colormaps
from matplotlib.colors import to_hex
from PIL import Image

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, KindError, MissingPackageError
from memfeat.plot.maps import LACKING, axis_label, coloured, mapped, said
from memfeat.plot.pictures import pictures
from memfeat.plot.style import COLOURS, SCALES

__all__ = ["explore"]

#: Images whose pictures are still loaded at once by a browser: about 10 MB.
MOST = 2_000
#: Of JPEG, which is smaller than PNG by far.
QUALITY = 80
#: Size in pixels of the map on the screen, and of the longest edge of a picture.
SIZE, EDGE = (640, 520), 240
#: Pixels for the label of the vertical axis, which is else cut off where tick labels grow after the first layout.
LEFT = 76
#: bokeh puts in the column of each @name, as text and never as HTML.
SHOWN = f'<img src="@picture" alt="" style="display: block; max-width: {EDGE}px; max-height: {EDGE}px"><b>@image</b>'


def explore(
    space: xr.Dataset,
    *,
    thumbnails: xr.DataArray | xr.Dataset,
    scores: xr.DataArray | None = None,
    components: Sequence[int] = (0, 1),
) -> Any:
    """Draw an embedding to point at: a dot shows its image, its name and its score.

    Parameters
    ----------
    space : Dataset
        What `mf.reduction.embed` gave: `embedding (image, component)`.
    thumbnails : DataArray (image, y, x, rgb) or Dataset (image)
        Small pictures from `mf.images.thumbnails`, or the image table itself.
    scores : DataArray (image) or pandas.Series, optional
        Colours the dots; those of images without a score are grey.
    components : (int, int)
        Positions of the components along the horizontal and the vertical axis.

    Returns
    -------
    bokeh.plotting.figure
        The map. `bokeh.io.show` displays it and `bokeh.io.save` writes it as a page. Pictures are inside it, so that
        neither a server nor the files of the images are needed.

    Raises
    ------
    MissingPackageError
        If bokeh is not installed: `pip install "memfeat[widgets]"`.
    KindError, ArgumentError
        If this is no embedding, images differ, a component is absent, pictures are not uint8, or there are more than
        2,000 images.
    UnreadableImage
        If a file cannot be read any more.

    See Also
    --------
    embedding : The same as a figure for print.
    """
    bokeh = _bokeh()
    points = mapped(space, components)
    if points.sizes["image"] > MOST:
        remedy = f"Pass a part: space.isel(image=slice({MOST}))."
        raise ArgumentError(advice("space", f"hold at most {MOST} images", points.sizes["image"], remedy))
    names = [str(name) for name in points["image"].values]
    columns = dict(zip("xy", points.values.T, strict=True)) | {"image": names}
    columns["picture"] = [_inlined(one) for one in pictures(thumbnails, names, reference="space")]
    given = coloured(scores, points)
    if given is not None:
        columns["score"] = given.values
    figure = bokeh.plotting.figure(
        width=SIZE[0],
        height=SIZE[1],
        match_aspect=True,
        min_border_left=LEFT,
        tools="pan,box_zoom,wheel_zoom,reset,save",
        title=said(space, len(names)) + (given.said if given else ""),
        x_axis_label=axis_label(space, components[0]),
        y_axis_label=axis_label(space, components[1]),
    )
    _dots(bokeh.models, figure, columns, None if given is None else given.label)
    return figure


def _bokeh() -> Any:
    try:
        import bokeh.models
        import bokeh.plotting
    except ImportError as error:
        remedy = 'Install it: pip install "memfeat[widgets]". Or draw with mf.plot.embedding.'
        raise MissingPackageError(advice("bokeh", "be installed", listed("no such package"), remedy)) from error
    return bokeh


def _inlined(picture: npt.NDArray[Any]) -> str:
    """Give a picture as an address that holds all of it."""
    if picture.dtype != np.uint8:
        raise KindError(advice("thumbnails", "hold uint8", listed(picture.dtype), "See mf.images.thumbnails."))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _dots(models: Any, figure: Any, columns: dict[str, Any], score: str | None) -> None:
    """Draw dots, coloured by a score if there is one, and say what is shown of each."""
    colour: Any = COLOURS["data"]
    shown = SHOWN
    if score is not None:
        palette = [to_hex(one) for one in colormaps[SCALES["score"]](np.linspace(0, 1, 256))]
        low, high = float(np.nanmin(columns["score"])), float(np.nanmax(columns["score"]))
        mapper = models.LinearColorMapper(palette=palette, low=low, high=high, nan_color=LACKING)
        bar = models.ColorBar(color_mapper=mapper, title=score)
        figure.add_layout(bar, "right")
        colour, shown = {"field": "score", "transform": mapper}, f"{SHOWN}<br>@score{{0.[000]}}"
    source = models.ColumnDataSource(columns)
    drawn = figure.scatter("x", "y", size=8, fill_color=colour, line_color="white", line_width=0.5, source=source)
    figure.add_tools(models.HoverTool(tooltips=shown, renderers=[drawn], attachment="horizontal"))
