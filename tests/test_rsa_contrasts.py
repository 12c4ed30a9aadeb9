"""Which layer, or model, agrees better."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from geometry import dataset, names_of, squared_distances
from scipy import stats as distributions

from memfeat import rsa, stats
from memfeat.errors import ArgumentError, UnknownNameError
from memfeat.rsa.similarity import METHODS


def setting(n=12, layers=3, participants=0, seed=0):
    vectors = squared_distances(n, layers + max(1, participants), seed)
    ref = vectors[None, layers:] if participants else vectors[layers:]
    return dataset(vectors[:layers], metric="sqeuclidean"), dataset(ref, metric="sqeuclidean")


def test_layers_are_compared_in_the_same_samples():
    rdms, ref = setting()
    got = rsa.contrast(rdms, ref, n_bootstraps=300, rng=4)
    assert got["first"].values.tolist() == ["l0", "l0", "l1"]
    assert got["second"].values.tolist() == ["l1", "l2", "l2"]
    assert got.contrast.values.tolist() == ["l0 − l1", "l0 − l2", "l1 − l2"]
    kernel = METHODS["spearman"].resampled
    left, draws = (
        kernel(rdms.rdm.values, ref.rdm.values[0], counts)
        for counts in (1 - np.eye(12, dtype=int), stats.bootstrap_counts(12, 300, rng=np.random.default_rng(4)))
    )
    without, gaps = (np.array([of[0] - of[1], of[0] - of[2], of[1] - of[2]]) for of in (left, draws))
    error = np.sqrt(11 * without.var(axis=1))
    half = distributions.t.ppf(0.975, 11) * error
    np.testing.assert_allclose([got.ci_low, got.ci_high], got.estimate.values + np.array([-half, half]), atol=1e-12)
    p = 2 * distributions.t.sf(np.abs(got.estimate.values) / error, 11)
    np.testing.assert_allclose(got.p, p)
    away = np.abs(gaps - got.estimate.values[:, None]) / gaps.std(axis=1, ddof=1)[:, None]
    away = distributions.t.isf(distributions.norm.sf(away), 11)
    observed = np.abs(got.estimate.values) / error
    corrected = ((away.max(axis=0) >= observed[:, None]).sum(axis=1) + 1) / 301
    np.testing.assert_allclose(got.p_corrected, np.maximum(p, corrected))
    assert got.attrs["interval"] == "jackknife, paired, 95 %"
    np.testing.assert_allclose(got.p_fdr, stats.fdr(p))
    alone = rsa.compare(rdms, ref, n_permutations=0, n_bootstraps=0).estimate.values
    np.testing.assert_allclose(got.estimate, [alone[0] - alone[1], alone[0] - alone[2], alone[1] - alone[2]])


def test_one_contrast_needs_no_correction_and_layers_that_are_the_same_do_not_differ():
    rdms, ref = setting(layers=2)
    got = rsa.contrast(rdms, ref, n_bootstraps=2)
    np.testing.assert_array_equal(got.p_corrected, got.p)
    same = xr.concat([rdms.isel(layer=[0]), rdms.isel(layer=[0]).assign_coords(layer=["twin"])], "layer")
    twins = rsa.contrast(same, ref, method="pearson")
    assert (twins.p.item(), twins.estimate.item(), twins.ci_low.item(), twins.ci_high.item()) == (1, 0, 0, 0)
    three = rsa.contrast(xr.concat([same, rdms.isel(layer=[1])], "layer"), ref, n_bootstraps=50)
    assert three.p_corrected[0] == 1


def test_one_may_be_compared_with_all_others():
    rdms, ref = setting()
    got = rsa.contrast(rdms, ref, n_bootstraps=50, against="l1")
    assert got["first"].values.tolist() == ["l0", "l2"]
    assert set(got["second"].values) == {"l1"}
    every = rsa.contrast(rdms, ref, n_bootstraps=50)
    np.testing.assert_allclose(got.estimate, [every.estimate[0], -every.estimate[2]])


def test_models_are_compared_for_each_layer():
    rdms, ref = setting(layers=2)
    models = dataset(squared_distances(12, 3, seed=7)).assign_coords(layer=["A", "B", "C"])
    got = rsa.contrast(rdms, models, between="models", n_bootstraps=60, rng=2)
    assert got.estimate.dims == ("contrast", "layer")
    assert got.contrast.values.tolist() == ["A − B", "A − C", "B − C"]
    one = [rsa.compare(rdms, models.sel(layer=[k]), n_permutations=0, n_bootstraps=0).estimate for k in "ABC"]
    np.testing.assert_allclose(got.estimate, [one[0] - one[1], one[0] - one[2], one[1] - one[2]], atol=1e-12)
    # the same as layers compared the other way round
    turned = rsa.contrast(models, rdms.isel(layer=[1]), n_bootstraps=60, rng=2)
    for name in ("estimate", "ci_low", "ci_high", "p"):
        np.testing.assert_allclose(got[name][:, 1], turned[name], atol=1e-10)
    assert ref.sizes["layer"] == 1


def test_participants_and_both():
    rdms, ref = setting(layers=2, participants=6)
    each = rsa.compare(rdms, ref, n_permutations=0, n_bootstraps=0).by_participant.values
    got = rsa.contrast(rdms, ref, resample="rdms", n_bootstraps=2)
    expected = distributions.ttest_rel(*each)
    np.testing.assert_allclose(got.p, expected.pvalue, atol=1e-12)
    interval = expected.confidence_interval()
    np.testing.assert_allclose([got.ci_low[0], got.ci_high[0]], [interval.low, interval.high], atol=1e-12)
    both = rsa.contrast(rdms, ref, resample="both", n_bootstraps=100, rng=1)
    random = np.random.default_rng(1)
    counts = stats.bootstrap_counts(12, 100, rng=random)
    share = random.multinomial(6, np.full(6, 1 / 6), size=100) / 6
    sampled = np.array([METHODS["spearman"].resampled(rdms.rdm.values, one, counts) for one in ref.rdm.values[0]])
    gap = sampled[:, 0] - sampled[:, 1]
    draws = np.einsum("pd,dp->d", gap, share), (each[0] - each[1]) @ share.T, gap.mean(axis=0)
    variances = [np.var(one, ddof=1) for one in draws]
    degrees = stats.two_factor_degrees(*variances, n_rdms=6, n_images=12)
    error = np.sqrt(stats.two_factor(*variances, n_rdms=6, n_images=12))
    half = distributions.t.ppf(0.975, degrees) * error
    np.testing.assert_allclose(
        [both.ci_low[0], both.ci_high[0]], float(both.estimate[0]) + np.array([-half, half]), atol=1e-10
    )
    np.testing.assert_allclose(both.p, 2 * distributions.t.sf(np.abs(both.estimate / error), degrees), atol=1e-10)


def test_further_dims_are_kept():
    rdms, _ = setting(layers=2)
    vectors = squared_distances(12, 6, seed=3)
    base = dataset(vectors)
    values = xr.DataArray(vectors.reshape(3, 2, -1), dims=("time", "layer", "pair"), coords={"layer": ["A", "B"]})
    ref = xr.Dataset({"rdm": values}, coords={name: base[name] for name in ("first", "second", "image")})
    got = rsa.contrast(rdms, ref, between="models", n_bootstraps=40)
    assert got.estimate.dims == ("contrast", "layer", "time")
    one = rsa.contrast(rdms, ref.isel(time=1), between="models", n_bootstraps=40)
    np.testing.assert_allclose(got.estimate.isel(time=1), one.estimate)
    np.testing.assert_allclose(got.ci_low.isel(time=1), one.ci_low)


def test_groups_and_labels_are_kept_and_order_does_not_matter():
    rdms, ref = setting()
    group = pd.Series(np.repeat(list("abcdef"), 2), index=names_of(12), name="scene")
    options = {"n_bootstraps": 50, "blocks": group, "permute": "whole"}
    got = rsa.contrast(rdms, ref, **options)
    assert got.attrs["permute"] == "whole"
    assert got.attrs["null"] == "both layers agree equally well"
    before = rdms.copy(deep=True)
    xr.testing.assert_identical(rsa.contrast(rdms.isel(pair=slice(None, None, -1)), ref, **options), got)
    xr.testing.assert_identical(rdms, before)


def test_what_cannot_be_contrasted_is_an_error():
    rdms, ref = setting()
    with pytest.raises(ArgumentError, match="rdms must hold at least 2 layers to compare; got 1: 'l0'"):
        rsa.contrast(rdms.isel(layer=[0]), ref)
    with pytest.raises(ArgumentError, match="ref must hold at least 2 models"):
        rsa.contrast(rdms, ref, between="models")
    with pytest.raises(ArgumentError, match="between must be one of 'layers', 'models'; got 'rois'"):
        rsa.contrast(rdms, ref, between="rois")
    with pytest.raises(UnknownNameError, match="against must be a known name; got 'l9'"):
        rsa.contrast(rdms, ref, against="l9")
    with pytest.raises(ArgumentError, match="ref must hold one RDM"):
        rsa.contrast(rdms, rdms)
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'test'"):
        rsa.contrast(rdms, ref, test="t")
    with pytest.raises(ArgumentError, match="n_bootstraps must be at least 2"):
        rsa.contrast(rdms, ref, n_bootstraps=0)
