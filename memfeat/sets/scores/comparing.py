"""Sets of images compared by their scores."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, count, known_options, listed
from memfeat._check import generator as seeded
from memfeat._labels import ALLOWED, CAUTIONED, INHERITED, stamped
from memfeat._tables import texts
from memfeat.errors import ArgumentError
from memfeat.sets.scores.adjusting import covariates_of
from memfeat.sets.scores.contrasting import QUANTILES, Pair
from memfeat.sets.scores.judging import (
    MEAN,
    ROWS,
    Judged,
    Plan,
    bound_of,
    equivalence,
    has_few_clusters,
    judged,
    tested,
)
from memfeat.sets.scores.omnibus import any_differs
from memfeat.sets.scores.pooling import Pool, pool
from memfeat.sets.scores.predicted import noise_of, told_of
from memfeat.sets.scores.weighing import Units, limits_of_mean

__all__ = ["CompareOptions", "compare"]

Array = npt.NDArray[np.float64]
SET, CONTRAST, STATISTIC, SCORE, QUANTILE, TEST = "set", "contrast", "statistic", "score", "quantile", "test"


#: Differences between differences below this share of them are rounding.
ROUNDING = 1e-12
INTERVALS = (
    "95 %; quantiles: expanded percentile bootstrap; mean_difference: the same, but Student's t with fewer than 40 "
    "clusters in a set; hedges_g and d_z: studentised bootstrap; cliffs_delta, auc and paired_delta: Feng and Cliff; "
    "means of sets and adjusted_difference: Student's t"
)


class CompareOptions(TypedDict, total=False):
    """Options of :func:`memfeat.sets.compare`.

    `names` : list of str, what the sets are called; with a mapping or `by`, which sets and in which order.
    `by` : str or column, which set each image of a single table belongs to; sets in the order of their names, or in
    that of :func:`match`.
    `clusters` : str or column, what images share a source with (a scene, a photographer, a film).
    `paired` : True, str or column, which original an image is a version of; True goes by image names.
    `covariates` : str, sequence of str, or a table by image name, what is held equal in `adjusted_difference`: numbers,
    or text for categories.
    `bound` : number, or {"sd": number}, the largest difference of means that does not matter, in units of the score or
    in pooled standard deviations: asks for the equivalence test.
    """

    names: Sequence[str]
    by: str | xr.DataArray | pd.Series
    clusters: str | xr.DataArray | pd.Series
    paired: Literal[True] | str | xr.DataArray | pd.Series
    covariates: str | Sequence[str] | xr.Dataset | xr.DataArray | pd.DataFrame | pd.Series
    bound: float | Mapping[str, float]


def compare(
    *sets: xr.Dataset | xr.DataArray | pd.DataFrame | pd.Series | Mapping[str, Any],
    values: str | Sequence[str] | None = None,
    n_permutations: int = 9_999,
    n_bootstraps: int = 2_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[CompareOptions],
) -> xr.Dataset:
    """Compare two or more sets of images by their scores.

    Null hypotheses: those that stand in the coordinate `null` of the result. Unit of exchange: the image; with
    `clusters` the cluster where each lies in one set, or the image inside its cluster where each has images in both
    sets; with `paired` the two versions of an original.

    Parameters
    ----------
    *sets : Dataset (image), DataArray (image), pandas.DataFrame, pandas.Series, or one mapping from name to these
        The sets: what :func:`memfeat.predict` or `mf.images.read` gives, a table of scores, or one score by image name.
        One table with all images and `by` is divided into sets.
    values : str or sequence of str, optional
        The score, or several: columns that every set has. By default the only one of a DataArray or Series, and
        otherwise "memorability".
    n_permutations : int
        How often labels of sets are exchanged; if there are no more ways than this, all are used and p is exact. 0
        gives no p-values but those of formulas.
    n_bootstraps : int
        How many bootstrap samples of units for the intervals of differences. 0 gives none.
    rng : int or numpy.random.Generator
        Seed of permutations and samples.
    **options : names, by, clusters, paired, covariates, bound
        See :class:`memfeat.sets.CompareOptions`.

    Returns
    -------
    Dataset
        By `set`: `n` images, `n_unreadable` left out because `status` is not "ok", `n_units`, `mean` with
        `mean_ci_low` and `mean_ci_high`, `median`, `sd`, `share_at_floor`. By `contrast` (each pair of sets, first less
        second) and `statistic`: `estimate`, `ci_low`, `ci_high`, `p`, `p_corrected` and `p_fdr`; the coordinates
        `null` and `unit (statistic)` say what they mean. By contrast and `quantile`: `quantile_difference` and its
        limits. By contrast: `standard_error` and `degrees` of the difference of means, `prediction_noise`, the standard
        deviation of this difference that comes from how images are shown to the predictor, and with `bound`
        `equivalence_p`, `equivalence_p_corrected`, `equivalence_bound`, `equivalence_ci_low`, `equivalence_ci_high`
        (90 %). With more than two sets, by `test`: `omnibus_statistic`, `omnibus_p` and `omnibus_p_corrected`. Several
        `values` add a dim `score`.

    Raises
    ------
    KindError
        If a set, a column or an option is of the wrong kind.
    ArgumentError
        If a set has fewer than two images that could be read, sets share images and are not paired, originals differ
        between paired sets, a score is missing or does not vary, sets are in different units or were predicted by
        different networks, some clusters lie in one set and some in both, or an option cannot be used.
    UnknownNameError
        If there is no such column, set or option.

    Warns
    -----
    CircularWarning
        If sets were chosen by :func:`memfeat.sets.match` so that they are equal, or differ, in a score compared.

    See Also
    --------
    memfeat.evaluation.evaluate : Predictions against measured scores.

    Notes
    -----
    With x̄ the mean of a set and K its number of units (images, or clusters), the difference of means is studentised by
    the root of Σ K / (K − 1) Σ u², u the sum of (x − x̄) / n over the images of a unit: Welch's for images by
    themselves. Permuting that quotient is exact if sets are exchangeable, and right for means in large samples if they
    differ in spread or shape. The same holds for Cliff's δ = P(X > Y) − P(X < Y), studentised by the variance of
    placements. AUC = (1 + δ) / 2. The largest distance between distribution functions and the area between them
    (Wasserstein) are tested against exchangeability: any difference can make them large.

    Every p is two-sided but for distances, which are above 0, and for equivalence.

    `mann_whitney_u` and `wilcoxon_w` have the p of the classical tests, for images by themselves and in pairs.

    `p_corrected` is corrected over all contrasts and scores by the largest statistic, for each row by itself; labels
    are exchanged between the two sets of a contrast only, the same for all scores and independently between contrasts,
    which errs on the safe side. Where all rearrangements are listed, and for classical tests, it is Holm's. `p_fdr` is
    that of Benjamini and Hochberg. Those of equivalence and of all sets at once are corrected by Holm's procedure, the
    latter over scores.

    `adjusted_difference` is the coefficient of the set in a least-squares regression of scores on set and covariates;
    for pairs, the intercept in one of differences on differences of covariates. Its errors are HC3, or those of
    clusters, and its p comes from residuals of the regression without the set, which are exchanged (Freedman & Lane),
    or in clusters and pairs change signs as a whole (wild bootstrap), studentised by the same errors. It is the
    difference at equal covariates only if scores go with them linearly and alike in both sets.

    Equivalence is two one-sided tests (TOST) of Welch's t with the degrees of freedom of units: null hypothesis, the
    difference is the bound or more. It is for sets that were chosen independently of the score; sets that were matched
    are judged by standardised differences and not by tests.

    References
    ----------
    Janssen A (1997). Studentized permutation tests for non-i.i.d. hypotheses and the generalized Behrens-Fisher
    problem. Statistics & Probability Letters 36:9-21.
    Neubert K, Brunner E (2007). A studentized permutation test for the non-parametric Behrens-Fisher problem.
    Computational Statistics & Data Analysis 51:5192-5204.
    Feng D, Cliff N (2004). Monte Carlo evaluation of ordinal d with improved confidence interval. Journal of Modern
    Applied Statistical Methods 3:322-332.
    Schuirmann DJ (1987). A comparison of the two one-sided tests procedure and the power approach for assessing the
    equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics 15:657-680.
    Hedges LV (1981). Distribution theory for Glass's estimator of effect size and related estimators. Journal of
    Educational Statistics 6:107-128.
    Freedman D, Lane D (1983). A nonstochastic interpretation of reported significance levels. Journal of Business and
    Economic Statistics 1:292-298.
    Cameron AC, Gelbach JB, Miller DL (2008). Bootstrap-based improvements for inference with clustered errors. Review
    of Economics and Statistics 90:414-427.
    Long JS, Ervin LH (2000). Using heteroscedasticity consistent standard errors in the linear regression model. The
    American Statistician 54:217-224.
    Hesterberg TC (2015). What teachers should know about the bootstrap. The American Statistician 69:371-386.

    Examples
    --------
    >>> import pandas as pd
    >>> faces = pd.Series([0.8, 0.9, 0.7, 0.85], ["f1", "f2", "f3", "f4"], name="hit_rate")
    >>> scenes = pd.Series([0.5, 0.6, 0.7, 0.65], ["s1", "s2", "s3", "s4"], name="hit_rate")
    >>> both = compare(faces, scenes, names=["faces", "scenes"], n_bootstraps=0)
    >>> both["estimate"].sel(statistic=["mean_difference", "cliffs_delta"]).values.round(4).tolist()
    [[0.2, 0.9375]]
    >>> both["p"].sel(statistic="mean_difference").item() < 0.06
    True
    """
    known_options(options, CompareOptions)
    count("n_permutations", n_permutations, least=0)
    count("n_bootstraps", n_bootstraps, least=0)
    generator, seed = seeded(rng)
    pooled = pool(sets, values, options)
    bound = bound_of(options.get("bound"))
    controls, columns = _covariates(options.get("covariates"), pooled)
    places = _contrasts(pooled)
    pairs = {names: _pair_of(pooled, *of) for names, of in places}
    found = []
    for pair, (_, of) in zip(pairs.values(), places, strict=True):
        among = None if columns is None else [one[np.isin(pooled.label, of)] for one in columns]
        found.append(judged(pair, Plan(n_permutations, n_bootstraps, generator, among)))
    table = _by_set(pooled) | _by_contrast(found) | {"prediction_noise": _noise(pooled, pairs)}
    if bound:
        values_ = equivalence(found, list(pairs.values()), bound)
        table |= {name: ((CONTRAST, SCORE), one) for name, one in values_.items()}
    if len(pooled.sets) > 2:
        crossed = next(iter(pairs.values())).units.crossed
        table |= _omnibus(any_differs(pooled, n_permutations, generator, crossed=crossed))
    result = xr.Dataset(table, _coords(pooled, list(pairs), _rows(found[0])))
    if values is None or isinstance(values, str):
        result = result.isel({SCORE: 0}, drop=True)
    facts: dict[str, Any] = {
        "covariates": controls,
        "n_permutations": n_permutations,
        "n_bootstraps": n_bootstraps,
        "seed": seed,
    }
    facts["few_clusters"] = _told([has_few_clusters(pair) for pair in pairs.values()])
    return stamped(result, _sources(pooled), **_about(pooled, found), **facts, **_said_of_bound(bound))


def _covariates(given: Any, pooled: Pool) -> tuple[list[str] | None, list[Array] | None]:
    return (None, None) if given is None else covariates_of(given, pooled)


def _said_of_bound(bound: Mapping[str, float]) -> dict[str, Any]:
    words = {"score": "in units of the score", "sd": "in pooled standard deviations"}
    kind = next(iter(bound), None)
    return {} if kind is None else {"bound": bound[kind], "bound_unit": words[kind]}


def _contrasts(pooled: Pool) -> list[tuple[tuple[str, str], tuple[int, int]]]:
    places = combinations(range(len(pooled.sets)), 2)
    return [((pooled.sets[i], pooled.sets[j]), (i, j)) for i, j in places]


def _pair_of(pooled: Pool, first: int, second: int) -> Pair:
    """Take two sets out of all, and see how their units lie."""
    inside = (pooled.label == first) | (pooled.label == second)
    member = (pooled.label[inside] == first).astype(np.float64)
    unit = np.unique(pooled.unit[inside], return_inverse=True)[1].reshape(-1).astype(np.int64)
    held = [np.bincount(unit, weights=part) > 0 for part in (member, 1 - member)]
    both = held[0] & held[1]
    if both.any() and not both.all():
        names = listed(f"{int(both.sum())} of {len(both)} in both {pooled.sets[first]!r} and {pooled.sets[second]!r}")
        remedy = "Keep either clusters that have images in every set, or those that lie in one."
        raise ArgumentError(advice("clusters", "all lie in one set each, or all in both", names, remedy))
    few = [int(part.sum()) for part in held if part.sum() < 2]
    if few:
        remedy = "How clusters vary can only be seen in several."
        raise ArgumentError(advice("clusters", "be two at least in each set", few[0], remedy))
    pair = Pair(pooled.values[:, inside], member[:, None], Units(unit, crossed=bool(both.all())), pooled.paired)
    for k, score in enumerate(pooled.scores if pooled.paired else []):
        differences = pair.differences(k)
        if np.ptp(differences) <= ROUNDING * np.abs(differences).max():
            found = listed(f"the same difference for every original in {score!r}")
            raise ArgumentError(advice("sets", "differ by more for some originals than for others", found))
    return pair


def _by_set(pooled: Pool) -> dict[str, Any]:
    """Describe each set."""
    columns: dict[str, list[Any]] = {}
    for k in range(len(pooled.sets)):
        inside = pooled.label == k
        values, unit = pooled.values[:, inside], np.unique(pooled.unit[inside], return_inverse=True)[1].reshape(-1)
        units = Units(unit.astype(np.int64), crossed=False)
        low, high = limits_of_mean(values, units)
        row = {"mean": values.mean(axis=1), "mean_ci_low": low, "mean_ci_high": high}
        row |= {"median": np.median(values, axis=1), "n_units": units.n}
        row |= {"sd": values.std(axis=1, ddof=1), "share_at_floor": [pooled.floor(name)[k] for name in pooled.scores]}
        row |= {"n": int(inside.sum()), "n_unreadable": pooled.n_unreadable[k]}
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return {name: ((SET, SCORE)[: np.ndim(rows)], np.array(rows)) for name, rows in columns.items()}


def _by_contrast(contrasts: Sequence[Judged]) -> dict[str, Any]:
    """Lay out what was found (contrast, statistic, score)."""
    names = _rows(contrasts[0])
    shape = (len(contrasts), len(names), len(contrasts[0].found.degrees))
    table = {key: np.full(shape, np.nan) for key in ("estimate", "ci_low", "ci_high", "p", "p_corrected", "p_fdr")}
    for k, name in enumerate(names):
        for j, one in enumerate(contrasts):
            table["estimate"][j, k] = one.found.estimates[name]
            table["ci_low"][j, k], table["ci_high"][j, k] = one.limits.get(name, (np.nan, np.nan))
        for key, values in tested(contrasts, ROWS[name].tested or name).items():
            table[key][:, k] = values
    dims = (CONTRAST, STATISTIC, SCORE)
    found: dict[str, Any] = {key: (dims, values) for key, values in table.items()}
    quantiles = np.stack([one.found.quantiles for one in contrasts])
    limits = np.stack([one.quantile_limits for one in contrasts], axis=1)
    parts = {"quantile_difference": quantiles, "quantile_ci_low": limits[0], "quantile_ci_high": limits[1]}
    found |= {key: ((CONTRAST, QUANTILE, SCORE), np.swapaxes(values, 1, 2)) for key, values in parts.items()}
    found["standard_error"] = ((CONTRAST, SCORE), np.stack([one.found.errors for one in contrasts]))
    found["degrees"] = ((CONTRAST, SCORE), np.stack([one.found.degrees for one in contrasts]))
    return found


def _rows(one: Judged) -> list[str]:
    return [name for name in ROWS if name in one.found.estimates]


def _noise(pooled: Pool, pairs: Mapping[tuple[str, str], Pair]) -> tuple[tuple[str, str], Array]:
    tables = [(pooled.tables[first], pooled.tables[second]) for first, second in pairs]
    rows = [[noise_of(first, second, score) for score in pooled.scores] for first, second in tables]
    return (CONTRAST, SCORE), np.array(rows)


def _omnibus(found: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """Lay out the tests of all sets at once (test, score)."""
    keys = ("statistic", "p", "p_corrected")
    table = {f"omnibus_{key}": ((TEST, SCORE), np.stack([one[key] for one in found.values()])) for key in keys}
    return table | {TEST: (TEST, texts(found))}


def _coords(pooled: Pool, pairs: Sequence[tuple[str, str]], rows: Sequence[str]) -> dict[str, Any]:
    return {
        SET: texts(pooled.sets),
        CONTRAST: texts(f"{one} − {two}" for one, two in pairs),
        "first": (CONTRAST, texts(one for one, _ in pairs)),
        "second": (CONTRAST, texts(two for _, two in pairs)),
        STATISTIC: texts(rows),
        "null": (STATISTIC, texts(ROWS[name].null for name in rows)),
        "unit": (STATISTIC, texts(ROWS[name].unit for name in rows)),
        QUANTILE: QUANTILES,
        SCORE: texts(pooled.scores),
    }


def _sources(pooled: Pool) -> dict[str, Any]:
    """Give what is known of all sets alike, and the cautions of any."""
    facts = [table.attrs for table in pooled.tables.values()]
    kept = {key: facts[0].get(key) for key in INHERITED if all(fact.get(key) == facts[0].get(key) for fact in facts)}
    for fact in facts:
        kept |= {key: fact[key] for key in (CAUTIONED, ALLOWED) if key in fact and kept.get(key) is None}
    return {key: value for key, value in kept.items() if value is not None}


def _told(facts: list[bool]) -> bool | list[bool]:
    """Say what is true of every contrast, of none, or of which."""
    return facts if len(set(facts)) > 1 else any(facts)


def _by_holm(contrasts: Sequence[Judged]) -> list[str] | None:
    """Name statistics whose p is corrected by Holm's procedure."""
    found = contrasts[0].found
    tests = {name: ROWS[name].tested or name for name in found.estimates}
    return [
        name
        for name, test in tests.items()
        if test in found.formulas or any(one.exact.get(test, False) for one in contrasts)
    ] or None


def _about(pooled: Pool, contrasts: Sequence[Judged]) -> dict[str, Any]:
    """Say how sets were compared."""
    crossed = pooled.grouped == "clusters" and len(set(pooled.unit)) < len(pooled.unit)
    unit = {None: "images", "clusters": "clusters", "originals": "versions of an original"}[pooled.grouped]
    return {
        "method": f"comparison of {'paired ' if pooled.paired else ''}sets by their scores",
        "scores": pooled.scores,
        "unit": unit,
        "clusters": int(np.unique(pooled.unit).size) if crossed else None,
        "exact": _told([one.exact[MEAN] for one in contrasts if one.exact]),
        "holm": _by_holm(contrasts),
        "interval": INTERVALS,
        "correction": "over contrasts and scores, each statistic by itself; p_corrected: max-statistic, or Holm where "
        "rearrangements are all listed or p is a formula's; p_fdr: Benjamini-Hochberg",
        **told_of(pooled),
    }
