"""Sets of images: compared, chosen and put in order, and the pictures that they share."""

from memfeat.sets.choosing.balancing import balance
from memfeat.sets.choosing.matching import MatchOptions, match
from memfeat.sets.choosing.sequencing import SequenceOptions, sequence
from memfeat.sets.choosing.splitting import SplitOptions, split
from memfeat.sets.choosing.writing import to_csv
from memfeat.sets.features.copies import CopyOptions, near_duplicates
from memfeat.sets.features.feature_space import FeatureOptions, compare_features
from memfeat.sets.scores.comparing import CompareOptions, compare
from memfeat.sets.telling.paragraphs import paragraph
from memfeat.sets.telling.tables import table

__all__ = [
    "CompareOptions",
    "CopyOptions",
    "FeatureOptions",
    "MatchOptions",
    "SequenceOptions",
    "SplitOptions",
    "balance",
    "compare",
    "compare_features",
    "match",
    "near_duplicates",
    "paragraph",
    "sequence",
    "split",
    "table",
    "to_csv",
]
