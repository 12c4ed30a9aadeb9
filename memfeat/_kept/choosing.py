"""From what the user wrote to the reduction."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from memfeat._check import advice, count, fraction
from memfeat._kept import pooling
from memfeat._kept.identity import identity
from memfeat._kept.kernels import kernel
from memfeat._kept.magnitude import STATISTICS, magnitude
from memfeat._kept.projection import projection
from memfeat._kept.reduction import Reduction
from memfeat.errors import ArgumentError, KindError

__all__ = ["PLAIN", "Spec", "reduction"]

Spec = str | Callable[[Tensor], Any]

#: Reductions without parameters, by name.
PLAIN: dict[str, Reduction] = {
    "mean": Reduction("mean", pooling.mean),
    "max": Reduction("max", pooling.maximum),
    "flatten": Reduction("flatten", pooling.flatten),
    "none": Reduction("none", pooling.none),
    "cls": Reduction("cls", pooling.cls),
    "magnitude": Reduction("magnitude", magnitude, labels=STATISTICS),
}


def reduction(spec: Spec, *, n_images: int | None = None, stored: str | None = None) -> Reduction:
    """Find the reduction that is meant.

    Parameters
    ----------
    spec : str or callable
        "mean" or "max" (over space, time or tokens), "flatten", "none", "cls" (the first token), "magnitude" (sum of
        absolute values, root of the sum of squares, mean), "grid:K" (averages over K × K fields of the maps),
        "project:EPS" or "project:EPS:SEED" (sparse random projection that keeps squared distances to within EPS; seed
        0 unless told otherwise), or a function from Tensor (n, ...) to Tensor or numpy array (n,) or (n, ...).
    n_images : int, optional
        Number of images, from which a projection takes its dimension.
    stored : str, optional
        Name of the reduction of a store that is to be filled further.

    Returns
    -------
    Reduction
        The reduction.

    Raises
    ------
    ArgumentError
        If there is none of that name, a parameter cannot be used, or a projection has no dimension.
    KindError
        If it is neither text nor callable.

    Warns
    -----
    MemfeatWarning
        If a store's projection has too few components for so many images.
    """
    if callable(spec):
        return Reduction(identity(spec), kernel(spec), on_meta=False)
    if not isinstance(spec, str):
        raise KindError(advice("reduce", "be text or a function", spec))
    if spec in PLAIN:
        return PLAIN[spec]
    name, *parameters = spec.split(":")
    if name == "grid" and len(parameters) == 1:
        k = count("the K of grid:K", _number(int, parameters[0], spec))
        return Reduction(f"grid(k={k})", pooling.grid(k))
    if name == "project" and len(parameters) in {1, 2}:
        eps = fraction("the EPS of project:EPS", _number(float, parameters[0], spec))
        seed = count("the SEED of project:EPS:SEED", _number(int, (*parameters, "0")[1], spec), least=0)
        chosen = projection(eps, seed, n_images=n_images, stored=stored)
        return Reduction(chosen.name, chosen.keep, held=chosen.held)
    raise _unknown(spec)


def _number(kind: type[int] | type[float], text: str, spec: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise _unknown(spec) from error


def _unknown(spec: str) -> ArgumentError:
    names = ", ".join(map(repr, (*PLAIN, "grid:K", "project:EPS", "project:EPS:SEED")))
    remedy = "For instance grid:4 or project:0.1."
    return ArgumentError(advice("reduce", f"be one of {names}, or a function", spec, remedy))
