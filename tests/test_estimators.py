"""Estimators of decoding besides plain ridge: components, sparse regression, scikit-learn's own; scales and weights."""

import weakref
from functools import cached_property

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_regression import names, per_image, planted

from memfeat import regression
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, UnknownNameError
from memfeat.regression import fits, ridge
from memfeat.regression.components import PATHS
from memfeat.regression.dealing import NEVER, Dealing, dealt_inside
from memfeat.regression.folds import shuffled
from memfeat.regression.penalties import edge
from memfeat.regression.scaling import Material
from memfeat.regression.spans import span

FEW = {"n_permutations": 3, "n_bootstraps": 5, "folds": 3}
RESPONSES = per_image(np.random.default_rng(8).integers(5, 80, 60), "n_responses")


def decoded(**options):
    return regression.decode(*planted(), **FEW | options)


def rig(p, n=30, t=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p)) * np.linspace(0.2, 2, p) + 3
    return x, x[:, :3].sum(axis=1, keepdims=True) + rng.standard_normal((n, t)), np.arange(20), np.arange(20, n)


# --- kernels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [6, 80])
def test_components_are_those_of_scikit_learn(p):
    x, y, inside, outside = rig(p)
    training = span(x @ x.T, inside, outside)
    means, z = training.centred(y[inside])
    sizes = np.arange(1, 6)
    latent = means + PATHS["pls"](training, training.vectors.T @ z, sizes)
    principal = means + PATHS["pcr"](training, training.vectors.T @ z, sizes)
    for k, size in enumerate(sizes):
        for t in range(2):
            model = PLSRegression(size, scale=False, tol=1e-12, max_iter=2_000).fit(x[inside], y[inside, t])
            np.testing.assert_allclose(latent[k, :, t], model.predict(x[outside]).reshape(-1), rtol=1e-6)
            pcr = make_pipeline(PCA(size, svd_solver="full"), LinearRegression()).fit(x[inside], y[inside, t])
            np.testing.assert_allclose(principal[k, :, t], pcr.predict(x[outside]), rtol=1e-8)


@pytest.mark.parametrize("p", [5, 60])
def test_weighted_ridge_chooses_and_predicts_as_refits_do(p):
    x, y, inside, outside = rig(p, t=1)
    weights = np.random.default_rng(2).uniform(0.2, 3, len(x))
    training = span(x @ x.T, inside, outside, weights)
    predictions, [penalty] = ridge.predicted(training, y[inside])
    own = weights[inside] / weights[inside].mean()
    model = Ridge(alpha=penalty, solver="cholesky" if p < 20 else "svd").fit(x[inside], y[inside, 0], sample_weight=own)
    np.testing.assert_allclose(predictions[:, 0], model.predict(x[outside]), rtol=1e-6)
    grid, errors = ridge.PENALTIES[3:9] * training.scale, []
    for alpha in grid:
        error = 0.0
        for i in range(20):
            rest = np.arange(20) != i
            refit = Ridge(alpha=alpha, solver="cholesky").fit(
                x[inside][rest], y[inside, 0][rest], sample_weight=own[rest]
            )
            error += own[i] * (y[i, 0] - refit.predict(x[[i]])[0]) ** 2
        errors.append(error)
    _, z = training.centred(y[inside])
    found = ridge._leave_one_out(training, z, training.vectors.T @ z, grid)[:, 0]
    np.testing.assert_allclose(found, errors, rtol=1e-6)


@settings(max_examples=10, deadline=None)
@given(p=st.sampled_from([3, 50]), seed=st.integers(0, 99))
def test_equal_weights_are_no_weights(p, seed):
    x, y, *_ = rig(p, seed=seed)
    fold = shuffled(30, 3, np.random.default_rng(seed))
    predictions, penalties = ridge.out_of_fold(x @ x.T, y, fold)
    for k in range(3):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        found, taken = ridge.predicted(span(x @ x.T, inside, outside, np.full(30, 7.0)), y[inside])
        np.testing.assert_allclose(found, predictions[outside], rtol=1e-7)
        np.testing.assert_allclose(taken, penalties[k], rtol=1e-9)


def test_inner_folds_share_out_training_images_and_keep_groups():
    groups = np.repeat(np.arange(12), 2)
    fold = np.repeat([0, 1, 2], 8)
    inner = dealt_inside(fold, Dealing(groups, None, {}), np.random.default_rng(0))
    for k, row in enumerate(inner):
        assert (row[fold == k] == NEVER).all()
        assert set(row[fold != k]) == set(range(5))
        assert (row[::2] == row[1::2]).all()
    with pytest.raises(
        ArgumentError, match="folds must leave enough to choose by in inner folds; got 8 images in 1 group"
    ):
        dealt_inside(np.repeat([0, 1], 8), Dealing(np.repeat([0, 1], 8), None, {}), np.random.default_rng(0))


# --- decode -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ["pls", "pcr", "lasso", "elastic_net"])
def test_every_estimator_finds_what_was_planted(estimator):
    result = decoded(estimator=estimator, n_permutations=1)
    assert result["estimate"].sel(layer="late") > 0.7
    assert result.attrs["method"] == f"{estimator}, out of fold"
    assert result.attrs["penalties"] == "squared error in inner folds of each training fold"
    chosen = {"pls": "n_components", "pcr": "n_components"}.get(estimator, "penalty")
    assert (result[chosen] > 0).all()
    assert result[chosen].dims == ("layer", "held_out")


def test_sparse_regressions_are_those_of_scikit_learn():
    features, scores = planted()
    x, y = features["late"].values, scores.values
    for name, make in {"lasso": Lasso, "elastic_net": ElasticNet}.items():
        result = decoded(estimator=name, n_permutations=0).sel(layer="late")
        for k in range(3):
            inside, outside = (result["fold"] != k).values, (result["fold"] == k).values
            options = {"alpha": result["penalty"][k].item()}
            options |= {"l1_ratio": result["l1_ratio"][k].item()} if name == "elastic_net" else {}
            model = make(**options, max_iter=10_000).fit(x[inside], y[inside])
            np.testing.assert_allclose(result["prediction"][outside], model.predict(x[outside]), rtol=1e-6)


def test_penalties_at_an_end_of_the_grid_are_marked():
    features, scores = planted()
    features["exact"] = (("image", "exact:channel"), scores.values[:, None])
    y = scores.values
    ends = {"ridge": (1e6, 1e-6), "lasso": (1.0, 1e-3)}
    for name, (largest, smallest) in ends.items():
        result = regression.decode(features, scores, estimator=name, n_permutations=1, n_bootstraps=0)
        assert result["penalty_edge"].dims == ("layer", "held_out")
        for layer in features:
            x, one = features[layer].values, result.sel(layer=layer)
            for k in range(5):
                inside = (one["fold"] != k).values
                centred, left = x[inside] - x[inside].mean(axis=0), y[inside] - y[inside].mean()
                unit = {
                    "ridge": (centred**2).sum(axis=1).mean(),
                    "lasso": np.abs(centred.T @ left).max() / inside.sum(),
                }
                tried = one["penalty"][k].item() / unit[name]
                expected = int(np.isclose(tried, largest)) - int(np.isclose(tried, smallest))
                assert one["penalty_edge"][k] == expected
        assert (result["penalty_edge"] == 1).any()
        # lasso's own tolerance leaves nothing to choose between its smallest penalties
        assert (result["penalty_edge"].sel(layer="exact") == (-1 if name == "ridge" else 0)).all()


@settings(max_examples=30, deadline=None)
@given(factor=st.floats(1e-9, 1e9), seed=st.integers(0, 99))
def test_an_end_of_the_grid_stays_one_in_other_units_and_upside_down(factor, seed):
    tried = np.logspace(-2, 2, 5)
    taken = np.random.default_rng(seed).choice(tried, (2, 6))
    found = edge(taken, tried)
    np.testing.assert_array_equal(found, np.where(taken == 100, 1, np.where(taken == 0.01, -1, 0)))
    np.testing.assert_array_equal(edge(taken * factor, tried * factor), found)
    np.testing.assert_array_equal(edge(1 / taken, 1 / tried), -found)
    assert not edge(taken * 0, tried * 0).any()


def test_a_pipeline_is_fitted_in_each_fold_and_its_grid_chosen_inside(tmp_path):
    features, scores = planted()
    pipeline = make_pipeline(StandardScaler(), Ridge())
    result = decoded(estimator=pipeline, grid={"ridge__alpha": [0.1, 10.0, 1000.0]})
    assert set(result["parameters"].values.ravel()) <= {f'{{"ridge__alpha": {a}}}' for a in (0.1, 10.0, 1000.0)}
    assert not hasattr(pipeline[0], "mean_")
    plain = decoded(estimator=make_pipeline(StandardScaler(), Ridge(alpha=5.0))).sel(layer="late")
    x, y = features["late"].values, scores.values
    for k in range(3):
        inside, outside = (plain["fold"] != k).values, (plain["fold"] == k).values
        model = make_pipeline(StandardScaler(), Ridge(alpha=5.0)).fit(x[inside], y[inside])
        np.testing.assert_allclose(plain["prediction"][outside], model.predict(x[outside]), rtol=1e-9)
    assert "parameters" not in plain
    assert result.attrs["method"] == "Pipeline, out of fold"
    result.to_netcdf(tmp_path / "decoded.nc", engine="h5netcdf")


def test_permutations_are_as_many_as_can_be_afforded():
    assert decoded(n_permutations=None, n_bootstraps=0).attrs["n_permutations"] == 999
    features, scores = planted(n=16)
    slow = regression.decode(features, scores, estimator=LinearRegression(), folds=2, n_bootstraps=0)
    assert slow.attrs["n_permutations"] == 99


@pytest.mark.parametrize("scale", ["layer", "unit"])
@pytest.mark.parametrize("estimator", ["ridge", Ridge(alpha=2.0)])
def test_features_are_scaled_by_the_training_images(scale, estimator):
    features, scores = planted()
    features = features.assign(late=features["late"] * np.logspace(-2, 2, 8))
    result = regression.decode(features, scores, estimator=estimator, scale=scale, **FEW).sel(layer="late")
    x, y = features["late"].values, scores.values
    for k in range(3):
        inside, outside = (result["fold"] != k).values, (result["fold"] == k).values
        centred = x - x[inside].mean(axis=0)
        size = np.sqrt((centred[inside] ** 2).sum(axis=1).mean()) if scale == "layer" else x[inside].std(axis=0)
        alpha = result["penalty"][k].item() if estimator == "ridge" else 2.0
        model = Ridge(alpha=alpha, solver="svd").fit(centred[inside] / size, y[inside])
        np.testing.assert_allclose(result["prediction"][outside], model.predict(centred[outside] / size), rtol=1e-6)
    assert result.attrs["scale"] == scale


def test_weights_go_where_scores_go():
    features, scores = planted(n=24, noise=5.0)
    weights = RESPONSES[:24]
    options = {"folds": 3, "n_bootstraps": 0, "rng": 3}
    result = regression.decode(features, scores, weights=weights, n_permutations=6, **options)
    assert result.attrs["weights"] == "n_responses"
    rng = np.random.default_rng(3)
    shuffled(24, 3, rng)
    looped = []
    for _ in range(6):
        order = rng.permutation(24)
        moved = per_image(scores.values[order]), per_image(weights.values[order])
        looped.append(regression.decode(features, moved[0], weights=moved[1], n_permutations=0, **options)["estimate"])
    np.testing.assert_allclose(result["null_mean"], np.mean(looped, axis=0))
    forest = regression.decode(features, scores, weights=weights, estimator=Ridge(), n_permutations=1, **options)
    bare = regression.decode(features, scores, estimator=Ridge(), n_permutations=1, **options)
    assert not np.allclose(forest["prediction"], bare["prediction"])


def test_what_an_estimator_warns_of_is_said_once():
    features, scores = planted(n=20)
    with pytest.warns(MemfeatWarning, match=r"remarks of MLPRegressor while it was fitted.*reached"):
        regression.decode(
            features, scores, estimator=MLPRegressor(hidden_layer_sizes=2, max_iter=2, random_state=0), **FEW
        )
    assert not issubclass(MemfeatWarning, ConvergenceWarning)


WRONG = {
    "a class": (
        {"estimator": Ridge},
        KindError,
        "estimator must be a scikit-learn regressor or pipeline.*Or a name: 'ridge'",
    ),
    "nothing": ({"estimator": None}, KindError, "estimator must be a scikit-learn regressor"),
    "a grid for a name": (
        {"grid": {"alpha": [1]}},
        ArgumentError,
        "grid must go with a scikit-learn regressor; got 'ridge'",
    ),
    "another parameter": (
        {"estimator": Ridge(), "grid": {"lambda_": [1]}},
        ArgumentError,
        r"grid must name parameters of the estimator; got 1: 'lambda_'. See Ridge\(\)",
    ),
    "weights that cannot be used": (
        {"estimator": make_pipeline(StandardScaler(), Ridge()), "weights": RESPONSES},
        ArgumentError,
        "estimator must take sample_weight when there are weights; got Pipeline",
    ),
    "a classifier": (
        {"estimator": make_pipeline(StandardScaler(), LogisticRegression())},
        KindError,
        "estimator must be a scikit-learn regressor or pipeline that ends in one; got 'Pipeline'. Scores are numbers",
    ),
    "one value": (
        {"estimator": Ridge(), "grid": {"alpha": 1.0}},
        ArgumentError,
        r"grid\['alpha'\] must list values to choose from; got 1.0. Write {'alpha': \[1.0\]}",
    ),
    "no responses": (
        {"weights": RESPONSES.where(RESPONSES.image != "photo-002.jpg", 0)},
        ArgumentError,
        "weights must be above 0 for every image; got 0 or less for 1: 'photo-002.jpg'",
    ),
    "other images": (
        {"weights": RESPONSES.assign_coords(image=[*names(59), "x.jpg"])},
        ArgumentError,
        "weights and scores must hold the same images",
    ),
    "scale": ({"scale": "pixel"}, ArgumentError, "scale must be one of 'none', 'layer', 'unit'; got 'pixel'"),
    "misspelt": ({"weight": RESPONSES}, UnknownNameError, "Did you mean 'weights'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_fitted_is_refused_with_advice(case):
    options, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        decoded(**options)


@pytest.mark.parametrize("chosen", [{}, {"grid": {"max_features": [1, 4]}}])
def test_an_estimator_that_draws_gives_the_same_again_and_draws_from_nothing_else(chosen):
    forest = RandomForestRegressor(3, max_depth=2)
    before = str(np.random.get_state())  # noqa: NPY002 -- what must not be touched
    first, second, third = (decoded(estimator=forest, rng=seed, **chosen)["prediction"] for seed in (1, 1, 2))
    assert str(np.random.get_state()) == before  # noqa: NPY002
    assert forest.random_state is None
    xr.testing.assert_identical(first, second)
    assert not np.allclose(first, third)


def test_a_layer_is_let_go_before_the_next_is_read(monkeypatch):
    held = []
    plain = Material.plain.func
    monkeypatch.setattr(Material, "plain", cached_property(lambda self: held.append(weakref.ref(self)) or plain(self)))
    Material.plain.__set_name__(Material, "plain")
    alive = []
    run = fits.ESTIMATORS["ridge"]

    def counting(*arguments):
        alive.append(sum(one() is not None and "plain" in vars(one()) for one in held))
        return run.run(*arguments)

    monkeypatch.setitem(fits.ESTIMATORS, "ridge", run._replace(run=counting))
    wide = np.random.default_rng(0).standard_normal((60, 4, 40))
    layers = {f"layer{k}": (("image", f"layer{k}:unit"), wide[:, k]) for k in range(4)}
    regression.decode(xr.Dataset(layers, coords={"image": names(60)}), planted()[1], **FEW)
    assert len(held) == 4
    assert max(alive) <= 1


@pytest.mark.parametrize("estimator", ["ridge", "lasso"])
@pytest.mark.parametrize("width", [4, 200])
def test_features_whose_squares_are_no_numbers_are_refused(estimator, width):
    values = np.random.default_rng(0).standard_normal((60, width)) * 1e200
    huge = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": names(60)}, name="fc")
    with pytest.raises(ArgumentError, match="features must have sums of squares that are numbers; got layer 'fc'"):
        regression.decode(huge, planted()[1], estimator=estimator, **FEW)


@pytest.mark.parametrize("estimator", ["ridge", "lasso"])
def test_bad_features_are_refused_by_every_route(estimator):
    features, scores = planted()
    missing = features.where(features.image != "photo-007.jpg")
    with pytest.raises(ArgumentError, match=r"features\['early'\] must be finite.*photo-007"):
        regression.decode(missing, scores, estimator=estimator, **FEW)
    with pytest.raises(ArgumentError, match="features must differ between images; got layer 'flat'"):
        regression.decode(xr.Dataset({"flat": features["early"] * 0 + 0.1}), scores, estimator=estimator, **FEW)
