"""What results hold for: other images, other participants, both; noise bounds; further dims of the reference."""

import warnings
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from geometry import RSATOOLBOX, along_time, dataset, levels, names_of, people, squared_distances, toolbox
from scipy import stats as distributions
from scipy.spatial.distance import squareform

from memfeat import rdm, rsa, stats
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.rsa.similarity import COMPARISONS, METHODS, gapped

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rsatoolbox
    from rsatoolbox.inference import eval_bootstrap_pattern
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.util.inference_util import extract_variances
    from rsatoolbox.util.matrix import row_col_indicator_g


def each(method, rdms, ref):
    """Similarities (layer, participant), from rsatoolbox."""
    return rsatoolbox.rdm.compare(toolbox(rdms.rdm.values), toolbox(ref.rdm.values[0]), method=RSATOOLBOX[method])


@pytest.mark.parametrize("method", COMPARISONS)
def test_an_estimate_is_the_mean_over_participants_and_each_is_told(method):
    rdms, ref = people()
    got = rsa.compare(rdms, ref, method=method, n_permutations=0, n_bootstraps=0)
    np.testing.assert_allclose(got.by_participant, each(method, rdms, ref), atol=1e-10)
    np.testing.assert_allclose(got.estimate, got.by_participant.mean("participant"), atol=1e-12)
    assert got.by_participant.dims == ("layer", "participant")
    assert got.attrs["n_participants"] == 5


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_images_are_rearranged_alike_for_all_participants(method):
    rdms, ref = people(n=8)
    got = rsa.compare(rdms, ref, method=method, n_permutations=50, n_bootstraps=0, rng=2)
    rows, _ = stats.permutations(8, 50, rng=np.random.default_rng(2))
    null = []
    for row in rows:
        moved = np.array([squareform(squareform(v)[np.ix_(row, row)], checks=False) for v in ref.rdm.values[0]])
        theirs = rsatoolbox.rdm.compare(toolbox(rdms.rdm.values), toolbox(moved), method=RSATOOLBOX[method])
        null.append(theirs.mean(axis=1))
    null = np.abs(null)
    observed = np.abs(got.estimate.values) - 1e-9
    np.testing.assert_allclose(got.p, (1 + (null >= observed).sum(axis=0)) / 51)
    np.testing.assert_allclose(got.p_corrected, (1 + (null.max(axis=1)[:, None] >= observed).sum(axis=0)) / 51)


def test_an_interval_over_participants_is_students():
    rdms, ref = people()
    got = rsa.compare(rdms, ref, resample="rdms", n_bootstraps=0)
    values = each("spearman", rdms, ref)
    expected = distributions.ttest_1samp(values, 0, axis=1)
    interval = expected.confidence_interval(0.95)
    np.testing.assert_allclose([got.ci_low, got.ci_high], [interval.low, interval.high], atol=1e-10)
    np.testing.assert_allclose(got.p, expected.pvalue, atol=1e-12)
    np.testing.assert_allclose(got.p_corrected, stats.holm(expected.pvalue), atol=1e-12)
    assert got.attrs["interval"] == "Student's t over participants, 95 %"
    assert got.attrs["test"] == "t"
    greater = rsa.compare(rdms, ref, resample="rdms", n_bootstraps=0, alternative="greater")
    np.testing.assert_allclose(greater.p, distributions.ttest_1samp(values, 0, axis=1, alternative="greater").pvalue)


def test_other_tests_across_participants():
    rdms, ref = people(participants=8)
    values = each("spearman", rdms, ref)
    got = rsa.compare(rdms, ref, resample="rdms", test="wilcoxon")
    np.testing.assert_allclose(got.p, [distributions.wilcoxon(row).pvalue for row in values])
    got = rsa.compare(rdms, ref, resample="rdms", test="signs")
    flipped = distributions.permutation_test(
        (values,), lambda x, axis: np.mean(x, axis=axis), permutation_type="samples", n_resamples=300, axis=1
    )
    np.testing.assert_allclose(got.p, flipped.pvalue)
    assert got.attrs["exact"] == "true"
    assert (got.p_corrected >= got.p).all()


def test_percentiles_of_participants_from_twenty_on():
    rdms, ref = people(participants=22, layers=1)
    got = rsa.compare(rdms, ref, resample="rdms", interval="percentile", n_bootstraps=400, rng=1)
    values = each("spearman", rdms, ref)
    share = np.random.default_rng(1).multinomial(22, np.full(22, 1 / 22), size=400) / 22
    np.testing.assert_allclose([got.ci_low, got.ci_high], np.percentile(values @ share.T, levels(22), axis=1))
    exact = rsa.compare(rdms, ref, resample="rdms", interval="bca", n_bootstraps=4_000)
    theirs = distributions.bootstrap((values[0],), np.mean, n_resamples=4_000, rng=np.random.default_rng(0))
    np.testing.assert_allclose(
        [exact.ci_low[0], exact.ci_high[0]],
        [theirs.confidence_interval.low, theirs.confidence_interval.high],
        atol=0.01,
    )
    with pytest.raises(ArgumentError, match="interval must be 't' with fewer than 20 participants"):
        rsa.compare(*people(), resample="rdms", interval="percentile")


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_both_factors_are_corrected_as_in_rsatoolbox(method):
    n, participants, draws = 12, 6, 60
    rdms, ref = people(n=n, participants=participants)
    got = rsa.compare(rdms, ref, method=method, resample="both", n_bootstraps=draws, rng=3)
    random = np.random.default_rng(3)
    counts = stats.bootstrap_counts(n, draws, rng=random)
    share = random.multinomial(participants, np.full(participants, 1 / participants), size=draws) / participants
    sampled = np.array([METHODS[method].resampled(rdms.rdm.values, one, counts) for one in ref.rdm.values[0]])
    whole = each(method, rdms, ref)
    three = [np.einsum("pld,dp->ld", sampled, share), whole @ share.T, sampled.mean(axis=0)]
    variances = np.array([np.cov(values) for values in three])
    corrected, _, _ = extract_variances(variances, nc_included=False, n_rdm=participants, n_pattern=n)
    # unlike there, degrees of freedom are Satterthwaite's
    both, alone, images = (np.diag(v) for v in variances)
    of_people, of_images = alone * participants / (participants - 1), images * n / (n - 1)
    twice = (both - alone - images) * participants * n / (participants - 1) / (n - 1)
    spread = of_people**2 / (participants - 1) + of_images**2 / (n - 1)
    spread += twice**2 / (participants - 1) / (n - 1)
    degrees = np.clip(corrected**2 / spread, participants - 1, participants + n - 2)
    half = distributions.t.ppf(0.975, degrees) * np.sqrt(corrected)
    np.testing.assert_allclose([got.ci_low, got.ci_high], [got.estimate - half, got.estimate + half], atol=1e-10)
    p = 2 * distributions.t.sf(np.abs(got.estimate / np.sqrt(corrected)), degrees)
    np.testing.assert_allclose(got.p, p, atol=1e-10)


def test_an_accelerated_interval_over_images_is_that_of_its_formula():
    rdms, ref = people(n=14, layers=1)
    ref = ref.isel(participant=0)
    got = rsa.compare(rdms, ref, interval="bca", n_permutations=0, n_bootstraps=500, rng=5)
    a, b = rdms.rdm.values, ref.rdm.values[0]
    counts = stats.bootstrap_counts(14, 500, rng=np.random.default_rng(5))
    draws = METHODS["spearman"].resampled(a, b, counts)[0]
    left = []
    for k in range(14):
        rest = [squareform(np.delete(np.delete(squareform(v), k, 0), k, 1), checks=False) for v in (a[0], b)]
        left.append(distributions.spearmanr(*rest).statistic)
    gap = np.mean(left) - np.array(left)
    bend = (gap**3).sum() / (6 * (gap**2).sum() ** 1.5)
    shift = distributions.norm.ppf((draws < got.estimate.values).mean())
    z = distributions.norm.ppf([0.025, 0.975])
    level = distributions.norm.cdf(shift + (shift + z) / (1 - bend * (shift + z)))
    np.testing.assert_allclose([got.ci_low[0], got.ci_high[0]], np.quantile(draws, level), atol=1e-10)


def test_an_accelerated_interval_leaves_out_whole_groups():
    rdms, ref = people(n=16, layers=1)
    ref = ref.isel(participant=0)
    group = pd.Series(np.repeat(np.arange(8), 2), index=names_of(16))
    options = {"interval": "bca", "n_permutations": 0, "n_bootstraps": 200, "rng": 1}
    got = rsa.compare(rdms, ref, blocks=group, permute="whole", **options)
    random = np.random.default_rng(1)
    counts = stats.bootstrap_counts(16, 200, rng=random, blocks=group.to_numpy(), permute="whole")
    left = 1 - np.repeat(np.eye(8, dtype=int), 2, axis=1)
    draws, jackknife = (METHODS["spearman"].resampled(rdms.rdm.values, ref.rdm.values[0], c) for c in (counts, left))
    expected = stats.bca(got.estimate.values, draws, jackknife)
    np.testing.assert_allclose([got.ci_low, got.ci_high], expected, atol=1e-12)


def left_out(rdms, ref, units, names, **options):
    """Similarities with each unit left out, by comparing RDMs of the images that remain."""
    rest = [names[~np.isin(names, unit)] for unit in units]
    parts = [(rdm.select(rdms, keep), rdm.select(ref, keep)) for keep in rest]
    return np.array([rsa.compare(*part, n_permutations=0, n_bootstraps=0, **options).estimate for part in parts])


@pytest.mark.parametrize("method", ["whitened_pearson", "whitened_cosine"])
@pytest.mark.parametrize("permute", [None, "whole", "within"])
def test_intervals_of_whitened_methods_are_those_of_the_jackknife(method, permute):
    n, names = 24, np.array([f"i{k:03}" for k in range(24)])
    vectors = squared_distances(n, 3, 1)
    rdms, ref = (dataset(v, names, metric="sqeuclidean") for v in (vectors[:2], vectors[2:]))
    groups = np.repeat(np.arange(4), 6)
    scheme = {} if permute is None else {"blocks": pd.Series(groups, index=names), "permute": permute}
    got = rsa.compare(rdms, ref, method=method, n_permutations=0, n_bootstraps=10, **scheme)
    units = [names[groups == group] for group in range(4)] if permute == "whole" else names[:, None]
    left = left_out(rdms, ref, units, names, method=method)
    strata = groups if permute == "within" else np.zeros(len(units), dtype=int)
    parts = [left[strata == stratum] for stratum in np.unique(strata)]
    bias = sum((len(part) - 1) * (part.mean(axis=0) - got.estimate.values) for part in parts)
    variance = sum((len(part) - 1) ** 2 / len(part) * part.var(axis=0, ddof=1) for part in parts)
    half = distributions.t.ppf(0.975, len(units) - len(parts)) * np.sqrt(variance)
    np.testing.assert_allclose(got.bias, bias, atol=1e-12)
    middle = got.estimate - bias
    np.testing.assert_allclose([got.ci_low, got.ci_high], [middle - half, middle + half], atol=1e-12)
    plain = rsa.compare(rdms, ref, method=method, n_permutations=0, n_bootstraps=0, **scheme)
    assert "bias" not in plain
    assert plain.ci_low.isnull().all()


def test_a_contrast_of_whitened_similarities_is_that_of_the_jackknife():
    n, names = 20, np.array([f"i{k:03}" for k in range(20)])
    vectors = squared_distances(n, 3, 2)
    rdms, ref = (dataset(v, names, metric="sqeuclidean") for v in (vectors[:2], vectors[2:]))
    got = rsa.contrast(rdms, ref, method="whitened_cosine")
    gaps = -np.diff(left_out(rdms, ref, names[:, None], names, method="whitened_cosine"), axis=1)[:, 0]
    estimate, error = got.estimate.item(), np.sqrt((n - 1) ** 2 / n * gaps.var(ddof=1))
    bias = (n - 1) * (gaps.mean() - estimate)
    assert got.bias.item() == pytest.approx(bias, abs=1e-12)
    assert got.p.item() == pytest.approx(2 * distributions.t.sf(abs(estimate - bias) / error, n - 1), abs=1e-10)
    assert got.ci_low.item() == pytest.approx(estimate - bias - distributions.t.ppf(0.975, n - 1) * error, abs=1e-10)
    assert got.attrs["interval"] == "jackknife, paired, 95 %"


def test_noise_bounds_have_intervals_over_images():
    rdms, ref = people(n=12)
    got = rsa.compare(rdms, ref, method="pearson", n_permutations=0, n_bootstraps=200)
    assert 0 < got.noise_lower < got.noise_upper <= 1
    assert got.noise_lower_ci_low < got.noise_lower < got.noise_lower_ci_high
    assert got.noise_upper_ci_low < got.noise_upper < got.noise_upper_ci_high
    plain = rsa.compare(rdms, ref, method="pearson", n_permutations=0, n_bootstraps=200, noise_interval=False)
    xr.testing.assert_identical(plain, got.drop_vars([name for name in got if "noise" in name and "ci" in name]))


@pytest.mark.parametrize(("n", "draws", "seed"), [(40, 5, 0), (200, 2, 1)])
@pytest.mark.parametrize("method", COMPARISONS)
def test_a_whole_bootstrap_with_noise_bounds_equals_rsatoolbox_for_the_same_draws(monkeypatch, method, n, draws, seed):
    # From 100 images on theirs divides sparse whole numbers in place, which NumPy refuses; the dense ones are the same.
    monkeypatch.setattr(import_module("rsatoolbox.rdm.compare"), "row_col_indicator_g_sparse", row_col_indicator_g)
    names, vectors = np.array([f"i{k:03}" for k in range(n)]), squared_distances(n, 6, seed)
    rdms, ref = (dataset(v, names, metric="sqeuclidean") for v in (vectors[:1], vectors[None, 1:]))
    np.random.seed(3)  # noqa: NPY002 -- rsatoolbox has no other source of draws
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs says that the average for tau is one of ranks
        theirs = eval_bootstrap_pattern(
            ModelFixed("layer", vectors[0]), toolbox(vectors[1:]), method=RSATOOLBOX[method], N=draws
        )
    random = np.random.RandomState(3)
    counts = np.stack([np.bincount(random.randint(0, n, size=n), minlength=n) for _ in range(draws)])
    monkeypatch.setattr(stats, "bootstrap_counts", lambda *given, **named: counts)
    options = {"method": method, "n_permutations": 0, "n_bootstraps": draws, "interval": "percentile"}
    got = rsa.compare(rdms, ref, **options)
    expected = {"": theirs.evaluations[:, 0], "noise_lower_": theirs.noise_ceiling[0]}
    expected["noise_upper_"] = theirs.noise_ceiling[1]
    for name, values in expected.items():
        found = [got[f"{name}{end}"].item() for end in ("ci_low", "ci_high")]
        np.testing.assert_allclose(found, np.percentile(values, levels(n)), atol=1e-10)


def halves(splits=3, n=30, seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    true = rng.normal(size=n)
    measured = true + noise * rng.normal(size=(splits, 2, n))
    scores = [[pd.Series(one, index=names_of(n)) for one in pair] for pair in measured]
    models = [xr.concat([rdm.from_scores(s, kind="nearest") for s in pair], "half") for pair in scores]
    return scores, xr.concat(models, "split")


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_halves_of_scores_bound_what_is_reached(method):
    scores, models = halves()
    rdms, ref = models.isel(split=0, half=0), rdm.from_scores(scores[0][0], kind="nearest")
    got = rsa.compare(rdms, ref, method=method, n_permutations=0, n_bootstraps=0, reliability=models)
    pairs = models.rdm.isel(layer=0).values
    measure = distributions.spearmanr if method == "spearman" else distributions.kendalltau
    r = np.mean([measure(*pair).statistic for pair in pairs])
    assert float(got.noise_upper) == pytest.approx(np.sqrt(2 * r / (1 + r)), abs=1e-10)
    assert "noise_lower" not in got
    assert "approximation" in got.attrs["noise"]
    turned = models.isel(half=[1, 0]).isel(image=slice(None))
    again = rsa.compare(rdms, ref, method=method, n_permutations=0, n_bootstraps=0, reliability=turned)
    assert float(again.noise_upper) == pytest.approx(float(got.noise_upper))
    assert "noise_upper_ci_low" not in got
    named = rsa.compare(rdms, ref, n_permutations=0, n_bootstraps=0, reliability={"split_half": 0.5})
    assert float(named.noise_upper) == pytest.approx(np.sqrt(2 / 3))
    named = rsa.compare(rdms, ref, n_permutations=0, n_bootstraps=0, reliability={"spearman_brown": 0.49})
    assert float(named.noise_upper) == pytest.approx(0.7)


def test_the_bound_from_halves_has_an_interval_over_images_and_splits():
    scores, models = halves()
    n, splits = models.sizes["image"], models.sizes["split"]
    rdms, ref = models.isel(split=0, half=0), rdm.from_scores(scores[0][0], kind="nearest")
    got = rsa.compare(rdms, ref, n_permutations=0, n_bootstraps=40, reliability=models, rng=6)
    random = np.random.default_rng(6)
    counts = stats.bootstrap_counts(n, 40, rng=random)
    share = random.multinomial(splits, np.full(splits, 1 / splits), size=40) / splits
    pairs = models.rdm.isel(layer=0).values
    again = np.array([METHODS["spearman"].resampled(one[:1], one[1], counts)[0] for one in pairs])
    r = (again * share.T).sum(axis=0)
    expected = np.percentile(np.sqrt(2 * r / (1 + r)), levels(n))
    np.testing.assert_allclose([got.noise_upper_ci_low, got.noise_upper_ci_high], expected, atol=1e-10)
    spared = rsa.compare(rdms, ref, n_permutations=0, n_bootstraps=40, reliability=models, rng=6, noise_interval=False)
    assert "noise_upper_ci_low" not in spared
    np.testing.assert_array_equal(spared.ci_low, got.ci_low)


def test_a_reliability_that_says_nothing_is_an_error():
    scores, models = halves()
    ref = rdm.from_scores(scores[0][0], kind="nearest")
    options = {"n_permutations": 0, "n_bootstraps": 0}
    with pytest.raises(ArgumentError, match="reliability must hold the RDMs of two halves"):
        rsa.compare(ref, ref, reliability=models.isel(half=[0]), **options)
    with pytest.raises(ArgumentError, match="reliability must hold one named number"):
        rsa.compare(ref, ref, reliability={"r": 0.5}, **options)
    with pytest.raises(KindError, match="reliability must be a named number or a Dataset of RDMs; got float"):
        rsa.compare(ref, ref, reliability=0.5, **options)
    opposite = models.isel(split=[0]).copy(deep=True)
    opposite["rdm"][:, 1] = -opposite.rdm[:, 0]
    with pytest.raises(ArgumentError, match="reliability must hold halves whose RDMs agree; got a mean of -1"):
        rsa.compare(ref, ref, reliability=opposite, **options)
    with pytest.raises(ArgumentError, match="reliability and rdms must hold the same images"):
        rsa.compare(ref, ref, reliability=rdm.select(models, names_of(20)), **options)
    with pytest.raises(ArgumentError, match="reliability must be left out with several participants"):
        rsa.compare(*people(), reliability={"split_half": 0.5}, **options)


def test_further_dims_of_the_reference_are_kept():
    rdms, ref = along_time()
    got = rsa.compare(rdms, ref, method="pearson", n_permutations=60, n_bootstraps=40)
    assert got.estimate.dims == ("layer", "time", "roi")
    assert got.by_participant.dims == ("layer", "time", "roi", "participant")
    assert got.noise_lower.dims == ("time", "roi")
    assert got.n.dims == ("layer",)
    for time in (0.0, 20.0):
        one = rsa.compare(rdms, ref.sel(time=time, roi="IT"), method="pearson", n_permutations=60, n_bootstraps=40)
        same = got.sel(time=time, roi="IT", drop=True)
        for name in ("estimate", "p", "ci_low", "ci_high", "noise_upper", "noise_upper_ci_low"):
            np.testing.assert_allclose(same[name], one[name], atol=1e-10)
    assert (got.p_corrected >= got.p).all()
    order = {"time": [2, 0, 1], "participant": [3, 1, 0, 5, 4, 2]}
    turned = rsa.compare(rdms, ref.isel(order), method="pearson", n_permutations=60, n_bootstraps=40)
    xr.testing.assert_allclose(turned.sel(time=got.time), got)


@pytest.mark.parametrize("resample", ["images", "rdms", "both"])
def test_participants_own_models_meet_their_own_references(resample):
    n, participants = 9, 6
    vectors = squared_distances(n, 2 * participants).reshape(2, 1, participants, -1)
    rdms, ref = dataset(vectors[0]), dataset(vectors[1])
    options = {"resample": resample, "n_permutations": 40, "n_bootstraps": 40, "method": "pearson"}
    got = rsa.compare(rdms, ref, **options)
    expected = [distributions.pearsonr(*pair).statistic for pair in zip(vectors[0, 0], vectors[1, 0], strict=True)]
    np.testing.assert_allclose(got.by_participant[0], expected, atol=1e-12)
    turned = rsa.compare(rdms.isel(participant=[3, 1, 0, 5, 4, 2]), ref, **options)
    xr.testing.assert_allclose(turned, got)
    one_sided = rsa.compare(rdms, ref.isel(participant=0, drop=True), **options)
    expected = [distributions.pearsonr(one, vectors[1, 0, 0]).statistic for one in vectors[0, 0]]
    np.testing.assert_allclose(one_sided.by_participant[0], expected, atol=1e-12)


def test_rearranging_layers_instead_of_many_references_changes_no_p():
    rdms, ref = along_time(times=2)
    ref = ref.sel(roi="V1", drop=True).isel(participant=0, drop=True)
    few = rsa.compare(rdms.isel(layer=[0]), ref, n_permutations=40_320, n_bootstraps=0)
    one = rsa.compare(rdms.isel(layer=[0]), ref.isel(time=0), n_permutations=40_320, n_bootstraps=0)
    np.testing.assert_allclose(few.p.isel(time=0), one.p)


def test_what_participants_cannot_give_is_an_error():
    rdms, ref = people()
    alone = ref.isel(participant=[0])
    with pytest.raises(ArgumentError, match="ref must have at least 2 participants for resample='rdms'; got 1"):
        rsa.compare(rdms, alone, resample="rdms")
    with pytest.raises(ArgumentError, match="for resample='both'; got no dim 'participant'"):
        rsa.compare(rdms, ref.isel(participant=0), resample="both")
    with pytest.raises(ArgumentError, match="resample must be one of 'images', 'rdms', 'both'; got 'stimuli'"):
        rsa.compare(rdms, ref, resample="stimuli")
    with pytest.raises(ArgumentError, match="interval must be one of 't' with resample='both'; got 'bca'"):
        rsa.compare(rdms, ref, resample="both", interval="bca")
    with pytest.raises(ArgumentError, match="test must be left out unless resample='rdms'; got 'signs'"):
        rsa.compare(rdms, ref, test="signs")
    with pytest.raises(ArgumentError, match="test must be one of 't', 'wilcoxon', 'signs'; got 'sign'"):
        rsa.compare(rdms, ref, resample="rdms", test="sign")
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'resampl'. Did you mean 'resample'"):
        rsa.compare(rdms, ref, resampl="rdms")
    same = ref.isel(participant=[0, 0]).assign_coords(participant=["x", "y"])
    with pytest.raises(ArgumentError, match="ref must differ between participants; got equal values"):
        rsa.compare(rdms, same, resample="rdms")
    with pytest.raises(ArgumentError, match="ref must name each participant once"):
        rsa.compare(rdms, ref.assign_coords(participant=["x"] * 5))
    own = dataset(squared_distances(10, 5)[None])
    with pytest.raises(ArgumentError, match="rdms and ref must hold the same participants; got only in one 2: 'p00'"):
        rsa.compare(own, ref.assign_coords(participant=["x", "p01", "p02", "p03", "p04"]))
    with pytest.raises(ArgumentError, match="rdms must have no dims but .*got dims .*'time'"):
        rsa.compare(rdms.expand_dims(time=2), ref)


def test_too_few_images_for_a_bootstrap_are_an_error_and_not_nan():
    rdms, ref = people(n=5)
    with pytest.raises(ArgumentError, match="n_bootstraps must leave something to compare in nearly every sample"):
        rsa.compare(rdms, ref.isel(participant=0), n_permutations=0)
    assert np.isfinite(rsa.compare(*people(n=8), n_permutations=0).ci_low).all()


def test_an_rdm_scores_the_same_alone_and_beside_others():
    rdms, ref = people(n=9, layers=3)
    options = {"n_permutations": 30, "n_bootstraps": 30}
    whole = rsa.compare(rdms, ref, **options)
    one = rsa.compare(rdms.isel(layer=[1]), ref, **options)
    for name in ("estimate", "p", "ci_low", "ci_high"):
        np.testing.assert_allclose(whole[name][1], one[name][0], atol=1e-12)


# --- missing pairs ---------------------------------------------------------------------------------------------------

PAIRED = ["spearman", "pearson", "cosine", "kendall", "rho-a"]


def lacking(rdms, *where, seed=0, share=0.2):
    """The same RDMs, of which some pairs are missing at one place."""
    out = rdms.copy(deep=True)
    vector = out.rdm.values[where]
    vector[np.random.default_rng(seed).random(vector.shape) < share] = np.nan
    return out


@pytest.mark.parametrize("resample", ["images", "rdms", "both"])
def test_an_rdm_scores_the_same_alone_and_beside_one_with_missing_pairs(resample):
    rdms, ref = people(n=12, layers=3)
    options = {"n_permutations": 30, "n_bootstraps": 30, "resample": resample}
    whole = rsa.compare(lacking(rdms, 0), ref, **options)
    one = rsa.compare(rdms.isel(layer=[1]), ref, **options)
    for name in ("estimate", "p", "ci_low", "ci_high", "by_participant"):
        np.testing.assert_allclose(whole[name][1], one[name][0], atol=1e-12)
    np.testing.assert_allclose(whole.noise_lower, one.noise_lower, atol=1e-12)
    assert whole.n_pairs[1] == 66 > whole.n_pairs[0]
    assert "n_pairs" not in one


@pytest.mark.parametrize("method", PAIRED)
def test_rdms_that_lack_different_pairs_leave_each_other_alone(method):
    rdms, ref = people(n=12, layers=2)
    rdms = lacking(lacking(rdms, 0), 1, seed=1)
    options = {"method": method, "n_permutations": 20, "n_bootstraps": 20}
    whole = rsa.compare(rdms, ref, **options)
    for k in range(2):
        one = rsa.compare(rdms.isel(layer=[k]), ref, **options)
        for name in ("estimate", "p", "ci_low", "ci_high", "by_participant", "n_pairs"):
            np.testing.assert_allclose(whole[name][k], one[name][0], atol=1e-12)


@pytest.mark.parametrize("method", PAIRED)
def test_missing_pairs_are_left_out_of_their_own_comparisons(method):
    rdms, ref = people(n=12, participants=3, layers=2)
    rdms, ref = lacking(rdms, 1), lacking(ref, 0, 2, seed=1)
    got = rsa.compare(rdms, ref, method=method, n_permutations=0, n_bootstraps=0)
    for k, layer in enumerate(rdms.rdm.values):
        for p, person in enumerate(ref.rdm.values[0]):
            there = np.isfinite(layer) & np.isfinite(person)
            pair = [vector[there][None] for vector in (layer, person)]
            expected = plainly(method, *pair)
            assert float(got.by_participant[k, p]) == pytest.approx(expected, abs=1e-10)
    fewest = [min(np.isfinite(layer + person).sum() for person in ref.rdm.values[0]) for layer in rdms.rdm.values]
    assert got.n_pairs.values.tolist() == fewest
    assert "noise_lower" not in got
    assert got.attrs["noise"] == "none: references lack pairs"


def plainly(method, one, other):
    """Without the code that is tested: from scipy, or the formula."""
    a, b = one[0], other[0]
    m = len(a)
    if method == "rho-a":
        ranks = [distributions.rankdata(v) - (m + 1) / 2 for v in (a, b)]
        return 12 * ranks[0] @ ranks[1] / (m**3 - m)
    if method == "kendall":
        signs = [np.sign(np.subtract.outer(v, v)) for v in (a, b)]
        return (signs[0] * signs[1]).sum() / (m * (m - 1))
    if method == "cosine":
        return a @ b / np.sqrt((a @ a) * (b @ b))
    return getattr(distributions, f"{method}r")(a, b).statistic


@pytest.mark.parametrize("method", PAIRED)
def test_pair_by_pair_is_the_same_where_nothing_is_missing(method):
    rdms, ref = people(n=9, layers=2, seed=1)
    kernel, vectors = COMPARISONS[method], np.concatenate([rdms.rdm.values, ref.rdm.values[0]])
    pairs = [(0, 2), (1, 3), (1, 4)]
    counts = stats.bootstrap_counts(9, 25, rng=np.random.default_rng(4))
    slow = gapped(kernel, kernel.pairwise).similar(vectors, pairs, counts)
    np.testing.assert_allclose(slow, kernel.similar(vectors, pairs, counts), atol=1e-10)


def test_missing_pairs_stay_with_their_rdm_when_images_are_rearranged():
    rdms, ref = people(n=7, layers=1)
    rdms, ref = lacking(rdms, 0), lacking(ref.isel(participant=[0]), 0, 0, seed=3)
    got = rsa.compare(rdms, ref, method="pearson", n_permutations=40, n_bootstraps=0, rng=2)
    rows, _ = stats.permutations(7, 40, rng=np.random.default_rng(2))
    layer, square = rdms.rdm.values[0], squareform(np.nan_to_num(ref.rdm.values[0, 0], nan=-1), checks=False)
    null = []
    for row in rows:
        moved = squareform(square[np.ix_(row, row)], checks=False)
        there = np.isfinite(layer) & (moved >= 0)
        null.append(distributions.pearsonr(layer[there], moved[there]).statistic)
    observed = abs(float(got.estimate[0])) - 1e-9
    assert float(got.p[0]) == pytest.approx((1 + (np.abs(null) >= observed).sum()) / 41)


def test_missing_pairs_that_are_needed_are_an_error():
    rdms, ref = people(n=8)
    with pytest.raises(ArgumentError, match="rdms must hold every pair of images for whitened .* layer 'l1'"):
        rsa.compare(lacking(rdms, 1), ref, method="whitened_cosine")
    with pytest.raises(ArgumentError, match="rdms and ref must share pairs of images that differ; got layer 'l0'"):
        rsa.compare(lacking(rdms, 0, share=1.1), ref)


def test_results_with_participants_can_be_saved(tmp_path):
    rdms, ref = along_time(participants=6)
    got = rsa.compare(rdms, ref, n_permutations=20, n_bootstraps=20)
    got.to_netcdf(tmp_path / "got.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "got.nc", engine="h5netcdf") as back:
        xr.testing.assert_equal(back.load(), got)
