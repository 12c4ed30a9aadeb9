"""Extraction on a dask cluster: every worker holds the network once and writes blocks of its own into one store."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from memfeat._check import advice, listed
from memfeat.activations import locks
from memfeat.activations.filling import Run, Work, compute
from memfeat.activations.job import Job
from memfeat.activations.store import Store
from memfeat.errors import KindError, StoreError
from memfeat.models import device as devices

__all__ = ["work_on"]

#: What a client of dask.distributed can do, and is needed here.
NEEDED = ("submit", "scatter", "nthreads", "cancel")
#: How often what workers took with them when they ended is sent out.
ROUNDS = 3
LOST = "Give each more memory, or a smaller batch_size, and call again: what is stored is kept."


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
        for _ in range(ROUNDS):
            left = _round(client, store, job, left, device=device, done=done)
            if not left:
                break
            # Of a run that was given up, a worker may still be writing.
            locks.wait_for_workers(store.path)
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

    workers = list(client.nthreads())
    # Sent once and not with every run, because it holds the network.
    shared = client.scatter(job, broadcast=True)
    target = {"path": str(store.path.resolve()), "device": device, "neighbours": _neighbours(workers)}
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


def _neighbours(workers: Sequence[str]) -> int:
    """Give the largest number of workers on one host: the share of its cores that each may use."""
    return max(Counter(address.rpartition(":")[0] for address in workers).values(), default=1)


#: One unit at a time in a process: it uses all cores that the process may, and settings of torch are the process's.
_one_at_a_time = threading.Lock()


def _unit(run: Run, job: Job, *, path: str, device: Any, neighbours: int) -> None:
    if not (Path(path) / "zarr.json").is_file():
        remedy = "Put it on a drive that all workers mount under the same path."
        raise StoreError(advice("store", "be seen by every worker", path, remedy))
    with _one_at_a_time, locks.as_worker(Path(path)):
        threads, before = max(1, _cores() // neighbours), torch.get_num_threads()
        options = replace(job.options, device=devices.choose(device), workers=min(job.options.workers, threads))
        try:
            torch.set_num_threads(threads)
            compute(Store(Path(path)), replace(job, options=options), [run], lambda _: None)
        finally:
            # The process may be the user's own, when the cluster is made of threads.
            torch.set_num_threads(before)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
