"""Near-duplicates within and between sets, by perceptual hash and by features."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

import memfeat as mf
from memfeat import sets
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.sets.features import copies, tiles


def picture(seed):
    return np.random.default_rng(seed).uniform(size=(6, 6, 3)).repeat(16, 0).repeat(16, 1)


def layer(values, images, name="fc"):
    return xr.DataArray(values, dims=["image", f"{name}:unit"], coords={"image": list(images)}, name=name)


def rows(found):
    return list(zip(*(found[name].values.tolist() for name in ("image", "other", "set", "other_set")), strict=True))


# --- pictures -------------------------------------------------------------------------------------------------------


def test_pictures_that_are_bright_mirrored_or_scaled_copies_are_found_within_and_between_sets():
    first = {"one": picture(0), "two": picture(1), "two brighter": picture(1) * 0.8 + 0.2}
    second = {"other": picture(2), "one": picture(0)[:, ::-1], "small": picture(1)[::2, ::2]}
    found = sets.near_duplicates(first, second)
    assert sorted(rows(found)) == [
        ("one", "one", "a", "b"),
        ("two", "small", "a", "b"),
        ("two", "two brighter", "a", "a"),
        ("two brighter", "small", "a", "b"),
    ]
    assert (found["by"] == "perceptual hash").all()
    assert (found["distance"] <= 8).all()
    assert (np.diff(found["distance"]) >= 0).all()
    assert found.attrs["n_within"] == 1
    assert found.attrs["n_between"] == 3
    assert found.attrs["n_images"] == 6


def test_bits_that_differ_are_those_of_the_hashes():
    pictures = {f"{k}": picture(k // 2) * (1 - 0.3 * (k % 2) * np.linspace(0, 1, 96)[:, None]) for k in range(8)}
    found = sets.near_duplicates(pictures, distance=40)
    straight, mirrored = (mf.lowlevel.perceptual_hash(pictures, mirrored=turned).values for turned in (False, True))

    def bits(one, other):
        return bin(int(one, 16) ^ int(other, 16)).count("1")

    expected = {}
    for i, j in combinations(range(8), 2):
        least = min(bits(straight[i], straight[j]), bits(mirrored[i], straight[j]), bits(straight[i], mirrored[j]))
        if least <= 40:
            expected[str(i), str(j)] = least
    keys = zip(found["image"].values, found["other"].values, strict=True)
    assert dict(zip(keys, found["distance"].values, strict=True)) == expected


def test_labels_divide_one_table_and_what_shows_nothing_is_left_out(tmp_path):
    pictures = {
        "a.png": picture(0),
        "b.png": picture(0),
        "grey.png": np.full((50, 50), 0.5),
        "plain.png": np.ones((9, 9)),
    }
    images = mf.images.read(pictures)
    column = xr.DataArray(["old", "new", "old", "new"], coords={"image": list(pictures)}, dims="image")
    found = sets.near_duplicates(images, column)
    assert rows(found) == [("a.png", "b.png", "old", "new")]
    assert found.attrs["left_out"] == ["grey.png", "plain.png"]
    found.to_netcdf(tmp_path / "pairs.nc")
    assert rows(xr.load_dataset(tmp_path / "pairs.nc")) == rows(found)


def test_an_image_that_cannot_be_read_is_left_out(tmp_path):
    from PIL import Image

    Image.fromarray((picture(0) * 255).astype(np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    found = sets.near_duplicates(tmp_path)
    assert found.sizes["pair"] == 0
    assert found.attrs["left_out"] == ["b.png"]


def test_distance_is_that_of_heads_unless_told():
    from memfeat.training.duplicates import DISTANCE

    bits = np.zeros((3, 2, 64), dtype=bool)
    bits[:, 0, :32], bits[:, 1, 1::2] = True, True
    bits[1, :, :DISTANCE] ^= True
    bits[2, :, : DISTANCE + 1] ^= True
    assert copies.alike(list(bits)) == [(1, 2, 1), (0, 1, DISTANCE)]
    assert copies.alike([bits[0], None, bits[2]], 9) == [(0, 2, 9)]


# --- features -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
@pytest.mark.parametrize("side", [4, 1000])
def test_similar_features_are_those_of_numpy(metric, side, monkeypatch):
    monkeypatch.setattr(tiles, "MEMORY", 8 * tiles.ALIVE * side**2)
    rng = np.random.default_rng(3)
    values = rng.normal(size=(12, 5)) + 1
    values[7] = 2 * values[2] + 0.01 * rng.normal(size=5)
    names = [f"{k:02}" for k in range(12)]
    found = sets.near_duplicates(layer(values, names), threshold=0.5, metric=metric)
    expected = cosine_similarity(values) if metric == "cosine" else np.corrcoef(values)
    pairs = {(names[i], names[j]): 1 - expected[i, j] for i, j in combinations(range(12), 2) if expected[i, j] >= 0.5}
    keys = list(zip(found["image"].values, found["other"].values, strict=True))
    assert set(keys) == set(pairs)
    np.testing.assert_allclose(found["distance"], [pairs[key] for key in keys], atol=1e-10)
    assert keys[0] == ("02", "07")
    assert (found["by"] == metric).all()


@pytest.mark.parametrize("side", [3, 1000])
def test_the_ratio_finds_what_is_much_nearer_than_anything_else(side, monkeypatch):
    monkeypatch.setattr(tiles, "MEMORY", 8 * tiles.ALIVE * side**2)
    # the nearest of "a" is not much nearer than its next one, but "a" is to both of them
    angles = np.deg2rad([0, -1.05, 40, 90, 150, 1])
    values = np.c_[np.cos(angles), np.sin(angles)]
    found = sets.near_duplicates(layer(values, "abcdef"), threshold=1, ratio=0.3)
    assert rows(found) == [("a", "f", "a", "a"), ("a", "b", "a", "a")]
    assert (found["by"] == "ratio").all()
    np.testing.assert_allclose(found["distance"], 1 - np.cos(np.deg2rad([1, 1.05])))
    assert sets.near_duplicates(layer(values, "abcdef"), threshold=1).sizes["pair"] == 0


def test_two_sets_may_use_the_same_names_and_layers_are_told_apart():
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(2, 4, 6))
    second[1] = first[3]
    a = xr.Dataset({"one": layer(first, "abcd", "one"), "two": layer(rng.normal(size=(4, 6)), "abcd", "two")})
    b = xr.Dataset({"one": layer(second, "abcd", "one"), "two": layer(rng.normal(size=(4, 6)), "abcd", "two")})
    found = sets.near_duplicates(a, b, threshold=0.99)
    assert rows(found) == [("d", "b", "a", "b")]
    assert found["layer"].item() == "one"
    assert found["distance"].item() == 0
    assert found.attrs["threshold"] == 0.99


def test_images_without_features_are_left_out():
    values = np.array([[0.0, 0, 0], [1, 1, 1], [1, 2, 3], [1, 2, 3]])
    assert sets.near_duplicates(layer(values, "abcd")).attrs["left_out"] == ["a"]
    found = sets.near_duplicates(layer(values, "abcd"), metric="correlation")
    assert found.attrs["left_out"] == ["a", "b"]
    assert rows(found) == [("c", "d", "a", "a")]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), order=st.permutations(range(7)))
def test_order_and_length_of_features_do_not_matter(seed, order):
    rng = np.random.default_rng(seed)
    features = layer(rng.normal(size=(7, 3)), "abcdefg")
    long = features * xr.DataArray(rng.uniform(1, 9, 7), dims="image")
    found = sets.near_duplicates(features, threshold=0.6, ratio=0.3)
    other = sets.near_duplicates(long.rename("fc").isel(image=list(order)), threshold=0.6, ratio=0.3)
    assert sorted(rows(found)) == sorted(rows(other))


# --- what is refused ------------------------------------------------------------------------------------------------

FEATURES = layer(np.random.default_rng(0).normal(size=(4, 3)), "abcd")


@pytest.mark.parametrize(
    ("a", "b", "options", "match"),
    [
        (FEATURES, FEATURES.assign_attrs(model="two"), {}, "same network"),
        (FEATURES, None, {"threshold": 0}, "threshold must lie above 0 and be at most 1"),
        (FEATURES, None, {"ratio": 2}, "ratio must lie above 0 and be at most 1"),
        (FEATURES, None, {"metric": "euclidean"}, "metric must be one of 'cosine', 'correlation'"),
        (FEATURES.where(FEATURES.image != "c"), None, {}, "NaN or infinity in 1: 'c'"),
        ({"a": picture(0)}, None, {"distance": -1}, "distance must be at least 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(a, b, options, match):
    with pytest.raises(ArgumentError, match=match):
        sets.near_duplicates(a.assign_attrs(model="one") if b is not None else a, b, **options)


@pytest.mark.parametrize(
    ("a", "b", "options", "match"),
    [
        ({"a": picture(0)}, FEATURES, {}, "a and b must be of one kind; got images and features"),
        (FEATURES, {"a": picture(0)}, {}, "sets must be a DataArray, a Series or features; got dict"),
        (FEATURES, None, {"threshold": "high"}, "threshold must be a number"),
    ],
)
def test_kinds_that_do_not_go_together_are_refused(a, b, options, match):
    with pytest.raises(KindError, match=match):
        sets.near_duplicates(a, b, **options)


def test_a_table_that_nobody_reads_is_refused(monkeypatch):
    monkeypatch.setattr(copies, "MOST_PAIRS", 5)
    with pytest.raises(ArgumentError, match="leave at most 5 pairs"):
        sets.near_duplicates(layer(np.ones((4, 3)), "abcd"))


def test_an_unknown_option_is_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'threshold'"):
        sets.near_duplicates(FEATURES, thresholds=0.9)


def test_a_pair_that_is_alike_in_several_layers_is_counted_once():
    values = np.random.default_rng(0).normal(size=(6, 5))
    values[3] = values[0]
    layers = {name: (("image", f"{name}:unit"), values * k) for k, name in enumerate(["one", "two", "three"], start=1)}
    features = xr.Dataset(layers, {"image": list("abcdef")})
    found = sets.near_duplicates(features, pd.Series([0, 0, 0, 1, 1, 1], list("abcdef")))
    assert found.sizes["pair"] == 3
    assert (found.attrs["n_between"], found.attrs["n_within"]) == (1, 0)


def test_the_bits_in_which_copies_may_differ_are_recorded():
    pictures = {f"{k}": np.random.default_rng(k).integers(0, 255, (40, 40, 3), dtype=np.uint8) for k in range(3)}
    assert sets.near_duplicates(pictures, progress=False).attrs["distance"] == 8
