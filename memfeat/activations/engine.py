"""The forward passes: images in, reduced outputs of the wanted modules out, batch by batch."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch
import xarray as xr

from memfeat._kept import Reduction
from memfeat.activations.capture import Wanted, captured, evaluating
from memfeat.activations.feed import batches
from memfeat.activations.options import Resolved
from memfeat.models import Model

__all__ = ["Forwarded", "forward"]


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
    feed = batches(images, groups, model, size=size, workers=options.workers)
    with (
        evaluating(model.module, options.device) as module,
        captured(module, wanted, reduction.apply) as run,
    ):
        for batch in feed:
            n = len(batch.names)
            values: dict[str, npt.NDArray[Any]] = {}
            if batch.values.numel():
                # Not around the loop: a generator would leave the mode on in its caller's code.
                with torch.inference_mode():
                    outputs = run(_placed(batch.values, options.device))
                values = {layer: value[:n].float().cpu().numpy() for layer, value in outputs.items()}
            yield Forwarded(batch.names, values, batch.failures)


def _placed(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    layout = torch.channels_last if values.ndim == 4 else torch.preserve_format
    return values.to(device, memory_format=layout)
