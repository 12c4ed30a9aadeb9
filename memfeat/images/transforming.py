"""New stimuli of old ones: an image table of pictures that were changed."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Real
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import xarray as xr
from PIL import Image

from memfeat._check import advice, generator, known_options, listed, one_of
from memfeat._labels import IMAGE, matched, stamped
from memfeat.errors import ArgumentError, KindError
from memfeat.images.changes import KINDS, Array, Kind, Range, changed
from memfeat.images.decoding import decode
from memfeat.images.inspection import Facts, in_threads, inspect_file, inspect_pixels
from memfeat.images.opening import UnreadableImage, room
from memfeat.images.reading import tabled
from memfeat.images.sources import EXTENSIONS
from memfeat.images.table import RESERVED, assembled

__all__ = ["TransformOptions", "transform"]

#: The column that says how much of a picture could not be shown.
CLIPPED = "clipped"
#: Half a level of 255, by which rounding may move a value.
ROUNDING = 0.5 / 255
#: Numbers of which one, drawn by the user's generator, begins the seed of each image.
SEEDS = 2**63


class TransformOptions(TypedDict, total=False):
    """Options of :func:`transform`; each belongs to some kinds of change.

    `strength` : float from 0 to 1, for "phase_scramble" (default 1).
    `sigma` : float, standard deviation in pixels, for "blur".
    `factor` : float from 0, for "contrast".
    `linear` : bool, for all but "greyscale": whether the light that pixel values stand for is changed, instead of pixel
    values themselves (default False).
    """

    strength: float
    sigma: float
    factor: float
    linear: bool


def transform(
    images: Any,
    kind: str,
    *,
    rng: int | np.random.Generator = 0,
    folder: str | PathLike[str] | None = None,
    progress: bool | None = None,
    **options: Unpack[TransformOptions],
) -> xr.Dataset:
    """Change images in one way, and give the new ones as an image table.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images. They are not changed.
    kind : {"phase_scramble", "greyscale", "blur", "contrast"}
        What is done, see Notes.
    rng : int or numpy.random.Generator
        Seed of random changes. What an image gets depends on it and on the image's name and size, not on the others.
    folder : str or path, optional
        Write the new images there, as PNG files called like the old ones; without it they stay in memory.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.
    **options
        `strength`, `sigma`, `factor`, `linear`: see Other Parameters.

    Returns
    -------
    Dataset (image)
        An image table, the names and the user's columns as in the old one. `clipped` is the share of pixels that came
        out darker than black or brighter than white in a channel, and were cut off there; NaN where an image cannot be
        read, whose row stays. Attribute `transforms`: JSON list of all that was done to these images, with its seed.

    Other Parameters
    ----------------
    strength : float
        For "phase_scramble", from 0 (nothing changes) to 1 (default).
    sigma : float
        For "blur", the standard deviation of the Gaussian in pixels of the image.
    factor : float
        For "contrast", what differences from the mean are multiplied by.
    linear : bool
        For all but "greyscale": change the light that pixel values stand for (sRGB) instead of pixel values, so that
        the luminance of the display is what is kept, blurred or scaled.

    Raises
    ------
    ArgumentError
        If there is no such kind, an option lies outside its range, is lacking or belongs to another kind, a column is
        called `clipped`, or the folder cannot take the files, holds some of them, or two images would have the same.
    UnknownNameError
        If there is no such option.
    KindError, MissingFileError, NoImageError
        If an option is of the wrong kind, or the images are no image table, and none can be made of them.

    See Also
    --------
    memfeat.lowlevel.statistics : What is left of luminance, contrast, spectrum and so on.

    Notes
    -----
    - "phase_scramble": the phase of every frequency is turned by `strength` × a random angle between −π and π, the
      same in the three channels, so that colours that go together stay together. Angles are the phases of white noise.
      The amplitudes and the mean of each channel are kept exactly until values are cut off and rounded to 8 bits.
    - "greyscale": each pixel becomes the grey of the same relative luminance, 0.2126 R + 0.7152 G + 0.0722 B of light
      (sRGB), to within rounding.
    - "blur": each channel is convolved with a Gaussian; beyond its edges the picture is mirrored.
    - "contrast": differences from the mean of each channel are multiplied by `factor`. With `linear=True` mean
      luminance is kept, and RMS contrast multiplied by the factor, as far as nothing is cut off.

    References
    ----------
    Dakin SC, Hess RF, Ledgeway T, Achtman RL (2002). What causes non-monotonic tuning of fMRI response to noisy images?
    Current Biology 12, R476-R477. (Why images whose phases are half random differ from what one might expect.)

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> image[:, 4:] = 200
    >>> halved = transform({"edge": image}, "contrast", factor=0.5)
    >>> halved["pixels"].item()[0, [0, -1], 0].tolist(), halved["clipped"].item()
    ([50, 150], 0.0)
    """
    chosen, light = _chosen(kind, options)
    table = tabled(images, progress=progress)
    if not table.sizes[IMAGE]:
        raise ArgumentError(advice("images", "hold an image at least", listed("none"), "Look at what chose them."))
    generated, seed = generator(rng)
    places = None if folder is None else _places(table, folder)
    work = _Work(table, KINDS[kind], chosen, light, int(generated.integers(SEEDS)), places)
    names = [str(name) for name in table[IMAGE].values]
    made = in_threads(partial(_made, work), names, what=kind, progress=progress)
    done = {"kind": kind, **chosen, "linear": light} | ({"seed": seed} if KINDS[kind].random else {})
    return _labelled(table, names, made, done)


class _Work(NamedTuple):
    """What is done to each image."""

    table: xr.Dataset
    kind: Kind
    chosen: Mapping[str, float]
    light: bool
    key: int
    places: Mapping[str, Path] | None


class _Made(NamedTuple):
    """A new image."""

    path: str
    facts: Facts
    clipped: float


def _made(work: _Work, name: str) -> _Made:
    """Change one image, and write it if it shall be."""
    try:
        image = decode(work.table, name)
    except UnreadableImage as error:
        row = work.table.sel({IMAGE: name})
        facts = {field: row[field].item() for field in ("sha256", "width", "height", "mode")}
        return _Made(str(row["path"].item()), Facts(**facts, status=error.status, reason=error.reason), np.nan)
    with room(image):
        values = changed(np.asarray(image), _applied(work, name), light=work.light)
    beyond = ((values < -ROUNDING) | (values > 1 + ROUNDING)).any(axis=-1)
    pixels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    if work.places is None:
        return _Made("", inspect_pixels(name, pixels), float(beyond.mean()))
    path = work.places[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return _Made(path.as_posix(), inspect_file(str(path), verify=False), float(beyond.mean()))


def _applied(work: _Work, name: str) -> Callable[[Array], Array]:
    """Give what is done to one image."""
    if not work.kind.random:
        return partial(work.kind.of, **work.chosen)
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), np.uint32)
    return partial(work.kind.of, rng=np.random.default_rng([work.key, *words.tolist()]), **work.chosen)


def _labelled(table: xr.Dataset, names: list[str], made: list[_Made], done: Mapping[str, Any]) -> xr.Dataset:
    """Put the new table together."""
    paths, facts, clipped = (list(column) for column in zip(*made, strict=True))
    result = matched(assembled(names, paths, facts, {}), table, argument="new images", reference="images")
    old = table.variables.keys() - {*RESERVED, CLIPPED}
    kept = {str(name): table.variables[name] for name in table.variables if name in old}
    coords = [name for name in kept if name in table.coords]
    result = result.assign({**kept, CLIPPED: (IMAGE, clipped)}).set_coords(coords)
    result[CLIPPED].attrs = {"long_name": "share of pixels cut off at black or white", "units": "1"}
    transforms = json.dumps([*json.loads(table.attrs.get("transforms", "[]")), done])
    return stamped(result, table.attrs, kind="images", transforms=transforms)


def _chosen(kind: str, options: Mapping[str, Any]) -> tuple[dict[str, float], bool]:
    """Check the options of a kind of change, and whether it works on light."""
    known = KINDS[one_of("kind", kind, KINDS)]
    known_options(options, TransformOptions)
    mine = [*known.options, *(["linear"] if known.light is None else [])]
    foreign = [name for name in options if name not in mine]
    if foreign:
        remedy = f"{kind!r} takes {', '.join(mine)}." if mine else f"{kind!r} takes none."
        raise ArgumentError(advice("options", f"belong to {kind!r}", listed.of(foreign), remedy))
    light = options.get("linear", bool(known.light))
    if not isinstance(light, bool):
        remedy = "True changes the light, False the pixel values as they are stored."
        raise KindError(advice("linear", "be True or False", light, remedy))
    numbers = {
        name: _number(name, options.get(name, allowed.default), allowed) for name, allowed in known.options.items()
    }
    return numbers, light


def _number(name: str, value: Any, allowed: Range) -> float:
    rule = f"be a number from {allowed.low:g}" + (f" to {allowed.high:g}" if np.isfinite(allowed.high) else "")
    remedy = f"Pass {name}=." if allowed.default is None else f"Leave it out for {allowed.default:g}."
    if isinstance(value, bool) or not isinstance(value, Real):
        raise KindError(advice(name, rule, value, remedy))
    if not (allowed.low <= float(value) <= allowed.high and np.isfinite(float(value))):
        raise ArgumentError(advice(name, rule, value, remedy))
    return float(value)


def _places(table: xr.Dataset, folder: str | PathLike[str]) -> dict[str, Path]:
    """Say where each image is written to, and make sure that nothing else is there."""
    top = Path(folder).expanduser()
    places: dict[str, Path] = {}
    for name in (str(name) for name in table[IMAGE].values):
        inside = PurePosixPath(name)
        if inside.is_absolute() or ".." in inside.parts:
            remedy = "Rename them: images.assign_coords(image=names)."
            raise ArgumentError(advice("images", "be called like files inside of the folder", name, remedy))
        stem = inside.stem if inside.suffix.lower() in EXTENSIONS else inside.name
        places[name] = top / inside.with_name(f"{stem}.png")
    written = [str(place) for place in places.values()]
    twice = sorted({place for place in written if written.count(place) > 1})
    if twice:
        remedy = "Rename them: images.assign_coords(image=names)."
        raise ArgumentError(advice("images", "differ in more than the ending of their names", listed.of(twice), remedy))
    there = [str(place) for place in places.values() if place.exists()]
    if there or (top.exists() and not top.is_dir()):
        remedy = "Choose another folder; nothing has been written yet."
        raise ArgumentError(advice("folder", "hold none of the new files", listed.of(there or [top]), remedy))
    return places
