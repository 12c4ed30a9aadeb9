from itertools import permutations as itertools_permutations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from memfeat import stats
from memfeat.errors import ArgumentError, KindError
from memfeat.stats.ranks import resampled_ranks
from memfeat.stats.shares import wilson


def rng(seed=0):
    return np.random.default_rng(seed)


def test_few_images_are_rearranged_in_every_way_once():
    index, exact = stats.permutations(5, 120, rng=rng())
    assert exact
    assert sorted(map(tuple, index.tolist())) == sorted(itertools_permutations(range(5)))
    assert not stats.permutations(5, 119, rng=rng())[1]


def test_many_images_are_rearranged_at_random_and_a_seed_repeats_it():
    index, exact = stats.permutations(30, 400, rng=rng(3))
    assert not exact
    assert index.shape == (400, 30)
    assert (np.sort(index, axis=1) == np.arange(30)).all()
    assert len(np.unique(index, axis=0)) == 400
    np.testing.assert_array_equal(index, stats.permutations(30, 400, rng=rng(3))[0])
    # each image takes each place equally often: 900 cells, chi-squared at a family-wise 1e-4
    cells = np.stack([np.bincount(column, minlength=30) for column in index.T])
    assert scipy_stats.chisquare(cells.ravel(), ddof=59).pvalue > 1e-4


BLOCKS = np.array([0, 1, 0, 1, 2, 2, 0, 1])  # sizes 3, 3, 2


def test_within_groups_every_image_stays_in_its_group():
    drawn, exact = stats.permutations(8, 50, rng=rng(), blocks=BLOCKS, permute="within")
    assert not exact
    assert (BLOCKS[drawn] == BLOCKS).all()
    listed, exact = stats.permutations(8, 72, rng=rng(), blocks=BLOCKS, permute="within")  # 3! 3! 2!
    assert exact
    assert len(np.unique(listed, axis=0)) == 72


def test_whole_groups_change_places_with_groups_of_their_size():
    listed, exact = stats.permutations(8, 2, rng=rng(), blocks=BLOCKS, permute="whole")
    assert exact
    np.testing.assert_array_equal(listed, [[0, 1, 2, 3, 4, 5, 6, 7], [1, 0, 3, 2, 4, 5, 7, 6]])
    blocks = np.repeat(np.arange(10), 3)
    drawn, exact = stats.permutations(30, 100, rng=rng(), blocks=blocks, permute="whole")
    assert not exact
    assert (np.diff(drawn.astype(int).reshape(100, 10, 3)) == 1).all()


def test_free_ignores_groups():
    with_blocks, _ = stats.permutations(8, 20, rng=rng(), blocks=BLOCKS, permute="free")
    np.testing.assert_array_equal(with_blocks, stats.permutations(8, 20, rng=rng())[0])


def test_groups_without_a_scheme_are_an_error_with_advice():
    for draw in (stats.permutations, stats.bootstrap_counts):
        with pytest.raises(
            ArgumentError, match=r"permute must be named when blocks are given; got None. Choose permute="
        ):
            draw(8, 10, rng=rng(), blocks=BLOCKS)
        with pytest.raises(ArgumentError, match="blocks must be given when permute='within'; got None"):
            draw(8, 10, rng=rng(), permute="within")
        with pytest.raises(ArgumentError, match="permute must be one of 'free', 'within', 'whole'; got 'half'"):
            draw(8, 10, rng=rng(), blocks=BLOCKS, permute="half")
    with pytest.raises(ArgumentError, match="n_permutations must be at least 1; got 0"):
        stats.permutations(8, 0, rng=rng())
    with pytest.raises(KindError, match=r"n_bootstraps must be a whole number; got 1\.5"):
        stats.bootstrap_counts(8, 1.5, rng=rng())
    with pytest.raises(
        ArgumentError,
        match="blocks must leave something to exchange with permute='whole'; got groups of 1, 2, 3 images",
    ):
        stats.permutations(6, 9, rng=rng(), blocks=np.array([0, 1, 1, 2, 2, 2]), permute="whole")


def test_p_values_worked_by_hand():
    null = np.array([-3.0, -1.0, 0.0, 1.0, 2.0])
    observed = np.array([1.0, -2.0, 5.0])
    assert stats.p_value(observed[:, None].T[0], np.tile(null, (3, 1))).tolist() == [5 / 6, 3 / 6, 1 / 6]
    assert stats.p_value(observed, np.tile(null, (3, 1)), alternative="greater").tolist() == [3 / 6, 5 / 6, 1 / 6]
    assert stats.p_value(observed, np.tile(null, (3, 1)), alternative="less").tolist() == [5 / 6, 2 / 6, 1.0]
    assert stats.p_value(np.array(2.0), null, exact=True, alternative="greater").item() == 1 / 5
    with pytest.raises(ArgumentError, match="alternative must be one of 'two-sided', 'greater', 'less'; got 'both'"):
        stats.p_value(observed, null, alternative="both")


def test_rounding_does_not_break_a_tie():
    value = 0.1 + 0.2
    assert stats.p_value(np.array(value), np.array([0.3, 0.3, 0.0])).item() == 3 / 4


def test_the_largest_statistic_worked_by_hand():
    null = np.array([[1.0, -4.0, 0.0], [2.0, 1.0, 1.0]])
    assert stats.max_statistic(np.array([3.0, 1.5]), null).tolist() == [2 / 4, 3 / 4]
    assert stats.max_statistic(np.array([3.0, 1.5]), null, alternative="greater").tolist() == [1 / 4, 2 / 4]


# Rounded, because the relative tolerance for ties underflows next to the smallest floating-point numbers.
@given(
    arrays(float, (4, 19), elements=st.floats(-5, 5).map(lambda value: round(value, 6))),
    st.sampled_from(["two-sided", "greater", "less"]),
)
@settings(max_examples=50)
def test_a_corrected_p_is_never_smaller_and_is_the_same_for_one_layer(values, alternative):
    observed, null = values[:, 0], values[:, 1:]
    p = stats.p_value(observed, null, alternative=alternative)
    assert (stats.max_statistic(observed, null, alternative=alternative) >= p).all()
    assert stats.max_statistic(observed[:1], null[:1], alternative=alternative) == p[0]
    assert ((p >= 1 / 19) & (p <= 1)).all()


def test_false_discovery_rate_worked_by_hand():
    np.testing.assert_allclose(stats.fdr(np.array([0.01, 0.04, 0.03, 0.5])), [0.04, 0.16 / 3, 0.16 / 3, 0.5])


@given(arrays(float, st.integers(1, 12), elements=st.floats(1e-6, 1)))
@settings(max_examples=50)
def test_false_discovery_rate_rejects_what_the_step_up_rule_rejects(p):
    ordered = np.sort(p)
    for q in (0.05, 0.2):
        below = np.flatnonzero(ordered <= q * np.arange(1, len(p) + 1) / len(p) * (1 + 1e-12))
        limit = ordered[below[-1]] if len(below) else -1.0
        np.testing.assert_array_equal(stats.fdr(p) <= q * (1 + 1e-9), p <= limit)


def test_bootstrap_counts_are_draws_with_replacement():
    counts = stats.bootstrap_counts(12, 4_000, rng=rng())
    assert counts.shape == (4_000, 12)
    assert (counts.sum(axis=1) == 12).all()
    assert abs((counts == 0).mean() - (11 / 12) ** 12) < 0.01
    np.testing.assert_array_equal(counts, stats.bootstrap_counts(12, 4_000, rng=rng()))


def test_bootstrap_counts_follow_the_groups():
    within = stats.bootstrap_counts(8, 50, rng=rng(), blocks=BLOCKS, permute="within")
    assert all((within[:, g == BLOCKS].sum(axis=1) == (g == BLOCKS).sum()).all() for g in range(3))
    whole = stats.bootstrap_counts(8, 50, rng=rng(), blocks=BLOCKS, permute="whole")
    assert all((np.ptp(whole[:, g == BLOCKS], axis=1) == 0).all() for g in range(3))
    assert (whole[:, [0, 1, 4]].sum(axis=1) == 3).all()


def test_the_percentile_interval_is_that_of_the_defined_draws():
    draws = np.vstack([np.arange(1_001.0), np.full(1_001, np.nan)])
    draws[0, 500] = np.nan
    low, high = stats.interval(draws)
    assert low.tolist()[0] == np.percentile(np.delete(np.arange(1_001.0), 500), 2.5)
    assert high.tolist()[0] == np.percentile(np.delete(np.arange(1_001.0), 500), 97.5)
    assert np.isnan([low[1], high[1]]).all()


def test_the_expanded_interval_of_a_mean_is_that_of_student():
    values = np.linspace(-1, 1, 12)
    means = stats.bootstrap_counts(12, 100_000, rng=rng()) @ values / 12
    expected = scipy_stats.t.interval(0.95, 11, loc=0, scale=values.std(ddof=1) / np.sqrt(12))
    np.testing.assert_allclose(stats.expanded(means, n=12), expected, rtol=0.02)
    assert stats.interval(means)[1] < 0.9 * expected[1]


def test_the_expanded_interval_takes_the_quantiles_of_its_formula():
    draws = np.vstack([np.linspace(0, 1, 100_001), np.full(100_001, np.nan)])
    draws[0, 50_000] = np.nan
    # Student's .975 quantile is 2.262157 with 9 degrees of freedom, and Φ(−√(10 / 9) · 2.262157) is .0085506
    low, high = stats.expanded(draws, n=10)
    assert [low[0], 1 - high[0]] == pytest.approx([0.0085506, 0.0085506], abs=2e-5)
    assert np.isnan([low[1], high[1]]).all()
    # 2.228139 with 10, of 12 units in 2 groups: Φ(−√(12 / 10) · 2.228139) is .0073273
    low, high = stats.expanded(draws, n=12, strata=2)
    assert [low[0], 1 - high[0]] == pytest.approx([0.0073273, 0.0073273], abs=2e-5)
    assert np.isnan(stats.expanded(draws, n=3, strata=3)).all()


def test_the_largest_deviation_worked_by_hand():
    draws = np.array([[1.0, 3, 2, 2], [1.0, 1, 2, 0]])
    estimate, many = np.array([2.0, 1.0]), 10**9
    # each spread is √(2/3): deviations of one or the other are 1.22 in all four samples, estimates 2.45 and 1.22
    np.testing.assert_allclose(stats.largest_deviation(estimate, draws, n=many), [1 / 5, 1.0])
    larger = stats.largest_deviation(estimate, draws, n=many, alternative="greater")
    np.testing.assert_allclose(larger, [1 / 5, 3 / 5])
    less = stats.largest_deviation(estimate, draws, n=many, alternative="less")
    np.testing.assert_allclose(less, [1.0, 1.0])
    known = stats.largest_deviation(estimate, draws, n=many, error=np.array([2.0, 0.8]))
    np.testing.assert_allclose(known, [1.0, 1 / 5])


def test_the_largest_deviation_has_the_tails_of_student():
    draws = np.array([[-2.5, 2.5, *np.zeros(38)]])
    z = 2.5 / draws.std(ddof=1)
    tail = scipy_stats.t.isf(scipy_stats.norm.sf(z), 9) * draws.std(ddof=1) * np.sqrt(10 / 9)
    for estimate, beyond in {0.999 * tail: 2, 1.001 * tail: 0}.items():
        found = stats.largest_deviation(np.array([estimate]), draws + estimate, n=10)
        np.testing.assert_allclose(found, [(beyond + 1) / 41])
    grouped = stats.largest_deviation(np.array([1.001 * tail]), draws + 1.001 * tail, n=10, strata=5)
    np.testing.assert_allclose(grouped, [3 / 41])


def test_what_is_the_same_or_undefined_does_not_deviate():
    draws = rng(1).standard_normal((3, 99))
    draws[1], draws[2] = 0.0, np.nan
    found = stats.largest_deviation(np.array([3.0, 0.0, np.nan]), draws + np.array([[3.0], [0.0], [0.0]]), n=50)
    alone = stats.largest_deviation(np.array([3.0]), draws[:1] + 3, n=50)
    np.testing.assert_array_equal(found, [alone[0], 1.0, np.nan])
    assert np.isnan(stats.largest_deviation(np.array([np.nan]), draws[2:], n=50))
    draws[0, :9] = np.nan
    np.testing.assert_allclose(stats.largest_deviation(np.array([30.0]), draws[:1] + 30, n=50), 0.1)


@settings(max_examples=20, deadline=None)
@given(k=st.integers(1, 4), seed=st.integers(0, 99))
def test_the_largest_of_more_differences_is_larger_and_units_do_not_matter(k, seed):
    estimate, draws = rng(seed).standard_normal(4), rng([seed, 1]).standard_normal((4, 60))
    draws = estimate[:, None] + draws
    few, every = (stats.largest_deviation(estimate[:end], draws[:end], n=30) for end in (k, 4))
    assert (few <= every[:k]).all()
    np.testing.assert_allclose(stats.largest_deviation(7 * estimate, 7 * draws, n=30), every)
    square = stats.largest_deviation(estimate.reshape(2, 2), draws.reshape(2, 2, 60), n=30)
    np.testing.assert_array_equal(square, every.reshape(2, 2))


def test_groups_are_numbered_and_matched_by_name():
    column = pd.Series(["dog", "cat", "dog"], index=["b", "a", "c"], name="category")
    before = column.copy()
    to = xr.DataArray(np.zeros(3), dims="image", coords={"image": np.array(["a", "b", "c"], dtype=object)})
    assert stats.grouping(column, to=to).values.tolist() == [0, 1, 1]
    assert stats.grouping(column).values.tolist() == [1, 0, 1]
    assert stats.grouping(column.to_xarray().rename(index="image"), to=to).values.tolist() == [0, 1, 1]
    pd.testing.assert_series_equal(column, before)


def test_groups_that_cannot_be_used_are_errors():
    to = xr.DataArray(np.zeros(2), dims="image", coords={"image": np.array(["a", "b"], dtype=object)})
    with pytest.raises(KindError, match="blocks must be a DataArray or Series; got list"):
        stats.grouping(["x", "y"])
    with pytest.raises(ArgumentError, match="blocks must have a label for every image; got none for 1: 'b'"):
        stats.grouping(pd.Series(["x", None], index=["a", "b"]))
    with pytest.raises(
        ArgumentError, match="hold the same images; got only in blocks 1: 'c'; only in the images 1: 'b'"
    ):
        stats.grouping(pd.Series(["x", "y"], index=["a", "c"]), to=to)
    with pytest.raises(ArgumentError, match="category must have one label per image"):
        stats.grouping(to.expand_dims(layer=2), argument="category")


# --- kernels that rooms share ---------------------------------------------------------------------------------------


def test_ranks_in_a_sample_by_hand():
    # drawn: 5, 2, 2, 2, 2 of which the twos share ranks 1 to 4, and 5 has rank 5; the mean is 3
    found = resampled_ranks(np.array([5.0, 2.0, 7.0, 2.0]), np.array([[1, 3, 0, 1]]))
    np.testing.assert_array_equal(found[0, [0, 1, 3]], [2, -0.5, -0.5])


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 12), st.integers(0, 10_000))
def test_ranks_in_samples_are_those_of_scipy(n, seed):
    values = rng(seed).integers(0, 4, n) / 3
    counts = rng(seed + 1).multinomial(n, np.full(n, 1 / n), size=3)
    ranks = resampled_ranks(values, counts)
    for sample, ranked in zip(counts, ranks, strict=True):
        place = np.repeat(np.arange(n), sample)
        theirs = scipy_stats.rankdata(values[place])
        np.testing.assert_allclose(ranked[place], theirs - theirs.mean(), atol=1e-12)
    np.testing.assert_array_equal(resampled_ranks(values, counts.astype(float)), ranks)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 200), st.data())
def test_the_wilson_interval_is_that_of_scipy_and_holds_the_share(n, data):
    found = data.draw(st.integers(0, n))
    low, high = wilson(found, n)
    theirs = scipy_stats.binomtest(found, n).proportion_ci(method="wilson")
    assert (float(low), float(high)) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0 <= low <= found / n <= high <= 1


def test_there_is_no_interval_of_a_share_of_nothing():
    low, high = wilson([0, 0, 5], [0, np.nan, 10])
    np.testing.assert_array_equal(np.isnan([low, high]), [[True, True, False]] * 2)
    # 5 of 10, by hand: .5 ± z / (1 + z² / 10) √(.025 + z² / 400)
    assert high[2] == pytest.approx(0.5 + 1.959964 / 1.3841459 * np.sqrt(0.025 + 3.841459 / 400), abs=1e-6)
