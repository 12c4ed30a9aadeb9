import warnings
from itertools import permutations as rearrangements

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from geometry import levels
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import squareform
from scipy.stats import pearsonr, rankdata, spearmanr

from memfeat import rdm, rsa, stats
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.rsa.similarity import METHODS, permuted

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rsatoolbox

RSATOOLBOX = {"spearman": "spearman", "pearson": "corr", "cosine": "cosine"}


def names_of(n):
    return np.array([f"i{k:02}" for k in range(n)], dtype=object)


def features_of(n, p=12, layers=("a", "b", "c"), seed=0):
    rng = np.random.default_rng(seed)
    image = {"image": names_of(n)}
    values = {
        name: xr.DataArray(rng.normal(size=(n, p)), dims=["image", f"{name}:unit"], coords=image) for name in layers
    }
    return xr.Dataset(values)


def scores_of(n, seed=1):
    return pd.Series(
        np.random.default_rng(seed).random(n).round(1 if seed % 2 else 6), index=names_of(n), name="hit_rate"
    )


def setting(n, seed=0, kind="nearest"):
    return rdm.compute(features_of(n, seed=seed)), rdm.from_scores(scores_of(n, seed=seed + 1), kind=kind)


def toolbox(vectors):
    return rsatoolbox.rdm.RDMs(np.atleast_2d(vectors))


def similarity(method, a, b):
    if method == "cosine":
        return a @ b / np.sqrt(a @ a * (b @ b))
    return (spearmanr if method == "spearman" else pearsonr)(a, b).statistic


def test_a_comparison_worked_by_hand():
    # dissimilarities 1..6 against 1 2 3 4 6 5: two ranks exchanged, rho = 1 - 6 * 2 / (6 * 35)
    base = rdm.from_scores(pd.Series(range(4), index=names_of(4)))
    rdms, ref = base.copy(deep=True), base.copy(deep=True)
    rdms["rdm"] = rdms.rdm.copy(data=[[1.0, 2, 3, 4, 5, 6]])
    ref["rdm"] = ref.rdm.copy(data=[[1.0, 2, 3, 4, 6, 5]])
    got = rsa.compare(rdms, ref, n_bootstraps=0)
    np.testing.assert_allclose(got.estimate, 1 - 12 / 210)
    assert got.n.values.tolist() == [4]
    assert got.attrs["exact"] == "true"


@pytest.mark.parametrize("method", METHODS)
def test_estimates_agree_with_scipy_and_rsatoolbox(method):
    rdms, ref = setting(25)
    got = rsa.compare(rdms, ref, method=method, n_permutations=0, n_bootstraps=0)
    a, b = rdms.rdm.values, ref.rdm.values[0]
    np.testing.assert_allclose(got.estimate, [similarity(method, one, b) for one in a], atol=1e-12)
    theirs = rsatoolbox.rdm.compare(toolbox(a), toolbox(b), method=RSATOOLBOX[method])
    np.testing.assert_allclose(got.estimate, theirs[:, 0], atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [4, 20])
def test_permuted_values_agree_with_a_loop_over_rearranged_matrices(method, n):
    rdms, ref = setting(n)
    rows, _ = stats.permutations(n, 50, rng=np.random.default_rng(0))
    scaled = [np.array([METHODS[method].scaled(v) for v in part.rdm.values]) for part in (rdms, ref)]
    got = permuted(scaled[0], scaled[1][0], rows)
    matrix = squareform(ref.rdm.values[0])
    for row, values in zip(rows, got.T, strict=True):
        b = squareform(matrix[np.ix_(row, row)], checks=False)
        np.testing.assert_allclose(values, [similarity(method, a, b) for a in rdms.rdm.values], atol=1e-12)


def test_blocks_of_permutations_do_not_change_the_values(monkeypatch):
    rdms, ref = setting(30)
    whole = rsa.compare(rdms, ref, n_permutations=200, n_bootstraps=0)
    monkeypatch.setattr("memfeat.rsa.similarity.BLOCK_BYTES", 30_000)
    xr.testing.assert_identical(rsa.compare(rdms, ref, n_permutations=200, n_bootstraps=0), whole)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n", "kind"), [(20, "nearest"), (40, "both_memorable")])
def test_bootstrap_values_equal_rsatoolbox_for_the_same_draws(method, n, kind):
    rdms, ref = setting(n, kind=kind)
    a, b = rdms.rdm.values, ref.rdm.values[0]
    drawn = np.random.default_rng(5).integers(n, size=(8, n))
    counts = np.stack([np.bincount(sample, minlength=n) for sample in drawn])
    got = METHODS[method].resampled(a, b, counts)
    for sample, values in zip(drawn, got.T, strict=True):
        ours, theirs = (toolbox(v).subsample_pattern("index", sample) for v in (a, b))
        expected = rsatoolbox.rdm.compare(ours, theirs, method=RSATOOLBOX[method])
        np.testing.assert_allclose(values, expected[:, 0], atol=1e-10)


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_a_sample_of_equal_dissimilarities_has_no_correlation(method):
    a, b = np.random.default_rng(0).random((2, 50, 10)) / 3
    counts = np.array([[5, 2, 0, 0, 0]])  # one pair, ten times
    for one, other in zip(a, b, strict=True):
        assert np.isnan(METHODS[method].resampled(one[None], other, counts)).all()


@settings(max_examples=25)
@given(st.integers(4, 9), st.integers(0, 2**31), st.sampled_from(list(METHODS)))
def test_bootstrap_values_equal_those_of_the_sample_written_out(n, seed, method):
    rng = np.random.default_rng(seed)
    pairs = n * (n - 1) // 2
    a, b = rng.integers(1, 5, size=(2, pairs)).astype(float)
    sample = np.sort(rng.integers(n, size=n))
    got = METHODS[method].resampled(a[None], b, np.bincount(sample, minlength=n)[None])[0, 0]
    first, second = np.triu_indices(n, 1)
    keep = sample[first] != sample[second]
    a, b = (squareform(v)[sample[first], sample[second]][keep] for v in (a, b))
    if not keep.any() or (method != "cosine" and (np.ptp(a) == 0 or np.ptp(b) == 0)):
        assert np.isnan(got)
    else:
        np.testing.assert_allclose(got, similarity(method, a, b), atol=1e-10)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_all_rearrangements_of_few_images_give_the_exact_p(alternative):
    rdms, ref = setting(5, kind="both_memorable")
    got = rsa.compare(rdms, ref, n_permutations=120, n_bootstraps=0, alternative=alternative)
    sign = {"two-sided": np.abs, "greater": np.array, "less": np.negative}[alternative]
    matrix = squareform(rankdata(ref.rdm.values[0]))
    null = np.array(
        [
            [spearmanr(a, squareform(matrix[np.ix_(row, row)], checks=False)).statistic for a in rdms.rdm.values]
            for row in rearrangements(range(5))
        ]
    )
    more = sign(null) >= sign(null[0]) - 1e-12
    np.testing.assert_allclose(got.p, more.mean(axis=0))
    peak = sign(null).max(axis=1)[:, None] >= sign(null[0]) - 1e-12
    np.testing.assert_allclose(got.p_corrected, peak.mean(axis=0))
    assert got.attrs["exact"] == "true"
    assert got.attrs["alternative"] == alternative


def test_drawn_p_values_are_those_of_a_plain_loop():
    rdms, ref = setting(12)
    got = rsa.compare(rdms, ref, n_permutations=99, n_bootstraps=0, rng=4)
    rows, _ = stats.permutations(12, 99, rng=np.random.default_rng(4))
    matrix = squareform(ref.rdm.values[0])
    null = np.array(
        [
            [spearmanr(a, squareform(matrix[np.ix_(r, r)], checks=False)).statistic for a in rdms.rdm.values]
            for r in rows
        ]
    )
    np.testing.assert_allclose(got.p, (1 + (abs(null) >= abs(got.estimate.values)).sum(axis=0)) / 100)
    np.testing.assert_allclose(
        got.p_corrected, (1 + (abs(null).max(axis=1)[:, None] >= abs(got.estimate.values)).sum(axis=0)) / 100
    )
    np.testing.assert_allclose(got.p_fdr, stats.fdr(got.p.values))
    assert got.attrs["exact"] == "false"


def test_an_interval_is_the_percentiles_of_the_bootstrap():
    rdms, ref = setting(30)
    got = rsa.compare(rdms, ref, n_permutations=0, n_bootstraps=300, rng=7)
    counts = stats.bootstrap_counts(30, 300, rng=np.random.default_rng(7))
    draws = METHODS["spearman"].resampled(rdms.rdm.values, ref.rdm.values[0], counts)
    np.testing.assert_allclose([got.ci_low, got.ci_high], np.percentile(draws, levels(30), axis=1))
    assert np.isnan(got.p).all()


@settings(max_examples=12)
@given(st.integers(0, 2**31), st.sampled_from(list(METHODS)), st.sampled_from([None, "within", "whole"]))
def test_results_are_blind_to_the_order_of_images(seed, method, permute):
    rng = np.random.default_rng(seed)
    features, scores = features_of(12, seed=seed), scores_of(12)
    group = pd.Series(np.repeat(["x", "y", "z", "w"], 3), index=names_of(12))
    exchange = {"blocks": group, "permute": permute} if permute else {}
    order, other = rng.permutation(12), rng.permutation(12)
    exchanged = exchange | {"blocks": group.iloc[other]} if permute else {}
    options = {"method": method, "n_permutations": 60, "n_bootstraps": 30, "rng": 3}
    plain = rsa.compare(rdm.compute(features), rdm.from_scores(scores), **options, **exchange)
    shuffled = rsa.compare(
        rdm.compute(features.isel(image=order)), rdm.from_scores(scores.iloc[other]), **options, **exchanged
    )
    xr.testing.assert_identical(plain, shuffled)


def test_more_layers_change_only_the_corrected_values():
    rdms, ref = setting(15)
    options = {"n_permutations": 99, "n_bootstraps": 50}
    all_layers, one = rsa.compare(rdms, ref, **options), rsa.compare(rdms.sel(layer=["b"]), ref, **options)
    for name in ("estimate", "p", "ci_low", "ci_high", "n"):
        np.testing.assert_allclose(all_layers[name].sel(layer="b"), one[name][0], atol=1e-12)
    np.testing.assert_array_equal(one.p_corrected, one.p)
    assert (all_layers.p_corrected >= all_layers.p).all()
    xr.testing.assert_allclose(rsa.compare(rdms.sel(layer="b"), ref, **options), one)


def test_rdms_that_were_cut_or_saved_compare_the_same(tmp_path):
    rdms, ref = setting(8)
    options = {"n_permutations": 20, "n_bootstraps": 20}
    rdms.to_netcdf(tmp_path / "rdm.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "rdm.nc", engine="h5netcdf") as back:
        saved = rsa.compare(back, ref, **options)
    xr.testing.assert_equal(saved, rsa.compare(rdms, ref, **options))
    turned = rdms.isel(pair=slice(None, None, -1))
    xr.testing.assert_identical(rsa.compare(turned, ref, **options), rsa.compare(rdms, ref, **options))


def test_the_scheme_is_followed():
    rdms, ref = setting(12)
    group = pd.Series(np.repeat(list("xyzw"), 3), index=names_of(12), name="scene")
    whole = rsa.compare(rdms, ref, n_permutations=1_000, n_bootstraps=0, blocks=group, permute="whole")
    assert whole.attrs["exact"] == "true"  # 4! = 24
    assert np.allclose(whole.p * 24 % 1, 0)
    assert whole.attrs["permute"] == "whole"
    free = rsa.compare(rdms, ref, n_permutations=50, n_bootstraps=9, blocks=group, permute="free")
    xr.testing.assert_equal(free, rsa.compare(rdms, ref, n_permutations=50, n_bootstraps=9))


def test_results_are_labelled_say_how_and_leave_the_rdms_alone():
    rdms, ref = setting(10)
    rdms.attrs["model"] = "resmem"
    rdms = rdms.assign_coords(depth=("layer", [1, 2, 3]))
    before = rdms.copy(deep=True), ref.copy(deep=True)
    got = rsa.compare(rdms, ref, n_permutations=99, n_bootstraps=20, rng=11)
    xr.testing.assert_identical(rdms, before[0])
    xr.testing.assert_identical(ref, before[1])
    assert list(got) == ["estimate", "ci_low", "ci_high", "p", "p_corrected", "p_fdr", "n"]
    assert got.layer.values.tolist() == ["a", "b", "c"]
    assert got.depth.values.tolist() == [1, 2, 3]
    expected = {"model": "resmem", "metric": "correlation", "reference": "nearest", "seed": "11", "n_permutations": 99}
    assert expected.items() <= got.attrs.items()
    assert got.attrs["interval"] == "expanded percentile bootstrap over images, 95 %"
    xr.testing.assert_identical(got, rsa.compare(rdms, ref, n_permutations=99, n_bootstraps=20, rng=11))
    assert not got.equals(rsa.compare(rdms, ref, n_permutations=99, n_bootstraps=20, rng=12))


def broken(rdms, value, layer=1):
    out = rdms.copy(deep=True)
    out["rdm"][layer, 2 if np.isnan(value) else slice(None)] = value
    return out


def test_what_cannot_be_compared_is_an_error_with_advice():
    rdms, ref = setting(8)
    with pytest.raises(
        ArgumentError, match="method must be one of 'spearman', 'pearson', 'cosine', 'kendall', .*; got 'tau'"
    ):
        rsa.compare(rdms, ref, method="tau")
    for number in ("n_permutations", "n_bootstraps"):
        with pytest.raises(ArgumentError, match=f"{number} must be at least 0; got -1"):
            rsa.compare(rdms, ref, **{number: -1})
        with pytest.raises(KindError, match=rf"{number} must be a whole number; got 10\.0"):
            rsa.compare(rdms, ref, **{number: 10.0})
    with pytest.raises(ArgumentError, match="rdms must be finite, or NaN where a pair .*; got infinity in layer 'b'"):
        rsa.compare(broken(rdms, np.inf), ref)
    with pytest.raises(ArgumentError, match="ref must be finite, .*; got infinity in layer 'nearest'"):
        rsa.compare(rdms, broken(ref, np.inf, layer=0))
    for method in METHODS:
        with pytest.raises(
            ArgumentError, match=r"rdms must differ between pairs of images; got layer 'b', .* all 0\.0\."
        ):
            rsa.compare(broken(rdms, 0.0), ref, method=method)
    with pytest.raises(ArgumentError, match="rdms must differ between pairs of images; got layer 'b'"):
        rsa.compare(broken(rdms, 0.1), ref)
    with pytest.raises(ArgumentError, match="ref and rdms must hold the same images; got only in ref 1: 'i07'"):
        rsa.compare(rdm.select(rdms, names_of(7)), ref)
    with pytest.raises(ArgumentError, match="rdms must hold at least 4 images; got 3"):
        rsa.compare(rdm.select(rdms, names_of(3)), rdm.select(ref, names_of(3)))
    with pytest.raises(ArgumentError, match=r"ref must hold one RDM; got layers 3: 'a', 'b', 'c'\. Choose one"):
        rsa.compare(rdms, rdms)
    with pytest.raises(KindError, match="ref must be a Dataset of RDMs; got DataArray"):
        rsa.compare(rdms, ref.rdm)
    with pytest.raises(ArgumentError, match=r"rdms must have no dims but .*; got dims .*time"):
        rsa.compare(rdms.expand_dims(time=2), ref)
    with pytest.raises(ArgumentError, match="permute must be named when blocks are given"):
        rsa.compare(rdms, ref, blocks=pd.Series(list("aabbccdd"), index=names_of(8)))
    with pytest.raises(ArgumentError, match="alternative must be one of 'two-sided', 'greater', 'less'; got 'both'"):
        rsa.compare(rdms, ref, alternative="both")
    with pytest.raises(KindError, match="rng must be a whole number"):
        rsa.compare(rdms, ref, rng=None)
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'permut'. Did you mean 'permute'"):
        rsa.compare(rdms, ref, permut="free")
