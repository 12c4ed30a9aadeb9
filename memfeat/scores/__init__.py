"""Memorability scores from behaviour: trials of old/new recognition, or counts of their answers."""

from memfeat.scores.confidence import roc
from memfeat.scores.excluding import ExclusionRules, exclude
from memfeat.scores.lags import lag_corrected
from memfeat.scores.mixed import mixed_model
from memfeat.scores.planning import n_images, n_raters
from memfeat.scores.raters import by_raters
from memfeat.scores.resplitting import resplit
from memfeat.scores.scoring import CountColumns, from_trials, rates
from memfeat.scores.splitting import SplitHalfOptions, halves, split_half
from memfeat.scores.tabled import read_halves, reliability
from memfeat.scores.tidy import to_long
from memfeat.scores.trials import FurtherColumns, TrialColumns

__all__ = [
    "CountColumns",
    "ExclusionRules",
    "FurtherColumns",
    "SplitHalfOptions",
    "TrialColumns",
    "by_raters",
    "exclude",
    "from_trials",
    "halves",
    "lag_corrected",
    "mixed_model",
    "n_images",
    "n_raters",
    "rates",
    "read_halves",
    "reliability",
    "resplit",
    "roc",
    "split_half",
    "to_long",
]
