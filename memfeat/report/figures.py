"""Figures and pictures inside a page: as data, so that the file needs no other."""

import base64
import tempfile
from pathlib import Path
from typing import Any

from memfeat import plot

__all__ = ["data_uri", "inlined"]


def data_uri(content: bytes, kind: str = "svg+xml") -> str:
    """Give a picture as an address that holds it.

    Parameters
    ----------
    content : bytes
        The file.
    kind : str
        What kind of image it is.

    Returns
    -------
    str
        The address.
    """
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def inlined(ax: Any) -> str:
    """Give a figure as an address that holds it, an SVG.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        What a function of `mf.plot` returned.

    Returns
    -------
    str
        The address.
    """
    with tempfile.TemporaryDirectory() as folder:
        (file,) = plot.save(ax, Path(folder) / "figure", formats=["svg"])
        return data_uri(file.read_bytes())
