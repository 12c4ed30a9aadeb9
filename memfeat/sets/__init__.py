"""Comparing image sets: in feature space, and by the pictures that they share."""

from memfeat.sets.features.copies import CopyOptions, near_duplicates
from memfeat.sets.features.feature_space import FeatureOptions, compare_features

__all__ = ["CopyOptions", "FeatureOptions", "compare_features", "near_duplicates"]
