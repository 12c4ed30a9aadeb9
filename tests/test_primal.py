"""Layers with few features: decomposed by their features, to the same predictions as by the Gram matrix."""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from test_regression import layer, per_image, planted

from memfeat import gram, regression
from memfeat.errors import ArgumentError, KindError
from memfeat.regression import fits, primal, ridge, spans
from memfeat.regression.components import PATHS
from memfeat.regression.scaling import Material

QUICK = {"n_permutations": 2, "n_bootstraps": 3, "folds": 3}
RESPONSES = per_image(np.random.default_rng(8).integers(5, 80, 60), "n_responses")
INSIDE, OUTSIDE = np.arange(20), np.arange(20, 30)


def rig(p, seed=0, n=30):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p)) * np.linspace(0.2, 2, p) + 30
    return x, x[:, :1] + rng.standard_normal((n, 3)), rng.uniform(0.2, 3, n)


def test_one_feature_by_hand():
    found = primal.span(np.array([[0.0], [2.0], [6.0]]), np.array([0, 1]), np.array([2]))
    assert found.values == pytest.approx([2])
    assert found.scale == pytest.approx(1)
    # inner products with the training images, which are at −1 and 1 from their mean, the other at 5
    np.testing.assert_allclose(found.held_out * np.sqrt(found.values) @ found.vectors.T, [[-5, 5]])
    weighted = primal.span(np.array([[0.0], [4.0], [6.0]]), np.array([0, 1]), np.array([2]), np.array([3.0, 1.0, 9.0]))
    # the mean is at 1, weights are 1.5 and 0.5
    assert weighted.values == pytest.approx([1.5 * 1 + 0.5 * 9])
    np.testing.assert_allclose(weighted.root**2, [1.5, 0.5])


@settings(max_examples=25, deadline=None)
@given(p=st.integers(1, 40), seed=st.integers(0, 999), weighted=st.booleans(), shift=st.sampled_from([0.0, 1e3]))
def test_predictions_are_those_of_the_gram_matrix(p, seed, weighted, shift):
    x, y, weights = rig(p, seed)
    given_weights = weights if weighted else None
    known = spans.span((x - 30) @ (x - 30).T, INSIDE, OUTSIDE, given_weights)
    found = primal.span(x + shift, INSIDE, OUTSIDE, given_weights)
    np.testing.assert_allclose(found.values, known.values, rtol=1e-8)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(len(found.values)), atol=1e-12)
    assert found.scale == pytest.approx(known.scale)
    for one, other in zip(ridge.predicted(found, y[INSIDE]), ridge.predicted(known, y[INSIDE]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)
    sizes = np.arange(1, min(p, 5) + 1)
    for path in PATHS.values():
        one, other = (path(way, way.vectors.T @ way.centred(y[INSIDE])[1], sizes) for way in (found, known))
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_predicts_as_scikit_learn_does(weighted):
    x, y, weights = rig(6)
    predictions, penalties = ridge.predicted(primal.span(x, INSIDE, OUTSIDE, weights if weighted else None), y[INSIDE])
    own = weights[INSIDE] / weights[INSIDE].mean() if weighted else None
    for t, penalty in enumerate(penalties):
        model = Ridge(alpha=penalty, solver="cholesky").fit(x[INSIDE], y[INSIDE, t], sample_weight=own)
        np.testing.assert_allclose(predictions[:, t], model.predict(x[OUTSIDE]), rtol=1e-8)


def test_features_that_repeat_others_or_do_not_vary_add_no_direction():
    x, y, _ = rig(3)
    wide = np.column_stack([x, x, np.full(30, 0.1), x.sum(axis=1)])
    assert primal.span(wide, INSIDE, OUTSIDE).values.shape == (3,)
    x[INSIDE] = [0.1, 0.2, 0.3]
    alike = primal.span(x, INSIDE, OUTSIDE)
    assert alike.values.shape == (0,)
    np.testing.assert_allclose(ridge.predicted(alike, y[INSIDE])[0], np.tile(y[INSIDE].mean(axis=0), (10, 1)))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": "layer"},
        {"scale": "unit"},
        {"scale": "unit", "weights": RESPONSES},
        {"estimator": "pls", "weights": RESPONSES},
        {"estimator": "pcr", "scale": "layer"},
    ],
)
def test_decoding_does_not_depend_on_the_way(options, monkeypatch):
    features, scores = planted()
    before = features.copy(deep=True)
    found = regression.decode(features, scores, **QUICK, **options)
    xr.testing.assert_identical(features, before)

    def by_gram(source, fold):
        return (partial(spans.span, products) for products in source.grams(fold))

    monkeypatch.setattr(fits, "spanned", by_gram)
    known = regression.decode(features, scores, **QUICK, **options)
    xr.testing.assert_allclose(found, known, rtol=1e-8)
    assert found.attrs == known.attrs


def test_the_shape_of_a_layer_chooses_the_way(monkeypatch):
    x, y, _ = rig(16)
    scores, asked = per_image(y[:, 0]), {"n_permutations": 0, "n_bootstraps": 0}

    def never(*given, **named):
        raise AssertionError("the other way")

    with monkeypatch.context() as patch:
        patch.setattr(gram, "linear", never)
        regression.decode(layer(x[:, :15]), scores, **asked)
        with pytest.raises(AssertionError, match="the other way"):
            regression.decode(layer(x), scores, **asked)
    monkeypatch.setattr(primal, "span", never)
    regression.decode(layer(x), scores, **asked)


def test_units_that_vary_in_no_training_image_are_refused():
    x = np.zeros((30, 2))
    x[:10] = np.arange(20.0).reshape(10, 2)
    half = per_image(np.repeat(["a", "b"], [10, 20]).astype(object), "half")
    text = "features must differ between images; got layer 'fc'"
    with pytest.raises(ArgumentError, match=text):
        regression.decode(layer(x), per_image(np.arange(30.0)), folds=half, scale="unit", **{"n_bootstraps": 0})
    with pytest.raises(ArgumentError, match=text):
        regression.decode(layer(x * 0 + 0.1), per_image(np.arange(30.0)), n_permutations=0)


@pytest.mark.parametrize("estimator", ["ridge", "lasso"])
@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        (np.ones((30, 2)) * 1j, KindError, r"features\['fc'\] must hold real numbers; got dtype complex128"),
        (np.ones((30, 0)), ArgumentError, r"features\['fc'\] must hold at least one image and one feature"),
        (
            np.where(np.arange(60.0).reshape(30, 2) == 9, np.nan, 1),
            ArgumentError,
            r"NaN or infinity in 1: 'photo-004.jpg'",
        ),
    ],
)
def test_features_that_are_no_numbers_are_refused(estimator, values, kind, text):
    with pytest.raises(kind, match=text):
        regression.decode(layer(values), per_image(np.arange(30.0)), estimator=estimator, n_permutations=0)


@pytest.mark.parametrize("axes", [("y", "x"), ("x", "y")])
def test_features_come_in_the_order_of_image_names_and_of_dims(axes):
    values = np.arange(60.0).reshape(5, 3, 4)
    names = np.array(["c", "a", "e", "b", "d"], dtype=object)
    one = xr.DataArray(values, dims=["image", *axes], coords={"image": names}, name="fc")
    order = np.argsort(names)
    for like in (one, one.transpose(axes[1], "image", axes[0]), one.chunk({axes[0]: 2})):
        flat = like.transpose("image", ...).values.reshape(5, -1)
        [found, _] = Material(like, "none").scaled(np.array([0, 1, 0, 1, 0]))
        np.testing.assert_array_equal(found, flat[order])
