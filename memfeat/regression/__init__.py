"""Nested cross-validated prediction of scores from features, and which units tell about scores."""

from memfeat.regression.contrasts import ContrastOptions, contrast
from memfeat.regression.correlating import UnitwiseOptions, unitwise
from memfeat.regression.decoding import decode
from memfeat.regression.interpreting import patterns
from memfeat.regression.options import DecodeOptions
from memfeat.regression.partitioning import PartitionOptions, partition
from memfeat.regression.ranking import top_units

__all__ = [
    "ContrastOptions",
    "DecodeOptions",
    "PartitionOptions",
    "UnitwiseOptions",
    "contrast",
    "decode",
    "partition",
    "patterns",
    "top_units",
    "unitwise",
]
