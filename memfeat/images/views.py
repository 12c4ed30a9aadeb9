"""Looking at an image table: what cannot be used, and small pictures for plots."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from PIL import Image

from memfeat._check import advice, count, listed
from memfeat._labels import IMAGE, image_names, stamped
from memfeat._tables import texts
from memfeat.errors import KindError, NoImageError
from memfeat.images.decoding import decode
from memfeat.images.inspection import in_threads

__all__ = ["ledger", "thumbnails"]


def ledger(images: xr.Dataset) -> pd.DataFrame:
    """List the images that cannot be used, and why.

    Parameters
    ----------
    images : Dataset (image)
        A table of :func:`read`, or anything that carries its coordinates `path`, `status` and `reason`.

    Returns
    -------
    DataFrame
        Columns `image`, `path`, `status` and `reason`, one row per image whose status is not "ok", in table order.

    Raises
    ------
    KindError
        If it does not carry them.

    Examples
    --------
    >>> import numpy as np
    >>> from memfeat.images import read
    >>> len(ledger(read({"grey": np.full((4, 6), 128, np.uint8)})))
    0
    """
    names = image_names(images, "images")
    columns = ("path", "status", "reason")
    if not set(columns) <= set(images.coords):
        raise KindError(advice("images", "be a table of mf.images.read", listed(f"coordinates {list(images.coords)}")))
    rows = np.asarray(images["status"].values) != "ok"
    return pd.DataFrame({IMAGE: names[rows]} | {name: images[name].values[rows] for name in columns})


def thumbnails(images: xr.Dataset, *, size: int = 96, names: Sequence[str] | None = None) -> xr.DataArray:
    """Shrink images to squares of one size for figures, their whole area shown, on white.

    Parameters
    ----------
    images : Dataset (image)
        A table of :func:`read`.
    size : int
        Edge of the square, in pixels.
    names : sequence of str, optional
        Which images; by default all whose status is "ok".

    Returns
    -------
    DataArray (image, y, x, rgb)
        Values of 0 to 255, uint8. Images in the order of `names`, or of the table. Coordinates `width` and `height`:
        of the image itself, so that the white beside it can be told from it.

    Raises
    ------
    UnreadableImage
        If one of them cannot be decoded.
    UnknownNameError
        If the table does not hold one of `names`.
    NoImageError
        If there is none.
    """
    count("size", size)
    wanted = list(image_names(images, "images")[images["status"].values == "ok"] if names is None else names)
    if not wanted:
        raise NoImageError(advice("images", "hold at least one image that can be decoded", listed("none")))
    squares = in_threads(lambda name: _square(decode(images, name), size), wanted, what="Thumbnails", progress=False)
    edges = {edge: (IMAGE, images[edge].sel({IMAGE: wanted}).values) for edge in ("width", "height")}
    coords = {IMAGE: texts(wanted), "rgb": texts(["red", "green", "blue"])} | edges
    result = xr.DataArray(np.stack(squares), dims=(IMAGE, "y", "x", "rgb"), coords=coords, name="thumbnail")
    return stamped(result, images.attrs, size=size, kind="thumbnails")


def _square(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """Fit an image into a white square."""
    scale = size / max(image.size)
    width, height = (max(1, round(edge * scale)) for edge in image.size)
    small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)
    square = Image.new("RGB", (size, size), "white")
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return np.asarray(square)
