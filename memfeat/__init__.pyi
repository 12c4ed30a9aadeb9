from . import attribution as attribution
from . import datasets as datasets
from . import drift as drift
from . import errors as errors
from . import evaluation as evaluation
from . import features as features
from . import guards as guards
from . import images as images
from . import lowlevel as lowlevel
from . import measures as measures
from . import models as models
from . import plot as plot
from . import prediction as prediction
from . import rdm as rdm
from . import reduction as reduction
from . import regression as regression
from . import report as report
from . import rsa as rsa
from . import scores as scores
from . import screening as screening
from . import sets as sets
from . import stats as stats
from . import training as training
from ._version import __version__ as __version__
from .activations import extract as extract
from .prediction import predict as predict

__all__ = [
    "__version__",
    "attribution",
    "datasets",
    "drift",
    "errors",
    "evaluation",
    "extract",
    "features",
    "guards",
    "images",
    "lowlevel",
    "measures",
    "models",
    "plot",
    "predict",
    "prediction",
    "rdm",
    "reduction",
    "regression",
    "report",
    "rsa",
    "scores",
    "screening",
    "sets",
    "stats",
    "training",
]
