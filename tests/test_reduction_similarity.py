"""CKA, SVCCA and Procrustes: by hand, against other code, and what they must not know."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import rbf_kernel

from memfeat import reduction
from memfeat.errors import ArgumentError, KindError


def features(seed=0, n=30, **widths):
    """Layers that share two directions, and have noise of their own."""
    shared, own = np.random.default_rng(0).standard_normal((n, 2)), np.random.default_rng(seed)
    names = np.array([f"{i:03d}.jpg" for i in range(n)], dtype=object)
    layers = {
        name: (("image", f"{name}:unit"), shared @ own.standard_normal((2, p)) + own.standard_normal((n, p)) + 1)
        for name, p in (widths or {"low": 5, "high": 12}).items()
    }
    return xr.Dataset(layers, {"image": names}, attrs={"model": f"net{seed}"})


def centred(values):
    return values - values.mean(axis=0)


def unbiased(k, l):  # noqa: E741
    """CKA as Song et al. (2012), equation 5, and Kornblith et al. (2019) write it."""

    def hsic(a, b):
        n, one = len(a), np.ones(len(a))
        a, b = a - np.diag(np.diag(a)), b - np.diag(np.diag(b))
        apart = (one @ a @ one) * (one @ b @ one) / ((n - 1) * (n - 2))
        return (np.trace(a @ b) + apart - 2 / (n - 2) * one @ a @ b @ one) / (n * (n - 3))

    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


# --- CKA --------------------------------------------------------------------------------------------------------------


def test_linear_cka_is_that_of_kornblith():
    one, other = features(1), features(2)
    biased = reduction.cka(one, other, unbiased=False)
    fair = reduction.cka(one, other)
    for row in ("low", "high"):
        for column in ("low", "high"):
            x, y = centred(one[row].values), centred(other[column].values)
            # their equation for features, which needs no Gram matrix
            wanted = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
            where = {"layer": row, "layer_2": column}
            np.testing.assert_allclose(biased.sel(where), wanted, rtol=1e-10)
            np.testing.assert_allclose(fair.sel(where), unbiased(x @ x.T, y @ y.T), rtol=1e-8)


@pytest.mark.parametrize("bandwidth", [0.5, 1.0])
def test_rbf_cka_uses_the_median_distance(bandwidth):
    one, other = features(1), features(2)
    kernels = []
    for values in (one["low"].values, other["high"].values):
        width = bandwidth * np.median(pdist(values))
        kernels.append(rbf_kernel(values, gamma=1 / (2 * width**2)))
    options = {"kernel": "rbf", "bandwidth": bandwidth}
    found = reduction.cka(one["low"], other["high"], **options)
    np.testing.assert_allclose(found[0, 0], unbiased(*kernels), rtol=1e-6)
    h = np.eye(30) - 1 / 30
    k, l = (h @ kernel @ h for kernel in kernels)  # noqa: E741
    wanted = (k * l).sum() / np.linalg.norm(k) / np.linalg.norm(l)
    np.testing.assert_allclose(reduction.cka(one["low"], other["high"], unbiased=False, **options)[0, 0], wanted)


def test_two_images_of_one_feature_by_hand():
    # x = (1, −1, 0, 0) and y = (1, 0, −1, 0): (x·y)² / (x·x y·y) = 1/4
    names = {"image": list("abcd")}
    one = xr.DataArray([[1.0], [-1], [0], [0]], dims=["image", "a:unit"], coords=names, name="a")
    other = xr.DataArray([[1.0], [0], [-1], [0]], dims=["image", "b:unit"], coords=names, name="b")
    np.testing.assert_allclose(reduction.cka(one, other, unbiased=False), [[0.25]])


def test_unrelated_wide_layers_are_at_zero_only_without_bias():
    pairs = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        names = {"image": list("abcdefghijklmnopqrst")}
        one, other = (xr.DataArray(rng.standard_normal((20, 300)), dims=["image", "u"], coords=names) for _ in range(2))
        pairs.append([float(reduction.cka(one, other, unbiased=how)[0, 0]) for how in (True, False)])
    fair, biased = np.mean(pairs, axis=0)
    assert abs(fair) < 0.02
    assert biased > 0.9


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 50), kernel=st.sampled_from(["linear", "rbf"]), how=st.booleans())
def test_cka_knows_no_rotation_scale_shift_or_order_and_is_symmetric(seed, kernel, how):
    one, other = features(seed), features(seed + 1)
    options = {"kernel": kernel, "unbiased": how}
    found = reduction.cka(one, other, **options)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((12, 12)))[0]
    order = np.random.default_rng(seed).permutation(30)
    moved = one.assign(high=(one["high"].dims, one["high"].values @ turn * 3 + 2)).isel(image=order)
    np.testing.assert_allclose(reduction.cka(moved, other, **options), found, atol=1e-8)
    np.testing.assert_allclose(reduction.cka(other, one, **options).T, found, atol=1e-10)
    same = reduction.cka(one, **options)
    np.testing.assert_allclose(np.diag(same), 1)
    np.testing.assert_allclose(same, reduction.cka(one, one, **options), atol=1e-10)


def test_cka_is_labelled_and_changes_nothing():
    one, other = features(1), features(2, third=4)
    before = one.copy(deep=True)
    found = reduction.cka(one, other)
    xr.testing.assert_identical(one, before)
    assert found.dims == ("layer", "layer_2")
    assert found["layer"].values.tolist() == ["low", "high"]
    assert found["layer_2"].values.tolist() == ["third"]
    assert found.name == "cka"
    assert {"kernel": "linear", "unbiased": "true", "n": 30, "model": "net1"}.items() <= found.attrs.items()


# --- SVCCA ------------------------------------------------------------------------------------------------------------


def test_svcca_is_cca_of_principal_components():
    one, other = features(1, n=200), features(2, n=200)
    found = reduction.svcca(one["low"], other["high"], n_components=2)
    x, y = (PCA(2).fit_transform(part.values) for part in (one["low"], other["high"]))
    a, b = CCA(2, max_iter=5_000, tol=1e-12).fit_transform(x, y)
    wanted = np.mean([np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(2)])
    np.testing.assert_allclose(found["svcca"][0, 0], wanted, atol=1e-6)


def test_components_are_as_many_as_the_variance_asks_for():
    values = features(1, n=60)
    shares = np.cumsum(PCA().fit(values["high"].values).explained_variance_ratio_)
    for variance in (0.5, 0.9, 1.0):
        found = reduction.svcca(values["high"], variance=variance)
        wanted = 12 if variance == 1 else int((shares < variance).sum()) + 1
        assert found["n_components"].values.tolist() == [wanted]
        np.testing.assert_allclose(found["svcca"], 1)
        np.testing.assert_allclose(found["chance"], np.sqrt(wanted / 59))


def test_unrelated_layers_are_at_chance():
    squares = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        names = {"image": [f"{i:03d}" for i in range(60)]}
        parts = (rng.standard_normal((60, p)) for p in (10, 6))
        one, other = (xr.DataArray(x, dims=["image", "u"], coords=names, name="l") for x in parts)
        found = reduction.svcca(one, other, variance=1.0)
        squares.append(float(found["svcca"][0, 0]))
    # the mean correlation lies a little below the root of the mean square
    assert 0.8 * float(found["chance"][0, 0]) < np.mean(squares) < float(found["chance"][0, 0])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 50))
def test_svcca_of_all_components_knows_no_linear_map_or_order(seed):
    one, other = features(seed), features(seed + 1)
    found = reduction.svcca(one, other, variance=1.0)
    mix = np.random.default_rng(seed).standard_normal((5, 5)) + 3 * np.eye(5)
    order = np.random.default_rng(seed).permutation(30)
    moved = one.assign(low=(one["low"].dims, one["low"].values @ mix + 1)).isel(image=order)
    np.testing.assert_allclose(reduction.svcca(moved, other, variance=1.0)["svcca"], found["svcca"], atol=1e-6)
    assert found["n_components_2"].values.tolist() == [5, 12]


FEW = features(1, n=8)
WRONG = {
    "other images": (
        reduction.cka,
        (FEW, features(2, n=7)),
        {},
        ArgumentError,
        "second and first must hold the same im",
    ),
    "too few": (reduction.cka, (features(n=3),), {}, ArgumentError, "first must hold at least 4 images; got 3"),
    "kernel": (reduction.cka, (FEW,), {"kernel": "poly"}, ArgumentError, "kernel must be one of 'linear', 'rbf'"),
    "bandwidth": (reduction.cka, (FEW,), {"bandwidth": 0}, ArgumentError, "bandwidth must lie above 0; got 0"),
    "bandwidth kind": (reduction.cka, (FEW,), {"bandwidth": "1"}, KindError, "bandwidth must be a number"),
    "alike": (reduction.cka, (FEW * 0,), {}, ArgumentError, "differ between images; got layer 'low'. Leave it out"),
    "alike rbf": (
        reduction.cka,
        (FEW * 0,),
        {"kernel": "rbf"},
        ArgumentError,
        "differ between images; got layer 'low'",
    ),
    "copies": (
        reduction.cka,
        (FEW.where(FEW["image"] == "000.jpg", 0.0),),
        {"kernel": "rbf"},
        ArgumentError,
        "differ between most images for kernel='rbf'; got copies",
    ),
    "NaN": (reduction.cka, (FEW.where(FEW["image"] == "000.jpg"),), {}, ArgumentError, "finite for every image"),
    "array": (reduction.cka, (FEW["low"].values,), {}, KindError, "first must be an xarray"),
    "variance": (
        reduction.svcca,
        (FEW,),
        {"variance": 1.5},
        ArgumentError,
        "variance must lie above 0 and be at most 1",
    ),
    "variance kind": (reduction.svcca, (FEW,), {"variance": "all"}, KindError, "variance must be a number"),
    "components": (reduction.svcca, (FEW,), {"n_components": 0}, ArgumentError, "n_components must be at least 1"),
    "alike svcca": (reduction.svcca, (FEW * 0,), {}, ArgumentError, "differ between images; got layer 'low'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_compared_is_refused_with_advice(case):
    call, data, options, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        call(*data, **options)


# --- Procrustes -------------------------------------------------------------------------------------------------------


def points(values, first=0):
    names = np.array([f"{i:03d}.jpg" for i in range(first, first + len(values))], dtype=object)
    return xr.DataArray(np.asarray(values, dtype=float), dims=["image", "component"], coords={"image": names})


def test_procrustes_agrees_with_scipy():
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((20, 3)), rng.standard_normal((20, 3)) * 4 + 2
    found = reduction.procrustes(points(one), points(other))
    _, right, disparity = procrustes(one, other)
    np.testing.assert_allclose(found["disparity"], disparity)
    size = np.linalg.norm(centred(one))
    np.testing.assert_allclose(found["embedding"], right * size + one.mean(axis=0), atol=1e-10)
    rotation, _ = orthogonal_procrustes(centred(other), centred(one))
    np.testing.assert_allclose(found["rotation"], rotation.T, atol=1e-10)
    plain = reduction.procrustes(points(one), points(other), scale=False)
    assert float(plain["scale"]) == 1
    np.testing.assert_allclose(plain["embedding"], centred(other) @ rotation + one.mean(axis=0), atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.1, 10), k=st.integers(1, 4))
def test_procrustes_undoes_rotation_scale_shift_and_order(seed, factor, k):
    rng = np.random.default_rng(seed)
    one = points(rng.standard_normal((12, k)))
    turn = np.linalg.qr(rng.standard_normal((k, k)))[0]
    moved = points(one.values @ turn * factor + rng.standard_normal(k)).isel(image=rng.permutation(12))
    found = reduction.procrustes(one, moved)
    np.testing.assert_allclose(found["embedding"], one, atol=1e-8)
    np.testing.assert_allclose(found["disparity"], 0, atol=1e-10)
    np.testing.assert_allclose(found["scale"], 1 / factor)
    np.testing.assert_allclose(found["rotation"].values @ found["rotation"].values.T, np.eye(k), atol=1e-10)
    again = float(found["scale"]) * moved.values @ found["rotation"].values.T + found["shift"].values
    np.testing.assert_allclose(again, one.sel(image=moved["image"]), atol=1e-8)


def test_embeddings_of_two_layers_are_laid_over_each_other():
    both = features(1)
    one, other = (reduction.embed(both[name]) for name in ("low", "high"))
    before = other.copy(deep=True)
    found = reduction.procrustes(one, other)
    xr.testing.assert_identical(other, before)
    assert found["embedding"].dims == ("image", "component")
    assert found.attrs["onto"] == "pca"
    assert 0 < float(found["disparity"]) < 1
    gaps = squareform(pdist(found["embedding"].values))
    np.testing.assert_allclose(gaps, squareform(pdist(other["embedding"].values)) * float(found["scale"]), atol=1e-8)


def test_what_cannot_be_laid_over_is_refused_with_advice():
    good = points(np.random.default_rng(0).standard_normal((6, 2)))
    for first, second, kind, message in (
        (good, points(good.values, first=1), ArgumentError, "second and first must hold the same images"),
        (good, good[:, :1], ArgumentError, "second must have 2 components like first; got 1"),
        (good * 0, good, ArgumentError, "first must differ between images; got all on one spot"),
        (good, good * 0 + 1, ArgumentError, "second must differ between images; got all on one spot"),
        (good, good.where(good > 0), ArgumentError, "second must be finite for every image"),
        (good.values, good, KindError, r"first must be an embedding \(image, component\); got ndarray"),
        (good, good.rename(component="unit"), KindError, "second must be an embedding .*; got dims"),
    ):
        with pytest.raises(kind, match=message):
            reduction.procrustes(first, second)
