"""Reading what modules put out: right in spite of in-place operations, and one layer per call of a module."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from memfeat.models.layers import first_tensor

__all__ = ["Wanted", "captured", "evaluating"]

#: Layer name → (module name, which call of it, counting from 1).
Wanted = Mapping[str, tuple[str, int]]


@contextmanager
def captured(
    module: nn.Module, wanted: Wanted, reduce: Callable[[str, Tensor], Tensor]
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

    Yields
    ------
    callable
        Runs the network on a batch and gives {layer: reduced output}, tensors that share no memory with the network's
        own. Hooks are removed when the context ends, however it ends.
    """
    taken: dict[str, Tensor] = {}
    calls: Counter[str] = Counter()
    layers: dict[str, dict[int, str]] = defaultdict(dict)
    for layer, (name, call) in wanted.items():
        layers[name][call] = layer

    def keep(name: str, output: Any) -> None:
        calls[name] += 1
        layer = layers[name].get(calls[name])
        tensor = first_tensor(output)
        if layer is not None and tensor is not None:
            taken[layer] = _own(reduce(layer, tensor), tensor)

    def run(batch: Tensor) -> dict[str, Tensor]:
        taken.clear()
        calls.clear()
        module(batch)
        return {layer: taken[layer] for layer in wanted}

    handles = []
    try:
        for name in layers:
            hook = _hook(keep, name)
            handles.append(module.get_submodule(name).register_forward_hook(hook))
        yield run
    finally:
        for handle in handles:
            handle.remove()


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
