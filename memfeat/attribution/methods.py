"""Ways to ask which pixels a number of a network depends on: kernels on batches of what the network takes."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from memfeat._check import advice
from memfeat.errors import ArgumentError, MissingPackageError

__all__ = ["CHANNELS", "METHODS", "Method", "Question"]

Numbers = Callable[[Tensor], Tensor]


class Question(NamedTuple):
    """What the methods are given besides a batch.

    Attributes
    ----------
    numbers : callable
        Batch (n, 3, y, x) to one number per image (n,), differentiable.
    module : nn.Module
        The network that computes them.
    settings : mapping
        Options of the method.
    baseline : callable
        A batch to what it is compared with, of the same shape.
    rngs : list of numpy.random.Generator
        One per image of the batch, for methods that draw.
    """

    numbers: Numbers
    module: nn.Module
    settings: Mapping[str, Any]
    baseline: Callable[[Tensor], Tensor]
    rngs: list[np.random.Generator]


class Method(NamedTuple):
    """A way to attribute.

    Attributes
    ----------
    of : callable
        Question and batch (n, 3, y, x) to attributions (n, 3, y, x), or (n, y, x) where channels are not told apart.
    said : str
        What the values are.
    options : mapping
        The options it takes, with their defaults.
    draws : bool
        Whether it draws at random.
    """

    of: Callable[[Question, Tensor], Tensor]
    said: str
    options: Mapping[str, Any]
    draws: bool = False


def gradient(question: Question, batch: Tensor) -> Tensor:
    """Differentiate the numbers with respect to the images.

    Parameters
    ----------
    question : Question
        What is asked.
    batch : Tensor (n, 3, y, x)
        The images.

    Returns
    -------
    Tensor (n, 3, y, x)
        The gradients.
    """
    given = batch.detach().requires_grad_()
    # The numbers of different images do not depend on each other, so their sum has all gradients.
    (found,) = torch.autograd.grad(question.numbers(given).sum(), [given])
    return found


def smoothgrad(question: Question, batch: Tensor) -> Tensor:
    """Average gradients over noisy copies of the images.

    Parameters
    ----------
    question : Question
        What is asked. Settings: `noise`, standard deviation as a share of each image's range; `n_samples`.
    batch : Tensor (n, 3, y, x)
        The images.

    Returns
    -------
    Tensor (n, 3, y, x)
        The mean gradients.
    """
    spread = batch.amax((1, 2, 3), keepdim=True) - batch.amin((1, 2, 3), keepdim=True)
    total, n_samples = torch.zeros_like(batch), int(question.settings["n_samples"])
    for _ in range(n_samples):
        drawn = np.stack([rng.standard_normal(batch.shape[1:], dtype=np.float32) for rng in question.rngs])
        noise = torch.from_numpy(drawn).to(batch)
        total += gradient(question, batch + question.settings["noise"] * spread * noise)
    return total / n_samples


def integrated_gradients(question: Question, batch: Tensor) -> Tensor:
    """Integrate gradients along the line from a baseline to the images (captum's).

    Parameters
    ----------
    question : Question
        What is asked. Settings: `n_steps`.
    batch : Tensor (n, 3, y, x)
        The images.

    Returns
    -------
    Tensor (n, 3, y, x)
        Difference from the baseline times mean gradient.
    """
    method = _captum("integrated_gradients").IntegratedGradients(question.numbers)
    steps, given = question.settings["n_steps"], batch.detach().requires_grad_()
    found: Tensor = method.attribute(
        given, baselines=question.baseline(batch), n_steps=steps, internal_batch_size=len(batch)
    )
    return found.detach()


def grad_cam(question: Question, batch: Tensor) -> Tensor:
    """Weight the channels of a layer by their mean gradients, and keep what is positive (captum's).

    Parameters
    ----------
    question : Question
        What is asked. Settings: `module`, where the layer's map comes from.
    batch : Tensor (n, 3, y, x)
        The images.

    Returns
    -------
    Tensor (n, y, x)
        The map, interpolated to the size of the images.
    """
    captum = _captum("grad_cam")
    method = captum.LayerGradCam(question.numbers, question.module.get_submodule(question.settings["module"]))
    given = batch.detach().requires_grad_()
    coarse = method.attribute(given, relu_attributions=True)
    fine: Tensor = captum.LayerAttribution.interpolate(coarse, tuple(batch.shape[-2:]), "bilinear")
    return fine.detach()[:, 0]


def occlusion(question: Question, batch: Tensor) -> Tensor:
    """Cover squares of the images one after the other, and see by how much the numbers fall (captum's).

    Parameters
    ----------
    question : Question
        What is asked. Settings: `window` and `stride`, in pixels.
    batch : Tensor (n, 3, y, x)
        The images.

    Returns
    -------
    Tensor (n, y, x)
        How much the numbers fall, mean over all squares that cover a pixel.
    """
    method, window = _captum("occlusion").Occlusion(question.numbers), question.settings["window"]
    if window > min(batch.shape[2:]):
        rule = f"be at most the side of the network's input, {min(batch.shape[2:])}"
        raise ArgumentError(advice("window", rule, window))
    window, stride = ((batch.shape[1], *(question.settings[name],) * 2) for name in ("window", "stride"))
    with torch.no_grad():
        found: Tensor = method.attribute(batch, window, stride, question.baseline(batch))
    return found[:, 0]


def _captum(method: str) -> Any:
    try:
        import captum.attr
    except ImportError as error:
        remedy = 'Run: pip install "memfeat[attribution]"'
        raise MissingPackageError(f"captum must be installed for method={method!r}; it is not. {remedy}") from error
    return captum.attr


#: How colour channels become one map: attributions (n, 3, y, x) to (n, y, x).
CHANNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda found: found.abs().amax(1),
    "sum": lambda found: found.sum(1),
}
METHODS: dict[str, Method] = {
    "gradient": Method(gradient, "gradient", {"channels": "max"}),
    "smoothgrad": Method(
        smoothgrad, "mean gradient of noisy copies", {"n_samples": 25, "noise": 0.15, "channels": "max"}, draws=True
    ),
    "integrated_gradients": Method(
        integrated_gradients,
        "part of the difference from the baseline",
        {"n_steps": 50, "baseline": 0.0, "channels": "sum"},
    ),
    "grad_cam": Method(grad_cam, "weighted sum of the layer's channels, where positive", {"layer": None}),
    "occlusion": Method(
        occlusion,
        "fall of the number when covered (negative: a rise)",
        {"window": 32, "stride": 16, "baseline": 0.5},
    ),
}
