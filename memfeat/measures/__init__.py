"""One number per image and layer: how strong, how sparse, how typical, how far from others."""

from memfeat.measures.neighbours import NeighbourOptions, density, distinctiveness
from memfeat.measures.prototypes import prototype_distance, typicality
from memfeat.measures.spread import eccentricity, reconstruction_error
from memfeat.measures.strength import hoyer, magnitude, sparseness, treves_rolls

__all__ = [
    "NeighbourOptions",
    "density",
    "distinctiveness",
    "eccentricity",
    "hoyer",
    "magnitude",
    "prototype_distance",
    "reconstruction_error",
    "sparseness",
    "treves_rolls",
    "typicality",
]
