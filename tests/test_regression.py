"""Decoding: scores of held-out images predicted from features."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import mean_squared_error, r2_score

from memfeat import regression
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.regression import metrics, ridge
from memfeat.regression.folds import shuffled
from memfeat.regression.spans import span

QUICK = {"n_permutations": 19, "n_bootstraps": 20}


def names(n):
    return np.array([f"photo-{i:03d}.jpg" for i in range(n)], dtype=object)


def layer(values, name="fc"):
    dims = ["image", f"{name}:channel"]
    return xr.DataArray(values, dims=dims, coords={"image": names(len(values))}, name=name)


def per_image(values, name="hit_rate"):
    return xr.DataArray(values, dims="image", coords={"image": names(len(values))}, name=name)


def planted(n=60, p=8, *, noise=1.0, seed=0):
    """Two layers, the first of which carries the scores, and the scores."""
    rng = np.random.default_rng(seed)
    signal, other = rng.standard_normal((n, p)), rng.standard_normal((n, 2 * p))
    scores = signal @ rng.standard_normal(p) + noise * rng.standard_normal(n)
    features = xr.Dataset({"early": layer(other, "early"), "late": layer(signal, "late")}, attrs={"model": "toy"})
    return features, per_image(scores)


def centred_gram(x):
    return (x - x.mean(axis=0)) @ (x - x.mean(axis=0)).T


# --- ridge, the kernel ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "p"), [(14, 4), (14, 40)])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 300.0])
def test_the_leave_one_out_error_is_that_of_n_refits(n, p, penalty):
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((n, p)) + 5, rng.standard_normal((n, 2)) + 2
    training = span(x @ x.T, np.arange(n), np.arange(1))
    centred = y - y.mean(axis=0)
    found = ridge._leave_one_out(training, centred, training.vectors.T @ centred, np.array([penalty]))[0]
    errors = np.zeros(2)
    for i in range(n):
        rest = np.arange(n) != i
        # the penalty belongs to the sum of squares, so it stays as it is when one image is left out
        refit = Ridge(alpha=penalty, solver="cholesky" if p < n else "svd").fit(x[rest], y[rest])
        errors += (y[i] - refit.predict(x[[i]])[0]) ** 2
    np.testing.assert_allclose(found, errors, rtol=1e-8)


@pytest.mark.parametrize("p", [3, 80])
def test_ridge_chooses_and_predicts_as_scikit_learn_does(p):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((40, p)) * np.linspace(0.1, 3, p) + 4
    y = x @ rng.standard_normal(p) + 3 * rng.standard_normal(40)
    fold = shuffled(40, 5, np.random.default_rng(0))
    predictions, penalties = ridge.out_of_fold(x @ x.T, y[:, None], fold)
    for k in range(5):
        inside, outside = fold != k, fold == k
        centred = x[inside] - x[inside].mean(axis=0)
        grid = ridge.PENALTIES * (centred**2).sum(axis=1).mean()
        rival = RidgeCV(alphas=grid, scoring="neg_mean_squared_error").fit(x[inside], y[inside])
        assert penalties[k, 0] == pytest.approx(rival.alpha_, rel=1e-12)
        model = Ridge(alpha=penalties[k, 0], solver="svd").fit(x[inside], y[inside])
        np.testing.assert_allclose(predictions[outside, 0], model.predict(x[outside]), rtol=1e-8)


def test_every_target_has_a_penalty_of_its_own(monkeypatch):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((40, 10))
    y = np.column_stack([x @ rng.standard_normal(10), rng.standard_normal((40, 6))])
    fold = shuffled(40, 4, rng)
    together = ridge.out_of_fold(x @ x.T, y, fold)
    assert (together[1][:, 0] < together[1][:, 1:].max(axis=1)).all()
    monkeypatch.setattr(ridge, "BLOCK", 40)
    for t in range(7):
        alone = ridge.out_of_fold(x @ x.T, y[:, [t]], fold)
        blocked = ridge.out_of_fold(x @ x.T, y, fold)
        for whole, part, block in zip(together, alone, blocked, strict=True):
            np.testing.assert_allclose(whole[:, t], part[:, 0], rtol=1e-10)
            np.testing.assert_allclose(whole[:, t], block[:, t], rtol=1e-10)


def test_held_out_images_do_not_touch_the_fit():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((20, 30)), rng.standard_normal((20, 1))
    fold = np.repeat([0, 1], 10)
    predictions, penalties = ridge.out_of_fold(x @ x.T, y, fold)
    moved_x, moved_y = x.copy(), y.copy()
    moved_x[9], moved_y[:10] = 100.0, -50.0
    other, strengths = ridge.out_of_fold(moved_x @ moved_x.T, moved_y, fold)
    np.testing.assert_allclose(other[:9], predictions[:9], rtol=1e-9)
    assert strengths[0] == pytest.approx(penalties[0])


def test_training_images_that_are_all_alike_predict_their_mean():
    x = np.zeros((8, 2))
    x[3] = [2.0, 1.0]
    fold = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    y = np.arange(8.0)[:, None]
    predictions, _ = ridge.out_of_fold(centred_gram(x), y, fold)
    np.testing.assert_allclose(predictions[fold == 1, 0], 3.0)


def test_folds_are_even_and_depend_on_the_seed_alone():
    fold = shuffled(23, 5, np.random.default_rng(1))
    assert sorted(np.bincount(fold)) == [4, 4, 5, 5, 5]
    np.testing.assert_array_equal(fold, shuffled(23, 5, np.random.default_rng(1)))
    assert not np.array_equal(fold, shuffled(23, 5, np.random.default_rng(2)))


# --- metrics ----------------------------------------------------------------------------------------------------------


def test_metrics_agree_with_scipy_and_scikit_learn():
    rng = np.random.default_rng(0)
    predicted, y = np.round(rng.standard_normal((30, 4)), 1), np.round(rng.standard_normal((30, 4)), 1)
    for t in range(4):
        expected = {
            "estimate": spearmanr(predicted[:, t], y[:, t]).statistic,
            "pearson": pearsonr(predicted[:, t], y[:, t]).statistic,
            "r2": r2_score(y[:, t], predicted[:, t]),
            "mse": mean_squared_error(y[:, t], predicted[:, t]),
        }
        for name, metric in metrics.METRICS.items():
            assert metric(predicted, y)[t] == pytest.approx(expected[name], abs=1e-12)


def test_a_prediction_that_does_not_vary_correlates_zero():
    assert metrics.spearman(np.ones((4, 1)), np.arange(4.0)[:, None])[0] == 0


def test_resampled_ranks_are_those_of_the_written_out_sample():
    rng = np.random.default_rng(1)
    predicted, y = np.round(rng.standard_normal(25), 1), rng.integers(0, 5, 25).astype(float)
    counts = rng.multinomial(25, np.full(25, 1 / 25), size=30)
    found = metrics.resampled_spearman(predicted, y, counts)
    for value, row in zip(found, counts, strict=True):
        sample = np.repeat(np.arange(25), row)
        assert value == pytest.approx(spearmanr(predicted[sample], y[sample]).statistic, abs=1e-12)
    one_image = np.eye(25, dtype=int)[:1] * 25
    assert np.isnan(metrics.resampled_spearman(predicted, y, one_image)).all()


# --- decode -----------------------------------------------------------------------------------------------------------


def test_scores_that_are_a_feature_are_predicted_exactly():
    values = np.linspace(-1, 2, 12)
    result = regression.decode(layer(values[:, None]), per_image(3 * values + 1), folds=3, **QUICK)
    np.testing.assert_allclose(result["prediction"].sel(layer="fc"), 3 * values + 1, atol=1e-4)
    assert result["estimate"].item() == 1
    assert result["r2"].item() == pytest.approx(1, abs=1e-8)
    assert result["p"].item() == pytest.approx(1 / 20)


def test_a_planted_layer_is_found_and_noise_is_not():
    features, scores = planted(n=120)
    result = regression.decode(features, scores, n_permutations=199, n_bootstraps=200)
    late, early = result.sel(layer="late"), result.sel(layer="early")
    assert late["estimate"] > 0.7
    assert late["ci_low"] < late["estimate"] < late["ci_high"]
    assert late["p"] == late["p_corrected"] == 1 / 200
    assert late["p_fdr"] == 2 / 200
    assert early["p"] > 0.05
    assert (result["p_corrected"] >= result["p"]).all()


def test_numbers_follow_from_the_returned_predictions():
    features, scores = planted()
    result = regression.decode(features, scores, **QUICK)
    for name in result["layer"].values:
        predicted = result["prediction"].sel(layer=name)
        assert result["estimate"].sel(layer=name) == pytest.approx(spearmanr(predicted, scores).statistic)
        assert result["mse"].sel(layer=name) == pytest.approx(float(((predicted - scores) ** 2).mean()))


def test_decode_agrees_with_scikit_learn_on_the_same_folds():
    features, scores = planted(n=50, p=30)
    result = regression.decode(features, scores, **QUICK)
    x = features["late"].values
    for k in range(5):
        inside, outside = (result["fold"] != k).values, (result["fold"] == k).values
        model = Ridge(alpha=result["penalty"].sel(layer="late", held_out=k).item(), solver="svd")
        expected = model.fit(x[inside], scores.values[inside]).predict(x[outside])
        np.testing.assert_allclose(result["prediction"].sel(layer="late")[outside], expected, rtol=1e-8)


def test_the_p_value_is_that_of_a_loop_over_permuted_scores():
    features, scores = planted(n=24, noise=6.0)
    result = regression.decode(features, scores, folds=4, n_permutations=30, n_bootstraps=10, rng=7)
    rng = np.random.default_rng(7)
    shuffled(24, 4, rng)
    looped = []
    for _ in range(30):
        moved = per_image(scores.values[rng.permutation(24)])
        again = regression.decode(features, moved, folds=4, n_permutations=1, n_bootstraps=10, rng=7)
        looped.append(again["estimate"].values)
    looped = np.array(looped)
    for i, observed in enumerate(result["estimate"].values):
        assert result["p"].values[i] == pytest.approx((1 + (looped[:, i] >= observed - 1e-9).sum()) / 31)
        assert result["null_mean"].values[i] == pytest.approx(looped[:, i].mean())
        largest = looped.max(axis=1)
        assert result["p_corrected"].values[i] == pytest.approx((1 + (largest >= observed - 1e-9).sum()) / 31)


def test_noise_is_not_predicted_and_a_leak_is_seen():
    honest, leaky = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((30, 100)), rng.standard_normal(30)
        result = regression.decode(layer(x), per_image(y), n_permutations=1, n_bootstraps=1, rng=seed)
        honest.append(result["estimate"].item())
        # features chosen by their correlation with all scores, held-out ones included
        best = np.argsort(-np.abs(x.T @ (y - y.mean())))[:10]
        leak = regression.decode(layer(x[:, best]), per_image(y), n_permutations=1, n_bootstraps=1, rng=seed)
        leaky.append(leak["estimate"].item())
    error = np.std([honest, leaky], axis=1, ddof=1) / np.sqrt(60)
    assert np.mean(honest) <= 3 * error[0]
    assert np.mean(leaky) > 3 * error[1]


@settings(max_examples=15)
@given(seed=st.integers(0, 1000))
def test_the_order_of_images_makes_no_difference(seed):
    features, scores = planted(n=21, p=3)
    order = np.random.default_rng(seed).permutation(21)
    straight = regression.decode(features, scores, folds=3, **QUICK)
    mixed = regression.decode(features.isel(image=order), scores[np.argsort(order)], folds=3, **QUICK)
    assert mixed["image"].values.tolist() == names(21)[order].tolist()
    xr.testing.assert_identical(mixed.sortby("image"), straight)


@settings(max_examples=15)
@given(shift=st.floats(-5, 5), factor=st.floats(0.01, 100), seed=st.integers(0, 99))
def test_moving_or_scaling_the_features_makes_no_difference(shift, factor, seed):
    features, scores = planted(n=20, p=6, seed=seed)
    straight = regression.decode(features, scores, folds=4, **QUICK)
    moved = regression.decode(features * factor + shift, scores, folds=4, **QUICK)
    for name in ("estimate", "p", "p_corrected", "prediction", "ci_low"):
        np.testing.assert_allclose(moved[name], straight[name], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(moved["penalty"], straight["penalty"] * factor**2, rtol=1e-7)


def test_units_of_the_scores_carry_through():
    features, scores = planted()
    one = regression.decode(features, scores, **QUICK)
    per_cent = regression.decode(features, 100 * scores - 7, **QUICK)
    np.testing.assert_allclose(per_cent["prediction"], 100 * one["prediction"] - 7, rtol=1e-9)
    np.testing.assert_allclose(per_cent["mse"], 1e4 * one["mse"], rtol=1e-9)
    np.testing.assert_allclose(per_cent["penalty"], one["penalty"], rtol=1e-12)


def test_a_layer_does_not_depend_on_its_neighbours():
    features, scores = planted()
    both = regression.decode(features, scores, **QUICK)
    alone = regression.decode(features["late"], scores, **QUICK)
    for name in ("estimate", "ci_low", "ci_high", "p", "prediction", "fold"):
        np.testing.assert_array_equal(
            alone[name], both[name].sel(layer=["late"]) if "layer" in both[name].dims else both[name]
        )


def test_labels_and_provenance_are_kept_and_inputs_untouched(tmp_path):
    features, scores = planted()
    before = features.copy(deep=True), scores.copy(deep=True)
    result = regression.decode(features, scores, rng=3, **QUICK)
    xr.testing.assert_identical(features, before[0])
    xr.testing.assert_identical(scores, before[1])
    assert result["prediction"].dims == ("layer", "image")
    assert result["fold"].dims == ("image",)
    assert result["penalty"].dims == ("layer", "held_out")
    assert result["layer"].values.tolist() == ["early", "late"]
    assert (result["n"] == 60).all()
    told = {"model": "toy", "scores": "hit_rate", "scale": "none", "seed": "3", "n_folds": 5, "n_permutations": 19}
    assert told.items() <= result.attrs.items()
    assert "predictions held fixed" in result.attrs["interval"]
    result.to_netcdf(tmp_path / "decoded.nc", engine="h5netcdf")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "decoded.nc", engine="h5netcdf"), result)


def test_lazy_features_and_a_pandas_column_give_the_same_numbers():
    features, scores = planted()
    expected = regression.decode(features, scores, **QUICK)
    series = pd.Series(scores.values, index=names(60), name="hit_rate").sample(frac=1, random_state=1)
    xr.testing.assert_allclose(regression.decode(features.chunk(image=17), series, **QUICK), expected)


def test_few_images_use_every_rearrangement():
    few = layer(np.array([[0.0], [1], [2], [4]])), per_image([0.0, 1, 2, 4])
    result = regression.decode(*few, folds=2, n_bootstraps=0)
    assert result.attrs["exact"] == "true"
    assert result.attrs["n_permutations"] == 24
    assert (result["p"].item() * 24) % 1 == pytest.approx(0, abs=1e-9)


def test_what_is_not_asked_for_is_nan():
    features, scores = planted()
    full = regression.decode(features, scores, **QUICK)
    bare = regression.decode(features, scores, n_permutations=0, n_bootstraps=0)
    for name in ("ci_low", "ci_high", "p", "p_corrected", "p_fdr", "null_mean"):
        assert bare[name].isnull().all()
    for name in ("estimate", "mse", "prediction", "fold"):
        np.testing.assert_allclose(bare[name], full[name], rtol=1e-9)


def test_blocks_restrict_what_is_exchanged():
    features, scores = planted(n=40)
    category = per_image(np.repeat(["indoor", "outdoor"], [12, 28]).astype(object), "category")
    free = regression.decode(features, scores, **QUICK)
    within = regression.decode(features, scores, blocks=category, permute="within", **QUICK)
    assert within.attrs["permute"] == "within"
    assert within.attrs["blocks"] == "category"
    np.testing.assert_array_equal(within["prediction"], free["prediction"])
    reversed_ = regression.decode(features, scores, blocks=category[::-1], permute="within", **QUICK)
    xr.testing.assert_identical(reversed_, within)
    assert not within["null_mean"].identical(free["null_mean"])
    with pytest.raises(ArgumentError, match="permute must be named when blocks are given"):
        regression.decode(features, scores, blocks=category, **QUICK)


def test_values_relative_to_reliability():
    features, scores = planted()
    result = regression.decode(features, scores, reliability={"split_half": 0.6}, **QUICK)
    np.testing.assert_allclose(result["estimate_relative"], result["estimate"] / np.sqrt(0.75))
    np.testing.assert_allclose(result["pearson_relative"], result["pearson"] / np.sqrt(0.75))
    np.testing.assert_allclose(result["r2_relative"], result["r2"] / 0.75)
    np.testing.assert_allclose(result["mse_floor"], 0.25 * float(scores.var()))
    assert result.attrs["reliability"] == pytest.approx(0.75)
    same = regression.decode(features, scores, reliability={"spearman_brown": 0.75}, **QUICK)
    xr.testing.assert_allclose(same, result)


WRONG = {
    "constant scores": (
        lambda f, s: (f, s * 0 + 0.5),
        {},
        ArgumentError,
        r"scores must differ between images; got 0\.5",
    ),
    "few images": (
        lambda f, s: (f, s),
        {"folds": 31},
        ArgumentError,
        r"folds must be at most half the number of images \(60\); got 31. Take folds=30 or fewer",
    ),
    "one fold": (lambda f, s: (f, s), {"folds": 1}, ArgumentError, "folds must be at least 2; got 1"),
    "half a fold": (lambda f, s: (f, s), {"folds": 2.5}, KindError, "folds must be a whole number"),
    "missing score": (lambda f, s: (f, s.where(s != s[3])), {}, ArgumentError, r"scores must be finite.*photo-003"),
    "missing feature": (
        lambda f, s: (f.where(f.image != "photo-007.jpg"), s),
        {},
        ArgumentError,
        r"features\['early'\] must be finite.*photo-007",
    ),
    "other images": (
        lambda f, s: (f, s.assign_coords(image=[*names(59), "other.jpg"])),
        {},
        ArgumentError,
        "scores and features must hold the same images",
    ),
    "flat layer": (
        lambda f, s: (f.assign(flat=f["early"] * 0 + 0.1), s),
        {},
        ArgumentError,
        "features must differ between images; got layer 'flat'.*drop_vars",
    ),
    "estimator": (
        lambda f, s: (f, s),
        {"estimator": "lars"},
        ArgumentError,
        "estimator must be one of 'ridge', 'pls', 'pcr', 'lasso', 'elastic_net'; got 'lars'",
    ),
    "misspelt option": (
        lambda f, s: (f, s),
        {"block": 1},
        UnknownNameError,
        "option must be a known name; got 'block'. Did you mean 'blocks'.*There are blocks, permute, alternative",
    ),
    "side": (lambda f, s: (f, s), {"alternative": "up"}, ArgumentError, "alternative must be one of"),
    "no seed": (lambda f, s: (f, s), {"rng": None}, KindError, "rng must be a whole number"),
    "no permutations": (
        lambda f, s: (f, s),
        {"n_permutations": -1},
        ArgumentError,
        "n_permutations must be at least 0",
    ),
    "no bootstraps": (lambda f, s: (f, s), {"n_bootstraps": -1}, ArgumentError, "n_bootstraps must be at least 0"),
    "bare reliability": (
        lambda f, s: (f, s),
        {"reliability": 0.78},
        KindError,
        "reliability must be a named number or halves; got float",
    ),
    "other reliability": (
        lambda f, s: (f, s),
        {"reliability": {"alpha": 0.9}},
        ArgumentError,
        "reliability must hold one named number",
    ),
    "reliability above 1": (
        lambda f, s: (f, s),
        {"reliability": {"split_half": 1.2}},
        ArgumentError,
        "must lie between 0 and 1",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_decoded_is_refused_with_advice(case):
    change, options, kind, message = WRONG[case]
    features, scores = change(*planted())
    with pytest.raises(kind, match=message):
        regression.decode(features, scores, **QUICK | options)
