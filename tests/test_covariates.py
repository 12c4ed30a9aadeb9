"""Decoding beyond covariates: what they explain is taken out of features and scores inside every training fold."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from test_regression import QUICK, layer, names, per_image, planted

from memfeat import regression
from memfeat.errors import ArgumentError, KindError
from memfeat.regression import ridge
from memfeat.regression.covariates import Covariates
from memfeat.regression.folds import shuffled

RNG = np.random.default_rng(11)
SIZE = per_image(RNG.uniform(100, 900, 60), "size")
TABLE = xr.Dataset({"size": SIZE, "indoor": per_image(RNG.integers(0, 2, 60), "indoor")})


def columns(table):
    return np.column_stack([table[name].values for name in table])


def by_hand(values, z, fold):
    """Residuals of all images, fold by fold, by scikit-learn."""
    return [values - LinearRegression().fit(z[fold != k], values[fold != k]).predict(z) for k in range(fold.max() + 1)]


def confounded(seed, n=60):
    """Features and scores that a covariate drives, and nothing else relates."""
    rng = np.random.default_rng(seed)
    cause = rng.standard_normal(n)
    x = cause[:, None] + rng.standard_normal((n, 5))
    return layer(x), per_image(cause + rng.standard_normal(n)), per_image(cause, "cause")


def test_residuals_are_scores_less_the_mean_of_their_kind_among_training_images():
    kind, fold = per_image([0, 0, 0, 1, 1, 1.0], "kind"), per_image(list("abcabc"), "fold")
    features = layer(np.array([[0.0], [1], [5], [2], [2], [9]]))
    scores = per_image([1.0, 2, 6, 0, 4, 8])
    result = regression.decode(features, scores, folds=fold, covariates=kind, n_permutations=0, n_bootstraps=0)
    np.testing.assert_allclose(result["residual"], [-3, -1.5, 4.5, -6, 0, 6])
    assert result["residual"].dims == ("image",)


@pytest.mark.parametrize("scale", ["none", "layer", "unit"])
@pytest.mark.parametrize("p", [8, 90])
def test_decoding_is_that_of_residuals_by_scikit_learn(scale, p):
    features, scores = planted(p=p)
    options = {"covariates": TABLE, "scale": scale} | QUICK
    found = regression.decode(features["late"], scores, **options)
    fixed = regression.decode(features["late"], scores, estimator=Ridge(3.0, solver="svd"), **options)
    x, y, z, fold = features["late"].values, scores.values, columns(TABLE), found["fold"].values
    pairs = zip(by_hand(x, z, fold), by_hand(y, z, fold), strict=True)
    for k, (left_x, left_y) in enumerate(pairs):
        inside, outside = fold != k, fold == k
        spread = {"none": 1.0, "layer": np.sqrt(left_x[inside].var(axis=0).sum()), "unit": left_x[inside].std(axis=0)}
        left_x = left_x / spread[scale]
        for result, penalty in ((found, found["penalty"].sel(held_out=k).item()), (fixed, 3.0)):
            expected = Ridge(penalty, solver="svd").fit(left_x[inside], left_y[inside]).predict(left_x[outside])
            np.testing.assert_allclose(result["prediction"].values[0, outside], expected, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(result["residual"].values[outside], left_y[outside], rtol=1e-9, atol=1e-10)
    assert found["estimate"].item() == pytest.approx(spearmanr(found["prediction"][0], found["residual"]).statistic)
    assert found["r2"].item() == pytest.approx(r2_score(found["residual"], found["prediction"][0]))


@pytest.mark.parametrize("estimator", ["pls", "pcr", "lasso"])
def test_every_estimator_meets_residuals(estimator):
    features, scores = planted(p=3)
    options = {"n_permutations": 0, "n_bootstraps": 0, "rng": 4, "estimator": estimator}
    shifted = features["late"] + SIZE
    first = regression.decode(features["late"], scores, covariates=SIZE, **options)
    other = regression.decode(shifted, scores + 0.1 * SIZE, covariates=SIZE, **options)
    np.testing.assert_allclose(other["prediction"], first["prediction"], rtol=1e-5, atol=1e-7)
    assert first["estimate"] > 0.5


@settings(max_examples=10, deadline=None)
@given(slope=st.floats(-5, 5), seed=st.integers(0, 99))
def test_what_goes_with_covariates_makes_no_difference(slope, seed):
    features, scores = planted(n=60, p=4, seed=seed)
    first = regression.decode(features["late"], scores, covariates=TABLE, **QUICK)
    moved = features["late"] + slope * TABLE["indoor"] + 3
    other = regression.decode(moved, scores + slope * SIZE - 1, covariates=3 * TABLE[["indoor", "size"]], **QUICK)
    for name in ("prediction", "residual", "r2", "null_mean"):
        np.testing.assert_allclose(other[name], first[name], rtol=1e-6, atol=1e-7)


def test_permuted_residuals_stand_around_what_covariates_predict():
    features, scores = planted(n=24, noise=6.0)
    size = SIZE[:24]
    result = regression.decode(features, scores, folds=4, covariates=size, n_permutations=30, n_bootstraps=0, rng=7)
    rng = np.random.default_rng(7)
    shuffled(24, 4, rng)
    model = LinearRegression().fit(size.values[:, None], scores.values)
    around = model.predict(size.values[:, None])
    options = {"folds": 4, "covariates": size, "n_permutations": 0, "n_bootstraps": 0, "rng": 7}
    looped = []
    for _ in range(30):
        moved = per_image(around + (scores.values - around)[rng.permutation(24)])
        looped.append(regression.decode(features, moved, **options)["estimate"].values)
    looped = np.array(looped)
    np.testing.assert_allclose(result["null_mean"], looped.mean(axis=0))
    expected = (1 + (looped >= result["estimate"].values - 1e-9).sum(axis=0)) / 31
    np.testing.assert_allclose(result["p"], expected)


def test_a_confounder_is_found_by_plain_decoding_and_not_beyond_itself():
    plain, beyond = [], []
    for seed in range(12):
        features, scores, cause = confounded(seed)
        options = {"n_permutations": 99, "n_bootstraps": 0, "rng": seed}
        plain.append(regression.decode(features, scores, **options)["p"].item())
        beyond.append(regression.decode(features, scores, covariates=cause, **options)["p"].item())
    assert max(plain) <= 0.05
    assert sum(p <= 0.05 for p in beyond) <= 3


def test_held_out_images_do_not_touch_what_is_taken_out():
    features, scores = planted(n=20)
    fold = per_image(np.repeat(["a", "b"], 10).astype(object), "fold")
    size, options = SIZE[:20], {"folds": fold, "n_permutations": 0, "n_bootstraps": 0}
    first = regression.decode(features, scores, covariates=size, **options)
    outlier = xr.where(size.image == names(20)[9], 1e5, size).rename("size")
    moved = regression.decode(features, scores, covariates=outlier, **options)
    np.testing.assert_allclose(moved["prediction"][:, :9], first["prediction"][:, :9])
    np.testing.assert_allclose(moved["residual"][:9], first["residual"][:9])


def test_what_covariates_explain_whole_leaves_no_rounding_errors():
    rng = np.random.default_rng(0)
    inside = np.arange(40) < 30
    one = Covariates(["size"], np.column_stack([np.ones(40), SIZE.values[:40] / 100]))
    x = 1e6 * SIZE.values[:40, None] + rng.standard_normal((40, 3))
    left = one.left_of_gram(x @ x.T, inside)
    np.testing.assert_allclose(one.terms[inside].T @ left[inside], 0, atol=1e-9 * np.abs(left).max() * 40)
    assert not one.left_of_gram(np.outer(SIZE[:40], SIZE[:40]), inside).any()


def test_labels_and_provenance_are_kept_and_inputs_untouched(tmp_path):
    features, scores = planted()
    both = xr.Dataset({"hit_rate": scores, "false_alarms": -scores + SIZE / 300})
    before = both.copy(deep=True), TABLE.copy(deep=True)
    result = regression.decode(features, both, covariates=TABLE, repeats=2, **QUICK)
    xr.testing.assert_identical(both, before[0])
    xr.testing.assert_identical(TABLE, before[1])
    assert result["residual"].dims == ("score", "repeat", "image")
    assert result.attrs["covariates"] == ["size", "indoor"]
    assert result.attrs["null"].startswith("given the covariates, scores are unrelated to features")
    result.to_netcdf(tmp_path / "decoded.nc", engine="h5netcdf")
    frame = TABLE.to_dataframe().sample(frac=1, random_state=0)
    xr.testing.assert_identical(regression.decode(features, both, covariates=frame, repeats=2, **QUICK), result)
    weighted = regression.decode(features, scores, covariates=SIZE, weights=per_image(np.full(60, 2.0)), **QUICK)
    np.testing.assert_allclose(
        weighted["prediction"], regression.decode(features, scores, covariates=SIZE, **QUICK)["prediction"]
    )


def test_contrasts_are_about_residuals():
    features, scores = planted()
    decoded = regression.decode(features, scores, covariates=SIZE, **QUICK)
    found = regression.contrast(decoded, scores, n_bootstraps=50)
    expected = decoded["estimate"].sel(layer="early") - decoded["estimate"].sel(layer="late")
    assert found["estimate"].sel(metric="spearman").item() == pytest.approx(expected.item())
    bare = regression.decode(features, scores, **QUICK)
    with pytest.raises(ArgumentError, match="decoded must be predictions of the same residuals"):
        regression.contrast({"beyond": decoded, "bare": bare}, scores, n_bootstraps=50)


WRONG = {
    "constant": (SIZE * 0 + 3, ArgumentError, "covariates must differ between images; got 1: 'size'. Leave it out"),
    "one made of others": (
        TABLE.assign(both=TABLE["size"] - 2 * TABLE["indoor"]),
        ArgumentError,
        "covariates must be fewer than images, and differ from each other; got 3 of 60 images, some made up",
    ),
    "as many as images": (
        pd.DataFrame(np.random.default_rng(0).standard_normal((60, 59)), index=names(60)),
        ArgumentError,
        "covariates must be fewer than images",
    ),
    "too many for a fold": (
        pd.DataFrame(np.random.default_rng(0).standard_normal((60, 50)), index=names(60)),
        ArgumentError,
        "covariates must vary, and differ from each other, in every fold; got one that is not, among 48",
    ),
    "the scores": (planted()[1], ArgumentError, "covariates must leave something of each score; got nothing of 1"),
    "text": (per_image(["a", "b"] * 30), KindError, "covariates must hold numbers; got dtype"),
    "no labels": (np.arange(60.0), KindError, "covariates must be a DataArray or Series"),
    "no column": (TABLE[[]], ArgumentError, "covariates must have a column"),
    "other images": (
        SIZE.assign_coords(image=[*names(59), "x.jpg"]),
        ArgumentError,
        r"covariates and scores must hold the same images; got only in covariates 1: 'x\.jpg'",
    ),
    "missing": (TABLE.where(TABLE["size"] != SIZE[2]), ArgumentError, r"covariates\['size'\] must be finite"),
}


@pytest.mark.parametrize("case", WRONG)
def test_covariates_that_cannot_be_taken_out_are_refused_with_advice(case):
    given_, kind, message = WRONG[case]
    features, scores = planted()
    with pytest.raises(kind, match=message):
        regression.decode(features, scores, covariates=given_, **QUICK)


def test_what_does_not_go_with_covariates_is_refused_with_advice():
    features, scores = planted()
    rare = per_image([1.0] + [0.0] * 59, "rare")
    with pytest.raises(ArgumentError, match="covariates must vary.*in every fold.*strata"):
        regression.decode(features, scores, covariates=rare, **QUICK)
    with pytest.raises(ArgumentError, match="reliability must be left out with covariates; got both"):
        regression.decode(features, scores, covariates=SIZE, reliability={"split_half": 0.6}, **QUICK)
    same = layer(SIZE.values[:, None])
    for options in ({}, {"scale": "unit"}, {"estimator": "lasso"}):
        with pytest.raises(ArgumentError, match="features must differ between images of equal covariates; got layer"):
            regression.decode(same, scores, covariates=SIZE, **options | QUICK)


def test_ridge_from_the_gram_matrix_is_told_residuals_only():
    features, scores = planted()
    result = regression.decode(features["late"], scores, covariates=SIZE, **QUICK)
    fold, z = result["fold"].values, SIZE.values[:, None]
    x, y = by_hand(features["late"].values, z, fold)[2], by_hand(scores.values, z, fold)[2]
    predictions, penalties = ridge.out_of_fold(x @ x.T, y[:, None], fold)
    np.testing.assert_allclose(result["prediction"].values[0, fold == 2], predictions[fold == 2, 0], rtol=1e-7)
    assert result["penalty"].sel(held_out=2).item() == pytest.approx(penalties[2, 0])
