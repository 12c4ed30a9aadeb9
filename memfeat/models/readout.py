"""A linear readout of a network's layers, as one module with the network."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from memfeat._kept import Reduction, reduction
from memfeat._kept.axes import Axes
from memfeat.models.frozen import frozen
from memfeat.models.tracing import first_tensor

__all__ = ["Affine", "Place", "Readout"]


class Place(NamedTuple):
    """Where a layer is read: the module, which of its calls, counting from 1, and the axes of what it puts out."""

    module: str
    call: int
    axes: Axes


class Affine(nn.Module):
    """(x − centre) · weight + intercept, one number per image.

    Parameters
    ----------
    tensors : mapping of Tensor
        `weight` (p,), `centre` (p,) and `intercept` ().
    """

    weight: Tensor
    centre: Tensor
    intercept: Tensor

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name in ("weight", "centre", "intercept"):
            self.register_buffer(name, tensors[name])

    def forward(self, values: Tensor) -> Tensor:
        """Compute scores (n, 1) from features (n, p)."""
        # Centred first: of features far from zero a product would have fewer digits.
        return ((values - self.centre) @ self.weight + self.intercept)[:, None]


class Readout(nn.Module):
    """A network whose output is a linear readout of means of some of its layers.

    Parameters
    ----------
    parts : mapping of Module
        The network, as modules that follow each other.
    places : mapping of Place
        Layers in the order in which they are concatenated → where they are read.
    tensors : mapping of Tensor
        What `Affine` takes.

    Notes
    -----
    Outputs are pooled as `mf.extract(reduce="mean")` pools them, the moment they are put out. The result is not
    clipped: clipping would tie images that the readout tells apart.
    """

    def __init__(
        self, parts: Mapping[str, nn.Module], places: Mapping[str, Place], tensors: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.steps, self.places = tuple(parts), dict(places)
        self.reduction: Reduction = reduction("mean").knowing({name: place.axes for name, place in places.items()})
        self.readout = Affine(tensors)
        frozen(self)

    def forward(self, image: Tensor) -> Tensor:
        """Compute scores (n, 1) of preprocessed images (n, 3, y, x)."""
        pooled: dict[str, Tensor] = {}
        handles = [
            self.get_submodule(module).register_forward_hook(self._keeping(module, pooled))
            for module in {place.module for place in self.places.values()}
        ]
        try:
            for name in self.steps:
                image = self.get_submodule(name)(image)
        finally:
            for handle in handles:
                handle.remove()
        scores: Tensor = self.readout(torch.cat([pooled[layer].flatten(1) for layer in self.places], dim=1))
        return scores

    def _keeping(self, module: str, pooled: dict[str, Tensor]) -> Callable[[nn.Module, Any, Any], None]:
        calls: Counter[str] = Counter()
        wanted = {place.call: layer for layer, place in self.places.items() if place.module == module}

        def keep(_part: nn.Module, _given: Any, output: Any) -> None:
            calls[module] += 1
            layer, tensor = wanted.get(calls[module]), first_tensor(output)
            if layer is not None and tensor is not None:
                kept = self.reduction.apply(layer, tensor)
                # A layer without space is kept as it is, and an in-place ReLU may follow.
                pooled[layer] = kept.clone() if kept.data_ptr() == tensor.data_ptr() else kept

        return keep
