"""Nested cross-validated prediction of scores from features."""

from memfeat.regression.decoding import decode
from memfeat.regression.options import DecodeOptions

__all__ = ["DecodeOptions", "decode"]
