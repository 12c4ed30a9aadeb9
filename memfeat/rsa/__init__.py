"""Representational similarity analysis: how well RDMs agree with a reference RDM."""

from memfeat.rsa.comparison import compare

__all__ = ["compare"]
