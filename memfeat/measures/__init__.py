"""One number per image and layer: how strong, how sparse, how typical, how far from others."""

from memfeat.measures.strength import hoyer, magnitude, sparseness, treves_rolls

__all__ = ["hoyer", "magnitude", "sparseness", "treves_rolls"]
