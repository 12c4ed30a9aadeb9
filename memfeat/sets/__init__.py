"""Sets of images: compared by their scores and in feature space, and the pictures that they share."""

from memfeat.sets.features.copies import CopyOptions, near_duplicates
from memfeat.sets.features.feature_space import FeatureOptions, compare_features
from memfeat.sets.scores.comparing import CompareOptions, compare

__all__ = ["CompareOptions", "CopyOptions", "FeatureOptions", "compare", "compare_features", "near_duplicates"]
