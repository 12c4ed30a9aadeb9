"""Reading what modules put out: right in spite of in-place operations, and one layer per call of a module."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, UnknownNameError
from memfeat.models.layers import first_tensor

__all__ = ["Wanted", "captured", "evaluating"]

#: Layer name → (module name, which call of it, counting from 1).
Wanted = Mapping[str, tuple[str, int]]
OTHER_AXIS = "Read the module around it, or let the network put images first (batch_first=True in torch.nn)."
SKIPPED = "The network skips them for some images; leave them out."


class _Enough(BaseException):
    """All that is wanted is there. No error, so that a network's own `except Exception` lets it pass."""


@contextmanager
def captured(
    module: nn.Module, wanted: Wanted, reduce: Callable[[str, Tensor], Tensor], *, early: bool = False
) -> Iterator[Callable[[Tensor], dict[str, Tensor]]]:
    """Read outputs of modules for as long as the context lasts.

    Parameters
    ----------
    module : nn.Module
        The network.
    wanted : mapping
        Which layers: name → (module name, call).
    reduce : callable
        Applied to a layer's name and its module's output (n, ...) at the moment it is put out, before a later
        in-place operation can change it. It may return a view of the output, but not write to it.
    early : bool
        Whether a pass may end as soon as the last wanted module has put out its result. Not for a network that must
        be left as it was found: code of its own may not expect to be left in the middle.

    Yields
    ------
    callable
        Runs the network on a batch and gives {layer: reduced output}, tensors that share no memory with the network's
        own. Hooks are removed when the context ends, however it ends. Raises ArgumentError if the first axis of an
        output is not that of the images, and UnknownNameError if a layer is not put out at all.
    """
    taken: dict[str, Tensor] = {}
    n_images = 0
    calls: Counter[str] = Counter()
    layers: dict[str, dict[int, str]] = defaultdict(dict)
    for layer, (name, call) in wanted.items():
        layers[name][call] = layer

    def keep(name: str, output: Any) -> None:
        calls[name] += 1
        layer = layers[name].get(calls[name])
        tensor = first_tensor(output)
        if layer is not None and tensor is not None:
            _must_begin_with_images(layer, tensor, n_images)
            taken[layer] = _own(reduce(layer, tensor), tensor)
            if early and len(taken) == len(wanted):
                raise _Enough

    def run(batch: Tensor) -> dict[str, Tensor]:
        nonlocal n_images
        taken.clear()
        calls.clear()
        n_images = len(batch)
        with suppress(_Enough):
            module(batch)
        return _complete(taken, wanted)

    handles = []
    try:
        for name in layers:
            hook = _hook(keep, name)
            handles.append(module.get_submodule(name).register_forward_hook(hook))
        yield run
    finally:
        for handle in handles:
            handle.remove()


def _complete(taken: Mapping[str, Tensor], wanted: Wanted) -> dict[str, Tensor]:
    lacking = [layer for layer in wanted if layer not in taken]
    if lacking:
        found = listed(f"no output of {listed.of(lacking)}")
        raise UnknownNameError(advice("layers", "be put out in every pass of the network", found, SKIPPED))
    return {layer: taken[layer] for layer in wanted}


def _must_begin_with_images(layer: str, output: Tensor, n_images: int) -> None:
    # One black image cannot tell a token from an image, and rows of tokens would be stored as if they were images.
    if output.ndim == 0 or len(output) != n_images:
        found = listed(f"shape {tuple(output.shape)} of layer {layer!r} for {n_images} images")
        raise ArgumentError(advice("layers", "put out one row per image", found, OTHER_AXIS))


def _hook(keep: Callable[[str, Any], None], name: str) -> Callable[[nn.Module, Any, Any], None]:
    return lambda _module, _inputs, output: keep(name, output)


def _own(reduced: Tensor, output: Tensor) -> Tensor:
    # Only a result that is a view of the output can be rewritten by the network; everything else is new already.
    whole, part = output.untyped_storage(), reduced.untyped_storage()
    # Memory that went through numpy and back may begin anywhere inside the output's.
    shared = whole.data_ptr() <= part.data_ptr() < whole.data_ptr() + whole.nbytes()
    return reduced.clone() if shared else reduced


@contextmanager
def evaluating(module: nn.Module, device: torch.device) -> Iterator[nn.Module]:
    """Put a network in evaluation mode on a device, and leave it as it was found.

    Parameters
    ----------
    module : nn.Module
        The network.
    device : torch.device
        Where to run it.

    Yields
    ------
    nn.Module
        The network.
    """
    training = {part: part.training for part in module.modules()}
    parameter = next(module.parameters(), None)
    home = device if parameter is None else parameter.device
    try:
        module.eval()
        module.to(device)
        yield module
    finally:
        for part, mode in training.items():
            part.training = mode
        module.to(home)
