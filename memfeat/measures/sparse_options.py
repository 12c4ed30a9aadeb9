"""What sparse coding may be told, and what was published."""

from collections.abc import Callable, Mapping
from functools import partial
from numbers import Real
from typing import Any, TypedDict

from memfeat._check import advice, count, known_options
from memfeat.errors import ArgumentError, KindError

__all__ = ["PUBLISHED", "SparseOptions", "settled"]


class SparseOptions(TypedDict, total=False):
    """Options of :func:`memfeat.measures.sparse_coding`; what holds unless told is that of Lin et al. (2024).

    `n_units` : int, how many of a layer's features are drawn (1,000); all, if it has no more.
    `percentile` : float, features are divided by this percentile of their absolute values (95).
    `n_atoms` : int, size of the dictionary (500).
    `batch_size` : int, images in each batch (250); all, if there are no more.
    `n_iterations` : int, how many batches the dictionary learns from (1,000).
    `learning_rate` : float, how far atoms move with each batch (0.01).
    `step` : float, how far each step moves codes along the gradient (0.01).
    `penalty` : float, what each step takes off the size of codes (0.001). Settled codes minimise
    ½ ‖x − r Φ‖² + (penalty / step) Σ abs(r).
    `tolerance` : float, codes have settled when a step changes them by less than this share (0.01).
    `max_steps` : int, most steps (1,000).
    `device` : str, where to compute; CUDA, MPS or the CPU, whichever is there first, unless told.
    """

    n_units: int
    percentile: float
    n_atoms: int
    batch_size: int
    n_iterations: int
    learning_rate: float
    step: float
    penalty: float
    tolerance: float
    max_steps: int
    device: str | None


#: What Lin et al. (2024) took.
PUBLISHED: dict[str, Any] = {
    "n_units": 1_000,
    "percentile": 95.0,
    "n_atoms": 500,
    "batch_size": 250,
    "n_iterations": 1_000,
    "learning_rate": 1e-2,
    "step": 1e-2,
    "penalty": 1e-3,
    "tolerance": 1e-2,
    "max_steps": 1_000,
}


def settled(options: Mapping[str, Any]) -> dict[str, Any]:
    """Check options, and fill in what was published.

    Parameters
    ----------
    options : mapping
        What the user gave.

    Returns
    -------
    dict
        All options but `device`.

    Raises
    ------
    UnknownNameError
        If there is no such option.
    KindError, ArgumentError
        If a value cannot be.
    """
    known_options(options, SparseOptions)
    return PUBLISHED | {name: CHECKS[name](name, value) for name, value in options.items() if name in CHECKS}


def _number(name: str, value: Any, *, least: float = 0, most: float = float("inf"), zero: bool = False) -> float:
    remedy = f"Leave it out for what was published, {PUBLISHED[name]:g}."
    if isinstance(value, bool) or not isinstance(value, Real):
        raise KindError(advice(name, "be a number", value, remedy))
    number = float(value)
    if not (least < number <= most or (zero and number == least)):
        rule = f"be {'at least' if zero else 'above'} {least:g}" + (f" and at most {most:g}" if most < 1e9 else "")
        raise ArgumentError(advice(name, rule, value, remedy))
    return number


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "n_units": count,
    "percentile": partial(_number, most=100),
    "n_atoms": count,
    "batch_size": partial(count, least=2),
    "n_iterations": count,
    "learning_rate": _number,
    "step": _number,
    "penalty": partial(_number, zero=True),
    "tolerance": _number,
    "max_steps": count,
}
