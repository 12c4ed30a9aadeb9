"""Decoding from several sets of features: side by side, stacked, or with a penalty for each set."""

import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge
from test_regression import QUICK, layer, names, per_image, planted

from memfeat import regression
from memfeat.errors import ArgumentError, CircularWarning, KindError, MissingPackageError, UnknownNameError
from memfeat.regression import combining
from memfeat.regression.dealing import Dealing, dealt_inside
from memfeat.regression.folds import shuffled

FEW = {"n_permutations": 0, "n_bootstraps": 0, "folds": 3}
SVD = Ridge(3.0, solver="svd")


@pytest.fixture(autouse=True)
def few_bands(monkeypatch):
    monkeypatch.setattr(combining, "CANDIDATES", 6)


def two(n=60, p=8, **options):
    features, scores = planted(n=n, p=p, **options)
    return {"early": features[["early"]], "late": features[["late"]]}, scores


def plain(sets):
    return [sets["early"]["early"].values, sets["late"]["late"].values]


def by_fold(result, expected):
    """Compare predictions with those of a function of training and held-out images."""
    fold = result["fold"].values
    for k in range(fold.max() + 1):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        np.testing.assert_allclose(
            result["prediction"].values[0, outside], expected(inside, outside, k), rtol=1e-6, atol=1e-8
        )


# --- side by side -----------------------------------------------------------------------------------------------------


def test_sets_as_they_are_side_by_side_are_one_layer():
    sets, scores = two()
    both = layer(np.concatenate(plain(sets), axis=1), "both")
    for options in ({}, {"estimator": "pls"}, {"estimator": SVD, "n_permutations": 2}):
        result = regression.decode(sets, scores, scale="none", **FEW | options)
        alone = regression.decode(both, scores, scale="none", **FEW | options)
        np.testing.assert_allclose(result["prediction"], alone["prediction"], rtol=1e-7)
        assert result["layer"].values.tolist() == ["early & late"]


@pytest.mark.parametrize("scale", ["layer", "unit"])
@pytest.mark.parametrize("estimator", ["ridge", SVD])
def test_sets_have_the_same_variance_among_training_images(scale, estimator):
    sets, scores = two()
    blocks, y = [plain(sets)[0] * 50, plain(sets)[1]], scores.values
    result = regression.decode(sets | {"early": sets["early"] * 50}, scores, scale=scale, estimator=estimator, **FEW)

    def expected(inside, outside, k):
        spread = [x[inside].std(axis=0) for x in blocks]
        each = {"layer": [np.sqrt((s**2).sum()) for s in spread], "unit": [s * np.sqrt(len(s)) for s in spread]}
        x = np.concatenate([x / s for x, s in zip(blocks, each[scale], strict=True)], axis=1)
        penalty = result["penalty"].values[0, k] if estimator == "ridge" else 3.0
        return Ridge(penalty, solver="svd").fit(x[inside], y[inside]).predict(x[outside])

    by_fold(result, expected)


def test_sets_have_the_same_variance_by_default():
    sets, scores = two()
    result = regression.decode(sets, scores, **FEW)
    assert result.attrs["scale"] == "layer"
    xr.testing.assert_identical(result, regression.decode(sets, scores, scale="layer", combine="concatenate", **FEW))


@settings(max_examples=8, deadline=None)
@given(factor=st.floats(0.01, 100), seed=st.integers(0, 99))
def test_the_unit_and_the_order_of_sets_make_no_difference(factor, seed):
    sets, scores = two(n=24, p=4, seed=seed)
    first = regression.decode(sets, scores, combine="stack", **FEW)
    moved = {"late": sets["late"] * factor - 1, "early": sets["early"]}
    other = regression.decode(moved, scores, combine="stack", **FEW)
    np.testing.assert_allclose(other["prediction"].values, first["prediction"].values, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(other["weight"].sel(set="late"), first["weight"].sel(set="late"), rtol=1e-6, atol=1e-8)


# --- stacked ----------------------------------------------------------------------------------------------------------


def inner_folds(n, rng):
    """The folds that decode deals, and the inner ones after them."""
    generator = np.random.default_rng(rng)
    fold = shuffled(n, 3, generator)
    return fold, dealt_inside(fold, Dealing(None, None, {}), generator)


@pytest.mark.parametrize("weighted", [False, True])
def test_predictions_of_sets_are_weighed_by_inner_folds(weighted):
    sets, scores = two(noise=3.0)
    y, own = scores.values, np.random.default_rng(1).uniform(0.5, 3, 60) if weighted else np.ones(60)
    options = {"weights": per_image(own, "n")} if weighted else {}
    result = regression.decode(sets, scores, combine="stack", estimator=SVD, scale="none", rng=5, **FEW | options)
    fold, inner = inner_folds(60, 5)
    np.testing.assert_array_equal(result["fold"], fold)

    def fitted(x, known, left):
        return SVD.fit(x[known], y[known], sample_weight=own[known]).predict(x[left])

    def expected(inside, outside, k):
        mean, held = np.average(y[inside], weights=own[inside]), np.zeros((2, 60))
        for j in range(inner[k].max() + 1):
            known, left = np.flatnonzero((inner[k] >= 0) & (inner[k] != j)), np.flatnonzero(inner[k] == j)
            held[:, left] = [fitted(x, known, left) for x in plain(sets)]
        model = LinearRegression(positive=True, fit_intercept=False)
        model.fit(held[:, inside].T - mean, y[inside] - mean, sample_weight=own[inside])
        np.testing.assert_allclose(result["weight"].values[0, k], model.coef_, rtol=1e-6, atol=1e-9)
        return mean + model.coef_ @ (np.array([fitted(x, inside, outside) for x in plain(sets)]) - mean)

    by_fold(result, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"combine": "stack"},
        {"combine": "stack", "estimator": "pls", "covariates": per_image(np.sin(np.arange(24.0)), "c")},
        {"combine": "banded"},
    ],
)
def test_permuted_scores_choose_weights_and_bands_of_their_own(options):
    sets, scores = two(n=24, p=3, noise=4.0)
    found = regression.decode(sets, scores, **FEW | {"n_permutations": 4, "rng": 3} | options)
    y = scores.values
    if "covariates" in options:
        z = options["covariates"].values[:, None]
        y = y - LinearRegression().fit(z, y).predict(z)
    rng, null = np.random.default_rng(3), []
    fold = shuffled(24, 3, rng)
    rows = [rng.permutation(24) for _ in range(4)]
    for row in rows:
        columns = xr.Dataset({"one": per_image(y[row]), "two": per_image(y[row[::-1]])})
        # the generator stands where it stood after the permutations
        again = regression.decode(sets, columns, **FEW | {"n_permutations": 4, "rng": 3} | options)
        np.testing.assert_array_equal(again["fold"], fold)
        null.append(again["estimate"].values[0, 0])
    assert found["null_mean"].item() == pytest.approx(np.mean(null), abs=1e-6)


def test_a_set_that_does_not_help_gets_no_weight():
    sets, scores = two(n=120)
    result = regression.decode(sets, scores, combine="stack", **FEW)
    assert (result["weight"].sel(set="early") < 0.3).all()
    assert (result["weight"].sel(set="late") > 0.7).all()
    assert result["weight"].dims == result["penalty"].dims == ("layer", "held_out", "set")
    assert result["penalty_edge"].dims == ("layer", "held_out", "set")
    assert result.attrs["method"] == "stacked ridge, out of fold"


# --- banded -----------------------------------------------------------------------------------------------------------


def test_banded_ridge_is_ridge_with_a_penalty_for_each_set():
    sets, scores = two(n=60, p=20)
    y = scores.values
    result = regression.decode(sets, scores, combine="banded", **FEW)
    np.testing.assert_allclose(result["band"].sum("set"), 1)
    ends = [int(np.isclose(p, 1e6)) - int(np.isclose(p, 1e-6)) for p in result["penalty"].values.ravel()]
    np.testing.assert_array_equal(result["penalty_edge"].values.ravel(), ends)

    def expected(inside, outside, k):
        scaled = [x / np.sqrt(x[inside].var(axis=0).sum()) for x in plain(sets)]
        x = np.concatenate(np.sqrt(result["band"].values[0, k])[:, None, None] * np.array(pad(scaled)), axis=1)
        model = Ridge(result["penalty"].values[0, k], solver="svd")
        return model.fit(x[inside], y[inside]).predict(x[outside])

    by_fold(result, expected)


def pad(blocks):
    """Zeros to the same number of features."""
    width = max(x.shape[1] for x in blocks)
    return [np.pad(x, ((0, 0), (0, width - x.shape[1]))) for x in blocks]


def test_banded_ridge_leaves_a_wide_set_without_signal_alone():
    rng = np.random.default_rng(3)
    sets, scores = two(n=80, noise=2.0)
    sets = sets | {"early": layer(rng.standard_normal((80, 300)), "early")}
    banded = regression.decode(sets, scores, combine="banded", rng=1, **FEW)
    beside = regression.decode(sets, scores, rng=1, **FEW)
    assert (banded["band"].sel(set="late") > 0.5).all()
    assert banded["r2"] > beside["r2"]
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    xr.testing.assert_identical(regression.decode(sets, scores, combine="banded", rng=1, **FEW), banded)
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_banded_ridge_needs_its_package(monkeypatch):
    sets, scores = two(n=24)
    monkeypatch.setitem(sys.modules, "himalaya.backend", None)
    with pytest.raises(MissingPackageError, match=r'himalaya must be installed.*pip install "memfeat\[himalaya\]"'):
        regression.decode(sets, scores, combine="banded", **FEW)


# --- what a set may be ------------------------------------------------------------------------------------------------


def test_tables_columns_and_labels_are_sets():
    features, scores = planted()
    rng = np.random.default_rng(2)
    kind = np.array(["cat", "dog", "owl"], dtype=object)[rng.integers(0, 3, 60)]
    columns = {"contrast": rng.random(60), "luminance": rng.random(60)}
    frame = pd.DataFrame(columns, index=names(60))
    options = {"combine": "stack"} | FEW
    first = {"layers": features, "lowlevel": frame, "kind": per_image(kind, "kind")}
    result = regression.decode(first, scores, **options)
    assert result["set"].values.tolist() == ["layers", "lowlevel", "kind"]
    table = xr.Dataset({name: per_image(values) for name, values in columns.items()})
    hot = layer((kind[:, None] == np.unique(kind)).astype(float), "hot")
    both = layer(np.concatenate([features["early"], features["late"]], axis=1), "both")
    again = {"layers": both, "lowlevel": table[["contrast", "luminance"]], "kind": hot}
    np.testing.assert_allclose(
        regression.decode(again, scores, **options)["prediction"].values, result["prediction"].values, rtol=1e-7
    )
    shuffled_ = {
        "layers": features,
        "lowlevel": frame.sample(frac=1, random_state=1),
        "kind": pd.Series(kind, names(60)),
    }
    np.testing.assert_allclose(
        regression.decode(shuffled_, scores, **options)["prediction"], result["prediction"], rtol=1e-9
    )


def test_labels_and_provenance_are_kept_and_inputs_untouched(tmp_path):
    sets, scores = two()
    sets["late"].attrs = {"model": "other", "reduction": "mean"}
    sets["early"].attrs = {"model": "toy", "reduction": "mean"}
    before = {name: one.copy(deep=True) for name, one in sets.items()}
    for combine in ("concatenate", "stack", "banded"):
        result = regression.decode(sets, scores, combine=combine, repeats=2, **QUICK | {"folds": 2})
        assert result.attrs["sets"] == ["early", "late"]
        assert result.attrs["reduction"] == "mean"
        assert "model" not in result.attrs
        assert '"late": {"model": "other"' in result.attrs["sources"]
        assert result["prediction"].dims == ("layer", "repeat", "image")
        result.to_netcdf(tmp_path / f"{combine}.nc", engine="h5netcdf")
        xr.testing.assert_identical(xr.load_dataset(tmp_path / f"{combine}.nc", engine="h5netcdf"), result)
    for name, one in sets.items():
        xr.testing.assert_identical(one, before[name])
    order = np.random.default_rng(0).permutation(60)
    mixed = {"early": sets["early"].isel(image=order), "late": sets["late"]}
    again = regression.decode(mixed, scores, combine="banded", repeats=2, **QUICK | {"folds": 2})
    xr.testing.assert_identical(again.sortby("image"), result)


def test_sets_of_the_predicting_network_are_cautioned_against_once():
    sets, scores = two(n=24)
    for one in sets.values():
        one.attrs = {"model": "resmem", "weights_sha256": "abc"}
    predicted = scores.assign_attrs(model="resmem", weights_sha256="abc")
    with pytest.warns(CircularWarning) as caught:
        result = regression.decode(sets, predicted, **FEW)
    assert len(caught) == 1
    assert result.attrs["cautions"] == "circular"


def test_covariates_are_taken_out_of_every_set():
    sets, scores = two(noise=2.0)
    size = per_image(np.arange(60.0), "size")
    options = FEW | {"covariates": size, "combine": "stack"}
    moved = {"early": sets["early"] + size, "late": sets["late"]}
    first = regression.decode(sets, scores, **options)
    np.testing.assert_allclose(
        regression.decode(moved, scores, **options)["prediction"], first["prediction"], rtol=1e-6
    )


def renamed(sets, name):
    return {"early": sets["early"], name: sets["early"].rename({"early": "copy"})}


WRONG = {
    "one set": (lambda s: {"early": s["early"]}, {}, ArgumentError, "features must hold two sets at least; got 1: 'e"),
    "no set": (lambda s: {}, {}, ArgumentError, "features must hold two sets at least"),
    "other images": (
        lambda s: s | {"late": s["late"].assign_coords(image=[*names(59), "x.jpg"])},
        {},
        ArgumentError,
        r"features\['late'\] and features\['early'\] must hold the same images; got only in features\['late'\] 1: 'x",
    ),
    "twice": (
        lambda s: renamed(s, "late"),
        {},
        ArgumentError,
        "features must hold each layer once; got layer 'copy' twice, in 'early' and 'late'. Leave it out",
    ),
    "no array": (lambda s: s | {"late": [1, 2]}, {}, KindError, r"features\['late'\] must be an xarray"),
    "text column": (
        lambda s: s | {"late": pd.DataFrame({"kind": ["a"] * 60}, index=names(60))},
        {},
        KindError,
        r"features\['late'\]\['kind'\] must hold numbers",
    ),
    "flat set": (
        lambda s: s | {"late": s["late"] * 0},
        {},
        ArgumentError,
        "features must differ between images; got layer 'late'",
    ),
    "one name": (
        lambda s: {1: s["early"], "1": s["late"]},
        {},
        ArgumentError,
        "must have different names without ' & '",
    ),
    "joint name": (lambda s: s | {"a & b": s["late"]}, {}, ArgumentError, "got 3: 'early', 'late', 'a & b'. A set is"),
    "combination": (lambda s: s, {"combine": "sum"}, ArgumentError, "combine must be one of 'concatenate', 'stack', "),
    "one layer": (
        lambda s: s["early"],
        {"combine": "stack"},
        ArgumentError,
        "combine must go with a mapping of sets of features; got 'stack'. Pass sets",
    ),
    "banded pls": (
        lambda s: s,
        {"combine": "banded", "estimator": "pls"},
        ArgumentError,
        "estimator must be 'ridge' with combine='banded'; got pls",
    ),
    "banded weights": (
        lambda s: s,
        {"combine": "banded", "weights": per_image(np.arange(1.0, 61))},
        ArgumentError,
        "weights must be left out with combine='banded'",
    ),
    "misspelt": (lambda s: s, {"combined": "stack"}, UnknownNameError, "Did you mean 'combine'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_sets_that_cannot_be_combined_are_refused_with_advice(case):
    change, options, kind, message = WRONG[case]
    sets, scores = two()
    with pytest.raises(kind, match=message):
        regression.decode(change(sets), scores, **FEW | options)


def test_numbers_that_came_as_objects_are_numbers_and_not_labels():
    sets, scores = two()
    numbers = pd.Series(np.random.default_rng(4).standard_normal(60), index=names(60), name="x")
    for column in (numbers, numbers.astype(object)):
        found = regression.decode({"early": sets["early"], "x": column}, scores, **FEW)
        alone = regression.decode({"early": sets["early"], "x": numbers.to_frame()}, scores, **FEW)
        xr.testing.assert_allclose(found["prediction"], alone["prediction"])


def test_stacking_needs_inner_folds_inside_inner_folds_for_components():
    features, scores = planted(n=8)
    sets, two_groups = {"a": features["early"], "b": features["late"]}, per_image([0, 0, 1, 1, 2, 2, 3, 3], "group")
    options = FEW | {"folds": 2, "groups": two_groups, "permute": "free", "combine": "stack"}
    assert np.isfinite(regression.decode(sets, scores, **options)["prediction"]).all()
    with pytest.raises(ArgumentError, match="folds must leave enough to stack by; got 4 training images in 2 inner"):
        regression.decode(sets, scores, estimator="pls", **options)
