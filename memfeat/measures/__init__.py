"""One number per image and layer, and how it goes with scores."""

from memfeat.measures.contrasting import ContrastOptions, contrast
from memfeat.measures.profiling import ProfileOptions, profile

__all__ = ["ContrastOptions", "ProfileOptions", "contrast", "profile"]
