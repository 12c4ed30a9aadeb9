"""Images decoded once: as they enter the network, in 8 bits, and what they look like."""

import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import _progress
from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError, StoreError
from memfeat.images import decode
from memfeat.images.inspection import in_threads
from memfeat.lowlevel import N_BITS, hash_bits
from memfeat.models import Model
from memfeat.models.preprocessing import described

__all__ = ["Decoded", "decoded", "hashes"]

#: Most bytes of decoded images that are held in memory.
IN_MEMORY = 4 * 2**30
#: Images between two times that what was decoded is marked as such.
BLOCK = 256
Bits = npt.NDArray[np.bool_]
Make = Callable[[str, tuple[int, ...]], npt.NDArray[np.uint8]]


class Decoded(NamedTuple):
    """Images in the order of their names.

    Attributes
    ----------
    pixels : array (n, 3, y, x) of uint8
        As the network's preprocessing gives them, times 255; on disk if there is a store.
    bits : array (n, 2, 64) of bool
        Perceptual hash of each, and of its mirror image.
    """

    pixels: npt.NDArray[np.uint8]
    bits: Bits


def hashes(images: xr.Dataset, names: Sequence[str], progress: bool | None) -> Bits:
    """Hash images without keeping them.

    Parameters
    ----------
    images : Dataset (image)
        The image table.
    names : sequence of str
        Which of them.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    array (n, 2, 64) of bool
        Perceptual hash of each, and of its mirror image.
    """
    found = in_threads(lambda name: hash_bits(decode(images, name)), names, what="hash", progress=progress)
    return np.array(found, dtype=np.bool_).reshape(len(names), 2, N_BITS)


def decoded(
    images: xr.Dataset, names: Sequence[str], model: Model, folder: Path | None, progress: bool | None
) -> Decoded:
    """Decode images once; with a folder a run that was stopped goes on.

    Parameters
    ----------
    images : Dataset (image)
        The image table.
    names : sequence of str
        Which of them.
    model : Model
        Whose preprocessing to apply; it gives values in [0, 1].
    folder : Path, optional
        Where to keep them; in memory by default.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Decoded
        Pixels and hashes.

    Raises
    ------
    ArgumentError
        If they do not fit into memory.
    StoreError
        If they do not fit on the disk.
    UnreadableImage
        If one cannot be read any more.
    """
    shape = (len(names), *model.example().shape[1:])
    make: Make = _in_memory if folder is None else _on_disk(folder, _identity(images, names, model))
    pixels, bits, done = make("pixels", shape), make("hashes", (len(names), 2, N_BITS)), make("done", (len(names),))

    def keep(row: int) -> None:
        image = decode(images, names[row])
        bits[row] = hash_bits(image)
        pixels[row] = (model.transform(image) * 255).round().numpy()

    left = np.flatnonzero(np.asarray(done) == 0)
    with _progress.bar(len(names), "decode", progress) as bar:
        bar.n = bar.initial = len(names) - len(left)
        for start in range(0, len(left), BLOCK):
            block = [int(row) for row in left[start : start + BLOCK]]
            in_threads(keep, block, what="decode", progress=False)
            _to_disk(pixels, bits)
            done[block] = 1
            _to_disk(done)
            bar.update(len(block))
    return Decoded(pixels, np.asarray(bits, dtype=np.bool_))


def _in_memory(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    if (size := int(np.prod(shape))) > IN_MEMORY:
        remedy = "Give store='features.zarr'; they are then kept on disk beside it."
        raise ArgumentError(advice("images", "fit into memory once decoded", listed(f"{size / 1e9:.1f} GB"), remedy))
    return np.zeros(shape, dtype=np.uint8)


def _on_disk(folder: Path, identity: str) -> Make:
    folder.mkdir(parents=True, exist_ok=True)

    def make(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        file = folder / f"{identity[:16]}.{name}.npy"
        if not file.is_file():
            # Under another name until it is whole, and with all of its space: a full disk would end the process.
            part = file.with_name(f"{file.name}.part")
            np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape).flush()
            _reserve(part)
            part.replace(file)
        return np.lib.format.open_memmap(file, mode="r+")

    return make


def _reserve(file: Path) -> None:
    if not hasattr(os, "posix_fallocate"):
        return
    with file.open("r+b") as opened:
        try:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
        except OSError as error:
            remedy = "Make room, or put the store elsewhere."
            found = listed(f"{file.parent} ({error.strerror})")
            raise StoreError(
                advice("store", f"have room for {file.stat().st_size / 1e9:.1f} GB", found, remedy)
            ) from error


def _to_disk(*arrays: npt.NDArray[np.uint8]) -> None:
    for array in arrays:
        if isinstance(array, np.memmap):
            array.flush()


def _identity(images: xr.Dataset, names: Sequence[str], model: Model) -> str:
    files = images["sha256"].sel({IMAGE: list(names)}).values
    lines: list[Any] = [described(model.transform), *names, *files]
    return sha256("\n".join(map(str, lines)).encode()).hexdigest()
