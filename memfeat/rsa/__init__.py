"""Representational similarity analysis: how well RDMs agree with a reference RDM."""

from memfeat.rsa.comparison import compare
from memfeat.rsa.contrasts import ContrastOptions, contrast
from memfeat.rsa.course import cluster
from memfeat.rsa.covariates import AdjustedOptions, adjusted
from memfeat.rsa.explained import ExplainedOptions
from memfeat.rsa.framing import frame, unframe
from memfeat.rsa.magnitude import split
from memfeat.rsa.options import Options
from memfeat.rsa.partialling import partial
from memfeat.rsa.partitioning import partition
from memfeat.rsa.weighting import WeightedOptions, weighted

__all__ = [
    "AdjustedOptions",
    "ContrastOptions",
    "ExplainedOptions",
    "Options",
    "WeightedOptions",
    "adjusted",
    "cluster",
    "compare",
    "contrast",
    "frame",
    "partial",
    "partition",
    "split",
    "unframe",
    "weighted",
]
