"""Any predictor against measured scores: how well it ranks, how far it is off, where, and against which other."""

from memfeat.evaluation.agreement import by_category, evaluate
from memfeat.evaluation.calibration import calibration_curve
from memfeat.evaluation.contrast import compare
from memfeat.evaluation.cutoffs import error_by_cutoff
from memfeat.evaluation.distributions import score_distributions
from memfeat.evaluation.overlap import training_overlap
from memfeat.evaluation.pairing import Sampling

__all__ = [
    "Sampling",
    "by_category",
    "calibration_curve",
    "compare",
    "error_by_cutoff",
    "evaluate",
    "score_distributions",
    "training_overlap",
]
