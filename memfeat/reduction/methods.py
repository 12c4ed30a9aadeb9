"""The methods there are: a name, what finds the space, and how other images get into it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from memfeat.reduction import factors, maps, principal
from memfeat.reduction.spaces import Settings, Space

__all__ = ["FEATURES", "MAPS", "Method", "names"]


class Method(NamedTuple):
    """A way to embed images."""

    fit: Callable[[Any, Settings], Space]
    placing: str
    """How other images get in: "linear", "nonnegative", "refitted" or "none"."""
    usual: Mapping[str, Any] = {}
    """The options it knows, with what it takes unless told."""
    draws: bool = True
    """Whether something is drawn at random."""


STEPS = {"max_iter": 1_000}
#: Methods that read features, (image, ...) with `image` first.
FEATURES: dict[str, Method] = {
    "pca": Method(principal.pca, "linear", draws=False),
    "svd": Method(principal.randomised, "linear"),
    "factor_analysis": Method(factors.factor_analysis, "linear", {**STEPS, "rotation": None}),
    "ica": Method(factors.ica, "linear", STEPS),
    "nmf": Method(factors.nmf, "nonnegative", STEPS),
}
#: Methods that read distances (n, n).
MAPS: dict[str, Method] = {
    "mds": Method(maps.mds, "none", STEPS, draws=False),
    "nonmetric_mds": Method(maps.nonmetric_mds, "none", STEPS, draws=False),
    "isomap": Method(maps.isomap, "refitted", {"n_neighbors": 5}, draws=False),
    "tsne": Method(maps.tsne, "none", {"perplexity": 30, **STEPS}, draws=False),
    "umap": Method(maps.umap, "refitted", {"n_neighbors": 15, "min_dist": 0.1}),
}


def names() -> tuple[str, ...]:
    """List all methods.

    Returns
    -------
    tuple of str
        Their names.
    """
    return (*FEATURES, *MAPS)
