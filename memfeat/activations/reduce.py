"""What is kept of a module's output: reductions that run inside the hook."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from memfeat._check import one_of

__all__ = ["REDUCTIONS", "Reduction", "reduction"]

#: Axes of a module's output by the number of its dims, the batch left out.
AXES: dict[int, tuple[str, ...]] = {
    1: ("channel",),
    2: ("token", "channel"),
    3: ("channel", "y", "x"),
    4: ("channel", "time", "y", "x"),
}
#: Where the channels are, by the number of dims: tokens come before them, maps after.
CHANNELS_LAST = 3


@dataclass(frozen=True)
class Reduction:
    """What is kept of a module's output.

    Attributes
    ----------
    name : str
        What the user calls it.
    apply : callable
        Tensor (n, ...) to Tensor (n, ...).
    axes : callable
        Number of the output's dims without the batch → names of the axes that are left.
    """

    name: str
    apply: Callable[[Tensor], Tensor]
    axes: Callable[[int], tuple[str, ...]]


def reduction(name: str) -> Reduction:
    """Look a reduction up.

    Parameters
    ----------
    name : str
        A key of `REDUCTIONS`.

    Returns
    -------
    Reduction
        What to apply, and what it leaves.

    Raises
    ------
    ArgumentError
        If there is none of that name.
    """
    return REDUCTIONS[one_of("reduce", name, REDUCTIONS)]


def axes_of(ndim: int) -> tuple[str, ...]:
    """Name the axes of an output.

    Parameters
    ----------
    ndim : int
        Number of its dims, the batch left out.

    Returns
    -------
    tuple of str
        Their names.
    """
    return AXES.get(ndim, tuple(f"axis{i}" for i in range(ndim)))


def _mean(output: Tensor) -> Tensor:
    return output if output.ndim == 2 else output.mean(dim=_not_channels(output))


def _max(output: Tensor) -> Tensor:
    return output if output.ndim == 2 else output.amax(dim=_not_channels(output))


def _not_channels(output: Tensor) -> list[int]:
    return [1] if output.ndim == CHANNELS_LAST else list(range(2, output.ndim))


def _flatten(output: Tensor) -> Tensor:
    return output.flatten(1)


def _none(output: Tensor) -> Tensor:
    return output


#: Reductions by name.
REDUCTIONS: dict[str, Reduction] = {
    "mean": Reduction("mean", _mean, lambda _: ("channel",)),
    "max": Reduction("max", _max, lambda _: ("channel",)),
    "flatten": Reduction("flatten", _flatten, lambda _: ("unit",)),
    "none": Reduction("none", _none, axes_of),
}
