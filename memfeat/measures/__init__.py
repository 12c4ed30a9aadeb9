"""One number per image and layer: how strong, sparse, typical or far from others; and how that goes with scores."""

from memfeat.measures.contrasting import ContrastOptions, contrast
from memfeat.measures.neighbours import NeighbourOptions, density, distinctiveness
from memfeat.measures.profiling import ProfileOptions, profile
from memfeat.measures.prototypes import prototype_distance, typicality
from memfeat.measures.spread import eccentricity, reconstruction_error
from memfeat.measures.strength import hoyer, magnitude, sparseness, treves_rolls

__all__ = [
    "ContrastOptions",
    "NeighbourOptions",
    "ProfileOptions",
    "contrast",
    "density",
    "distinctiveness",
    "eccentricity",
    "hoyer",
    "magnitude",
    "profile",
    "prototype_distance",
    "reconstruction_error",
    "sparseness",
    "treves_rolls",
    "typicality",
]
