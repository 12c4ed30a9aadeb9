"""Sets of images compared by their scores."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from memfeat import sets, stats
from memfeat.errors import ArgumentError, CircularWarning, KindError, UnknownNameError
from memfeat.sets.scores.adjusting import adjusted
from memfeat.sets.scores.contrasting import Pair, bootstrapped, contrasted, exchanged, moved
from memfeat.sets.scores.weighing import (
    Levels,
    Units,
    apart,
    dominance_limits,
    limits_of_mean,
    placements,
    quantiles,
    studentised,
)

QUICK = settings(deadline=None, max_examples=8)
NONE = {"n_permutations": 0, "n_bootstraps": 0}
FEW = {"n_permutations": 99, "n_bootstraps": 99}


def column(values, letter, name="hit_rate"):
    return pd.Series(np.asarray(values, float), [f"{letter}{i:03d}" for i in range(len(values))], name=name)


def two(n=20, m=30, ratio=2.0, shift=0.5, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    values = shift + ratio * rng.standard_normal(n), rng.standard_normal(m)
    return [column(np.round(one, 1 if ties else 12), letter) for one, letter in zip(values, "ab", strict=True)]


def row(result, name, key="estimate"):
    return float(result[key].sel(statistic=name).values.ravel()[0])


# --- by hand and against other code -----------------------------------------------------------------------------------


def test_small_sets_by_hand():
    result = sets.compare(column([3, 5, 4], "a"), column([1, 2, 4, 1], "b"), names=["new", "old"], **NONE)
    assert result["contrast"].values.tolist() == ["new − old"]
    assert result["mean"].values.tolist() == [4.0, 2.0]
    assert result["n"].values.tolist() == [3, 4]
    assert result["median"].values.tolist() == [4.0, 1.5]
    assert row(result, "mean_difference") == 2.0
    # of 12 comparisons ten are won, one is a tie and one is lost
    assert row(result, "cliffs_delta") == pytest.approx(9 / 12)
    assert row(result, "auc") == pytest.approx(10.5 / 12)
    assert row(result, "mann_whitney_u") == 10.5
    assert row(result, "kolmogorov_smirnov") == 0.75
    # |F − G| is .5 from 1 to 2, .75 from 2 to 3, .75 − 1/3 from 3 to 4 and 1/3 from 4 to 5
    assert row(result, "wasserstein") == pytest.approx(0.5 + 0.75 + 0.75 - 1 / 3 + 1 / 3)
    # variances 1 and 2, so pooled (2 · 1 + 3 · 2) / 5
    assert row(result, "hedges_g") == pytest.approx(2 / np.sqrt(8 / 5) * (1 - 3 / 19))
    assert float(result["standard_error"][0]) == pytest.approx(np.sqrt(1 / 3 + 2 / 4))
    assert np.isnan(result["p"].sel(statistic="mean_difference")).all()


@pytest.mark.parametrize("ties", [False, True])
def test_statistics_are_those_of_scipy(ties):
    a, b = two(ties=ties)
    result = sets.compare(a, b, **NONE)
    welch = scipy_stats.ttest_ind(a, b, equal_var=False)
    error = float(result["standard_error"][0])
    assert row(result, "mean_difference") / error == pytest.approx(welch.statistic)
    assert float(result["degrees"][0]) == pytest.approx(welch.df)
    rank = scipy_stats.mannwhitneyu(a, b)
    assert row(result, "mann_whitney_u") == rank.statistic
    assert row(result, "mann_whitney_u", "p") == pytest.approx(rank.pvalue)
    assert row(result, "auc") == pytest.approx(rank.statistic / (len(a) * len(b)))
    assert row(result, "kolmogorov_smirnov") == pytest.approx(scipy_stats.ks_2samp(a, b).statistic)
    assert row(result, "wasserstein") == pytest.approx(scipy_stats.wasserstein_distance(a, b))
    expected = np.quantile(a, result["quantile"]) - np.quantile(b, result["quantile"])
    np.testing.assert_allclose(result["quantile_difference"][0], expected)
    for k, one in enumerate((a, b)):
        low, high = scipy_stats.t.interval(0.95, len(one) - 1, one.mean(), scipy_stats.sem(one))
        np.testing.assert_allclose([result["mean_ci_low"][k], result["mean_ci_high"][k]], [low, high])
        assert result["sd"][k] == pytest.approx(one.std())


def test_the_variance_of_delta_is_that_of_brunner_and_munzel():
    a, b = two(ties=True)
    everyone = np.ones((50, 1))
    levels = Levels(np.r_[a, b])
    member = np.r_[np.ones(20), np.zeros(30)][:, None]
    first, second, _ = placements(levels, member)
    ranks = apart(first, second, member, everyone, Units(np.arange(50), crossed=False))
    found = scipy_stats.brunnermunzel(a, b)
    statistic = ranks.difference[0] / np.sqrt(4 * ranks.variance[0])
    # scipy's is positive where the second sample is larger
    assert statistic == pytest.approx(-found.statistic)
    p = 2 * scipy_stats.t.sf(abs(statistic), ranks.degrees[0])
    assert p == pytest.approx(found.pvalue)


def test_delta_and_placements_are_those_of_a_double_loop():
    a, b = two(7, 9, ties=True)
    x, y = a.values, b.values
    delta = np.mean([[np.sign(one - other) for other in y] for one in x])
    result = sets.compare(a, b, **NONE)
    assert row(result, "cliffs_delta") == pytest.approx(delta)
    first, second, distance = placements(Levels(np.r_[x, y]), np.r_[np.ones(7), np.zeros(9)][:, None])
    np.testing.assert_allclose(first[:7, 0], [np.mean((y < one) + (y == one) / 2) for one in x])
    np.testing.assert_allclose(second[7:, 0], [np.mean((x < one) + (x == one) / 2) for one in y])
    at = np.unique(np.r_[x, y])
    np.testing.assert_allclose(distance[:, 0], [np.mean(x <= v) - np.mean(y <= v) for v in at], atol=1e-12)


def test_the_interval_of_delta_by_hand():
    # t(10) = 2.2281388520 in tables; δ − δ³ = .375
    low, high = dominance_limits(0.5, 0.2, 10, 8)
    reach = 2.2281388520 * 0.2
    half, whole = reach * np.sqrt(0.75**2 + reach**2), 0.75 + reach**2
    np.testing.assert_allclose([low, high], [(0.375 - half) / whole, (0.375 + half) / whole], rtol=1e-6)
    z = 1.959964
    np.testing.assert_allclose(dominance_limits(1.0, 0.0, 10, 20), [(20 - z**2) / (20 + z**2), 1.0], rtol=1e-6)
    np.testing.assert_allclose(dominance_limits(-1.0, 0.0, 10, 20), [-1.0, -(20 - z**2) / (20 + z**2)], rtol=1e-6)


def test_exact_p_is_that_of_all_divisions():
    a, b = two(3, 4, seed=3)
    result = sets.compare(a, b, n_bootstraps=0)
    assert result.attrs["exact"] == "true"

    def welch(x, y, axis):
        error = np.sqrt(x.var(axis=axis, ddof=1) / x.shape[axis] + y.var(axis=axis, ddof=1) / y.shape[axis])
        return (x.mean(axis=axis) - y.mean(axis=axis)) / error

    def largest(x, y):
        return np.max([abs(np.mean(x <= v) - np.mean(y <= v)) for v in np.r_[x, y]])

    found = scipy_stats.permutation_test((a.values, b.values), welch, vectorized=True, n_resamples=np.inf)
    # scipy doubles the smaller tail, we count both: of the same 35 divisions
    both = np.mean(np.abs(found.null_distribution) >= abs(found.statistic) - 1e-9)
    assert row(result, "mean_difference", "p") == pytest.approx(both)
    pooled, distances = np.r_[a, b], []
    for places in combinations(range(7), 3):
        inside = np.isin(np.arange(7), places)
        distances.append(largest(pooled[inside], pooled[~inside]))
    expected = np.mean(np.array(distances) >= largest(a.values, b.values) - 1e-9)
    assert row(result, "kolmogorov_smirnov", "p") == pytest.approx(expected)


def test_p_of_many_permutations_is_near_that_of_the_formula():
    a, b = two(60, 80, ratio=1.5, shift=0.4)
    result = sets.compare(a, b, n_permutations=4_999, n_bootstraps=0)
    assert row(result, "mean_difference", "p") == pytest.approx(
        scipy_stats.ttest_ind(a, b, equal_var=False).pvalue, abs=0.015
    )
    assert row(result, "cliffs_delta", "p") == pytest.approx(scipy_stats.brunnermunzel(a, b).pvalue, abs=0.015)
    assert row(result, "hedges_g", "p") == row(result, "mean_difference", "p")
    assert row(result, "auc", "p") == row(result, "cliffs_delta", "p")


def test_intervals_are_near_those_of_formulas():
    a, b = two(60, 80, ratio=1.5, shift=0.4)
    result = sets.compare(a, b, n_permutations=0, n_bootstraps=4_000)
    interval = scipy_stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    width = interval.high - interval.low
    assert row(result, "mean_difference", "ci_low") == pytest.approx(interval.low, abs=0.05 * width)
    assert row(result, "mean_difference", "ci_high") == pytest.approx(interval.high, abs=0.05 * width)
    assert row(result, "auc", "ci_low") == pytest.approx((1 + row(result, "cliffs_delta", "ci_low")) / 2)
    assert (result["quantile_ci_low"] <= result["quantile_difference"]).all()
    assert (result["quantile_ci_high"] >= result["quantile_difference"]).all()
    assert np.isnan(row(result, "wasserstein", "ci_low"))


def test_the_interval_of_g_is_studentised():
    """Against samples that are drawn one by one."""
    a, b = two(25, 40)
    result = sets.compare(a, b, n_permutations=0, n_bootstraps=400, rng=5)

    def g(x, y):
        degrees = len(x) + len(y) - 2
        pooled = ((len(x) - 1) * x.var(ddof=1) + (len(y) - 1) * y.var(ddof=1)) / degrees
        found = (1 - 3 / (4 * degrees - 1)) * (x.mean() - y.mean()) / np.sqrt(pooled)
        error = (x.var(ddof=1) / len(x) + y.var(ddof=1) / len(y)) / pooled + found**2 / (2 * degrees)
        return found, np.sqrt(error)

    side = np.r_[np.ones(25), np.zeros(40)].astype(int)
    counts = stats.bootstrap_counts(65, 400, rng=np.random.default_rng(5), blocks=side, permute="within")
    values = np.r_[a, b]
    drawn = [g(np.repeat(values[:25], one[:25]), np.repeat(values[25:], one[25:])) for one in counts]
    found, error = g(a.values, b.values)
    quotients = [(one - found) / other for one, other in drawn]
    expected = [found - np.quantile(quotients, share) * error for share in (0.975, 0.025)]
    np.testing.assert_allclose([row(result, "hedges_g", f"ci_{side}") for side in ("low", "high")], expected)


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_equivalence_is_that_of_statsmodels(ratio):
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    a, b = two(30, 50, ratio=ratio, shift=0.1)
    result = sets.compare(a, b, bound=0.7, **NONE)
    p, _, _ = weightstats.ttost_ind(a, b, -0.7, 0.7, usevar="unequal")
    assert float(result["equivalence_p"][0]) == pytest.approx(p)
    interval = scipy_stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    np.testing.assert_allclose([result["equivalence_ci_low"][0], result["equivalence_ci_high"][0]], interval)
    spread = np.sqrt((29 * a.var() + 49 * b.var()) / 78)
    relative = sets.compare(a, b, bound={"sd": 0.5}, **NONE)
    assert float(relative["equivalence_bound"][0]) == pytest.approx(0.5 * spread)
    assert relative.attrs["bound_unit"] == "in pooled standard deviations"
    np.testing.assert_allclose(
        relative["equivalence_p"], sets.compare(a, b, bound=0.5 * spread, **NONE)["equivalence_p"]
    )


# --- clusters and pairs -----------------------------------------------------------------------------------------------


def clustered(k=6, size=4, seed=1, sets_of="ab"):
    """Sets of k clusters of images each."""
    rng = np.random.default_rng(seed)
    found, clusters = [], {}
    for letter in sets_of:
        values = rng.standard_normal(k).repeat(size) + rng.standard_normal(k * size)
        one = column(values, letter)
        clusters |= {name: f"{letter}{i // size}" for i, name in enumerate(one.index)}
        found.append(one)
    return found, pd.Series(clusters)


@pytest.mark.parametrize("crossed", [False, True])
def test_the_error_of_clusters_is_that_of_statsmodels(crossed):
    api = pytest.importorskip("statsmodels.api")
    (a, b), clusters = clustered()
    if crossed:
        clusters = clusters.str[1:]
    result = sets.compare(a, b, clusters=clusters, **NONE)
    design = api.add_constant(np.r_[np.ones(len(a)), np.zeros(len(b))])
    groups = np.unique(clusters, return_inverse=True)[1]
    options = {"groups": groups, "use_correction": False}
    error = api.OLS(np.r_[a, b], design).fit(cov_type="cluster", cov_kwds=options).bse[1]
    assert float(result["standard_error"][0]) == pytest.approx(error * np.sqrt(6 / 5))
    assert float(result["degrees"][0]) <= 10
    assert result["n_units"].values.tolist() == [6, 6]
    assert "mann_whitney_u" not in result["statistic"].values
    assert result.attrs["unit"] == "clusters"


def test_clusters_of_one_image_change_nothing():
    a, b = two()
    alone = pd.Series([*a.index, *b.index], [*a.index, *b.index])
    plain, grouped = (sets.compare(a, b, **FEW, **more) for more in ({}, {"clusters": alone}))
    rows = ["mean_difference", "cliffs_delta", "wasserstein"]
    for key in ("estimate", "ci_low", "ci_high", "p"):
        np.testing.assert_allclose(grouped[key].sel(statistic=rows), plain[key].sel(statistic=rows))


def test_whole_clusters_change_places():
    (a, b), clusters = clustered(k=3)
    result = sets.compare(a, b, clusters=clusters, n_bootstraps=0)
    pooled = np.r_[a, b].reshape(6, 4).mean(axis=1)

    def t(places):
        x, y = pooled[list(places)], np.delete(pooled, places)
        return (x.mean() - y.mean()) / np.sqrt(x.var(ddof=1) / 3 + y.var(ddof=1) / 3)

    null = np.abs([t(places) for places in combinations(range(6), 3)])
    assert row(result, "mean_difference", "p") == pytest.approx(np.mean(null >= abs(t((0, 1, 2))) - 1e-9))


@pytest.mark.parametrize(("k", "few"), [(12, True), (40, False)])
def test_few_clusters_have_the_interval_of_welch_on_their_means(k, few):
    a, b = two(3 * 10 if few else 3 * k, 3 * k, seed=8)
    source = pd.Series([f"{name[0]}{int(name[1:]) // 3}" for name in [*a.index, *b.index]], [*a.index, *b.index])
    result = sets.compare(a, b, clusters=source, n_permutations=0, n_bootstraps=99)
    means = [one.groupby(source[one.index]).mean() for one in (a, b)]
    expected = scipy_stats.ttest_ind(*means, equal_var=False).confidence_interval(0.95)
    row = result.sel(statistic="mean_difference")
    found = [row["ci_low"].item(), row["ci_high"].item()]
    assert (found == pytest.approx(list(expected))) == few
    assert result.attrs["few_clusters"] == str(few).lower()
    assert ("Student's t with clusters as units" in sets.paragraph(result)) == few
    assert ("Hesterberg" in sets.paragraph(result)) != few


def test_clusters_in_both_sets_are_compared_inside():
    rng = np.random.default_rng(5)
    scene = 10 * rng.standard_normal(8)
    a, b = (column(scene.repeat(2) + rng.standard_normal(16) + shift, letter) for letter, shift in (("a", 2), ("b", 0)))
    clusters = pd.Series({name: int(name[1:]) // 2 for name in [*a.index, *b.index]})
    inside = sets.compare(a, b, clusters=clusters, n_permutations=499, n_bootstraps=0)
    assert row(inside, "mean_difference", "p") < 0.01
    assert row(sets.compare(a, b, n_permutations=499, n_bootstraps=0), "mean_difference", "p") > 0.3


def test_pairs_are_judged_by_their_differences():
    a, b = two(14, 14, ratio=1.0)
    b.index = a.index
    result = sets.compare(a, b, paired=True, **NONE)
    t = scipy_stats.ttest_rel(a, b)
    difference = (a - b).values
    assert row(result, "mean_difference") / float(result["standard_error"][0]) == pytest.approx(t.statistic)
    assert float(result["degrees"][0]) == pytest.approx(13)
    assert row(result, "d_z") == pytest.approx(difference.mean() / difference.std(ddof=1))
    assert row(result, "paired_delta") == pytest.approx(np.sign(difference).mean())
    rank = scipy_stats.wilcoxon(difference)
    assert row(result, "wilcoxon_w") == rank.statistic
    assert row(result, "wilcoxon_w", "p") == pytest.approx(rank.pvalue)
    assert row(result, "cliffs_delta") == pytest.approx(
        row(sets.compare(*two(14, 14, ratio=1.0), **NONE), "cliffs_delta")
    )
    assert "hedges_g" not in result["statistic"].values


def test_exact_p_of_pairs_is_that_of_all_signs():
    a, b = two(8, 8, ratio=1.0, shift=0.8)
    b.index = a.index
    result = sets.compare(a, b, paired=True, n_bootstraps=0)

    def t(x, axis):
        return x.mean(axis=axis) / np.sqrt(x.var(axis=axis, ddof=1) / x.shape[axis])

    found = scipy_stats.permutation_test(
        ((a - b).values,), t, permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    assert row(result, "mean_difference", "p") == pytest.approx(found.pvalue)
    signs = scipy_stats.binomtest(int((a > b).sum()), 8).pvalue
    assert row(result, "paired_delta", "p") == pytest.approx(signs)


def test_originals_may_stand_in_a_column():
    a, b = two(10, 10)
    tables = [pd.DataFrame({"image": one.index, "hit_rate": one.values}) for one in (a, b)]
    for table, order in zip(tables, (slice(None), slice(None, None, -1)), strict=True):
        table["original"] = [f"o{i}" for i in range(10)][order]
    result = sets.compare(*tables, values="hit_rate", paired="original", **NONE)
    error = scipy_stats.sem(a.values - b.values[::-1])
    assert float(result["standard_error"][0]) == pytest.approx(error)
    assert result.attrs["unit"] == "versions of an original"


# --- at equal covariates ----------------------------------------------------------------------------------------------


def with_covariates(n=30, m=45, seed=9):
    rng = np.random.default_rng(seed)
    luminance, kind = rng.standard_normal(n + m), rng.choice(["indoor", "man-made", "natural"], n + m)
    inside = np.arange(n + m) < n
    score = luminance + (kind == "indoor") + rng.standard_normal(n + m) * np.where(inside, 2, 1) + 0.3 * inside
    table = {"image": [f"i{k:03d}" for k in range(n + m)], "set": np.where(inside, "a", "b"), "hit_rate": score}
    return pd.DataFrame(table | {"luminance": luminance, "kind": kind, "scene": [f"s{k // 3}" for k in range(n + m)]})


def design(table):
    api = pytest.importorskip("statsmodels.api")
    kinds = [table["kind"] == one for one in ("man-made", "natural")]
    columns = [np.ones(len(table)), table["set"] == "a", table["luminance"], *kinds]
    return api.OLS(table["hit_rate"], np.column_stack(columns).astype(float))


def test_the_adjusted_difference_is_that_of_least_squares():
    table = with_covariates()
    options = {"by": "set", "values": "hit_rate", "n_bootstraps": 0}
    result = sets.compare(table, covariates=["luminance", "kind"], n_permutations=1_999, **options)
    fit = design(table).fit(cov_type="HC3", use_t=True)
    found = [row(result, "adjusted_difference", key) for key in ("estimate", "ci_low", "ci_high")]
    np.testing.assert_allclose(found, [fit.params.iloc[1], *fit.conf_int().iloc[1]])
    assert row(result, "adjusted_difference", "p") == pytest.approx(fit.pvalues.iloc[1], abs=0.03)
    assert result.attrs["covariates"] == ["luminance", "kind"]
    as_table = table.set_index("image")[["luminance", "kind"]]
    again = sets.compare(table, covariates=as_table, n_permutations=1_999, **options)
    xr.testing.assert_identical(again, result)
    as_dataset = xr.Dataset.from_dataframe(as_table)
    np.testing.assert_allclose(
        sets.compare(table, covariates=as_dataset, n_permutations=1_999, **options)["p"], result["p"]
    )


def test_adjusted_errors_of_clusters_are_those_of_statsmodels():
    table = with_covariates()
    result = sets.compare(
        table, by="set", values="hit_rate", covariates=["luminance", "kind"], clusters="scene", **NONE
    )
    groups = np.unique(table["scene"], return_inverse=True)[1]
    fit = design(table).fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    half = scipy_stats.t.isf(0.025, 23) * fit.bse.iloc[1] * np.sqrt(25 / 24)
    low, high = (row(result, "adjusted_difference", f"ci_{side}") for side in ("low", "high"))
    np.testing.assert_allclose([low, high], [fit.params.iloc[1] - half, fit.params.iloc[1] + half])


def test_the_adjusted_difference_of_pairs_is_the_intercept_of_differences():
    api = pytest.importorskip("statsmodels.api")
    table = with_covariates(20, 20)
    a, b = (table[table["set"] == name].assign(image=table["image"][:20].values) for name in "ab")
    result = sets.compare(
        a, b, values="hit_rate", covariates="luminance", paired=True, n_permutations=999, n_bootstraps=0
    )
    y, x = (a[name].values - b[name].values for name in ("hit_rate", "luminance"))
    fit = api.OLS(y, api.add_constant(x)).fit(cov_type="HC3", use_t=True)
    found = [row(result, "adjusted_difference", key) for key in ("estimate", "ci_low", "ci_high")]
    np.testing.assert_allclose(found, [fit.params[0], *fit.conf_int()[0]])
    assert row(result, "adjusted_difference", "p") == pytest.approx(fit.pvalues[0], abs=0.06)


def test_permuted_residuals_are_regressed_anew():
    """Freedman and Lane's steps one by one."""
    rng = np.random.default_rng(3)
    z, inside = rng.standard_normal(12), np.arange(12) < 5
    y = z + rng.standard_normal(12)
    pair = Pair(y[None], inside[:, None].astype(float), Units(np.arange(12), crossed=False), False)
    found = adjusted(pair, [z[:, None]], 20, np.random.default_rng(1))
    index = stats.permutations(12, 20, rng=np.random.default_rng(1))[0]
    api = pytest.importorskip("statsmodels.api")
    reduced = api.OLS(y, api.add_constant(z)).fit()
    whole = np.column_stack([np.ones(12), inside, z])
    for k, order in enumerate(index):
        fit = api.OLS(reduced.fittedvalues + reduced.resid[order], whole).fit(cov_type="HC3", use_t=True)
        assert found.null[0, k] == pytest.approx(fit.tvalues[1])


@pytest.mark.parametrize(
    ("covariates", "error", "match"),
    [
        (["luminance", "set"], ArgumentError, "covariates must differ from each other and from the sets"),
        ("contrast", UnknownNameError, r"covariates\['contrast'\] must be a column of the set 'a'"),
        (3, KindError, "covariates must be columns; got int"),
        (pd.Series({"i000": 1.0}, name="x"), ArgumentError, r"covariates\['x'\] must have a label for every image"),
        ("gaps", ArgumentError, r"covariates\['gaps'\] must have a value for every image; got none for 1: 'i004'"),
        ("endless", ArgumentError, r"covariates\['endless'\] must be finite for every image.*Leave those images out"),
    ],
)
def test_errors_of_covariates(covariates, error, match):
    table = with_covariates()
    table["gaps"] = table["luminance"].where(table.index != 4)
    table["endless"] = table["luminance"].replace(table["luminance"][4], np.inf)
    with pytest.raises(error, match=match):
        sets.compare(table, by="set", values="hit_rate", covariates=covariates, **FEW)


# --- several sets and scores ------------------------------------------------------------------------------------------


def test_more_than_two_sets():
    rng = np.random.default_rng(2)
    given = {letter: column(np.round(rng.standard_normal(15), 1), letter) for letter in "xyz"}
    result = sets.compare(given, n_permutations=499, n_bootstraps=0)
    assert result["contrast"].values.tolist() == ["x − y", "x − z", "y − z"]
    assert result["first"].values.tolist() == ["x", "x", "y"]
    kruskal = scipy_stats.kruskal(*given.values())
    assert float(result["omnibus_statistic"].sel(test="kruskal_wallis")) == pytest.approx(kruskal.statistic)
    assert float(result["omnibus_p"].sel(test="kruskal_wallis")) == pytest.approx(kruskal.pvalue, abs=0.07)
    means, weights = (np.array([f(one) for one in given.values()]) for f in (np.mean, lambda x: len(x) / x.var()))
    middle = (weights * means).sum() / weights.sum()
    expected = (weights * (means - middle) ** 2).sum() / 2
    assert float(result["omnibus_statistic"].sel(test="welch")) == pytest.approx(expected)
    assert (result["p_corrected"] >= result["p"]).all()
    for one in result["contrast"].values:
        alone = sets.compare(given, names=one.split(" − "), **NONE)
        np.testing.assert_allclose(alone["estimate"][0], result["estimate"].sel(contrast=one))


def test_more_than_two_versions():
    rng = np.random.default_rng(3)
    base = column(rng.standard_normal(12), "o")
    given = {name: base + rng.standard_normal(12) for name in ("whole", "grey", "blurred")}
    result = sets.compare(given, paired=True, n_permutations=999, n_bootstraps=0)
    friedman = scipy_stats.friedmanchisquare(*given.values())
    assert float(result["omnibus_statistic"].sel(test="friedman")) == pytest.approx(friedman.statistic)
    values = np.stack(list(given.values()))
    ranks = scipy_stats.rankdata(values, axis=0)
    sums = [(rng.permuted(ranks, axis=0).sum(axis=1) ** 2).sum() for _ in range(2_000)]
    expected = np.mean(np.array(sums) >= (ranks.sum(axis=1) ** 2).sum() - 1e-9)
    assert float(result["omnibus_p"].sel(test="friedman")) == pytest.approx(expected, abs=0.06)
    against = values[:-1] - values[-1]
    hotelling = 12 * against.mean(axis=1) @ np.linalg.inv(np.cov(against)) @ against.mean(axis=1)
    assert float(result["omnibus_statistic"].sel(test="welch")) == pytest.approx(hotelling / 2)


def test_several_scores_share_their_permutations():
    a, b = two()
    tables = [pd.DataFrame({"hit_rate": one, "other": one * 2 + 1}) for one in (a, b)]
    result = sets.compare(*tables, values=["hit_rate", "other"], **FEW)
    assert result["p"].dims == ("contrast", "statistic", "score")
    tested = result["p"].isel(contrast=0)
    np.testing.assert_allclose(tested.sel(score="hit_rate"), tested.sel(score="other"))
    corrected = result["p_corrected"].sel(statistic="mean_difference")
    np.testing.assert_allclose(corrected, result["p"].sel(statistic="mean_difference"))
    alone = sets.compare(*tables, values="hit_rate", **FEW)
    np.testing.assert_allclose(alone["p"], result["p"].sel(score="hit_rate"))
    np.testing.assert_allclose(alone["ci_low"], result["ci_low"].sel(score="hit_rate"))


def test_corrected_p_is_that_of_the_largest_statistic():
    rng = np.random.default_rng(4)
    tables = [pd.DataFrame(rng.standard_normal((12, 3)), column(range(12), letter).index) for letter in "ab"]
    tables = [table.rename(columns=str) for table in tables]
    result = sets.compare(*tables, values=["0", "1", "2"], n_permutations=199, n_bootstraps=0, rng=7)
    values = np.concatenate([table.values for table in tables]).T
    pair = Pair(values, np.r_[np.ones(12), np.zeros(12)][:, None], Units(np.arange(24), crossed=False), False)
    blocks, _ = moved(pair, 199, np.random.default_rng(7))
    null = np.abs(exchanged(pair, blocks)["mean_difference"]).max(axis=0)
    observed = np.abs(contrasted(pair).observed["mean_difference"])
    expected = [(1 + (null >= one - 1e-9).sum()) / 200 for one in observed]
    np.testing.assert_allclose(result["p_corrected"].sel(statistic="mean_difference")[0], expected)


# --- kernels ----------------------------------------------------------------------------------------------------------


def test_samples_are_what_they_are_one_at_a_time():
    """Permuted and drawn samples in columns, against sets that are made by hand."""
    rng = np.random.default_rng(6)
    values, n = np.round(rng.standard_normal(15), 1), 6
    member = np.r_[np.ones(n), np.zeros(9)]
    units = Units(np.arange(15), crossed=False)
    pair = Pair(values[None], member[:, None], units, False)
    index = np.array([rng.permutation(15) for _ in range(4)])
    found = exchanged(pair, iter([member[index].T]))
    for k, order in enumerate(index):
        inside = member[order] > 0
        x, y = values[inside], values[~inside]
        scale = np.sqrt(n * 9 / 15)
        assert found["mean_difference"][0, k] == pytest.approx(scipy_stats.ttest_ind(x, y, equal_var=False).statistic)
        assert found["kolmogorov_smirnov"][0, k] == pytest.approx(scale * scipy_stats.ks_2samp(x, y).statistic)
        area = scipy_stats.wasserstein_distance(x, y)
        assert found["wasserstein"][0, k] == pytest.approx(scale * area / values.std())
    drawn = np.concatenate([rng.multinomial(n, [1 / n] * n, 5), rng.multinomial(9, [1 / 9] * 9, 5)], axis=1).T
    repeated = [np.repeat(values, one) for one in drawn.T]
    means = apart(values[:, None], values[:, None], member[:, None], drawn.astype(float), units)
    levels = Levels(values)
    shares = np.array([0.1, 0.5, 0.8])
    first = quantiles(levels, drawn * member[:, None], shares)
    for k, one in enumerate(repeated):
        x, y = one[:n], one[n:]
        assert means.difference[k] == pytest.approx(x.mean() - y.mean())
        assert means.variance[k] == pytest.approx(x.var(ddof=1) / n + y.var(ddof=1) / 9)
        np.testing.assert_allclose(first[:, k], np.quantile(x, shares))


def test_drawn_pairs_stay_together():
    rng = np.random.default_rng(8)
    unit = np.tile(np.arange(10), 2)
    values = np.r_[rng.standard_normal(10), rng.standard_normal(10)]
    pair = Pair(values[None], np.r_[np.ones(10), np.zeros(10)][:, None], Units(unit, crossed=True), True)
    found = bootstrapped(pair, 300, np.random.default_rng(0))
    differences = values[:10] - values[10:]
    drawn = np.random.default_rng(0).multinomial(10, [0.1] * 10, size=300)
    np.testing.assert_allclose(found["mean_difference"][0], drawn @ differences / 10)


def test_nothing_that_varies_gives_the_largest_quotient():
    found = studentised(np.array([1.0, -1.0, 0.0, 3.0]), np.array([0.0, 0.0, 0.0, 4.0]))
    assert found.tolist() == [1e4, -1e4, 0.0, 1.5]


def test_limits_of_a_mean_are_students_with_clusters_in_place_of_images():
    values = np.array([[1.0, 2.0, 4.0, 7.0]])
    low, high = limits_of_mean(values, Units(np.arange(4), crossed=False))
    expected = scipy_stats.t.interval(0.95, 3, loc=3.5, scale=values.std(ddof=1) / 2)
    np.testing.assert_allclose([low[0], high[0]], expected)
    low, high = limits_of_mean(values, Units(np.array([0, 0, 1, 1]), crossed=False))
    # two clusters whose sums deviate by −4 and 4 from the mean of all, divided by four images
    np.testing.assert_allclose([low[0], high[0]], scipy_stats.t.interval(0.95, 1, loc=3.5, scale=np.sqrt(2 * (1 + 1))))


# --- laws -------------------------------------------------------------------------------------------------------------


scores = st.lists(st.integers(-60, -20), min_size=8, max_size=14).filter(lambda x: len(set(x)) > 4)


@QUICK
@given(scores, scores)
def test_changing_the_order_of_sets_changes_signs(first, second):
    a, b = column(first, "a"), column(second, "b")
    one, other = (sets.compare(*pair, n_permutations=0, n_bootstraps=0) for pair in ((a, b), (b, a)))
    signed = ["mean_difference", "hedges_g", "cliffs_delta"]
    np.testing.assert_allclose(one["estimate"].sel(statistic=signed), -other["estimate"].sel(statistic=signed))
    same = ["kolmogorov_smirnov", "wasserstein"]
    np.testing.assert_allclose(one["estimate"].sel(statistic=same), other["estimate"].sel(statistic=same), atol=1e-12)
    assert (np.abs(one["estimate"].sel(statistic="cliffs_delta")) <= 1).all()
    low, high = (one[f"ci_{side}"].sel(statistic="cliffs_delta") for side in ("low", "high"))
    assert (low >= -1).all()
    assert (high <= 1).all()


@QUICK
@given(scores, scores, st.integers(0, 1000))
def test_neither_order_nor_a_rising_transformation_matters(first, second, seed):
    a, b = column(first, "a"), column(second, "b")
    rng = np.random.default_rng(seed)
    plain = sets.compare(a, b, **FEW)
    mixed = sets.compare(a.iloc[rng.permutation(len(a))], b.iloc[rng.permutation(len(b))], **FEW)
    for key in ("estimate", "p", "ci_low", "ci_high"):
        np.testing.assert_allclose(plain[key], mixed[key])
    ranked = ["cliffs_delta", "auc", "kolmogorov_smirnov", "mann_whitney_u"]
    bent = sets.compare(np.exp(a / 5), np.exp(b / 5), **FEW)
    for key in ("estimate", "p"):
        np.testing.assert_allclose(plain[key].sel(statistic=ranked), bent[key].sel(statistic=ranked))


# --- what users hold --------------------------------------------------------------------------------------------------


def predicted(n=8, letter="a", seed=0, unreadable=1, views=False, **attrs):
    """A table like that of mf.predict."""
    rng = np.random.default_rng(seed)
    names = [f"{letter}{i}.jpg" for i in range(n)]
    scores_ = rng.uniform(0.5, 0.9, n)
    scores_[1] = 0.42
    scores_[n - unreadable :] = np.nan
    status = np.array(["ok"] * (n - unreadable) + ["truncated"] * unreadable, dtype=object)
    table = xr.Dataset(
        {"memorability": ("image", scores_), "at_floor": ("image", scores_ <= 0.42), "status": ("image", status)},
        {"image": names},
        {"model": "resmem", "variant": "retrained", "weights_sha256": "1a", "floor": 0.42, **attrs},
    )
    if views:
        seen = scores_ + 0.01 * rng.standard_normal((3, n))
        table = table.assign(tta_views=(("view", "image"), seen), tta_sd=("image", seen.std(axis=0, ddof=1)))
    return table


def test_predictions_say_what_is_unreadable_and_at_the_floor():
    a, b = predicted(), predicted(12, "b", 1, unreadable=2)
    kept = a.copy(deep=True), b.copy(deep=True)
    result = sets.compare(a, b, **NONE)
    assert result["n"].values.tolist() == [7, 10]
    assert result["n_unreadable"].values.tolist() == [1, 2]
    np.testing.assert_allclose(result["share_at_floor"], [1 / 7, 1 / 10])
    assert result.attrs["model"] == "resmem"
    assert "predictions" in result.attrs["note"]
    assert float(result["prediction_noise"][0]) == pytest.approx(0.023 * np.sqrt(1 / 7 + 1 / 10))
    for before, after in zip(kept, (a, b), strict=True):
        xr.testing.assert_identical(before, after)
    result.to_netcdf()


def test_noise_of_predictions_is_that_of_views_where_they_are_known():
    a, b = predicted(views=True), predicted(12, "b", 1, views=True)
    means = [one["tta_views"].isel(image=slice(-1)).mean("image") for one in (a, b)]
    result = sets.compare(a, b, **NONE)
    assert float(result["prediction_noise"][0]) == pytest.approx(float((means[0] - means[1]).std(ddof=1)))
    assert "over views of the difference" in result.attrs["note"]
    parts = [one["tta_sd"].values[:-1] for one in (a, b)]
    spread = np.sqrt(sum((part**2).sum() / len(part) ** 2 for part in parts))
    short = [one.drop_vars("tta_views") for one in (a, b)]
    assert float(sets.compare(*short, **NONE)["prediction_noise"][0]) == pytest.approx(spread)


def test_measured_scores_have_no_note():
    result = sets.compare(*two(), **NONE)
    assert "note" not in result.attrs
    assert np.isnan(result["prediction_noise"]).all()
    assert np.isnan(result["share_at_floor"]).all()


def test_every_form_of_two_sets_gives_the_same():
    a, b = two()
    table = pd.DataFrame({"image": [*a.index, *b.index], "hit_rate": np.r_[a, b], "set": ["a"] * 20 + ["b"] * 30})
    labelled = [xr.DataArray(one.values, {"image": one.index.values}, "image", "hit_rate") for one in (a, b)]
    forms = [
        sets.compare(a, b, **FEW),
        sets.compare(*labelled, **FEW),
        sets.compare(*labelled, values="hit_rate", **FEW),
        sets.compare(*(one.to_dataset() for one in labelled), values="hit_rate", **FEW),
        sets.compare(a.to_frame(), b.to_frame(), values="hit_rate", **FEW),
        sets.compare({"a": a, "b": b}, **FEW),
        sets.compare(table, by="set", values="hit_rate", **FEW),
        sets.compare(table, by=table.set_index("image")["set"], values="hit_rate", names=["a", "b"], **FEW),
        sets.compare(a, b.rename(None), **FEW),
    ]
    for one in forms[1:]:
        xr.testing.assert_identical(one, forms[0])
    turned = sets.compare(table, by="set", values="hit_rate", names=["b", "a"], **NONE)
    assert turned["contrast"].values.tolist() == ["b − a"]


def test_images_of_the_same_name_may_be_others_by_their_hash():
    a, b = (
        predicted(letter="a", seed=k).assign_coords(sha256=("image", [f"{k}{i}" for i in range(8)])) for k in (1, 2)
    )
    assert sets.compare(a, b, **NONE)["n"].values.tolist() == [7, 7]


def test_pairs_with_an_unreadable_version_are_left_out():
    a, b = predicted(10), predicted(10, seed=1, unreadable=3)
    result = sets.compare(a, b, paired=True, **NONE)
    assert result["n"].values.tolist() == [7, 7]
    assert result["n_unreadable"].values.tolist() == [1, 3]


def test_attributes_say_how():
    a, b = two()
    result = sets.compare(a, b, bound=0.2, rng=3, **FEW)
    assert result.attrs["seed"] == "3"
    assert result.attrs["n_permutations"] == 99
    assert result.attrs["bound"] == 0.2
    assert result["null"].sel(statistic="mean_difference").item() == "both sets have the same mean"
    assert "Feng and Cliff" in result.attrs["interval"]
    json.dumps(result.attrs)


# --- errors -----------------------------------------------------------------------------------------------------------

A, B = two()
NO_NAMES = pd.DataFrame({"hit_rate": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("given", "options", "error", "match"),
    [
        ((A,), {}, ArgumentError, "sets must be two at least; got 1"),
        ((A, B, A), {"by": "set"}, ArgumentError, "sets must be one table with by="),
        (
            (A.to_frame(), B.to_frame()),
            {"values": "d"},
            UnknownNameError,
            "values must be a column of the set 'a'; got 'd'",
        ),
        ((A, B), {"values": []}, ArgumentError, "values must name one score or more"),
        ((A.to_frame(), B.to_frame()), {}, UnknownNameError, "got 'memorability'. It has hit_rate"),
        ((A, B.rename("dprime")), {}, ArgumentError, "sets must hold the same score"),
        ((A, B.astype(str)), {}, KindError, "must hold numbers"),
        ((A, [1, 2]), {}, KindError, "b must be a Dataset, DataArray, DataFrame or Series"),
        ((A, NO_NAMES), {"values": "hit_rate"}, ArgumentError, "have one column that names the images"),
        ((A, B[:1]), {}, ArgumentError, r"two images at least .* got \{'b': 1\}"),
        ((A, A), {}, ArgumentError, "sets must not share images; got the same images in 'a' and 'b'.*paired=True"),
        ((A, pd.concat([B, A[:2]])), {}, ArgumentError, "got shared 2: 'a000', 'a001'"),
        ((A, B.where(B.min() < B)), {}, ArgumentError, r"b\['hit_rate'\] must be finite"),
        ((A * 0 + 1, B * 0), {}, ArgumentError, "must vary inside the sets"),
        ((abs(A) / 10, abs(B) * 10 + 10), {}, ArgumentError, "must be in the same unit.*divided by 100"),
        ((A, B), {"names": ["one"]}, ArgumentError, "names must name each set once; got 1 names for 2"),
        ((A, B), {"names": "ab"}, KindError, "names must be a list of names"),
        ((A, B), {"names": ["a", "a"]}, ArgumentError, "names must name each set once"),
        (({"x": A, "y": B},), {"names": ["x", "z"]}, UnknownNameError, "The sets are x, y"),
        ((A, B), {"clusters": "scene"}, UnknownNameError, "clusters must be a column of the set 'a'"),
        ((A, B), {"clusters": 3}, KindError, "clusters must be a column"),
        ((A, B), {"clusters": pd.Series({"a000": 1})}, ArgumentError, "clusters must have a label for every image"),
        ((A, B), {"paired": True}, ArgumentError, "paired must find the same originals"),
        ((A, B), {"paired": True, "clusters": "x"}, ArgumentError, "not be given both"),
        ((A, A + 1), {"paired": True}, ArgumentError, "differ by more for some originals"),
        ((A, B), {"bound": 0}, ArgumentError, "bound must be above 0"),
        ((A, B), {"bound": {"percent": 5}}, KindError, "bound must be a number"),
        ((A, B), {"bound": True}, KindError, "bound must be a number"),
        ((A, B), {"bond": 1}, UnknownNameError, "option"),
        ((A, B), {"n_permutations": -1}, ArgumentError, "n_permutations must be at least 0"),
        ((A, B), {"n_bootstraps": 0.5}, KindError, "n_bootstraps"),
        ((A, B), {"rng": None}, KindError, "rng must"),
    ],
)
def test_errors_say_what_to_do(given, options, error, match):
    with pytest.raises(error, match=match):
        sets.compare(*given, **FEW | options)


def test_clusters_must_lie_alike():
    names = [*A.index, *B.index]
    mixed = pd.Series([f"{i // 4}" for i in range(20)] + [f"{4 + i // 4}" for i in range(30)], names)
    with pytest.raises(ArgumentError, match="clusters must all lie in one set each, or all in both; got 1 of 12"):
        sets.compare(A, B, clusters=mixed, **FEW)
    one = pd.Series(["x"] * 20 + [f"{i // 4}" for i in range(30)], names)
    with pytest.raises(ArgumentError, match="clusters must be two at least in each set; got 1"):
        sets.compare(A, B, clusters=one, **FEW)
    missing = mixed.where(mixed != "3")
    with pytest.raises(ArgumentError, match="clusters must have a value for every image; got none for 4"):
        sets.compare(A, B, clusters=missing, **FEW)


def test_originals_must_have_one_version_in_each_set():
    table = pd.DataFrame({"image": A.index, "hit_rate": A.values, "of": ["x"] * 2 + [str(i) for i in range(18)]})
    with pytest.raises(ArgumentError, match=r"one image in each set; got more in 'a' of 1: 'x'.*clusters="):
        sets.compare(table, table.assign(image=table["image"] + "b"), values="hit_rate", paired="of", **FEW)


def test_units_and_networks_must_be_the_same():
    a, b = predicted(), predicted(letter="b", variant="frozen")
    with pytest.raises(ArgumentError, match="sets must be predicted by the same network; got 2: 'resmem retrained', "):
        sets.compare(a, b, **FEW)
    measured = [
        one.assign_attrs(units=unit) for one, unit in zip((A.to_xarray(), B.to_xarray()), ("1", "%"), strict=True)
    ]
    measured = [one.rename(index="image") for one in measured]
    with pytest.raises(ArgumentError, match="in the same unit in every set; got 2: '%', '1'"):
        sets.compare(*measured, **FEW)


def test_a_label_of_a_set_must_not_be_missing():
    table = pd.DataFrame({"image": A.index, "hit_rate": A.values, "set": ["x", None] * 10})
    with pytest.raises(ArgumentError, match="by must have a value for every image"):
        sets.compare(table, by="set", values="hit_rate", **FEW)
    with pytest.raises(UnknownNameError, match="by must be a column of the table; got 'group'. There are"):
        sets.compare(table, by="group", values="hit_rate", **FEW)


def test_too_few_images_for_a_bootstrap():
    with pytest.raises(ArgumentError, match="n_bootstraps=0, or more images"):
        sets.compare(column([0, 0, 1], "a"), column([0, 1, 1], "b"), n_permutations=0, n_bootstraps=200)


# --- what is easily overlooked ----------------------------------------------------------------------------------------


def test_whole_numbers_are_one_label_whether_a_gap_made_them_fractions_or_not():
    a, b = two(6, 6)
    tables = [one.to_frame().assign(scene=kind) for one, kind in ((a, [1, 1, 2, 2, 3, 3]), (b, [1.0, 1, 2, 2, 3, 3]))]
    result = sets.compare(*tables, values="hit_rate", clusters="scene", **NONE)
    assert result.attrs["clusters"] == 3


def test_categories_are_compared_with_the_first_that_two_sets_have():
    """No image of the second and third set is of the first kind."""
    rng, given = np.random.default_rng(5), {}
    for name, kinds in {"a": "xy", "b": "yz", "c": "yz"}.items():
        index = [f"{name}{k}" for k in range(12)]
        given[name] = pd.DataFrame({"hit_rate": rng.random(12), "kind": list(kinds * 6)}, index).rename_axis("image")
    result = sets.compare(given, values="hit_rate", covariates="kind", **NONE)
    alone = sets.compare({name: given[name] for name in "bc"}, values="hit_rate", covariates="kind", **NONE)
    found = result["estimate"].sel(statistic="adjusted_difference", contrast="b − c")
    assert found.item() == pytest.approx(alone["estimate"].sel(statistic="adjusted_difference").item())


def test_differences_that_are_equal_but_for_rounding_are_ties():
    rng = np.random.default_rng(6)
    first, second = rng.integers(10, 30, 25), rng.integers(10, 30, 25)
    names = [f"i{k:02}" for k in range(25)]
    pair = [pd.Series(values / 40, names, name="hit_rate") for values in (first, second)]
    result = sets.compare(*pair, paired=True, **NONE)
    expected = scipy_stats.wilcoxon(first - second)
    assert row(result, "wilcoxon_w") == expected.statistic
    assert row(result, "wilcoxon_w", "p") == pytest.approx(expected.pvalue)
    assert row(result, "paired_delta") == pytest.approx(np.sign(first - second).mean())


def test_equivalence_and_all_sets_at_once_are_corrected():
    rng = np.random.default_rng(7)
    frames = [pd.DataFrame(rng.random((9, 2)), [f"{name}{k}" for k in range(9)], ["x", "y"]) for name in "abc"]
    result = sets.compare(*frames, values=["x", "y"], bound=0.3, n_permutations=99, n_bootstraps=0)
    flat = result["equivalence_p"].values.ravel()
    np.testing.assert_allclose(result["equivalence_p_corrected"].values.ravel(), stats.holm(flat))
    for test in ("welch", "kruskal_wallis"):
        p = result.sel(test=test)
        np.testing.assert_allclose(p["omnibus_p_corrected"], stats.holm(p["omnibus_p"].values))


def test_sets_that_were_chosen_by_a_score_are_not_tested_on_it_in_silence():
    rng = np.random.default_rng(8)
    pool = pd.DataFrame({"image": [f"i{k:02}" for k in range(40)], "hit_rate": rng.random(40), "other": rng.random(40)})
    chosen = sets.match(pool, 10, score="hit_rate", difference="largest", sets=["high", "low"])
    with pytest.warns(CircularWarning, match=r"chosen by hit_rate: a test of what they were chosen by tests nothing"):
        result = sets.compare(chosen, by="set", values="hit_rate", **NONE)
    assert result["contrast"].values.tolist() == ["high − low"]
    sets.compare(chosen, by="set", values="other", **NONE)


def test_predictions_without_their_attributes_are_known_by_their_floor():
    frame = predicted(unreadable=0).to_dataframe()
    assert "at_floor" in frame
    other = predicted(letter="b", seed=1, unreadable=0)
    assert "prediction_noise" in sets.compare(frame, other, **NONE).attrs["note"]
    measured = frame[["memorability"]].rename(index=lambda name: f"m{name}")
    assert "It is not known where the scores of b come from" in sets.compare(frame, measured, **NONE).attrs["note"]


@pytest.mark.parametrize(
    ("given", "options", "error", "match"),
    [
        (["a.csv", "b.csv"], {}, KindError, r"Read it first: pandas\.read_csv\(path\)"),
        (
            [pd.Series([0.1, 0.2], name="x")] * 2,
            {},
            ArgumentError,
            r"look like row numbers: make image names the index",
        ),
        (
            [pd.DataFrame({"x": np.linspace(0, 1, 30)}, [f"i{k}" for k in range(30)])],
            {"by": "x", "values": "x"},
            ArgumentError,
            r"by must divide images into 26 sets at most; got 30\. Numbers are divided first",
        ),
        (
            [pd.DataFrame({"x": [0.1, 0.2], "z": [1.0, 1.0]}, [f"{name}{k}" for k in range(2)]) for name in "ab"],
            {"covariates": "z", "values": "x"},
            ArgumentError,
            r"covariates\['z'\] must vary over images",
        ),
        (
            [pd.DataFrame({"x": x, "z": [1.0, 2.0, 3.0]}, list("abc")) for x in ([0.1, 0.2, 0.4], [0.3, 0.2, 0.1])],
            {"covariates": "z", "values": "x", "paired": True},
            ArgumentError,
            r"covariates\['z'\] must differ between versions of an original",
        ),
        (
            [
                pd.Series([v, v + d], [f"{n}1", f"{n}2"], name="x")
                for n, v, d in (("a", 0.1, 0), ("b", 0.2, 0), ("c", 0.3, 0.1))
            ],
            {"bound": 0.1},
            ArgumentError,
            r"vary inside the sets; got one value in each of 2: 'a', 'b'",
        ),
    ],
)
def test_what_is_easily_mistaken_is_said(given, options, error, match):
    with pytest.raises(error, match=match):
        sets.compare(*given, **options, **NONE)
