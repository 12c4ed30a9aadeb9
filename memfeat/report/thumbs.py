"""The pictures of a report: small, packed in blocks that a browser unpacks when it shows them."""

import base64
import io
from typing import NamedTuple

import numpy as np
import xarray as xr
from PIL import Image

from memfeat import _progress
from memfeat import images as pictures
from memfeat._labels import IMAGE

__all__ = ["PER_BLOCK", "Pictures", "packed"]

#: So many pictures are unpacked at once: about as many as a screen shows.
PER_BLOCK = 100
QUALITY = 75


class Pictures(NamedTuple):
    """Pictures in the order of the table, base64 of WebP; None where there is none."""

    blocks: list[list[str | None]]
    missing: list[str]
    """Names of images that could be read when the table was made, and now cannot."""


def packed(table: xr.Dataset, *, size: int, progress: bool | None) -> Pictures:
    """Make the pictures.

    Parameters
    ----------
    table : Dataset (image)
        An image table.
    size : int
        Longer edge, in pixels.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Pictures
        Those that can be made. A file that is gone since the table was made has none.
    """
    names = [str(name) for name in table[IMAGE].values]
    readable = table["status"].values.astype(str) == "ok"
    blocks, missing = [], []
    with _progress.bar(len(names), "thumbnails", progress) as bar:
        for start in range(0, len(names), PER_BLOCK):
            mine = names[start : start + PER_BLOCK]
            wanted = [name for name, ok in zip(mine, readable[start : start + PER_BLOCK], strict=True) if ok]
            made = _made(table, wanted, size)
            missing += [name for name in wanted if name not in made]
            blocks.append([made.get(name) for name in mine])
            bar.update(len(mine))
    return Pictures(blocks, missing)


def _made(table: xr.Dataset, names: list[str], size: int) -> dict[str, str]:
    """Make the pictures of a block; if one fails, of the others one by one."""
    if not names:
        return {}
    try:
        small = pictures.thumbnails(table, size=size, names=names)
    except pictures.UnreadableImage:
        return {} if len(names) == 1 else {k: v for name in names for k, v in _made(table, [name], size).items()}
    edges = zip(small["width"].values, small["height"].values, strict=True)
    squares = zip(names, small.values, edges, strict=True)
    return {name: _webp(square, *edge) for name, square, edge in squares}


def _webp(square: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", width: int, height: int) -> str:
    """Write the picture without the white beside it."""
    edge = square.shape[0]
    wide, high = (max(1, round(edge * one / max(width, height))) for one in (width, height))
    left, top = (edge - wide) // 2, (edge - high) // 2
    buffer = io.BytesIO()
    Image.fromarray(square[top : top + high, left : left + wide]).save(buffer, "webp", quality=QUALITY)
    return base64.b64encode(buffer.getvalue()).decode()
