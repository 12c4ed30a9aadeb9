"""Sparse coding: codes, dictionaries, and how much of an image they leave over."""

import json
import re

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import sparse_encode

from memfeat.errors import ArgumentError, KindError, NotConvergedWarning, UnknownNameError
from memfeat.measures import learn_dictionary, sparse_coding
from memfeat.measures.coding import Coding, codes, stepped
from memfeat.measures.sparse_options import PUBLISHED

NAMES = [f"{i:03d}.jpg" for i in range(400)]
#: A few seconds' worth of learning at most.
SMALL = {"n_atoms": 6, "n_iterations": 4, "device": "cpu"}


def layer(values, name: str = "fc") -> xr.DataArray:
    values = np.asarray(values, dtype=float)
    return xr.DataArray(values, dims=["image", f"{name}:unit"], coords={"image": NAMES[: len(values)]}, name=name)


def noise(n: int = 24, p: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, p))


def directions(k: int, p: int, generator: np.random.Generator) -> np.ndarray:
    drawn = generator.standard_normal((k, p))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def mixtures(n: int, atoms: np.ndarray, most: int, generator: np.random.Generator) -> np.ndarray:
    """Add up a few atoms for each image, each between .5 and 1.5 times, with either sign."""
    weights = np.zeros((n, len(atoms)))
    for row in weights:
        chosen = generator.choice(len(atoms), most, replace=False)
        row[chosen] = generator.uniform(0.5, 1.5, most) * generator.choice([-1, 1], most)
    return weights @ atoms


def dictionary_of(atoms: np.ndarray, name: str = "fc", **changes) -> xr.Dataset:
    """Write a dictionary by hand, of all features, which are neither scaled nor centred."""
    p = atoms.shape[1]
    values = xr.DataArray(atoms, {f"{name}:drawn": np.arange(p)}, ("atom", f"{name}:drawn"))
    values.attrs = {"scale": 1.0, "n_features": p}
    table = xr.Dataset({name: values, f"{name}:mean": (f"{name}:drawn", np.zeros(p))})
    return table.assign_attrs(options=json.dumps(PUBLISHED | changes))


def test_steps_by_hand():
    images, atoms = torch.tensor([[1.0, 0.0], [0.1, -2.0]]), torch.eye(2)
    one = codes(images, atoms, Coding(step=0.5, penalty=0.1, tolerance=1e-9, max_steps=1)).values
    # half of each feature, less .1, and nothing where that would cross zero
    torch.testing.assert_close(one, torch.tensor([[0.4, 0.0], [0.0, -0.9]]))
    two = codes(images, atoms, Coding(step=0.5, penalty=0.1, tolerance=1e-9, max_steps=2)).values
    # .4 + .5 (1 − .4) − .1 and −.9 + .5 (−2 + .9) + .1
    torch.testing.assert_close(two, torch.tensor([[0.6, 0.0], [0.0, -1.35]]))


def test_error_by_hand():
    given_ = dictionary_of(np.eye(2), step=0.5, penalty=0.1, max_steps=1, tolerance=10.0)
    found = sparse_coding(layer([[1, 0], [0.1, -2]]), dictionary=given_, device="cpu")["fc"]
    np.testing.assert_allclose(found, [0.6**2 / 2, (0.1**2 + 1.1**2) / 2], rtol=1e-6)


def test_atoms_move_by_hand():
    atoms, images, found = torch.eye(2), torch.tensor([[3.0, 1.0]]), torch.tensor([[2.0, 0.0]])
    # (3, 1) less 2 times the first atom leaves (1, 1), which moves it to (1.2, .2)
    expected = torch.tensor([[1.2, 0.2], [0.0, 1.0]]) / torch.tensor([[1.48**0.5], [1.0]])
    torch.testing.assert_close(stepped(images, found, atoms, 0.1), expected)


def test_atoms_move_along_the_gradient_of_the_squared_residual():
    generator = torch.Generator().manual_seed(0)
    images, found, atoms = (torch.randn(*size, generator=generator) for size in ((7, 4), (7, 3), (3, 4)))
    leaf = atoms.clone().requires_grad_()
    (((images - found @ leaf) ** 2).sum() / 2).backward()
    expected = torch.nn.functional.normalize(atoms - 0.01 * leaf.grad, dim=1)
    torch.testing.assert_close(stepped(images, found, atoms, 0.01), expected)


@pytest.mark.parametrize("together", [True, False])
def test_settled_codes_are_those_of_scikit_learns_lasso(together: bool):
    generator = np.random.default_rng(1)
    atoms, images = directions(12, 8, generator), generator.standard_normal((9, 8))
    how = Coding(step=0.2, penalty=0.04, tolerance=1e-12, max_steps=50_000)
    found = codes(torch.from_numpy(images), torch.from_numpy(atoms), how, together=together)
    expected = sparse_encode(images, atoms, algorithm="lasso_cd", alpha=0.04 / 0.2, max_iter=100_000)
    np.testing.assert_allclose(found.values, expected, atol=1e-4)
    assert found.settled.all()
    assert (found.values == 0).any()


def test_the_published_rule_stops_by_the_change_of_the_codes():
    images, atoms = torch.tensor([[1.0]]), torch.eye(1)
    found = codes(images, atoms, Coding(step=0.01, penalty=0.001, tolerance=0.01, max_steps=1_000)).values.item()
    code = 0.0
    while True:
        before, code = code, code + 0.01 * (1 - code) - 0.001
        if abs(code - before) / (0.01 + abs(before)) < 0.01:
            break
    assert found == pytest.approx(code, rel=1e-5)


def test_each_image_stops_by_itself():
    generator = np.random.default_rng(2)
    given_, images = dictionary_of(directions(8, 5, generator)), layer(noise(12) * np.geomspace(0.1, 10, 12)[:, None])
    together = sparse_coding(images, dictionary=given_, device="cpu")["fc"]
    apart = [sparse_coding(images[i : i + 1], dictionary=given_, device="cpu")["fc"].item() for i in range(12)]
    np.testing.assert_allclose(together, apart, rtol=1e-5)


def test_planted_atoms_are_recovered():
    # 50 atoms in 64 dimensions, 3 of them in each of 2,000 images, with noise of a tenth of the signal's deviation
    generator = np.random.default_rng(20261129)
    atoms = directions(50, 64, generator)
    images = mixtures(2_000, atoms, 3, generator)
    images += 0.1 * images.std() * generator.standard_normal(images.shape)
    names = [f"{i:04d}" for i in range(len(images))]
    features = xr.DataArray(images, dims=["image", "fc:unit"], coords={"image": names}, name="fc")
    settings_ = {"n_atoms": 50, "n_iterations": 300, "step": 0.2, "penalty": 0.04, "device": "cpu"}
    learned = learn_dictionary(features, rng=0, **settings_)["fc"].values
    likeness = np.abs(learned @ atoms.T).max(axis=0)
    assert (likeness > 0.9).mean() >= 0.9


def test_images_off_the_dictionary_leave_more_over_with_published_settings():
    generator = np.random.default_rng(3)
    atoms = directions(500, 1_000, generator)
    on = mixtures(60, atoms, 10, generator)
    off = generator.standard_normal((60, 1_000))
    off *= np.linalg.norm(on, axis=1, keepdims=True) / np.linalg.norm(off, axis=1, keepdims=True)
    found = sparse_coding(layer(np.vstack([on, off])), dictionary=dictionary_of(atoms), device="cpu")["fc"].values
    assert found[:60].max() < found[60:].min()


def test_images_off_a_learned_dictionary_leave_more_over():
    # steps, penalty, tolerance, batches and learning rate as published; fewer features, atoms and batches
    generator = np.random.default_rng(4)
    atoms = directions(40, 120, generator)
    on = mixtures(360, atoms, 3, generator)
    off = generator.standard_normal((40, 120))
    off *= np.linalg.norm(on[:40], axis=1, keepdims=True) / np.linalg.norm(off, axis=1, keepdims=True)
    found = sparse_coding(layer(np.vstack([on, off])), n_atoms=60, n_iterations=80, rng=0, device="cpu")["fc"].values
    assert np.median(found[360:]) > np.quantile(found[:360], 0.95)


def test_a_dictionary_codes_the_images_it_was_learned_from_and_others(tmp_path):
    features = xr.Dataset({"a": layer(noise(), "a"), "b": layer(noise(p=9, seed=1), "b")})
    error = sparse_coding(features, rng=3, **SMALL)
    dictionary = learn_dictionary(features, rng=3, **SMALL)
    dictionary.to_netcdf(tmp_path / "dictionary.nc")
    with xr.open_dataset(tmp_path / "dictionary.nc") as saved:
        again = sparse_coding(features, dictionary=saved, device="cpu")
        some = sparse_coding(features.isel(image=[5, 2]), dictionary=saved, device="cpu")
    for name in features:
        np.testing.assert_allclose(again[name], error[name], rtol=1e-5)
        np.testing.assert_allclose(some[name], error[name][[5, 2]], rtol=1e-5)
        np.testing.assert_allclose((dictionary[name] ** 2).sum(f"{name}:drawn"), 1, rtol=1e-5)
    assert list(some["image"].values) == [NAMES[5], NAMES[2]]
    assert error.attrs["learned_from"] == "all images, itself included"
    assert again.attrs["learned_from"] == "the dictionary that was given"
    assert (again.attrs["seed"], again.attrs["n_learned_from"]) == ("3", 24)


def test_features_are_scaled_by_a_percentile_and_drawn_once():
    values = noise(30, 40)
    found = learn_dictionary(layer(values), n_units=10, percentile=80, **SMALL)["fc"]
    places = found["fc:drawn"].values
    assert found.sizes == {"atom": 6, "fc:drawn": 10}
    assert found.attrs["scale"] == pytest.approx(np.percentile(np.abs(values[:, places].astype("float32")), 80))
    others = np.setdiff1d(np.arange(40), places)
    changed = values.copy()
    changed[:, others] = 0
    one, other = (sparse_coding(layer(x), n_units=10, percentile=80, **SMALL)["fc"] for x in (values, changed))
    np.testing.assert_array_equal(one, other)


def test_no_image_helps_to_learn_what_it_is_coded_with():
    # one image that is much larger changes its own error and those of the other fold alone, by the scale too
    values = noise(40, 5)
    changed = values.copy()
    changed[7] *= 30
    before, after = (sparse_coding(layer(x), folds=2, rng=1, **SMALL)["fc"].values for x in (values, changed))
    same = np.isclose(before, after, rtol=1e-6)
    assert not same[7]
    assert same.sum() == 19


def test_out_of_fold_errors_are_larger():
    values = noise(40, 30)
    options = {"n_atoms": 40, "n_iterations": 20, "rng": 0, "device": "cpu"}
    assert sparse_coding(layer(values), folds=4, **options)["fc"].mean() > 1.1 * (
        sparse_coding(layer(values), **options)["fc"].mean()
    )


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.floats(0.01, 100))
def test_neither_order_nor_unit_nor_other_layers_matter(seed: int, fold: bool, unit: float):
    values, folds = noise(seed=seed), 3 if fold else None
    features = xr.Dataset({"fc": layer(values), "fd": layer(values[:, :3], "fd")})
    found = sparse_coding(features, folds=folds, rng=seed, **SMALL)
    order = np.random.default_rng(seed).permutation(len(values))
    again = sparse_coding(features["fc"][order], folds=folds, rng=seed, **SMALL)
    np.testing.assert_array_equal(again["fc"].sel(image=found["image"]), found["fc"])
    scaled = sparse_coding(features["fc"] * unit, folds=folds, rng=seed, **SMALL)
    np.testing.assert_allclose(scaled["fc"], found["fc"], rtol=1e-3)


def test_labels_are_kept_and_inputs_are_not_touched():
    features = xr.Dataset({"a": layer(noise(), "a"), "b": layer(noise(seed=1), "b")}, attrs={"model": "net"})
    before = features.copy(deep=True)
    found = sparse_coding(features, rng=np.random.default_rng(5), **SMALL)
    xr.testing.assert_identical(features, before)
    assert list(found) == ["a", "b"]
    assert found["b"].dims == ("image",)
    assert found.attrs["model"] == "net"
    assert "bit_generator" in found.attrs["seed"]
    assert json.loads(found.attrs["options"]) == PUBLISHED | {"n_atoms": 6, "n_iterations": 4}
    lazy = sparse_coding(features.chunk({"image": 5}), rng=np.random.default_rng(5), **SMALL)
    np.testing.assert_array_equal(lazy["b"], found["b"])


def test_maps_are_read_in_c_order(monkeypatch):
    maps = xr.DataArray(
        np.random.default_rng(0).standard_normal((24, 3, 4)), dims=["image", "c:y", "c:x"], coords={"image": NAMES[:24]}
    )
    flat = layer(maps.values.reshape(24, 12), "c")
    whole = learn_dictionary(maps.rename("c"), n_units=7, **SMALL)
    np.testing.assert_array_equal(whole["c"], learn_dictionary(flat, n_units=7, **SMALL)["c"])
    monkeypatch.setattr("memfeat._blocks.SLAB_BYTES", 8 * 24 * 2)
    np.testing.assert_array_equal(learn_dictionary(maps.rename("c"), n_units=7, **SMALL)["c"], whole["c"])


def test_codes_that_have_not_settled_are_counted():
    with pytest.warns(NotConvergedWarning, match="had not settled: 24 in 'fc'. Pass a larger max_steps= or tolerance="):
        found = sparse_coding(layer(noise()), max_steps=2, **SMALL)
    assert found["fc"].attrs["n_unsettled"] == 24


PLAIN = dictionary_of(np.eye(5))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_atoms": 0}, ArgumentError, "n_atoms must be at least 1; got 0"),
        ({"batch_size": 1}, ArgumentError, "batch_size must be at least 2; got 1"),
        ({"step": -1}, ArgumentError, "step must be above 0; got -1"),
        ({"penalty": -0.1}, ArgumentError, "penalty must be at least 0; got -0.1"),
        ({"percentile": 101}, ArgumentError, "percentile must be above 0 and at most 100; got 101"),
        ({"tolerance": "small"}, KindError, "tolerance must be a number; got 'small'"),
        ({"atoms": 3}, UnknownNameError, "Did you mean 'n_atoms'"),
        ({"folds": 1}, ArgumentError, "folds must be at least 2; got 1"),
        ({"folds": 13}, ArgumentError, re.escape("folds must be at most half the number of images (24); got 13")),
        ({"rng": None}, KindError, "rng must be a whole number"),
        ({"device": "tape"}, ArgumentError, "device must be a device that torch knows"),
        (
            {"step": 1e6, "n_iterations": 1, "max_steps": 50},
            ArgumentError,
            r"step must be small enough for codes of features\['fc'\] to settle; got 1000000.0",
        ),
        (
            {"dictionary": dictionary_of(np.eye(5), step=1e6, max_steps=50)},
            ArgumentError,
            r"step must be small enough for codes of features\['fc'\] to settle; got 1000000.0",
        ),
        ({"dictionary": 3}, KindError, "dictionary must be a dictionary; got int"),
        ({"dictionary": PLAIN, "folds": 2}, ArgumentError, "folds must be left out with dictionary=; got 2"),
        ({"dictionary": PLAIN, "penalty": 0.1}, ArgumentError, "penalty must be left out with dictionary=; got 0.1"),
        (
            {"dictionary": dictionary_of(np.eye(4))},
            ArgumentError,
            r"features\['fc'\] must have 4 features, as in dictionary; got 5 features",
        ),
        (
            {"dictionary": dictionary_of(np.eye(5), "fd")},
            ArgumentError,
            "must hold atoms for each layer; got none of 'fc'",
        ),
    ],
)
def test_bad_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        sparse_coding(layer(noise()), **options)


def test_bad_features_are_refused():
    silent = np.zeros((24, 5))
    silent[0, 0] = 1
    with pytest.raises(ArgumentError, match="to be scaled by; got 0 at the 95th percentile. Too few features differ"):
        sparse_coding(layer(silent), **SMALL)
    with pytest.raises(ArgumentError, match="must hold at least 2 images for a dictionary; got 1"):
        sparse_coding(layer(noise(1)), **SMALL)
    with pytest.raises(ArgumentError, match="must hold at least 2 images for a dictionary; got 1"):
        learn_dictionary(layer(noise(1)), **SMALL)
    broken = noise()
    broken[4, 1] = np.inf
    with pytest.raises(ArgumentError, match="must be finite for every image; got NaN or infinity in 1: '004.jpg'"):
        sparse_coding(layer(broken), **SMALL)
