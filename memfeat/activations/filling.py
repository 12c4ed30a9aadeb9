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
from memfeat.activations.feed import default_size
from memfeat.activations.job import Job, filled, rows
from memfeat.activations.store import Pass, Store, block_size, opened
from memfeat.errors import StoreError

__all__ = ["Run", "Work", "closed_after", "compute", "fill", "pending", "prepared", "room_on_disk"]

log = logging.getLogger(__name__)
BATCH = "batch_size"
#: Error numbers of a disk that is full, and of a quota that is used up.
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
#: Runs shorter than this are over before their forecast is read.
WORTH_A_FORECAST = 64


@dataclass(frozen=True)
class Run:
    """Neighbouring rows of one block that are still to be computed: the unit of work.

    Attributes
    ----------
    each : Pass
        Whose layers.
    start : int
        Position of the first image in the store.
    names : list of str
        The images.
    """

    each: Pass
    start: int
    names: list[str]

    @property
    def block(self) -> int:
        """Which block it is in."""
        return self.start // self.each.block


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
    with locks.alone(path), room_on_disk(), closed_after(prepared(job, layers, names, path)) as store:
        runs = pending(store, layers, names)
        n = sum(len(run.names) for run in runs)
        with _progress.bar(n, f"extract to {path.name}", job.options.progress) as bar:
            _logged(work or compute, store, job, runs, bar.update)
        return store.failures(names)


@contextmanager
def room_on_disk() -> Iterator[None]:
    """Say in words what to do about a full disk.

    Yields
    ------
    None
        While something is written.

    Raises
    ------
    StoreError
        If the disk is full, or the user's share of it.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        remedy = "Make room and call again with the same arguments: what is stored is kept."
        raise StoreError(advice("store", "have room on its disk", listed("a full disk"), remedy)) from error


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
    settings = {BATCH: _batch(job, layers, len(names))}
    store = opened(path, job.identity, settings=settings) if path.exists() else None
    _must_fit(job, layers, names, path, store)
    store = store or opened(path, job.identity, settings=settings)
    hashes = dict(zip(names, map(str, job.images["sha256"].sel({IMAGE: names}).values), strict=True))
    store.add_images(names, hashes)
    store.drop_empty_pass(layers)
    stored = {layer for each in store.passes for layer in each.layers}
    missing = [layer for layer in layers if layer not in stored]
    if missing:
        size = int(store.settings[BATCH])
        # Whole batches, so that no forward pass straddles two blocks.
        block = max(1, block_size(job.row_bytes(missing)) // size) * size
        store.add_pass(job.layouts(missing), block, job.precision)
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
        In the order in which they stand in the store. Layers of a pass come together, so that one mark per image and
        pass is enough.
    """
    asked, wanted, runs = set(layers), set(names), []
    for each in store.passes:
        if not asked & set(each.layers):
            continue
        marks = store.progress(each)
        lacking = [row for row, name in enumerate(store.names) if not marks[row] and name in wanted]
        for rows_of_run in _neighbours(lacking, each.block):
            runs.append(Run(each, rows_of_run[0], [store.names[row] for row in rows_of_run]))
    return runs


def _neighbours(positions: list[int], block: int) -> Iterator[list[int]]:
    # Neighbours keep a constant distance to their rank; a new block breaks the run.
    keyed = groupby(enumerate(positions), key=lambda pair: (pair[1] - pair[0], pair[1] // block))
    return ([position for _, position in group] for _, group in keyed)


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
    size = int(store.settings[BATCH])
    for _, of_pass in groupby(runs, key=lambda run: run.each.number):
        chosen = list(of_pass)
        groups = [run.names[at : at + size] for run in chosen for at in range(0, len(run.names), size)]
        with closing(job.forward(chosen[0].each.layers, groups, size)) as stream:
            for run in chosen:
                _one_run(store, job, run, _watched(islice(stream, -(-len(run.names) // size)), done))


def _watched(groups: Iterator[Forwarded], done: Callable[[int], Any]) -> Iterator[Forwarded]:
    for group in groups:
        yield group
        done(len(group.names))


def _one_run(store: Store, job: Job, run: Run, groups: Iterator[Forwarded]) -> None:
    begun = time.monotonic()
    values = rows(job.layouts(run.each.layers), len(run.names))
    failures: dict[str, tuple[str, str]] = {}
    done = 0
    for group in groups:
        filled(values, group, done)
        failures |= group.failures
        done += len(group.names)
    computed = time.monotonic()
    offsets = {run.names.index(name): said for name, said in failures.items()}
    with room_on_disk():
        store.commit(run.each, run.start, _kept(run.each, values, job), offsets)
    facts = {"pass": run.each.number, "first": run.start, "images": len(run.names), "unreadable": len(failures)}
    times = {"seconds": f"{computed - begun:.2f}", "writing": f"{time.monotonic() - computed:.2f}"}
    runlog.note(store.path, "block", **facts, **times)


def _kept(each: Pass, values: Mapping[str, npt.NDArray[np.float32]], job: Job) -> dict[str, npt.NDArray[Any]]:
    kept, errors = {}, []
    for layer, computed in values.items():
        kept[layer], error = job.precision.apply(computed, layer)
        errors.append(error)
    return kept | ({each.errors: np.max(errors, axis=0)} if job.precision.rounds else {})


def _logged(work: Work, store: Store, job: Job, runs: Sequence[Run], done: Callable[[int], Any]) -> None:
    if not runs:
        return
    n = sum(len(run.names) for run in runs)
    runlog.note(store.path, "begin", images=n, layers=sum(len(e.layers) for e in {r.each for r in runs}))
    work(store, job, runs, done)
    runlog.note(store.path, "end", images=n)


def _batch(job: Job, layers: list[str], n_images: int) -> int:
    wished = default_size(n_images, job.options.device)
    return job.options.batch_size or min(wished, block_size(job.row_bytes(layers)))


def _must_fit(job: Job, layers: list[str], names: list[str], path: Path, store: Store | None) -> None:
    lacking = _lacking(layers, names, store)
    n = max((count for _, count in lacking), default=0)
    if not n:
        return
    needed = sum(job.stored_bytes(each) * count for each, count in lacking)
    free = shutil.disk_usage(path if path.exists() else path.parent).free
    seconds = forecasting.seconds_per_image(job) * sum(count for _, count in lacking) if n >= WORTH_A_FORECAST else None
    log.info("%s", forecasting.sentence(n, needed, free, seconds))
    if needed > free:
        found = listed(f"{needed / 1e9:.1f} GB to write and {free / 1e9:.1f} GB free")
        remedy = "Choose fewer layers, reduce='mean', or another disk."
        raise StoreError(advice("store", "fit the free disk", found, remedy))


def _lacking(layers: list[str], names: list[str], store: Store | None) -> list[tuple[list[str], int]]:
    """Layers that are computed together, and for how many images they are lacking."""
    passes = store.passes if store else []
    stored = {layer for each in passes for layer in each.layers}
    found = [([layer for layer in layers if layer not in stored], len(names))]
    for each in passes:
        if store and set(each.layers) & set(layers):
            done = {name for name, mark in zip(store.names, store.progress(each), strict=False) if mark}
            found.append((list(each.layers), len(set(names) - done)))
    return [(some, count) for some, count in found if some and count]
