"""How to run a network: where, how fast, and with which precision."""

import os
from dataclasses import dataclass
from typing import Any, TypedDict

import torch

from memfeat._check import advice, count, listed, one_of
from memfeat.errors import ArgumentError, KindError
from memfeat.models import device as devices

__all__ = ["Resolved", "RunOptions", "resolved"]

#: Threads that decode beside a network on the CPU; there the network takes a hundred times longer than they do.
DECODERS = 4
HALVES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


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
    fast : bool
        Whether to fold batch norms into the convolutions before them. Numbers change in the last digits.
    autocast : {"bfloat16", "float16"}
        Compute in this precision what torch.autocast thinks fit for it; results are float32 all the same.
    tf32 : bool
        Whether a GPU may multiply float32 in TF32.
    """

    device: str | torch.device | None
    batch_size: int | None
    progress: bool | None
    workers: int | None
    fast: bool
    autocast: str | None
    tf32: bool


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
    fast : bool
        Whether to fold batch norms into the convolutions before them.
    autocast : str or None
        A key of `HALVES`: the precision of torch.autocast, if any.
    tf32 : bool
        Whether a GPU may multiply float32 in TF32.
    """

    device: torch.device
    batch_size: int | None
    progress: bool | None
    workers: int
    fast: bool = False
    autocast: str | None = None
    tf32: bool = False


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
    device = devices.choose(options.get("device"))
    return Resolved(
        device=device,
        batch_size=None if size is None else count("batch_size", size),
        progress=options.get("progress"),
        workers=_decoders(device) if workers is None else count("workers", workers),
        fast=_flag("fast", options.get("fast", False)),
        autocast=_half(options.get("autocast"), device),
        tf32=_flag("tf32", options.get("tf32", False)),
    )


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise KindError(advice(name, "be True or False", value))
    return value


def _half(wish: str | None, device: torch.device) -> str | None:
    if wish is None:
        return None
    chosen = one_of("autocast", wish, HALVES)
    if device.type == "cpu" and chosen == "float16":
        remedy = "On a CPU use autocast='bfloat16', or leave it out."
        raise ArgumentError(advice("autocast", "suit the device", listed("'float16' on a CPU"), remedy))
    if not torch.amp.is_autocast_available(device.type):
        raise ArgumentError(advice("autocast", "suit the device", listed(f"{device.type!r}"), "Leave it out."))
    return chosen


def _decoders(device: torch.device) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(DECODERS, cores) if device.type == "cpu" else cores
