"""Several RDMs at once: partial correlations, shares of variance, weighted models; magnitude; clusters of time."""

from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from geometry import along_time, dataset, levels, names_of, people, squared_distances
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear
from scipy.spatial.distance import pdist
from scipy.stats import false_discovery_control, kendalltau, pearsonr, rankdata, spearmanr, ttest_1samp
from scipy.stats import t as student_t
from sklearn.linear_model import LinearRegression

from memfeat import rdm, rsa, stats
from memfeat.errors import ArgumentError, KindError, UnknownNameError

# --- partial ---------------------------------------------------------------------------------------------------------


def partialled(a, b, controls, method):
    if method == "spearman":
        a, b, *controls = map(rankdata, (a, b, *controls))
    design = np.array(controls).T
    left = [v - LinearRegression().fit(design, v).predict(design) for v in (a, b)]
    return pearsonr(*left).statistic


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_a_partial_correlation_is_that_of_residuals(method):
    vectors = squared_distances(12, 6, seed=1)
    rdms, ref, one, other = (dataset(v) for v in (vectors[:2], vectors[2:3], vectors[3:5], vectors[5:]))
    got = rsa.partial(rdms, ref, [one, other], method=method, n_bootstraps=0)
    expected = [partialled(a, vectors[2], vectors[3:], method) for a in vectors[:2]]
    np.testing.assert_allclose(got.estimate, expected, atol=1e-10)
    plain = rsa.compare(rdms, ref, method=method, n_permutations=0, n_bootstraps=0)
    np.testing.assert_allclose(got.plain, plain.estimate, atol=1e-12)
    assert "p" not in got
    assert got.attrs["controls"] == ["l0", "l1", "l0"]


def test_an_interval_without_controls_is_that_of_samples_written_out():
    vectors = squared_distances(14, 3)
    rdms, ref, control = (dataset(v[None]) for v in vectors)
    got = rsa.partial(rdms, ref, control, method="pearson", n_bootstraps=60, rng=2)
    counts = stats.bootstrap_counts(14, 60, rng=np.random.default_rng(2))
    first, second = np.triu_indices(14, 1)
    draws = []
    for sample in counts:
        times = sample[first] * sample[second]
        a, b, c = (np.repeat(v, times) for v in vectors)
        draws.append(partialled(a, b, [c], "pearson"))
    np.testing.assert_allclose([got.ci_low[0], got.ci_high[0]], np.percentile(draws, levels(14)), atol=1e-9)


def test_partial_keeps_further_dims_and_averages_participants():
    rdms, ref = along_time()
    control = dataset(squared_distances(8, 1, seed=9))
    got = rsa.partial(rdms, ref, control, n_bootstraps=0)
    assert got.estimate.dims == ("layer", "time", "roi")
    cell = ref.isel(time=1, roi=0)
    each = [rsa.partial(rdms, cell.isel(participant=k), control, n_bootstraps=0).estimate for k in range(6)]
    np.testing.assert_allclose(got.estimate.isel(time=1, roi=0), np.mean(each, axis=0), atol=1e-12)
    assert got.by_participant.dims == ("layer", "time", "roi", "participant")
    np.testing.assert_allclose(got.by_participant.isel(time=1, roi=0), np.transpose(each), atol=1e-12)
    assert rsa.cluster(got, n_permutations=20).p_cluster.dims == ("layer", "roi", "time")


def people_and_controls(n=10, participants=6):
    """Layers, participants' references and two controls, with their vectors."""
    vectors = squared_distances(n, 4 + participants, seed=3)
    sides = dataset(vectors[:2]), dataset(vectors[None, 4:]), dataset(vectors[2:4])
    return sides, (vectors[:2], vectors[4:], vectors[2:4])


def test_partial_over_participants_is_a_t_test_of_each_ones_value():
    (rdms, ref, controls), (layers, references, taken) = people_and_controls()
    got = rsa.partial(rdms, ref, controls, method="pearson", resample="rdms", rng=0)
    each = np.array([[partialled(a, b, taken, "pearson") for b in references] for a in layers])
    np.testing.assert_allclose(got.by_participant, each, atol=1e-10)
    test = ttest_1samp(each, 0, axis=1)
    np.testing.assert_allclose(got.p, test.pvalue, rtol=1e-8)
    np.testing.assert_allclose(got.p_fdr, false_discovery_control(test.pvalue), rtol=1e-8)
    order = np.argsort(test.pvalue)
    step = np.minimum(np.maximum.accumulate(test.pvalue[order] * [2, 1]), 1)
    np.testing.assert_allclose(got.p_corrected[order], step, rtol=1e-8)
    limits = test.confidence_interval(0.95)
    np.testing.assert_allclose([got.ci_low, got.ci_high], [limits.low, limits.high], atol=1e-10)
    assert (got.attrs["resample"], got.attrs["interval"]) == ("rdms", "Student's t over participants, 95 %")
    assert "mean partial correlation over the population of participants is 0" in got.attrs["null"]
    assert (got.attrs["test"], got.attrs["n_participants"], got.attrs["n_bootstraps"]) == ("t", 6, 0)
    images = rsa.partial(rdms, ref, controls, method="pearson", n_bootstraps=20)
    assert images.attrs["resample"] == "images"
    assert "p" not in images
    assert "null" not in images.attrs
    np.testing.assert_allclose(images.estimate, got.estimate)


def test_participants_own_models_meet_their_own_references_in_partial():
    vectors = squared_distances(9, 9, seed=5)
    own, references = vectors[:4], vectors[4:8]
    controls = dataset(vectors[8:])
    ref = dataset(references[None])
    got = rsa.partial(dataset(own[None]), ref.isel(participant=[2, 0, 3, 1]), controls, n_bootstraps=30, rng=2)
    each = [partialled(a, b, vectors[8:], "spearman") for a, b in zip(own, references, strict=True)]
    np.testing.assert_allclose(got.by_participant[0], each, atol=1e-10)
    plain = [spearmanr(a, b).statistic for a, b in zip(own, references, strict=True)]
    np.testing.assert_allclose(got.plain, [np.mean(plain)])
    counts = stats.bootstrap_counts(9, 30, rng=np.random.default_rng(2))
    first, second = np.triu_indices(9, 1)
    draws = []
    for sample in counts:
        times = sample[first] * sample[second]
        a, b, c = (np.repeat(v, times, axis=1) for v in (own, references, vectors[8:]))
        draws.append(np.mean([partialled(*pair, c, "spearman") for pair in zip(a, b, strict=True)]))
    np.testing.assert_allclose([got.ci_low[0], got.ci_high[0]], np.percentile(draws, levels(9)), atol=1e-9)
    alone = rsa.partial(dataset(own[None]), dataset(references[:1]), controls, n_bootstraps=0)
    each = [partialled(a, references[0], vectors[8:], "spearman") for a in own]
    np.testing.assert_allclose(alone.by_participant[0], each, atol=1e-10)


def test_participants_keep_further_dims_and_are_blind_to_order():
    rdms, ref = along_time()
    models, control = dataset(squared_distances(8, 2, seed=7)), dataset(squared_distances(8, 1, seed=9))
    before = ref.copy(deep=True)
    turned = ref.isel(participant=slice(None, None, -1))
    for analysis in (
        lambda one: rsa.partial(rdms, one, control, resample="rdms"),
        lambda one: rsa.partition(models, one, resample="rdms"),
    ):
        got = analysis(ref)
        assert got.by_participant.dims[1:] == ("time", "roi", "participant")
        assert got.estimate.dims == got.ci_low.dims == got.by_participant.dims[:-1]
        xr.testing.assert_allclose(analysis(turned), got)
        one = analysis(ref.isel(time=1, roi=0))
        np.testing.assert_allclose(one.ci_low, got.ci_low.isel(time=1, roi=0))
    xr.testing.assert_identical(ref, before)


def test_participants_need_company_and_no_groups_of_images():
    (rdms, ref, controls), _ = people_and_controls()
    blocks = pd.Series(np.repeat([0, 1], 5), index=names_of(10))
    for analysis in (
        lambda one, **options: rsa.partial(rdms, one, controls, **options),
        lambda one, **options: rsa.partition(rdms, one, **options),
    ):
        with pytest.raises(
            ArgumentError, match=r"at least 2 participants for resample='rdms'; got no dim 'participant'"
        ):
            analysis(ref.isel(participant=0), resample="rdms")
        with pytest.raises(ArgumentError, match=r"for resample='rdms'; got 1 participants. Use resample='images'"):
            analysis(ref.isel(participant=[0]), resample="rdms")
        with pytest.raises(ArgumentError, match="resample must be one of 'images', 'rdms'; got 'both'"):
            analysis(ref, resample="both")
        with pytest.raises(ArgumentError, match="blocks must be left out with resample='rdms'; got it. It says how"):
            analysis(ref, resample="rdms", blocks=blocks)
        with pytest.raises(ArgumentError, match="permute must be left out with resample='rdms'; got it"):
            analysis(ref, resample="rdms", permute="whole")
    same = ref.isel(participant=[0, 0, 0]).assign_coords(participant=["a", "b", "c"])
    with pytest.raises(ArgumentError, match="ref must differ between participants; got equal values"):
        rsa.partial(rdms, same, controls, resample="rdms")


def test_controls_that_take_everything_are_errors():
    vectors = squared_distances(9, 3)
    rdms, ref, control = (dataset(v[None]) for v in vectors)
    with pytest.raises(ArgumentError, match="controls must leave something of layers and reference"):
        rsa.partial(rdms, ref, rdms)
    with pytest.raises(ArgumentError, match="controls must differ from each other"):
        rsa.partial(rdms, ref, [control, control])
    with pytest.raises(KindError, match="controls must be RDMs or a list of them; got str"):
        rsa.partial(rdms, ref, "category")
    with pytest.raises(KindError, match=r"controls\[1\] must be a Dataset of RDMs"):
        rsa.partial(rdms, ref, [control, control.rdm])
    with pytest.raises(ArgumentError, match=r"controls\[0\] and rdms must hold the same images"):
        rsa.partial(rdms, ref, rdm.select(control, names_of(8)))
    with pytest.raises(ArgumentError, match="method must be one of 'spearman', 'pearson'; got 'cosine'"):
        rsa.partial(rdms, ref, control, method="cosine")
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'n'"):
        rsa.partial(rdms, ref, control, n=3)
    flat = control.copy(deep=True)
    flat["rdm"][:] = 1.0
    with pytest.raises(ArgumentError, match="RDMs must differ between pairs of images"):
        rsa.partial(rdms, ref, flat)


# --- covariates of images --------------------------------------------------------------------------------------------


def confounded(n=20, seed=0, p=5):
    """A layer of two, scores and a covariate that drives them."""
    random = np.random.default_rng(seed)
    names, luminance = names_of(n), random.normal(size=n)
    layers = {
        name: xr.DataArray(
            random.normal(size=(n, p)) + np.outer(luminance, random.normal(size=p)), dims=["image", f"{name}:unit"]
        )
        for name in ("low", "high")
    }
    scores, size = (pd.Series(luminance + random.normal(size=n), index=names, name=k) for k in ("score", "size"))
    features = xr.Dataset(layers, coords={"image": names})
    return features, scores, [pd.Series(luminance, index=names, name="luminance"), size]


SHAPES = {"rdm": partial(rdm.compute, metric="euclidean"), "model": partial(rdm.from_scores, kind="nearest")}


def residuals(values, columns):
    design = np.column_stack([np.ones(len(values)), *columns])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_covariates_are_regressed_out_of_features_and_scores_and_residuals_permuted(method):
    features, scores, columns = confounded()
    got = rsa.adjusted(features, scores, columns, **SHAPES, method=method, n_permutations=30, rng=4)
    rows, _ = stats.permutations(20, 30, rng=np.random.default_rng(4))
    values = [column.to_numpy() for column in columns]
    measure = {"spearman": spearmanr, "kendall": kendalltau}[method]
    layers = [pdist(residuals(features[name].values, values)) for name in ("low", "high")]
    left = residuals(scores.to_numpy(), values)

    def against(residual):
        return [measure(layer, pdist(residual[:, None])).statistic for layer in layers]

    observed = np.array(against(left))
    null = np.abs([against(residuals(left[row], values)) for row in rows])
    np.testing.assert_allclose(got.estimate, observed, atol=1e-10)
    beyond = null >= np.abs(observed) - 1e-9
    np.testing.assert_allclose(got.p, (1 + beyond.sum(axis=0)) / 31)
    largest = null.max(axis=1)[:, None] >= np.abs(observed) - 1e-9
    np.testing.assert_allclose(got.p_corrected, (1 + largest.sum(axis=0)) / 31)
    assert got.layer.values.tolist() == ["low", "high"]
    assert got.attrs["covariates"] == ["luminance", "size"]
    assert "Freedman-Lane" in got.attrs["null"]


def test_adjusted_is_blind_to_order_and_blocks_and_reads_lazy_features(monkeypatch):
    features, scores, columns = confounded()
    before = features.copy(deep=True)
    options = SHAPES | {"n_permutations": 25, "rng": 1}
    got = rsa.adjusted(features, scores, columns, **options)
    xr.testing.assert_identical(features, before)
    turned = rsa.adjusted(
        features.isel(image=slice(None, None, -1)).chunk({"image": 7}), scores.sample(frac=1, random_state=0), columns,
        **options,
    )  # fmt: skip
    xr.testing.assert_allclose(turned, got)
    monkeypatch.setattr("memfeat.rsa.covariates.BLOCK_BYTES", 8 * 190 * 4)
    xr.testing.assert_allclose(rsa.adjusted(features, scores, columns, **options), got)


def test_what_the_covariate_explains_is_gone():
    """Scores that are the covariate and noise agree with features that hold it; beyond it they do not."""
    features, scores, columns = confounded(n=60, seed=2)
    plain = rsa.compare(SHAPES["rdm"](features), SHAPES["model"](scores), n_permutations=199, n_bootstraps=0)
    assert (plain.p < 0.05).all()
    assert (rsa.adjusted(features, scores, columns[0], **SHAPES, n_permutations=199).p > 0.05).all()


def test_few_images_are_enumerated():
    features, scores, columns = confounded(n=6)
    got = rsa.adjusted(features, scores, columns[0], **SHAPES, n_permutations=720)
    assert got.attrs["exact"] == "true"
    np.testing.assert_allclose(got.p * 720, (got.p * 720).round())


def test_what_cannot_be_adjusted_is_an_error():
    features, scores, columns = confounded(n=8)
    options = SHAPES | {"n_permutations": 9}
    with pytest.raises(ArgumentError, match=r"covariates must vary, and differ .*; got one that is constant"):
        rsa.adjusted(features, scores, columns[0] * 0, **options)
    with pytest.raises(ArgumentError, match="covariates must vary, and differ from each other"):
        rsa.adjusted(features, scores, [columns[0], columns[0] * 2 + 1], **options)
    with pytest.raises(ArgumentError, match="covariates must leave something of the scores"):
        rsa.adjusted(features, columns[0] * 3 - 1, columns[0], **options)
    with pytest.raises(ArgumentError, match="covariates must hold at least one column; got none. Or use mf.rsa.comp"):
        rsa.adjusted(features, scores, [], **options)
    with pytest.raises(ArgumentError, match=r"covariates\[1\] and features must hold the same images"):
        rsa.adjusted(features, scores, [columns[0], columns[1].iloc[1:]], **options)
    with pytest.raises(ArgumentError, match="rdm.* must hold squared Euclidean"):
        rsa.adjusted(features, scores, columns, **options, method="whitened_cosine")
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'metric'"):
        rsa.adjusted(features, scores, columns, **options, metric="cosine")
    with pytest.raises(KindError, match="model must give a Dataset of RDMs; got DataArray. Use mf.rdm.from_scores"):
        rsa.adjusted(features, scores, columns, **options | {"model": lambda one: SHAPES["model"](one).rdm})
    alone = {"model": lambda one: SHAPES["model"](one.isel(permutation=0) if "permutation" in one.dims else one)}
    with pytest.raises(ArgumentError, match="model must give RDMs of sizes .*'permutation': 9.* further dims"):
        rsa.adjusted(features, scores, columns, **options | alone)


# --- shares of variance ----------------------------------------------------------------------------------------------


def r_squared(models, target):
    return LinearRegression().fit(models.T, target).score(models.T, target)


def test_shares_of_two_models_by_hand():
    vectors = squared_distances(10, 3)
    got = rsa.partition(dataset(vectors[:2]), dataset(vectors[2:]), interval=False)
    whole, one, other = (r_squared(v, vectors[2]) for v in (vectors[:2], vectors[:1], vectors[1:2]))
    assert got.subset.values.tolist() == ["l0", "l1", "l0 & l1"]
    np.testing.assert_allclose(got.estimate, [whole - other, whole - one, one + other - whole], atol=1e-12)
    np.testing.assert_allclose(got.r2, [one, other, whole], atol=1e-12)
    assert got["size"].values.tolist() == [1, 1, 2]


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 4), st.integers(0, 1_000), st.sampled_from(["pearson", "spearman"]))
def test_shares_sum_to_what_all_explain(n_models, seed, method):
    vectors = squared_distances(9, n_models + 1, seed)
    got = rsa.partition(dataset(vectors[:-1]), dataset(vectors[-1:]), method=method, interval=False)
    assert got.sizes["subset"] == 2**n_models - 1
    assert float(got.estimate.sum()) == pytest.approx(float(got.r2[-1]), abs=1e-10)
    if method == "spearman":
        vectors = np.apply_along_axis(rankdata, 1, vectors)
    expected = [
        r_squared(vectors[list(s)], vectors[-1])
        for k in range(1, n_models + 1)
        for s in combinations(range(n_models), k)
    ]
    np.testing.assert_allclose(got.r2, expected, atol=1e-9)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_shares_of_participants_are_averaged(method):
    vectors = squared_distances(11, 7, seed=4)
    models, ref = dataset(vectors[:2]), dataset(vectors[None, 2:])
    got = rsa.partition(models, ref, method=method, interval=False)
    assert got.ci_low.isnull().all()
    ranked = vectors if method == "pearson" else np.apply_along_axis(rankdata, 1, vectors)
    each = []
    for target in ranked[2:]:
        whole, one, other = (r_squared(v, target) for v in (ranked[:2], ranked[:1], ranked[1:2]))
        each.append([whole - other, whole - one, one + other - whole])
    np.testing.assert_allclose(got.by_participant.T, each, atol=1e-10)
    np.testing.assert_allclose(got.estimate, np.mean(each, axis=0), atol=1e-10)
    assert float(got.r2[-1]) == pytest.approx(float(got.estimate.sum()))
    over = rsa.partition(models, ref, method=method, resample="rdms")
    limits = ttest_1samp(each, 0, axis=0).confidence_interval(0.95)
    np.testing.assert_allclose([over.ci_low, over.ci_high], [limits.low, limits.high], atol=1e-10)
    assert {"r2_ci_low", "r2_ci_high", "size", "n"} <= set(over)
    assert "p" not in over
    assert (over.attrs["resample"], over.attrs["n_participants"]) == ("rdms", 5)
    drawn = rsa.partition(models, ref, method=method)
    first, second = np.triu_indices(11, 1)
    left = []
    for k in range(11):
        again = vectors[:, (first != k) & (second != k)]
        again = again if method == "pearson" else np.apply_along_axis(rankdata, 1, again)
        left.append(np.mean([r_squared(again[:2], target) for target in again[2:]]))
    np.testing.assert_allclose(
        [drawn.r2_ci_low[2], drawn.r2_ci_high[2]], left_out_limits(float(drawn.r2[2]), [np.array(left)]), atol=1e-9
    )
    assert "degrees of freedom after Satterthwaite" in drawn.attrs["interval"]


def left_out_limits(estimate, strata):
    """Limits from values with one unit of each stratum left out, written out."""
    squares = [(len(one) - 1) / len(one) * (one - one.mean()) ** 2 for one in strata]
    variance = sum(one.sum() for one in squares)
    degrees = 2 * variance**2 / sum(len(one) * one.var() for one in squares)
    degrees = min(degrees, sum(len(one) - 1 for one in strata))
    half = student_t.ppf(0.975, max(1, degrees)) * np.sqrt(variance)
    return estimate - half, estimate + half


def test_a_suppressor_has_a_negative_share_and_shares_have_intervals():
    rng = np.random.default_rng(0)
    n = 16
    signal, noise = squared_distances(n, 2, seed=2)
    noise = rng.permutation(noise)
    models = dataset(np.array([signal + noise, noise]))
    got = rsa.partition(models, dataset(signal[None]))
    assert got.estimate.sel(subset="l0 & l1") < 0
    assert (got.ci_low <= got.ci_high).all()
    assert (got.r2_ci_low.sel(subset="l0 & l1") > 0.9).all()  # noise taken out leaves the signal
    four = dataset(squared_distances(n, 5))
    with pytest.raises(ArgumentError, match="models must hold 2 to 4 RDMs; got 5"):
        rsa.partition(four, dataset(signal[None]))
    with pytest.raises(ArgumentError, match="models must hold 2 to 4 RDMs; got 1"):
        rsa.partition(four.isel(layer=[0]), dataset(signal[None]))
    with pytest.raises(ArgumentError, match="models must differ from each other"):
        rsa.partition(dataset(np.array([signal, 2 * signal + 1])), dataset(noise[None]))


# --- weighted models -------------------------------------------------------------------------------------------------


def test_weights_are_those_of_the_images_outside_and_judged_inside():
    vectors = squared_distances(20, 4)
    models, ref = dataset(vectors[:3]), dataset(vectors[3:])
    got = rsa.weighted(models, ref, interval=False, folds=4, rng=3)
    assert "ci_low" not in got
    assert got.model.values.tolist() == ["weighted", "l0", "l1", "l2"]
    assert got.weight.dims == ("held_out", "layer")
    first, second = np.triu_indices(20, 1)
    for k in range(4):
        inside = got.fold.values == k
        assert inside.sum() == 5
        train, test = ~inside[first] & ~inside[second], inside[first] & inside[second]
        a = vectors[:3, train] - vectors[:3, train].mean(axis=1, keepdims=True)
        b = vectors[3, train] - vectors[3, train].mean()
        expected = lsq_linear(a.T, b, bounds=(0, np.inf), tol=1e-14).x
        np.testing.assert_allclose(got.weight[k], expected, atol=1e-6)
        values = [pearsonr(v, vectors[3, test]).statistic for v in (expected @ vectors[:3, test], *vectors[:3, test])]
        np.testing.assert_allclose(got.by_fold[:, k], values, atol=1e-6)
    np.testing.assert_allclose(got.estimate, got.by_fold.mean("held_out"))
    np.testing.assert_allclose(got.gain, got.estimate[0] - got.estimate, atol=1e-12)


@pytest.mark.parametrize("method", ["spearman", "cosine", "kendall"])
def test_weighted_models_are_blind_to_order_and_have_intervals(method):
    vectors = squared_distances(24, 3)
    models, ref = dataset(vectors[:2]), dataset(vectors[2:])
    options = {"method": method, "folds": 3, "rng": 1}
    got = rsa.weighted(models, ref, **options)
    assert (got.ci_low <= got.ci_high).all()
    assert float(got.gain_ci_low[0]) == 0
    turned = rdm.select(models, names_of(24)[::-1])
    xr.testing.assert_allclose(rsa.weighted(turned, ref, **options), got)


def test_groups_are_held_out_as_a_whole():
    vectors = squared_distances(24, 3)
    group = pd.Series(np.repeat(np.arange(12), 2), index=names_of(24))
    sides, options = (dataset(vectors[:2]), dataset(vectors[2:])), {"folds": 2, "blocks": group}
    got = rsa.weighted(*sides, **options, permute="whole")
    assert got.attrs["permute"] == "whole"
    fold = got.fold.values.reshape(12, 2)
    assert (fold[:, 0] == fold[:, 1]).all()
    with pytest.raises(
        ArgumentError, match="permute must be 'whole' when blocks are given; got None. Images of a group"
    ):
        rsa.weighted(*sides, **options)
    for scheme in ("within", "free"):
        with pytest.raises(ArgumentError, match=f"permute must be 'whole' when blocks are given; got '{scheme}'"):
            rsa.weighted(*sides, **options, permute=scheme)
    with pytest.raises(ArgumentError, match="blocks must be given when permute='whole'; got None. Or leave it out"):
        rsa.weighted(*sides, folds=2, permute="whole")
    with pytest.raises(ArgumentError, match="permute must be one of 'free', 'whole'; got 'within'"):
        rsa.weighted(*sides, folds=2, permute="within")
    plain = rsa.weighted(*sides, folds=2)
    xr.testing.assert_identical(rsa.weighted(*sides, folds=2, permute="free"), plain)


def whitening(n):
    """M with MᵀM = V⁻¹, V = (C Cᵀ)² the covariance of squared distances, written out."""
    first, second = np.triu_indices(n, 1)
    contrasts = np.eye(n)[first] - np.eye(n)[second]
    return np.linalg.cholesky(np.linalg.inv((contrasts @ contrasts.T) ** 2)).T


@pytest.mark.parametrize("method", ["whitened_pearson", "whitened_cosine"])
@pytest.mark.parametrize("participants", [1, 3])
def test_weights_of_whitened_methods_are_those_of_generalised_least_squares(method, participants):
    vectors = squared_distances(20, 3 + participants, seed=8)
    models = dataset(vectors[:3], metric="sqeuclidean")
    ref = dataset(vectors[3:] if participants == 1 else vectors[None, 3:], metric="sqeuclidean")
    got = rsa.weighted(models, ref, method=method, interval=False, folds=2, rng=3)
    first, second = np.triu_indices(20, 1)
    root = whitening(10)
    for k in range(2):
        inside = got.fold.values == k
        train, test = ~inside[first] & ~inside[second], inside[first] & inside[second]
        learnt, held = vectors[:, train], vectors[:, test]
        if method == "whitened_pearson":
            learnt = learnt - learnt.mean(axis=1, keepdims=True)
        learnt = learnt @ root.T
        lengths = np.linalg.norm(learnt[3:], axis=1)
        target = (learnt[3:] / lengths[:, None]).mean(axis=0) * lengths.mean()
        expected = lsq_linear(learnt[:3].T, target, bounds=(0, np.inf), tol=1e-14).x
        np.testing.assert_allclose(got.weight[k], expected, atol=1e-6)
        held = np.concatenate([(expected @ held[:3])[None], held])
        if method == "whitened_pearson":
            held = held - held.mean(axis=1, keepdims=True)
        held = held @ root.T
        values = [np.mean([alike(a, b, "cosine") for b in held[4:]]) for a in held[:4]]
        np.testing.assert_allclose(got.by_fold[:, k], values, atol=1e-6)
    plain = rsa.weighted(models, ref, method=method.removeprefix("whitened_"), interval=False, folds=2, rng=3)
    assert np.abs(got.weight - plain.weight).max() > 1e-3


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 500), st.sampled_from(["pearson", "cosine", "whitened_pearson", "whitened_cosine"]))
def test_a_sum_of_models_is_found_again(seed, method):
    vectors = squared_distances(16, 3, seed=2 * seed)
    models = dataset(vectors, metric="sqeuclidean")
    ref = dataset(np.array([[0.5, 0.0, 2.0]]) @ vectors, metric="sqeuclidean")
    got = rsa.weighted(models, ref, method=method, interval=False, folds=2, rng=seed)
    np.testing.assert_allclose(got.weight, [[0.5, 0.0, 2.0]] * 2, atol=1e-8)
    np.testing.assert_allclose(got.by_fold[0], 1)


@pytest.mark.parametrize("method", ["pearson", "cosine"])
def test_weights_of_participants_are_fitted_on_their_scaled_average_and_judged_on_each(method):
    vectors = squared_distances(27, 6, seed=2)
    vectors[3] *= 40  # a participant on another scale weighs no more
    models, ref = dataset(vectors[:2]), dataset(vectors[None, 2:])
    got = rsa.weighted(models, ref, method=method, folds=3, rng=3)
    first, second = np.triu_indices(27, 1)
    each, left = [], [[], [], []]
    for k in range(3):
        inside = got.fold.values == k
        train, test = ~inside[first] & ~inside[second], inside[first] & inside[second]
        sides = vectors[:, train]
        if method == "pearson":
            sides = sides - sides.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(sides[2:], axis=1)
        target = np.mean([side / length for side, length in zip(sides[2:], lengths, strict=True)], axis=0)
        expected = lsq_linear(sides[:2].T, target * lengths.mean(), bounds=(0, np.inf), tol=1e-14).x
        np.testing.assert_allclose(got.weight[k], expected, rtol=1e-5)
        predicted = np.array([expected @ vectors[:2, test], *vectors[:2, test]])
        each.append([[alike(a, b, method) for b in vectors[2:, test]] for a in predicted])
        one, other = np.triu_indices(9, 1)
        for i in range(9):
            stay = (one != i) & (other != i)
            a, b = predicted[:, stay], vectors[2:, test][:, stay]
            left[k].append([np.mean([alike(x, y, method) for y in b]) / 3 for x in a])
    each = np.mean(each, axis=0)
    np.testing.assert_allclose(got.by_participant, each, atol=1e-6)
    np.testing.assert_allclose(got.estimate, each.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(got.by_fold.mean("held_out"), got.estimate)
    folds = [np.array(one).T for one in left]
    for m, estimate in enumerate(got.estimate.values):
        limits = left_out_limits(estimate, [one[m] for one in folds])
        np.testing.assert_allclose([got.ci_low[m], got.ci_high[m]], limits, atol=1e-6)
        limits = left_out_limits(float(got.gain[m]), [one[0] - one[m] for one in folds]) if m else (0, 0)
        np.testing.assert_allclose([got.gain_ci_low[m], got.gain_ci_high[m]], limits, atol=1e-6)
    over = rsa.weighted(models, ref, method=method, folds=3, resample="rdms", rng=3)
    limits = ttest_1samp(each, 0, axis=1).confidence_interval(0.95)
    np.testing.assert_allclose([over.ci_low, over.ci_high], [limits.low, limits.high], atol=1e-6)
    limits = ttest_1samp(each[0] - each[1:], 0, axis=1).confidence_interval(0.95)
    np.testing.assert_allclose([over.gain_ci_low[1:], over.gain_ci_high[1:]], [limits.low, limits.high], atol=1e-6)
    assert (over.attrs["resample"], over.attrs["n_participants"]) == ("rdms", 4)
    assert over.attrs["interval"] == "Student's t over participants, weights held fixed, 95 %"
    turned = rsa.weighted(models, ref.isel(participant=[3, 1, 0, 2]), method=method, folds=3, resample="rdms", rng=3)
    xr.testing.assert_allclose(turned, over)


def alike(a, b, method):
    return pearsonr(a, b).statistic if method == "pearson" else a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_weights_want_one_reference_of_participants_who_have_company():
    rdms, ref = along_time()
    with pytest.raises(ArgumentError, match="ref must have no further dim but 'participant'; got dims 'time', 'roi'"):
        rsa.weighted(rdms, ref, folds=2)
    one = ref.isel(time=0, roi=0)
    with pytest.raises(ArgumentError, match="ref must have at least 2 participants for resample='rdms'; got 1"):
        rsa.weighted(dataset(squared_distances(8, 2)), one.isel(participant=[0]), folds=2, resample="rdms")
    flat = one.copy(deep=True)
    flat["rdm"][2] = 1.0
    with pytest.raises(ArgumentError, match="models and ref must vary inside and outside every fold"):
        rsa.weighted(dataset(squared_distances(8, 2)), flat, folds=2)
    flat["rdm"][2] = np.nan
    with pytest.raises(ArgumentError, match="ref must be finite for every pair of images"):
        rsa.weighted(dataset(squared_distances(8, 2)), flat, folds=2)


def test_a_prediction_without_weights_agrees_with_nothing():
    vectors = squared_distances(16, 1)
    opposite = dataset(vectors.max() - vectors)
    got = rsa.weighted(opposite, dataset(vectors), folds=2)
    assert got.weight.values.tolist() == [[0.0], [0.0]]
    np.testing.assert_allclose(got.estimate, [0, -1])
    with pytest.raises(ArgumentError, match="folds must leave at least 4 images in every fold; got a fold of 3"):
        rsa.weighted(opposite, dataset(vectors))
    with pytest.raises(ArgumentError, match="models and ref must vary inside and outside every fold"):
        rsa.weighted(dataset(np.ones_like(vectors)), dataset(vectors), folds=2)
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'fold'. Did you mean 'folds'"):
        rsa.weighted(opposite, dataset(vectors), fold=2)


# --- magnitude -------------------------------------------------------------------------------------------------------


def features_of(n=7, p=5, seed=0):
    rng = np.random.default_rng(seed)
    image = {"image": names_of(n)}
    layers = {
        name: xr.DataArray(rng.normal(size=(n, p)), dims=["image", f"{name}:unit"], coords=image) for name in ("a", "b")
    }
    return xr.Dataset(layers)


def test_distances_are_split_into_magnitude_and_angle():
    features = features_of()
    got = rsa.split(features)
    np.testing.assert_allclose(got.rdm.sel(part="total"), rdm.compute(features, metric="sqeuclidean").rdm, atol=1e-12)
    lengths = np.linalg.norm(features["b"].values, axis=1)
    np.testing.assert_allclose(got.magnitude.sel(layer="b"), lengths, atol=1e-12)
    first, second = got["first"].values, got["second"].values
    np.testing.assert_allclose(got.rdm.sel(part="magnitude", layer="b"), (lengths[first] - lengths[second]) ** 2)
    cosine = rdm.compute(features, metric="cosine").rdm.sel(layer="b")
    np.testing.assert_allclose(got.rdm.sel(part="angle", layer="b"), 2 * lengths[first] * lengths[second] * cosine)
    model = rdm.from_scores(pd.Series(lengths, index=names_of(7)), kind="nearest")
    same = rsa.compare(got.sel(part="magnitude"), model, n_permutations=9, n_bootstraps=0)
    assert same.estimate.sel(layer="b") == pytest.approx(1)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.1, 10), st.integers(0, 100))
def test_turning_features_changes_no_part_and_scaling_images_changes_no_angle_between_them(scale, seed):
    features = features_of(seed=seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    turned = features[["a"]].copy(data={"a": features["a"].values @ turn * scale})
    np.testing.assert_allclose(rsa.split(turned).rdm[:, 0], scale**2 * rsa.split(features).rdm[:, 0], atol=1e-9)


def test_framed_features_keep_magnitude_and_mean_activation():
    features = features_of()
    framed = rsa.frame(features)
    assert framed.image.values.tolist() == [*names_of(7), "(zero)", "(constant)"]
    rdms = rdm.compute(framed, metric="sqeuclidean")
    got = rsa.unframe(rdms)
    for name in ("a", "b"):
        values = features[name].values
        np.testing.assert_allclose(got.mean_activation.sel(layer=name), values.mean(axis=1), atol=1e-10)
        np.testing.assert_allclose(got.magnitude.sel(layer=name), np.linalg.norm(values, axis=1), atol=1e-10)
    back = rsa.unframe(rdm.select(rdms, framed.image.values[::-1]))
    np.testing.assert_allclose(back.magnitude[:, ::-1], got.magnitude)
    with pytest.raises(ArgumentError, match=r"features must be framed once; got images \(constant\), \(zero\)"):
        rsa.frame(framed)
    with pytest.raises(ArgumentError, match=r"rdms must hold the patterns of frame; got no \(constant\), \(zero\)"):
        rsa.unframe(rdm.compute(features, metric="sqeuclidean"))
    with pytest.raises(ArgumentError, match="rdms must be squared Euclidean; got metric 'cosine'"):
        rsa.unframe(rdms.assign_attrs(metric="cosine"))


def test_mean_activation_is_lost_without_a_frame_and_compared_with_one():
    features = features_of()
    louder = features.copy(deep=True)
    louder["a"] += 3.0
    same = [rdm.compute(one[["a"]], metric="sqeuclidean") for one in (features, louder)]
    np.testing.assert_allclose(same[0].rdm, same[1].rdm, atol=1e-10)
    framed = [rdm.compute(rsa.frame(one[["a"]]), metric="sqeuclidean") for one in (features, louder)]
    options = {"n_permutations": 0, "n_bootstraps": 0, "method": "pearson"}
    assert rsa.compare(*same, **options).estimate == pytest.approx(1)
    assert rsa.compare(*framed, **options).estimate < 0.9


# --- clusters of time ------------------------------------------------------------------------------------------------


def course(effect=1.0, participants=10, times=12, seed=0):
    rng = np.random.default_rng(seed)
    values = 0.2 * rng.normal(size=(2, times, participants))
    values[0, 4:8] += effect
    coords = {"layer": ["a", "b"], "time": np.arange(times), "participant": [f"p{k}" for k in range(participants)]}
    return xr.Dataset({"by_participant": (("layer", "time", "participant"), values)}, coords=coords)


def test_a_cluster_is_found_where_the_effect_is():
    result = course()
    got = rsa.cluster(result, n_permutations=500)
    values = result.by_participant.values
    np.testing.assert_allclose(got.t, ttest_1samp(values, 0, axis=-1).statistic)
    inside = np.abs(got.t.values) > student_t.ppf(0.975, 9)
    np.testing.assert_array_equal(got.cluster.values > 0, inside)
    found = got.cluster.sel(layer="a", time=5)
    assert (got.cluster.sel(layer="a")[4:8] == found).all()
    assert got.p_cluster.sel(layer="a", time=5) < 0.05  # 22 of 1,024 patterns turn one participant at most
    assert (got.p_cluster.sel(layer="b") > 0.05).all()
    assert (got.p_cluster.values[~inside] == 1).all()


def test_clusters_are_those_of_a_plain_loop_over_all_signs():
    result = course(effect=0.15, participants=6, times=7, seed=3)
    got = rsa.cluster(result, threshold=1.2, n_permutations=64)
    assert got.attrs["exact"] == "true"
    values = result.by_participant.values

    def clusters(flipped):
        for series in ttest_1samp(flipped, 0, axis=-1).statistic:
            for sign in (1, -1):
                runs = np.split(np.arange(7), np.flatnonzero(np.diff(sign * series > 1.2)) + 1)
                yield from ((run, abs(series[run].sum())) for run in runs if sign * series[run[0]] > 1.2)

    signs = np.array(np.meshgrid(*[[1, -1]] * 6)).reshape(6, -1).T
    largest = np.array([max((mass for _, mass in clusters(values * s)), default=0) for s in signs])
    for k, series in enumerate(got.t.values):
        for number in range(1, int(got.cluster[k].max()) + 1):
            where = got.cluster[k].values == number
            expected = (largest >= abs(series[where].sum()) - 1e-9).mean()
            np.testing.assert_allclose(got.p_cluster[k].values[where], expected)


def test_sides_and_neighbours_of_opposite_sign_are_apart():
    result = course(times=4)
    result.by_participant[0, :2] = 1.0 + result.by_participant[0, :2] * 0.1
    result.by_participant[0, 2:] = -1.0 + result.by_participant[0, 2:] * 0.1
    assert rsa.cluster(result, n_permutations=99).cluster[0].values.tolist() == [1, 1, 2, 2]
    assert rsa.cluster(result, n_permutations=99, alternative="greater").cluster[0].values.tolist() == [1, 1, 0, 0]
    assert rsa.cluster(result, n_permutations=99, alternative="less").cluster[0].values.tolist() == [0, 0, 1, 1]


def test_clusters_follow_time_and_not_the_order_given():
    result = course()
    shuffled = result.isel(time=[3, 1, 0, 2, 7, 5, 6, 4, 11, 10, 9, 8], participant=[1, 0, *range(2, 10)])
    xr.testing.assert_allclose(rsa.cluster(shuffled, n_permutations=99), rsa.cluster(result, n_permutations=99))


def test_clusters_of_a_comparison_and_errors():
    rdms, ref = along_time()
    compared = rsa.compare(rdms, ref, n_permutations=0, n_bootstraps=0)
    got = rsa.cluster(compared, n_permutations=64)
    assert got.t.dims == ("layer", "roi", "time")
    np.testing.assert_allclose(got.estimate.transpose(*compared.estimate.dims), compared.estimate)
    with pytest.raises(ArgumentError, match="result must hold 'by_participant' along time and participants"):
        rsa.cluster(rsa.compare(*people(), n_permutations=0, n_bootstraps=0))
    with pytest.raises(ArgumentError, match="result must hold at least 6 participants; got 5"):
        rsa.cluster(compared.isel(participant=slice(5)))
    with pytest.raises(ArgumentError, match="threshold must be above 0; got -1"):
        rsa.cluster(compared, threshold=-1)
    with pytest.raises(KindError, match="result must be a Dataset; got DataArray"):
        rsa.cluster(compared.by_participant)
    with pytest.raises(KindError, match=r"result\['time'\] must hold numbers or times"):
        rsa.cluster(compared.assign_coords(time=["a", "b", "c"]))
    flat = compared.copy(deep=True)
    flat["by_participant"][:] = 1.0
    with pytest.raises(ArgumentError, match="result must differ between participants at every time"):
        rsa.cluster(flat)
    with pytest.raises(ArgumentError, match="alternative must be one of"):
        rsa.cluster(compared, alternative="both")
