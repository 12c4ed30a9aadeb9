"""Extraction on a dask cluster: every worker holds the network once and writes blocks of its own into one store."""

import copy
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from memfeat._check import advice, listed
from memfeat.activations.filling import Run, Work, compute
from memfeat.activations.job import Job
from memfeat.activations.placement import sharing
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
        threads = dict(client.nthreads())
        shared = client.scatter(job, broadcast=True)
        target = {"path": str(store.path.resolve()), "device": device, "neighbours": _neighbours(threads)}
        futures = {client.submit(_unit, run, shared, pure=False, **target): len(run.names) for run in runs}
        try:
            for future in as_completed(list(futures)):
                future.result()
                done(futures[future])
        finally:
            client.cancel(list(futures))

    return work


def _neighbours(threads: Mapping[str, int]) -> int:
    """Give the largest number of worker threads on one host: the share of its cores that each may use."""
    by_host: Counter[str] = Counter()
    for address, n in threads.items():
        by_host[address.rpartition(":")[0]] += n
    return max(by_host.values(), default=1)


def _unit(run: Run, job: Job, *, path: str, device: Any, neighbours: int) -> None:
    threads = max(1, _cores() // neighbours)
    torch.set_num_threads(threads)
    if not (Path(path) / "zarr.json").is_file():
        remedy = "Put it on a drive that all workers mount under the same path."
        raise StoreError(advice("store", "be seen by every worker", path, remedy))
    options = replace(job.options, device=devices.choose(device), workers=min(job.options.workers, threads))
    # Threads of one worker share the weights where that is safe, but each hooks modules of its own.
    module = sharing(job.model.module) or copy.deepcopy(job.model.module)
    model = replace(job.model, module=module)
    compute(Store(Path(path)), replace(job, options=options, model=model), [run], lambda _: None)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
