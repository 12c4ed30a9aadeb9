"""The balance table of sets: how alike they are, and what to expect when their scores are measured again."""

import json
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import ks_2samp

from memfeat._check import advice, listed, looked_up
from memfeat._labels import IMAGE, stamped
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError
from memfeat.sets.choosing.pools import column_names, labels_of, numbers_of, table_of
from memfeat.sets.choosing.problems import pairs_of_sets
from memfeat.sets.choosing.reporting import NO_P, SET
from memfeat.stats.reliability import spearman_brown

__all__ = ["balance"]

Array = npt.NDArray[np.float64]
CONTRAST, VARIABLE, CATEGORY = "contrast", "variable", "category"
#: What the standard deviation is of which differences are given in.
POOL, WITHIN = "pool", "mean variance of the sets"


class _Scale(NamedTuple):
    """What differences are given in, and where scores regress to."""

    sd: Array  # (variable,)
    mean: Array  # (variable,); NaN where the pool is not known
    of: str


def balance(
    chosen: xr.Dataset | pd.DataFrame | str | Path,
    *,
    columns: str | Sequence[str] | None = None,
    score: str | None = None,
    categories: str | Sequence[str] | None = None,
    reliability: Mapping[str, float] | None = None,
    slope: float | xr.Dataset | None = None,
) -> xr.Dataset:
    """Tell how alike sets are in each variable, and what difference to expect when the score is measured again.

    Parameters
    ----------
    chosen : Dataset (image), DataFrame, str or Path
        Images with a column or coordinate `set`, as :func:`match` gives them, or any table that has one.
    columns : str or list of str, optional
        Variables; by default score and covariates of :func:`match`, else all columns of numbers.
    score : str, optional
        The variable that would be measured again; by default that of :func:`match`.
    categories : str or list of str, optional
        A column of labels, or several that make up categories together, to be counted; by default those of
        :func:`match`, or "category".
    reliability : mapping, optional
        Of the score, where it was measured: {"split_half": r}, the correlation of random halves, from which that of the
        full scores is 2r / (1 + r), or {"spearman_brown": r}, the reliability itself. It must be that of the very
        measurement by which images were chosen: of scores from half the participants it is {"spearman_brown": r} with r
        the correlation of halves.
    slope : float or Dataset, optional
        Where the score was predicted: the slope of measured scores on predictions, or the result of
        :func:`memfeat.evaluation.calibration_curve`, from other images.

    Returns
    -------
    Dataset (contrast, variable), (set, variable), (set, category)
        For each pair of sets: `difference` of means (first − second), `smd` (in standard deviations of the pool),
        `variance_ratio` (first / second), `ks` (largest distance of the distribution functions), and
        `expected_difference` when the score is measured again (NaN for other variables, and without `reliability` or
        `slope`). For each set: `mean`, `sd`, `expected_mean`, `n`, and `count` of each category. Coordinates `first`
        and `second (contrast)`. No p-values, see Notes.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError
        If it is no table of images, or there is no such column.
    ArgumentError
        If there is no set, only one, or one with fewer than two images; a value is missing; or reliability and slope
        are both given.

    See Also
    --------
    match : Chooses sets.
    memfeat.scores.split_half : Estimates the reliability of measured scores.

    Notes
    -----
    SMD and variance ratio are to be read as sizes. Values within .1, and within 4/5 and 5/4, are commonly taken as good
    balance; variance ratios beyond 1/2 and 2 as bad. A test of balance would answer another question: images were
    chosen so that no null hypothesis about a population holds or fails, and p rises as the sets get smaller, however
    unequal they are.

    Scores regress to the mean. Who chooses images by measured scores chooses their noise along, and a difference d will
    be about d · r when the same images are measured again, r the reliability (Pearson's) of the scores by which they
    were chosen: the regression of a second measurement on the first. A mean m will be about M + r (m − M), M that of
    the pool. With predicted scores the same holds of the slope of measured on predicted scores. Sets with equal
    measured scores stay equal in expectation, with more noise: their true difference has standard error
    √(2 r (1 − r) / n) pool SD for n images each.

    Without a pool (`pool_sd` in the attributes), the standard deviation is the root of the mean variance of the sets.

    References
    ----------
    Imai K, King G, Stuart EA (2008). Misunderstandings between experimentalists and observationalists about causal
    inference. Journal of the Royal Statistical Society A 171:481-502.
    Austin PC (2009). Balance diagnostics for comparing the distribution of baseline covariates between treatment groups
    in propensity-score matched samples. Statistics in Medicine 28:3083-3107.
    Barnett AG, van der Pols JC, Dobson AJ (2005). Regression to the mean: what it is and how to deal with it.
    International Journal of Epidemiology 34:215-220.

    Examples
    --------
    >>> table = pd.DataFrame({"image": list("abcd"), "set": list("AABB"), "hit_rate": [0.6, 0.8, 0.3, 0.5]})
    >>> found = balance(table, score="hit_rate", reliability={"spearman_brown": 0.8})
    >>> found["difference"].values.round(3), found["expected_difference"].values.round(3)
    (array([[0.3]]), array([[0.24]]))
    """
    table, unreadable = table_of(chosen, "chosen")
    names, of = _sets(table)
    variables = _variables(table, columns)
    values = numbers_of(table, variables, "chosen")
    again = _shrinkage(reliability, slope)
    scored = _scored(table, score, variables, needed=again is not None)
    scale = _scale(table, values, of, variables)
    found = _contrasts(values, of, scale) | _sizes(values, of)
    is_score = np.array([name == scored for name in variables])
    r = np.where(is_score, np.nan if again is None else again, np.nan)
    expected = {
        "expected_difference": ((CONTRAST, VARIABLE), found["difference"][1] * r),
        "expected_mean": ((SET, VARIABLE), scale.mean + r * (found["mean"][1] - scale.mean)),
    }
    result = _labelled(found | expected, names, variables)
    if cells := column_names("categories", categories) or _matched_in(table):
        labels = labels_of(table, cells, "chosen")
        words, place = np.unique(labels, return_inverse=True)
        counts = np.zeros((len(names), len(words)), dtype=np.int64)
        np.add.at(counts, (of, place.reshape(-1)), 1)
        result = result.assign(count=((SET, CATEGORY), counts)).assign_coords({CATEGORY: texts(words)})
    return stamped(
        result,
        table.attrs,
        method="balance of sets",
        score=scored,
        sd_of=scale.of,
        reliability=again if slope is None else None,
        slope=again if slope is not None else None,
        expected="difference × reliability of the scores that images were chosen by, or × calibration slope",
        n_unreadable=unreadable,
        p_values=NO_P,
    )


def _matched_in(table: xr.Dataset) -> list[str]:
    """Name the categories that sets were matched in, or the column that is called so."""
    asked = [str(name) for name in np.atleast_1d(table.attrs.get("category_columns", []))]
    if asked and all(name in table.variables for name in asked):
        return asked
    return [CATEGORY] if CATEGORY in table and _is_text(table[CATEGORY]) else []


def _is_text(column: xr.DataArray) -> bool:
    return column.dims == (IMAGE,) and column.dtype.kind not in "iufb"


def _sets(table: xr.Dataset) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Read which set each image is in; sets in the order in which they were asked for, else of their names."""
    looked_up("column", SET, [str(name) for name in table.variables], "Say which set each image is in.")
    labels = labels_of(table, [SET], "chosen")
    names = [str(name) for name in np.unique(labels)]
    asked = [str(name) for name in np.atleast_1d(table.attrs.get("sets", []))]
    if set(asked) == set(names):
        names = asked
    few = [name for name in names if (labels == name).sum() < 2]
    if len(names) < 2 or few:
        found = listed(f"one image in {few[0]!r}" if few else f"set {names[0]!r} only")
        raise ArgumentError(advice("chosen", "hold two sets at least, of two images each", found))
    return names, np.array([names.index(label) for label in labels], dtype=np.intp)


def _variables(table: xr.Dataset, columns: Any) -> list[str]:
    """Choose the variables."""
    if columns is not None:
        return column_names("columns", columns)
    known = [table.attrs.get("score"), *np.atleast_1d(table.attrs.get("covariates", []))]
    known = [str(name) for name in known if name is not None and str(name) in table.variables]
    if known:
        return known
    numbers = [str(name) for name, one in table.data_vars.items() if one.dims == (IMAGE,) and one.dtype.kind in "iufb"]
    if not numbers:
        raise ArgumentError(advice("chosen", "have a column of numbers", listed("none")))
    return numbers


def _shrinkage(reliability: Any, slope: Any) -> float | None:
    """Give what a difference is multiplied by when it is measured again."""
    if reliability is not None and slope is not None:
        remedy = "Measured scores have a reliability, predicted ones a calibration slope."
        raise ArgumentError(advice("reliability", "not be given with slope", dict(reliability), remedy))
    if reliability is not None:
        return spearman_brown(reliability)
    if isinstance(slope, xr.Dataset):
        if "coefficient_estimate" not in slope:
            remedy = "Pass what mf.evaluation.calibration_curve gives, or its slope."
            raise ArgumentError(advice("slope", "hold a calibration line", listed.of(slope.data_vars), remedy))
        return float(slope["coefficient_estimate"].sel(coefficient="slope"))
    if slope is not None and (isinstance(slope, bool) or not isinstance(slope, Real)):
        raise KindError(advice("slope", "be a number or the result of mf.evaluation.calibration_curve", slope))
    return None if slope is None else float(slope)


def _scored(table: xr.Dataset, score: str | None, variables: list[str], *, needed: bool) -> str | None:
    """Say which variable would be measured again."""
    name = score if score is not None else table.attrs.get("score")
    if name is None and needed:
        remedy = f"Name it: score={variables[0]!r}."
        raise ArgumentError(advice("score", "be named with reliability or slope", None, remedy))
    return None if name is None else looked_up("score", str(name), variables, f"There are {', '.join(variables)}.")


def _scale(table: xr.Dataset, values: Array, of: npt.NDArray[np.intp], variables: list[str]) -> _Scale:
    """Take mean and standard deviation of the pool, where they are known for every variable."""
    pool = {name: json.loads(table.attrs.get(f"pool_{name}", "{}")) for name in ("sd", "mean")}
    if all(variable in pool["sd"] for variable in variables):
        sd, mean = (np.array([pool[name][variable] for variable in variables]) for name in ("sd", "mean"))
        return _Scale(sd, mean, POOL)
    within = np.mean([values[of == s].var(axis=0, ddof=1) for s in range(of.max() + 1)], axis=0)
    return _Scale(np.sqrt(within), np.full(len(variables), np.nan), WITHIN)


def _sizes(values: Array, of: npt.NDArray[np.intp]) -> dict[str, Any]:
    parts = [values[of == s] for s in range(of.max() + 1)]
    return {
        "mean": ((SET, VARIABLE), np.stack([part.mean(axis=0) for part in parts])),
        "sd": ((SET, VARIABLE), np.stack([part.std(axis=0, ddof=1) for part in parts])),
        "n": (SET, np.array([len(part) for part in parts])),
    }


def _contrasts(values: Array, of: npt.NDArray[np.intp], scale: _Scale) -> dict[str, Any]:
    """Compare every pair of sets in every variable (contrast, variable)."""
    first, second = pairs_of_sets(int(of.max()) + 1)
    parts = [values[of == s] for s in range(of.max() + 1)]
    means, variances = (np.stack([getattr(p, what)(axis=0) for p in parts]) for what in ("mean", "var"))
    sizes = np.array([[len(part)] for part in parts])
    variances = variances * sizes / (sizes - 1)
    difference = means[first] - means[second]
    columns = range(values.shape[1])
    ks = [[_ks(parts[a][:, c], parts[b][:, c]) for c in columns] for a, b in zip(first, second, strict=True)]
    with np.errstate(divide="ignore", invalid="ignore"):
        table = {
            "difference": difference,
            "smd": difference / scale.sd,
            "variance_ratio": variances[first] / variances[second],
            "ks": np.array(ks),
        }
    return {name: ((CONTRAST, VARIABLE), found) for name, found in table.items()}


def _ks(first: Array, second: Array) -> float:
    # the exact p-value, which is not wanted, would take most of the time
    return float(ks_2samp(first, second, method="asymp").statistic)


def _labelled(found: Mapping[str, Any], names: list[str], variables: list[str]) -> xr.Dataset:
    first, second = (texts(names[s] for s in side) for side in pairs_of_sets(len(names)))
    coords: dict[str, Any] = {
        CONTRAST: texts(f"{a} − {b}" for a, b in zip(first, second, strict=True)),
        "first": (CONTRAST, first),
        "second": (CONTRAST, second),
        SET: texts(names),
        VARIABLE: texts(variables),
    }
    return xr.Dataset(dict(found), coords)
