"""Filling a store: block by block, only what is missing."""

import errno
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import xarray as xr

from memfeat import _progress
from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.activations.engine import Forwarded
from memfeat.activations.feed import default_size
from memfeat.activations.job import Job, filled, rows
from memfeat.activations.reading import read
from memfeat.activations.store import Pass, Store, block_size, locked, opened
from memfeat.errors import StoreError

__all__ = ["fill"]

log = logging.getLogger(__name__)
BATCH = "batch_size"


@dataclass(frozen=True)
class _Run:
    """Neighbouring rows of one block that are still to be computed."""

    start: int
    names: list[str]


def fill(job: Job, layers: list[str], names: list[str], path: Path) -> tuple[xr.Dataset, Mapping[str, tuple[str, str]]]:
    """Compute what a store lacks, and read from it what was asked for.

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
    Dataset (image, ...)
        The layers, lazy, of those images that could be read.
    dict
        Image → (status, reason) of the others.

    Raises
    ------
    StoreError
        If the store cannot take it, or the disk is too small.
    """
    hashes = dict(zip(names, map(str, job.images["sha256"].sel({IMAGE: names}).values), strict=True))
    with locked(path):
        store = opened(path, job.identity, settings={BATCH: _batch(job, layers, len(names))})
        with closing(store):
            size = int(store.settings[BATCH])
            store.add_images(names, hashes, _block(job, layers, size))
            for each in _passes(store, job, layers, size):
                _complete(store, each, job, names, size)
            failures = store.failures(names)
    return read(path, names, layers), failures


def _batch(job: Job, layers: list[str], n_images: int) -> int:
    wished = default_size(n_images, job.options.device)
    return job.options.batch_size or min(wished, block_size(_row_bytes(job, layers)))


def _block(job: Job, layers: list[str], size: int) -> int:
    # Whole batches, so that no forward pass straddles two blocks.
    return max(1, block_size(_row_bytes(job, layers)) // size) * size


def _row_bytes(job: Job, layers: list[str]) -> int:
    return sum(layout.nbytes for layout in job.layouts(layers).values())


def _passes(store: Store, job: Job, layers: list[str], size: int) -> list[Pass]:
    stored = {layer for each in store.passes for layer in each.layers}
    missing = [layer for layer in layers if layer not in stored]
    if missing:
        store.add_pass(job.layouts(missing), _block(job, missing, size))
    # Layers of a pass come together, so that one mark per image and pass is enough.
    return [each for each in store.passes if set(each.layers) & set(layers)]


def _complete(store: Store, each: Pass, job: Job, names: list[str], size: int) -> None:
    runs = _missing(store, each, names)
    n = sum(len(run.names) for run in runs)
    if not n:
        return
    _must_fit(store.path, n, _row_bytes(job, list(each.layers)))
    groups = [run.names[start : start + size] for run in runs for start in range(0, len(run.names), size)]
    with (
        _progress.bar(n, f"extract to {store.path.name}", job.options.progress) as bar,
        closing(job.forward(each.layers, groups, size)) as stream,
    ):
        for run in runs:
            _one_run(store, each, job, run, _watched(islice(stream, -(-len(run.names) // size)), bar))


def _watched(groups: Iterator[Forwarded], bar: Any) -> Iterator[Forwarded]:
    for group in groups:
        yield group
        bar.update(len(group.names))


def _one_run(store: Store, each: Pass, job: Job, run: _Run, groups: Iterator[Forwarded]) -> None:
    values = rows(job.layouts(each.layers), len(run.names))
    failures: dict[str, tuple[str, str]] = {}
    done = 0
    for group in groups:
        filled(values, group, done)
        failures |= group.failures
        done += len(group.names)
    offsets = {run.names.index(name): said for name, said in failures.items()}
    try:
        store.commit(each, run.start, values, offsets)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        remedy = "Make room and call again with the same arguments: what is stored is kept."
        raise StoreError(advice("store", "have room on its disk", listed("a full disk"), remedy)) from error


def _missing(store: Store, each: Pass, names: list[str]) -> list[_Run]:
    wanted = set(names)
    marks = store.progress(each.number)
    stored = store.names
    positions = [i for i, name in enumerate(stored) if marks[i] == 0 and name in wanted]
    # Neighbours keep a constant distance to their rank; a new block breaks the run.
    keyed = groupby(enumerate(positions), key=lambda pair: (pair[1] - pair[0], pair[1] // each.block))
    grouped = [[position for _, position in group] for _, group in keyed]
    return [_Run(group[0], [stored[i] for i in group]) for group in grouped]


def _must_fit(path: Path, n_images: int, row_bytes: int) -> None:
    needed, free = n_images * row_bytes, shutil.disk_usage(path).free
    log.info("%d images, %.1f MB before compression, %.1f MB free", n_images, needed / 1e6, free / 1e6)
    if needed > free:
        found = listed(f"{needed / 1e9:.1f} GB to write and {free / 1e9:.1f} GB free")
        remedy = "Choose fewer layers, reduce='mean', or another disk."
        raise StoreError(advice("store", "fit the free disk", found, remedy))
