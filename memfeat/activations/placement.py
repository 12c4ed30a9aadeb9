"""Where and how a network computes: a copy that shares its tensors, full float32 precision, batches to and from it."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

__all__ = ["downloaded", "precise", "sharing", "uploads", "with_channels_last"]

#: Settings of torch 2.9 and later that let float32 be computed with fewer bits, as (backend, operation).
PRECISIONS = (
    ("cuda", "matmul"),
    ("cudnn", "conv"),
    ("cudnn", "rnn"),
    ("mkldnn", "matmul"),
    ("mkldnn", "conv"),
    ("mkldnn", "rnn"),
)
ON_CPU = "mkldnn"


def sharing(module: nn.Module) -> nn.Module | None:
    """Copy a network without copying its weights, so that it can be changed while the original stays as it is.

    Parameters
    ----------
    module : nn.Module
        The network. It is not touched.

    Returns
    -------
    nn.Module or None
        A copy in evaluation mode whose parameters and buffers are new objects on the same memory. None if a copy might
        not compute what the original computes: because the network has hooks, functions of its own that may refer to
        its parts, compiled code, tensors of a special kind, or something that cannot be copied.
    """
    tensors = [*module.parameters(), *module.buffers()]
    if not all(type(tensor) in (nn.Parameter, Tensor) for tensor in tensors):
        return None
    if any(_entangled(part) for part in module.modules()):
        return None
    memo: dict[int, Any] = {id(tensor): _again(tensor) for tensor in tensors}
    try:
        return copy.deepcopy(module, memo).eval()
    except Exception:  # whatever a network's own parts raise when they cannot be copied
        return None


def _again(tensor: Tensor) -> Tensor:
    shared = tensor.detach()
    return nn.Parameter(shared, requires_grad=False) if isinstance(tensor, nn.Parameter) else shared


def _entangled(part: nn.Module) -> bool:
    # A function made inside another still refers to the original's parts; a hook may keep a state outside the network.
    hooked = bool(part._forward_hooks or part._forward_pre_hooks)
    return hooked or isinstance(part, torch.jit.ScriptModule) or any(map(_closed, vars(part).values()))


def _closed(value: Any) -> bool:
    while isinstance(value, partial):
        value = value.func
    return isinstance(value, FunctionType) and value.__closure__ is not None


def with_channels_last(module: nn.Module) -> nn.Module:
    """Store convolution weights once in the order in which images come, instead of reordering them in every pass.

    Parameters
    ----------
    module : nn.Module
        A network of our own (see `sharing`), changed in place. Values stay what they are.

    Returns
    -------
    nn.Module
        The same.
    """
    for part in module.modules():
        if type(part) is nn.Conv2d:
            ordered = part.weight.detach().contiguous(memory_format=torch.channels_last)
            part.weight = nn.Parameter(ordered, requires_grad=False)
    return module


@contextmanager
def precise(tf32: bool) -> Iterator[None]:
    """Compute float32 with all its bits for as long as the context lasts, and leave the settings as they were.

    Parameters
    ----------
    tf32 : bool
        Whether a GPU may use TF32, which keeps 10 of 23 bits of the factors, all the same.

    Yields
    ------
    None
        Nothing.
    """
    new = hasattr(torch.backends.cuda.matmul, "fp32_precision")
    with _named_precisions(tf32) if new else _flags(tf32):
        yield


@contextmanager
def _named_precisions(tf32: bool) -> Iterator[None]:
    backends: dict[str, ModuleType] = {name: getattr(torch.backends, name) for name, _ in PRECISIONS}
    places = [(name, getattr(backends[name], operation)) for name, operation in PRECISIONS]
    before = [place.fp32_precision for _, place in places]
    try:
        for name, place in places:
            place.fp32_precision = "tf32" if tf32 and name != ON_CPU else "ieee"
        yield
    finally:
        for (_, place), value in zip(places, before, strict=True):
            # "none" inherits; only a value that would not be inherited was set here.
            place.fp32_precision = "none"
            if place.fp32_precision != value:
                place.fp32_precision = value


@contextmanager
def _flags(tf32: bool) -> Iterator[None]:
    matmul, convolution = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    try:
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = tf32
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolution


def uploads(device: torch.device) -> Callable[[Tensor], Tensor]:
    """Give what brings batches to a device.

    Parameters
    ----------
    device : torch.device
        Where to.

    Returns
    -------
    callable
        Tensor to Tensor. To a GPU it returns at once and copies beside the pass that is being computed there, which
        takes a batch in pinned memory.
    """
    if device.type != "cuda":
        return lambda batch: batch.to(device)
    beside: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def upload(batch: Tensor) -> Tensor:
        computing = torch.cuda.current_stream(device)
        with torch.cuda.stream(beside):
            placed = batch.to(device, non_blocking=True)
        computing.wait_stream(beside)
        # Or its memory could be given away while the network still reads it.
        placed.record_stream(computing)
        return placed

    return upload


def downloaded(outputs: Mapping[str, Tensor], device: torch.device) -> Callable[[], dict[str, npt.NDArray[Any]]]:
    """Start to bring outputs back from a device.

    Parameters
    ----------
    outputs : mapping of Tensor
        Layer → output.
    device : torch.device
        Where they are.

    Returns
    -------
    callable
        Waits until all have arrived, once and not layer by layer, and gives them: layer → array, float32.
    """
    on_gpu = device.type == "cuda"
    # Without waiting torch copies into pinned memory, which is what lets the copy run beside the next pass.
    host = {layer: value.float().to("cpu", non_blocking=on_gpu) for layer, value in outputs.items()}
    event: Any = torch.cuda.Event() if on_gpu else None  # type: ignore[no-untyped-call]
    if event is not None:
        event.record(torch.cuda.current_stream(device))

    def arrived() -> dict[str, npt.NDArray[Any]]:
        if event is not None:
            event.synchronize()
        return {layer: value.numpy() for layer, value in host.items()}

    return arrived
