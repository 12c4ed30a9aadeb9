"""What a kernel is told besides the layer."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from memfeat._blocks import Tick

__all__ = ["Noise", "Plan"]


class Noise(NamedTuple):
    """What the weights of the features of one layer come from."""

    source: str
    """"identity", "variances", "covariance" (both given), or what they are estimated from: "images", "repeats" or
    "residuals"."""
    given: Any = None
    """Variances (p,), a covariance (p, p), or residuals (m, p)."""
    shrinkage: str | float = "schaefer-strimmer"


class Plan(NamedTuple):
    """How a layer is read, and what its dissimilarity needs."""

    memory: int
    """Most bytes of features held at once."""
    tick: Tick
    """Is told the number of features after each block."""
    options: Mapping[str, Any]
    """`repeat`, `noise` (a :class:`Noise`), `prior_lambda`, `prior_weight`: those that are meant, checked."""
