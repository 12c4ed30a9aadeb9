"""Making sure that what was written is on the disk, also when the power fails."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from zarr.core.buffer import Buffer
from zarr.storage import LocalStore

__all__ = ["UNFINISHED", "DurableStore", "replace", "sync"]

#: How a file is called until it is whole and on the disk.
UNFINISHED = ".partial"


class DurableStore(LocalStore):
    """A folder whose files are on the disk before they get their names, so that no power failure leaves half of one."""

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file, sync it, and only then put it in the place of the old one.

        Parameters
        ----------
        key : str
            Where, within the folder.
        value : Buffer
            The file's content.
        """
        await super().set(key + UNFINISHED, value)
        final = Path(self.root) / key
        await asyncio.to_thread(_settle, final.with_name(final.name + UNFINISHED), final)


def replace(file: Path, content: bytes) -> None:
    """Write a file, sync it, and only then put it in the place of the old one.

    Parameters
    ----------
    file : Path
        Where it is.
    content : bytes
        What it is to hold.
    """
    unfinished = file.with_name(file.name + UNFINISHED)
    unfinished.write_bytes(content)
    _settle(unfinished, file)


def _settle(unfinished: Path, final: Path) -> None:
    _fsync(unfinished)
    unfinished.replace(final)
    _fsync(final.parent)


def sync(paths: Iterable[Path]) -> None:
    """Wait until files and folders are on the disk.

    Parameters
    ----------
    paths : iterable of Path
        Files, and the folders whose entries have changed; a folder after the files in it. Absent ones are passed over.
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
