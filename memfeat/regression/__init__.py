"""Nested cross-validated prediction of scores from features."""

from memfeat.regression.decoding import decode

__all__ = ["decode"]
