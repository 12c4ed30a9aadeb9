"""Estimators of scikit-learn, fitted anew for each fold and each column of targets."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier, is_clusterer, is_outlier_detector
from sklearn.linear_model import ElasticNetCV, LassoCV
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import has_fit_parameter

from memfeat._check import advice, listed
from memfeat._estimators import draws_of, seeded_copy
from memfeat.errors import ArgumentError, KindError
from memfeat.regression.penalties import edge

__all__ = ["SPARSE", "Refit", "regressor_of"]

Array = npt.NDArray[np.float64]
Splits = list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]
#: Penalties that are tried, in multiples of the smallest one that leaves nothing.
PENALTIES = np.logspace(0, -3, 30)
MIXES = (0.1, 0.5, 0.9)
TRIES = 10_000


class Refit(NamedTuple):
    """How one column of targets is fitted to training images."""

    make: Callable[[Array, Array, Splits], Any]
    """Features (m, p), targets (m,) and inner folds → an estimator that is not fitted yet."""
    told: Callable[[Any], dict[str, Any]]
    """Fitted estimator → what was chosen."""
    name: str
    inner: bool
    """Whether inner folds are needed."""

    draws: bool = False
    """Whether it draws at random."""

    def fitted(self, x: Array, y: Array, splits: Splits, weights: Array | None, seed: int) -> Any:
        """Fit, with weights where there are some, and the same seed every time."""
        model = seeded_copy(self.make(x, y, splits), seed) if self.draws else self.make(x, y, splits)
        return model.fit(x, y) if weights is None else model.fit(x, y, sample_weight=weights)


def _lasso(x: Array, y: Array, splits: Splits) -> Any:
    return LassoCV(alphas=PENALTIES * _largest(x, y), cv=splits, max_iter=TRIES)


def _elastic(x: Array, y: Array, splits: Splits) -> Any:
    return ElasticNetCV(l1_ratio=list(MIXES), alphas=PENALTIES * _largest(x, y) / min(MIXES), cv=splits, max_iter=TRIES)


def _largest(x: Array, y: Array) -> float:
    """Give the smallest penalty that leaves no feature; 1 where nothing varies."""
    most = float(np.abs((x - x.mean(axis=0)).T @ (y - y.mean())).max()) / len(y)
    return most if most > 0 else 1.0


def _penalty(model: Any) -> dict[str, Any]:
    return {"penalty": model.alpha_, "penalty_edge": edge(model.alpha_, model.alphas_)}


#: name -> how it is fitted
SPARSE: dict[str, Refit] = {
    "lasso": Refit(_lasso, _penalty, "lasso", True),
    "elastic_net": Refit(_elastic, lambda model: _penalty(model) | {"l1_ratio": model.l1_ratio_}, "elastic_net", True),
}


def regressor_of(estimator: Any, grid: Mapping[str, Any] | None, *, weighted: bool, names: list[str]) -> Refit:
    """Read a scikit-learn regressor or pipeline.

    Parameters
    ----------
    estimator : estimator
        With `fit` and `predict`; it is cloned, never fitted itself.
    grid : mapping, optional
        Parameter → values to choose from in inner folds.
    weighted : bool
        Whether images have weights, which it must then take.
    names : list of str
        What may be given instead, by name.

    Returns
    -------
    Refit
        How it is fitted.

    Raises
    ------
    KindError
        If it is no estimator, or none that predicts numbers.
    ArgumentError
        If it takes no weights, has no such parameter, or values of one are no list.
    """
    if isinstance(estimator, type) or not all(hasattr(estimator, verb) for verb in ("fit", "predict", "get_params")):
        remedy = f"Or a name: {', '.join(map(repr, names))}."
        raise KindError(advice("estimator", "be a scikit-learn regressor or pipeline", estimator, remedy))
    called = type(estimator).__name__
    if any(of_another_kind(estimator) for of_another_kind in (is_classifier, is_clusterer, is_outlier_detector)):
        remedy = "Scores are numbers that are predicted as such: take its regressor."
        raise KindError(advice("estimator", "be a scikit-learn regressor or pipeline that ends in one", called, remedy))
    if weighted and not has_fit_parameter(estimator, "sample_weight"):
        remedy = "Leave weights out, or use estimator='ridge'."
        raise ArgumentError(advice("estimator", "take sample_weight when there are weights", listed(called), remedy))
    unknown = [name for name in grid or {} if name not in estimator.get_params()]
    if unknown:
        remedy = f"See {called}().get_params()."
        raise ArgumentError(advice("grid", "name parameters of the estimator", listed.of(unknown), remedy))
    for name, values in (grid or {}).items():
        if isinstance(values, str) or np.ndim(np.asarray(values, dtype=object)) == 0 or not len(values):
            remedy = f"Write {{{name!r}: [{values!r}]}}."
            raise ArgumentError(advice(f"grid[{name!r}]", "list values to choose from", values, remedy))

    def make(x: Array, y: Array, splits: Splits) -> Any:
        if grid is None:
            return clone(estimator)
        return GridSearchCV(clone(estimator), dict(grid), cv=splits, scoring="neg_mean_squared_error")

    def told(model: Any) -> dict[str, Any]:
        best = getattr(model, "best_params_", None)
        return {} if best is None else {"parameters": json.dumps(best, sort_keys=True, default=str)}

    return Refit(make, told, called, grid is not None, bool(draws_of(estimator)))
