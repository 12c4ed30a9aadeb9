"""Distances to others and to the middle of others: by hand, and against naive loops that leave each image out."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from memfeat import _blocks, measures, rdm
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, UnknownNameError
from memfeat.measures import leaving


def layer(values, name="fc", prefix="photo"):
    values = np.asarray(values)
    dims = ["image", *[f"{name}:{axis}" for axis in ("channel", "y", "x")[: values.ndim - 1]]]
    names = np.array([f"{prefix}-{i:03d}.jpg" for i in range(len(values))], dtype=object)
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name, attrs={"model": "toy"})


def noise(n, p, seed=0):
    """Features that differ in mean and in spread, images too."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, p)) * rng.uniform(0.5, 2, p) + rng.standard_normal(p) + rng.standard_normal((n, 1))


def column(labels, like):
    return xr.DataArray(np.array(labels, dtype=object), dims="image", coords={"image": like["image"]}, name="kind")


METRICS = ["euclidean", "correlation", "cosine"]
NAIVE = {
    "nearest": lambda others, k: min(others),
    "k_nearest": lambda others, k: np.mean(sorted(others)[:k]),
    "mean": lambda others, k: np.mean(others),
    "density": lambda others, k: -np.log(sorted(others)[k - 1]),
}


def naive(values, further, metric, kind, k):
    found = []
    for i, one in enumerate(values):
        others = [cdist([one], [other], metric)[0, 0] for j, other in enumerate([*values, *further]) if j != i]
        found.append(NAIVE[kind](others, k))
    return found


def ask(kind, features, k=3, **options):
    if kind == "density":
        return measures.density(features, k=k, **options)
    return measures.distinctiveness(features, kind=kind, **({"k": k} if kind == "k_nearest" else {}), **options)


# --- neighbours -------------------------------------------------------------------------------------------------------


def test_neighbours_by_hand():
    values = layer([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])
    far = np.sqrt(34)
    for kind, wanted in {
        "nearest": [5, 1, 1],
        "k_nearest": [(5 + far) / 2, 3, (1 + far) / 2],
        "mean": [(5 + far) / 2, 3, (1 + far) / 2],
        "density": [-np.log(far), -np.log(5), -np.log(far)],
    }.items():
        np.testing.assert_allclose(ask(kind, values, k=2)["fc"], wanted)


@pytest.mark.parametrize("further", [0, 4])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", sorted(NAIVE))
def test_neighbours_agree_with_a_naive_loop(kind, metric, further):
    values = noise(9 + further, 7)
    context = {"context": layer(values[9:], prefix="filler")} if further else {}
    found = ask(kind, layer(values[:9]), metric=metric, **context)
    np.testing.assert_allclose(found["fc"], naive(values[:9], values[9:], metric, kind, 3), rtol=1e-10)
    assert found.attrs["metric"] == metric
    assert found.attrs.get("n_context", 0) == further


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", sorted(NAIVE))
def test_one_rdm_serves_all_kinds(kind, metric):
    both = xr.Dataset({"low": layer(noise(9, 5), "low"), "high": layer(noise(9, 7, 1), "high")}, attrs={"model": "toy"})
    found = ask(kind, rdm.compute(both, metric=metric))
    direct = ask(kind, both, metric=metric)
    xr.testing.assert_allclose(found, direct)
    assert list(found) == ["low", "high"]
    assert found.attrs == direct.attrs


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(0.01, 100), kind=st.sampled_from(["nearest", "k_nearest", "mean"]))
def test_distances_grow_with_gain_and_know_no_order_shift_or_rotation(seed, gain, kind):
    values = layer(noise(8, 5, seed))
    order = np.random.default_rng(seed).permutation(8)
    turned = values.copy(data=gain * (values.values @ np.linalg.qr(noise(5, 5, seed + 1))[0]) + 3)
    found = ask(kind, values)["fc"]
    xr.testing.assert_allclose(ask(kind, turned.isel(image=order))["fc"], (found * gain).isel(image=order), rtol=1e-6)


def test_images_far_away_and_close_together_keep_their_digits():
    values = noise(6, 40)
    values[3] = values[2] + 1e-7 * noise(1, 40, 5)
    values += 1e4
    wanted = cdist(values, values)
    np.fill_diagonal(wanted, np.inf)
    np.testing.assert_allclose(measures.distinctiveness(layer(values))["fc"], wanted.min(axis=1), rtol=1e-10)


@pytest.mark.parametrize("metric", METRICS)
def test_duplicates_are_counted_and_left_out_on_demand(metric):
    values = noise(7, 30)
    copied = layer(np.concatenate([values, values[:2]]))
    counted = measures.distinctiveness(copied, metric=metric)["fc"]
    assert (counted.values == 0).nonzero()[0].tolist() == [0, 1, 7, 8]
    assert counted.attrs["n_duplicates"] == 4
    for kind in ("nearest", "mean"):
        skipped = measures.distinctiveness(copied, kind=kind, metric=metric, duplicates="skip")
        one, other = (skipped["fc"].values[some] for some in ([0, 1], [7, 8]))
        np.testing.assert_allclose(one, other)
        assert skipped.attrs["duplicates"] == "skip"
    alone = measures.distinctiveness(layer(values), metric=metric)["fc"]
    without = measures.distinctiveness(copied, metric=metric, duplicates="skip")["fc"]
    np.testing.assert_allclose(without[:7], alone)


def test_blocks_chunks_and_a_lazy_context_change_nothing(monkeypatch):
    both = layer(noise(30, 24).reshape(30, 4, 6))
    others = layer(noise(11, 24, 1).reshape(11, 4, 6), prefix="filler")
    before = both.copy(deep=True)
    whole = measures.distinctiveness(both, context=others)
    monkeypatch.setattr(_blocks, "SLAB_BYTES", 8 * 41 * 5)
    monkeypatch.setattr("memfeat.gram.ROWS", 7)
    for one, other in ((both.chunk({"image": 8}), others), (both, others.chunk({"fc:y": 2}))):
        xr.testing.assert_allclose(measures.distinctiveness(one, context=other), whole)
    xr.testing.assert_identical(both, before)
    assert whole["image"].values.tolist() == both["image"].values.tolist()


FEATURES = layer(noise(6, 4))
NAMED = FEATURES.assign_coords({"fc:channel": list("abcd")})


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda a: measures.distinctiveness(a, kind="far"),
            ArgumentError,
            "kind must be one of 'nearest', 'k_nearest'",
        ),
        (lambda a: measures.distinctiveness(a, k=2), ArgumentError, "k must be left out with kind='nearest'; got 2"),
        (lambda a: measures.distinctiveness(a, metric="l1"), ArgumentError, "metric must be one of 'euclidean', 'corr"),
        (lambda a: measures.density(a, k=0), ArgumentError, "k must be at least 1"),
        (
            lambda a: measures.density(a, k=6),
            ArgumentError,
            r"features\['fc'\] must have at least 6 neighbours for every",
        ),
        (lambda a: measures.density(a, near=2), UnknownNameError, "option must be a known name; got 'near'"),
        (
            lambda a: measures.density(a, duplicates=2),
            ArgumentError,
            "duplicates must be one of 'count', 'skip'; got 2",
        ),
        (
            lambda a: measures.density(a * 0, k=2),
            ArgumentError,
            "must have fewer than 2 copies of an image for a density",
        ),
        (
            lambda a: measures.distinctiveness(a * 0, duplicates="skip"),
            ArgumentError,
            "must have at least 1 neighbours",
        ),
        (lambda a: measures.distinctiveness(a[:1]), ArgumentError, "must hold at least 2 images for distances"),
        (
            lambda a: measures.distinctiveness(a[:, :1], metric="cosine"),
            ArgumentError,
            "at least 2 features for metric",
        ),
        (
            lambda a: measures.distinctiveness(a * 0, metric="cosine"),
            ArgumentError,
            "have features that are not all zero",
        ),
        (lambda a: measures.distinctiveness(a * 0, metric="correlation"), ArgumentError, "features that differ within"),
        (lambda a: measures.distinctiveness(a * np.inf), ArgumentError, "must be finite for every image"),
        (
            lambda a: measures.distinctiveness(a, context=a[:2]),
            ArgumentError,
            "hold other images than features; got both",
        ),
        (
            lambda a: measures.distinctiveness(a, context=layer(noise(2, 4), "pool", "filler")),
            ArgumentError,
            "context must hold layer 'fc'; got pool. Extract the same layers",
        ),
        (
            lambda a: measures.distinctiveness(a, context=layer(noise(2, 3), prefix="filler")),
            ArgumentError,
            r"context must have the features of layer 'fc', \{'fc:channel': 4\}; got \{'fc:channel': 3\}",
        ),
        (
            lambda a: measures.distinctiveness(
                NAMED, context=layer(noise(2, 4), prefix="b").assign_coords({"fc:channel": list("abce")})
            ),
            ArgumentError,
            "context must have the features of layer 'fc'",
        ),
        (
            lambda a: measures.density(rdm.compute(a, metric="cosine"), metric="euclidean"),
            ArgumentError,
            "metric must be that of the RDMs, 'cosine', or left out; got 'euclidean'",
        ),
        (lambda a: measures.density(rdm.compute(a), context=a), ArgumentError, "context must be left out with RDMs"),
        (
            lambda a: measures.density(rdm.compute(a).assign(rdm=lambda one: -one["rdm"])),
            ArgumentError,
            "features must hold dissimilarities of zero or more, as RDMs; got 15 of 15 that are not",
        ),
        (
            lambda a: measures.density(rdm.compute(a).expand_dims(participant=2)),
            ArgumentError,
            r"features must have no dims beside layer and pair, as RDMs; got \('participant', 'layer', 'pair'\)",
        ),
    ],
)
def test_what_has_no_neighbours_is_refused_with_advice(call, kind, message):
    with pytest.raises(kind, match=message):
        call(FEATURES)


# --- typicality and prototypes ----------------------------------------------------------------------------------------

KINDS = ["cup", "tree", "cup", "tree", "tree", "cup", "cup"]


def test_typicality_agrees_with_a_naive_loop():
    values = noise(7, 12)
    for kinds, groups in ((["all"] * 7, None), (KINDS, column(KINDS, layer(values)))):
        wanted = [
            np.mean([np.corrcoef(values[i], values[j])[0, 1] for j in range(7) if j != i and kinds[j] == kinds[i]])
            for i in range(7)
        ]
        found = measures.typicality(layer(values.reshape(7, 3, 4)), groups=groups)
        np.testing.assert_allclose(found["fc"], wanted, rtol=1e-10)
        assert found.attrs.get("groups") == (None if groups is None else "kind")


def test_typicality_is_what_mean_distance_leaves_of_1():
    values = layer(noise(9, 20))
    distant = measures.distinctiveness(values, kind="mean", metric="correlation")
    np.testing.assert_allclose(measures.typicality(values)["fc"], 1 - distant["fc"])


def test_prototypes_agree_with_a_naive_loop():
    values, kinds = noise(7, 12), np.array(KINDS)
    own = [
        np.linalg.norm(values[i] - np.mean([values[j] for j in range(7) if j != i and kinds[j] == kinds[i]], axis=0))
        for i in range(7)
    ]
    other = [np.linalg.norm(values[i] - values[kinds != kinds[i]].mean(axis=0)) for i in range(7)]
    groups = pd.Series(KINDS, index=layer(values)["image"].values, name="kind").sample(frac=1, random_state=0)
    for to, wanted in (("own", own), ("other", other)):
        found = measures.prototype_distance(layer(values), groups, to=to)
        np.testing.assert_allclose(found["fc"], wanted, rtol=1e-12)
        assert {"to": to, "groups": "kind", "model": "toy"}.items() <= found.attrs.items()


def test_the_nearest_of_several_other_prototypes_counts():
    values = layer([[0.0], [1.0], [5.0], [6.0], [100.0]])
    found = measures.prototype_distance(values, column(["a", "a", "b", "b", "c"], values), to="other")
    assert found["fc"].values.tolist() == [5.5, 4.5, 4.5, 5.5, 94.5]


@pytest.mark.parametrize(
    "measure", [measures.prototype_distance, lambda a, g: measures.typicality(a, groups=g)], ids=["own", "typicality"]
)
def test_the_only_image_of_its_kind_has_no_value_and_is_named(measure):
    values = layer(noise(4, 5))
    with pytest.warns(
        MemfeatWarning, match="1: 'photo-002.jpg': they are the only ones of their category. Drop"
    ) as said:
        found = measure(values, column(["a", "a", "b", "a"], values))
    assert np.isnan(found["fc"].values).tolist() == [False, False, True, False]
    assert found.attrs["alone"] == ["photo-002.jpg"]
    assert said[0].filename == __file__


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(0.01, 100), shift=st.floats(-5, 5))
def test_typicality_knows_no_gain_shift_or_order(seed, gain, shift):
    values = layer(noise(8, 6, seed))
    order = np.random.default_rng(seed).permutation(8)
    found = measures.typicality(values)["fc"]
    moved = measures.typicality((values * gain + shift).isel(image=order))["fc"]
    xr.testing.assert_allclose(moved, found.isel(image=order), atol=1e-9)
    assert (abs(found) <= 1).all()


def test_measures_read_in_blocks_find_the_same(monkeypatch):
    values = layer(noise(9, 30).reshape(9, 5, 6))
    groups = column(list("aabbabaab"), values)
    calls = [
        lambda a: measures.typicality(a, groups=groups),
        lambda a: measures.prototype_distance(a, groups),
        lambda a: measures.prototype_distance(a, groups, to="other"),
        lambda a: measures.eccentricity(a),
        lambda a: measures.eccentricity(a, metric="mahalanobis", n_components=3),
        lambda a: measures.reconstruction_error(a, n_components=3),
    ]
    whole = [call(values) for call in calls]
    monkeypatch.setattr(_blocks, "SLAB_BYTES", 8 * 9 * 4)
    for call, wanted in zip(calls, whole, strict=True):
        xr.testing.assert_allclose(call(values.chunk({"image": 4, "fc:y": 3})), wanted)


# --- eccentricity and reconstruction ----------------------------------------------------------------------------------

SHAPES = [(12, 5), (9, 20), (8, 8), (30, 40)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_eccentricity_agrees_with_a_naive_loop(shape):
    values = noise(*shape)
    plain, whitened = [], []
    for i, one in enumerate(values):
        others = np.delete(values, i, axis=0)
        plain.append(np.linalg.norm(one - others.mean(axis=0)))
        whitened.append(np.linalg.norm(PCA(4, whiten=True, svd_solver="full").fit(others).transform([one])))
    np.testing.assert_allclose(measures.eccentricity(layer(values))["fc"], plain, rtol=1e-12)
    found = measures.eccentricity(layer(values), metric="mahalanobis", n_components=4)
    np.testing.assert_allclose(found["fc"], whitened, rtol=1e-8)
    assert found.attrs["n_components"] == 4


def test_mahalanobis_in_all_directions_is_the_classical_one():
    values = noise(40, 3)
    wanted = []
    for i, one in enumerate(values):
        others = np.delete(values, i, axis=0)
        gap = one - others.mean(axis=0)
        wanted.append(np.sqrt(gap @ np.linalg.inv(np.cov(others.T)) @ gap))
    padded = np.concatenate([values, 1e-4 * noise(40, 1, 3)], axis=1)
    np.testing.assert_allclose(
        measures.eccentricity(layer(padded), metric="mahalanobis", n_components=3)["fc"], wanted, rtol=1e-3
    )


def reconstructed(values, held_out, k):
    others = PCA(k, svd_solver="full").fit(np.delete(values, held_out, axis=0))
    some = values[held_out]
    return ((some - others.inverse_transform(others.transform(some))) ** 2).mean(axis=1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("k", [1, 4])
def test_reconstruction_agrees_with_a_naive_loop(shape, k):
    values = noise(*shape)
    wanted = [reconstructed(values, [i], k)[0] for i in range(len(values))]
    found = measures.reconstruction_error(layer(values), n_components=k)
    np.testing.assert_allclose(found["fc"], wanted, rtol=1e-8)
    assert {"left_out": "one image", "n_components": k}.items() <= found.attrs.items()


def test_as_many_components_as_there_can_be():
    values = noise(8, 20)
    wanted = [reconstructed(values, [i], 6)[0] for i in range(8)]
    np.testing.assert_allclose(measures.reconstruction_error(layer(values), n_components=6)["fc"], wanted, rtol=1e-7)


def test_variances_that_are_equal_or_where_an_image_has_no_share():
    corners = np.concatenate([np.eye(5), -np.eye(5)]) * [3, 2, 2, 1, 1]
    values = np.concatenate([corners, corners, corners, [[7.0, 0, 0, 0, 0]]])
    for k in (1, 3):
        wanted = [reconstructed(values, [i], k)[0] for i in range(len(values))]
        found = measures.reconstruction_error(layer(values), n_components=k)["fc"].values
        np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_roots_are_the_eigenvalues_without_the_image(shape):
    values = noise(*shape, seed=4)
    found = leaving.left_out(layer(values), 3, lambda _: None)
    for i in range(len(values)):
        others = np.delete(values, i, axis=0)
        np.testing.assert_allclose(
            found.variances[i], PCA(3, svd_solver="full").fit(others).explained_variance_, rtol=1e-10
        )
        gap = values[i] - others.mean(axis=0)
        np.testing.assert_allclose(found.squares[i], gap @ gap, rtol=1e-10)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_folds_agree_with_a_naive_loop(shape):
    values = noise(*shape)
    labels = np.arange(len(values)) % 3
    groups = column([f"fold {label}" for label in labels], layer(values))
    wanted = np.empty(len(values))
    for label in range(3):
        held_out = np.flatnonzero(labels == label)
        wanted[held_out] = reconstructed(values, held_out, 2)
    found = measures.reconstruction_error(layer(values), n_components=2, folds=groups)
    np.testing.assert_allclose(found["fc"], wanted, rtol=1e-8)
    assert {"left_out": "folds", "n_folds": 3}.items() <= found.attrs.items()
    each = measures.reconstruction_error(layer(values), n_components=2, folds=len(values), rng=3)
    one = measures.reconstruction_error(layer(values), n_components=2)
    np.testing.assert_allclose(each["fc"], one["fc"], rtol=1e-8)
    assert each.attrs["seed"] == "3"


def test_a_seed_deals_the_same_folds_in_any_order_of_images():
    values = layer(noise(12, 6))
    found = measures.reconstruction_error(values, n_components=2, folds=4, rng=1)["fc"]
    order = np.random.default_rng(0).permutation(12)
    again = measures.reconstruction_error(values.isel(image=order), n_components=2, folds=4, rng=1)["fc"]
    xr.testing.assert_allclose(again, found.isel(image=order))
    other = measures.reconstruction_error(values, n_components=2, folds=4, rng=2)["fc"]
    assert not np.allclose(found, other)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(0.01, 100))
def test_reconstruction_knows_no_shift_rotation_or_order_and_falls_with_components(seed, gain):
    values = noise(9, 6, seed)
    turned = gain * (values @ np.linalg.qr(noise(6, 6, seed + 1))[0]) + 2
    order = np.random.default_rng(seed).permutation(9)
    found = [measures.reconstruction_error(layer(values), n_components=k)["fc"] for k in (1, 2, 3)]
    moved = measures.reconstruction_error(layer(turned).isel(image=order), n_components=2)["fc"]
    xr.testing.assert_allclose(moved, (found[1] * gain**2).isel(image=order), rtol=1e-6)
    assert (found[0] >= found[1] - 1e-12).all()
    assert (found[1] >= found[2] - 1e-12).all()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda a: measures.typicality(a[:1]), ArgumentError, "must hold at least 2 images for typicality; got 1"),
        (
            lambda a: measures.typicality(a[:, :1]),
            ArgumentError,
            r"features\['fc'\] must have at least 2 features; got 1",
        ),
        (
            lambda a: measures.typicality(a.where(a["image"] != "photo-001.jpg", 0.1)),
            ArgumentError,
            "must have features that differ within an image; got 1: 'photo-001.jpg' without",
        ),
        (lambda a: measures.typicality(a, groups="kind"), KindError, "groups must be a DataArray or Series; got str"),
        (
            lambda a: measures.prototype_distance(a, column(["a"] * 6, a)[:5]),
            ArgumentError,
            "groups and the images must hold the same images",
        ),
        (
            lambda a: measures.prototype_distance(a, column(["a"] * 6, a), to="other"),
            ArgumentError,
            "groups must hold at least 2 categories with to='other'; got 1",
        ),
        (lambda a: measures.prototype_distance(a, None, to="all"), ArgumentError, "to must be one of 'own', 'other'"),
        (
            lambda a: measures.prototype_distance(a, None),
            KindError,
            "groups must be a DataArray or Series; got NoneType",
        ),
        (
            lambda a: measures.eccentricity(a, metric="cosine"),
            ArgumentError,
            "metric must be one of 'euclidean', 'maha",
        ),
        (
            lambda a: measures.eccentricity(a, n_components=2),
            ArgumentError,
            "n_components must be left out with metric=",
        ),
        (lambda a: measures.eccentricity(a[:1]), ArgumentError, "must hold at least 2 images for eccentricity; got 1"),
        (
            lambda a: measures.eccentricity(a, metric="mahalanobis"),
            ArgumentError,
            r"n_components must be at most 3, with which features\['fc'\] leaves a direction over for an image",
        ),
        (lambda a: measures.reconstruction_error(a, n_components=0), ArgumentError, "n_components must be at least 1"),
        (
            lambda a: measures.reconstruction_error(a * 0, n_components=1),
            ArgumentError,
            "n_components must be at most 0",
        ),
        (
            lambda a: measures.reconstruction_error(a[:2], n_components=1),
            ArgumentError,
            "at least 3 images for reconstr",
        ),
        (
            lambda a: measures.reconstruction_error(a, n_components=4, folds=2),
            ArgumentError,
            r"n_components must be fewer than the directions in which images of features\['fc'\] differ without a fold",
        ),
        (
            lambda a: measures.reconstruction_error(a, folds=1),
            ArgumentError,
            r"folds must be from 2 to the number of im",
        ),
        (
            lambda a: measures.reconstruction_error(a, folds=7),
            ArgumentError,
            r"folds must be from 2 to the number of im",
        ),
        (lambda a: measures.reconstruction_error(a, folds=2.5), KindError, "folds must be a whole number; got 2.5"),
        (lambda a: measures.reconstruction_error(a, folds=2, rng=None), KindError, "rng must be a whole number"),
    ],
)
def test_what_has_no_middle_is_refused_with_advice(call, kind, message):
    with pytest.raises(kind, match=message):
        call(FEATURES)
