"""A measure against scores, layer by layer: by hand, against scipy and scikit-learn, and on published tables."""

import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, pearsonr, rankdata, skew, spearmanr
from scipy.stats import t as student
from sklearn.linear_model import LinearRegression

from memfeat import evaluation, measures, rdm, scores, stats
from memfeat.errors import ArgumentError, CircularWarning, KindError, SkewedWarning, UnknownNameError
from memfeat.measures.resampled import METHODS, correlations


def normal_scores(values, axis=0):
    return norm.ppf(rankdata(values, axis=axis) / (values.shape[axis] + 1))


PLACED = {"spearman": rankdata, "pearson": lambda values, axis=0: values, "normal_scores": normal_scores}
RIVALS = {
    "spearman": spearmanr,
    "pearson": pearsonr,
    "normal_scores": lambda x, y: pearsonr(normal_scores(np.asarray(x)), normal_scores(np.asarray(y))),
}
by_method = pytest.mark.parametrize("method", RIVALS)


def names(n):
    return np.array([f"{i:03d}.jpg" for i in range(n)], dtype=object)


def measure(n=40, k=3, seed=0, ties=False):
    values = np.random.default_rng(seed).standard_normal((k, n)) + np.linspace(0, 1, n)
    values = values.round(0 if ties else 12)
    layers = {f"conv{i}": ("image", row) for i, row in enumerate(values, 1)}
    return xr.Dataset(layers, {"image": names(n)}, {"method": "response magnitude", "model": "toy"})


def column(values, name="hit_rate"):
    return xr.DataArray(values, {"image": names(len(values))}, ("image",), name)


def hits(table, weight=0.6, seed=9):
    noise = np.random.default_rng(seed).standard_normal(table.sizes["image"])
    return column((weight * table["conv1"].values + noise).round(1))


def left(values, controls, method):
    """Residuals by scikit-learn."""
    values, controls = PLACED[method](values), PLACED[method](controls, axis=0)
    return values - LinearRegression().fit(controls, values).predict(controls)


def partial(x, y, controls, method):
    return pearsonr(left(x, controls, method), left(y, controls, method)).statistic


@by_method
def test_correlations_agree_with_scipy(method):
    table = measure(ties=True)
    found = measures.profile(table, hits(table), method=method, n_permutations=0, n_bootstraps=0)
    expected = [RIVALS[method](table[name], hits(table)).statistic for name in table]
    np.testing.assert_allclose(found["estimate"], expected, atol=1e-12)
    assert found["layer"].values.tolist() == ["conv1", "conv2", "conv3"]
    assert found["kind"].values.tolist() == ["measure"] * 3
    assert found["n"].values.tolist() == [40] * 3
    assert set(found.data_vars) == {"estimate", "n"}


def test_all_rearrangements_of_five_images_by_hand():
    table, target = measure(5, 2), [3.0, 1.0, 4.0, 2.0, 6.0]
    found = measures.profile(table, pd.Series(target, names(5)), n_permutations=999, n_bootstraps=0)
    null = np.array([[spearmanr(row, order)[0] for order in itertools.permutations(target)] for row in table.values()])
    observed = np.abs(found["estimate"].values) - 1e-9
    np.testing.assert_allclose(found["p"], (np.abs(null) >= observed[:, None]).mean(axis=1))
    np.testing.assert_allclose(found["p_corrected"], (np.abs(null).max(axis=0) >= observed[:, None]).mean(axis=1))
    np.testing.assert_allclose(found["p_fdr"], stats.fdr(found["p"].values))
    assert (found.attrs["exact"], found.attrs["n_permutations"]) == ("true", 120)


@by_method
def test_the_interval_is_that_of_samples_of_images(method):
    table = measure(ties=True)
    target = hits(table)
    found = measures.profile(table, target, method=method, n_permutations=0, n_bootstraps=100, rng=4)
    counts = stats.bootstrap_counts(40, 100, rng=np.random.default_rng(4))
    draws = [
        [RIVALS[method](np.repeat(row.values, one), np.repeat(target.values, one))[0] for one in counts]
        for row in table.values()
    ]
    low, high = stats.expanded(np.array(draws), n=40)
    np.testing.assert_allclose(found["ci_low"], low)
    np.testing.assert_allclose(found["ci_high"], high)


@by_method
def test_partial_correlations_are_those_of_residuals_in_the_data_and_in_each_sample(method):
    table = measure(ties=True)
    target = hits(table)
    controls = np.random.default_rng(5).standard_normal((40, 2)).round(1) + target.values[:, None] / 2
    covariates = pd.DataFrame(controls, names(40), ["luminance", "contrast"])
    options = {"method": method, "n_permutations": 0, "n_bootstraps": 25, "rng": 4}
    found = measures.profile(table, target, covariates=covariates, **options)
    expected = [partial(row.values, target.values, controls, method) for row in table.values()]
    np.testing.assert_allclose(found["estimate"], expected, atol=1e-12)
    counts = stats.bootstrap_counts(40, 25, rng=np.random.default_rng(4))
    samples = [np.repeat(np.arange(40), one) for one in counts]
    draws = [
        [partial(row.values[one], target.values[one], controls[one], method) for one in samples]
        for row in table.values()
    ]
    low, high = stats.expanded(np.array(draws), n=40)
    np.testing.assert_allclose(found["ci_low"], low, atol=1e-9)
    np.testing.assert_allclose(found["ci_high"], high, atol=1e-9)
    plain = measures.profile(table, target, **options)
    for name, same in {"plain": "estimate", "plain_ci_low": "ci_low", "plain_ci_high": "ci_high"}.items():
        np.testing.assert_allclose(found[name], plain[same], rtol=1e-12)
    assert found.attrs["covariates"] == ["luminance", "contrast"]
    assert found.attrs["method"] == f"partial {method} correlation by layer"


@by_method
def test_residuals_are_permuted_as_freedman_and_lane_say(method):
    table = measure(12, 2)
    target, z = hits(table), np.random.default_rng(5).standard_normal(12)
    options = {"method": method, "n_permutations": 49, "n_bootstraps": 0, "rng": 4}
    found = measures.profile(table, target, covariates=column(z, "luminance"), **options)
    index, _ = stats.permutations(12, 49, rng=np.random.default_rng(4))
    controls = z[:, None]
    ranked = PLACED[method]
    residual = left(target.values, controls, method)
    placed = ranked(controls, axis=0)
    fitted = ranked(target.values) - residual
    null = [[partial_of(ranked(row.values), fitted + residual[one], placed) for one in index] for row in table.values()]
    np.testing.assert_allclose(found["p"], stats.p_value(found["estimate"].values, np.array(null)))
    np.testing.assert_allclose(found["p_corrected"], stats.max_statistic(found["estimate"].values, np.array(null)))


def partial_of(x, y, placed):
    return pearsonr(left(x, placed, "pearson"), left(y, placed, "pearson")).statistic


def test_normal_scores_by_hand():
    table = xr.Dataset({"fc": ("image", [1.0, 5, 700])}, {"image": names(3)})
    tied = column([2.0, 2, 9])
    found = measures.profile(table, tied, method="normal_scores", n_permutations=0, n_bootstraps=0)
    # ranks 1, 2, 3 of 4 are -.6745, 0, .6745; mid-ranks 1.5, 1.5, 3 are -.3186, -.3186, .6745, their mean .0124
    x, y = np.array([-0.6745, 0, 0.6745]), np.array([-0.3310, -0.3310, 0.6621])
    assert found["estimate"].item() == pytest.approx(x @ y / np.sqrt((x @ x) * (y @ y)), abs=1e-4)
    assert found.attrs["method"] == "normal_scores correlation by layer"


def test_normal_scores_take_out_what_drives_both_through_any_monotone_function_and_ranks_do_not():
    rng, n = np.random.default_rng(4), 200_000
    z = rng.standard_normal(n)
    x, y = (z + rng.standard_normal(n) for _ in range(2))
    given_arrays = np.exp(x)[None], np.arctan(y)[None], np.exp(-2 * z)[None], np.ones((1, n), dtype=int)
    found = {name: correlations(*given_arrays, ranked=METHODS[name]).item() for name in ("normal_scores", "spearman")}
    # Pearson's r of normal variables gives Spearman's by 6 / π arcsin(r / 2)
    with_z, with_y = (6 / np.pi * np.arcsin(r / 2) for r in (np.sqrt(0.5), 0.5))
    expected = (with_y - with_z**2) / (1 - with_z**2)
    assert found == pytest.approx({"normal_scores": 0.0, "spearman": expected}, abs=0.005)


def test_a_confounder_that_drives_both_is_taken_out():
    rng = np.random.default_rng(3)
    z = rng.standard_normal(200)
    table = xr.Dataset({"fc": ("image", z + rng.standard_normal(200))}, {"image": names(200)})
    target = column(z + rng.standard_normal(200))
    options = {"n_permutations": 199, "n_bootstraps": 100}
    plain = measures.profile(table, target, **options)
    found = measures.profile(table, target, covariates=column(z, "luminance"), **options)
    assert plain["p"].item() == 0.005
    assert found["p"].item() > 0.05
    assert found["plain"].item() == plain["estimate"].item() > 0.3 > abs(found["estimate"].item())


def test_several_scores_are_each_as_alone_and_corrected_together():
    table = measure()
    both = xr.Dataset({"hit_rate": hits(table), "false_alarms": hits(table, -0.5, 7)})
    options = {"n_permutations": 99, "n_bootstraps": 30, "rng": 1}
    found = measures.profile(table, both, **options)
    assert dict(found["estimate"].sizes) == {"layer": 3, "score": 2}
    assert found["score"].values.tolist() == found.attrs["scores"] == ["hit_rate", "false_alarms"]
    for name in both:
        alone = measures.profile(table, both[name], **options)
        for kind in ("estimate", "ci_low", "ci_high", "p"):
            np.testing.assert_allclose(found[kind].sel(score=name), alone[kind], rtol=1e-12)
        assert (found["p_corrected"].sel(score=name) >= alone["p_corrected"]).all()
    np.testing.assert_allclose(found["p_fdr"].values.ravel(), stats.fdr(found["p"].values.ravel()))
    xr.testing.assert_identical(measures.profile(table, both.to_dataframe(), **options), found)


def test_baselines_are_treated_alike_and_change_nothing_for_the_measure():
    table = measure()
    untrained, luminance = measure(seed=5, k=2), column(np.arange(40.0) % 7, "mean luminance")
    options = {"n_permutations": 99, "n_bootstraps": 30, "rng": 1}
    given = {"untrained": untrained, "luminance": luminance}
    found = measures.profile(table, hits(table), baselines=given, **options)
    assert found["layer"].values.tolist() == [*table, "untrained: conv1", "untrained: conv2", "luminance"]
    assert found["kind"].values.tolist() == ["measure"] * 3 + ["untrained"] * 2 + ["luminance"]
    assert found["layer_name"].values.tolist() == [*table, "conv1", "conv2", ""]
    assert found.attrs["baselines"] == ["untrained", "luminance"]
    alone = measures.profile(table, hits(table), **options)
    xr.testing.assert_allclose(found.sel(layer=found["kind"] == "measure"), alone, rtol=1e-12)
    without = measures.profile(untrained, hits(table), **options)
    for kind in ("estimate", "ci_low", "p", "p_corrected", "p_fdr"):
        np.testing.assert_allclose(found[kind].values[3:5], without[kind], rtol=1e-12)
    one = measures.profile(luminance, hits(table), **options)
    np.testing.assert_array_equal(found["p_corrected"].values[5:], one["p_corrected"])
    frames = {"untrained": untrained.to_dataframe(), "luminance": luminance.to_series()}
    xr.testing.assert_equal(measures.profile(table, hits(table), baselines=frames, **options), found)
    stacked = table.to_dataarray("layer").transpose("image", "layer")
    xr.testing.assert_equal(measures.profile(stacked, hits(table), baselines=given, **options), found)


@by_method
def test_relative_values_are_divided_by_the_root_of_the_reliability(method):
    table = measure()
    target = hits(table)
    options = {"method": method, "n_permutations": 0, "n_bootstraps": 50, "rng": 1}
    found = measures.profile(table, target, reliability={"split_half": 0.6}, **options)
    for name, whole in {"estimate_relative": "estimate", "estimate_relative_ci_low": "ci_low"}.items():
        np.testing.assert_allclose(found[name], found[whole] / np.sqrt(0.75))
    assert found.attrs["reliability"] == pytest.approx(0.75)
    assert "reliability" not in found

    noise = np.random.default_rng(2).standard_normal((40, 2, 3)) / 2
    halves = xr.DataArray(target.values[:, None, None] + noise, {"image": names(40)}, ("image", "half", "split"))
    found = measures.profile(table, target, reliability=halves.isel(image=slice(None, None, -1)), **options)
    counts = np.vstack([np.ones((1, 40), int), stats.bootstrap_counts(40, 50, rng=np.random.default_rng(1))])
    draws = []
    for one in counts:
        place = np.repeat(np.arange(40), one)
        mean = np.mean([RIVALS[method](*halves.values[place, :, k].T).statistic for k in range(3)])
        r = RIVALS[method](table["conv1"].values[place], target.values[place]).statistic
        draws.append([2 * mean / (1 + mean), r / np.sqrt(2 * mean / (1 + mean))])
    reliability, relative = np.array(draws).T
    np.testing.assert_allclose(found["reliability"], reliability[0])
    np.testing.assert_allclose(found["estimate_relative"][0], relative[0])
    np.testing.assert_allclose(found["estimate_relative_ci_high"][0], stats.expanded(relative[1:], n=40)[1])
    np.testing.assert_allclose(found["reliability_ci_low"], stats.expanded(reliability[1:], n=40)[0])
    assert found.attrs["reliability"] == "halves, 3 splits"


def test_what_covariates_leave_is_as_reliable_as_what_they_leave_of_halves():
    table, rng = measure(200), np.random.default_rng(2)
    target = hits(table)
    halves = xr.DataArray(
        target.values[:, None] + rng.standard_normal((200, 2)), {"image": names(200)}, ("image", "half")
    )
    z = target.values + rng.standard_normal(200)
    options = {"method": "pearson", "n_permutations": 0, "n_bootstraps": 0}
    found = measures.profile(table, target, covariates=column(z, "z"), reliability=halves, **options)
    r = partial(*halves.values.T, z[:, None], "pearson")
    np.testing.assert_allclose(found["reliability"], 2 * r / (1 + r))
    np.testing.assert_allclose(found["estimate_relative"], found["estimate"] / np.sqrt(2 * r / (1 + r)))
    with pytest.raises(ArgumentError, match="reliability must be scores of halves with covariates"):
        measures.profile(table, target, covariates=column(z, "z"), reliability={"split_half": 0.6}, **options)
    found = scores.reliability(halves.rename("hit_rate"), n_bootstraps=0)
    with pytest.raises(ArgumentError, match=r"halves with covariates; got a number. .*mf.scores.halves"):
        measures.profile(table, target, covariates=column(z, "z"), reliability=found, **options)


def test_one_of_several_scores_may_have_a_reliability():
    table = measure()
    both = xr.Dataset({"hit_rate": hits(table), "false_alarms": hits(table, -0.5, 7)})
    options = {"n_permutations": 0, "n_bootstraps": 30}
    found = measures.profile(table, both, reliability={"hit_rate": {"spearman_brown": 0.64}}, **options)
    relative = found[["estimate_relative", "estimate_relative_ci_low"]]
    assert relative.sel(score="false_alarms").to_dataarray().isnull().all()
    np.testing.assert_allclose(relative["estimate_relative"].sel(score="hit_rate"), found["estimate"][:, 0] / 0.8)


# of 15 images some are skewed by chance
@pytest.mark.filterwarnings("ignore:Skewness is beyond 1:memfeat.errors.SkewedWarning")
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 100), method=st.sampled_from(list(RIVALS)), with_covariates=st.booleans())
def test_order_makes_no_difference_and_signs_turn(seed, method, with_covariates):
    table = measure(15, seed=seed)
    target, rng = hits(table), np.random.default_rng([seed, 1])
    given_options = {"method": method, "n_permutations": 49, "n_bootstraps": 20, "rng": seed}
    given_options |= {"covariates": column(rng.standard_normal(15), "z")} if with_covariates else {}
    found = measures.profile(table, target, **given_options)
    order = rng.permutation(15)
    xr.testing.assert_identical(measures.profile(table.isel(image=order), target, **given_options), found)
    xr.testing.assert_identical(measures.profile(table, target.isel(image=order), **given_options), found)
    turned = measures.profile(table, -target, **given_options)
    np.testing.assert_allclose(turned["estimate"], -found["estimate"])
    np.testing.assert_allclose(turned["p"], found["p"])
    np.testing.assert_allclose(turned["ci_low"], -found["ci_high"])
    moved = measures.profile(3 * table + 2, target, **given_options)
    np.testing.assert_allclose(moved["estimate"], found["estimate"])


def test_groups_are_kept_together():
    table = measure(24)
    blocks = column(np.repeat(list("abcdef"), 4), "scene")
    options = {"n_permutations": 99, "n_bootstraps": 50, "rng": 2, "blocks": blocks, "permute": "whole"}
    found = measures.profile(table, hits(table), **options)
    assert (found.attrs["permute"], found.attrs["blocks"]) == ("whole", "scene")
    scheme = {"blocks": np.repeat(range(6), 4), "permute": "whole"}
    rng = np.random.default_rng(2)
    index, _ = stats.permutations(24, 99, rng=rng, **scheme)
    null = [spearmanr(table["conv1"], hits(table).values[one]).statistic for one in index]
    np.testing.assert_allclose(found["p"][0], stats.p_value(found["estimate"].values[0], np.array(null)))
    counts = stats.bootstrap_counts(24, 50, rng=rng, **scheme)
    draws = [spearmanr(np.repeat(table["conv1"].values, one), np.repeat(hits(table).values, one))[0] for one in counts]
    np.testing.assert_allclose(found["ci_low"][0], stats.expanded(np.array(draws), n=6)[0])
    with pytest.raises(ArgumentError, match="permute must be named when blocks are given"):
        measures.profile(table, hits(table), blocks=blocks)


def test_inputs_are_left_alone_and_the_result_says_how_it_was_made(tmp_path):
    table = measure()
    target = hits(table)
    before = table.copy(deep=True), target.copy(deep=True)
    found = measures.profile(table, target, n_permutations=19, n_bootstraps=20, rng=3, alternative="greater")
    xr.testing.assert_identical(table, before[0])
    xr.testing.assert_identical(target, before[1])
    told = {
        "model": "toy",
        "measure": "response magnitude",
        "method": "spearman correlation by layer",
        "scores": "hit_rate",
        "alternative": "greater",
        "permute": "free",
        "n_permutations": 19,
        "n_bootstraps": 20,
        "exact": "false",
        "seed": "3",
        "null": "scores are unrelated to the measure in this layer; p_corrected: in every layer",
        "interval": "95 % expanded percentile bootstrap over images",
    }
    assert told.items() <= found.attrs.items()
    found.to_netcdf(tmp_path / "profile.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "profile.nc", engine="h5netcdf") as saved:
        xr.testing.assert_equal(saved.load(), found)


def test_scores_that_the_same_network_predicted_are_warned_about():
    table = measure().assign_attrs(weights_sha256="abc", model="resmem")
    target = hits(measure()).assign_attrs(weights_sha256="abc", model="resmem")
    with pytest.warns(CircularWarning, match="the same network, 'resmem'"):
        found = measures.profile(table, target, n_permutations=0, n_bootstraps=0)
    assert found.attrs["cautions"] == "circular"
    with pytest.warns(CircularWarning, match="the same network, 'resmem'"):
        measures.contrast(table, target, n_bootstraps=20)


def test_intervals_of_pearson_s_r_with_a_skewed_measure_are_warned_about():
    table = measure()
    skewed = table.assign(conv2=-np.exp(table["conv2"]), conv3=np.exp(table["conv3"]))
    assert abs(skew(table.to_dataarray().values, axis=1)).max() < 1
    assert skew(skewed["conv2"]) < -1
    assert skew(skewed["conv3"]) > 1
    options = {"n_permutations": 0, "n_bootstraps": 20}
    words = "Skewness is beyond 1 in 2: 'conv2', 'conv3'.*method=\"spearman\" or \"normal_scores\", or logarithms"
    with pytest.warns(SkewedWarning, match=words) as seen:
        measures.profile(skewed, hits(table), method="pearson", **options)
    assert seen[0].filename == __file__
    with pytest.warns(SkewedWarning, match=words):
        measures.contrast(skewed, hits(table), method="pearson", n_bootstraps=20)
    measures.profile(table, hits(table), method="pearson", **options)
    measures.profile(skewed, hits(table), method="pearson", n_permutations=19, n_bootstraps=0)
    for method in ("spearman", "normal_scores"):
        measures.profile(skewed, hits(table), method=method, **options)


UNDEFINED = measure().assign(conv2=("image", np.r_[np.nan, np.zeros(39)]))
MISTAKES = {
    "features": (
        {"measure": xr.Dataset({"fc": (("image", "fc:unit"), np.eye(4))}, {"image": names(4)})},
        ArgumentError,
        r"measure\['fc'\] must be one number per image; got dims \('image', 'fc:unit'\). Compute one first",
    ),
    "no names": ({"measure": xr.Dataset({"fc": ("image", [1.0, 2])})}, ArgumentError, "must have a dim 'image'"),
    "array": ({"measure": np.eye(3)}, KindError, "measure must be an xarray Dataset"),
    "layers without names": (
        {"measure": xr.DataArray(np.eye(40)[:2], {"image": names(40)}, ("layer", "image"))},
        ArgumentError,
        "measure must name its layers",
    ),
    "undefined": ({"measure": UNDEFINED}, ArgumentError, r"measure\['conv2'\] must be finite for every image"),
    "constant": ({"measure": measure() * [0]}, ArgumentError, r"measure\['conv1'\] must differ between images"),
    "two images": ({"measure": measure().isel(image=slice(2))}, ArgumentError, "three images at least; got 2"),
    "no images": ({"measure": measure().isel(image=slice(0))}, ArgumentError, "must hold an image at least; got none"),
    "RDMs": (
        {"measure": rdm.from_column(pd.Series(np.arange(40.0), names(40)))},
        KindError,
        r"measure must be one number per image; got RDMs.*mf.measures.distinctiveness\(rdms\)",
    ),
    "levels": (
        {"scores": pd.Series(np.arange(40.0), pd.MultiIndex.from_product([names(40), ["a"]]))},
        ArgumentError,
        "scores must have an index that names images; got 2 levels",
    ),
    "a column twice": (
        {"scores": pd.DataFrame(np.zeros((40, 2)), names(40), ["u", "u"])},
        ArgumentError,
        "scores must have each column once; got 1: 'u'",
    ),
    "misspelt": ({"n_permutation": 9}, UnknownNameError, "Did you mean 'n_permutations'"),
    "other images": (
        {"scores": column(np.arange(41.0))},
        ArgumentError,
        "scores and measure must hold the same images",
    ),
    "constant scores": ({"scores": column(np.ones(40))}, ArgumentError, "scores must differ between images; got 1"),
    "no scores": ({"scores": xr.Dataset(coords={"image": names(40)})}, ArgumentError, "scores must have a column"),
    "text": ({"scores": column(np.array(["a"] * 40))}, KindError, "scores must hold numbers"),
    "method": (
        {"method": "kendall"},
        ArgumentError,
        "method must be one of 'spearman', 'pearson', 'normal_scores'; got 'kendall'",
    ),
    "option": ({"baseline": 1}, UnknownNameError, "baseline"),
    "seed": ({"rng": None}, KindError, "rng must be a whole number"),
    "bootstraps": ({"n_bootstraps": -1}, ArgumentError, "n_bootstraps must be at least 0"),
    "baselines": ({"baselines": measure()}, KindError, "baselines must be a mapping from name to baseline"),
    "baseline called measure": ({"baselines": {"measure": measure()}}, ArgumentError, "other names than 'measure'"),
    "baseline called as a layer": (
        {"baselines": {"conv1": column(np.arange(40.0))}},
        ArgumentError,
        "baselines must have other names than layers; got 1: 'conv1'",
    ),
    "baseline of other images": (
        {"baselines": {"light": column(np.arange(3.0))}},
        ArgumentError,
        r"baselines\['light'\] and measure must hold the same images",
    ),
    "covariates that make each other up": (
        {"covariates": pd.DataFrame({"a": np.arange(40.0), "b": 2 * np.arange(40.0)}, names(40))},
        ArgumentError,
        "covariates must be fewer than images, and differ from each other",
    ),
    "constant covariate": (
        {"covariates": column(np.ones(40), "a")},
        ArgumentError,
        "covariates must differ between images",
    ),
    "the scores as covariate": (
        {"covariates": hits(measure())},
        ArgumentError,
        "covariates must leave something of measure and scores; got nothing of 1: 'hit_rate'",
    ),
    "a layer as covariate": (
        {"covariates": measure()["conv2"]},
        ArgumentError,
        "covariates must leave something of measure and scores; got nothing of 1: 'conv2'",
    ),
    "reliability as a number": ({"reliability": 0.8}, KindError, "reliability must be a named number"),
    "reliability of another name": ({"reliability": {"alpha": 0.8}}, ArgumentError, "reliability must hold one named"),
    "halves without halves": (
        {"reliability": column(np.arange(40.0))},
        ArgumentError,
        r"reliability must have dims image, half \(2\) and split; got \{'image': 40\}",
    ),
    "halves of text": (
        {"reliability": xr.DataArray(np.full((40, 2), "a"), {"image": names(40)}, ("image", "half"))},
        KindError,
        "reliability must hold numbers",
    ),
    "halves that disagree": (
        {
            "reliability": xr.DataArray(
                np.c_[np.arange(40.0), -np.arange(40.0)], {"image": names(40)}, ("image", "half")
            )
        },
        ArgumentError,
        "reliability must be above 0; got halves whose mean correlation is 0 or less",
    ),
    "halves that lack an image": (
        {"reliability": xr.DataArray(np.full((40, 2), np.nan), {"image": names(40)}, ("image", "half"))},
        ArgumentError,
        "reliability must be finite for every image",
    ),
    "reliability of several scores": (
        {"scores": hits(measure()).to_dataset(), "reliability": {"split_half": 0.8}},
        ArgumentError,
        "reliability must name scores; got dict",
    ),
    "reliability of an unknown score": (
        {"scores": hits(measure()).to_dataset(), "reliability": {"hits": {"split_half": 0.8}}},
        UnknownNameError,
        "reliability",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_remedy(mistake):
    changed, error, words = MISTAKES[mistake]
    given_arguments = {
        "measure": measure(),
        "scores": hits(measure()),
        "n_permutations": 19,
        "n_bootstraps": 5,
    } | changed
    with pytest.raises(error, match=words):
        measures.profile(given_arguments.pop("measure"), given_arguments.pop("scores"), **given_arguments)


def test_too_few_different_scores_leave_nothing_to_draw_from():
    table = measure(4)
    with pytest.raises(ArgumentError, match="n_bootstraps must leave something to compare in nearly every sample"):
        measures.profile(table, column([0.0, 0, 0, 1]), n_permutations=0)


# contrasts


@by_method
def test_contrasts_are_differences_in_the_same_samples(method):
    table = measure()
    found = measures.contrast(table, hits(table), method=method, n_bootstraps=60, rng=4)
    one = measures.profile(table, hits(table), method=method, n_permutations=0, n_bootstraps=0)["estimate"].values
    assert found["contrast"].values.tolist() == ["conv1 − conv2", "conv1 − conv3", "conv2 − conv3"]
    np.testing.assert_allclose(found["estimate"], [one[0] - one[1], one[0] - one[2], one[1] - one[2]])
    counts = stats.bootstrap_counts(40, 60, rng=np.random.default_rng(4))
    draws = [
        np.subtract(*(RIVALS[method](*(np.repeat(x.values, c) for x in (table[k], hits(table))))[0] for k in pair))
        for c in counts
        for pair in [("conv1", "conv3")]
    ]
    low, high = stats.expanded(np.array(draws), n=40)
    np.testing.assert_allclose([found["ci_low"][1], found["ci_high"][1]], [low, high])
    np.testing.assert_allclose(found["p"][1], stats.bootstrap_p(np.array(draws), n=40))
    np.testing.assert_allclose(found["first_estimate"] - found["second_estimate"], found["estimate"])
    assert found["n"].values.tolist() == [40] * 3
    assert found.attrs["null"] == "both have the same correlation with the scores"


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_contrasts_agree_with_those_of_predictions(method):
    table = measure(60)
    found = measures.contrast(table, hits(table), method=method, n_bootstraps=20)
    rival = evaluation.compare(table, hits(table), n_bootstraps=0).sel(metric=method)
    np.testing.assert_allclose(found["estimate"], rival["estimate"], atol=1e-12)


def test_a_layer_is_held_against_another_or_against_a_baseline():
    table, untrained = measure(), measure(seed=4, k=2)
    given_baselines = {"untrained": untrained, "luminance": column(np.arange(40.0) % 7, "luminance")}
    options = {"baselines": given_baselines, "n_bootstraps": 20, "rng": 0}
    target = hits(table)
    pairs = {
        "conv2": [("conv1", "conv2"), ("conv3", "conv2")],
        "untrained": [("conv1", "untrained: conv1"), ("conv2", "untrained: conv2")],
        "luminance": [("conv1", "luminance"), ("conv2", "luminance"), ("conv3", "luminance")],
    }
    table_of = measures.profile(table, target, n_permutations=0, **options)["estimate"]
    for against, expected in pairs.items():
        found = measures.contrast(table, target, against=against, **options)
        assert list(zip(found["first"].values, found["second"].values, strict=True)) == expected
        gap = [table_of.sel(layer=a).item() - table_of.sel(layer=b).item() for a, b in expected]
        np.testing.assert_allclose(found["estimate"], gap)
    with pytest.raises(UnknownNameError, match="against"):
        measures.contrast(table, target, against="conv9", **options)
    with pytest.raises(ArgumentError, match="measure must leave two layers at least, or a layer and its baseline"):
        measures.contrast(table["conv1"], target, n_bootstraps=20)
    with pytest.raises(ArgumentError, match="n_bootstraps must be at least 2"):
        measures.contrast(table, target, n_bootstraps=1)


def test_partial_correlations_of_several_scores_are_contrasted():
    table = measure()
    both = xr.Dataset({"hit_rate": hits(table), "false_alarms": hits(table, -0.5, 7)})
    options = {"covariates": column(np.arange(40.0) % 7, "luminance"), "rng": 1}
    found = measures.contrast(table, both, n_bootstraps=20, alternative="greater", **options)
    of = measures.profile(table, both, n_permutations=0, n_bootstraps=0, **options)["estimate"].values
    np.testing.assert_allclose(found["estimate"].values, [of[0] - of[1], of[0] - of[2], of[1] - of[2]])
    assert (found["p_corrected"] >= found["p"]).all()
    assert found.attrs["method"] == "difference of partial spearman correlations, paired bootstrap"
    assert found.attrs["alternative"] == "greater"


@by_method
def test_contrasts_are_corrected_by_the_largest_in_the_same_samples(method):
    table = measure(30)
    both = xr.Dataset({"hit_rate": hits(table), "false_alarms": hits(table, -0.5, 7)})
    options = {"method": method, "n_bootstraps": 50, "rng": 4}
    found = measures.contrast(table, both, **options)
    counts = stats.bootstrap_counts(30, 50, rng=np.random.default_rng(4))
    draws = np.array(
        [
            [
                RIVALS[method](*(np.repeat(values, c) for values in (row.values, score.values))).statistic
                for row in table.values()
                for score in both.values()
            ]
            for c in counts
        ]
    ).reshape(50, 3, 2)
    gaps = np.stack([draws[:, a] - draws[:, b] for a, b in ((0, 1), (0, 2), (1, 2))], axis=1)
    estimate = found["estimate"].values
    spread = gaps.std(axis=0, ddof=1)
    # a z that is as rare as t
    away = student.isf(norm.sf(np.abs(gaps - estimate) / spread), 29).max(axis=(1, 2))
    observed = np.abs(estimate) / (spread * np.sqrt(30 / 29))
    expected = ((away[:, None, None] >= observed).sum(axis=0) + 1) / 51
    np.testing.assert_allclose(found["p_corrected"], np.maximum(found["p"], expected))
    alone = measures.contrast(table[["conv1", "conv2"]], both["hit_rate"], **options)
    np.testing.assert_array_equal(alone["p_corrected"], alone["p"])


def test_a_real_difference_among_fifteen_contrasts_is_found_with_a_thousand_samples():
    rng = np.random.default_rng(0)
    noise, target = rng.standard_normal((6, 120)), rng.standard_normal(120)
    noise[3] += 0.8 * target
    layers = xr.Dataset({f"conv{k}": ("image", row) for k, row in enumerate(noise)}, {"image": names(120)})
    found = measures.contrast(layers, column(target))
    assert found.sizes["contrast"] == 15
    real = (found["first"] == "conv3") | (found["second"] == "conv3")
    assert (found["p_corrected"][real.values] < 0.05).all()
    assert (found["p_corrected"][~real.values] > 0.05).all()


# published


@pytest.fixture(scope="module")
def isola(data_folder):
    """What Lin et al. (2024) measured of 2,222 photographs in seven layers, and how memorable these are."""
    files = {k: pd.read_csv(data_folder / "reconmem_isola" / f"Isola_layer_{k}_dist_rec.csv") for k in range(1, 8)}
    targets = {k: table[table["Image type"] == "Target"] for k, table in files.items()}
    image = [f"{number:04d}" for number in targets[1]["Image index"]]

    def by_layer(name):
        columns = {f"L{k}": ("image", table[name].to_numpy()) for k, table in targets.items()}
        return xr.Dataset(columns, {"image": image})

    memorability = xr.DataArray(
        targets[1]["Memorability score"].to_numpy(), {"image": image}, ("image",), "memorability"
    )
    return by_layer("Distinctiveness"), by_layer("Reconstruction error"), memorability


@pytest.mark.data
def test_the_profiles_of_lin_et_al_2024(isola):
    distinctiveness, error, memorability = isola
    published = {
        "Distinctiveness": (distinctiveness, [0.135, 0.140, 0.213, 0.281, 0.354, 0.322, 0.289]),
        "Reconstruction error": (error, [0.147, 0.158, 0.225, 0.276, 0.343, 0.307, 0.324]),
    }
    for table, expected in published.values():
        found = measures.profile(table, memorability, n_permutations=99, n_bootstraps=0)
        assert found["estimate"].values.round(3).tolist() == expected
        assert (found["p_corrected"] == 0.01).all()
        assert (found["n"] == 2222).all()


@pytest.mark.data
def test_the_correlations_of_lin_et_al_2024(isola):
    """Pearson's, with the limits that they published of 1,000 bootstrap samples."""
    distinctiveness, error, memorability = isola
    options = {"method": "pearson", "n_permutations": 0, "n_bootstraps": 1_000}
    distant = measures.profile(distinctiveness["L5"], memorability, **options)
    with pytest.warns(SkewedWarning, match="Skewness is beyond 1 in 1: 'L7'"):
        lost = measures.profile(error["L7"], memorability, covariates=distinctiveness["L5"], **options)
    found = {
        "distant": (distant, "estimate", "ci_low", "ci_high"),
        "lost": (lost, "plain", "plain_ci_low", "plain_ci_high"),
        "lost given distant": (lost, "estimate", "ci_low", "ci_high"),
    }
    # scipy's of the same tables, and what was published of them: .2963 stands there as .29
    known = {
        "distant": (0.359, 0.36, 0.32, 0.40),
        "lost": (0.296, 0.29, 0.26, 0.33),
        "lost given distant": (0.163, 0.16, 0.11, 0.20),
    }
    for name, (result, *columns) in found.items():
        estimate, *limits = (result[column].item() for column in columns)
        assert round(estimate, 3) == known[name][0]
        np.testing.assert_allclose(estimate, known[name][1], atol=0.0075)
        np.testing.assert_allclose(limits, known[name][2:], atol=0.015)
