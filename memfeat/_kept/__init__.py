"""What is kept of a module's output: the reductions, which shape each leaves, and what its axes are called."""

from memfeat._kept.axes import axes_of
from memfeat._kept.choosing import Spec, reduction
from memfeat._kept.reduction import Layout, Reduction

__all__ = ["Layout", "Reduction", "Spec", "axes_of", "reduction"]
