"""Representational dissimilarity matrices (RDMs), from features, from memorability scores and from categories.

RDMs are a Dataset: `rdm (layer, pair)`, the upper triangle row by row, with `first` and `second (pair)`, positions into
the image names `image (image)`. :func:`square` shows them as matrices.
"""

from memfeat.rdm.distances import compute
from memfeat.rdm.hypotheses import from_categories, from_scores
from memfeat.rdm.shape import select, square

__all__ = ["compute", "from_categories", "from_scores", "select", "square"]
