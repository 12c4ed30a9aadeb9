"""One number per image and layer: how strong, how sparse, how typical, how far from others."""

from memfeat.measures.contextual import DensityOptions, contextual_distinctiveness
from memfeat.measures.dictionaries import learn_dictionary
from memfeat.measures.neighbours import NeighbourOptions, density, distinctiveness
from memfeat.measures.prototypes import prototype_distance, typicality
from memfeat.measures.sparse import sparse_coding
from memfeat.measures.sparse_options import SparseOptions
from memfeat.measures.spread import eccentricity, reconstruction_error
from memfeat.measures.strength import hoyer, magnitude, sparseness, treves_rolls

__all__ = [
    "DensityOptions",
    "NeighbourOptions",
    "SparseOptions",
    "contextual_distinctiveness",
    "density",
    "distinctiveness",
    "eccentricity",
    "hoyer",
    "learn_dictionary",
    "magnitude",
    "prototype_distance",
    "reconstruction_error",
    "sparse_coding",
    "sparseness",
    "treves_rolls",
    "typicality",
]
