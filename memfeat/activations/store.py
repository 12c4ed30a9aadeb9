"""A store of features on disk: zarr that plain `xarray.open_zarr` reads, filled block by block.

What stands where: there is one group.

`image`, `sha256`, `status` and `reason` have one entry per image, in order of arrival. Every layer is an
array (image, ...) of float32. Layers that were computed together belong to one pass; `pass_0`, `pass_1` … (image) say
how far it is: 0 not yet, 1 done, 2 unreadable. A block is a chunk of images. Its rows are written whole for every layer
of the pass, synced to disk, and only then marked in `pass_k`. So whatever a kill leaves behind is computed again, and
what is marked is there. Nothing in the store is a date or a duration: the same images give the same bytes.
"""

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from filelock import FileLock, Timeout

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, SCHEMA, dimension
from memfeat.activations.job import Layout
from memfeat.errors import StoreError

__all__ = ["DONE", "FAILED", "PASS", "Pass", "Store", "block_size", "locked", "opened"]

DONE, FAILED = 1, 2
#: Images per block, and bytes of a block in memory that make it fewer.
BLOCK = 256
BLOCK_BYTES = 256 * 2**20
PASS = "pass_"
TEXTS = ("sha256", "status", "reason")


@dataclass(frozen=True)
class Pass:
    """Layers that are computed together.

    Attributes
    ----------
    number : int
        0 for the first.
    layers : tuple of str
        Their names.
    block : int
        Images in one block.
    """

    number: int
    layers: tuple[str, ...]
    block: int


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a store, which stands beside it.

    Parameters
    ----------
    path : Path
        The store.

    Yields
    ------
    None
        While the lock is held.

    Raises
    ------
    StoreError
        If another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        remedy = "Wait until the other run has finished, or write to another store."
        raise StoreError(advice("store", "be used by one process at a time", str(path), remedy)) from error
    try:
        yield
    finally:
        lock.release()


def opened(path: Path, identity: Mapping[str, Any], *, settings: Mapping[str, int]) -> "Store":
    """Open a store for filling, making it if there is none. The caller holds its lock.

    Parameters
    ----------
    path : Path
        Where it is.
    identity : mapping
        What makes its numbers what they are: model, weights, preprocessing, reduction. Fixed when it is made.
    settings : mapping
        What a new store is to keep besides; an old one keeps its own.

    Returns
    -------
    Store
        The store.

    Raises
    ------
    StoreError
        If something else stands there, it was made by a newer memfeat, or its identity differs.
    """
    if not path.exists():
        zarr.create_group(path, attributes={**identity, **settings, "memfeat_schema": SCHEMA, "coordinates": ""})
    elif not (path / "zarr.json").is_file():
        remedy = "Name another path, or remove what stands there."
        raise StoreError(advice("store", "be a feature store or a new path", str(path), remedy))
    _clear_leftovers(path)
    store = Store(path)
    store.must_be(identity)
    return store


def _clear_leftovers(path: Path) -> None:
    # zarr writes each chunk beside its place and renames it; a kill in between leaves the unrenamed file.
    for leftover in path.rglob("*.partial"):
        leftover.unlink(missing_ok=True)


class Store:
    """A feature store that is being filled.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.group = zarr.open_group(path, mode="r+", use_consolidated=False)

    def must_be(self, identity: Mapping[str, Any]) -> None:
        """Refuse a store whose numbers are made in another way.

        Parameters
        ----------
        identity : mapping
            What they must be made by.

        Raises
        ------
        StoreError
            If it differs; the message says in what.
        """
        attrs = self.group.attrs.asdict()
        schema = attrs.get("memfeat_schema")
        if schema is None:
            raise StoreError(advice("store", "have been made by memfeat", str(self.path), "Name another path."))
        if not isinstance(schema, int) or schema > SCHEMA:
            remedy = "Update memfeat: pip install -U memfeat"
            raise StoreError(advice("store", f"have schema {SCHEMA} or older", schema, remedy))
        differing = [
            f"{key}: stored {attrs.get(key)!r}, asked for {value!r}"
            for key, value in identity.items()
            if attrs.get(key) != value
        ]
        if differing:
            remedy = "Write to another store, or ask for what is stored."
            raise StoreError(advice("store", "hold what is asked for", listed("; ".join(differing)), remedy))

    @property
    def settings(self) -> dict[str, Any]:
        """Attributes of the store."""
        return dict(self.group.attrs.asdict())

    @property
    def names(self) -> list[str]:
        """Images in order of arrival."""
        return [str(name) for name in self._read(IMAGE)] if IMAGE in self.group else []

    @property
    def passes(self) -> list[Pass]:
        """Passes in order, each with its layers."""
        found: dict[int, list[str]] = {}
        for name, array in sorted(self.group.arrays()):
            if "pass" in array.attrs:
                found.setdefault(int(str(array.attrs["pass"])), []).append(name)
        return [
            Pass(number, tuple(names), self._array(f"{PASS}{number}").chunks[0])
            for number, names in sorted(found.items())
            if f"{PASS}{number}" in self.group
        ]

    def progress(self, number: int) -> npt.NDArray[np.int8]:
        """Say how far a pass is: one code per image."""
        marks: npt.NDArray[np.int8] = self._read(f"{PASS}{number}")
        return marks

    def failures(self, names: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Give status and reason of those images that could not be read."""
        wanted = set(names)
        rows = zip(self.names, map(str, self._read("status")), map(str, self._read("reason")), strict=True)
        return {name: (status, reason) for name, status, reason in rows if name in wanted and status not in ("", "ok")}

    def add_images(self, names: Sequence[str], hashes: Mapping[str, str], block: int) -> None:
        """Add images that are not there yet, after checking that those that are there have not changed.

        Parameters
        ----------
        names : sequence of str
            The images.
        hashes : mapping
            Image → sha256 of its file.
        block : int
            Images in one block, should the store be new.

        Raises
        ------
        StoreError
            If an image that is there had another hash.
        """
        known = dict(zip(self.names, map(str, self._read("sha256")), strict=True)) if IMAGE in self.group else {}
        changed = [name for name in names if name in known and known[name] != hashes[name]]
        if changed:
            remedy = "Their files are not those that were computed. Write to a new store, or give them other names."
            raise StoreError(advice("images", "be unchanged since they were stored", listed.of(changed), remedy))
        new = [name for name in names if name not in known]
        if not new:
            return
        total = len(known) + len(new)
        for name in (*TEXTS, IMAGE):
            self._text(name, block, total)
        self._array("sha256")[len(known) :] = np.array([hashes[name] for name in new], dtype=object)
        self._array(IMAGE)[len(known) :] = np.array(new, dtype=object)
        for each in self.passes:
            for name in (*each.layers, f"{PASS}{each.number}"):
                array = self._array(name)
                array.resize((total, *array.shape[1:]))

    def add_pass(self, layouts: Mapping[str, Layout], block: int) -> Pass:
        """Make arrays for layers that are to be computed together.

        Parameters
        ----------
        layouts : mapping
            Layer → its shape for one image.
        block : int
            Images in one block.

        Returns
        -------
        Pass
            The new pass.
        """
        number, n = len(self.passes), len(self.names)
        for layer, layout in layouts.items():
            array = self.group.create_array(
                layer,
                shape=(n, *layout.shape),
                chunks=(block, *layout.shape),
                dtype="float32",
                fill_value=float("nan"),
                dimension_names=(IMAGE, *(dimension(layer, axis) for axis in layout.axes)),
                overwrite=True,
            )
            array.attrs["pass"] = number
        # Last, because a pass counts from the moment its marks exist.
        marks = f"{PASS}{number}"
        self.group.create_array(
            marks, shape=(n,), chunks=(block,), dtype="int8", fill_value=0, dimension_names=(IMAGE,), overwrite=True
        )
        self._declare_coordinate(marks)
        return next(each for each in self.passes if each.number == number)

    def commit(
        self,
        each: Pass,
        start: int,
        values: Mapping[str, npt.NDArray[Any]],
        failures: Mapping[int, tuple[str, str]],
    ) -> None:
        """Write rows of every layer of a pass, sync them, and only then mark them.

        Parameters
        ----------
        each : Pass
            The pass.
        start : int
            Position of the first row.
        values : mapping of array (n, ...)
            Layer → rows; those of unreadable images hold NaN.
        failures : mapping
            Offset of a row → (status, reason) of an image that could not be read.
        """
        n = len(next(iter(values.values())))
        for layer in each.layers:
            self._array(layer)[start : start + n] = values[layer]
        self._say(start, n, failures)
        block = start // each.block
        self._sync((self.path / layer for layer in (*each.layers, *TEXTS)), block)
        marks = np.full(n, DONE, dtype=np.int8)
        marks[list(failures)] = FAILED
        self._array(f"{PASS}{each.number}")[start : start + n] = marks
        self._sync([self.path / f"{PASS}{each.number}"], block)

    def close(self) -> None:
        """Consolidate the metadata, so that plain xarray finds every array."""
        with warnings.catch_warnings():
            # zarr warns that consolidated metadata is not in its format 3 yet; xarray reads and expects it.
            warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
            zarr.consolidate_metadata(self.path, zarr_format=3)

    def _say(self, start: int, n: int, failures: Mapping[int, tuple[str, str]]) -> None:
        said = [failures.get(offset, ("ok", "")) for offset in range(n)]
        for name, column in zip(("status", "reason"), zip(*said, strict=True), strict=True):
            self._array(name)[start : start + n] = np.array(column, dtype=object)

    def _text(self, name: str, block: int, total: int) -> None:
        if name in self.group:
            self._array(name).resize((total,))
            return
        self.group.create_array(
            name, shape=(total,), chunks=(block,), dtype="string", fill_value="", dimension_names=(IMAGE,)
        )
        if name != IMAGE:
            self._declare_coordinate(name)

    def _declare_coordinate(self, name: str) -> None:
        declared = str(self.group.attrs["coordinates"]).split()
        if name not in declared:
            self.group.attrs["coordinates"] = " ".join([*declared, name])

    def _array(self, name: str) -> Any:
        return self.group[name]

    def _read(self, name: str) -> Any:
        return np.asarray(self._array(name)[:])

    def _sync(self, arrays: Iterable[Path], block: int) -> None:
        for folder in arrays:
            chunk = folder / "c" / str(block)
            # zarr writes no chunk that holds nothing but its fill value.
            for path in (chunk, *chunk.rglob("*"), folder / "c", folder):
                if path.exists():
                    _fsync(path)


def _fsync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def block_size(row_bytes: int) -> int:
    """Choose how many images make a block.

    Parameters
    ----------
    row_bytes : int
        Bytes of one image, all layers of the pass together.

    Returns
    -------
    int
        256, or as many as fit 256 MB.
    """
    return max(1, min(BLOCK, BLOCK_BYTES // max(row_bytes, 1)))
