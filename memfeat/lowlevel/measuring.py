"""Low-level statistics of images: what is measured, and the table of it."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from PIL import Image

from memfeat._check import advice, listed, looked_up
from memfeat._labels import IMAGE, stamped
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError
from memfeat.images.reading import tabled
from memfeat.lowlevel.colours import colourfulness, entropy, luminance, rms_contrast, saturation
from memfeat.lowlevel.seeing import PIXELS, Read, Seen, each, seen
from memfeat.lowlevel.structure import edge_density, jpeg_size, spectral_slope

__all__ = ["STATISTICS", "measured", "statistics", "with_facts"]

FACTS = ("path", "sha256", "width", "height", "mode")


class Statistic(NamedTuple):
    """One number per picture."""

    of: Callable[[Seen], float]
    long_name: str
    units: str


#: Name -> what is measured.
STATISTICS = {
    "luminance": Statistic(luminance, "mean relative luminance", "1"),
    "rms_contrast": Statistic(rms_contrast, "standard deviation of relative luminance", "1"),
    "saturation": Statistic(saturation, "mean saturation (max − min) / max", "1"),
    "colourfulness": Statistic(colourfulness, "spread and mean of opponent colours", "levels of 255"),
    "edge_density": Statistic(edge_density, "share of pixels on an edge", "1"),
    "spectral_slope": Statistic(spectral_slope, "slope of log amplitude against log frequency", "1"),
    "jpeg_size": Statistic(jpeg_size, "size as JPEG", "bytes per pixel"),
    "entropy": Statistic(entropy, "entropy of luma", "bits"),
    "aspect_ratio": Statistic(lambda picture: picture.size[0] / picture.size[1], "width divided by height", "1"),
}


def statistics(images: Any, *, which: Sequence[str] | None = None, progress: bool | None = None) -> xr.Dataset:
    """Measure low-level statistics of images, as covariates and baselines.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images.
    which : sequence of str, optional
        Which statistics, of those listed under Notes; all by default.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    Dataset (image)
        One variable per statistic, float64, its unit in the attribute `units`; NaN where an image cannot be read.
        Coordinates as those of the image table: path, sha256, width, height, mode, status and reason, so that
        `mf.images.ledger` lists what could not be read. Attributes: method, n_images, n_unreadable and unreadable.

    Raises
    ------
    UnknownNameError
        If there is no such statistic.
    KindError, ArgumentError, MissingFileError, NoImageError
        If `which` names none or one twice, or the images are no image table, and none can be made of them.

    See Also
    --------
    gist : Where in the picture there is how much of which frequency and orientation.

    Notes
    -----
    All but the aspect ratio are computed of the picture at 65,536 pixels (256 × 256, say): larger ones are shrunk to
    that many (Lanczos, their shape kept), smaller ones taken as they are, so that numbers of large and small files can
    be compared. r, g and b are pixel values divided by 255; R, G and B are the same as light (sRGB, IEC 61966-2-1), and
    luminance Y = 0.2126 R + 0.7152 G + 0.0722 B (ITU-R BT.709). Luma is the same sum of r, g and b.

    =============== ==================================================================================================
    luminance       mean of Y; 0 is black, 1 is white
    rms_contrast    standard deviation of Y (Peli, 1990)
    saturation      mean of (max − min) / max of r, g and b, 0 where all are (Smith, 1978)
    colourfulness   √(σ²(rg) + σ²(yb)) + 0.3 √(μ²(rg) + μ²(yb)), where rg = 255 (r − g) and yb = 255 ((r + g) / 2 − b)
                    (Hasler & Süsstrunk, 2003)
    edge_density    share of pixels at which the Sobel gradient of luma exceeds 0.05 per pixel
    spectral_slope  slope of the least-squares line through log amplitude against log frequency of luma: Hann window,
                    power averaged in 16 rings of equal width in log frequency, from four steps of the shorter side to
                    0.4 cycles per pixel. White noise has 0, photographs about −1.2; NaN if the picture is even or a
                    side is shorter than 32 pixels
    jpeg_size       bytes per pixel as JPEG of quality 75, from Pillow
    entropy         −Σ p log₂ p of 256 levels of luma, bits
    aspect_ratio    width divided by height of the original
    =============== ==================================================================================================

    References
    ----------
    Hasler D, Süsstrunk S (2003). Measuring colourfulness in natural images. Proc. SPIE 5007, 87-95.

    Peli E (1990). Contrast in complex images. Journal of the Optical Society of America A 7, 2032-2040.

    Smith AR (1978). Color gamut transform pairs. Computer Graphics 12 (SIGGRAPH), 12-19.

    Examples
    --------
    >>> import numpy as np
    >>> halves = np.zeros((64, 128, 3))
    >>> halves[:, 64:] = 1
    >>> found = statistics({"halves": halves}, which=["luminance", "rms_contrast", "entropy", "aspect_ratio"])
    >>> [round(float(values.item()), 6) for values in found.data_vars.values()]
    [0.5, 0.5, 1.0, 2.0]
    """
    chosen = _chosen(which)
    table = tabled(images, progress=progress)
    rows, read = each(table, lambda image: measured(image, chosen), what="low-level statistics", progress=progress)
    values = np.array([[np.nan] * len(chosen) if row is None else row for row in rows]).reshape(-1, len(chosen))
    result = xr.Dataset({name: (IMAGE, values[:, column]) for column, name in enumerate(chosen)})
    for name in chosen:
        result[name].attrs = {"long_name": STATISTICS[name].long_name, "units": STATISTICS[name].units}
    method = f"low-level statistics at {PIXELS:,} pixels"
    return with_facts(result, table, read, kind="low-level statistics", method=method)


def measured(image: Image.Image, which: Iterable[str]) -> list[float]:
    """Measure statistics of one picture.

    Parameters
    ----------
    image : PIL image
        The picture, RGB.
    which : iterable of str
        Keys of `STATISTICS`.

    Returns
    -------
    list of float
        One number for each.
    """
    picture = seen(image)
    return [STATISTICS[name].of(picture) for name in which]


def with_facts(result: xr.Dataset, table: xr.Dataset, read: Sequence[Read], **about: Any) -> xr.Dataset:
    """Say which images a result is about, and which of them could not be read.

    Parameters
    ----------
    result : Dataset (image)
        One row per image of the table, without coordinates.
    table : Dataset (image)
        The image table.
    read : sequence of Read
        Whether each could be read.
    **about : str or number
        What goes into the attributes.

    Returns
    -------
    Dataset (image)
        The result with the coordinates of the table.
    """
    said = {field: (IMAGE, texts(getattr(one, field) for one in read)) for field in Read._fields}
    coords = {name: table[name].variable for name in (IMAGE, *FACTS)} | said
    unreadable = [str(name) for name, one in zip(table[IMAGE].values, read, strict=True) if one.status != "ok"]
    counts = {"n_images": len(read), "n_unreadable": len(unreadable), "unreadable": json.dumps(unreadable)}
    return stamped(result.assign_coords(coords), None, **about, **counts)


def _chosen(which: Sequence[str] | None) -> list[str]:
    """Check the names of statistics."""
    if which is None:
        return list(STATISTICS)
    if isinstance(which, str) or not isinstance(which, Iterable):
        remedy = f"For instance which=[{next(iter(STATISTICS))!r}]."
        raise KindError(advice("which", "be a list of statistics", which, remedy))
    chosen = [looked_up("which", str(name), STATISTICS, f"There are {', '.join(STATISTICS)}.") for name in which]
    if not chosen or len(set(chosen)) < len(chosen):
        remedy = "Leave which out for all of them."
        raise ArgumentError(advice("which", "name each statistic once, and at least one", listed.of(chosen), remedy))
    return chosen
