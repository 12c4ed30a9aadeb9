"""Embeddings of layers, how many dimensions they have, and how alike two of them are."""

from memfeat.reduction.dimensions import dimensionality
from memfeat.reduction.embedding import embed
from memfeat.reduction.options import EmbedOptions
from memfeat.reduction.projecting import project
from memfeat.reduction.relating import relate
from memfeat.reduction.similarity import cka, svcca
from memfeat.reduction.superposing import procrustes
from memfeat.reduction.variances import scree

__all__ = ["EmbedOptions", "cka", "dimensionality", "embed", "procrustes", "project", "relate", "scree", "svcca"]
