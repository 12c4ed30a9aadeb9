"""Representational dissimilarity matrices (RDMs): from features, as hypotheses, from brain and behaviour.

RDMs are a Dataset: `rdm (layer, pair)`, the upper triangle row by row, with `first` and `second (pair)`, positions into
the image names `image (image)`; further dims such as `participant`, `roi` or `time` stand between. :func:`square` shows
them as matrices.
"""

from memfeat.rdm.distances import compute
from memfeat.rdm.files import read
from memfeat.rdm.hypotheses import from_categories, from_column, from_scores
from memfeat.rdm.judgements import from_coordinates, from_similarity
from memfeat.rdm.matrices import from_condensed, from_square, to_condensed
from memfeat.rdm.measurements import features_from_rsatoolbox, features_to_rsatoolbox
from memfeat.rdm.shape import select, square
from memfeat.rdm.tables import from_frame, to_frame
from memfeat.rdm.toolbox import from_rsatoolbox, to_rsatoolbox

__all__ = [
    "compute",
    "features_from_rsatoolbox",
    "features_to_rsatoolbox",
    "from_categories",
    "from_column",
    "from_condensed",
    "from_coordinates",
    "from_frame",
    "from_rsatoolbox",
    "from_scores",
    "from_similarity",
    "from_square",
    "read",
    "select",
    "square",
    "to_condensed",
    "to_frame",
    "to_rsatoolbox",
]
