"""Which device to compute on."""

import torch

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError

__all__ = ["choose"]


def choose(device: str | torch.device | None = None) -> torch.device:
    """Choose the device: the one asked for, else CUDA, else MPS, else the CPU.

    Parameters
    ----------
    device : str or torch.device, optional
        One of "cpu", "cuda", "cuda:1", "mps" and what else torch knows.

    Returns
    -------
    torch.device
        The device, which is there.

    Raises
    ------
    ArgumentError
        If torch does not know the device, or it is not there.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    remedy = f"Available here: {', '.join(_available())}."
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ArgumentError(advice("device", "be a device that torch knows", str(device), remedy)) from error
    if chosen.type not in _available() or (chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count()):
        raise ArgumentError(advice("device", "be there", listed(repr(str(chosen))), remedy))
    return chosen


def _has_mps() -> bool:
    return bool(torch.backends.mps.is_available())


def _available() -> list[str]:
    return ["cpu", *(["cuda"] if torch.cuda.is_available() else []), *(["mps"] if _has_mps() else [])]
