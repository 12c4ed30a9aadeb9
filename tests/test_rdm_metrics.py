"""Dissimilarities that need more than one matrix product: city-block, Mahalanobis, crossnobis, Poisson, one's own."""

import warnings
from functools import partial

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from geometry import names_of, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.covariance import ledoit_wolf

from memfeat import _blocks, rdm
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.rdm.metrics import KERNELS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rsatoolbox
    from rsatoolbox.data.noise import cov_from_residuals, cov_from_unbalanced


def layer(values, *lead, name="fc", names=None):
    """A layer whose dims are `image`, then those named, then feature dims."""
    axes = ("channel", "y", "x")[: values.ndim - 1 - len(lead)]
    dims = ["image", *lead, *(f"{name}:{axis}" for axis in axes)]
    names = names_of(len(values)) if names is None else names
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name)


def dissimilar(*args, **options):
    return rdm.compute(*args, **options).rdm.values[0]


def observations(values):
    """rsatoolbox's form of (image, repeat, channel): one row per observation."""
    n, repeats, _ = values.shape
    described = {"image": np.repeat(names_of(n), repeats).tolist(), "run": [f"r{k}" for k in range(repeats)] * n}
    return rsatoolbox.data.Dataset(values.reshape(n * repeats, -1), obs_descriptors=described)


def test_worked_by_hand():
    features = layer(np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 3.0]]))
    np.testing.assert_allclose(dissimilar(features, metric="cityblock"), [2, 3, 3])
    given = {"metric": "sqmahalanobis", "noise_cov": np.array([4.0, 1.0])}
    np.testing.assert_allclose(dissimilar(features, **given), [1, 1 / 4 + 4, 1 / 4 + 4])
    np.testing.assert_allclose(
        dissimilar(features, metric="mahalanobis", noise_cov=np.diag([4.0, 1.0])), np.sqrt([1, 4.25, 4.25])
    )
    # rates (a + 1) / 2: 0.5 1; 1.5 1; 1 2; two features
    got = dissimilar(features, metric="poisson", prior_lambda=1, prior_weight=1)
    np.testing.assert_allclose(got, [np.log(3) / 2, (np.log(2) / 2 + np.log(2)) / 2, (np.log(1.5) / 2 + np.log(2)) / 2])
    # one feature, two runs: differences 1 and 3, 2 and −1, 1 and −4
    runs = layer(np.array([[[0.0], [0.0]], [[1.0], [3.0]], [[2.0], [-1.0]]]), "run")
    np.testing.assert_allclose(dissimilar(runs, metric="crossnobis", repeat="run"), [3, -2, -4])


@pytest.mark.parametrize("most", [2**29, 2000])
def test_cityblock_equals_scipy_in_memory_and_lazy(monkeypatch, most):
    values = (normal(15, 4, 3, 2) + 2).astype(np.float32)
    expected = pdist(values.reshape(15, -1).astype(float), "cityblock")
    for given_as in (values, da.from_array(values, chunks=(4, 3, 2, 1))):
        got = dissimilar(layer(given_as), metric="cityblock", memory=most)
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_poisson_equals_rsatoolbox():
    counts = np.random.default_rng(0).poisson(3.0, size=(12, 30))
    for prior in ({}, {"prior_lambda": 2.5, "prior_weight": 0.3}):
        theirs = rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(counts.astype(float)), method="poisson", **prior)
        for memory in (2**29, 1500):
            got = dissimilar(layer(counts), metric="poisson", memory=memory, **prior)
            np.testing.assert_allclose(got, theirs.dissimilarities[0], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("p", [6, 25])
def test_mahalanobis_with_a_given_covariance_equals_scipy_and_rsatoolbox(p):
    values, root = normal(12, p) + 5, normal(p, 40, seed=1)
    covariance = root @ root.T / 40
    precision = np.linalg.inv(covariance)
    expected = pdist(values, "mahalanobis", VI=precision)
    np.testing.assert_allclose(
        dissimilar(layer(values), metric="mahalanobis", noise_cov=covariance), expected, rtol=1e-10
    )
    theirs = rsatoolbox.rdm.calc_rdm(rsatoolbox.data.Dataset(values), method="mahalanobis", noise=precision)
    got = dissimilar(layer(values), metric="sqmahalanobis", noise_cov=covariance)
    np.testing.assert_allclose(got / p, theirs.dissimilarities[0], rtol=1e-10)


def test_mahalanobis_is_scipy_s_only_without_shrinkage_as_the_notes_say():
    values = normal(200, 10) @ normal(10, 10, seed=1)
    theirs = pdist(values, "mahalanobis")
    np.testing.assert_allclose(dissimilar(layer(values), metric="mahalanobis", shrinkage=0), theirs, rtol=1e-9)
    assert np.abs(dissimilar(layer(values), metric="mahalanobis") / theirs - 1).max() > 0.3
    assert "only with `shrinkage=0`" in " ".join(rdm.compute.__doc__.split())


def test_mahalanobis_of_more_images_than_features_is_scipy_s_without_shrinkage():
    values = normal(40, 7)
    np.testing.assert_allclose(
        dissimilar(layer(values), metric="mahalanobis", shrinkage=0), pdist(values, "mahalanobis"), rtol=1e-10
    )
    np.testing.assert_allclose(
        dissimilar(layer(values), metric="mahalanobis", shrinkage="diagonal"), pdist(values, "seuclidean"), rtol=1e-10
    )
    np.testing.assert_allclose(
        dissimilar(layer(values), metric="mahalanobis", shrinkage=1), pdist(values, "seuclidean"), rtol=1e-10
    )


def with_inverse(values, covariance):
    return pdist(values, "mahalanobis", VI=np.linalg.inv(covariance)) ** 2


@pytest.mark.parametrize("p", [5, 60])
@pytest.mark.parametrize(
    ("shrinkage", "theirs"),
    [("schaefer-strimmer", "shrinkage_diag"), ("ledoit-wolf", "shrinkage_eye"), ("diagonal", "diag")],
)
@pytest.mark.parametrize("memory", [2**29, 9000])
def test_shrunk_covariances_of_residuals_equal_rsatoolbox_s(p, shrinkage, theirs, memory):
    mixed = normal(p, p, seed=2)
    values, residuals = normal(12, p) @ mixed + 3, normal(20, p, seed=1) @ mixed + 1
    expected = with_inverse(values, cov_from_residuals(residuals, method=theirs))
    for given_as in (residuals, xr.DataArray(residuals, dims=["scan", "fc:channel"]).T):
        got = dissimilar(layer(values), metric="sqmahalanobis", residuals=given_as, shrinkage=shrinkage, memory=memory)
        np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.mark.parametrize("p", [5, 60])
@pytest.mark.parametrize("shrinkage", ["schaefer-strimmer", "ledoit-wolf", 0.3])
def test_shrunk_covariances_of_images_equal_independent_estimates(p, shrinkage):
    values = normal(20, p) @ normal(p, p, seed=2)
    if shrinkage == 0.3:
        sample = np.cov(values.T)
        covariance = 0.7 * sample + 0.3 * np.diag(np.diagonal(sample))
    elif shrinkage == "ledoit-wolf":
        covariance = ledoit_wolf(values)[0] * 20 / 19
    else:
        covariance = cov_from_residuals(values, method="shrinkage_diag")
    got = dissimilar(layer(values), metric="sqmahalanobis", shrinkage=shrinkage)
    np.testing.assert_allclose(got, with_inverse(values, covariance), rtol=1e-10)


@pytest.mark.parametrize("p", [5, 70])
def test_noise_of_repeats_is_that_of_residuals_about_each_image_without_the_means_of_runs(p):
    values = normal(12, 3, p) + 2 * normal(12, 1, p, seed=1)
    drift = values + 10 * normal(1, 3, p, seed=2)
    centred = values - values.mean(axis=0)
    theirs = cov_from_unbalanced(observations(centred), "image", dof=2 * 11, method="shrinkage_diag")
    expected = with_inverse(values.mean(axis=1), theirs)
    for one in (values, drift):
        got = dissimilar(layer(one, "run"), metric="sqmahalanobis", repeat="run")
        np.testing.assert_allclose(
            got, expected if one is values else with_inverse(one.mean(axis=1), theirs), rtol=1e-10
        )


@pytest.mark.parametrize("repeats", [2, 4])
@pytest.mark.parametrize("memory", [2**29, 3000])
def test_crossnobis_equals_rsatoolbox(repeats, memory):
    p = 9
    values, root = normal(10, repeats, p) + normal(10, 1, p, seed=1), normal(p, 30, seed=3)
    covariance = root @ root.T / 30
    data = observations(values)
    for given_as, precision in ((None, None), (covariance, np.linalg.inv(covariance))):
        theirs = rsatoolbox.rdm.calc_rdm_crossnobis(data, "image", noise=precision, cv_descriptor="run")
        got = dissimilar(layer(values, "run"), metric="crossnobis", repeat="run", noise_cov=given_as, memory=memory)
        np.testing.assert_allclose(got, theirs.dissimilarities[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("p", [5, 40])
def test_crossnobis_takes_estimated_noise(p):
    values, residuals = normal(10, 3, p), normal(25, p, seed=1)
    covariance = cov_from_residuals(residuals, method="shrinkage_diag")
    theirs = rsatoolbox.rdm.calc_rdm_crossnobis(
        observations(values), "image", noise=np.linalg.inv(covariance), cv_descriptor="run"
    )
    got = dissimilar(layer(values, "run"), metric="crossnobis", repeat="run", residuals=residuals)
    np.testing.assert_allclose(got, theirs.dissimilarities[0], rtol=1e-10, atol=1e-11)


def test_crossnobis_is_zero_on_average_where_there_is_no_difference_and_true_where_there_is():
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(4, 1, 8))
    expected = pdist(truth[:, 0], "sqeuclidean") / 8
    noisy = layer(rng.normal(size=(4, 400, 2, 8)) * 2, "draw", "run")
    empty, full = (
        dissimilar(one, metric="crossnobis", repeat="run", per="draw") for one in (noisy, noisy + truth[:, None])
    )
    for draws, mean in ((empty, np.zeros(6)), (full, expected)):
        error = draws.std(axis=0, ddof=1) / 20
        assert (np.abs(draws.mean(axis=0) - mean) < 4 * error).all()
    assert 0.35 < (empty < 0).mean() < 0.65


def test_other_metrics_average_over_repeats():
    values = normal(8, 3, 12) + 4
    for metric in ["correlation", "cosine", "euclidean", "sqeuclidean", "cityblock", "poisson"]:
        shifted = values + 10 if metric == "poisson" else values
        np.testing.assert_allclose(
            dissimilar(layer(shifted, "run"), metric=metric, repeat="run"),
            dissimilar(layer(shifted.mean(axis=1)), metric=metric),
            rtol=1e-10,
            atol=1e-13,
        )


def test_features_that_never_vary_weigh_nothing():
    values = normal(9, 40).astype(np.float32)
    dead = np.concatenate([values[:, :20], np.full((9, 3), np.float32(0.1)), values[:, 20:]], axis=1)
    for options in ({}, {"shrinkage": "diagonal"}, {"shrinkage": "ledoit-wolf"}, {"shrinkage": 0.5}):
        np.testing.assert_allclose(
            dissimilar(layer(dead), metric="mahalanobis", **options),
            dissimilar(layer(values), metric="mahalanobis", **options),
            rtol=1e-10,
        )
    few = np.concatenate([values[:, :4], np.full((9, 1), 0.3)], axis=1)
    np.testing.assert_allclose(
        dissimilar(layer(few), metric="mahalanobis", shrinkage=0), pdist(values[:, :4], "mahalanobis"), rtol=1e-8
    )


@pytest.mark.parametrize("metric", ["canberra", "chebyshev", "braycurtis"])
@pytest.mark.parametrize("memory", [2**29, 8 * 2 * 10 * 4])
def test_a_function_of_one_s_own_is_asked_in_blocks(metric, memory):
    values = np.abs(normal(11, 5, 2))
    got = rdm.compute(layer(values), metric=partial(cdist, metric=metric), memory=memory)
    np.testing.assert_allclose(got.rdm.values[0], pdist(values.reshape(11, -1), metric), rtol=1e-12)
    assert got.attrs["metric"] == "function cdist"
    lazy = layer(da.from_array(values, chunks=(3, 5, 2)))
    np.testing.assert_array_equal(dissimilar(lazy, metric=partial(cdist, metric=metric), memory=memory), got.rdm[0])


def test_a_function_that_gives_no_dissimilarities_is_told_so():
    features = layer(normal(5, 4))
    wrong = {
        "give an array of shape (5, 5); got (5,)": lambda a, b: a[:, 0],
        "put an image at 0 from itself; got": lambda a, b: a @ b.T,
        "not depend on which of two images comes first": lambda a, b: a[:, :1] - b[:, :1].T,
        "give finite numbers": lambda a, b: np.full((len(a), len(b)), np.nan),
    }
    for words, function in wrong.items():
        with pytest.raises(ArgumentError) as caught:
            rdm.compute(features, metric=function)
        assert f"metric must {words}" in str(caught.value)
    with pytest.raises(KindError, match="metric must give real numbers; got dtype <U1"):
        rdm.compute(features, metric=lambda a, b: np.full((len(a), len(b)), "x"))


@settings(max_examples=25)
@given(st.integers(4, 10), st.integers(2, 20), st.sampled_from(list(KERNELS)), st.integers(0, 2**31))
def test_another_order_of_images_changes_nothing_but_the_order(n, p, metric, seed):
    rng = np.random.default_rng(seed)
    features = layer(rng.uniform(1, 2, size=(n, 2, p)), "run")
    options = {"repeat": "run"} if metric == "crossnobis" else {"shrinkage": 0.5} if "mahal" in metric else {}
    features = features if metric == "crossnobis" else features.isel(run=0)
    order = rng.permutation(n)
    got = rdm.square(rdm.compute(features, metric=metric, **options)).values
    other = rdm.square(rdm.compute(features[order], metric=metric, **options)).values
    np.testing.assert_array_equal(got[:, order][:, :, order], other)


@settings(max_examples=25)
@given(st.integers(4, 9), st.integers(3, 25), st.integers(0, 2**31))
def test_mahalanobis_does_not_know_the_scale_of_a_feature(n, p, seed):
    rng = np.random.default_rng(seed)
    values, scales = rng.normal(size=(n, p)), rng.uniform(0.1, 10, p)
    for shrinkage in ("schaefer-strimmer", "diagonal", 0.4):
        one, other = (
            dissimilar(layer(given_as), metric="sqmahalanobis", shrinkage=shrinkage)
            for given_as in (values, values * scales + 3)
        )
        np.testing.assert_allclose(one, other, rtol=1e-7)


#: metric -> (what is done to values (image, run, channel) with a factor, what that makes of dissimilarities)
SCALED = {
    "correlation": (lambda v, s: v * s ** np.arange(len(v))[:, None, None] + np.arange(len(v))[:, None, None], 0),
    "cosine": (lambda v, s: v * s ** np.arange(len(v))[:, None, None], 0),
    "euclidean": (lambda v, s: s * v + np.arange(v.shape[-1]), 1),
    "sqeuclidean": (lambda v, s: s * v + np.arange(v.shape[-1]), 2),
    "cityblock": (lambda v, s: s * v + np.arange(v.shape[-1]), 1),
    "mahalanobis": (lambda v, s: v * s ** np.arange(v.shape[-1]) + np.arange(v.shape[-1]), 0),
    "sqmahalanobis": (lambda v, s: v * s ** np.arange(v.shape[-1]) + np.arange(v.shape[-1]), 0),
    "crossnobis": (lambda v, s: s * v + np.arange(v.shape[-1]), 2),
}


@settings(max_examples=25)
@given(st.sampled_from(list(SCALED)), st.floats(0.5, 2), st.integers(0, 2**31))
def test_scaling_features_changes_what_the_metric_says(metric, factor, seed):
    """Images times a number each leave angles alone, features times a number each Mahalanobis; else it is a power."""
    values = np.random.default_rng(seed).uniform(1, 2, size=(6, 3, 5))
    scaled, power = SCALED[metric]
    options = {"metric": metric, "repeat": "run"} | ({"noise_cov": "repeats"} if "mahal" in metric else {})
    plain, other = (dissimilar(layer(v, "run"), **options) for v in (values, scaled(values, factor)))
    np.testing.assert_allclose(other, plain * factor**power, rtol=1e-7, atol=1e-9 * np.abs(plain).max() * factor**power)


def test_every_metric_that_knows_a_scale_is_tried():
    assert set(SCALED) == set(KERNELS) - {"poisson"}


# --- dims with RDMs of their own --------------------------------------------------------------------------------------


def test_dims_that_are_named_get_rdms_of_their_own():
    values = normal(7, 2, 3, 10)
    features = xr.Dataset(
        {name: layer(values + k, "participant", "time", name=name) for k, name in enumerate("ab")}
    ).assign_coords(participant=["s1", "s2"], age=("participant", [20, 30]))
    before = features.copy(deep=True)
    got = rdm.compute(features, metric="euclidean", per=["participant", "time"])
    xr.testing.assert_identical(features, before)
    assert got.rdm.dims == ("layer", "participant", "time", "pair")
    assert got.participant.values.tolist() == ["s1", "s2"]
    assert got.age.values.tolist() == [20, 30]
    assert got.attrs["per"] == ["participant", "time"]
    for i in range(2):
        for j in range(3):
            np.testing.assert_allclose(got.rdm.values[1, i, j], pdist(values[:, i, j]), rtol=1e-10)


@pytest.mark.parametrize(
    ("options", "dim"), [({}, "participant"), ({"per": "participant"}, "time"), ({"repeat": "time"}, "participant")]
)
def test_a_dim_that_hardly_holds_features_must_be_named(options, dim):
    features = layer(normal(7, 2, 3, 4), "participant", "time")
    words = rf"per or repeat must name the dim {dim!r}; got it in layer 'fc' without a word. Pass per={dim!r}"
    with pytest.raises(ArgumentError, match=words):
        rdm.compute(features, metric="euclidean", **options)


def test_dims_that_are_flattened_beside_others_are_said():
    values = normal(7, 3, 4)
    wide = layer(values, "sample")
    got = rdm.compute(wide, metric="euclidean")
    assert got.attrs["flattened"] == ["sample"]
    np.testing.assert_allclose(got.rdm.values[0], pdist(values.reshape(7, -1)), rtol=1e-10)
    assert "flattened" not in rdm.compute(wide.isel(sample=0, drop=True), metric="euclidean").attrs
    # a single dim of another name is the features
    plain = xr.DataArray(values[:, 0], dims=["image", "voxel"], coords={"image": wide.image}, name="V4")
    assert "flattened" not in rdm.compute(plain, metric="euclidean").attrs


def test_noise_is_found_by_layer_and_participant_label():
    values, variances = normal(6, 2, 8), np.random.default_rng(1).uniform(0.5, 2, (2, 8))
    features = layer(values, "participant").assign_coords(participant=["s1", "s2"]).to_dataset()
    # participants of the covariances in another order
    given_as = xr.DataArray(variances[::-1], dims=["participant", "fc:channel"], coords={"participant": ["s2", "s1"]})
    for noise_cov in (given_as, xr.Dataset({"fc": given_as}), {"fc": given_as}):
        got = rdm.compute(features, metric="mahalanobis", per="participant", noise_cov=noise_cov)
        for i in range(2):
            np.testing.assert_allclose(got.rdm.values[0, i], pdist(values[:, i] / np.sqrt(variances[i])), rtol=1e-10)


def test_an_error_says_which_participant_it_was():
    values = normal(6, 2, 8)
    values[3, 1, 0] = np.nan
    features = layer(values, "participant").assign_coords(participant=["s1", "s2"])
    with pytest.raises(ArgumentError, match=r"in 1: 'i03'") as caught:
        rdm.compute(features, per="participant")
    assert caught.value.__notes__ == ["This was at participant 's2'."]


# --- memory -----------------------------------------------------------------------------------------------------------


def test_a_lazy_layer_is_read_in_blocks_that_fit_the_memory(monkeypatch):
    monkeypatch.setattr(_blocks, "SLAB_BYTES", 8 * 10 * 5)
    chunks, parts, cut = [], [], _blocks._parts

    def load(block):
        chunks.append(block.shape)
        return block

    def seen(*args):
        for part in cut(*args):
            parts.append(part.shape[-1])
            yield part

    monkeypatch.setattr(_blocks, "_parts", seen)
    values = normal(10, 100).astype(np.float32)
    none = np.empty((0, 0), np.float32)
    # 1,600 bytes: 400 for five features as float64, the rest for 30 as they come; noise has half of all
    for metric, most in {"correlation": 30, "euclidean": 30, "cityblock": 30, "mahalanobis": 10}.items():
        chunks.clear()
        parts.clear()
        lazy = da.from_array(values, chunks=(10, 1)).map_blocks(load, dtype=np.float32, meta=none)
        got = dissimilar(layer(lazy), metric=metric, memory=1600)
        np.testing.assert_allclose(got, dissimilar(layer(values), metric=metric), rtol=1e-10)
        assert len(chunks) == 100
        assert max(parts[: len(parts) // 2]) == most


def test_progress_counts_every_feature_once(monkeypatch):
    told = []

    class Bar:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def update(self, count):
            told.append(count)

    totals = []
    monkeypatch.setattr("memfeat.rdm.distances.bar", lambda total, *_, **__: totals.append(total) or Bar())
    features = layer(normal(6, 2, 3, 20), "participant", "run")
    for metric in ("correlation", "crossnobis", "poisson", "cityblock", partial(cdist, metric="cityblock")):
        told.clear(), totals.clear()
        rdm.compute(np.abs(features), metric=metric, per="participant", repeat="run", memory=4000)
        assert totals == [40]
        assert sum(told) == 40


# --- what cannot be meant ---------------------------------------------------------------------------------------------

REFUSED = {
    "unknown option": ({"noise": 1}, UnknownNameError, "option must be a known name; got 'noise'. Did you mean"),
    "of another metric": ({"noise_cov": "images"}, ArgumentError, "noise_cov must be left out unless metric is 'mahal"),
    "no repeat": ({"metric": "crossnobis"}, ArgumentError, "repeat must name the dim of repeats or runs for crossn"),
    "repeat is no name": ({"repeat": 3}, KindError, "repeat must be the name of a dim; got 3"),
    "repeat is absent": ({"repeat": "run"}, ArgumentError, "repeat must name dims of every layer; got 'run', which is"),
    "per is absent": ({"per": "roi"}, ArgumentError, "per must name dims of every layer; got 'roi', which is missing"),
    "per is no name": ({"per": 3}, KindError, "per must be the name of a dim or several; got 3"),
    "per is image": ({"per": "image"}, ArgumentError, "per and repeat must name different dims"),
    "both": (
        {"metric": "mahalanobis", "noise_cov": "images", "residuals": np.eye(4)},
        ArgumentError,
        "residuals must be left out where noise_cov is given; got both",
    ),
    "no source": ({"metric": "mahalanobis", "noise_cov": "scans"}, ArgumentError, "noise_cov must be one of 'images'"),
    "no repeats to estimate from": (
        {"metric": "mahalanobis", "noise_cov": "repeats"},
        ArgumentError,
        "repeat must name the dim of repeats for noise_cov='repeats'",
    ),
    "shrinkage": ({"metric": "mahalanobis", "shrinkage": "oas"}, ArgumentError, "shrinkage must be one of 'diagonal'"),
    "share": (
        {"metric": "mahalanobis", "shrinkage": 1.5},
        ArgumentError,
        "shrinkage must lie between 0 and 1; got",
    ),
    "shrunk twice": (
        {"metric": "mahalanobis", "noise_cov": np.ones(4), "shrinkage": 0.5},
        ArgumentError,
        "shrinkage must be left out where noise_cov is given",
    ),
    "size": (
        {"metric": "mahalanobis", "noise_cov": np.ones(3)},
        ArgumentError,
        "noise_cov of layer 'fc' must hold 4 variances or 4 × 4 covariances; got shape",
    ),
    "negative": (
        {"metric": "mahalanobis", "noise_cov": -np.ones(4)},
        ArgumentError,
        "noise_cov of layer 'fc' must hold variances of at least 0",
    ),
    "asymmetric": (
        {"metric": "mahalanobis", "noise_cov": np.triu(np.ones((4, 4)))},
        ArgumentError,
        "noise_cov of layer 'fc' must be finite and symmetric",
    ),
    "singular": (
        {"metric": "mahalanobis", "noise_cov": np.ones((4, 4))},
        ArgumentError,
        r"features\['fc'\] must have a noise covariance that can be inverted",
    ),
    "too few rows": (
        {"metric": "mahalanobis", "residuals": normal(3, 4), "shrinkage": 0},
        ArgumentError,
        "must have a noise covariance that can be inverted; got .* Shrink it: shrinkage='schaefer-strimmer'",
    ),
    "residuals": (
        {"metric": "mahalanobis", "residuals": normal(9, 3)},
        ArgumentError,
        "residuals of layer 'fc' must have at least 3 rows, one per sample, of 4 features; got shape",
    ),
    "other features": (
        {"metric": "mahalanobis", "residuals": xr.DataArray(normal(9, 4), dims=["scan", "voxel"])},
        ArgumentError,
        "residuals must have the feature dims of the layer, {'fc:channel': 4}; got {'fc:channel': None}",
    ),
    "no layer": (
        {"metric": "mahalanobis", "residuals": {"conv": normal(9, 4)}},
        UnknownNameError,
        "residuals must hold every layer, also 'fc'; got 1: 'conv'",
    ),
    "no noise": (
        {"metric": "mahalanobis", "residuals": normal(9, 4) * [1, 0, 1, 1]},
        ArgumentError,
        "must have noise in every feature that varies; got 1 that vary over images and have no noise",
    ),
    "negative rates": (
        {"metric": "poisson"},
        ArgumentError,
        "must be above 0 once the prior is added, for",
    ),
    "prior": ({"metric": "poisson", "prior_weight": -1}, ArgumentError, "prior_weight must be a finite number of at"),
    "memory": ({"memory": 0}, ArgumentError, "memory must be at least 1; got 0. It counts bytes"),
}


@pytest.mark.parametrize(("options", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_options_that_cannot_be_meant_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        rdm.compute(layer(normal(6, 4) * 3), **options)


def test_crossnobis_needs_two_repeats():
    with pytest.raises(ArgumentError, match="repeat must hold at least 2 repeats for crossnobis; got 1"):
        rdm.compute(layer(normal(6, 1, 4), "run"), metric="crossnobis", repeat="run")


def test_results_say_how_they_were_made():
    features = layer(normal(6, 2, 4), "run").to_dataset().assign_attrs(model="v1")
    features["fc"].attrs["model"] = "v1"
    got = rdm.compute(features, metric="mahalanobis", repeat="run").attrs
    assert (got["model"], got["metric"], got["repeat"]) == ("v1", "mahalanobis", "run")
    assert (got["noise_cov"], got["shrinkage"]) == ("repeats", "schaefer-strimmer")
    got = rdm.compute(features, metric="crossnobis", repeat="run").attrs
    assert got["noise_cov"] == "identity"
    assert "shrinkage" not in got
    got = rdm.compute(np.abs(features["fc"].isel(run=0)), metric="poisson").attrs
    assert (got["prior_lambda"], got["prior_weight"]) == (1.0, 0.1)


def test_squares_of_every_metric_are_symmetric_with_zeros():
    features = layer(np.abs(normal(6, 2, 4)), "run")
    for metric in KERNELS:
        square = rdm.square(rdm.compute(features, metric=metric, repeat="run")).values[0]
        np.testing.assert_array_equal(square, squareform(squareform(square)))
