"""Inference over participants, from bootstrap values, and over clusters of time: the arrays below RSA."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as distributions
from scipy.ndimage import label

from memfeat import stats
from memfeat.errors import ArgumentError


def rng(seed=0):
    return np.random.default_rng(seed)


def test_holm_by_hand():
    # sorted .01 .02 .03 .04: times 4, 3, 2, 1 gives .04 .06 .06 .04, never falling .04 .06 .06 .06
    np.testing.assert_allclose(stats.holm(np.array([0.03, 0.01, 0.04, 0.02])), [0.06, 0.04, 0.06, 0.06])
    assert stats.holm(np.array([0.9, 0.8])).tolist() == [1, 1]
    np.testing.assert_allclose(stats.holm(np.array([[0.01, 0.5], [0.04, 0.2]])), [[0.02, 0.5], [0.04, 0.4]])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms())
def test_holm_is_between_p_and_bonferroni_and_blind_to_order(p, random):
    p = np.array(p)
    got = stats.holm(p)
    assert (got >= p).all()
    assert (got <= np.minimum(1, p * len(p)) + 1e-12).all()
    order = np.array(random.sample(range(len(p)), len(p)))
    np.testing.assert_allclose(stats.holm(p[order]), got[order])


def test_t_intervals_and_p_agree_with_scipy():
    values = rng().normal(0.3, 1, size=(3, 7))
    low, high = stats.t_interval(values)
    expected = distributions.ttest_1samp(values, 0, axis=1)
    np.testing.assert_allclose([low, high], expected.confidence_interval(0.95), atol=1e-12)
    error = values.std(axis=1, ddof=1) / np.sqrt(7)
    for side in ("two-sided", "greater", "less"):
        theirs = distributions.ttest_1samp(values, 0, axis=1, alternative=side).pvalue
        np.testing.assert_allclose(stats.student(values.mean(axis=1), error, 6, alternative=side), theirs, atol=1e-12)


def test_all_signs_are_listed_once_and_give_students_t():
    values = rng().normal(size=(2, 5))
    observed, null, exact = stats.sign_flips(values, 32, rng=rng())
    assert exact
    assert null.shape == (2, 32)
    np.testing.assert_allclose(observed, distributions.ttest_1samp(values, 0, axis=1).statistic)
    np.testing.assert_allclose(null[:, 0], observed)
    np.testing.assert_allclose(np.sort(null), np.sort(-null))
    signs = np.array(np.meshgrid(*[[1, -1]] * 5)).reshape(5, -1)
    expected = distributions.ttest_1samp(values[:, :, None] * signs, 0, axis=1).statistic
    np.testing.assert_allclose(np.sort(null), np.sort(expected), atol=1e-9)
    drawn = stats.sign_flips(values, 31, rng=rng(3))
    assert not drawn[2]
    np.testing.assert_array_equal(drawn[1], stats.sign_flips(values, 31, rng=rng(3))[1])


def test_values_that_are_all_alike_have_no_finite_t_and_no_warning():
    observed, null, _ = stats.sign_flips(np.array([[2.0, 2.0, 2.0], [0.0, 0.0, 0.0]]), 8, rng=rng())
    assert np.isfinite(null).all()
    assert observed[0] == null[0].max()
    assert observed[1] == 0


def test_tests_across_participants_agree_with_scipy():
    values = rng(2).normal(0.4, 1, size=(4, 9))
    for side in ("two-sided", "greater", "less"):
        options = {"n_permutations": 512, "rng": rng(), "alternative": side}
        got = stats.across(values, test="t", **options)
        np.testing.assert_allclose(got["p"], distributions.ttest_1samp(values, 0, axis=1, alternative=side).pvalue)
        np.testing.assert_allclose(got["p_corrected"], stats.holm(got["p"]))
        got = stats.across(values, test="wilcoxon", **options)
        np.testing.assert_allclose(got["p"], [distributions.wilcoxon(v, alternative=side).pvalue for v in values])
        got = stats.across(values, test="signs", **options)
        theirs = [
            distributions.permutation_test(
                (v,), np.mean, permutation_type="samples", n_resamples=512, alternative=side
            ).pvalue
            for v in values
        ]
        np.testing.assert_allclose(got["p"], theirs)
        assert got["exact"]
    with pytest.raises(ArgumentError, match="ref must differ between participants"):
        stats.across(np.ones((1, 4)), test="t", n_permutations=9, rng=rng())
    with pytest.raises(ArgumentError, match="test must be one of 't', 'wilcoxon', 'signs'; got 'z'"):
        stats.across(values, test="z", n_permutations=9, rng=rng())


def test_two_factors_are_corrected_in_a_design_with_known_variances():
    """y = a + b + ab with variances 1, 1 and 1 over R × I: the variance of the mean is 1/R + 1/I + 1/RI."""
    random, n_rdms, n_images, truths = rng(7), 12, 15, []
    for _ in range(60):
        a, b = random.normal(size=(n_rdms, 1)), random.normal(size=(1, n_images))
        y = a + b + random.normal(size=(n_rdms, n_images))
        rows = random.multinomial(n_rdms, np.full(n_rdms, 1 / n_rdms), size=600) / n_rdms
        columns = random.multinomial(n_images, np.full(n_images, 1 / n_images), size=600) / n_images
        both = np.einsum("dr,ri,di->d", rows, y, columns).var()
        alone = (rows @ y.mean(axis=1)).var(), (columns @ y.mean(axis=0)).var()
        truths.append([both, float(stats.two_factor(both, *alone, n_rdms=n_rdms, n_images=n_images))])
    uncorrected, corrected = np.mean(truths, axis=0)
    truth = 1 / n_rdms + 1 / n_images + 1 / (n_rdms * n_images)
    assert corrected == pytest.approx(truth, rel=0.12)
    assert uncorrected > corrected


def test_two_factor_variances_stay_between_their_bounds():
    one = np.array(1.0)
    assert stats.two_factor(10 * one, one, one, n_rdms=10**9, n_images=10**9) == pytest.approx(1)  # never below
    assert stats.two_factor(1.5 * one, one, one, n_rdms=10**9, n_images=10**9) == pytest.approx(1.5)  # never above


def test_degrees_of_freedom_by_hand():
    # R = 5, I = 9: variances 4 and 8 become 4 · 5/4 = 5 and 8 · 9/8 = 9; 16 − 12 = 4 becomes 4 · 5/4 · 9/8 = 5.625
    one = np.array([16.0]), np.array([4.0]), np.array([8.0])
    corrected = 5 + 9 - 5.625
    # which is raised to the larger part, 9
    assert corrected < 9
    expected = 81 / (25 / 4 + 81 / 8 + 5.625**2 / 32)
    assert stats.two_factor_degrees(*one, n_rdms=5, n_images=9)[0] == pytest.approx(expected)


def test_degrees_of_freedom_are_those_of_the_factor_that_makes_the_error():
    sizes = {"n_rdms": 8, "n_images": 100}
    images = np.array(1.0), np.array(1e-9), np.array(1.0)
    assert stats.two_factor_degrees(*images, **sizes) == pytest.approx(99, rel=0.05)
    rdms = np.array(1.0), np.array(1.0), np.array(1e-9)
    assert stats.two_factor_degrees(*rdms, **sizes) == pytest.approx(7, rel=0.05)
    nothing = np.zeros(3)
    np.testing.assert_array_equal(stats.two_factor_degrees(nothing, nothing, nothing, **sizes), [7, 7, 7])


def test_t_with_these_degrees_covers_the_mean_of_a_crossed_design():
    """Few rows, many columns and an error that is mostly of columns: 95 %, and not the 97.6 % of the smaller sample."""
    random, n_rdms, n_images, hits = rng(11), 6, 80, np.zeros(2)
    for _ in range(4_000):
        a, b = random.normal(size=(n_rdms, 1)) * 0.1, random.normal(size=(1, n_images))
        y = a + b + 0.3 * random.normal(size=(n_rdms, n_images))
        # the bootstrap variances of means of a crossed design in closed form
        rows, columns = y.mean(axis=1).var() / n_rdms, y.mean(axis=0).var() / n_images
        rest = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
        both = rows + columns + np.square(rest).mean() / (n_rdms * n_images)
        sizes = {"n_rdms": n_rdms, "n_images": n_images}
        error = np.sqrt(stats.two_factor(both, rows, columns, **sizes))
        degrees = stats.two_factor_degrees(both, rows, columns, **sizes)
        hits += np.abs(y.mean()) <= distributions.t.ppf(0.975, [degrees, n_rdms - 1]) * error
    assert 0.94 < hits[0] / 4_000 < 0.96
    assert hits[1] / 4_000 > 0.965


def test_an_accelerated_interval_agrees_with_scipy():
    sample = rng(1).exponential(size=40)
    draws = sample[rng(2).integers(40, size=(20_000, 40))].mean(axis=1)
    left = np.array([np.delete(sample, k).mean() for k in range(40)])
    low, high = stats.bca(sample.mean(), draws, left)
    theirs = distributions.bootstrap((sample,), np.mean, n_resamples=20_000, rng=rng(3)).confidence_interval
    np.testing.assert_allclose([low, high], theirs, rtol=0.02)
    low, high = stats.bca(np.array([0.0]), np.ones((1, 50)), np.zeros((1, 5)))
    assert (low, high) == (1, 1)  # all draws on one side: percentiles


def test_the_jackknife_knows_the_bias_of_the_variance_and_the_error_of_the_mean():
    sample = rng(4).exponential(size=12)
    rest = np.array([np.delete(sample, k) for k in range(12)])
    found = stats.jackknife(np.array([sample.mean(), sample.var()]), np.array([rest.mean(axis=1), rest.var(axis=1)]))
    np.testing.assert_allclose(found.bias, [0, -sample.var(ddof=1) / 12], atol=1e-12)
    assert found.error[0] == pytest.approx(distributions.sem(sample))
    assert found.degrees == 11
    # the mean of two strata of 4 and 8: each has a mean, a variance and one degree of freedom less of its own
    strata = np.repeat([0, 1], [4, 8])
    halves = [sample[:4], sample[4:]]
    means = np.array([half.mean() for half in halves])
    left = np.array(
        [(np.delete(half, k).mean() + means[1 - s]) for s, half in enumerate(halves) for k in range(len(half))]
    )
    found = stats.jackknife(means.sum(), left, strata=strata)
    assert found.error == pytest.approx(np.sqrt(sum(distributions.sem(half) ** 2 for half in halves)))
    assert found.degrees == 10


def test_acceleration_within_groups_is_about_the_mean_of_the_group():
    groups, draws = np.repeat([0, 1], [6, 9]), rng(7).normal(0.2, size=(1, 2_000))
    left = rng(8).normal(size=(1, 15)) ** 3
    moved = left + 5 * groups  # another mean of a group changes nothing
    plain, far = (stats.bca(np.zeros(1), draws, values, strata=groups) for values in (left, moved))
    np.testing.assert_allclose(plain, far)
    assert not np.allclose(plain, stats.bca(np.zeros(1), draws, moved))


def test_what_is_not_defined_under_rearrangement_counts_as_extreme():
    null = np.array([[0.1, np.nan, 0.3, 0.2], [0.4, 0.1, 0.2, 0.1]])
    observed = np.array([0.25, 0.35])
    np.testing.assert_allclose(stats.p_value(observed, null), [3 / 5, 2 / 5])
    # the largest are .4, NaN, .3 and .2
    np.testing.assert_allclose(stats.max_statistic(observed, null), [4 / 5, 3 / 5])


def test_p_and_percentile_interval_never_disagree():
    random = rng(5)
    drawn = {"n": 12, "strata": 2}
    for _ in range(40):
        draws = random.normal(random.uniform(-3, 3), 1, size=999)
        for limits, p in (
            (stats.interval(draws), stats.bootstrap_p(draws)),
            (stats.expanded(draws, **drawn), stats.bootstrap_p(draws, **drawn)),
        ):
            assert (p <= 0.05) == (limits[0] > 0 or limits[1] < 0) or 0.04 < p < 0.06
    # a share of .025 beyond 0 is 1.96 standard errors of 12 units: of 10 degrees of freedom
    draws = np.concatenate([-np.ones(24), np.ones(975)])
    expected = 2 * distributions.t.sf(distributions.norm.isf(0.025) * np.sqrt(10 / 12), 10)
    assert stats.bootstrap_p(draws, **drawn) == pytest.approx(expected)
    assert stats.bootstrap_p(np.ones(99)) == pytest.approx(0.02)
    assert stats.bootstrap_p(np.ones(99), alternative="greater") == pytest.approx(0.01)
    assert stats.bootstrap_p(np.ones(99), alternative="less") == 1
    assert stats.bootstrap_p(np.zeros(9)) == 1


@pytest.mark.parametrize(
    ("permute", "expected"), [("free", (12, 1)), ("within", (12, 3)), ("whole", (3, 1)), (None, (12, 1))]
)
def test_what_a_sample_draws(permute, expected):
    blocks = None if permute is None else np.repeat([0, 1, 2], 4)
    assert stats.drawn_units(12, blocks=blocks, permute=permute) == dict(zip(("n", "strata"), expected, strict=True))


@pytest.mark.parametrize(("permute", "blocks"), [("within", np.arange(6)), ("whole", np.zeros(6, dtype=int))])
def test_samples_that_would_all_be_the_same_are_refused(permute, blocks):
    with pytest.raises(ArgumentError, match=f"blocks must leave something to draw with permute='{permute}'; got "):
        stats.bootstrap_counts(6, 10, rng=rng(), blocks=blocks, permute=permute)


def test_undefined_samples_are_passed_over_while_they_are_few_for_each_statistic_alone():
    draws = rng().normal(size=(2, 500))
    whole = draws.copy()
    draws[0, :4] = np.nan
    kept = stats.enough(draws)
    left = np.array([np.delete(np.arange(20), k).mean() for k in range(20)])
    jackknife, estimate = np.array([left, left]), np.zeros(2)
    for limits, alone in (
        (stats.interval(kept), stats.interval(whole)),
        (stats.expanded(kept, n=20), stats.expanded(whole, n=20)),
        (stats.bca(estimate, kept, jackknife), stats.bca(estimate, whole, jackknife)),
    ):
        np.testing.assert_array_equal([limit[1] for limit in limits], [limit[1] for limit in alone])
    np.testing.assert_allclose(stats.interval(kept)[0][0], np.quantile(whole[0, 4:], 0.025))
    draws[0, :10] = np.nan
    with pytest.raises(ArgumentError, match="n_bootstraps must leave something .*; got 2% undefined samples"):
        stats.enough(draws)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["two-sided", "greater", "less"]))
def test_clusters_are_those_of_scipy(seed, alternative):
    random = rng(seed)
    observed, null = random.normal(size=(2, 9)), random.normal(size=(2, 9, 19))
    numbers, p = stats.cluster_mass(observed, null, 0.8, alternative=alternative)
    sides = {"two-sided": (1, -1), "greater": (1,), "less": (-1,)}[alternative]

    def masses(series):
        for sign in sides:
            found, n = label(sign * series > 0.8)
            yield from ((found == k, abs(series[found == k].sum())) for k in range(1, n + 1))

    largest = [max((m for s in range(2) for _, m in masses(null[s, :, k])), default=0.0) for k in range(19)]
    for s in range(2):
        clusters = list(masses(observed[s]))
        assert numbers[s].max() == len(clusters)
        inside = np.zeros(9, dtype=bool)
        for where, mass in clusters:
            inside |= where
            assert len(set(numbers[s, where])) == 1
            np.testing.assert_allclose(p[s, where], (1 + np.sum(np.array(largest) >= mass)) / 20)
        assert (numbers[s, ~inside] == 0).all()
        assert (p[s, ~inside] == 1).all()
