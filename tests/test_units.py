"""Which units tell about scores: weights and patterns of a model, correlations one by one, the table of the first."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata, spearmanr
from sklearn.linear_model import Ridge

from memfeat import _blocks, regression, stats
from memfeat.errors import ArgumentError, CircularWarning, KindError, RetrainedWarning, UnknownNameError
from memfeat.regression import correlating, ridge, rounding


def names(n):
    return np.array([f"photo-{i:03d}.jpg" for i in range(n)], dtype=object)


def per_image(values, name="hit_rate"):
    return xr.DataArray(values, dims="image", coords={"image": names(len(values))}, name=name)


def two_layers(n=30, seed=0, **attrs):
    """A layer that keeps its map, one of named units, and scores that go with both."""
    rng = np.random.default_rng(seed)
    maps, fc = rng.standard_normal((n, 3, 2, 4)), rng.standard_normal((n, 5))
    scores = maps[:, 1, 0, 2] - 0.5 * fc[:, 3] + rng.standard_normal(n)
    dims = {"conv": ("image", "conv:channel", "conv:y", "conv:x"), "fc": ("image", "fc:unit")}
    coords = {"image": names(n), "fc:unit": np.array(list("abcde"), dtype=object), "size": ("image", np.arange(n))}
    features = xr.Dataset({"conv": (dims["conv"], maps), "fc": (dims["fc"], fc)}, coords, attrs | {"model": "toy"})
    return features, per_image(scores.round(1))


@settings(max_examples=30, deadline=None)
@given(value=st.floats(1e-3, 1e6), factor=st.floats(1e-3, 1e3))
def test_rounding_is_no_variation(value, factor):
    same = np.full(50, value) * factor
    steps = np.arange(50.0)
    found = rounding.varied(np.column_stack([same, same + np.spacing(same) * (steps % 2), steps, steps * factor]))
    assert found.tolist() == [False, False, True, True]
    # of what is left of a column, that against the column's own size
    assert rounding.varied(np.full((3, 2), 2.0), np.array([1e-8, 1e-9])).tolist() == [True, False]


def flat(layer):
    return layer.values.reshape(len(layer), -1)


def small_blocks(monkeypatch, n=30):
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 8 * n * 7)
    monkeypatch.setattr(_blocks, "SLAB_BYTES", 8 * n * 2)
    monkeypatch.setattr(correlating, "ROOM", 200)


# --- weights and patterns ---------------------------------------------------------------------------------------------


def test_a_unit_that_cancels_noise_has_a_weight_and_no_pattern():
    # Haufe et al. (2014), their example of two channels
    score, noise = np.array([1.0, 2, 3, 4]), np.array([1.0, -1, -1, 1])
    layer = xr.DataArray(np.column_stack([score + noise, noise]), dims=["image", "fc:unit"], name="fc")
    found = regression.patterns(layer.assign_coords(image=names(4)), per_image(score))["fc"]
    np.testing.assert_allclose(found.sel(statistic="weight"), [1, -1], atol=1e-4)
    np.testing.assert_allclose(found.sel(statistic="pattern"), [1, 0], atol=1e-4)


SCALED = {
    "none": lambda x, w: x,
    "layer": lambda x, w: x / np.sqrt(x.var(axis=0).sum()),
    "unit": lambda x, w: (x - x.mean(axis=0)) / x.std(axis=0),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("scale", SCALED)
@pytest.mark.parametrize("n", [12, 60])
def test_weights_are_those_of_scikit_learn_and_patterns_follow_from_predictions(n, scale, weighted):
    features, scores = two_layers(n)
    w = np.random.default_rng(1).integers(1, 9, n) if weighted else np.ones(n)
    both = xr.Dataset({"hit": scores, "other": scores**2})
    options = {"scale": scale, "weights": per_image(w, "responses") if weighted else None}
    found = regression.patterns(features, both, **options)
    assert found["conv"].dims == ("statistic", "score", "conv:channel", "conv:y", "conv:x")
    penalties = json.loads(found.attrs["penalty"])
    for name, score in itertools.product(("conv", "fc"), ("hit", "other")):
        x = SCALED[scale](flat(features[name]), w)
        model = Ridge(alpha=penalties[name][score], solver="cholesky" if x.shape[1] < n else "svd")
        predicted = model.fit(x, both[score].values, sample_weight=w / w.mean()).predict(x)
        one = found[name].sel(score=score)
        np.testing.assert_allclose(one.sel(statistic="weight").values.ravel(), model.coef_, rtol=1e-6, atol=1e-10)
        cov = np.cov(np.column_stack([x, predicted]).T, aweights=w)
        expected = cov[:-1, -1] / cov[-1, -1]
        np.testing.assert_allclose(one.sel(statistic="pattern").values.ravel(), expected, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("n", [12, 60])
def test_the_penalty_is_the_one_that_ridge_takes_for_all_images(n):
    features, scores = two_layers(n)
    found = regression.patterns(features, scores)
    x = flat(features["conv"])
    weights, penalty = ridge.fitted(x - x.mean(axis=0), scores.values[:, None])
    assert json.loads(found.attrs["penalty"])["conv"] == pytest.approx(penalty[0])
    np.testing.assert_allclose(found["conv"].sel(statistic="weight").values.ravel(), weights[:, 0], rtol=1e-6)


@pytest.mark.parametrize("call", [regression.patterns, regression.unitwise], ids=["patterns", "unitwise"])
def test_layers_are_read_in_blocks_and_keep_their_labels(call, monkeypatch):
    features, scores = two_layers()
    before = features.copy(deep=True)
    whole = call(features, scores)
    small_blocks(monkeypatch)
    blocks = call(features.chunk({"image": 11, "conv:channel": 2}), scores)
    xr.testing.assert_allclose(blocks, whole, rtol=1e-9)
    xr.testing.assert_identical(features, before)
    assert set(whole.data_vars) == {"conv", "fc"}
    assert whole["conv"].dims == ("statistic", "conv:channel", "conv:y", "conv:x")
    assert whole["fc"]["fc:unit"].values.tolist() == list("abcde")
    assert set(whole.coords) == {"statistic", "fc:unit"}
    expected = {"model": "toy", "scores": "hit_rate", "n": 30}
    assert expected.items() <= whole.attrs.items()


def test_a_magnitude_per_image_is_a_layer_of_one_unit():
    features, scores = two_layers()
    norm = np.sqrt((features["fc"] ** 2).sum("fc:unit")).rename("norm")
    found = regression.unitwise(norm, scores)
    assert found["norm"].dims == ("statistic",)
    assert found["norm"].sel(statistic="estimate").item() == pytest.approx(spearmanr(norm, scores)[0])
    assert regression.top_units(found).columns.tolist()[:3] == ["rank", "layer", "estimate"]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), n=st.sampled_from([10, 40]), factor=st.sampled_from([-2.0, 0.1, 30.0]))
def test_order_and_origin_make_no_difference_and_units_of_scores_do(seed, n, factor):
    features, scores = two_layers(n, seed)
    found = regression.patterns(features, scores)
    order = np.random.default_rng(seed).permutation(n)
    xr.testing.assert_identical(regression.patterns(features.isel(image=order), scores), found)
    other = regression.patterns(features + 3, factor * scores + 7)
    for statistic, times in (("weight", factor), ("pattern", 1 / factor)):
        expected = found.sel(statistic=statistic) * times
        xr.testing.assert_allclose(other.sel(statistic=statistic), expected, rtol=1e-5, atol=1e-8)


def test_scores_that_no_feature_goes_with_give_no_pattern():
    layer = xr.DataArray([[1.0], [1.0], [2.0], [2.0]], dims=["image", "fc:unit"], name="fc")
    found = regression.patterns(layer.assign_coords(image=names(4)), per_image([1.0, 2, 1, 2]))
    assert (found["fc"] == 0).all()


# --- one by one -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize(("method", "rival"), [("spearman", spearmanr), ("pearson", pearsonr)])
def test_correlations_and_their_p_are_those_of_scipy(method, rival, alternative):
    features, scores = two_layers()
    found = regression.unitwise(features, scores, method=method, alternative=alternative, n_permutations=0)
    assert found["statistic"].values.tolist() == ["estimate", "p", "p_fdr"]
    expected = [
        [rival(unit, scores.values, alternative=alternative) for unit in flat(features[name]).T]
        for name in ("conv", "fc")
    ]
    for name, results in zip(("conv", "fc"), expected, strict=True):
        estimate, p, _ = found[name].values.reshape(3, -1)
        np.testing.assert_allclose(estimate, [one[0] for one in results])
        np.testing.assert_allclose(p, [one[1] for one in results])
    every = np.concatenate([found[name].sel(statistic="p").values.ravel() for name in ("conv", "fc")])
    adjusted = np.concatenate([found[name].sel(statistic="p_fdr").values.ravel() for name in ("conv", "fc")])
    np.testing.assert_allclose(adjusted, stats.fdr(every))


def test_all_rearrangements_of_five_images_by_hand():
    values, target = np.random.default_rng(2).standard_normal((5, 3)), [3.0, 1, 4, 2, 2]
    layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": names(5)}, name="fc")
    found = regression.unitwise(layer, per_image(target))
    assert found.attrs["test"] == "permutation"
    null = np.abs([[spearmanr(x, order)[0] for order in itertools.permutations(target)] for x in values.T])
    observed = np.abs(found["fc"].sel(statistic="estimate").values) - 1e-9
    np.testing.assert_allclose(found["fc"].sel(statistic="p"), (observed <= null.T).mean(axis=0))
    np.testing.assert_allclose(
        found["fc"].sel(statistic="p_corrected"), (null.max(axis=0)[:, None] >= observed).mean(0)
    )
    assert found.attrs["exact"] == "true"
    assert found.attrs["n_permutations"] == 120


@pytest.mark.parametrize(("scheme", "alternative"), [("free", "two-sided"), ("whole", "less")])
def test_permutations_are_those_of_the_tests_that_hold_all_at_once(scheme, alternative, monkeypatch):
    features, scores = two_layers()
    both = xr.Dataset({"hit": scores, "other": per_image(np.random.default_rng(5).standard_normal(30))})
    scene = per_image(np.repeat(np.arange(10), 3), "scene")
    options = {"blocks": scene, "permute": scheme, "alternative": alternative}
    small_blocks(monkeypatch)
    found = regression.unitwise(features, both, test="permutation", n_permutations=59, rng=3, **options)
    scheme = {"blocks": scene.values, "permute": scheme}
    index, exact = stats.permutations(30, 59, rng=np.random.default_rng(3), **scheme)
    x = np.column_stack([flat(features[name]) for name in ("conv", "fc")])
    ranks = [rankdata(both[name].values) for name in both]
    null = np.array([np.corrcoef(rankdata(x, axis=0).T, y[index])[: x.shape[1], x.shape[1] :] for y in ranks])
    observed = np.array([[spearmanr(u, y)[0] for u in x.T] for y in ranks])
    expected = {
        "estimate": observed,
        "p": stats.p_value(observed, null, alternative=alternative),
        "p_corrected": stats.max_statistic(
            observed.ravel(), null.reshape(-1, len(index)), alternative=alternative
        ).reshape(observed.shape),
    }
    expected["p_fdr"] = stats.fdr(expected["p"].ravel()).reshape(observed.shape)
    assert not exact
    for statistic, values in expected.items():
        one = found.sel(statistic=statistic)
        laid = np.concatenate([one[name].values.reshape(2, -1) for name in ("conv", "fc")], axis=1)
        np.testing.assert_allclose(laid, values, err_msg=statistic)


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_dead_units_are_no_error_and_no_test(alternative):
    features, scores = two_layers()
    dead = features.copy(deep=True)
    dead["conv"][:, 0] = 0.0
    dead["fc"][:, 1] = 0.1
    found = regression.unitwise(dead, scores, alternative=alternative)
    living = regression.unitwise(
        xr.Dataset({"conv": features["conv"][:, 1:], "fc": features["fc"][:, [0, 2, 3, 4]]}),
        scores,
        alternative=alternative,
    )
    assert json.loads(found.attrs["constant_units"]) == {"conv": 8, "fc": 1}
    assert (found["conv"][:, 0].sel(statistic="estimate") == 0).all()
    assert (found["conv"][:, 0].drop_sel(statistic="estimate") == 1).all()
    assert found["fc"].sel({"fc:unit": "b"}).values.tolist() == [0, 1, 1, 1]
    xr.testing.assert_equal(found["conv"][:, 1:], living["conv"])
    with pytest.raises(ArgumentError, match="features must differ between images; got layer 'fc'"):
        regression.unitwise(features.assign(fc=xr.zeros_like(features["fc"])), scores)


def test_groups_make_permutations_the_test():
    features, scores = two_layers()
    scene = per_image(np.repeat(np.arange(10), 3), "scene")
    found = regression.unitwise(features, scores, blocks=scene, permute="whole", n_permutations=19)
    assert (found.attrs["test"], found.attrs["blocks"]) == ("permutation", "scene")
    assert found["conv"].sel(statistic="p").min() >= 1 / 20
    assert regression.unitwise(features, scores, n_permutations=19).attrs["test"] == "t"
    with pytest.raises(
        ArgumentError, match="test must be 'permutation' with permute='whole'; got 't'. Student's t takes"
    ):
        regression.unitwise(features, scores, blocks=scene, permute="whole", test="t")
    with pytest.raises(ArgumentError, match="permute must be named when blocks are given"):
        regression.unitwise(features, scores, blocks=scene)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), test=st.sampled_from(["t", "permutation"]))
def test_order_makes_no_difference_and_signs_turn(seed, test):
    features, scores = two_layers(12, seed)
    options = {"test": test, "n_permutations": 29, "rng": seed}
    found = regression.unitwise(features, scores, **options)
    order = np.random.default_rng(seed).permutation(12)
    xr.testing.assert_identical(regression.unitwise(features.isel(image=order), scores, **options), found)
    xr.testing.assert_identical(regression.unitwise(features, scores.isel(image=order), **options), found)
    turned = regression.unitwise(-features, scores, **options)
    xr.testing.assert_allclose(turned.sel(statistic="estimate"), -found.sel(statistic="estimate"))
    xr.testing.assert_allclose(turned.sel(statistic="p"), found.sel(statistic="p"))
    assert (found["fc"].sel(statistic="p_corrected") <= 1).all()


def test_what_was_put_in_is_found():
    features, scores = two_layers(200)
    table = regression.top_units(regression.unitwise(features, scores), 2)
    assert table["layer"].tolist() == ["conv", "fc"]
    assert table.loc[0, ["channel", "y", "x"]].tolist() == [1, 0, 2]
    assert table.loc[1, "unit"] == "d"
    assert (table[["p", "p_fdr", "p_corrected"]] < 0.01).all(axis=None)


@pytest.mark.parametrize("call", [regression.patterns, regression.unitwise], ids=["patterns", "unitwise"])
def test_cautions_are_given_and_kept(call):
    network = {"variant": "retrained", "weights_sha256": "aa"}
    features, scores = two_layers(**network)
    with pytest.warns(RetrainedWarning), pytest.warns(CircularWarning):
        found = call(features, scores.assign_attrs(network))
    assert found.attrs["cautions"] == "circular, retrained"


# --- the first units --------------------------------------------------------------------------------------------------


def made(statistic="estimate", **attrs):
    """A result with ties, written down by hand."""
    conv = np.array([[[0.5, -0.9], [0.1, 0.5]], [[0.0, 0.2], [0.5, 0.3]]])
    coords = {"statistic": [statistic, "p"], "b:unit": ["w", "v"]}
    values = {
        "z": (("statistic", "z:channel", "z:y", "z:x"), np.stack([conv, 1 - abs(conv)])),
        "b": (("statistic", "b:unit"), [[0.5, -0.6], [0.5, 0.4]]),
    }
    return xr.Dataset(values, coords, attrs)


def test_the_table_by_hand():
    table = regression.top_units(made(), 5)
    expected = pd.DataFrame(
        {
            "rank": [1, 2, 3, 4, 5],
            "layer": ["z", "b", "b", "z", "z"],
            "channel": pd.array([0, None, None, 0, 0], dtype="Int64"),
            "y": pd.array([0, None, None, 0, 1], dtype="Int64"),
            "x": pd.array([1, None, None, 0, 1], dtype="Int64"),
            "unit": [pd.NA, "v", "w", pd.NA, pd.NA],
            "estimate": [-0.9, -0.6, 0.5, 0.5, 0.5],
            "p": [0.1, 0.4, 0.5, 0.5, 0.5],
        }
    )
    pd.testing.assert_frame_equal(table, expected)


def test_the_order_of_layers_and_dims_makes_no_difference():
    result = made()
    other = result[["b", "z"]].transpose("z:x", "z:y", "b:unit", "statistic", "z:channel")
    pd.testing.assert_frame_equal(regression.top_units(other), regression.top_units(result))


def test_sides_come_first_that_were_tested():
    found = regression.top_units(made(alternative="less"), 3)
    assert found["estimate"].tolist() == [-0.9, -0.6, 0.0]


def test_sizes_that_depend_on_the_layer_are_ranked_inside_it(tmp_path):
    features, scores = two_layers()
    result = regression.patterns(features, xr.Dataset({"hit": scores, "other": -scores}))
    table = regression.top_units(result, 2)
    assert table["rank"].tolist() == [1, 2] * 4
    assert table["layer"].tolist() == ["conv", "conv", "fc", "fc"] * 2
    assert table["score"].tolist() == ["hit"] * 4 + ["other"] * 4
    assert table.columns.tolist() == ["rank", "layer", "score", "channel", "y", "x", "unit", "weight", "pattern"]
    row = regression.top_units(result, 1, by="weight").iloc[0]
    weights = result["conv"].sel(statistic="weight", score="hit")
    assert abs(row["weight"]) == abs(weights).max()
    assert weights.sel({f"conv:{axis}": row[axis] for axis in ("channel", "y", "x")}).item() == row["weight"]
    result.to_netcdf(tmp_path / "patterns.nc")
    with xr.open_dataset(tmp_path / "patterns.nc") as again:
        pd.testing.assert_frame_equal(regression.top_units(again, 2), table)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), n=st.integers(1, 40))
def test_the_first_are_those_of_a_full_sort(seed, n):
    values = np.random.default_rng(seed).integers(-3, 4, (6, 5)).astype(float)
    result = xr.Dataset({"a": (("statistic", "a:channel", "a:x"), values[None])}, {"statistic": ["estimate"]})
    found = regression.top_units(result, n)
    every = sorted(np.ndindex(6, 5), key=lambda place: (-abs(values[place]), place))[:n]
    assert list(zip(found["channel"], found["x"], strict=True)) == every
    assert found["rank"].tolist() == list(range(1, min(n, 30) + 1))


# --- what is refused --------------------------------------------------------------------------------------------------

FEATURES, SCORES = two_layers(8)
WRONG = {
    "no features": (FEATURES["fc"].values, SCORES, {}, KindError, "features must be an xarray"),
    "no scores": (FEATURES, SCORES.values, {}, KindError, "scores must be a DataArray or Series"),
    "images": (FEATURES, SCORES[1:], {}, ArgumentError, "scores and features must hold the same images"),
    "missing score": (
        FEATURES,
        SCORES.drop_isel(image=2).reindex(image=SCORES.image),
        {},
        ArgumentError,
        "scores must be finite",
    ),
    "constant score": (
        FEATURES,
        xr.zeros_like(SCORES),
        {},
        ArgumentError,
        "scores must differ between images; got 0 for every",
    ),
    "NaN": (
        FEATURES.drop_isel(image=2).reindex(image=SCORES.image),
        SCORES,
        {},
        ArgumentError,
        r"features\['conv'\] must be finite",
    ),
    "name": (
        FEATURES.rename(fc="score"),
        SCORES,
        {},
        ArgumentError,
        r"no layer 'statistic' or 'score'; got 1: 'score'",
    ),
}
ONLY = {
    "flat": (regression.patterns, {"features": FEATURES[["fc"]] * 0}, ArgumentError, "features must differ between"),
    "scale": (regression.patterns, {"scale": "z"}, ArgumentError, "scale must be one of 'none', 'layer', 'unit'"),
    "weights": (regression.patterns, {"weights": SCORES * 0}, ArgumentError, "weights must be above 0"),
    "progress": (regression.patterns, {"progress": "yes"}, KindError, "progress must be True, False or None"),
    "few": (
        regression.unitwise,
        {"features": FEATURES[{"image": [0, 1]}], "scores": SCORES[:2]},
        ArgumentError,
        "features must have three images at least; got 2",
    ),
    "method": (
        regression.unitwise,
        {"method": "kendall"},
        ArgumentError,
        "method must be one of 'spearman', 'pearson'",
    ),
    "test": (regression.unitwise, {"test": "z"}, ArgumentError, "test must be one of 't', 'permutation'"),
    "none": (
        regression.unitwise,
        {"test": "permutation", "n_permutations": 0},
        ArgumentError,
        "n_permutations must be at least 1",
    ),
    "option": (regression.unitwise, {"groups": SCORES}, UnknownNameError, "option must be a known name; got 'groups'"),
    "rng": (regression.unitwise, {"rng": None}, KindError, "rng must be a whole number"),
}


@pytest.mark.parametrize("call", [regression.patterns, regression.unitwise], ids=["patterns", "unitwise"])
@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_refused(case, call):
    features, scores, options, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        call(features, scores, **options)


@pytest.mark.parametrize("case", ONLY)
def test_options_that_cannot_be_used_are_refused(case):
    call, given_options, kind, message = ONLY[case]
    with pytest.raises(kind, match=message):
        call(**{"features": FEATURES, "scores": SCORES} | given_options)


@pytest.mark.parametrize(
    ("result", "options", "kind", "message"),
    [
        (FEATURES, {}, KindError, "result must hold statistics of units; got Dataset. Make one with"),
        (SCORES, {}, KindError, "result must hold statistics of units; got DataArray"),
        (made("weight"), {"by": "pattern"}, ArgumentError, "by must be one of 'weight'; got 'pattern'"),
        (made(), {"n": 0}, ArgumentError, "n must be at least 1"),
        (made(), {"n": 2.5}, KindError, "n must be a whole number"),
    ],
)
def test_what_cannot_be_ranked_is_refused(result, options, kind, message):
    with pytest.raises(kind, match=message):
        regression.top_units(result, **options)
