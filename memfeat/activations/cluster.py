"""Extraction on a dask cluster: every worker holds the network once and writes blocks of its own into one store."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
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
        import distributed

        as_completed: Any = distributed.as_completed
        workers = list(client.nthreads())
        shared = client.scatter(job, broadcast=True)
        target = {"path": str(store.path.resolve()), "device": device, "neighbours": _neighbours(workers)}
        futures = {client.submit(_unit, run, shared, pure=False, **target): len(run.names) for run in runs}
        try:
            for future in as_completed(list(futures)):
                future.result()
                done(futures[future])
        finally:
            client.cancel(list(futures))
        # Only when all has come back: what is still running would write on, and keeps its lock for as long.
        locks.forget_workers(store.path)
        store.clear_leftovers()

    return work


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
