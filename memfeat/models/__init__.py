"""Networks: ResMem in both variants, torchvision's, your own, and the table of their layers."""

from memfeat.models.layers import layers
from memfeat.models.model import Model
from memfeat.models.registry import available, load, wrap

__all__ = ["Model", "available", "layers", "load", "wrap"]
