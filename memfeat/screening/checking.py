"""One table for a set of images: what warns, in words, image by image."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from PIL import Image

from memfeat._check import advice, count, listed
from memfeat._labels import IMAGE, matched
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError
from memfeat.images.reading import tabled
from memfeat.lowlevel import N_BITS, hash_bits
from memfeat.lowlevel.measuring import STATISTICS, measured, with_facts
from memfeat.lowlevel.seeing import Read, each
from memfeat.prediction.predicting import SQUASHED
from memfeat.screening.photographs import LIMITS, SOURCE
from memfeat.sets.features import copies
from memfeat.training.duplicates import DISTANCE

__all__ = ["check"]

Bits = npt.NDArray[np.bool_]
#: Shorter sides of fewer pixels are more than doubled before ResMem sees the image, at 256 × 256.
SMALL = 128
FLOOR = "at_floor"


class _Known(NamedTuple):
    """What is known of a set of images."""

    table: xr.Dataset
    values: xr.Dataset
    """Statistics."""
    alike: list[list[tuple[str, int]]]
    """For each image its near-duplicates with the bits in which they differ, the nearest first."""
    at_floor: npt.NDArray[np.bool_]


def check(
    images: Any, *, predictions: xr.Dataset | None = None, distance: int = DISTANCE, progress: bool | None = None
) -> xr.Dataset:
    """Screen a set of images: say of each what may make a prediction or a feature of it less trustworthy.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images.
    predictions : Dataset (image), optional
        What `mf.predict` gave for the same images: those at the floor are named, too.
    distance : int
        Bits out of 64 in which the perceptual hashes of near-duplicates differ at most, 0 to 64.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    Dataset (image)
        In the order of the table: `warnings`, in words, empty where nothing warns; what they are made of, True or
        False: `at_floor` (with predictions), `unlike_photographs`, `near_duplicate`, `enlarged` and `squashed`, False
        where an image cannot be read; and the statistics that were looked at, with units, NaN there. Coordinates as
        those of the image table, with status and reason. Attributes: near_duplicates (JSON: pairs of names and the bits
        in which they differ, the nearest first), limits (JSON), limits_source, distance, n_images, n_unreadable,
        unreadable, and for each check how many images it names, such as n_squashed.

    Raises
    ------
    KindError
        If predictions are none, or images no image table.
    ArgumentError
        If predictions are of other images or say nothing of the floor, or `distance` is not 0 to 64.
    MissingFileError, NoImageError
        If no image table can be made of images.

    See Also
    --------
    memfeat.lowlevel.statistics : The statistics.
    memfeat.lowlevel.perceptual_hash : What near-duplicates are told by.

    Notes
    -----
    An image is unlike photographs if its RMS contrast, colourfulness, spectral slope or entropy lies beyond the range
    of 800 outdoor photographs (Lu et al., 2020), rounded outwards, so that none of these is named: uniform images,
    white noise and line drawings are. Other photographs of high contrast may be, too. Phase-scrambled
    photographs have the spectrum of photographs, and are not found.

    Near-duplicates are pairs in the set whose hashes differ in at most `distance` bits, as they are or with one of them
    mirrored; images without any structure are compared with none. Enlarged: the shorter side has fewer than 128 pixels,
    which are more than doubled before ResMem sees the image. Squashed: one side is more than twice as long as the
    other, of which ResMem sees a square.

    References
    ----------
    Lu J, Xu M, Yang R, Wang Z (2020). Understanding and predicting the memorability of outdoor natural scenes. IEEE
    Transactions on Image Processing 29, 4927-4941.

    Examples
    --------
    >>> import numpy as np
    >>> found = check({"grey": np.full((200, 300), 128, np.uint8)})
    >>> found["unlike_photographs"].item(), found["near_duplicate"].item()
    (True, False)
    >>> found["warnings"].item()
    'rms_contrast 0, photographs have 0.011 to 0.42; entropy 0, photographs have 3.4 to 8'
    """
    if count("distance", distance, least=0) > N_BITS:
        raise ArgumentError(advice("distance", f"be at most {N_BITS}", distance, "That many bits has a hash."))
    table = tabled(images, progress=progress)
    at_floor = _floor(predictions, table)
    found, read = each(table, _looked_at, what="screening", progress=progress)
    values = _values([None if one is None else one[0] for one in found])
    names = [str(name) for name in table[IMAGE].values]
    pairs = _pairs(names, [None if one is None else one[1] for one in found], distance)
    known = _Known(table, values, _alike(pairs, names), at_floor)
    checks = CHECKS if predictions is not None else {name: of for name, of in CHECKS.items() if name != FLOOR}
    said = {name: _kept(of(known), read) for name, of in checks.items()}
    words = ("; ".join(filter(None, row)) for row in zip(*said.values(), strict=True))
    flags = {name: (IMAGE, np.array([text != "" for text in column], dtype=bool)) for name, column in said.items()}
    result = xr.Dataset({"warnings": (IMAGE, texts(words)), **flags}).merge(values)
    counts = {f"n_{name}": int(flag.sum()) for name, (_, flag) in flags.items()}
    about = {
        "near_duplicates": json.dumps(pairs),
        "distance": distance,
        "limits": json.dumps(LIMITS),
        "limits_source": SOURCE,
    }
    return with_facts(result, table, read, kind="screening", **about, **counts)


def _looked_at(image: Image.Image) -> tuple[list[float], Bits]:
    return measured(image, LIMITS), hash_bits(image)


def _floor(predictions: xr.Dataset | None, table: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Read which predictions are at the floor."""
    if predictions is None:
        return np.zeros(table.sizes[IMAGE], dtype=bool)
    if not isinstance(predictions, xr.Dataset) or FLOOR not in predictions:
        found = listed(type(predictions).__name__)
        raise KindError(advice("predictions", f"be a Dataset with {FLOOR!r}", found, "Pass what mf.predict gives."))
    same = matched(predictions, table, argument="predictions", reference="images")
    return np.asarray(same[FLOOR].values, dtype=bool)


def _values(rows: Sequence[list[float] | None]) -> xr.Dataset:
    """Give statistics their names and units."""
    none = [np.nan] * len(LIMITS)
    columns = np.array([none if row is None else row for row in rows]).reshape(-1, len(LIMITS)).T
    told = {name: {"long_name": STATISTICS[name].long_name, "units": STATISTICS[name].units} for name in LIMITS}
    return xr.Dataset({name: (IMAGE, column, told[name]) for name, column in zip(LIMITS, columns, strict=True)})


def _pairs(names: Sequence[str], hashes: Sequence[Bits | None], distance: int) -> list[tuple[str, str, int]]:
    """Find near-duplicates: two names and the bits in which they differ, the nearest first."""
    pairs = [
        (min(names[i], names[j]), max(names[i], names[j]), differing)
        for i, j, differing in copies.alike(hashes, distance)
    ]
    return sorted(pairs, key=lambda pair: (pair[2], pair[0], pair[1]))


def _alike(pairs: Sequence[tuple[str, str, int]], names: Sequence[str]) -> list[list[tuple[str, int]]]:
    """List the near-duplicates of each image."""
    alike: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    for one, other, differing in pairs:
        alike[one].append((other, differing))
        alike[other].append((one, differing))
    return list(alike.values())


def _kept(said: Sequence[str], read: Sequence[Read]) -> list[str]:
    """Say nothing of images that could not be read."""
    return [text if one.status == "ok" else "" for text, one in zip(said, read, strict=True)]


def _at_floor(known: _Known) -> list[str]:
    return ["at the floor" if flag else "" for flag in known.at_floor]


def _unlike(known: _Known) -> list[str]:
    """Name what lies beyond the range of photographs; what is missing does not."""
    columns = [[_beyond(name, value) for value in known.values[name].values.tolist()] for name in LIMITS]
    return ["; ".join(filter(None, row)) for row in zip(*columns, strict=True)]


def _beyond(name: str, value: float) -> str:
    low, high = LIMITS[name]
    if not (value < low or value > high):
        return ""
    # the contrast of an even image is a rounding error
    return f"{name} {round(value, 4) + 0:g}, photographs have {low:g} to {high:g}"


def _near(known: _Known) -> list[str]:
    return [_named(alike) for alike in known.alike]


def _named(alike: Sequence[tuple[str, int]]) -> str:
    """Name the nearest of near-duplicates, and count the others."""
    if not alike:
        return ""
    name, differing = alike[0]
    more = f", and {len(alike) - 1} more" if len(alike) > 1 else ""
    return f"looks like {name!r} ({differing} of {N_BITS} bits differ){more}"


def _enlarged(known: _Known) -> list[str]:
    sizes = _sizes(known)
    return [f"enlarged from {width} × {height}" if min(width, height) < SMALL else "" for width, height in sizes]


def _squashed(known: _Known) -> list[str]:
    ratios = (max(size) / max(min(size), 1) for size in _sizes(known))
    return [f"squashed {ratio:.1f} : 1" if ratio > SQUASHED else "" for ratio in ratios]


def _sizes(known: _Known) -> list[tuple[int, int]]:
    return list(zip(known.table["width"].values.tolist(), known.table["height"].values.tolist(), strict=True))


#: Name of a flag -> what is said of each image, empty where there is nothing to say.
CHECKS: dict[str, Callable[[_Known], list[str]]] = {
    FLOOR: _at_floor,
    "unlike_photographs": _unlike,
    "near_duplicate": _near,
    "enlarged": _enlarged,
    "squashed": _squashed,
}
