"""What to know about a set of images before numbers are computed of it: which of them warn, and of what."""

from memfeat.screening.checking import check

__all__ = ["check"]
