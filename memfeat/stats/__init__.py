"""Inference that every stage shares: rearrangements and bootstraps of images, p-values, corrections, intervals.

Arrays have their core dims last: a null distribution is `(layer, permutation)`, bootstrap values are `(layer, draw)`.
"""

from memfeat.stats.exchange import Exchange, bootstrap_counts, grouping, permutations
from memfeat.stats.inference import ALTERNATIVES, fdr, interval, max_statistic, p_value

__all__ = [
    "ALTERNATIVES",
    "Exchange",
    "bootstrap_counts",
    "fdr",
    "grouping",
    "interval",
    "max_statistic",
    "p_value",
    "permutations",
]
