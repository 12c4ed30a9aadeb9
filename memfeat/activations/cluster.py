"""Extraction on a dask cluster: every worker holds the network once and writes blocks of its own into one store."""

import logging
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from memfeat._check import advice, listed
from memfeat.activations import locks
from memfeat.activations.filling import Run, Work, compute, lacking
from memfeat.activations.job import Job
from memfeat.activations.sharding import absolute
from memfeat.activations.store import Store
from memfeat.errors import KindError, StoreError
from memfeat.models import device as devices

__all__ = ["work_on"]

log = logging.getLogger(__name__)
#: What a client of dask.distributed can do, and is needed here.
NEEDED = ("submit", "scatter", "run", "wait_for_workers", "cancel")
#: Seconds to wait for a first worker.
PATIENCE = 600.0
#: How often what workers took with them when they ended is sent out.
ROUNDS = 3
LOST = "Give each more memory, or a smaller batch_size, and call again: what is stored is kept."
NO_WORKERS = "Start workers, wait with client.wait_for_workers(1), and call again: what is stored is kept."
Place = tuple[str, tuple[int, ...]]


def work_on(client: Any, device: str | torch.device | None) -> Work:
    """Make a way of computing runs that sends them to a cluster.

    Parameters
    ----------
    client : distributed.Client
        Of a cluster whose workers see the store and the images under the same paths.
    device : str or torch.device, optional
        Where workers compute; each chooses for itself by default.

    Returns
    -------
    callable
        Takes a store, a job, runs and a callback, as `memfeat.activations.filling.compute` does.

    Raises
    ------
    KindError
        If it is no client.
    """
    if not all(hasattr(client, name) for name in NEEDED):
        remedy = "Make one: from distributed import Client; Client(n_workers=2, threads_per_worker=1)."
        raise KindError(advice("client", "be a dask.distributed Client", listed(type(client).__name__), remedy))

    def work(store: Store, job: Job, runs: Sequence[Run], done: Callable[[int], Any]) -> None:
        left = list(runs)
        # Workers may have another working directory.
        sent = replace(job, images=absolute(job.images))
        for _ in range(ROUNDS):
            left = _round(client, store, sent, left, device=device, done=done)
            # A worker that was given up may still be writing.
            locks.wait_for_workers(store.path)
            if not left:
                break
            log.warning("%d blocks were lost with the workers that computed them; they are sent out again", len(left))
        else:
            found = listed(f"{len(left)} blocks lost in {ROUNDS} rounds, as workers ended while they computed")
            raise StoreError(advice("client", "keep its workers", found, LOST))
        locks.forget_workers(store.path)
        store.clear_leftovers()

    return work


def _round(
    client: Any, store: Store, job: Job, runs: Sequence[Run], *, device: Any, done: Callable[[int], Any]
) -> list[Run]:
    """Send runs to the workers, and give those that were lost because a worker ended."""
    import distributed

    shared, shares = _sent(client, job)
    target = {"path": str(store.path.resolve()), "device": device, "shares": shares}
    futures = {client.submit(_unit, run, shared, pure=False, **target): run for run in runs}
    lost = []
    as_completed: Any = distributed.as_completed
    try:
        for future in as_completed(list(futures)):
            try:
                future.result()
            except (CancelledError, distributed.KilledWorker):
                # Either the worker had it, or the network went with the last worker that had that.
                lost.append(futures[future])
            else:
                done(len(futures[future].names))
    finally:
        client.cancel(list(futures))
    return lost


def _sent(client: Any, job: Job) -> tuple[Any, dict[str, int]]:
    """Send the job to every worker once, because it holds the network; and say how many cores each has to itself."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
        shares = _shares(client.run(_place, on_error="ignore"))
        return client.scatter(job, broadcast=True, hash=False), shares
    except (TimeoutError, OSError) as error:
        raise StoreError(advice("client", "have workers", listed(str(error) or "none"), NO_WORKERS)) from error


def _place() -> Place:
    """Say which cores of which machine this process may use."""
    return socket.gethostname(), tuple(sorted(_cores()))


def _shares(places: Mapping[str, Place]) -> dict[str, int]:
    """Divide cores among the workers that may use the same ones: address → how many each gets."""
    sharing = Counter(places.values())
    return {address: max(1, len(place[1]) // sharing[place]) for address, place in places.items()}


#: One unit at a time in a process: it uses all cores that the process may, and settings of torch are the process's.
_one_at_a_time = threading.Lock()


def _unit(run: Run, job: Job, *, path: str, device: Any, shares: Mapping[str, int]) -> None:
    if not (Path(path) / "zarr.json").is_file():
        remedy = "Put it on a drive that all workers mount under the same path."
        raise StoreError(advice("store", "be seen by every worker", path, remedy))
    # The lock comes first: a unit that waits for another one must be seen by those who want the store for themselves.
    with locks.as_worker(Path(path), f"{run.each.number}-{run.block}"), _one_at_a_time:
        store = Store(Path(path))
        # Another worker may have written the block before it ended, or was given up.
        left = lacking(store, run)
        if left is None:
            return
        threads, before = _share(shares), torch.get_num_threads()
        options = replace(job.options, device=devices.choose(device), workers=min(job.options.workers, threads))
        try:
            torch.set_num_threads(threads)
            compute(store, replace(job, options=options), [left], lambda _: None)
        finally:
            # The process may be the user's own, when the cluster is made of threads.
            torch.set_num_threads(before)


def _share(shares: Mapping[str, int]) -> int:
    import distributed

    fewest = min(shares.values(), default=1)
    try:
        # A worker that came later takes as many as the one with the fewest.
        return shares.get(distributed.get_worker().address, fewest)
    except ValueError:
        return fewest


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
