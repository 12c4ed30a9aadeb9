"""Representational similarity analysis: how well RDMs agree with a reference RDM."""

from memfeat.rsa.comparison import compare
from memfeat.rsa.options import Options

__all__ = ["Options", "compare"]
