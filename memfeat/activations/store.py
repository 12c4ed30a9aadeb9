"""A store of features on disk: zarr that plain `xarray.open_zarr` reads, filled block by block.

What stands where: there is one group.

`image` and `sha256` have one entry per image, in order of arrival. Every layer is an array (image, ...). Layers that
were computed together belong to one pass; `pass_0`, `pass_1` … (image) say how far it is: "" not yet, "ok" done, else
why the image could not be read. A block is a chunk of images. Its rows are written whole for every layer of the pass,
synced to disk, and only then marked in `pass_k`. So whatever a kill leaves behind is computed again, and what is marked
is there. A block has files of its own in every array of its pass, so several processes may fill different blocks.

`status` and `reason`, the largest rounding error and the consolidated metadata follow from the rest and are written
when the store is closed. The attribute `layer_order` lists the layers as the network runs through them, and the
consolidated metadata stand in that order, which is the one in which xarray gives variables. Nothing in it is a date or
a duration: the same images give the same bytes.
"""

import json
import re
import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, LAYER, LAYER_ORDER, SCHEMA, dimension
from memfeat._version import __version__
from memfeat.activations.durable import UNFINISHED, DurableStore, replace, sync
from memfeat.activations.job import Layout
from memfeat.activations.passes import DONE, ERROR, PASS, Pass
from memfeat.activations.precision import Precision
from memfeat.errors import StoreError

__all__ = ["ROUNDING", "TAKEN", "Store", "opened", "stored_attributes"]

#: Attribute of a layer whose values were rounded.
ROUNDING = "largest_rounding_error"
#: Names that are taken in a store.
TAKEN = re.compile(rf"{IMAGE}|sha256|status|reason|({PASS}|{ERROR})\d+")
#: Entries in one chunk of the columns that describe images.
COLUMN = 65_536
#: What xarray is to take for coordinates.
COORDINATES = "coordinates"
#: One file per block in the array's own folder: a folder per block would double their number.
FLAT_KEYS = {"name": "default", "separator": "."}


def stored_attributes(path: Path) -> dict[str, Any]:
    """Read what a store says of itself.

    Parameters
    ----------
    path : Path
        Where it is, or is to be.

    Returns
    -------
    dict
        Its attributes; empty if there is none.
    """
    if not (path / "zarr.json").is_file():
        return {}
    return dict(zarr.open_group(path, mode="r", use_consolidated=False).attrs.asdict())


def opened(path: Path, identity: Mapping[str, Any]) -> "Store":
    """Open a store for filling, making it if there is none. The caller holds it alone.

    Parameters
    ----------
    path : Path
        Where it is.
    identity : mapping
        What makes its numbers what they are: model, weights, preprocessing, reduction. Fixed when it is made.

    Returns
    -------
    Store
        The store, without what a killed run left behind.

    Raises
    ------
    StoreError
        If something else stands there, it was made by a newer memfeat, or its identity differs.
    """
    if _is_new(path):
        made_by = {"memfeat_version": __version__, "memfeat_schema": SCHEMA}
        zarr.create_group(DurableStore(path), attributes={**identity, **made_by, COORDINATES: ""}, overwrite=True)
        sync([path / "zarr.json", path, path.parent])
    elif not (path / "zarr.json").is_file():
        remedy = "Name another path, or remove what stands there."
        raise StoreError(advice("store", "be a feature store or a new path", str(path), remedy))
    store = Store(path)
    store.must_be(identity)
    store.clear_leftovers()
    return store


def clear_unfinished(path: Path) -> None:
    """Remove files of a store that have not got their names, and folders that were made for them.

    Parameters
    ----------
    path : Path
        The store. Nobody is writing to it.
    """
    for leftover in path.rglob(f"*{UNFINISHED}"):
        # A layer may be called like that.
        if leftover.is_file():
            leftover.unlink(missing_ok=True)
    for folder in path.iterdir():
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _is_new(path: Path) -> bool:
    # A run that was killed as it began leaves an empty folder, or a file in it that has not got its name yet.
    return not path.exists() or (path.is_dir() and all(file.name.endswith(UNFINISHED) for file in path.iterdir()))


class Store:
    """A feature store that is being filled.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.group = zarr.open_group(DurableStore(path), mode="r+", use_consolidated=False)
        self._open: dict[str, Any] = {}

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
        attrs = self.settings
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

    @cached_property
    def names(self) -> list[str]:
        """Images in order of arrival."""
        found = self._read(IMAGE) if IMAGE in self.group else []
        # A kill may have left room for names that were not written.
        return found[: found.index("")] if "" in found else found

    @property
    def hashes(self) -> dict[str, str]:
        """Image → sha256 of its file."""
        return dict(zip(self.names, self._read("sha256"), strict=False)) if self.names else {}

    @cached_property
    def passes(self) -> list[Pass]:
        """Passes in order, each with its layers."""
        return [
            Pass(number, tuple(sorted(layers)), marks.chunks[0], int(marks.attrs["batch_size"]))
            for number, layers in sorted(self._layers_by_pass().items())
            for marks in ([self._array(f"{PASS}{number}")] if f"{PASS}{number}" in self.group else [])
        ]

    def progress(self, each: Pass) -> list[str]:
        """Say how far a pass is: "" not yet, "ok" done, else why the image could not be read."""
        return self._read(each.marks)

    def failures(self, names: Iterable[str], layers: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Give status and reason of those images that could not be read when one of the layers was computed."""
        wanted, asked = set(names), set(layers)
        failed: dict[str, tuple[str, str]] = {}
        for each in self.passes:
            if asked & set(each.layers):
                marks = zip(self.names, self.progress(each), strict=True)
                failed |= {name: _parted(mark) for name, mark in marks if name in wanted and mark not in ("", DONE)}
        return failed

    def clear_leftovers(self) -> None:
        """Remove what a killed run left behind: files that have not got their names, passes that were not finished."""
        clear_unfinished(self.path)
        for number, layers in self._layers_by_pass().items():
            if f"{PASS}{number}" not in self.group:
                for layer in layers:
                    self._remove(layer)

    def drop_empty_pass(self, layers: Iterable[str]) -> None:
        """Forget the last pass if nothing of it was computed and it holds other layers than those that are asked for.

        Parameters
        ----------
        layers : iterable of str
            Layers that are asked for. One that could not be stored must not keep the others from being.
        """
        last = self.passes[-1] if self.passes else None
        if last is None or set(last.layers) <= set(layers) or any(self.progress(last)):
            return
        # The marks go first, because a pass counts for as long as they exist.
        for name in reversed(self._arrays_of(last)):
            self._remove(name)
        self.__dict__.pop("passes", None)

    def add_images(self, names: Sequence[str], hashes: Mapping[str, str]) -> None:
        """Add images that are not there yet, after checking that those that are there have not changed.

        Parameters
        ----------
        names : sequence of str
            The images.
        hashes : mapping
            Image → sha256 of its file.

        Raises
        ------
        StoreError
            If an image that is there had another hash.
        """
        known = self.hashes
        changed = [name for name in names if name in known and known[name] != hashes[name]]
        if changed:
            remedy = "Their files are not those that were computed. Write to a new store, or give them other names."
            raise StoreError(advice("images", "be unchanged since they were stored", listed.of(changed), remedy))
        new = [name for name in names if name not in known]
        # Names come last: an image is there once it is named.
        for column, values in (("sha256", [hashes[name] for name in new]), (IMAGE, new)):
            self._extend(column, len(known), values)
        self.__dict__.pop("names", None)
        for each in self.passes:
            for name in self._arrays_of(each):
                self._resize(name, len(self.names))

    def add_pass(self, layouts: Mapping[str, Layout], precision: Precision, *, block: int, batch: int) -> Pass:
        """Make arrays for layers that are to be computed together.

        Parameters
        ----------
        layouts : mapping
            Layer → its shape for one image.
        precision : Precision
            How values are kept.
        block, batch : int
            Images in one block, and in one forward pass.

        Returns
        -------
        Pass
            The new pass.
        """
        new = Pass(len(self.passes), tuple(sorted(layouts)), block, batch)
        for layer, layout in layouts.items():
            dims = (IMAGE, *(dimension(layer, axis) for axis in layout.axes))
            about = {"pass": new.number} | ({"labels": list(layout.labels)} if layout.labels else {})
            self._create(layer, dims, (block, *layout.shape), dtype=precision.dtype.name, attributes=about)
        if precision.rounds:
            self._create(new.errors, (IMAGE, dimension(new.marks, LAYER)), (block, len(new.layers)), dtype="float32")
            self._declare_coordinate(new.errors)
        self._declare_coordinate(new.marks)
        # Last, because a pass counts from the moment its marks exist.
        self._create(new.marks, (IMAGE,), (block,), dtype="string", attributes={"batch_size": batch})
        sync([self.path])
        self.__dict__.pop("passes", None)
        return new

    def say_order(self, layers: Iterable[str]) -> None:
        """Keep in which order the network runs through the layers that are stored.

        Parameters
        ----------
        layers : iterable of str
            All layers of the network, in order of execution.
        """
        stored = {layer for each in self.passes for layer in each.layers}
        order = [layer for layer in layers if layer in stored]
        if self.settings.get(LAYER_ORDER) != order:
            self.group.attrs[LAYER_ORDER] = order

    def commit(
        self,
        each: Pass,
        rows: Sequence[int],
        values: Iterable[tuple[str, npt.NDArray[Any]]],
        failures: Mapping[int, tuple[str, str]],
    ) -> None:
        """Write rows of every layer of a pass, sync them, and only then mark them.

        Parameters
        ----------
        each : Pass
            The pass.
        rows : sequence of int
            Their positions, ascending, all of one block.
        values : iterable of (str, array (n, ...))
            Layers and their rows, as they are kept; those of unreadable images hold NaN. With rounding errors, if there
            are any. Each is written before the next is asked for.
        failures : mapping
            Offset of a row → (status, reason) of an image that could not be read.
        """
        neighbours = len(rows) == rows[-1] - rows[0] + 1
        # A slice of a whole block is written without being read before.
        where: Any = slice(rows[0], rows[-1] + 1) if neighbours else np.asarray(rows)
        # Each of these is on the disk before the next line is reached.
        for name, given in values:
            self._array(name).oindex[where] = given
        marks = [": ".join(failures[offset]) if offset in failures else DONE for offset in range(len(rows))]
        self._array(each.marks).oindex[where] = np.array(marks, dtype=object)

    def close(self) -> None:
        """Write what follows from the rest: status, reason, rounding error, and metadata that xarray finds whole."""
        for name, column in zip(("status", "reason"), zip(*self._said(), strict=True), strict=False):
            self._extend(name, 0, list(column))
            self._declare_coordinate(name)
        self._declare_coordinate("sha256")
        self._say_rounding_error()
        with warnings.catch_warnings():
            # zarr warns that consolidated metadata is not in its format 3 yet; xarray reads and expects it.
            warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
            zarr.consolidate_metadata(self.group.store, zarr_format=3)
        self._put_in_order()
        sync([self.path / "zarr.json", self.path])

    def _put_in_order(self) -> None:
        # zarr sorts what it consolidates by name, and xarray gives variables as they stand there: 3.10 before 3.2.
        described = json.loads((self.path / "zarr.json").read_bytes())
        consolidated = described["consolidated_metadata"]
        place = {layer: i for i, layer in enumerate(self.settings.get(LAYER_ORDER, []))}
        nodes = sorted(consolidated["metadata"].items(), key=lambda node: place.get(node[0], -1))
        consolidated["metadata"] = dict(nodes)
        replace(self.path / "zarr.json", json.dumps(described, indent=2).encode())

    def _said(self) -> list[tuple[str, str]]:
        """Status and reason of each image, from the first pass that has come to it."""
        said = [("", "")] * len(self.names)
        for each in self.passes:
            for row, mark in enumerate(self.progress(each)):
                if mark and not said[row][0]:
                    said[row] = _parted(mark)
        return said

    def _say_rounding_error(self) -> None:
        for each in self.passes:
            if each.errors in self.group:
                errors = np.nan_to_num(self._array(each.errors)[:])
                for layer, largest in zip(each.layers, errors.max(axis=0, initial=0.0), strict=True):
                    self._array(layer).attrs[ROUNDING] = float(largest)

    def _layers_by_pass(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for name, array in self.group.arrays():
            if "pass" in array.attrs:
                found.setdefault(int(str(array.attrs["pass"])), []).append(name)
        return found

    def _arrays_of(self, each: Pass) -> list[str]:
        return [*each.layers, *([each.errors] if each.errors in self.group else []), each.marks]

    def _extend(self, column: str, start: int, values: Sequence[str]) -> None:
        if column not in self.group:
            self._create(column, (IMAGE,), (COLUMN,), dtype="string", n=0)
        self._resize(column, start + len(values))
        if values:
            self._array(column)[start:] = np.array(values, dtype=object)

    def _resize(self, name: str, n: int) -> None:
        array = self._array(name)
        if array.shape[0] != n:
            array.resize((n, *array.shape[1:]))

    def _create(self, name: str, dims: tuple[str, ...], chunks: tuple[int, ...], *, dtype: str, **more: Any) -> None:
        n = more.pop("n", None)
        self._open[name] = self.group.create_array(
            name,
            shape=(len(self.names) if n is None else n, *chunks[1:]),
            chunks=chunks,
            dtype=dtype,
            fill_value="" if dtype == "string" else float("nan"),
            dimension_names=dims,
            chunk_key_encoding=FLAT_KEYS,  # type: ignore[arg-type]  # zarr's types know only its own class
            overwrite=True,
            **more,
        )

    def _declare_coordinate(self, name: str) -> None:
        declared = str(self.group.attrs[COORDINATES]).split()
        if name not in declared:
            self.group.attrs[COORDINATES] = " ".join([*declared, name])

    def _array(self, name: str) -> Any:
        # Opened once: a block writes to every array, and opening one takes a quarter as long as writing to it.
        if name not in self._open:
            self._open[name] = self.group[name]
        return self._open[name]

    def _remove(self, name: str) -> None:
        self._open.pop(name, None)
        shutil.rmtree(self.path / name)

    def _read(self, name: str) -> list[str]:
        return [str(value) for value in self._array(name)[:]]


def _parted(mark: str) -> tuple[str, str]:
    status, _, reason = mark.partition(": ")
    return status, reason
