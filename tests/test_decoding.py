"""Decoding beyond one score and one deal of folds: how folds are dealt, several scores, halves, other estimators."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from test_regression import QUICK, names, per_image, planted

from memfeat import regression, stats
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.regression import metrics, resampled, ridge
from memfeat.regression.dealing import Dealing, dealt
from memfeat.regression.folds import shuffled

SCENE = per_image(np.repeat(np.arange(20), 3), "scene")
KIND = per_image(np.repeat(["in", "out"], [24, 36]).astype(object), "kind")
SPLIT = per_image(np.repeat(["train", "test"], [40, 20]).astype(object), "split")


def decoded(*args, **options):
    return regression.decode(*planted(), *args, **QUICK | options)


# --- folds ------------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), n_folds=st.integers(2, 5), n_groups=st.integers(5, 15))
def test_groups_are_never_split_and_folds_are_nearly_even(seed, n_folds, n_groups):
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, 40)])
    fold = dealt(len(groups), n_folds, Dealing(groups, None, {}), rng)
    assert all(len(set(fold[groups == group])) == 1 for group in range(n_groups))
    sizes = np.bincount(fold, minlength=n_folds)
    assert sizes.min() > 0
    assert np.ptp(sizes) <= np.bincount(groups).max()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), n_folds=st.integers(2, 5))
def test_each_fold_gets_its_share_of_each_stratum(seed, n_folds):
    rng = np.random.default_rng(seed)
    strata = rng.integers(0, 3, 50)
    fold = dealt(50, n_folds, Dealing(None, strata, {}), rng)
    table = np.array([np.bincount(fold[strata == kind], minlength=n_folds) for kind in range(3)])
    assert (np.ptp(table, axis=1) <= 1).all()
    assert np.ptp(table.sum(axis=0)) <= 3


def test_groups_of_one_stratum_each_are_shared_out():
    groups, strata = np.repeat(np.arange(12), 5), np.repeat([0, 1, 2], 20)
    fold = dealt(60, 4, Dealing(groups, strata, {}), np.random.default_rng(1))
    assert all((np.bincount(fold[strata == kind]) == 5).all() for kind in range(3))
    other = dealt(60, 4, Dealing(groups, strata, {}), np.random.default_rng(2))
    assert not np.array_equal(fold, other)


def test_groups_are_held_out_together_and_blocks_too_when_they_change_places():
    grouped = decoded(groups=SCENE, permute="whole")
    assert all(len(set(grouped["fold"].values[SCENE.values == scene])) == 1 for scene in range(20))
    xr.testing.assert_equal(decoded(blocks=SCENE, permute="whole"), grouped)
    free = decoded(groups=SCENE, permute="free")
    np.testing.assert_array_equal(free["prediction"], grouped["prediction"])
    assert not free["p"].equals(grouped["p"]) or not free["null_mean"].equals(grouped["null_mean"])
    assert grouped.attrs["fold_groups"] == "scene"
    within = decoded(groups=SCENE, blocks=KIND, permute="within")
    assert within.attrs["blocks"] == "kind"
    stratified = decoded(strata=KIND)
    assert set(np.bincount(stratified["fold"][:24])) <= {4, 5}


def test_repeats_are_averaged():
    features, scores = planted(n=40, noise=4.0)
    result = regression.decode(features, scores, repeats=3, folds=4, n_permutations=8, n_bootstraps=9, rng=3)
    assert result["prediction"].dims == ("layer", "repeat", "image")
    assert result["penalty"].dims == ("layer", "repeat", "held_out")
    rng = np.random.default_rng(3)
    folds = [shuffled(40, 4, rng) for _ in range(3)]
    np.testing.assert_array_equal(result["fold"], folds)
    columns = np.column_stack([scores, *(scores.values[rng.permutation(40)] for _ in range(8))])
    counts = stats.bootstrap_counts(40, 9, rng=rng)
    x = features["late"].values
    predictions = [ridge.out_of_fold(x @ x.T, columns, fold)[0] for fold in folds]
    found = np.mean([metrics.spearman(one, columns) for one in predictions], axis=0)
    assert result["estimate"].sel(layer="late").item() == pytest.approx(found[0])
    assert result["null_mean"].sel(layer="late").item() == pytest.approx(found[1:].mean())
    draws = np.mean([metrics.resampled_spearman(one[:, 0], columns[:, 0], counts) for one in predictions], axis=0)
    assert result["ci_low"].sel(layer="late").item() == pytest.approx(float(stats.expanded(draws, n=40)[0]))


def test_a_fixed_split_is_fitted_to_one_part_and_judged_on_the_other():
    features, scores = planted()
    result = regression.decode(features, scores, folds=SPLIT, held_out="test", **QUICK)
    assert result["held_out"].values.tolist() == ["test"]
    assert result["fold"].values.tolist() == SPLIT.values.tolist()
    assert (result["n"] == 20).all()
    x, y = features["late"].values, scores.values
    penalty = result["penalty"].sel(layer="late", held_out="test").item()
    expected = Ridge(alpha=penalty, solver="svd").fit(x[:40], y[:40]).predict(x[40:])
    predicted = result["prediction"].sel(layer="late").values
    np.testing.assert_allclose(predicted[40:], expected, rtol=1e-8)
    assert np.isnan(predicted[:40]).all()
    assert result["estimate"].sel(layer="late").item() == pytest.approx(spearmanr(expected, y[40:]).statistic)
    assert result["r2"].sel(layer="late").item() == pytest.approx(r2_score(y[40:], expected))
    series = pd.Series(SPLIT.values, index=names(60), name="split").sample(frac=1, random_state=0)
    again = regression.decode(features, scores, folds=series, held_out=["test"], **QUICK)
    xr.testing.assert_identical(again, result)


def test_every_set_is_held_out_in_turn(tmp_path):
    numbers = per_image(np.repeat([7, 3, 5], 20), "set")
    result = decoded(folds=numbers)
    assert result["held_out"].values.tolist() == [3, 5, 7]
    assert result["fold"].values.tolist() == numbers.values.tolist()
    assert result.attrs["n_folds"] == 3
    lettered = decoded(folds=numbers.astype(str).astype(object))
    np.testing.assert_array_equal(lettered["prediction"], result["prediction"])
    lettered.to_netcdf(tmp_path / "decoded.nc", engine="h5netcdf")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "decoded.nc", engine="h5netcdf"), lettered)


WRONG_FOLDS = {
    "one group": (
        {"groups": SCENE * 0, "permute": "free"},
        ArgumentError,
        "folds must be at most as many as there are groups; got 5 folds of 1 group. Images of a group",
    ),
    "few groups": ({"groups": KIND, "permute": "free"}, ArgumentError, "got 5 folds of 2 groups"),
    "no scheme": ({"groups": SCENE}, ArgumentError, "permute must be named when groups are given.*whole"),
    "misnamed groups": (
        {"groups": SCENE.assign_coords(image=[*names(59), "x.jpg"]), "permute": "free"},
        ArgumentError,
        r"groups and the images must hold the same images; got only in groups 1: 'x\.jpg'",
    ),
    "strata of numbers": ({"strata": [1, 2]}, KindError, "strata must be a DataArray or Series"),
    "no repeat": ({"repeats": 0}, ArgumentError, "repeats must be at least 1"),
    "half a repeat": ({"repeats": 1.5}, KindError, "repeats must be a whole number"),
    "repeated split": ({"folds": SPLIT, "repeats": 2}, ArgumentError, "repeats must be left out when folds are given"),
    "stratified split": ({"folds": SPLIT, "strata": KIND}, ArgumentError, "strata must be left out"),
    "grouped split": ({"folds": SPLIT, "groups": KIND, "permute": "free"}, ArgumentError, "groups must be left out"),
    "held out of dealt folds": ({"held_out": "test"}, ArgumentError, "held_out must name folds that are given"),
    "other fold": (
        {"folds": SPLIT, "held_out": "tset"},
        ArgumentError,
        "held_out must name folds; got 1: 'tset'. They are 'test', 'train'",
    ),
    "one fold": ({"folds": SPLIT.where(SPLIT == "train", "train")}, ArgumentError, "folds must have two labels"),
    "nothing to fit to": (
        {"folds": per_image(["a"] * 59 + ["b"])},
        ArgumentError,
        "leave two images at least to fit to, fold 'a' held out; got 1",
    ),
    "little to judge": (
        {"folds": per_image(["a"] * 58 + ["b"] * 2), "held_out": "b"},
        ArgumentError,
        "hold out three images at least; got 2",
    ),
    "little to draw": (
        {"folds": per_image(["a"] * 57 + ["b"] * 3), "held_out": "b", "n_bootstraps": 400},
        ArgumentError,
        r"n_bootstraps must leave something to compare in nearly every sample; got \d+% undefined samples. There are "
        "too few images, or too few values that differ: use n_bootstraps=0",
    ),
    "little that differs": (
        {"scores": lambda s: s.copy(data=np.arange(60) < 2).astype(float), "n_bootstraps": 400},
        ArgumentError,
        "n_bootstraps must leave something to compare",
    ),
    "split blocks": (
        {"folds": SPLIT, "blocks": SCENE, "permute": "whole"},
        ArgumentError,
        "folds must keep blocks together with permute='whole'; got 1 of 20 blocks in several folds",
    ),
    "nothing to fit to, dealt": (
        {"groups": per_image(["a"] * 59 + ["b"]), "permute": "free", "folds": 2},
        ArgumentError,
        r"leave two images at least to fit to, fold '\d' held out; got 1",
    ),
    "constant where fitted": (
        {"folds": SPLIT, "held_out": "test", "scores": lambda s: s.where(SPLIT == "test", 0.5)},
        ArgumentError,
        r"scores must differ between images; got 0\.5 for every image that is fitted to, fold 'test' held out",
    ),
    "constant where judged": (
        {"folds": SPLIT, "held_out": "test", "scores": lambda s: s.where(SPLIT == "train", 0.5)},
        ArgumentError,
        r"scores must differ between images; got 0\.5 for every held-out image. A score that is the same for all",
    ),
}


@pytest.mark.parametrize("case", WRONG_FOLDS)
def test_folds_that_cannot_be_are_refused_with_advice(case):
    options, kind, message = WRONG_FOLDS[case]
    features, scores = planted()
    change = options.get("scores", lambda same: same)
    rest = {name: value for name, value in options.items() if name != "scores"}
    with pytest.raises(kind, match=message):
        regression.decode(features, change(scores), **QUICK | rest)


def test_three_held_out_images_are_judged_without_an_interval():
    features, scores = planted()
    few = per_image(["a"] * 57 + ["b"] * 3)
    result = regression.decode(features, scores, folds=few, held_out="b", n_permutations=5, n_bootstraps=0)
    assert result["ci_low"].isnull().all()
    late = result["prediction"].sel(layer="late").values[57:]
    assert result["estimate"].sel(layer="late").item() == pytest.approx(spearmanr(late, scores[57:]).statistic)
    with pytest.raises(ArgumentError, match="n_bootstraps must leave something to compare in nearly every sample"):
        regression.contrast(result, scores, n_bootstraps=400)


# --- several scores ---------------------------------------------------------------------------------------------------


def two_scores(seed=1):
    _, scores = planted()
    rng = np.random.default_rng(seed)
    return xr.Dataset({"hit_rate": scores, "false_alarms": -scores + 2 * rng.standard_normal(60)})


def test_several_scores_are_each_decoded_as_they_are_alone(tmp_path):
    features, _ = planted()
    both = two_scores()
    result = regression.decode(features, both, **QUICK)
    assert result["score"].values.tolist() == ["hit_rate", "false_alarms"]
    assert result["estimate"].dims == ("layer", "score")
    assert result["prediction"].dims == ("layer", "score", "image")
    for name in both:
        alone = regression.decode(features, both[name], **QUICK)
        for column in ("estimate", "ci_low", "p", "null_mean", "mse", "r2_ci_high", "pearson_p", "penalty"):
            np.testing.assert_allclose(result[column].sel(score=name), alone[column], rtol=1e-9)
        assert (result["p_corrected"].sel(score=name) >= alone["p_corrected"] - 1e-12).all()
    assert result.attrs["scores"] == ["hit_rate", "false_alarms"]
    frame = both.to_dataframe().sample(frac=1, random_state=0)
    xr.testing.assert_allclose(regression.decode(features, frame, **QUICK), result)
    result.to_netcdf(tmp_path / "decoded.nc", engine="h5netcdf")


def test_the_corrected_p_is_that_of_the_best_layer_and_score():
    features, _ = planted(noise=8.0)
    both = two_scores()
    result = regression.decode(features, both, n_permutations=50, n_bootstraps=0, rng=4)
    rng = np.random.default_rng(4)
    fold = shuffled(60, 5, rng)
    null = {"estimate": [], "mse": []}
    for _ in range(50):
        moved = both.to_dataframe()[["hit_rate", "false_alarms"]].values[rng.permutation(60)]
        of = [ridge.out_of_fold(x @ x.T, moved, fold)[0] for x in (features[one].values for one in features)]
        null["estimate"].append(max(metrics.spearman(one, moved).max() for one in of))
        null["mse"].append(min((metrics.mse(one, moved) / moved.var(axis=0)).min() for one in of))
    spread = both.to_dataframe().var(ddof=0)[["hit_rate", "false_alarms"]].values
    expected = (1 + (np.array(null["estimate"]) >= result["estimate"].values[..., None] - 1e-9).sum(axis=-1)) / 51
    np.testing.assert_allclose(result["p_corrected"], expected)
    expected = (1 + (np.array(null["mse"]) <= (result["mse"].values / spread)[..., None] + 1e-9).sum(axis=-1)) / 51
    np.testing.assert_allclose(result["mse_p_corrected"], expected)


def test_every_metric_has_an_interval_and_a_p_value():
    result = decoded(n_permutations=99, n_bootstraps=200)
    late, early = result.sel(layer="late"), result.sel(layer="early")
    for name in ("", "pearson_", "r2_", "mse_"):
        value = late[name.rstrip("_") or "estimate"]
        assert late[f"{name}ci_low"] < value < late[f"{name}ci_high"]
        assert late[f"{name}p"] == late[f"{name}p_corrected"] == 1 / 100
        assert early[f"{name}p"] > 0.05
    # squared errors of one score are in the order of R²
    np.testing.assert_array_equal(result["r2_p"], result["mse_p"])
    two_sided = decoded(alternative="two-sided")
    np.testing.assert_array_equal(two_sided["r2_p"], decoded()["r2_p"])
    less = decoded(alternative="less")
    assert (less["mse_p"].sel(layer="late") == 1).all()


def test_resampled_metrics_are_those_of_the_written_out_sample():
    rng = np.random.default_rng(1)
    predicted, y = rng.standard_normal((2, 25))
    counts = rng.multinomial(25, np.full(25, 1 / 25), size=20)
    for name, metric in resampled.RESAMPLED.items():
        found = metric(predicted, y, counts)
        for value, row in zip(found, counts, strict=True):
            sample = np.repeat(np.arange(25), row)
            expected = metrics.METRICS[name](predicted[sample, None], y[sample, None])[0]
            assert value == pytest.approx(expected, abs=1e-12)
    one_image = np.eye(25, dtype=int)[:1] * 25
    assert np.isnan(resampled.pearson(predicted, y, one_image)).all()


# --- reliability ------------------------------------------------------------------------------------------------------


def halves_of(scores, n_splits=4, noise=1.0):
    rng = np.random.default_rng(5)
    values = scores.values[:, None, None] + noise * rng.standard_normal((60, 2, n_splits))
    return xr.DataArray(values, dims=("image", "half", "split"), coords={"image": scores["image"].values})


def test_halves_are_drawn_again_with_the_images():
    features, scores = planted()
    halves = halves_of(scores)
    result = regression.decode(features, scores, reliability=halves, n_permutations=0, n_bootstraps=50, rng=2)
    raw = np.mean([pearsonr(*halves.values[:, :, k].T).statistic for k in range(4)])
    assert result["reliability_pearson"].item() == pytest.approx(2 * raw / (1 + raw))
    ranked = np.mean([spearmanr(*halves.values[:, :, k].T).statistic for k in range(4)])
    ranked = 2 * ranked / (1 + ranked)
    np.testing.assert_allclose(result["estimate_relative"], result["estimate"] / np.sqrt(ranked))
    np.testing.assert_allclose(result["r2_relative"], result["r2"] / (2 * raw / (1 + raw)))
    rng = np.random.default_rng(2)
    shuffled(60, 5, rng)
    counts = stats.bootstrap_counts(60, 50, rng=rng)
    predicted, y, draws = result["prediction"].sel(layer="late").values, scores.values, []
    floors, floor = [], result["mse_floor"].sel(layer="late").item()
    for row in counts:
        sample = np.repeat(np.arange(60), row)
        r = np.mean([spearmanr(*halves.values[sample, :, k].T).statistic for k in range(4)])
        draws.append(spearmanr(predicted[sample], y[sample]).statistic / np.sqrt(2 * r / (1 + r)))
        r = np.mean([np.corrcoef(*halves.values[sample, :, k].T)[0, 1] for k in range(4)])
        floors.append((1 - 2 * r / (1 + r)) * y[sample].var())
    low, high = stats.expanded(np.array(draws), n=60)
    assert result["estimate_relative_ci_low"].sel(layer="late").item() == pytest.approx(float(low))
    assert result["estimate_relative_ci_high"].sel(layer="late").item() == pytest.approx(float(high))
    low, high = stats.expanded(floor**2 / np.array(floors), n=60)
    assert result["mse_floor_ci_low"].sel(layer="late").item() == pytest.approx(float(low))
    assert result["mse_floor_ci_high"].sel(layer="late").item() == pytest.approx(float(high))
    assert low < floor < high
    assert result.attrs["reliability"] == "halves, 4 splits"
    one_split = regression.decode(features, scores, reliability=halves.isel(split=0), **QUICK)
    assert one_split.attrs["reliability"] == "halves, 1 splits"


def test_a_named_reliability_is_held_fixed():
    result = decoded(reliability={"spearman_brown": 0.64})
    np.testing.assert_allclose(result["estimate_relative_ci_low"], result["ci_low"] / 0.8)
    np.testing.assert_allclose(result["r2_relative_ci_high"], result["r2_ci_high"] / 0.64)
    assert "reliability_pearson" not in result


def test_halves_that_agree_entirely_leave_no_error_to_a_perfect_model():
    features, scores = planted()
    result = regression.decode(features, scores, reliability=halves_of(scores, noise=0.0), **QUICK)
    for name in ("mse_floor", "mse_floor_ci_low", "mse_floor_ci_high"):
        np.testing.assert_allclose(result[name], 0, atol=1e-12)


def test_each_score_has_a_reliability_of_its_own():
    features, _ = planted()
    both = two_scores()
    known = {"hit_rate": halves_of(both["hit_rate"]), "false_alarms": {"split_half": 0.6}}
    result = regression.decode(features, both, reliability=known, **QUICK)
    assert result["reliability_pearson"].sel(score="false_alarms").item() == pytest.approx(0.75)
    alone = regression.decode(features, both["hit_rate"], reliability=known["hit_rate"], **QUICK)
    np.testing.assert_allclose(result["mse_floor"].sel(score="hit_rate"), alone["mse_floor"])
    partly = regression.decode(features, both, reliability={"hit_rate": {"split_half": 0.6}}, **QUICK)
    assert partly["r2_relative"].sel(score="false_alarms").isnull().all()


WRONG_RELIABILITY = {
    "three halves": (lambda h: h.isel(half=[0, 1, 1]), ArgumentError, r"reliability must have dims image, half \(2\)"),
    "other images": (
        lambda h: h.assign_coords(image=[*names(59), "x.jpg"]),
        ArgumentError,
        "reliability and scores must hold the same images",
    ),
    "missing half": (lambda h: h.where(h > -9), ArgumentError, "reliability must be finite for every image"),
    "text": (lambda h: h.astype(str), KindError, "reliability must hold numbers"),
    "against each other": (
        lambda h: h * xr.DataArray([1, -1], dims="half"),
        ArgumentError,
        "reliability must be above 0; got halves whose mean correlation is 0 or less",
    ),
}


@pytest.mark.parametrize("case", WRONG_RELIABILITY)
def test_halves_that_cannot_be_are_refused(case):
    change, kind, message = WRONG_RELIABILITY[case]
    features, scores = planted()
    halves = halves_of(scores)
    halves[3, 0, 0] = -10
    with pytest.raises(kind, match=message):
        regression.decode(features, scores, reliability=change(halves), **QUICK)


def test_scores_that_cannot_be_are_refused():
    features, scores = planted()
    both = two_scores()
    with pytest.raises(ArgumentError, match=r"scores\['false_alarms'\] must be finite"):
        regression.decode(
            features,
            both.assign(false_alarms=both["false_alarms"].where(scores > -99)[:].where(both.image != "photo-003.jpg")),
            **QUICK,
        )
    with pytest.raises(ArgumentError, match=r"scores\['flat'\] must differ between images"):
        regression.decode(features, both.assign(flat=scores * 0), **QUICK)
    with pytest.raises(ArgumentError, match="scores must have a column; got none"):
        regression.decode(features, both[[]], **QUICK)
    with pytest.raises(ArgumentError, match="reliability must name scores; got dict. Say whose it is"):
        regression.decode(features, both, reliability={"split_half": 0.5}, **QUICK)
    with pytest.raises(UnknownNameError, match="reliability must be a known name; got 'hits'"):
        regression.decode(features, both, reliability={"hits": {"split_half": 0.5}}, **QUICK)
