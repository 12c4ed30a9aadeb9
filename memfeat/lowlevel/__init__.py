"""What images are like before anything is known of what they show: statistics, GIST and a perceptual hash."""

from memfeat.lowlevel.energies import gist
from memfeat.lowlevel.hashing import N_BITS as N_BITS
from memfeat.lowlevel.hashing import hash_bits as hash_bits
from memfeat.lowlevel.hashing import packed as packed
from memfeat.lowlevel.hashing import perceptual_hash
from memfeat.lowlevel.measuring import statistics

__all__ = ["gist", "perceptual_hash", "statistics"]
