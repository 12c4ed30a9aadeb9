"""Memorability scores from behaviour: trials of old/new recognition, or counts of their answers."""

from memfeat.scores.confidence import roc
from memfeat.scores.excluding import ExclusionRules, exclude
from memfeat.scores.lags import lag_corrected
from memfeat.scores.scoring import CountColumns, from_trials, rates
from memfeat.scores.trials import FurtherColumns, TrialColumns

__all__ = [
    "CountColumns",
    "ExclusionRules",
    "FurtherColumns",
    "TrialColumns",
    "exclude",
    "from_trials",
    "lag_corrected",
    "rates",
    "roc",
]
