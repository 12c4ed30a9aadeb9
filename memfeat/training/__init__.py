"""Heads fitted to memorability scores on top of a trunk that is never trained."""

from memfeat.training.fitting import fit_head
from memfeat.training.published import lamem, lamem_and_memcat, memcat

__all__ = ["fit_head", "lamem", "lamem_and_memcat", "memcat"]
