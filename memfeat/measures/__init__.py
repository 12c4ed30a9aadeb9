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
from memfeat.measures.contextual import DensityOptions, contextual_distinctiveness
from memfeat.measures.dictionaries import learn_dictionary
from memfeat.measures.sparse import sparse_coding
from memfeat.measures.sparse_options import SparseOptions
from memfeat.measures.strength import hoyer, magnitude, sparseness, treves_rolls

__all__ = [
    "DensityOptions",
    "SparseOptions",
    "contextual_distinctiveness",
    "hoyer",
    "learn_dictionary",
    "magnitude",
    "sparse_coding",
    "sparseness",
    "treves_rolls",
]
