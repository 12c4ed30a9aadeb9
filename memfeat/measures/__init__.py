"""One number per image and layer: how strong, sparse, typical or far from others; and how that goes with scores."""

from memfeat.measures.contrasting import ContrastOptions, contrast
from memfeat.measures.profiling import ProfileOptions, profile
from memfeat.measures.strength import hoyer, magnitude, sparseness, treves_rolls

__all__ = [
    "ContrastOptions",
    "ProfileOptions",
    "contrast",
    "hoyer",
    "magnitude",
    "profile",
    "sparseness",
    "treves_rolls",
]
