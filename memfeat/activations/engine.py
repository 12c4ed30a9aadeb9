"""The forward passes: images in, reduced outputs of the wanted modules out, batch by batch."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor, nn

from memfeat._kept import Reduction
from memfeat.activations.capture import Wanted, captured, evaluating
from memfeat.activations.feed import Batch, batches
from memfeat.activations.folding import folded, plan, refuse_folded
from memfeat.activations.options import HALVES, Resolved
from memfeat.activations.placement import downloaded, precise, sharing, uploads, with_channels_last
from memfeat.errors import UnknownNameError
from memfeat.models import Model

__all__ = ["Forwarded", "computation", "deviation", "forward", "running"]

#: Passes that are started before the first of them is waited for, by kind of device: one computes while another's
#: outputs are on their way. A CPU has no use for it.
LAG = {"cuda": 1}
Reduce = Callable[..., Tensor]
Run = Callable[[Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class Forwarded:
    """What one forward pass gave.

    Attributes
    ----------
    names : list of str
        The images.
    values : dict of array (n, ...)
        Layer → one row per image; rows of unreadable images mean nothing. Empty if none could be read.
    failures : dict
        Image → (status, reason) of those that could not be read.
    """

    names: list[str]
    values: dict[str, npt.NDArray[Any]]
    failures: dict[str, tuple[str, str]]


def forward(
    images: xr.Dataset,
    groups: Iterable[list[str]],
    model: Model,
    *,
    capture: tuple[Wanted, Reduction],
    size: int,
    options: Resolved,
) -> Generator[Forwarded, None, None]:
    """Send images through a network.

    Parameters
    ----------
    images : Dataset (image)
        The image table.
    groups : iterable of list of str
        Which images go together, at most `size` of them each.
    model : Model
        The network.
    capture : (mapping, Reduction)
        Which layers to read, and what to keep of them.
    size : int
        Images in one forward pass; short groups are filled up, so that every pass has this shape.
    options : Resolved
        Device and threads.

    Yields
    ------
    Forwarded
        One group's outputs.
    """
    wanted, reduction = capture
    device = options.device
    upload = uploads(device)
    feed = batches(images, groups, model, size=size, workers=options.workers, pinned=device.type == "cuda")
    started: deque[tuple[Batch, Callable[[], dict[str, npt.NDArray[Any]]]]] = deque()
    with closing(feed), running(model.module, wanted, reduction.apply, options) as run:
        for batch in feed:
            outputs = run(upload(batch.values)) if batch.values.numel() else {}
            rows = {layer: value[: len(batch.names)] for layer, value in outputs.items()}
            started.append((batch, downloaded(rows, device)))
            if len(started) > LAG.get(device.type, 0):
                yield _finished(*started.popleft())
        while started:
            yield _finished(*started.popleft())


def _finished(batch: Batch, arrived: Callable[[], dict[str, npt.NDArray[Any]]]) -> Forwarded:
    return Forwarded(batch.names, arrived(), batch.failures)


@contextmanager
def running(module: nn.Module, wanted: Wanted, reduce: Reduce, options: Resolved) -> Iterator[Run]:
    """Make a network ready to run on a device, in the way that the options ask for.

    Parameters
    ----------
    module : nn.Module
        The network. It is left as it was found.
    wanted : mapping
        Which layers: name → (module name, call).
    reduce : callable
        What to keep of an output.
    options : Resolved
        Device, `fast`, `autocast`, `tf32`.

    Yields
    ------
    callable
        Runs a batch that is on the device, and gives {layer: reduced output}.

    Raises
    ------
    UnknownNameError
        If a layer does not exist in fast mode.
    ArgumentError
        If the network cannot be run in fast mode. The callable raises it if the first axis of an output is not that of
        the images.
    """
    if options.fast:
        refuse_folded(module, [name for name, _ in wanted.values()])
    kept = reduce if options.autocast is None else _widened(reduce)
    with ExitStack() as stack:
        ways = iter(_ways(module, options))
        settled = False

        def start() -> Run:
            stack.close()
            way = next(ways)
            placed = stack.enter_context(way.place)
            inner = stack.enter_context(captured(placed, wanted, kept, early=way.ours))
            layout = way.layout
            return lambda batch: inner(batch.contiguous(memory_format=layout) if batch.ndim == 4 else batch)

        current = start()

        def run(batch: Tensor) -> dict[str, Tensor]:
            nonlocal current, settled
            # Around one pass and not around the context: a generator would leave modes on in its caller's code.
            with torch.inference_mode(), precise(options.tf32), _half(options):
                try:
                    outputs = current(batch)
                except (UnknownNameError, RuntimeError) as error:
                    if settled or not _about_the_way(error):
                        raise
                    settled, current = True, start()
                    outputs = current(batch)
            settled = True
            return outputs

        yield run


@dataclass(frozen=True)
class _Way:
    """One way to run a network: where, in which order of axes in memory, and whether it is a copy of our own."""

    place: AbstractContextManager[nn.Module]
    layout: torch.memory_format
    ours: bool


def _ways(module: nn.Module, options: Resolved) -> Iterator[_Way]:
    """Give the fastest way to run a network, and the one that always works."""
    make: Callable[[nn.Module], nn.Module | None] = folded if options.fast else sharing
    for layout in (torch.channels_last, torch.contiguous_format):
        quick = layout is torch.channels_last
        mine = make(module) if quick or options.fast else None
        if mine is None:
            yield _Way(evaluating(module, options.device), layout, ours=False)
        else:
            placed = mine.to(options.device)
            yield _Way(nullcontext(with_channels_last(placed) if quick else placed), layout, ours=True)


def _about_the_way(error: Exception) -> bool:
    # Either the network asks for .view() of a map, which only one layout in memory allows; or parts of it are called
    # behind the copy's back, so that a layer did not come.
    return isinstance(error, UnknownNameError) or "view size is not compatible" in str(error)


def _half(options: Resolved) -> AbstractContextManager[Any]:
    kind = HALVES.get(options.autocast or "")
    return nullcontext() if kind is None else torch.autocast(options.device.type, dtype=kind)


def _widened(reduce: Reduce) -> Reduce:
    # A mean over thousands of places must not be summed or rounded in 8 bits.
    return lambda *given: reduce(*given[:-1], given[-1].float())


def computation(module: nn.Module, options: Resolved) -> str:
    """Say what was done to compute faster than exactly.

    Parameters
    ----------
    module : nn.Module
        The network.
    options : Resolved
        `fast`, `autocast` and `tf32`.

    Returns
    -------
    str
        "exact", or for instance "folded: 155 batch norms, 0123456789ab; autocast: bfloat16". It depends on the options
        and the network's structure, and belongs to the identity of whatever is computed.

    Raises
    ------
    ArgumentError
        If the network cannot be run in fast mode.
    """
    said = [
        plan(module).words if options.fast else "",
        f"autocast: {options.autocast}" if options.autocast else "",
        "tf32" if options.tf32 else "",
    ]
    return "; ".join(filter(None, said)) or "exact"


def deviation(module: nn.Module, batch: Tensor, wanted: Wanted, options: Resolved) -> dict[str, float]:
    """Measure how far a faster way to compute is from the exact one.

    Parameters
    ----------
    module : nn.Module
        The network.
    batch : Tensor (n, 3, y, x)
        Preprocessed images.
    wanted : mapping
        Which layers: name → (module name, call).
    options : Resolved
        The faster way.

    Returns
    -------
    dict of float
        Layer → the largest absolute difference of any value, as a share of the layer's largest absolute value.
    """
    exactly = replace(options, fast=False, autocast=None, tf32=False)
    both = []
    for each in (exactly, options):
        with running(module, wanted, lambda *given: given[-1], each) as run:
            outputs = run(batch.to(options.device))
            both.append({layer: value.double().cpu() for layer, value in outputs.items()})
    exact, fast = both
    smallest = torch.finfo(torch.float32).tiny
    return {
        layer: float((fast[layer] - value).abs().max() / value.abs().max().clamp_min(smallest))
        for layer, value in exact.items()
    }
