"""Sets of images: compared by their scores."""

from memfeat.sets.scores.comparing import CompareOptions, compare

__all__ = ["CompareOptions", "compare"]
