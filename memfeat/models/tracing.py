"""One image sent through a network: which modules put out what, in which order, and along which axes."""

import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from memfeat._kept.axes import LAST, LINES, Axes, axes_of
from memfeat.models.model import Model

__all__ = ["Seen", "first_tensor", "trace"]

#: Modules whose outputs have other axes than their number suggests, by class. Linear and LayerNorm work along the last
#: axis, so channels are last where these are used on maps, as in Swin transformers and ConvNeXt.
KINDS: dict[str, dict[int, Axes]] = {
    "AvgPool1d": LINES,
    "Conv1d": LINES,
    "LayerNorm": LAST,
    "Linear": LAST,
    "MaxPool1d": LINES,
    "PatchMerging": LAST,
    "PatchMergingV2": LAST,
    "ShiftedWindowAttention": LAST,
    "ShiftedWindowAttention3d": LAST,
    "ShiftedWindowAttentionV2": LAST,
    "SwinTransformerBlock": LAST,
    "SwinTransformerBlockV2": LAST,
}


#: Images that are sent through. What has another number in its place has no images there.
ONE = 1


@dataclass(frozen=True)
class Seen:
    """One call of a module.

    Attributes
    ----------
    name : str
        The module.
    kind : str
        Its class.
    call : int
        Which call of it, counting from 1.
    calls : int
        How many calls of it there are, those included that are not listed.
    shape : tuple of int
        Shape of its output for one image.
    axes : tuple of str
        Names of the output's axes, without the images.
    """

    name: str
    kind: str
    call: int
    calls: int
    shape: tuple[int, ...]
    axes: Axes


def first_tensor(output: Any) -> Tensor | None:
    """Give the tensor that a module put out; of a tuple, list or dict its first one.

    Parameters
    ----------
    output : object
        What a module returned.

    Returns
    -------
    Tensor or None
        None if there is no tensor in it.
    """
    if isinstance(output, Tensor):
        return output
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, tuple | list):
        return next((item for item in output if isinstance(item, Tensor)), None)
    return None


class _Axes:
    """What is known of the axes of tensors on their way through a network."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Tensor], Axes]] = {}

    def of_output(self, module: nn.Module, inputs: Any, output: Tensor) -> Axes:
        axes = self._found(module, first_tensor(inputs), output)
        self._known[id(output)] = (weakref.ref(output), axes)
        return axes

    def _found(self, module: nn.Module, given: Tensor | None, output: Tensor) -> Axes:
        ndim, kind = output.ndim - 1, type(module).__name__
        # A container often hands on what its last part put out.
        known = self._of(output)
        if known is not None:
            return known
        if ndim in KINDS.get(kind, {}):
            return KINDS[kind][ndim]
        before = None if given is None else self._of(given)
        if given is None or before is None:
            return axes_of(ndim)
        order = getattr(module, "dims", None)
        if kind == "Permute" and order is not None:
            return tuple(before[axis - 1] for axis in order[1:])
        # What keeps the shape (an activation, dropout) keeps the axes.
        return before if given.shape == output.shape else axes_of(ndim)

    def _of(self, tensor: Tensor) -> Axes | None:
        ref, axes = self._known.get(id(tensor), (None, ()))
        return axes if ref is not None and ref() is tensor else None


def trace(model: Model) -> tuple[list[Seen], dict[str, tuple[int, ...]]]:
    """Send one black image through a network.

    Parameters
    ----------
    model : Model
        The network.

    Returns
    -------
    list of Seen
        The calls of its modules, in the order in which they finish; those that put out no tensor (n, ...) are left out.
    dict of tuple
        Modules that are left out because the first axis of what they put out is not that of the images (tokens or
        windows come first) → the shape of that.
    """
    seen: list[Seen] = []
    others: dict[str, tuple[int, ...]] = {}
    calls: Counter[str] = Counter()
    axes = _Axes()

    def note(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        tensor = first_tensor(output)
        calls[name] += 1
        if tensor is None or tensor.ndim < 2:
            return
        if len(tensor) != ONE:
            others[name] = tuple(tensor.shape)
            return
        named = axes.of_output(module, inputs, tensor)
        seen.append(Seen(name, type(module).__name__, calls[name], 0, tuple(tensor.shape[1:]), named))

    was_training = {module: module.training for _, module in model.named_modules()}
    handles = [module.register_forward_hook(_hook(note, name)) for name, module in model.named_modules() if name]
    try:
        model.module.eval()
        with torch.inference_mode():
            model.module(_placed(model.example(), model.module))
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in was_training.items():
            module.training = mode
    return [replace(item, calls=calls[item.name]) for item in seen], others


def _hook(note: Callable[..., None], name: str) -> Callable[[nn.Module, Any, Any], None]:
    return lambda module, inputs, output: note(name, module, inputs, output)


def _placed(batch: Tensor, module: nn.Module) -> Tensor:
    parameter = next(module.parameters(), None)
    return batch if parameter is None else batch.to(parameter.device, parameter.dtype)
