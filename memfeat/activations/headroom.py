"""Memory: how much is to be had, and runs that will not fit it are refused before they start."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from memfeat._check import advice, listed
from memfeat.activations.forecasting import bytes_in_words
from memfeat.activations.job import Job
from memfeat.errors import ArgumentError

__all__ = ["available", "must_fit"]

log = logging.getLogger(__name__)
MEMINFO, CGROUPS = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
#: Which group of processes this one belongs to, whose memory a container or a batch system limits.
MINE = Path("/proc/self/cgroup")
#: Version of cgroups, by what its line is called → folder, limit, use, and what of that could be freed.
VERSIONS = {
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
KIB = 1024
#: Matrices that are smaller are not worth a word.
WORTH_A_WORD = 100 * 2**20
INTO_A_STORE = 'Give store="features.zarr", which needs no more memory for more images, or choose fewer layers.'
FEWER_MATRICES = "Choose a larger EPS, or fewer layers per call: a store takes further ones in a later call."


def must_fit(job: Job, layers: list[str], n_in_memory: int) -> None:
    """Refuse what does not fit the memory that there is.

    Parameters
    ----------
    job : Job
        What the extraction is about.
    layers : list of str
        Layers that are asked for.
    n_in_memory : int
        Images whose features are kept in memory; 0 for a store.

    Raises
    ------
    ArgumentError
        If the features, or the matrices of a projection, are larger than the memory that is free.
    """
    matrices, on_gpu = job.matrix_bytes(layers), job.options.device.type == "cuda"
    free = available()
    room = torch.cuda.mem_get_info(job.options.device)[0] if on_gpu else free
    if matrices >= WORTH_A_WORD:
        log.info("The projection's matrices take %s of memory.", bytes_in_words(matrices))
    if room is not None and matrices > room:
        found = listed(f"{bytes_in_words(matrices)} for {len(layers)} layers and {bytes_in_words(room)} free")
        raise ArgumentError(advice("reduce", "leave room in memory for its matrices", found, FEWER_MATRICES))
    kept = job.row_bytes(layers) * n_in_memory + (0 if on_gpu else matrices)
    if free is not None and n_in_memory and kept > free:
        found = listed(f"{bytes_in_words(kept)} to keep and {bytes_in_words(free)} free")
        raise ArgumentError(advice("store", "be given for what does not fit into memory", found, INTO_A_STORE))


def available() -> int | None:
    """Find out how much memory can still be taken.

    Returns
    -------
    int or None
        Bytes: what the system could give without swapping, or less if a container or batch system allows less. Where
        there is no `/proc` all the memory that is built in. None if nothing says.
    """
    known = [value for value in (_of_the_system(), *_of_the_groups()) if value is not None]
    return min(known, default=None)


def _of_the_system() -> int | None:
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        return next(KIB * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _of_the_groups() -> Iterator[int]:
    """Give what each group around this process may still take, from the innermost to the outermost."""
    try:
        mine = MINE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in mine:
        _, controllers, inside = line.split(":", 2)
        if controllers in VERSIONS:
            root, limit, used, reclaimable = VERSIONS[controllers]
            top = CGROUPS / root
            folder = top / inside.strip("/")
            # The path may be the host's, of which a container sees the last part as its root.
            groups = [folder, *(each for each in folder.parents if each == top or top in each.parents)]
            yield from filter(None, (_left(group, limit, used, reclaimable) for group in groups))


def _left(group: Path, limit: str, used: str, reclaimable: str) -> int | None:
    try:
        most, now = (int((group / name).read_text(encoding="ascii")) for name in (limit, used))
        facts = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):
        # No limit ("max"), or no such group in sight.
        return None
    # Pages of files that were read count as used, and are given up when somebody needs the memory.
    return max(1, most - now + int(facts.get(reclaimable, 0)))
