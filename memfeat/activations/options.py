"""How to run a network: choices that do not belong to a result's identity."""

import os
from dataclasses import dataclass
from typing import Any, TypedDict

import torch

from memfeat._check import advice, count, listed
from memfeat.errors import KindError
from memfeat.models import device as devices

__all__ = ["Resolved", "RunOptions", "resolved"]

DECODERS = 4


class RunOptions(TypedDict, total=False):
    """How to run a network.

    Attributes
    ----------
    device : str or torch.device
        Where to compute: "cpu", "cuda", "mps"; by default CUDA, else MPS, else the CPU.
    batch_size : int
        Images in one forward pass.
    progress : bool
        Whether to show a progress bar; by default when stderr is a terminal.
    workers : int
        Threads that decode images.
    """

    device: str | torch.device | None
    batch_size: int | None
    progress: bool | None
    workers: int | None


@dataclass(frozen=True)
class Resolved:
    """Options with every choice made, but for a batch size that was left open.

    Attributes
    ----------
    device : torch.device
        Where to compute.
    batch_size : int or None
        Images in one forward pass; None leaves it to the number of images.
    progress : bool or None
        Whether to show a progress bar.
    workers : int
        Threads that decode images.
    """

    device: torch.device
    batch_size: int | None
    progress: bool | None
    workers: int


def resolved(options: RunOptions) -> Resolved:
    """Check options and fill in what was left open.

    Parameters
    ----------
    options : dict
        What the user gave.

    Returns
    -------
    Resolved
        The choices.

    Raises
    ------
    KindError
        If there is no such option, or a value is of the wrong kind.
    ArgumentError
        If a value cannot be used.
    """
    unknown = sorted(set(options) - set(RunOptions.__annotations__))
    if unknown:
        remedy = f"There are {', '.join(RunOptions.__annotations__)}."
        raise KindError(advice("options", "be known", listed(", ".join(unknown)), remedy))
    size, workers = options.get("batch_size"), options.get("workers")
    return Resolved(
        device=devices.choose(options.get("device")),
        batch_size=None if size is None else count("batch_size", size),
        progress=options.get("progress"),
        workers=_decoders() if workers is None else count("workers", workers),
    )


def _decoders() -> int:
    cores: Any = os.cpu_count()
    return max(1, min(DECODERS, cores or 1))
