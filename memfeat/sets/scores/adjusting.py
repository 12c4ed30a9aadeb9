"""Differences of means at equal covariates: least squares, with errors that do not ask for equal variances."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import t as student

from memfeat import stats
from memfeat._check import advice, finite, listed
from memfeat._labels import IMAGE
from memfeat.errors import ArgumentError, KindError
from memfeat.sets.scores.contrasting import BLOCK, Pair
from memfeat.sets.scores.pooling import Pool, Tables, labels_of
from memfeat.sets.scores.weighing import Units, studentised

__all__ = ["Adjusted", "adjusted", "covariates_of"]

Array = npt.NDArray[np.float64]
#: What is left of a column below this share of its length is rounding.
NOTHING = 1e-9


class Adjusted(NamedTuple):
    """The difference at equal covariates, for each score."""

    estimate: Array
    limits: Array
    """(2, score)"""
    observed: Array
    null: Array
    """(score, sample)"""
    exact: bool


def covariates_of(given: Any, pooled: Pool) -> tuple[list[str], list[Array]]:
    """Read covariates of the images of all sets.

    Parameters
    ----------
    given : str, sequence of str, Series, DataArray (image), DataFrame or Dataset (image)
        Columns of the sets, or covariates by image name. Text and truth values are categories.
    pooled : Pool
        The sets.

    Returns
    -------
    list of str
        Names of the covariates.
    list of array
        For each covariate numbers (n, 1), or of a category (n, label) 0 and 1.

    Raises
    ------
    UnknownNameError, KindError, ArgumentError
        If there is no such column, it is none, a value is missing, or all are the same.
    """
    names, columns = [], []
    for name, one in _listed(given):
        values = labels_of(pooled.tables, one, f"covariates[{name!r}]")
        names.append(name)
        columns.append(_numbers(values, name, pooled.tables))
        _must_vary(columns[-1], name, pooled)
    return names, columns


def _must_vary(column: Array, name: str, pooled: Pool) -> None:
    """Refuse what is equal already: in all images, or in all versions of each original."""
    rule = "differ between versions of an original" if pooled.paired else "vary over images"
    same = pooled.unit if pooled.paired else np.zeros_like(pooled.unit)
    first = column[np.unique(same, return_index=True)[1]][np.unique(same, return_inverse=True)[1].reshape(-1)]
    if (column == first).all():
        remedy = "What is the same is equal already: leave it out."
        raise ArgumentError(advice(f"covariates[{name!r}]", rule, listed("values that are the same"), remedy))


def _listed(given: Any) -> list[tuple[str, Any]]:
    """Give each covariate with its name."""
    if isinstance(given, str):
        return [(given, given)]
    if isinstance(given, xr.DataArray | pd.Series):
        return [(str(given.name if given.name is not None else "covariate"), given)]
    if isinstance(given, xr.Dataset):
        return [(str(name), one) for name, one in given.data_vars.items() if one.dims == (IMAGE,)]
    if isinstance(given, pd.DataFrame):
        return [(str(name), given[name]) for name in given]
    if isinstance(given, Sequence) and given and all(isinstance(name, str) for name in given):
        return [(name, name) for name in given]
    remedy = 'Name columns: covariates=["luminance"], or pass a table by image name.'
    raise KindError(advice("covariates", "be columns", listed(type(given).__name__), remedy))


def _numbers(values: npt.NDArray[Any], name: str, tables: Tables) -> Array:
    """Give numbers as one column, and categories as a column for each."""
    if all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values):
        images = [str(key) for table in tables.values() for key in table[IMAGE].values]
        remedy = "Leave those images out, or this covariate."
        return finite(f"covariates[{name!r}]", values.astype(np.float64), images, remedy=remedy)[:, None]
    return pd.get_dummies(pd.Series(values.astype(str))).to_numpy(dtype=np.float64)


class _Model(NamedTuple):
    """Least squares of scores on a difference and covariates."""

    part: Array
    """What the covariates leave of the column whose coefficient is asked for, divided by its square (n,)."""
    residuals: Array
    """Of the scores, without the difference (n, score)."""
    basis: Array
    """Orthonormal columns that span difference and covariates (n, column)."""
    slack: Array
    """1 − leverage (n,)"""
    units: Units | None
    degrees: int

    def fitted(self, scores: Array) -> tuple[Array, Array]:
        """Give coefficients and their variances: HC3, or by clusters (sample,)."""
        left = scores - self.basis @ (self.basis.T @ scores)
        estimate = self.part @ scores
        if self.units is None:
            return estimate, ((self.part / self.slack)[:, None] ** 2 * left**2).sum(axis=0)
        n = self.units.n
        sums = self.units.total(self.part[:, None] * left)
        return estimate, n / (n - 1) * (sums**2).sum(axis=0)


def _model(scores: Array, column: Array, covariates: Array, units: Units | None) -> _Model:
    """Set up least squares (scores (n, score))."""
    lengths = np.linalg.norm(covariates, axis=0)
    held = np.linalg.qr(covariates / lengths)[0]
    rest = column - held @ (held.T @ column)
    rest = rest - held @ (held.T @ rest)
    full = np.column_stack([column, covariates])
    rank = np.linalg.matrix_rank(full / np.linalg.norm(full, axis=0), NOTHING * np.sqrt(len(column)))
    if rank < full.shape[1] or len(column) < rank + 2 or (rest**2).sum() <= NOTHING * (column**2).sum():
        remedy = "Leave one out: one that is made up of others, or that says by itself which set an image is of."
        found = listed(f"{full.shape[1]} columns of {len(column)} images that are worth {rank}")
        raise ArgumentError(advice("covariates", "differ from each other and from the sets", found, remedy))
    size = float((rest**2).sum())
    basis = np.column_stack([held, rest / np.sqrt(size)])
    residuals = scores - held @ (held.T @ scores)
    slack = np.maximum(1 - (basis**2).sum(axis=1), NOTHING)
    degrees = len(column) - full.shape[1] if units is None else units.n - (1 if units.crossed else 2)
    return _Model(rest / size, residuals, basis, slack, units, degrees)


def adjusted(pair: Pair, covariates: Sequence[Array], n_permutations: int, rng: np.random.Generator) -> Adjusted:
    """Compare means at equal covariates.

    Null hypothesis: given the covariates, both sets have the same mean. Unit of exchange: the residual of an image;
    with clusters or pairs, the signs of a unit's residuals.

    Parameters
    ----------
    pair : Pair
        Two sets.
    covariates : sequence of array (n, 1) or (n, label)
        What is held equal, as :func:`covariates_of` gives it.
    n_permutations : int
        How many rearrangements.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    Adjusted
        Coefficients of the set in a regression of scores on set and covariates, for pairs the intercept in one of
        differences on differences.

    Raises
    ------
    ArgumentError
        If covariates are made up of each other, or of the sets.
    """
    columns = np.concatenate([_against_first(one) for one in covariates], axis=1)
    if pair.paired:
        signed = np.where(pair.member > 0, 1.0, -1.0)
        whole = Units(pair.units.unit, crossed=True)
        scores, moved = whole.total(signed * pair.values.T), whole.total(signed * columns)
        model = _model(scores, np.ones(whole.n), moved[:, moved.any(axis=0)], None)
        unit = np.arange(whole.n)
    else:
        varied = columns[:, np.ptp(columns, axis=0) > 0]
        design = np.column_stack([np.ones(len(pair.member)), varied - varied.mean(axis=0)])
        model = _model(pair.values.T, pair.member[:, 0], design, None if pair.units.alone else pair.units)
        scores, unit = pair.values.T, pair.units.unit
    estimate, variance = model.fitted(scores)
    half = student.isf(0.025, model.degrees) * np.sqrt(variance)
    observed = studentised(estimate, variance)
    null, exact = np.empty((len(estimate), 0)), False
    if n_permutations:
        by_sign = pair.paired or not pair.units.alone
        blocks, exact = _rearranged(model.residuals, unit if by_sign else None, n_permutations, rng)
        parts = [np.stack([studentised(*model.fitted(one)) for one in block]) for block in blocks]
        null = np.concatenate(parts, axis=-1)
    return Adjusted(estimate, np.stack([estimate - half, estimate + half]), observed, null, exact)


def _against_first(column: Array) -> Array:
    """Leave out the first category that images of these sets have, with which the others are compared."""
    return column if column.shape[1] == 1 else column[:, column.any(axis=0)][:, 1:]


def _rearranged(
    residuals: Array, unit: npt.NDArray[np.int64] | None, n_permutations: int, rng: np.random.Generator
) -> tuple[Iterator[Array], bool]:
    """Exchange residuals, or flip signs of those of each unit (score, n, sample)."""
    step = max(1, BLOCK // residuals.size)
    if unit is None:
        index, exact = stats.permutations(len(residuals), n_permutations, rng=rng)
        places = (index[start : start + step] for start in range(0, len(index), step))
        return (np.moveaxis(residuals[part], (0, 1, 2), (2, 1, 0)) for part in places), exact
    turned, exact = _flips(int(unit.max()) + 1, n_permutations, rng)
    signs = (1.0 - 2.0 * turned[start : start + step][:, unit].T for start in range(0, len(turned), step))
    return (residuals.T[:, :, None] * part for part in signs), exact


def _flips(n: int, n_permutations: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int8], bool]:
    """Say which of n units change signs (sample, n), and whether these are all patterns."""
    if 2**n <= n_permutations:
        return np.array(list(product([0, 1], repeat=n)), dtype=np.int8), True
    return rng.integers(0, 2, (n_permutations, n), dtype=np.int8), False
