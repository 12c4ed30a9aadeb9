"""Image sets: choosing them so that they are equal, or differ, in memorability and are equal in everything else."""

from memfeat.sets.balancing import balance
from memfeat.sets.matching import MatchOptions, match
from memfeat.sets.sequencing import SequenceOptions, sequence
from memfeat.sets.splitting import SplitOptions, split
from memfeat.sets.writing import to_csv

__all__ = ["MatchOptions", "SequenceOptions", "SplitOptions", "balance", "match", "sequence", "split", "to_csv"]
