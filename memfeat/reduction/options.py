"""What an embedding may be told besides how many components, and what each method makes of it."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal, TypedDict

from memfeat._check import advice, count, known_options, listed, one_of
from memfeat.errors import ArgumentError, KindError

__all__ = ["EmbedOptions", "settled"]


class EmbedOptions(TypedDict, total=False):
    """Options of :func:`memfeat.reduction.embed`; each method knows some of them.

    `max_iter` : int, most steps ("factor_analysis" 1,000, "ica" 1,000, "nmf" 1,000, "mds" and "nonmetric_mds" 1,000,
    "tsne" 1,000).
    `rotation` : "varimax" or "quartimax", of the loadings of "factor_analysis"; none by default.
    `n_neighbors` : int, of each image in "isomap" (5) and "umap" (15).
    `perplexity` : float, about how many neighbours count in "tsne" (30, or a third of the others if that is less).
    `min_dist` : float, how near to each other "umap" may place images (0.1).
    """

    max_iter: int
    rotation: Literal["varimax", "quartimax"]
    n_neighbors: int
    perplexity: float
    min_dist: float


def settled(options: Mapping[str, Any], usual: Mapping[str, Any], method: str, n_images: int) -> dict[str, Any]:
    """Check options, and fill in what is usual for the method.

    Parameters
    ----------
    options : mapping
        What the user gave.
    usual : mapping
        The options that the method knows, with what it takes unless told; None leaves them out.
    method : str
        Its name, for messages.
    n_images : int
        How many images there are.

    Returns
    -------
    dict
        All options of the method.

    Raises
    ------
    UnknownNameError
        If there is no such option.
    KindError, ArgumentError
        If the method does not know it, or its value cannot be.
    """
    known_options(options, EmbedOptions)
    for name in options:
        if name not in usual:
            has = ", ".join(usual) or "none"
            raise ArgumentError(advice(name, f"be left out with method={method!r}", options[name], f"It knows {has}."))
    given = {name: CHECKS[name](name, value, n_images) for name, value in options.items() if value is not None}
    fitting = {name: FITTING[name](value, n_images) if name in FITTING else value for name, value in usual.items()}
    return {name: value for name, value in (fitting | given).items() if value is not None}


def _steps(name: str, value: Any, n: int) -> int:
    return count(name, value)


def _neighbours(name: str, value: Any, n: int) -> int:
    if count(name, value, least=2) >= n:
        raise ArgumentError(advice(name, f"be fewer than the images ({n})", value))
    return int(value)


def _perplexity(name: str, value: Any, n: int) -> float:
    if _number(name, value) <= 0 or value >= n:
        raise ArgumentError(advice(name, f"lie above 0 and below the number of images ({n})", value))
    return float(value)


def _gap(name: str, value: Any, n: int) -> float:
    if not 0 <= _number(name, value) <= 1:
        raise ArgumentError(advice(name, "lie between 0 and 1", value))
    return float(value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise KindError(advice(name, "be a number", value if isinstance(value, str) else listed(repr(value))))
    return float(value)


def _rotation(name: str, value: Any, n: int) -> str:
    return one_of(name, value, ("varimax", "quartimax"))


CHECKS = {
    "max_iter": _steps,
    "rotation": _rotation,
    "n_neighbors": _neighbours,
    "perplexity": _perplexity,
    "min_dist": _gap,
}
#: What is usual, for as many images as there are.
FITTING = {
    "n_neighbors": lambda value, n: min(value, n - 1),
    "perplexity": lambda value, n: min(value, (n - 1) / 3),
}
