"""Memorability scores from behaviour: trials of old/new recognition, or counts of their answers."""

from memfeat.scores.trials import TrialColumns

__all__ = ["TrialColumns"]
