"""Figures of results: each function takes a result, returns matplotlib Axes and computes nothing.

`explore` returns a figure of bokeh, to point at. Every other function takes `ax=` and draws there; without it a new
figure of one journal column is made. In a notebook or a windowed session that figure belongs to pyplot, and is shown
like any other. Where matplotlib only writes files it is a plain Figure, which nothing keeps open. Defaults are those of
`STYLE`, used while memfeat draws and never set globally.
"""

from memfeat.plot.architecture import architecture
from memfeat.plot.clouds import sets
from memfeat.plot.distributions import scores
from memfeat.plot.drift import drift_profile
from memfeat.plot.evaluation import calibration_curve, error_by_cutoff, score_distributions
from memfeat.plot.exploring import explore
from memfeat.plot.grams import gram
from memfeat.plot.grids import image_grid
from memfeat.plot.heat import attribution
from memfeat.plot.layer_maps import layer_map
from memfeat.plot.maps import embedding
from memfeat.plot.matrices import rdm
from memfeat.plot.memorable import memorable
from memfeat.plot.models import models
from memfeat.plot.partition import partition
from memfeat.plot.profiles import layer_profile
from memfeat.plot.raters import reliability
from memfeat.plot.similarity import layer_similarity
from memfeat.plot.style import STYLE, WIDTHS, axes, save

__all__ = [
    "STYLE",
    "WIDTHS",
    "architecture",
    "attribution",
    "axes",
    "calibration_curve",
    "drift_profile",
    "embedding",
    "error_by_cutoff",
    "explore",
    "gram",
    "image_grid",
    "layer_map",
    "layer_profile",
    "layer_similarity",
    "memorable",
    "models",
    "partition",
    "rdm",
    "reliability",
    "save",
    "score_distributions",
    "scores",
    "sets",
]
