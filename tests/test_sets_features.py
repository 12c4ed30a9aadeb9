"""Image sets in feature space: discrepancies, neighbours, classifier, Fréchet distance, and what is refused."""

import tracemalloc
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import energy_distance, ortho_group
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from memfeat import sets
from memfeat.errors import ArgumentError, KindError, RetrainedWarning, UnknownNameError
from memfeat.regression import ridge
from memfeat.sets.features import frechet, neighbourhoods, separability, tiles
from memfeat.sets.features.exchanging import sampled

EVERY = ("mmd", "energy", "mmd_linear", "classifier", "neighbours", "frechet")
KERNELS = EVERY[:3]


def names(n, prefix="i"):
    return [f"{prefix}{k:03}" for k in range(n)]


def layer(values, images=None, name="fc"):
    values = np.atleast_2d(values)
    images = names(len(values)) if images is None else images
    return xr.DataArray(values, dims=["image", f"{name}:unit"], coords={"image": images}, name=name)


def labels(*sizes, letters="xyz"):
    column = np.repeat(list(letters[: len(sizes)]), sizes)
    return xr.DataArray(column, dims="image", coords={"image": names(sum(sizes))}, name="set")


def drawn(seed, *sizes, p=6, shift=0.5):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(k * shift, 1, (n, p)) for k, n in enumerate(sizes)])


def only(values, column, statistic, **options):
    """One statistic of one layer."""
    return sets.compare_features(layer(values), column, statistics=statistic, **options).isel(statistic=0, layer=0)


def mean_discrepancy(x, y, kernel, *, unbiased):
    """By double loops."""
    within = []
    for some in (x, y):
        pairs = [(i, j) for i in range(len(some)) for j in range(len(some)) if i != j or not unbiased]
        within.append(np.mean([kernel(some[i], some[j]) for i, j in pairs]))
    return sum(within) - 2 * np.mean([kernel(one, other) for one in x for other in y])


def kernels(values):
    distances = [np.linalg.norm(one - other) for one, other in combinations(values, 2)]
    width = np.median(distances)
    return {
        "mmd": lambda a, b: np.exp(-np.sum((a - b) ** 2) / (2 * width**2)),
        "energy": lambda a, b: -np.linalg.norm(a - b),
        "mmd_linear": lambda a, b: a @ b,
    }


# --- values ---------------------------------------------------------------------------------------------------------


def test_two_and_two_numbers_by_hand():
    """0, 1 and 10, 13: distances 1 and 3 within, 10, 13, 9, 12 between."""
    found = sets.compare_features(layer([[0.0], [1], [10], [13]]), labels(2, 2), statistics=["energy", "mmd_linear"])
    np.testing.assert_allclose(found["estimate"][:, 0], [2 * 11 - 1 - 3, 11**2 - 0.5 / 2 - 4.5 / 2])
    np.testing.assert_allclose(found["tested"][:, 0], [2 * 11 - 1 / 2 - 3 / 2, 11**2])
    assert found.attrs["exact"] == "true"
    assert f"all {found.attrs['n_permutations']} rearrangements of images between sets" in found.attrs["methods"]
    # six divisions, of which two put the same numbers together
    np.testing.assert_allclose(found["p"], 1 / 3)
    np.testing.assert_array_equal(found["n"], [2, 2])


@pytest.mark.parametrize("statistic", KERNELS)
def test_discrepancies_are_those_of_double_loops(statistic):
    values = drawn(1, 9, 13)
    x, y = values[:9], values[9:]
    found = only(values, labels(9, 13), statistic, n_permutations=0)
    kernel = kernels(values)[statistic]
    np.testing.assert_allclose(found["estimate"], mean_discrepancy(x, y, kernel, unbiased=True), rtol=1e-10)
    np.testing.assert_allclose(found["tested"], mean_discrepancy(x, y, kernel, unbiased=False), rtol=1e-10)
    assert "p" not in found


def test_discrepancy_is_that_of_scikit_learn_s_kernel():
    values = drawn(2, 20, 15)
    found = only(values, labels(20, 15), "mmd", n_permutations=0, bandwidth=0.7)
    k = rbf_kernel(values, gamma=1 / (2 * found["bandwidth"].item() ** 2))
    w = np.repeat([1 / 20, -1 / 15], [20, 15])
    np.testing.assert_allclose(found["tested"], w @ k @ w, rtol=1e-10)
    distances = [np.linalg.norm(one - other) for one, other in combinations(values, 2)]
    np.testing.assert_allclose(found["bandwidth"], 0.7 * np.median(distances))


def test_energy_distance_in_one_dimension_is_that_of_scipy():
    values = drawn(3, 12, 8, p=1)
    found = only(values, labels(12, 8), "energy", n_permutations=0)
    np.testing.assert_allclose(np.sqrt(found["tested"]), energy_distance(values[:12, 0], values[12:, 0]), rtol=1e-10)


@pytest.mark.parametrize("statistic", EVERY)
def test_p_is_the_share_of_divisions_that_lie_further_apart(statistic):
    """All 720 orders of six images, each judged as if it were what is; folds stay with the images."""
    values = drawn(4, 3, 3, p=2)
    options = {"k": 2, "folds": 2}
    found = only(values, labels(3, 3), statistic, n_permutations=720, **options)
    tested = []
    for chosen in combinations(range(6), 3):
        column = labels(3, 3)
        column[:] = "y"
        column[list(chosen)] = "x"
        tested.append(only(values, column, statistic, n_permutations=0, **options)["tested"].item())
    # folds come after permutations, for which all rearrangements need no draws
    assert len(set(tested)) > 1
    share = np.mean(np.array(tested) >= found["tested"].item() - 1e-9)
    np.testing.assert_allclose(found["p"], share)
    np.testing.assert_allclose(found["expected"], np.mean(tested))


def left_out(x, y, penalty, i):
    """Fit ridge regression without an image, and say by how much it is missed."""
    others, means = np.delete(x, i, 0), np.delete(y, i).mean()
    centred = others - others.mean(axis=0)
    square = centred.T @ centred + penalty * np.eye(x.shape[1])
    weights = np.linalg.solve(square, centred.T @ (np.delete(y, i) - means))
    return y[i] - means - (x[i] - others.mean(axis=0)) @ weights


@pytest.mark.parametrize("n", [(14, 14), (9, 19)])
def test_classifier_ranks_held_out_images_as_scikit_learn_s_do(n):
    values, k = drawn(5, *n, p=8), 3
    is_first = np.arange(sum(n)) < n[0]
    fold = np.random.default_rng(0).permutation(np.arange(sum(n)) % k)
    distances = np.linalg.norm(values[:, None] - values, axis=-1)
    found = separability.auc(separability.inner_products(distances), is_first[:, None], fold)
    wins = pairs = 0
    for held in range(k):
        inside, outside = fold != held, fold == held
        centred = values[inside] - values[inside].mean(axis=0)
        grid = np.logspace(6, -6, 13) * (centred**2).sum() / inside.sum()
        errors = []
        for penalty in grid:
            errors.append(sum(left_out(values[inside], is_first[inside], penalty, i) ** 2 for i in range(inside.sum())))
        model = RidgeClassifier(alpha=grid[np.argmin(errors)]).fit(values[inside], is_first[inside])
        n_pairs = is_first[outside].sum() * (~is_first[outside]).sum()
        wins += n_pairs * roc_auc_score(is_first[outside], model.decision_function(values[outside]))
        pairs += n_pairs
    np.testing.assert_allclose(found, wins / pairs, rtol=1e-12)


def test_classifier_agrees_with_cross_val_predict_in_folds_of_its_own(monkeypatch):
    """One penalty for all: held-out values of scikit-learn, ranked within folds."""
    monkeypatch.setattr(ridge, "PENALTIES", np.array([1.0]))
    values = drawn(6, 25, 25, p=60, shift=0.1)
    is_first = np.arange(50) < 25
    fold = np.random.default_rng(1).permutation(np.arange(50) % 5)
    distances = np.linalg.norm(values[:, None] - values, axis=-1)
    found = separability.auc(separability.inner_products(distances), is_first[:, None], fold)
    scores = []
    for held in range(5):
        # the penalty is relative to the spread of the training images
        inside = fold != held
        root = np.sqrt(((values[inside] - values[inside].mean(axis=0)) ** 2).sum() / inside.sum())
        options = {"cv": PredefinedSplit(fold), "method": "decision_function"}
        scores.append(cross_val_predict(RidgeClassifier(1.0), values / root, is_first, **options))
    scores = np.array(scores)[fold, np.arange(50)]
    wins = [np.sign(scores[a] - scores[b]) for a in range(25) for b in range(25, 50) if fold[a] == fold[b]]
    np.testing.assert_allclose(found, (np.mean(wins) + 1) / 2, rtol=1e-12)


def test_chance_of_the_classifier_is_one_half():
    """Over all rearrangements of sets of unequal sizes, whatever the folds."""
    found = only(drawn(7, 2, 4), labels(2, 4), "classifier", n_permutations=720, folds=2)
    np.testing.assert_allclose(found["expected"], 0.5)


def test_neighbours_of_the_own_set_are_those_of_scikit_learn():
    values, k = drawn(8, 18, 24, p=3), 4
    found = only(values, labels(18, 24), "neighbours", k=k, n_permutations=0)
    near = NearestNeighbors(n_neighbors=k).fit(values).kneighbors(return_distance=False)
    number = np.repeat([0, 1], [18, 24])
    np.testing.assert_allclose(found["estimate"], (number[near] == number[:, None]).mean())


def test_overlap_is_that_of_its_definition():
    values, k = drawn(9, 14, 11, p=2), 3
    found = only(values, labels(14, 11), "neighbours", k=k, n_permutations=0)
    x, y = values[:14], values[14:]

    def balls(some):
        return [sorted(np.linalg.norm(one - other) for other in some)[k] for one in some]

    inside = np.array([[np.linalg.norm(a - b) <= r for b in y] for a, r in zip(x, balls(x), strict=True)])
    other = np.array([[np.linalg.norm(a - b) <= r for a in x] for b, r in zip(y, balls(y), strict=True)])
    expected = [inside.any(axis=0).mean(), other.any(axis=0).mean(), inside.sum() / (k * 11), inside.any(axis=1).mean()]
    assert list(found["measure"].values) == ["precision", "recall", "density", "coverage"]
    np.testing.assert_allclose(found["overlap"], expected)


@pytest.mark.parametrize("p", [4, 60])
def test_frechet_distance_is_that_of_scikit_learn_s_covariances(p):
    values = drawn(10, 22, 17, p=p)
    found = only(values, labels(22, 17), "frechet", n_permutations=0)
    centred = values - values.mean(axis=0)
    scores = centred @ np.linalg.svd(centred, full_matrices=False)[2][:20].T
    (first, one), (second, other) = ((some.mean(axis=0), ledoit_wolf(some)[0]) for some in (scores[:22], scores[22:]))
    expected = np.sum((first - second) ** 2) + np.trace(one + other - 2 * np.real(sqrtm(one @ other)))
    np.testing.assert_allclose(found["estimate"], expected, rtol=1e-8)
    np.testing.assert_allclose(found["explained"], scores.var(axis=0).sum() / values.var(axis=0).sum())


def test_frechet_distances_of_many_divisions_are_those_of_each(monkeypatch):
    rng = np.random.default_rng(11)
    scores, divisions = rng.normal(size=(20, 3)), np.array([rng.permutation(20) < 8 for _ in range(7)]).T
    monkeypatch.setattr(frechet, "BLOCK", 18)
    together = frechet.frechet(scores, divisions)
    apart = [frechet.frechet(scores, column[:, None])[0] for column in divisions.T]
    np.testing.assert_allclose(together, apart)


def test_images_that_are_all_alike_within_a_set_have_no_spread_and_a_frechet_distance_of_means():
    scores = np.array([[0.0, 0], [0, 0], [0, 0], [3, 4], [3, 4], [3, 4]])
    np.testing.assert_allclose(frechet.frechet(scores, (np.arange(6) < 3)[:, None]), 25)


# --- tiles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [8 * 6 * 7**2, 8 * 6 * 1000**2])
def test_tiles_hold_every_product_once(memory):
    values = drawn(12, 10, 12)
    whole, seen = np.full((22, 22), np.nan), 0
    for tile in tiles.tiles(layer(values), centred=False, memory=memory):
        assert np.isnan(whole[tile.rows, tile.columns]).all()
        whole[tile.rows, tile.columns] = tile.products
        np.testing.assert_allclose(tile.squares[1], (values[tile.columns] ** 2).sum(axis=1))
        np.testing.assert_allclose(tile.sums[0], values[tile.rows].sum(axis=1))
        assert tile.products.nbytes * 6 <= memory
        seen += 1
    assert seen == tiles.n_tiles(22, memory)
    np.testing.assert_allclose(whole[np.triu_indices(22)], (values @ values.T)[np.triu_indices(22)])


def test_sets_too_large_for_one_matrix_give_the_same_numbers(monkeypatch):
    """The sums of three sets over tiles of at most nine images; the width comes from all images in both."""
    values, column = drawn(13, 14, 9, 17), labels(14, 9, 17)
    options = {"statistics": list(KERNELS), "n_permutations": 50, "rng": 3}
    whole = sets.compare_features(layer(values), column, **options)
    monkeypatch.setattr(tiles, "MEMORY", 8 * 6 * 9**2)
    # a sample that is everyone would need no tiles
    monkeypatch.setattr("memfeat.sets.features.layering._width", lambda *_: float(whole["bandwidth"][0]))
    tiled = sets.compare_features(layer(values).chunk({"image": 7}), column, most=39, **options)
    for name in ("estimate", "tested", "expected", "p", "p_corrected"):
        np.testing.assert_allclose(tiled[name], whole[name], rtol=1e-9)
    assert tiled.attrs["most"] == 39


def test_no_matrix_of_all_images_is_held(monkeypatch):
    monkeypatch.setattr(tiles, "MEMORY", 2**22)
    values, column = drawn(25, 750, 750, p=8), labels(750, 750)
    options = {"statistics": ["mmd", "energy"], "n_permutations": 20, "most": 100}
    sets.compare_features(layer(values[:200]), column[650:850].assign_coords(image=names(200)), **options)
    tracemalloc.start()
    sets.compare_features(layer(values), column, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * tiles.MEMORY < 8 * 1500**2 / 2


def test_a_sample_has_as_many_images_of_each_set_and_keeps_pairs_whole():
    rng = np.random.default_rng(14)
    number = np.repeat([0, 1], [80, 30])
    chosen = sampled(number, 40, {"blocks": None, "permute": "free"}, rng)
    np.testing.assert_array_equal(np.bincount(number[chosen]), [20, 20])
    pairs = np.tile(np.arange(30), 2)
    chosen = sampled(np.repeat([0, 1], 30), 20, {"blocks": pairs, "permute": "within"}, rng)
    np.testing.assert_array_equal(np.unique(pairs[chosen], return_counts=True)[1], 2)
    assert len(chosen) == 20


def test_a_sample_is_recorded_and_leaves_discrepancies_alone():
    values, column = drawn(15, 40, 30), labels(40, 30)
    whole = sets.compare_features(layer(values), column, n_permutations=20)
    some = sets.compare_features(layer(values), column, n_permutations=20, most=30)
    np.testing.assert_array_equal(some["n_sampled"], [15, 15])
    np.testing.assert_array_equal(some["n"], [40, 30])
    assert "n_sampled" not in whole
    np.testing.assert_allclose(some["estimate"].sel(statistic="energy"), whole["estimate"].sel(statistic="energy"))
    assert "30 random images" in some.attrs["methods"]


# --- what may be exchanged --------------------------------------------------------------------------------------------


def test_versions_change_places_within_their_pair_only():
    """Four pairs that differ by 1 each, among pictures that differ by 100: 2 of 16 swaps are as extreme."""
    values = np.concatenate([[[0.0], [100], [200], [300]], [[1.0], [101], [201], [301]]])
    blocks = xr.DataArray(np.tile(np.arange(4), 2), coords={"image": names(8)}, dims="image", name="original")
    options = {"statistic": "mmd_linear", "n_permutations": 99}
    paired = only(values, labels(4, 4), blocks=blocks, permute="within", **options)
    np.testing.assert_allclose(paired["p"], 2 / 16)
    assert only(values, labels(4, 4), **options)["p"].item() > 0.5


def test_clusters_change_places_as_a_whole():
    """Three clusters of two in each set: 20 divisions, both extreme ones are as they are or mirrored."""
    values = np.repeat([[0.0], [1], [2], [10], [11], [12]], 2, axis=0)
    blocks = xr.DataArray(np.repeat(np.arange(6), 2), coords={"image": names(12)}, dims="image")
    found = only(values, labels(6, 6), "energy", blocks=blocks, permute="whole", n_permutations=720)
    np.testing.assert_allclose(found["p"], 2 / 20)


def test_folds_hold_clusters_out_as_a_whole(monkeypatch):
    seen = []
    auc = separability.auc
    monkeypatch.setattr(
        "memfeat.sets.features.layering.auc", lambda gram, own, fold: seen.append(fold) or auc(gram, own, fold)
    )
    blocks = xr.DataArray(np.repeat(np.arange(12), 3), coords={"image": names(36)}, dims="image")
    only(drawn(16, 18, 18), labels(18, 18), "classifier", blocks=blocks, permute="whole", n_permutations=9)
    assert all(len(set(seen[0][blocks.values == block])) == 1 for block in range(12))


# --- laws -----------------------------------------------------------------------------------------------------------


def test_nothing_depends_on_rotation_or_on_the_order_of_images_layers_and_sets():
    values, column = drawn(17, 15, 20), labels(15, 20)
    features = xr.Dataset({"one": layer(values, name="one"), "two": layer(drawn(18, 15, 20), name="two")})
    options = {"statistics": list(EVERY), "n_permutations": 99}
    found = sets.compare_features(features, column, **options)
    turned = xr.Dataset({"one": layer(values @ ortho_group.rvs(6, random_state=1), name="one"), "two": features["two"]})
    order = np.random.default_rng(0).permutation(35)
    others = [
        sets.compare_features(turned, column, **options),
        sets.compare_features(features.isel(image=order), column, **options),
        sets.compare_features(features, column.to_series().iloc[order], **options),
        sets.compare_features(features[["two", "one"]], column, **options).sel(layer=["one", "two"]),
        sets.compare_features(features.chunk({"image": 4}), column, **options),
    ]
    for other in others:
        for name in ("estimate", "p", "p_corrected", "expected", "overlap"):
            np.testing.assert_allclose(other[name], found[name], rtol=1e-7, err_msg=name)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 100))
def test_far_sets_lie_further_apart_and_units_do_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(9, 3))
    options = {"statistics": list(EVERY), "n_permutations": 0}
    far, near = (sets.compare_features(layer(np.r_[x, y + shift]), labels(8, 9), **options) for shift in (5, 0))
    assert (far["estimate"] > near["estimate"]).all()
    both = np.r_[x, y]
    found = [sets.compare_features(layer(one), labels(8, 9), n_permutations=19) for one in (both, scale * both)]
    without_unit = ["mmd", "classifier", "neighbours"]
    one, other = (each["estimate"].sel(statistic=without_unit) for each in found)
    np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found[0]["p"], found[1]["p"])


def test_sets_given_one_by_one_are_those_of_labels():
    values, column = drawn(19, 10, 12), labels(10, 12, letters="ab")
    features = layer(values)
    options = {"n_permutations": 49, "rng": 5}
    labelled = sets.compare_features(features, column, **options)
    a, b = features[:10], features[10:]
    xr.testing.assert_allclose(sets.compare_features(a, b, **options), labelled)
    assert list(labelled["set"].values) == ["a", "b"]
    table = sets.compare_features(a.to_dataset(), b.to_dataset(), **options)
    xr.testing.assert_allclose(table, labelled)


def test_three_sets_are_compared_two_by_two():
    values, column = drawn(20, 10, 12, 14), labels(10, 12, 14)
    features = xr.Dataset({"one": layer(values, name="one"), "two": layer(2 * values[::-1], name="two")})
    found = sets.compare_features(features, column, n_permutations=99)
    assert found["estimate"].dims == ("statistic", "layer", "contrast")
    assert list(found["contrast"].values) == ["x and y", "x and z", "y and z"]
    assert list(found["first"].values) == ["x", "x", "y"]
    for k, pair in enumerate(combinations("xyz", 2)):
        some = column.isin(pair)
        alone = sets.compare_features(features[["one"]].isel(image=some), column[some.values], n_permutations=0)
        # the kernel's width is that of all images, the others know of no third set
        same = ["energy", "neighbours", "frechet"]
        one, other = found["estimate"][:, 0, k], alone["estimate"][:, 0]
        np.testing.assert_allclose(one.sel(statistic=same), other.sel(statistic=same))
    assert (found["p_corrected"] >= found["p"]).all()
    assert (found["p_corrected"] <= 1).all()


def test_what_is_given_is_left_as_it_was_and_the_result_can_be_saved(tmp_path):
    values, column = drawn(21, 10, 10), labels(10, 10)
    features = layer(values).assign_attrs(model="resnet18", weights_sha256="abc")
    before = features.copy(deep=True), column.copy(deep=True)
    found = sets.compare_features(features, column, n_permutations=19)
    xr.testing.assert_identical(features, before[0])
    xr.testing.assert_identical(column, before[1])
    assert found.attrs["model"] == "resnet18"
    assert found.attrs["seed"] == "0"
    assert "one distribution" in found.attrs["null"]
    assert "'x' (n = 10), 'y' (n = 10)" in found.attrs["methods"]
    assert len(found.attrs["references"]) == 5
    found.to_netcdf(tmp_path / "found.nc")
    xr.testing.assert_allclose(xr.load_dataset(tmp_path / "found.nc"), found)


def test_progress_counts_every_step(capsys):
    sets.compare_features(layer(drawn(22, 8, 8)), labels(8, 8), n_permutations=9, progress=True)
    assert "5/5" in capsys.readouterr().err


def test_features_of_the_retrained_network_are_warned_of():
    features = layer(drawn(23, 8, 8)).assign_attrs(variant="retrained")
    with pytest.warns(RetrainedWarning):
        found = sets.compare_features(features, labels(8, 8), n_permutations=9)
    assert found.attrs["cautions"] == "retrained"


# --- what is refused ------------------------------------------------------------------------------------------------

GOOD = drawn(24, 10, 10)


def table(values=GOOD, **attrs):
    return layer(values).assign_attrs(attrs)


BLOCKS = {"blocks": labels(10, 10), "permute": "within"}
REFUSED = [
    ({"sets": labels(1, 19)}, "at least 6 images each; got 1 in 'x'"),
    ({"sets": labels(4, 16), "statistics": "classifier"}, "at least 5 .* Pass folds=4"),
    ({"sets": labels(4, 16), "statistics": "neighbours"}, "at least 6 .* Pass k=3"),
    ({"sets": labels(1, 19), "statistics": "mmd"}, "at least 2 images each; got 1 in 'x'. A set of one image"),
    ({"sets": labels(20)}, "name two sets at least; got 1: 'x'"),
    ({"sets": labels(10, 9)}, "must hold the same images"),
    ({"sets": table()}, "different images; got the same images: 20: 'i000'.* permute='within'"),
    ({"features": table()[:12], "sets": table()[10:]}, "got 2: 'i010', 'i011' in both"),
    ({"features": table(np.where(np.isin(GOOD, GOOD[3, 2]), np.nan, GOOD))}, "NaN or infinity in 1: 'i003'"),
    ({"features": table(np.ones((20, 3)))}, "differ between images; got layer 'fc'. Leave it out"),
    ({"features": table(np.tile(GOOD[:10], (2, 1)))}, "sets must differ; got 'x' and 'y' with the same features"),
    ({"features": table(np.repeat([[0.0], [1]], [17, 3], axis=0)), "statistics": "mmd"}, "most images for 'mmd'"),
    ({"features": table()[:10].assign_attrs(model="one"), "sets": table()[10:].assign_attrs(model="two")},
     "same network, read in the same way; got model 'one' and 'two'"),
    ({"features": table()[:10], "sets": table()[10:, :3]}, "same features in layer 'fc'; got {'fc:unit': 6}"),
    ({"features": table()[:10], "sets": table()[10:].rename("other")}, "same layers; got only in a 1: 'fc'"),
    (BLOCKS, "Every block lies in one set"),
    (BLOCKS | {"sets": labels(6, 14), "blocks": labels(6, 14), "permute": "whole"}, "as large as one of the other"),
    ({"blocks": labels(10, 10)}, "permute must be named"),
    ({"statistics": "mmmd"}, "statistics must be one of 'mmd'"),
    ({"statistics": []}, "statistics must name one at least"),
    ({"bandwidth": 0}, "bandwidth must lie above 0"),
    ({"folds": 11}, "at least 11 images each"),
    ({"folds": 1}, "folds must be at least 2"),
    ({"k": 0}, "k must be at least 1"),
    ({"most": 8}, "keep, of `most` images, at least 6"),
    ({"n_permutations": -1}, "n_permutations must be at least 0"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "match"), REFUSED, ids=[match for _, match in REFUSED])
def test_what_cannot_be_compared_is_refused(changed, match):
    call = {"features": table(), "sets": labels(10, 10), "n_permutations": 9} | changed
    with pytest.raises(ArgumentError, match=match):
        sets.compare_features(call.pop("features"), call.pop("sets"), **call)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"features": GOOD}, "features must be an xarray"),
        ({"sets": ["x"] * 20}, "sets must be a DataArray, a Series or features; got list"),
        ({"features": table().astype(str)}, "hold real numbers; got dtype"),
        ({"bandwidth": "median"}, "bandwidth must be a number"),
        ({"rng": None}, "rng must be a whole number"),
    ],
)
def test_what_is_no_data_is_refused(changed, match):
    call = {"features": table(), "sets": labels(10, 10), "n_permutations": 9} | changed
    with pytest.raises(KindError, match=match):
        sets.compare_features(call.pop("features"), call.pop("sets"), **call)


def test_an_unknown_option_is_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'bandwidth'"):
        sets.compare_features(table(), labels(10, 10), bandwidths=1)


def test_labels_may_be_a_series():
    column = pd.Series(["x"] * 10 + ["y"] * 10, index=names(20))
    xr.testing.assert_identical(
        sets.compare_features(table(), column, n_permutations=9),
        sets.compare_features(table(), labels(10, 10), n_permutations=9),
    )


def test_balls_hold_a_neighbour_at_the_same_distance():
    distances = np.abs(np.subtract.outer([0.0, 1, 2, 3], [0.0, 1, 2, 3]))
    found = neighbourhoods.overlap(distances, np.array([True, True, False, False]), 1)
    np.testing.assert_allclose(found, [0.5, 0.5, 0.5, 0.5])


def test_groups_without_a_counterpart_are_counted():
    values = np.random.default_rng(0).normal(size=(14, 3))
    sets_ = labels(7, 7)
    blocks = xr.DataArray([0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6], coords={"image": sets_["image"]}, dims="image")
    found = sets.compare_features(layer(values), sets_, statistics="energy", blocks=blocks, permute="whole")
    # blocks of three and of one have no counterpart
    assert found.attrs["n_fixed"] == 4
    assert "4 images are in groups without a counterpart" in found.attrs["methods"]


def test_methods_of_several_sets_tell_of_both_corrections():
    values = np.random.default_rng(0).normal(size=(9, 3))
    found = sets.compare_features(layer(values), labels(2, 3, 4), statistics="energy")
    assert "P-values come from all 10/15/35 rearrangements of images" in found.attrs["methods"]
    assert "maximum statistic and over contrasts by Bonferroni's procedure" in found.attrs["methods"]


def test_a_set_of_one_is_refused_for_what_it_is():
    with pytest.raises(ArgumentError, match=r"got 1 in 'y'\. A set of one image has no spread"):
        sets.compare_features(layer(np.random.default_rng(0).normal(size=(9, 3))), labels(8, 1))
