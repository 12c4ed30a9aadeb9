"""Networks: ResMem in both variants, torchvision's, your own, fitted heads, and the table of their layers."""

from memfeat.models.attaching import with_head
from memfeat.models.heads import Head
from memfeat.models.layers import layers
from memfeat.models.model import Model
from memfeat.models.registry import available, load, wrap

__all__ = ["Head", "Model", "available", "layers", "load", "with_head", "wrap"]
