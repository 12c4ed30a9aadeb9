"""Nested cross-validated prediction of scores from features."""

from memfeat.regression.contrasts import ContrastOptions, contrast
from memfeat.regression.decoding import decode
from memfeat.regression.options import DecodeOptions

__all__ = ["ContrastOptions", "DecodeOptions", "contrast", "decode"]
