"""One number per image and layer: how strong, how sparse, how typical, how far from others."""

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
