"""Estimators of scikit-learn that draw at random, seeded without touching those of the user."""

from typing import Any

from sklearn.base import clone

__all__ = ["draws_of", "seeded_copy"]


def draws_of(estimator: Any) -> list[str]:
    """Name the parameters, those of steps included, that ask for a seed and have none."""
    given = estimator.get_params()
    return [name for name, value in given.items() if name.split("__")[-1] == "random_state" and value is None]


def seeded_copy(estimator: Any, seed: int) -> Any:
    """Give a copy that is not fitted, seeded wherever it takes a seed and has none."""
    return clone(estimator).set_params(**dict.fromkeys(draws_of(estimator), seed))
