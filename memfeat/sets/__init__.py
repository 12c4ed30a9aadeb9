"""Image sets: choosing them so that they are equal, or differ, in memorability and are equal in everything else."""

from memfeat.sets.balancing import balance
from memfeat.sets.matching import MatchOptions, match

__all__ = ["MatchOptions", "balance", "match"]
