"""Room for the rows of a block that is being computed: on disk, so that they take no memory from the network."""

import errno
import mmap
import os
import tempfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat.activations.job import Layout

__all__ = ["Room"]

FLOAT32 = 4
#: Bytes written at a time where a file cannot be reserved.
PIECE = 2**20
#: Error numbers of drives on which files cannot be mapped into memory.
UNMAPPED = {errno.ENODEV, errno.EINVAL, errno.EACCES, errno.EOPNOTSUPP}


class Room:
    """Rows of a block in a nameless file, which is gone with the process, however that ends.

    In memory where a drive does not allow to map files.

    Parameters
    ----------
    layouts : mapping
        Layer → its shape for one image.
    n : int
        Number of rows, at least 1.
    folder : Path
        On whose disk the file is.

    Attributes
    ----------
    values : dict of array (n, ...)
        Layer → its rows, float32, to be written to and read.

    Raises
    ------
    OSError
        If the disk is too full for them.
    """

    def __init__(self, layouts: Mapping[str, Layout], n: int, folder: Path) -> None:
        counts = {layer: n * prod(layout.shape) for layer, layout in layouts.items()}
        self._memory, self._on_disk = _mapped(FLOAT32 * max(1, sum(counts.values())), folder)
        self.values: dict[str, npt.NDArray[np.float32]] = {}
        at = 0
        for layer, layout in layouts.items():
            flat = np.frombuffer(self._memory, dtype=np.float32, count=counts[layer], offset=at)
            self.values[layer] = flat.reshape(n, *layout.shape)
            at += flat.nbytes

    def check(self) -> None:
        """Make sure that the disk took everything, before it is read again.

        Raises
        ------
        OSError
            If it did not; what is read might be zeros.
        """
        if self._on_disk:
            self._memory.flush()

    def settle(self) -> None:
        """Leave what was written to the disk and its cache, where systems can be told to."""
        advice: Any = getattr(mmap, "MADV_DONTNEED", None)
        # Elsewhere than on Linux it may mean that the values are of no use any more.
        if self._on_disk and advice is not None and os.uname().sysname == "Linux":
            self._memory.madvise(advice)


def _mapped(n_bytes: int, folder: Path) -> tuple[mmap.mmap, bool]:
    with tempfile.TemporaryFile(dir=folder) as file:
        _reserve(file.fileno(), n_bytes)
        try:
            return mmap.mmap(file.fileno(), n_bytes), True
        except OSError as error:
            if error.errno not in UNMAPPED:
                raise
            return mmap.mmap(-1, n_bytes), False


def _reserve(descriptor: int, n_bytes: int) -> None:
    # A file with holes would end the process when the disk is full, instead of raising an error.
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, n_bytes)
        return
    for start in range(0, n_bytes, PIECE):
        os.write(descriptor, bytes(min(PIECE, n_bytes - start)))
