"""Making sure that what was written is on the disk, also when the power fails."""

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["sync"]


def sync(paths: Iterable[Path]) -> None:
    """Wait until files and folders are on the disk.

    Parameters
    ----------
    paths : iterable of Path
        Files, and the folders whose entries have changed; a folder after the files in it. Absent ones are passed over,
        since zarr writes no chunk that holds nothing but its fill value.
    """
    for path in paths:
        if path.exists():
            _fsync(path)


def _fsync(path: Path) -> None:
    # Windows cannot open a folder, and writes its entries by itself.
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
