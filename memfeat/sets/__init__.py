"""Image sets: choosing them so that they are equal, or differ, in memorability and are equal in everything else."""

from memfeat.sets.choosing.balancing import balance
from memfeat.sets.choosing.matching import MatchOptions, match
from memfeat.sets.choosing.sequencing import SequenceOptions, sequence
from memfeat.sets.choosing.splitting import SplitOptions, split
from memfeat.sets.choosing.writing import to_csv

__all__ = ["MatchOptions", "SequenceOptions", "SplitOptions", "balance", "match", "sequence", "split", "to_csv"]
