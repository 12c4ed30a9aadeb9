"""Any transformer that follows scikit-learn's contract, as a method."""

import warnings
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._estimators import draws_of, seeded_copy
from memfeat.errors import ArgumentError, KindError
from memfeat.reduction.layers import whole
from memfeat.reduction.methods import Method
from memfeat.reduction.spaces import Settings, Space

__all__ = ["method_of"]


def method_of(estimator: Any, argument: str = "method") -> Method:
    """Make a method of a transformer.

    Parameters
    ----------
    estimator : object
        A transformer or pipeline, with `get_params` and `fit_transform`; it is cloned, never fitted itself.
    argument : str
        What the user calls it.

    Returns
    -------
    Method
        The method; other images get in by fitting it again if it has a `transform`.

    Raises
    ------
    KindError
        If it is no transformer.
    """
    if isinstance(estimator, type) or not (hasattr(estimator, "get_params") and hasattr(estimator, "fit_transform")):
        remedy = "Pass one that is made: PCA(10), not PCA."
        found = listed(estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__)
        raise KindError(advice(argument, "be a name or a scikit-learn transformer", found, remedy))
    placing = "refitted" if hasattr(estimator, "transform") else "none"
    return Method(partial(_transformed, estimator), placing, draws=bool(draws_of(estimator)))


def _transformed(estimator: Any, layer: xr.DataArray, settings: Settings) -> Space:
    """Fit a copy, seeded wherever it takes a seed and has none."""
    model = seeded_copy(estimator, settings.random_state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = _points(model.fit_transform(whole(layer)), layer.shape[0])
    return Space(points, fitted=model)


def _points(found: Any, n_images: int) -> npt.NDArray[np.float64]:
    points = np.asarray(found.toarray() if hasattr(found, "toarray") else found)
    if points.ndim != 2 or len(points) != n_images or points.dtype.kind not in "iufb":
        rule = f"give one row of numbers for each of {n_images} images"
        raise ArgumentError(advice("method", rule, listed(f"shape {points.shape}, dtype {points.dtype}")))
    return points.astype(np.float64)
