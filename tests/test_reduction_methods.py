"""Embeddings beyond PCA: against scikit-learn and scipy, and other images in the same space."""

import sys

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, PCA, FactorAnalysis, FastICA
from sklearn.manifold import TSNE, Isomap
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.random_projection import GaussianRandomProjection

import memfeat as mf
from memfeat import reduction
from memfeat.errors import (
    ArgumentError,
    KindError,
    MissingPackageError,
    NotConvergedWarning,
    UnknownNameError,
)
from memfeat.reduction.maps import scaled

LINEAR = ("pca", "svd", "factor_analysis", "ica", "nmf")
MAPS = ("mds", "nonmetric_mds", "isomap", "tsne")
#: What takes a lot of steps until it settles is let off here.
QUICK = {"tsne": {"max_iter": 250}}


def layer(values, name="fc", first=0, units=None):
    values = np.asarray(values)
    dims = ["image", *[f"{name}:{axis}" for axis in ("channel", "y", "x")[: values.ndim - 1]]]
    coords = {"image": np.array([f"photo-{i:03d}.jpg" for i in range(first, first + len(values))], dtype=object)}
    if units is not None:
        coords[dims[1]] = list(units)
    return xr.DataArray(values, dims=dims, coords=coords, name=name, attrs={"model": "toy"})


def mixed(n=40, p=15, k=3, seed=0, noise=0.3):
    """Sources that are anything but normal, mixed into features with some noise."""
    rng = np.random.default_rng(seed)
    sources = rng.laplace(size=(n, k)) * np.arange(k, 0, -1)
    return sources @ rng.standard_normal((k, p)) + noise * rng.standard_normal((n, p)) * np.linspace(0.5, 2, p) + 5


def parts(n=40, p=15, k=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.5, size=(n, k)) @ rng.gamma(0.5, size=(k, p))


def fitting(method, **options):
    return layer(parts(**options) if method == "nmf" else mixed(**options))


def matching(found, wanted):
    """Correlation of each wanted column with the found one that is most like it, whatever order and sign."""
    size = np.abs(np.corrcoef(found.T, wanted.T)[: found.shape[1], found.shape[1] :])
    rows, columns = linear_sum_assignment(-size)
    return size[rows, columns]


# --- components -------------------------------------------------------------------------------------------------------


def test_a_randomised_decomposition_finds_the_principal_components():
    for shape in ((60, 30), (30, 60)):
        values = layer(mixed(*shape))
        exact, found = reduction.embed(values, n_components=3), reduction.embed(values, "svd", n_components=3)
        for name in ("embedding", "components", "explained_variance_ratio", "mean"):
            np.testing.assert_allclose(found[name], exact[name], atol=1e-5)


def test_factors_agree_with_scikit_learn():
    values = mixed(n=200)
    found = reduction.embed(layer(values), "factor_analysis", n_components=3)
    rival = FactorAnalysis(3, svd_method="lapack").fit(values)
    np.testing.assert_allclose(found["noise_variance"], rival.noise_variance_, rtol=1e-3)
    loadings, mine = rival.components_, found["components"].values
    np.testing.assert_allclose(mine.T @ mine, loadings.T @ loadings, atol=1e-2)
    assert (matching(found["embedding"].values, rival.transform(values)) > 0.9999).all()
    np.testing.assert_allclose(np.abs(found["embedding"]).sum(), np.abs(rival.transform(values)).sum(), rtol=1e-3)
    assert (np.diff(found["explained_variance_ratio"]) < 0).all()
    np.testing.assert_allclose(
        found["explained_variance_ratio"].sum(), (loadings**2).sum() / values.var(axis=0).sum(), rtol=1e-3
    )


def test_rotated_factors_leave_the_noise_and_turn_the_loadings():
    values = layer(mixed(n=200))
    plain, turned = (
        reduction.embed(values, "factor_analysis", n_components=3, rotation=how) for how in (None, "varimax")
    )
    np.testing.assert_allclose(turned["noise_variance"], plain["noise_variance"])
    mine, other = plain["components"].values, turned["components"].values
    np.testing.assert_allclose(mine.T @ mine, other.T @ other, atol=1e-9)
    assert ((other**2).var(axis=1).sum()) > ((mine**2).var(axis=1).sum())


def test_a_feature_that_never_varies_has_no_part_in_factors():
    values = mixed(n=60)
    values[:, 4] = 7.0
    space = reduction.embed(layer(values), "factor_analysis")
    assert (space["components"].values[:, 4] == 0).all()
    assert (space["weights"].values[:, 4] == 0).all()
    others = np.delete(values, 4, axis=1)
    rest = reduction.embed(layer(others), "factor_analysis")
    np.testing.assert_allclose(np.delete(space["components"].values, 4, axis=1), rest["components"], atol=1e-9)


@pytest.mark.parametrize("shape", [(300, 15), (60, 90)], ids=["covariance", "gram"])
def test_independent_components_agree_with_scikit_learn(shape):
    values = mixed(*shape)
    found = reduction.embed(layer(values), "ica", n_components=3)
    rival = FastICA(3, max_iter=1_000, tol=1e-8, random_state=5).fit(values)
    assert (matching(found["embedding"].values, rival.transform(values)) > 0.999).all()
    np.testing.assert_allclose(found["embedding"].var("image"), 1, rtol=1e-8)
    # what components add to the features is what principal components hold of them
    restored = found["embedding"].values @ found["components"].values + found["mean"].values
    pca = PCA(3).fit(values)
    np.testing.assert_allclose(restored, pca.inverse_transform(pca.transform(values)), atol=1e-6)
    np.testing.assert_allclose(found["explained_variance_ratio"].sum(), pca.explained_variance_ratio_.sum())


def test_independent_components_are_found_where_principal_ones_are_not():
    rng = np.random.default_rng(3)
    sources = rng.uniform(-1, 1, size=(2_000, 2))
    values = layer(sources @ np.array([[1.0, 0.4], [0.6, 1.0]]))
    assert (matching(reduction.embed(values, "ica")["embedding"].values, sources) > 0.995).all()
    assert (matching(reduction.embed(values, "pca")["embedding"].values, sources) < 0.9).any()


def test_parts_add_up_as_well_as_those_of_scikit_learn():
    values = parts()
    found = reduction.embed(layer(values), "nmf", n_components=3)
    points, rows = found["embedding"].values, found["components"].values
    assert points.min() >= 0
    assert rows.min() >= 0
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1)
    rival = NMF(3, init="nndsvda", max_iter=1_000, random_state=1).fit(values)
    error = np.linalg.norm(values - points @ rows)
    assert error <= rival.reconstruction_err_ * 1.01 + 1e-9
    assert error < 0.02 * np.linalg.norm(values)
    assert (np.diff((points**2).sum(axis=0)) <= 0).all()


@pytest.mark.parametrize("method", LINEAR)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_images_makes_no_difference(method, seed):
    straight = fitting(method, n=25, p=8, k=2, seed=seed % 5)
    order = np.random.default_rng(seed).permutation(25)
    found = reduction.embed(straight.isel(image=order), method)
    assert found["image"].values.tolist() == straight["image"].values[order].tolist()
    xr.testing.assert_identical(found.sortby("image"), reduction.embed(straight, method))


@pytest.mark.parametrize("method", LINEAR)
def test_saved_spaces_place_the_images_they_were_made_of_and_others(method, tmp_path):
    values = fitting(method, n=50)
    before = values.copy(deep=True)
    space = reduction.embed(values, method, n_components=3)
    xr.testing.assert_identical(values, before)
    space.to_netcdf(tmp_path / "space.nc", engine="h5netcdf")
    space.to_zarr(tmp_path / "space.zarr", zarr_format=2)
    for saved in (
        xr.load_dataset(tmp_path / "space.nc", engine="h5netcdf"),
        xr.open_zarr(tmp_path / "space.zarr").load(),
    ):
        xr.testing.assert_allclose(reduction.project(saved, values), space["embedding"], atol=1e-8)
        others = reduction.project(saved, values.isel(image=[3, 1]))
        np.testing.assert_allclose(others, space["embedding"].values[[3, 1]], atol=1e-8)
        assert others.attrs["method"] == method
        assert others.attrs["model"] == "toy"
    assert {"method": method, "layer": "fc", "n": 50, "scale": "none"}.items() <= space.attrs.items()
    assert ("seed" in space.attrs) is (method != "pca")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_new_images_go_where_scikit_learn_puts_them():
    values, others = mixed(n=100), mixed(n=5, seed=9)
    for method, rival in {"factor_analysis": FactorAnalysis(2), "ica": FastICA(2, max_iter=1_000)}.items():
        rival.set_params(random_state=0).fit(values)
        found = reduction.project(reduction.embed(layer(values), method), layer(others, first=500)).values
        theirs = rival.transform(others)
        wanted = theirs[:, [np.abs(np.corrcoef(column, theirs.T)[0, 1:]).argmax() for column in found.T]]
        np.testing.assert_allclose(np.abs(found), np.abs(wanted), rtol=0.02, atol=0.02)
    made, late = parts(n=60), parts(n=4, seed=0)
    space = reduction.embed(layer(made), "nmf", n_components=3)
    rows = space["components"].values
    model = NMF(3, max_iter=5_000, tol=1e-10)
    model.fit(made)
    model.components_ = rows
    np.testing.assert_allclose(reduction.project(space, layer(late, first=99)), model.transform(late), atol=1e-4)


@pytest.mark.parametrize("method", LINEAR)
def test_units_are_matched_by_name(method):
    units = [f"u{i}" for i in range(8)]
    values = fitting(method, n=25, p=8, k=2).assign_coords({"fc:channel": units})
    space = reduction.embed(values, method)
    turned = values.isel({"fc:channel": [7, 2, 0, 1, 3, 6, 5, 4]})
    xr.testing.assert_allclose(reduction.project(space, turned), space["embedding"], atol=1e-8)
    named = reduction.embed(values.assign_coords({"fc:channel": [*"abcdefgg"]}), method)
    with pytest.raises(ArgumentError, match="along .fc:channel.; got units of the same name"):
        reduction.project(named, values.assign_coords({"fc:channel": [*"gabcdefg"]}))


@pytest.mark.parametrize("method", ["svd", "factor_analysis", "ica", "nmf"])
def test_feature_maps_keep_their_dims(method):
    values = fitting(method, n=20, p=12, k=2)
    shaped = layer(values.values.reshape(20, 3, 2, 2))
    space, flat = reduction.embed(shaped, method), reduction.embed(values, method)
    assert space["components"].dims == ("component", "fc:channel", "fc:y", "fc:x")
    np.testing.assert_array_equal(space["components"].values.reshape(2, -1), flat["components"])


# --- maps -------------------------------------------------------------------------------------------------------------


def test_classical_scaling_of_euclidean_distances_is_pca():
    values = mixed(n=20)
    found = scaled(squareform(pdist(values)), 3)
    rival = PCA(3).fit_transform(values)
    np.testing.assert_allclose(np.abs(found), np.abs(rival), atol=1e-8)


def test_mds_of_points_on_a_plane_gives_their_distances_back():
    flat = np.random.default_rng(0).standard_normal((15, 2))
    turned = flat @ np.linalg.qr(np.random.default_rng(1).standard_normal((20, 20)))[0][:2]
    for method in ("mds", "nonmetric_mds"):
        space = reduction.embed(layer(turned), method)
        assert np.corrcoef(pdist(space["embedding"].values), pdist(flat))[0, 1] > 0.9999
        assert space.attrs["stress"] < 0.01
    np.testing.assert_allclose(pdist(reduction.embed(layer(turned), "mds")["embedding"].values), pdist(flat), rtol=1e-3)


def test_three_images_at_equal_distances_make_a_triangle():
    space = reduction.embed(layer(np.eye(3)), "mds")
    np.testing.assert_allclose(pdist(space["embedding"].values), np.sqrt(2), rtol=1e-6)


def test_stress_of_mds_is_no_larger_than_from_classical_scaling():
    values = mixed(n=30, noise=3)
    given = pdist(values)
    for method in ("mds", "nonmetric_mds"):
        space = reduction.embed(layer(values), method)
        assert space.attrs["converged"] == "true"
        start = pdist(scaled(squareform(given), 2))
        assert space.attrs["stress"] <= np.sqrt(((start - given) ** 2).sum() / (given**2).sum())


def test_nonmetric_mds_knows_the_order_of_distances_alone():
    values = mixed(n=20)
    rdms = mf.rdm.compute(layer(values), metric="euclidean").sel(layer="fc")
    bent = rdms.assign(rdm=rdms["rdm"] ** 3)
    one, other = (pdist(reduction.embed(one, "nonmetric_mds")["embedding"].values) for one in (rdms, bent))
    assert np.corrcoef(one, other)[0, 1] > 0.99


def test_isomap_agrees_with_scikit_learn():
    values, others = mixed(n=60), mixed(n=7, seed=4)
    space = reduction.embed(layer(values), "isomap", n_neighbors=8)
    rival = Isomap(n_neighbors=8, eigen_solver="dense").fit(values)
    turned = np.sign((rival.embedding_ * space["embedding"].values).sum(axis=0))
    np.testing.assert_allclose(space["embedding"], rival.embedding_ * turned, atol=1e-6)
    found = reduction.project(space, layer(others, first=300), training=layer(values))
    np.testing.assert_allclose(found, rival.transform(others) * turned, atol=1e-6)


def test_tsne_is_that_of_scikit_learn():
    values = mixed(n=40)
    space = reduction.embed(layer(values), "tsne", perplexity=5, max_iter=250)
    start = PCA(2).fit_transform(values)
    start *= np.sign((start * scaled(squareform(pdist(values)), 2)).sum(axis=0))
    rival = TSNE(perplexity=5, max_iter=250, init=(start / start[:, 0].std() * 1e-4).astype(np.float32))
    rival.fit(values)
    assert space.attrs["kl_divergence"] == pytest.approx(rival.kl_divergence_, rel=0.05)
    assert '"perplexity": 5' in space.attrs["options"]


def test_tsne_of_groups_keeps_them_together():
    groups = np.repeat(np.eye(3) * 20, 12, axis=0) + np.random.default_rng(0).standard_normal((36, 3))
    space = reduction.embed(layer(groups), "tsne", max_iter=500)
    found = KMeans(3, n_init=5, random_state=0).fit_predict(space["embedding"].values).reshape(3, 12)
    assert [len(set(row)) for row in found] == [1, 1, 1]
    assert '"perplexity": 11.66' in space.attrs["options"]


@pytest.mark.parametrize("method", MAPS)
def test_maps_take_layers_and_rdms_in_any_order(method):
    n = 12 if method == "nonmetric_mds" else 24
    values = layer(mixed(n=n))
    quick = QUICK.get(method, {})
    space = reduction.embed(values, method, **quick)
    assert space["embedding"].dims == ("image", "component")
    assert set(space.data_vars) == {"embedding"}
    assert {"model": "toy", "layer": "fc", "n": n, "distances": "euclidean"}.items() <= space.attrs.items()
    order = np.random.default_rng(1).permutation(n)
    turned = reduction.embed(values.isel(image=order), method, **quick)
    xr.testing.assert_identical(turned.sortby("image"), space)
    rdms = mf.rdm.compute(values, metric="euclidean")
    for source in (rdms, rdms.sel(layer="fc"), mf.rdm.compute(values.isel(image=order), metric="euclidean")):
        of_rdm = reduction.embed(source, method, **quick)
        assert of_rdm["image"].values.tolist() == source["image"].values.tolist()
        if method != "tsne":  # which goes elsewhere for a difference in the last digit
            found = of_rdm["embedding"].sortby("image").reset_coords(drop=True)
            xr.testing.assert_allclose(found, space["embedding"], atol=1e-4)
        assert of_rdm.attrs["layer"] == "fc"


def test_images_that_are_copies_lie_on_the_same_spot():
    values = mixed(n=12)
    values[5] = values[3]
    points = reduction.embed(layer(values + 1e6), "mds")["embedding"].values
    np.testing.assert_allclose(points[5], points[3], atol=1e-2)


def test_umap_keeps_groups_together_and_places_others():
    groups = np.repeat(np.eye(3) * 20, 15, axis=0) + np.random.default_rng(0).standard_normal((45, 3))
    space = reduction.embed(layer(groups), "umap", n_neighbors=8)
    found = KMeans(3, n_init=5, random_state=0).fit_predict(space["embedding"].values).reshape(3, 15)
    assert [len(set(row)) for row in found] == [1, 1, 1]
    xr.testing.assert_identical(space, reduction.embed(layer(groups), "umap", n_neighbors=8))
    others = reduction.project(space, layer(np.eye(3) * 20, first=100), training=layer(groups)).values
    centres = space["embedding"].values.reshape(3, 15, 2).mean(axis=1)
    assert np.linalg.norm(others[:, None] - centres, axis=-1).argmin(axis=1).tolist() == [0, 1, 2]


def test_umap_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingPackageError, match=r'umap-learn must be installed .* pip install "memfeat\[umap\]"'):
        reduction.embed(layer(mixed(n=8)), "umap")


# --- transformers -----------------------------------------------------------------------------------------------------


def test_any_transformer_embeds_and_places_others():
    values = layer(mixed(n=30))
    model = make_pipeline(StandardScaler(), PCA(3))
    space = reduction.embed(values, model)
    rival = make_pipeline(StandardScaler(), PCA(3)).fit(values.values)
    np.testing.assert_allclose(space["embedding"], rival.transform(values.values), atol=1e-9)
    assert not hasattr(model[0], "mean_")  # a copy was fitted
    assert space.attrs["method"] == "Pipeline"
    assert "PCA(n_components=3)" in space.attrs["estimator"]
    others = layer(mixed(n=4, seed=2), first=50)
    found = reduction.project(space, others, training=values, estimator=model)
    np.testing.assert_allclose(found, rival.transform(others.values), atol=1e-9)


def test_a_transformer_without_a_seed_gets_one():
    values = layer(mixed(n=20))
    model = GaussianRandomProjection(4)
    first, again, other = (reduction.embed(values, model, rng=seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(first, again)
    assert not np.allclose(first["embedding"], other["embedding"])
    assert first.attrs["seed"] == "1"
    assert model.random_state is None
    placed = reduction.project(first, values.isel(image=[2]), training=values, estimator=model)
    np.testing.assert_allclose(placed, first["embedding"][[2]])
    seeded = reduction.embed(values, GaussianRandomProjection(4, random_state=7))
    np.testing.assert_allclose(seeded["embedding"], GaussianRandomProjection(4, random_state=7).fit_transform(values))
    assert "seed" not in seeded.attrs


# --- errors -----------------------------------------------------------------------------------------------------------


def test_a_method_that_did_not_settle_warns():
    for method in ("factor_analysis", "ica", "nmf", "mds"):
        values = fitting(method, n=30)
        with pytest.warns(NotConvergedWarning, match=f"{method} had not settled after 1 steps. Pass a larger max_iter"):
            space = reduction.embed(values, method, max_iter=1)
        assert space.attrs["converged"] == "false"


FEW = layer(mixed(n=8))
RDM = mf.rdm.compute(FEW, metric="euclidean")
APART = np.r_[np.zeros((4, 2)), np.full((4, 2), 9.0)] + np.random.default_rng(0).standard_normal((8, 2)) * 0.1
WRONG = {
    "unknown option": (FEW, "pca", {"perplexty": 3}, UnknownNameError, "perplexty.*Did you mean 'perplexity'"),
    "another's option": (
        FEW,
        "pca",
        {"perplexity": 3},
        ArgumentError,
        "left out with method='pca'; got 3. It knows no",
    ),
    "steps": (FEW, "nmf", {"max_iter": 0}, ArgumentError, "max_iter must be at least 1"),
    "rotation": (FEW, "factor_analysis", {"rotation": "promax"}, ArgumentError, "rotation must be one of 'varimax'"),
    "neighbours": (
        FEW,
        "isomap",
        {"n_neighbors": 8},
        ArgumentError,
        r"n_neighbors must be fewer than the images \(8\)",
    ),
    "perplexity": (FEW, "tsne", {"perplexity": 8}, ArgumentError, "perplexity must lie above 0 and below the number"),
    "perplexity text": (FEW, "tsne", {"perplexity": "5"}, KindError, "perplexity must be a number; got '5'"),
    "gap": (FEW, "umap", {"min_dist": -1}, ArgumentError, "min_dist must lie between 0 and 1"),
    "groups apart": (layer(APART), "isomap", {"n_neighbors": 2}, ArgumentError, "connect all images; got 2, which"),
    "negative": (
        FEW - 20,
        "nmf",
        {},
        ArgumentError,
        "from zero upwards with method='nmf'; got negative ones in 8: 'ph",
    ),
    "zeros": (FEW * 0, "nmf", {}, ArgumentError, "with method='nmf'; got zeros alone"),
    "alike": (FEW * 0, "mds", {}, ArgumentError, "layer must differ between images; got layer 'fc'"),
    "alike but one": (
        FEW * [1.0, *[0.0] * 14],
        "factor_analysis",
        {},
        ArgumentError,
        "n_components must be at most 1, the number of",
    ),
    "alike factors": (FEW * 0, "factor_analysis", {}, ArgumentError, "layer must differ between images"),
    "alike svd": (FEW * 0, "svd", {}, ArgumentError, "n_components must be at most 0, the number of directions"),
    "too many": (FEW, "mds", {"n_components": 8}, ArgumentError, "n_components must be at most 7 for 8 images; got 8"),
    "NaN": (FEW.where(FEW["image"] != "photo-003.jpg"), "tsne", {}, ArgumentError, "finite for every image.*photo-003"),
    "RDM": (RDM, "pca", {}, ArgumentError, "method must be one of 'mds', .* for an RDM; got 'pca'"),
    "RDMs": (
        xr.concat([RDM, RDM.assign_coords(layer=["b"])], "layer", data_vars=["rdm"]),
        "mds",
        {},
        ArgumentError,
        "layer must be one layer or one RDM.*Choose one: rdms.sel",
    ),
    "RDM below 0": (RDM.assign(rdm=RDM["rdm"] - 9), "mds", {}, ArgumentError, "dissimilarities of zero or more; got"),
    "RDM text": (RDM.assign(rdm=RDM["rdm"].astype(str)), "mds", {}, KindError, "layer must hold real numbers"),
    "class": (FEW, PCA, {}, KindError, r"transformer; got PCA. Pass one that is made: PCA\(10\), not PCA"),
    "no transformer": (FEW, 3, {}, KindError, "method must be a name or a scikit-learn transformer; got int"),
    "its own number": (
        FEW,
        PCA(2),
        {"n_components": 2},
        ArgumentError,
        "n_components must be left out with PCA; got 2",
    ),
    "rows": (FEW, FunctionTransformer(lambda x: x[:2]), {}, ArgumentError, "give one row of numbers for each of 8 im"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_embedded_is_refused_with_advice(case):
    values, method, options, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        reduction.embed(values, method, **options)


def test_what_cannot_be_placed_is_refused_with_advice():
    values = layer(mixed(n=20))
    isomap, tsne = reduction.embed(values, "isomap"), reduction.embed(values, "tsne", max_iter=250)
    of_rdm = reduction.embed(mf.rdm.compute(values, metric="cosine"), "isomap")
    made = reduction.embed(values, StandardScaler())
    for space, options, message in (
        (tsne, {}, "space must be made by a method that takes other images; got method 'tsne'"),
        (of_rdm, {}, "takes other images; got method 'isomap' of an RDM"),
        (isomap, {}, "training must be given for a space by isomap; got None"),
        (isomap, {"training": values[:5]}, "training and space must hold the same images"),
        (isomap, {"training": values * 2}, "training must give the embedding that space holds; got another one"),
        (made, {"training": values}, "estimator must be the transformer that made space, StandardScaler; got None"),
    ):
        with pytest.raises(ArgumentError, match=message):
            reduction.project(space, values, **options)
