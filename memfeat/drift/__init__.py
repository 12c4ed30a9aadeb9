"""Where two networks differ, layer by layer: the frozen and the retrained one, or any two that see the same images."""

from memfeat.drift.comparison import Options, compare
from memfeat.drift.unitwise import units

__all__ = ["Options", "compare", "units"]
