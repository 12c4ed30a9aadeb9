"""Slopes for units that do not respond at all: a rectifier that lets them through when nothing else gets through."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["redirected"]


class _Rectified(torch.autograd.Function):
    """max(x, 0), as it is; what differs is the slope where all of an image's is blocked (Olah et al., 2017)."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return values.relu()

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        passed: Tensor = torch.ops.aten.threshold_backward(slope, values, 0)
        blocked = passed.flatten(1).abs().amax(dim=1) == 0
        if not blocked.any():
            return passed
        # downhill is where the cost falls: only what would begin to respond is let through
        rising = slope * ((values > 0) | (slope < 0))
        return torch.where(blocked.view(-1, *[1] * (slope.ndim - 1)), rising, passed)


def redirected(module: nn.Module) -> None:
    """Let the slopes of a cost through rectifiers of a network, image by image, where they would block them all.

    Parameters
    ----------
    module : nn.Module
        A network of our own, changed in place: what it computes stays what it is.
    """
    for part in module.modules():
        if type(part) is nn.ReLU:
            # hooks on the module stay
            vars(part)["forward"] = partial(_Rectified.apply)
