"""How memfeat figures look: one style, sizes in millimetres, and files that come out the same each time."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from memfeat._check import advice, listed, one_of
from memfeat.errors import ArgumentError, KindError

__all__ = [
    "COLOURS", "INCH", "SCALES", "STYLE", "WIDTHS", "WRITTEN", "axes", "canvas", "drawing", "note", "room", "save",
]  # fmt: skip

#: Millimetres in an inch: sizes are divided by it, because 50.8 / 25.4 is 2 and 50.8 * (1 / 25.4) is not.
INCH = 25.4
#: Column widths that journals print, in millimetres.
WIDTHS = {"single": 85.0, "1.5": 120.0, "double": 180.0}
#: Blue, vermilion and greys that stay apart for colour-blind readers and in a black-and-white print (Okabe and Ito).
COLOURS = {
    "data": "#0072B2",
    "mark": "#D55E00",
    "null": "#767676",
    "note": "#595959",
    "fill": "#9CC8E3",
    "bound": "#DEDEDE",
}
#: Colour scales: distances (what is far apart is pale, as most is), scores and similarities stay in order without
#: colour; what lies on both sides of 0 is pale in the middle.
SCALES = {"distance": "YlGnBu_r", "score": "cividis", "similarity": "cividis", "sides": "RdBu_r"}
#: File types that `save` writes unless told otherwise.
WRITTEN = ("png", "svg")
#: File types that `save` can write, with the metadata that say who wrote them and would otherwise hold the date.
FORMATS: dict[str, dict[str, Any]] = {
    "png": {"Software": "memfeat"},
    "svg": {"Creator": "memfeat", "Date": None},
    "pdf": {"Creator": "memfeat", "CreationDate": None},
}
#: The style file, which matplotlib finds as "memfeat.plot.paper".
STYLE_FILE = Path(__file__).with_name("paper.mplstyle")
#: The style, as matplotlib's rcParams: the file, and a warning less, which style files cannot turn off.
STYLE: dict[Any, Any] = {
    **mpl.rc_params_from_file(STYLE_FILE, use_default_template=False),
    "figure.max_open_warning": 0,
}
#: Share of a figure's width that its Axes have before the layout; width of a letter in heights of the type; inches that
#: are left free around everything.
USUAL, LETTER, BORDER = 0.775, 0.55, 0.2
#: Backends that draw to files only; a pyplot figure there would stay open for ever.
_FILE_BACKENDS = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}


@contextmanager
def drawing() -> Iterator[None]:
    """Use the style for as long as the context lasts.

    Yields
    ------
    None
        While the style is in use; its settings are then what they were before.
    """
    # matplotlib.rc_context would also undo what a notebook sets up when its first figure is made
    before = {key: mpl.rcParams[key] for key in STYLE}
    mpl.rcParams.update(STYLE)
    try:
        yield
    finally:
        mpl.rcParams.update(before)


def axes(*, width: str | float = "single", height: float | None = None) -> Axes:
    """Make empty Axes in memfeat's style, on a plain Figure that nothing keeps open.

    Parameters
    ----------
    width : {"single", "1.5", "double"} or float
        Width of the figure: one, one and a half or two journal columns (85, 120 and 180 mm), or millimetres.
    height : float, optional
        Height in millimetres; .75 of the width by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes; the figure is `ax.figure`.

    Raises
    ------
    ArgumentError
        If the width is no known column, or a size is not above 10 mm.

    Examples
    --------
    >>> ax = axes(width="double", height=60)
    >>> [round(float(side) * 25.4) for side in ax.figure.get_size_inches()]
    [180, 60]
    """
    wide = WIDTHS[one_of("width", width, WIDTHS)] if isinstance(width, str) else width
    high = 0.75 * wide if height is None else height
    for name, size in {"width": wide, "height": high}.items():
        if not size > 10:
            raise ArgumentError(advice(name, "be more than 10 mm", size, "Sizes are in millimetres."))
    with drawing():
        return Figure(figsize=(wide / INCH, high / INCH), layout="constrained").add_subplot()


def canvas(ax: Axes | None, *, height: float = 62.0) -> Axes:
    """Take the user's Axes, or make a new figure of one column.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        The user's Axes.
    height : float
        Height of a new figure, in millimetres.

    Returns
    -------
    matplotlib.axes.Axes
        Where to draw.

    Raises
    ------
    KindError
        If `ax` is something else.
    """
    if isinstance(ax, Axes):
        return ax
    if ax is not None:
        remedy = "Make one with mf.plot.axes() or matplotlib.pyplot.subplots()."
        raise KindError(advice("ax", "be matplotlib Axes", listed(type(ax).__name__), remedy))
    if plt.get_backend().lower() in _FILE_BACKENDS:
        return axes(height=height)
    with drawing():
        return plt.figure(figsize=(WIDTHS["single"] / INCH, height / INCH), layout="constrained").add_subplot()


def note(ax: Axes, text: str, *, beside: Sequence[str] = ()) -> None:
    """Write what the figure shows (n, interval, correction) small above the Axes, in as many lines as it needs.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The Axes.
    text : str
        One sentence or more.
    beside : sequence of str
        Names that stand to the left of the Axes, where they are long and so leave less room.
    """
    size = 6.0
    letters = int(_beneath(ax, beside) * 72 / (LETTER * size))
    lines = textwrap.wrap(text, max(letters, 20), break_on_hyphens=False)
    ax.set_title("\n".join(lines), loc="left", fontsize=size, color=COLOURS["note"])


def _beneath(ax: Axes, beside: Sequence[str]) -> float:
    """Give the inches that a line above the Axes can have: names beside them and equal sides make them narrower."""
    width = room(ax)
    if beside:
        longest = max(len(line) for name in beside for line in name.split("\n"))
        width = min(width, width / USUAL - longest * LETTER * STYLE["ytick.labelsize"] / 72 - BORDER)
    if ax.get_aspect() != "auto" and ax.get_adjustable() == "box":
        height = ax.get_figure(root=True).get_figheight() * ax.get_position(original=True).height  # type: ignore[union-attr]
        width = min(width, float(height / (ax.get_data_ratio() * float(ax.get_aspect()))))
    return width


def room(ax: Axes) -> float:
    """Give the width of the Axes in inches, before the layout engine has moved them.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The Axes.

    Returns
    -------
    float
        Inches.
    """
    return float(ax.get_figure(root=True).get_figwidth() * ax.get_position(original=True).width)  # type: ignore[union-attr]


def save(
    ax: Axes | Figure,
    path: str | PathLike[str],
    *,
    formats: Sequence[str] = WRITTEN,
    dpi: float = 300,
) -> list[Path]:
    """Write a figure to files that are the same each time: no dates, fixed ids, text as text.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or matplotlib.figure.Figure
        What a function of `mf.plot` returned, or the figure.
    path : path
        Where to, without an ending; folders are made. An ending that is a known format stands for that format alone.
    formats : sequence of {"png", "svg", "pdf"}
        One file is written for each.
    dpi : float
        Dots per inch of what is made of pixels.

    Returns
    -------
    list of pathlib.Path
        The files, in the order of `formats`.

    Raises
    ------
    KindError
        If `ax` is neither Axes nor a figure.
    ArgumentError
        If a format is unknown.
    """
    figure = _figure(ax)
    target = Path(path)
    if target.suffix[1:] in FORMATS:
        target, formats = target.with_suffix(""), (target.suffix[1:],)
    for one in formats:
        one_of("formats", one, FORMATS)
    target.parent.mkdir(parents=True, exist_ok=True)
    written = [target.with_name(f"{target.name}.{one}") for one in formats]
    with drawing():
        for one, file in zip(formats, written, strict=True):
            figure.savefig(file, dpi=dpi, metadata=FORMATS[one])
    return written


def _figure(ax: Any) -> Figure:
    found = ax.get_figure() if isinstance(ax, Axes) else ax
    while isinstance(found, SubFigure):
        found = found.figure
    if not isinstance(found, Figure):
        raise KindError(advice("ax", "be Axes or a Figure that is still there", listed(type(ax).__name__)))
    return found
