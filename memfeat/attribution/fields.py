"""Receptive fields: which part of the image a place of a layer's map can depend on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from memfeat._check import advice, listed
from memfeat._kept.axes import SPACE
from memfeat._labels import stamped
from memfeat.activations.placement import precise
from memfeat.attribution.targets import Target, differentiable, must_be_model, on_map, place_of
from memfeat.errors import ArgumentError
from memfeat.models import Model
from memfeat.models.device import choose

__all__ = ["Field", "field_of", "receptive_field"]


class Reach(NamedTuple):
    """What a place sees along one axis of an earlier map: place i from low + stride × i to high + stride × i.

    Of that nothing lies before `first` or behind `last`: the rest is padding, there or on the way.
    """

    stride: int
    low: int
    high: int
    first: int
    last: int


#: Reach of a place that sees everything.
EVERYTHING = None
Both = tuple[Reach | None, ...]


class Field(NamedTuple):
    """Receptive fields along one axis of a map.

    Attributes
    ----------
    size : int
        How many pixels a place can depend on, were the image large enough.
    stride : int
        By how many pixels the fields of neighbours differ; 0 where every place sees everything.
    start : int
        The first pixel of the field of place 0; below 0 where it begins in the padding.
    places : int
        Places of the map.
    pixels : int
        Pixels of the network's input.
    first, last : int
        The outermost pixels that any place depends on.
    """

    size: int
    stride: int
    start: int
    places: int
    pixels: int
    first: int
    last: int

    def box(self, place: int) -> tuple[int, int]:
        """Give the first pixel of a place's field, and the one after its last, without padding."""
        start = self.start + self.stride * place
        return max(start, self.first), min(start + self.size, self.last + 1)


def receptive_field(model: Model, layer: str) -> xr.Dataset:
    """Say which part of the image a place of a layer's map can depend on.

    Parameters
    ----------
    model : Model
        From `mf.models.load` or `mf.models.wrap`.
    layer : str
        A layer with a map, as `mf.models.layers` names it.

    Returns
    -------
    Dataset (axis)
        For `y` and `x`, in pixels of the network's input: `size` of the field, were the image large enough; `stride`,
        by which the fields of neighbouring places differ; `start`, the first pixel of the first place's field, negative
        where it begins in the padding; `places` of the map; `pixels` of the input; `first` and `last`, the outermost
        pixels that any place sees, strides and padding leaving out some at the edges. Place i sees the pixels from
        start + stride × i to start + stride × i + size − 1, as far as they lie between these. Where every place sees
        everything `size` is `pixels` and `stride` 0.

    Raises
    ------
    KindError, UnknownNameError
        If it is no Model, or there is no such layer.
    ArgumentError
        If the layer has no map, or does not depend on the image.

    See Also
    --------
    crops : What the strongest places of units see.

    Notes
    -----
    One image is sent through, and the operations between the layer and the image are followed backwards: a convolution
    or pooling with kernel k, stride s, padding p and dilation d widens the pixels from a to b to those from s·a − p to
    s·b − p + d·(k − 1). Where branches meet, the widest counts. Operations that mix places in another way (attention,
    normalisation over a whole map, reordered axes) are taken to see everything. It is what can matter, and not what
    does: in deep layers most of the influence comes from a much smaller part in the middle (Luo et al., 2016).

    References
    ----------
    Luo, W., Li, Y., Urtasun, R., & Zemel, R. (2016). Understanding the effective receptive field in deep convolutional
    neural networks. Advances in Neural Information Processing Systems 29.

    Examples
    --------
    >>> from torch import nn
    >>> from torchvision.transforms.functional import to_tensor
    >>> from memfeat.models import wrap
    >>> model = wrap(nn.Sequential(nn.Conv2d(3, 2, 5, stride=2), nn.MaxPool2d(3)), to_tensor)
    >>> field = receptive_field(model, "1").sel(axis="y")
    >>> int(field["size"]), int(field["stride"]), int(field["start"])
    (9, 6, 0)
    """
    must_be_model(model)
    field = field_of(model, layer)
    columns = {name: ("axis", [getattr(one, name) for one in field], {"units": "pixels"}) for name in Field._fields}
    result = xr.Dataset(columns, {"axis": np.array(SPACE, dtype=object)})
    result["places"].attrs = {}
    return stamped(result, model.origin(), method="receptive field, theoretical", layer=layer)


def field_of(model: Model, layer: str) -> tuple[Field, Field]:
    """Find the receptive fields of a layer.

    Parameters
    ----------
    model : Model
        The network.
    layer : str
        The layer.

    Returns
    -------
    (Field, Field)
        Along y and x.

    Raises
    ------
    KindError, UnknownNameError, ArgumentError
        As :func:`receptive_field`.
    """
    row = place_of(model, layer)
    places = on_map(row)
    target = _Whole(layer, (str(row["module"]), int(row["call"])), 1, None, "mean")
    parameter = next(model.module.parameters(), None)
    example = model.example()
    image = example.to(example.dtype if parameter is None else parameter.dtype).requires_grad_()
    with torch.enable_grad(), precise(False), differentiable(model, target, choose("cpu")) as (run, _):
        output = run(image)
        # channels last: rows and columns are the axes before
        both = _reached(output, image) if row["axes"][-2:] == SPACE else (EVERYTHING, EVERYTHING)
    pixels = tuple(image.shape[-2:])
    y, x = (_field(*one) for one in zip(both, places, pixels, strict=True))
    return y, x


class _Whole(Target):
    """All that a layer puts out."""

    def apply(self, layer: str, output: Tensor) -> Tensor:
        return output


def _field(reach: Reach | None, places: int, pixels: int) -> Field:
    if reach is EVERYTHING:
        return Field(pixels, 0, 0, places, pixels, 0, pixels - 1)
    return Field(reach.high - reach.low + 1, reach.stride, reach.low, places, pixels, reach.first, reach.last)


def _reached(output: Tensor, image: Tensor) -> Both:
    """Follow the operations from a map back to the image."""
    found: dict[Any, Both] = {output.grad_fn: tuple(Reach(1, 0, 0, 0, side - 1) for side in output.shape[-2:])}
    for node in _in_order(output.grad_fn):
        if getattr(node, "variable", None) is image:
            return found[node]
        step = STEPS.get(node.name().rstrip("0123456789"), _everything)
        through = step(node, found[node])
        for child, _ in node.next_functions:
            if child is not None:
                shape = _shape(child)
                given = _inside(_given(through, _shape(node), shape) if step is _same else through, shape)
                found[child] = tuple(map(_union, found[child], given)) if child in found else given
    name = "it" if output.grad_fn is None else output.grad_fn.name()
    raise ArgumentError(advice("layer", "depend on the image", listed(f"a map of constants, {name}")))


def _in_order(last: Any) -> list[Any]:
    """List the operations so that each stands before those whose results it uses."""
    order: list[Any] = []
    known: set[Any] = set()
    waiting = [] if last is None else [(last, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            order.append(node)
        elif node not in known:
            known.add(node)
            waiting.append((node, True))
            waiting += [(child, False) for child, _ in node.next_functions if child is not None]
    return order[::-1]


def _shape(node: Any) -> tuple[int, ...]:
    variable = getattr(node, "variable", None)
    return tuple(node._input_metadata[0].shape if variable is None else variable.shape)[-2:]


def _given(reach: Both, mine: tuple[int, ...], other: tuple[int, ...]) -> Both:
    """Hand on what an operation place by place reaches; one value for all places, as in a gate, is place 0."""
    if len(mine) != len(other):
        return (EVERYTHING, EVERYTHING)
    fits = zip(reach, mine, other, strict=True)
    return tuple(one if a == b else Reach(0, 0, 0, 0, 0) if b == 1 else EVERYTHING for one, a, b in fits)


def _inside(reach: Both, shape: tuple[int, ...]) -> Both:
    """Leave out what an operation sees of its padding."""
    # weights and biases see nothing further
    sides = shape if len(shape) == len(reach) else (1,) * len(reach)
    return tuple(
        EVERYTHING if one is EVERYTHING else one._replace(first=max(one.first, 0), last=min(one.last, side - 1))
        for one, side in zip(reach, sides, strict=True)
    )


def _union(first: Reach | None, second: Reach | None) -> Reach | None:
    if first is EVERYTHING or second is EVERYTHING or first.stride != second.stride:
        return EVERYTHING
    low, high = min(first.low, second.low), max(first.high, second.high)
    return Reach(first.stride, low, high, min(first.first, second.first), max(first.last, second.last))


def _everything(node: Any, reach: Both) -> Both:
    return (EVERYTHING, EVERYTHING)


def _same(node: Any, reach: Both) -> Both:
    return reach


def _convolved(node: Any, reach: Both) -> Both:
    if node._saved_transposed or len(node._saved_stride) != 2:
        return _everything(node, reach)
    kernel = node._saved_weight.shape[-2:]
    return _widened(reach, kernel, node._saved_stride, node._saved_padding, node._saved_dilation)


def _pooled(node: Any, reach: Both) -> Both:
    kernel = node._saved_kernel_size[-2:]
    stride, dilation = node._saved_stride[-2:] or kernel, getattr(node, "_saved_dilation", (1, 1))
    return _widened(reach, kernel, stride, node._saved_padding[-2:], dilation)


def _padded(node: Any, reach: Both) -> Both:
    # it counts left and right, then top and bottom, as far as there are any
    left, top = (*node._saved_pad[:4:2], 0)[:2]
    return _widened(reach, (1, 1), (1, 1), (top, left), (1, 1))


def _widened(reach: Both, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Both:
    steps = zip(reach, kernel, stride, padding, dilation, strict=True)
    return tuple(
        EVERYTHING
        if one is EVERYTHING
        else Reach(
            one.stride * s,
            one.low * s - p,
            one.high * s - p + d * (k - 1),
            one.first * s - p,
            one.last * s - p + d * (k - 1),
        )
        for one, k, s, p, d in steps
    )


LOCAL = (
    "Abs Add Alias BatchNorm Cat Clamp Clone Copies CudnnBatchNorm Div Elu Exp Gelu Hardsigmoid Hardswish Hardtanh "
    "LeakyRelu Log MiopenBatchNorm Mish Mul NativeBatchNorm NativeDropout Neg Pow PreluKernel Relu Rsub Sigmoid Silu "
    "Softplus Sqrt Squeeze Sub Tanh Threshold ToCopy Unsqueeze View UnsafeView AdaptiveAvgPool2D"
)
#: What autograd calls an operation → what it adds to the reach. An average pooling to so many places as there are
#: does nothing; to fewer its shape gives it away, and it counts as one that mixes all.
STEPS: dict[str, Callable[[Any, Both], Both]] = {f"{name}Backward": _same for name in LOCAL.split()} | {
    "ConvolutionBackward": _convolved,
    "MaxPool2DWithIndicesBackward": _pooled,
    "AvgPool2DBackward": _pooled,
    "AvgPool3DBackward": _pooled,
    "ConstantPadNdBackward": _padded,
}
