"""Memorability of images: predictions with what to know about each, and bringing them onto one's own scale."""

from memfeat.prediction.predicting import predict
from memfeat.prediction.recalibration import recalibrate, rescale

__all__ = ["predict", "recalibrate", "rescale"]
