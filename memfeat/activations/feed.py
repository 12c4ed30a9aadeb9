"""Batches of one fixed shape: images decoded in threads while the network computes."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import torch
import xarray as xr
from torch import Tensor

from memfeat.images import UnreadableImage, decode
from memfeat.models import Model

__all__ = ["Batch", "batches", "default_size"]

#: Images in one forward pass, unless told otherwise; more gains nothing on a CPU and costs memory.
LARGEST_ON_CPU = 16
LARGEST_ON_GPU = 64
AHEAD = 2


@dataclass(frozen=True)
class Batch:
    """Images of one forward pass.

    Attributes
    ----------
    names : list of str
        The images, at most as many as the batch has places.
    values : Tensor (size, 3, y, x)
        Preprocessed; places of unreadable and of absent images hold zeros.
    failures : dict
        Image → (status, reason) of those that could not be read.
    """

    names: list[str]
    values: Tensor
    failures: dict[str, tuple[str, str]]


def default_size(n_images: int, device: torch.device) -> int:
    """Choose how many images go through the network at once.

    Parameters
    ----------
    n_images : int
        How many there are.
    device : torch.device
        Where they go.

    Returns
    -------
    int
        At most 16 on a CPU and 64 on a GPU; fewer when that leaves less of the last batch empty.
    """
    largest = LARGEST_ON_CPU if device.type == "cpu" else LARGEST_ON_GPU
    rounds = -(-max(n_images, 1) // largest)
    return -(-max(n_images, 1) // rounds)


def batches(images: xr.Dataset, names: Sequence[str], model: Model, *, size: int, workers: int) -> Iterator[Batch]:
    """Decode and preprocess images in threads, a little ahead of the network.

    Parameters
    ----------
    images : Dataset (image)
        The image table.
    names : sequence of str
        Which images, in this order.
    model : Model
        Whose preprocessing to apply.
    size : int
        Places in a batch; the last one is filled up with zeros.
    workers : int
        Threads that decode.

    Yields
    ------
    Batch
        The images of one forward pass.
    """
    groups = (list(names[start : start + size]) for start in range(0, len(names), size))
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="memfeat-decode")
    try:
        waiting: deque[tuple[list[str], list[Future[Tensor | UnreadableImage]]]] = deque()

        def start(group: list[str]) -> None:
            waiting.append((group, [pool.submit(_prepared, images, name, model) for name in group]))

        for group in islice(groups, AHEAD):
            start(group)
        while waiting:
            group, futures = waiting.popleft()
            ready = [future.result() for future in futures]
            if (following := next(groups, None)) is not None:
                start(following)
            yield _assembled(group, ready, size)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepared(images: xr.Dataset, name: str, model: Model) -> Tensor | UnreadableImage:
    try:
        return model.transform(decode(images, name))
    except UnreadableImage as failure:
        return failure


def _assembled(names: list[str], ready: list[Tensor | UnreadableImage], size: int) -> Batch:
    shape = next((item.shape for item in ready if isinstance(item, Tensor)), None)
    failures = {
        name: (item.status, item.reason) for name, item in zip(names, ready, strict=True) if isinstance(item, UnreadableImage)
    }
    if shape is None:
        return Batch(names, torch.zeros(0), failures)
    values = torch.zeros((size, *shape))
    for place, item in enumerate(ready):
        if isinstance(item, Tensor):
            values[place] = item
    return Batch(names, values, failures)
