"""Batches of one fixed shape: images decoded in threads while the network computes."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import torch
import xarray as xr
from torch import Tensor

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, KindError
from memfeat.images import UnreadableImage, decode
from memfeat.models import Model

__all__ = ["Batch", "batches", "default_size", "largest_size"]

#: Images in one forward pass, unless told otherwise. On a CPU more gain nothing: from 11 on, single maps of ResMem
#: exceed the 32 MB up to which glibc reuses memory, so that every pass has to have their pages cleared anew.
LARGEST_ON_CPU = 8
LARGEST_ON_GPU = 64
#: Batches that are decoded ahead of the one that is computed.
AHEAD = 2


@dataclass(frozen=True)
class Batch:
    """Images of one forward pass.

    Attributes
    ----------
    names : list of str
        The images, at most as many as the batch has places.
    values : Tensor (size, 3, y, x)
        Preprocessed, channels last in memory; places of unreadable and of absent images hold zeros. Empty if none could
        be read.
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
        At most 8 on a CPU and 64 on a GPU; fewer when that leaves less of the last batch empty.
    """
    largest = largest_size(device)
    rounds = -(-max(n_images, 1) // largest)
    return -(-max(n_images, 1) // rounds)


def largest_size(device: torch.device) -> int:
    """Give how many images go through the network at once, whatever their number.

    Parameters
    ----------
    device : torch.device
        Where they go.

    Returns
    -------
    int
        8 on a CPU, 64 elsewhere.
    """
    return LARGEST_ON_CPU if device.type == "cpu" else LARGEST_ON_GPU


def batches(
    images: xr.Dataset, groups: Iterable[list[str]], model: Model, *, size: int, workers: int, pinned: bool = False
) -> Generator[Batch, None, None]:
    """Decode and preprocess images in threads, a little ahead of the network.

    Parameters
    ----------
    images : Dataset (image)
        The image table.
    groups : iterable of list of str
        Which images go together, at most `size` of them each.
    model : Model
        Whose preprocessing to apply.
    size : int
        Places in a batch; empty ones are filled with zeros, so that every forward pass has one shape.
    workers : int
        Threads that decode.
    pinned : bool
        Whether to put batches into memory from which a GPU can copy by itself.

    Yields
    ------
    Batch
        The images of one forward pass.
    """
    ahead = iter(groups)
    decoding = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="memfeat-decode")
    # A thread of its own, because it waits for the others.
    assembling = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memfeat-assemble")
    waiting: deque[Future[Batch]] = deque()

    def refill() -> None:
        for group in islice(ahead, AHEAD - len(waiting)):
            ready = [decoding.submit(_prepared, images, name, model) for name in group]
            waiting.append(assembling.submit(_assembled, group, ready, size, pinned))

    try:
        refill()
        while waiting:
            batch = waiting.popleft().result()
            # Before the network takes this one, so that all of its time is used.
            refill()
            yield batch
    finally:
        decoding.shutdown(wait=True, cancel_futures=True)
        assembling.shutdown(wait=True, cancel_futures=True)


def _prepared(images: xr.Dataset, name: str, model: Model) -> Tensor | UnreadableImage:
    try:
        image = decode(images, name)
    except UnreadableImage as failure:
        return failure
    try:
        value = model.transform(image)
    except MemoryError as error:
        # A very thin image becomes a very large one when its shorter side is brought to a given length.
        return UnreadableImage(
            name, "too large", f"{image.width} × {image.height} pixels cannot be preprocessed: {error}"
        )
    if not isinstance(value, Tensor):
        remedy = "End it with torchvision.transforms.ToTensor()."
        raise KindError(advice("transform", "give a tensor", listed(type(value).__name__), remedy))
    return value


def _assembled(names: list[str], futures: list[Future[Tensor | UnreadableImage]], size: int, pinned: bool) -> Batch:
    pairs = [(name, future.result()) for name, future in zip(names, futures, strict=True)]
    failures = {name: (item.status, item.reason) for name, item in pairs if isinstance(item, UnreadableImage)}
    tensors = [item for _, item in pairs if isinstance(item, Tensor)]
    if not tensors:
        return Batch(names, torch.zeros(0), failures)
    shapes = {tuple(item.shape) for item in tensors}
    if len(shapes) > 1:
        remedy = "Resize and crop in it, so that every image has one size."
        raise ArgumentError(advice("transform", "give every image one shape", listed(sorted(shapes)), remedy))
    layout = torch.channels_last if tensors[0].ndim == 3 else torch.contiguous_format
    values = torch.empty((size, *tensors[0].shape), memory_format=layout, pin_memory=pinned).zero_()
    for place, (_, item) in enumerate(pairs):
        if isinstance(item, Tensor):
            values[place] = item
    return Batch(names, values, failures)
