"""Filling a store: what it lacks of what was asked for, block by block, here or wherever the blocks are sent."""

import errno
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat import _progress
from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.activations import forecasting, locks, runlog
from memfeat.activations.engine import Forwarded
from memfeat.activations.feed import largest_size
from memfeat.activations.job import Job, filled
from memfeat.activations.passes import BLOCK_BYTES, DONE, Pass, block_size
from memfeat.activations.room import Room
from memfeat.activations.store import Store, opened
from memfeat.activations.trimming import trim
from memfeat.errors import StoreError

__all__ = ["Run", "Work", "closed_after", "compute", "fill", "lacking", "pending", "prepared", "writable"]

log = logging.getLogger(__name__)
#: Runs shorter than this are over before their forecast is read.
WORTH_A_FORECAST = 64


@dataclass(frozen=True)
class Run:
    """Rows of one block that are still to be computed: the unit of work.

    Attributes
    ----------
    each : Pass
        Whose layers.
    rows : tuple of int
        Positions of its images in the store, ascending, all of one block.
    names : list of str
        The images.
    """

    each: Pass
    rows: tuple[int, ...]
    names: list[str]

    @property
    def block(self) -> int:
        """Which block it is in."""
        return self.rows[0] // self.each.block


#: Computes runs, and calls back with a number of images whenever so many are done.
Work = Callable[[Store, Job, Sequence[Run], Callable[[int], Any]], None]


def fill(
    job: Job, layers: list[str], names: list[str], path: Path, *, work: Work | None = None
) -> Mapping[str, tuple[str, str]]:
    """Compute what a store lacks of what was asked for.

    Parameters
    ----------
    job : Job
        What the extraction is about.
    layers, names : list of str
        Layers and images that are asked for.
    path : Path
        The store.
    work : callable, optional
        Computes the runs; in this process by default.

    Returns
    -------
    dict
        Image → (status, reason) of those that could not be read.

    Raises
    ------
    StoreError
        If the store cannot take it, or the disk is too small.
    """
    with writable(), locks.alone(path), closed_after(prepared(job, layers, names, path)) as store:
        runs = pending(store, layers, names)
        n = sum(len(run.names) for run in runs)
        size = sum(job.stored_bytes(run.each.layers) * len(run.names) for run in runs)
        what = f"extract {forecasting.bytes_in_words(size)} to {path.name}"
        with _progress.bar(n, what, job.options.progress) as bar:
            _logged(work or compute, store, job, runs, bar.update)
        return store.failures(names, layers)


AGAIN, READ = "Make room and call again with the same arguments.", "Read it with xarray.open_zarr."
#: Error numbers of disks that do not take what is written → what is wrong, and what to do.
UNWRITABLE = {
    errno.ENOSPC: ("have room on its disk", "a full disk", AGAIN),
    getattr(errno, "EDQUOT", errno.ENOSPC): ("have room on its disk", "a full disk, or a quota used up", AGAIN),
    errno.EROFS: ("be on a disk that can be written to", "one that cannot", READ),
    errno.EACCES: ("be where you may write", "a place where you may not", READ),
}


@contextmanager
def writable() -> Iterator[None]:
    """Say in words what to do about a disk that does not take what is written. What is stored is kept.

    Yields
    ------
    None
        While something is written.

    Raises
    ------
    StoreError
        If the disk is full, or may not be written to.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        rule, found, remedy = UNWRITABLE[error.errno]
        raise StoreError(advice("store", rule, listed(found), remedy)) from error


@contextmanager
def closed_after(store: Store) -> Iterator[Store]:
    """Close a store in the end, without hiding why it came to that.

    Parameters
    ----------
    store : Store
        The store.

    Yields
    ------
    Store
        The same.
    """
    try:
        yield store
    except BaseException:
        with suppress(OSError):
            store.close()
        raise
    store.close()


def prepared(job: Job, layers: list[str], names: list[str], path: Path) -> Store:
    """Open a store and make room in it; the caller holds it alone.

    Parameters
    ----------
    job : Job
        What the extraction is about.
    layers, names : list of str
        Layers and images that are asked for.
    path : Path
        The store.

    Returns
    -------
    Store
        With an entry for every image, and arrays for every layer.

    Raises
    ------
    StoreError
        If the store cannot take it, or the disk is too small. A new store is not even begun then.
    """
    store = opened(path, job.identity) if path.exists() else None
    if store:
        store.drop_empty_pass(layers)
    _must_fit(job, layers, names, path, store)
    store = store or opened(path, job.identity)
    hashes = dict(zip(names, map(str, job.images["sha256"].sel({IMAGE: names}).values), strict=True))
    store.add_images(names, hashes)
    stored = {layer for each in store.passes for layer in each.layers}
    missing = [layer for layer in layers if layer not in stored]
    if missing:
        batch = _batch(job, missing, store.passes)
        # Whole batches, so that no forward pass straddles two blocks.
        block = max(1, block_size(job.row_bytes(missing)) // batch) * batch
        store.add_pass(job.layouts(missing), job.precision, block=block, batch=batch)
    store.say_order(job.table["name"])
    return store


def pending(store: Store, layers: Iterable[str], names: Iterable[str]) -> list[Run]:
    """List what a store still lacks.

    Parameters
    ----------
    store : Store
        The store, prepared.
    layers, names : iterable of str
        Layers and images that are asked for.

    Returns
    -------
    list of Run
        In the order in which they stand in the store, one for each block, so that no two write to the same files.
        Layers of a pass come together, so that one mark per image and pass is enough.
    """
    asked, wanted, runs = set(layers), set(names), []
    for each in store.passes:
        if not asked & set(each.layers):
            continue
        marks = store.progress(each)
        # Those that could not be read are tried again: a drive may have been absent.
        left = [row for row, name in enumerate(store.names) if marks[row] != DONE and name in wanted]
        for _, of_block in groupby(left, key=lambda row: row // each.block):
            rows = tuple(of_block)
            runs.append(Run(each, rows, [store.names[row] for row in rows]))
    return runs


def lacking(store: Store, run: Run) -> Run | None:
    """Give what is still to be computed of a run.

    Parameters
    ----------
    store : Store
        The store.
    run : Run
        The run.

    Returns
    -------
    Run or None
        The same without rows that are done by now; None if all are.
    """
    marks = store.progress(run.each)
    left = [(row, name) for row, name in zip(run.rows, run.names, strict=True) if marks[row] != DONE]
    return Run(run.each, tuple(row for row, _ in left), [name for _, name in left]) if left else None


def compute(store: Store, job: Job, runs: Sequence[Run], done: Callable[[int], Any]) -> None:
    """Send images through the network and commit them, run by run, in this process.

    Parameters
    ----------
    store : Store
        The store, prepared.
    job : Job
        What the extraction is about.
    runs : sequence of Run
        What to compute.
    done : callable
        Called with a number of images whenever so many have gone through the network.

    Raises
    ------
    StoreError
        If the disk is full.
    """
    for _, of_pass in groupby(runs, key=lambda run: run.each.number):
        chosen = list(of_pass)
        size = chosen[0].each.batch
        groups = [run.names[at : at + size] for run in chosen for at in range(0, len(run.names), size)]
        with closing(job.forward(chosen[0].each.layers, groups, size)) as stream:
            for run in chosen:
                _one_run(store, job, run, _watched(islice(stream, -(-len(run.names) // size)), done))
                trim()


def _watched(groups: Iterator[Forwarded], done: Callable[[int], Any]) -> Iterator[Forwarded]:
    for group in groups:
        yield group
        done(len(group.names))


def _one_run(store: Store, job: Job, run: Run, groups: Iterator[Forwarded]) -> None:
    begun = time.monotonic()
    with writable():
        room = Room(job.layouts(run.each.layers), len(run.names), locks.near(store.path))
    failures: dict[str, tuple[str, str]] = {}
    done = 0
    for group in groups:
        filled(room.values, group, done)
        room.settle()
        failures |= group.failures
        done += len(group.names)
    computed = time.monotonic()
    if len(failures) == len(run.names) and _known(store, run, failures):
        return
    offsets = {run.names.index(name): said for name, said in failures.items()}
    with writable():
        room.check()
        store.commit(run.each, run.rows, _kept(run.each, room, job), offsets)
    facts = {"pass": run.each.number, "first": run.rows[0], "images": len(run.names), "unreadable": len(failures)}
    times = {"seconds": f"{computed - begun:.2f}", "writing": f"{time.monotonic() - computed:.2f}"}
    runlog.note(store.path, "block", **facts, **times)


def _known(store: Store, run: Run, failures: Mapping[str, tuple[str, str]]) -> bool:
    marks = store.progress(run.each)
    return [marks[row] for row in run.rows] == [": ".join(failures[name]) for name in run.names]


def _kept(each: Pass, room: Room, job: Job) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    errors = []
    for layer in each.layers:
        kept, error = job.precision.apply(room.values[layer], layer)
        errors.append(error)
        yield layer, kept
        # By now it is written, and would only add to the memory that the layers after it take.
        room.settle()
    if job.precision.rounds:
        yield each.errors, np.stack(errors, axis=-1)


def _logged(work: Work, store: Store, job: Job, runs: Sequence[Run], done: Callable[[int], Any]) -> None:
    if not runs:
        return
    n = sum(len(run.names) for run in runs)
    n_layers = sum(len(each.layers) for each in {run.each for run in runs})
    runlog.note(store.path, "begin", images=n, layers=n_layers, **job.circumstances)
    work(store, job, runs, done)
    runlog.note(store.path, "end", images=n)


def _batch(job: Job, layers: list[str], passes: list[Pass]) -> int:
    fitting = block_size(job.row_bytes(layers))
    if passes:
        # One shape for all layers, as long as a batch of their outputs fits into memory.
        return min(passes[0].batch, fitting)
    return job.options.batch_size or min(largest_size(job.options.device), fitting)


def _must_fit(job: Job, layers: list[str], names: list[str], path: Path, store: Store | None) -> None:
    left = _lacking(layers, names, store)
    n = max((count for _, count in left), default=0)
    if not n:
        return
    needed = sum(job.stored_bytes(each) * count for each, count in left)
    # The block that is being computed lies on the disk as well.
    room = max(min(job.row_bytes(each) * count, BLOCK_BYTES) for each, count in left)
    free = shutil.disk_usage(path if path.exists() else path.parent).free
    if log.isEnabledFor(logging.INFO):
        total = sum(count for _, count in left)
        # It takes a forward pass, which nobody should wait for unless they read it.
        seconds = forecasting.seconds_per_image(job) * total if n >= WORTH_A_FORECAST else None
        log.info("%s", forecasting.sentence(n, needed, free, seconds))
    if needed + room > free:
        found = listed(f"{(needed + room) / 1e9:.1f} GB to write and {free / 1e9:.1f} GB free")
        remedy = "Choose fewer layers, reduce='mean', or another disk."
        raise StoreError(advice("store", "fit the free disk", found, remedy))


def _lacking(layers: list[str], names: list[str], store: Store | None) -> list[tuple[list[str], int]]:
    """Layers that are computed together, and for how many images they are lacking."""
    passes = store.passes if store else []
    stored = {layer for each in passes for layer in each.layers}
    found = [([layer for layer in layers if layer not in stored], len(names))]
    for each in passes:
        if store and set(each.layers) & set(layers):
            done = {name for name, mark in zip(store.names, store.progress(each), strict=False) if mark == DONE}
            found.append((list(each.layers), len(set(names) - done)))
    return [(some, count) for some, count in found if some and count]
