"""Inference that every stage shares: rearrangements and bootstraps of images, p-values, corrections, intervals.

Arrays have their core dims last: a null distribution is `(layer, permutation)`, bootstrap values are `(layer, draw)`.
"""

from memfeat.stats.bootstrapped import bca, bootstrap_p, enough
from memfeat.stats.clusters import cluster_mass
from memfeat.stats.exchange import Exchange, bootstrap_counts, drawn_units, grouping, permutations
from memfeat.stats.inference import ALTERNATIVES, expanded, fdr, holm, interval, max_statistic, p_value
from memfeat.stats.jackknifed import Jackknife, jackknife
from memfeat.stats.largest import largest_deviation
from memfeat.stats.participants import TESTS, across, sign_flips, student, t_interval, two_factor, two_factor_degrees

__all__ = [
    "ALTERNATIVES",
    "TESTS",
    "Exchange",
    "Jackknife",
    "across",
    "bca",
    "bootstrap_counts",
    "bootstrap_p",
    "cluster_mass",
    "drawn_units",
    "enough",
    "expanded",
    "fdr",
    "grouping",
    "holm",
    "interval",
    "jackknife",
    "largest_deviation",
    "max_statistic",
    "p_value",
    "permutations",
    "sign_flips",
    "student",
    "t_interval",
    "two_factor",
    "two_factor_degrees",
]
