"""Drift: two networks layer by layer, against brute force, other stages and other libraries."""

import itertools
import json

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import norm, pearsonr, spearmanr
from scipy.stats import t as student
from sklearn.metrics import r2_score

import memfeat as mf
from memfeat import stats
from memfeat.drift import measures
from memfeat.drift.decodability import resampled_r2
from memfeat.errors import ArgumentError, CircularWarning, KindError, UnknownNameError
from memfeat.reduction.alignment import cka
from memfeat.regression.folds import shuffled

WIDTHS = {"conv1": 6, "layer1": 30, "layer2": 60}
FROZEN = {"model": "resmem-frozen", "variant": "frozen", "backbone": "imagenet", "weights_sha256": "aa"}
RETRAINED = {"model": "resmem", "variant": "retrained", "weights_sha256": "bb", "reduction": "mean"}


def levels(n, strata=1):
    """Quantiles that bound an expanded percentile interval, as Hesterberg (2015) gives them for one stratum."""
    return norm.cdf(np.sqrt(n / (n - strata)) * student.ppf([0.025, 0.975], n - strata))


def names(n):
    return np.array([f"{i:03d}.jpg" for i in range(n)], dtype=object)


def network(n=24, *, moved=0.0, attrs=FROZEN, widths=WIDTHS, seed=0):
    """Features that share what they show; `moved` is how much noise of its own a network adds."""
    shared, own = np.random.default_rng(0), np.random.default_rng(seed)
    values = {}
    for name, p in widths.items():
        base = shared.normal(size=(n, p)) * np.arange(1, p + 1) ** -0.5
        noise = own.normal(size=(n, p)) * np.arange(1, p + 1) ** -0.5
        values[name] = (("image", f"{name}:channel"), base + moved * noise)
    return xr.Dataset(values, coords={"image": names(n)}, attrs=attrs)


def pair(n=24, **options):
    return network(n, **options), network(n, moved=0.5, attrs=RETRAINED, seed=1, **options)


def hit_rates(n=24):
    signal = network(n)["layer1"].values[:, 0]
    values = signal + 0.5 * np.random.default_rng(9).normal(size=n)
    return xr.DataArray(values, dims="image", coords={"image": names(n)}, name="hit_rate")


# --- CKA --------------------------------------------------------------------------------------------------------------


def gram_of(x):
    return x @ x.T


def by_all_fours(first, second, counts):
    """CKA by its definition: the mean over all fours of different images, each as often as it was drawn."""

    def dependence(k, l):  # noqa: E741
        fours = itertools.permutations(range(len(k)), 4)
        return sum(
            counts[[i, j, q, r]].prod() * (k[i, j] * l[i, j] + k[i, j] * l[q, r] - 2 * k[i, j] * l[i, q])
            for i, j, q, r in fours
        )

    return dependence(first, second) / np.sqrt(dependence(first, first) * dependence(second, second))


def song(k, l):  # noqa: E741
    """The unbiased HSIC as Song et al. (2012), equation 5, write it."""
    n, one = len(k), np.ones(len(k))
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))  # noqa: E741
    apart = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ l) + apart - 2 / (n - 2) * one @ k @ l @ one) / (n * (n - 3))


@pytest.mark.parametrize(
    "counts", [[1, 1, 1, 1, 1, 1, 1], [2, 0, 1, 1, 1, 1, 1], [3, 2, 0, 1, 1, 0, 0]], ids=["all", "one twice", "few"]
)
def test_cka_is_the_mean_over_fours_of_different_images(counts):
    rng = np.random.default_rng(3)
    first = rng.normal(size=(7, 3)) + 5
    second = first @ rng.normal(size=(3, 4)) + rng.normal(size=(7, 4))
    drawn = np.array(counts, dtype=float)
    expected = by_all_fours(gram_of(first), gram_of(second), drawn)
    assert cka(gram_of(first), gram_of(second), drawn[None])[0] == pytest.approx(expected, abs=1e-9)


def test_cka_is_that_of_song_and_kornblith():
    rng = np.random.default_rng(4)
    first = rng.normal(size=(40, 100)) + 1
    second = np.maximum(first[:, :30] + rng.normal(size=(40, 30)), 0)
    k, other = gram_of(first), gram_of(second)
    expected = song(k, other) / np.sqrt(song(k, k) * song(other, other))
    assert cka(k, other, np.ones((1, 40)))[0] == pytest.approx(expected, abs=1e-10)


def test_cka_of_unrelated_layers_is_about_zero_however_wide_they_are():
    rng = np.random.default_rng(5)
    values = [cka(*(gram_of(rng.normal(size=(30, 400))) for _ in range(2)), np.ones((1, 30)))[0] for _ in range(200)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)


@given(st.integers(5, 12), st.integers(0, 2**31), st.floats(0.01, 100), st.floats(-50, 50))
@example(5, 0, 0.01, 50.0)
@settings(max_examples=30)
def test_cka_knows_no_rotation_scale_or_shift_and_is_symmetric(n, seed, scale, shift):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(n, 4)), rng.normal(size=(n, 6))
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    one = np.ones((1, n))
    value = cka(gram_of(first), gram_of(second), one)
    moved = gram_of(scale * first @ rotation + shift)
    np.testing.assert_allclose(cka(moved, gram_of(second), one), value, atol=1e-6)
    np.testing.assert_allclose(cka(gram_of(second), gram_of(first), one), value, atol=1e-9)
    np.testing.assert_allclose(cka(gram_of(first), moved, one), 1, atol=1e-6)


def test_cka_is_not_defined_for_images_that_are_alike_or_too_few():
    same, other = np.ones((6, 6)), gram_of(np.random.default_rng(0).normal(size=(6, 3)))
    assert np.isnan(cka(same, other, np.ones((1, 6))))[0]
    assert np.isnan(cka(other, other, np.array([[2.0, 2, 2, 0, 0, 0]])))[0]


# --- RDMs, units ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("metric", "method"), [("correlation", "spearman"), ("euclidean", "pearson")])
def test_rdm_correlations_are_those_of_rsa_and_intervals_those_of_samples_without_an_image_s_own_copy(metric, method):
    first, second = pair()
    result = mf.drift.compare(first, second, metric=metric, method=method, n_bootstraps=50, rng=3)
    counts = stats.bootstrap_counts(24, 50, rng=np.random.default_rng(3))
    correlate = {"spearman": spearmanr, "pearson": pearsonr}[method]
    for name in WIDTHS:
        one, other = (mf.rdm.compute(net[[name]].assign_attrs(variant=""), metric=metric) for net in (first, second))
        got = result.sel(measure="rdm", layer=name)
        expected = mf.rsa.compare(one, other, method=method, n_permutations=0, n_bootstraps=0).isel(layer=0)
        assert got["estimate"].item() == pytest.approx(expected["estimate"].item(), abs=1e-10)
        draws = []
        for row in counts:
            drawn = np.repeat(np.arange(24), row)
            a, b = np.triu_indices(24, 1)
            different = drawn[a] != drawn[b]
            pairs = [squareform(pdist(net[name].values[drawn], metric))[a, b][different] for net in (first, second)]
            draws.append(correlate(*pairs).statistic)
        np.testing.assert_allclose([got["ci_low"], got["ci_high"]], np.quantile(draws, levels(24)), atol=1e-10)


def test_units_are_correlated_as_scipy_does_with_constant_ones_left_out():
    first, second = pair()
    first["conv1"][:, 2] = 0.1  # whose mean over 24 images is another number
    second["conv1"][:, 4] = 0.0
    found = mf.drift.units(first, second)
    result = mf.drift.compare(first, second, n_bootstraps=0)
    for name in WIDTHS:
        columns = zip(first[name].values.T, second[name].values.T, strict=True)
        expected = np.array([pearsonr(a, b).statistic if np.ptp(a) and np.ptp(b) else np.nan for a, b in columns])
        np.testing.assert_allclose(found[name], expected, atol=1e-12)
        assert found[name].dims == (f"{name}:channel",)
        one = result.sel(layer=name)
        assert one["estimate"].sel(measure="units") == pytest.approx(np.nanmedian(expected))
        np.testing.assert_allclose(one["unit_quantiles"], np.nanquantile(expected, one["quantile"]))
        assert one["constant_units"] == pytest.approx(np.isnan(expected).mean())
        assert one["n_units"] == len(expected)
    assert result["constant_units"].values.tolist() == pytest.approx([2 / 6, 0, 0])
    assert np.isnan(result["ci_low"].sel(measure="units")).all()


def test_units_of_maps_keep_their_place_in_blocks_and_lazily(monkeypatch):
    rng = np.random.default_rng(0)
    dims, coords = ["image", "a:channel", "a:y", "a:x"], {"image": names(9), "a:channel": list("pqrst")}
    one = xr.DataArray(rng.normal(size=(9, 5, 3, 2)), coords, dims, name="a")
    other = one + xr.DataArray(rng.normal(size=(9, 5, 3, 2)), coords, dims)
    other.name = "a"
    whole = mf.drift.units(one, other)["a"]
    assert whole.dims == ("a:channel", "a:y", "a:x")
    assert whole.sel({"a:channel": "r", "a:y": 2, "a:x": 1}) == pytest.approx(
        pearsonr(one.values[:, 2, 2, 1], other.values[:, 2, 2, 1]).statistic
    )
    monkeypatch.setattr("memfeat.drift.unitwise.BLOCK", 9 * 6 * 2)
    turned = other.transpose("a:x", "image", ...).chunk({"image": 4})
    xr.testing.assert_allclose(mf.drift.units(one.chunk({"a:channel": 2}), turned)["a"], whole)


# --- decodability -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("statistic", "column"), [("spearman", "estimate"), ("r2", "r2")])
def test_each_network_decodes_as_decode_does_with_the_same_seed(statistic, column):
    first, second = pair()
    scores = hit_rates()
    result = mf.drift.compare(first, second, scores, statistic=statistic, folds=4, n_bootstraps=0, rng=5)
    for which, features in {"first": first, "second": second.assign_attrs(variant="")}.items():
        expected = mf.regression.decode(features, scores, folds=4, n_permutations=0, n_bootstraps=0, rng=5)
        np.testing.assert_allclose(result["decoded"].sel(network=which), expected[column], atol=1e-10)
    change = result["decoded"].sel(network="second") - result["decoded"].sel(network="first")
    np.testing.assert_allclose(result["estimate"].sel(measure="decodability"), change)


@pytest.mark.parametrize("statistic", ["spearman", "r2"])
def test_the_interval_of_the_change_draws_the_same_images_for_both(statistic):
    first, second = pair()
    scores = hit_rates()
    result = mf.drift.compare(first, second, scores, statistic=statistic, n_bootstraps=40, rng=6)
    rng = np.random.default_rng(6)
    fold = shuffled(24, 5, rng)
    counts = stats.bootstrap_counts(24, 40, rng=rng)
    plain = [net[["layer1"]].assign_attrs(variant="") for net in (first, second)]
    decoded = [mf.regression.decode(net, scores, n_permutations=0, n_bootstraps=0, rng=6) for net in plain]
    np.testing.assert_array_equal(decoded[0]["fold"], fold)
    agreement = {"spearman": lambda y, p: spearmanr(y, p).statistic, "r2": r2_score}[statistic]
    draws = []
    for row in counts:
        drawn = np.repeat(np.arange(24), row)
        one, other = (agreement(scores.values[drawn], net["prediction"].values[0][drawn]) for net in decoded)
        draws.append(other - one)
    got = [result[side].sel(measure="decodability", layer="layer1").item() for side in ("ci_low", "ci_high")]
    np.testing.assert_allclose(got, np.quantile(draws, levels(24)), atol=1e-10)


@given(st.integers(3, 20), st.integers(0, 2**31))
@settings(max_examples=40)
def test_r2_of_a_sample_is_that_of_the_sample_written_out(n, seed):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 4, n).astype(float)
    prediction = rng.normal(size=n)
    drawn = rng.integers(n, size=n)
    got = resampled_r2(prediction, target, np.bincount(drawn, minlength=n)[None])[0]
    if np.ptp(target[drawn]) == 0:
        assert np.isnan(got)
    else:
        assert got == pytest.approx(r2_score(target[drawn], prediction[drawn]), abs=1e-9)


# --- the whole --------------------------------------------------------------------------------------------------------


def test_a_network_beside_itself_has_not_moved():
    result = mf.drift.compare(network(), network(), hit_rates(), n_bootstraps=30)
    for side in ("estimate", "ci_low", "ci_high"):
        np.testing.assert_allclose(result[side].sel(measure=["cka", "rdm"]), 1)
        np.testing.assert_allclose(result[side].sel(measure="decodability"), 0)
    np.testing.assert_allclose(result["unit_quantiles"], 1)


def test_the_more_a_layer_moved_the_less_alike_it_is():
    widths = {f"moved{i}": 40 for i in range(4)}
    first, second = network(80, widths=widths), network(80, widths=widths)
    for i, name in enumerate(widths):
        noise = np.random.default_rng(7).normal(size=second[name].shape) * np.arange(1, 41) ** -0.5
        second[name] = second[name] + 0.4 * i * noise
    estimate = mf.drift.compare(first, second, n_bootstraps=0)["estimate"]
    assert (estimate.diff("layer") < 0).all()


def test_neither_the_order_of_images_nor_that_of_layers_matters():
    first, second = pair()
    scores = hit_rates()
    result = mf.drift.compare(first, second, scores, n_bootstraps=20)
    rng = np.random.default_rng(0)
    moved = [data.isel(image=rng.permutation(24)) for data in (first, second[["layer2", "conv1", "layer1"]], scores)]
    xr.testing.assert_allclose(mf.drift.compare(*moved, n_bootstraps=20), result, atol=1e-10)


def test_inputs_are_left_as_they_were_and_the_result_names_both_networks(tmp_path):
    first, second = pair()
    second = second.rename({"layer2": "layer9", "layer2:channel": "layer9:channel"})
    scores = hit_rates().to_series()
    before = first.copy(deep=True), second.copy(deep=True), scores.copy()
    result = mf.drift.compare(first, second, scores, n_bootstraps=10, rng=4)
    xr.testing.assert_identical(first, before[0])
    xr.testing.assert_identical(second, before[1])
    pd.testing.assert_series_equal(scores, before[2])
    assert result["layer"].values.tolist() == ["conv1", "layer1"]
    assert result["measure"].values.tolist() == ["cka", "rdm", "units", "decodability"]
    expected = {f"first_{key}": value for key, value in FROZEN.items()}
    expected |= {f"second_{key}": value for key, value in RETRAINED.items()}
    expected |= {"only_in_first": '["layer2"]', "only_in_second": '["layer9"]', "undefined": "{}", "seed": "4"}
    expected |= {"metric": "correlation", "method": "spearman", "statistic": "spearman", "n_folds": 5}
    assert expected.items() <= result.attrs.items()
    said = "95 % expanded percentile bootstrap over images; for decodability paired, predictions held fixed"
    assert result.attrs["interval"] == said
    result.to_netcdf(tmp_path / "drift.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "drift.nc", engine="h5netcdf") as again:
        xr.testing.assert_equal(again, result)


def test_without_scores_nothing_is_said_about_decoding():
    result = mf.drift.compare(*pair(), n_bootstraps=0)
    assert result["measure"].values.tolist() == ["cka", "rdm", "units"]
    assert "decoded" not in result
    assert not {"scores", "statistic", "n_folds"} & set(result.attrs)


def test_one_layer_is_read_at_a_time():
    read = []

    def layer(name, values):
        def block(part):
            read.append(name)
            return part

        return da.from_array(values, chunks=(5, 3)).map_blocks(block, dtype=float, meta=np.empty((0, 0)))

    lazy = []
    for net in pair():
        parts = {name: (net[name].dims, layer(name, net[name].values)) for name in WIDTHS}
        lazy.append(xr.Dataset(parts, coords={"image": net["image"]}, attrs=net.attrs))
    result = mf.drift.compare(*lazy, hit_rates(), n_bootstraps=5)
    assert [name for name, _ in itertools.groupby(read)] == list(WIDTHS)
    xr.testing.assert_allclose(result, mf.drift.compare(*pair(), hit_rates(), n_bootstraps=5))


def test_whole_groups_are_drawn_when_they_are_named():
    groups = pd.Series(np.repeat(list("abcdefgh"), 3), index=names(24), name="scene")
    free = mf.drift.compare(*pair(), n_bootstraps=50)
    whole = mf.drift.compare(*pair(), n_bootstraps=50, blocks=groups, permute="whole")
    xr.testing.assert_allclose(whole["estimate"], free["estimate"])
    grams = [gram_of(net["layer1"].values) for net in pair()]
    for scheme, drawn in {"whole": (8,), "within": (24, 8)}.items():
        numbers = np.repeat(np.arange(8), 3)
        counts = stats.bootstrap_counts(24, 50, rng=np.random.default_rng(0), blocks=numbers, permute=scheme)
        found = mf.drift.compare(*pair(), n_bootstraps=50, blocks=groups, permute=scheme)
        got = found.sel(measure="cka", layer="layer1")
        expected = np.quantile(cka(*grams, counts), levels(*drawn))
        np.testing.assert_allclose([got["ci_low"], got["ci_high"]], expected, atol=1e-9)
    assert (whole.attrs["blocks"], whole.attrs["permute"]) == ("scene", "whole")


def test_what_is_not_defined_is_nan_and_says_why():
    first, second = pair(widths={"fc": 1, "dead": 4, "saturated": 5, "layer1": 30})
    second["dead"][:] = 0.0
    second["saturated"][3] = 1.0
    scores = hit_rates()
    result = mf.drift.compare(first, second, scores, n_bootstraps=10)
    why = json.loads(result.attrs["undefined"])
    assert sorted(why) == ["dead", "fc", "saturated"]
    assert "have at least 2 features for metric='correlation'" in why["fc"]["rdm"]
    assert sorted(why["dead"]) == sorted(measures.MEASURES)
    assert list(why["saturated"]) == ["rdm"]
    assert "'003.jpg'" in why["saturated"]["rdm"]
    for name, reasons in why.items():
        one = result.sel(layer=name)
        for measure in measures.MEASURES:
            assert bool(np.isnan(one["estimate"].sel(measure=measure))) is (measure in reasons)
            assert bool(np.isnan(one["ci_low"].sel(measure=measure))) is (measure in reasons or measure == "units")
    fine = mf.drift.compare(first[["saturated"]], second[["saturated"]], metric="euclidean", n_bootstraps=0)
    assert fine.attrs["undefined"] == "{}"


def test_scores_that_one_of_the_networks_predicted_are_cautioned_against_once():
    first, second = pair()
    predicted = hit_rates().assign_attrs(RETRAINED)
    with pytest.warns(CircularWarning, match="same network, 'resmem'") as seen:
        result = mf.drift.compare(first, second, predicted, n_bootstraps=0)
    assert len(seen) == 1
    assert (result.attrs["cautions"], result.attrs["scores_model"]) == ("circular", "resmem")
    released = first.assign_attrs(backbone="released")
    with pytest.warns(CircularWarning, match="same weights in their trunks") as seen:
        mf.drift.compare(released, second, predicted, n_bootstraps=0)
    assert len(seen) == 1
    meant = mf.guards.allow(second, "circular", because="to see how far it goes")
    result = mf.drift.compare(first, meant, predicted, n_bootstraps=0)
    assert json.loads(result.attrs["allowed"]) == {"circular": "to see how far it goes"}


def renamed(dataset, suffix):
    return dataset.rename({str(name): f"{name}{suffix}" for name in dataset.data_vars})


def with_nan(dataset):
    out = dataset.copy(deep=True)
    out["layer1"][2, 3] = np.nan
    return out


BAD = {
    "images": (
        lambda a, b: (a.isel(image=slice(5, None)), b),
        {},
        ArgumentError,
        "second and first must hold",
    ),
    "layers": (lambda a, b: (a, renamed(b, "x")), {}, ArgumentError, "first and second must have at least one layer"),
    "units": (
        lambda a, b: (a, b.isel({"layer1:channel": slice(9)})),
        {},
        ArgumentError,
        r"second\['layer1'\] must have the units of first, \{'layer1:channel': 30\}; got \{'layer1:channel': 9\}",
    ),
    "named units": (
        lambda a, b: (a.assign_coords({"conv1:channel": list("abcdef")}), b.assign_coords({"conv1:channel": range(6)})),
        {},
        ArgumentError,
        r"got units with other names along \['conv1:channel'\]",
    ),
    "nan": (lambda a, b: (a, with_nan(b)), {}, ArgumentError, r"second\['layer1'\] must be finite .* '002.jpg'"),
    "text": (lambda a, b: (a, b.astype(str)), {}, KindError, r"second\['conv1'\] must hold real numbers"),
    "no units": (
        lambda a, b: (a["conv1"][:, 0].rename("x"), b["conv1"][:, 0].rename("x")),
        {},
        ArgumentError,
        r"first\['x'\] must have units besides its images",
    ),
    "few": (lambda a, b: (a.isel(image=[0, 1, 2]), b.isel(image=[0, 1, 2])), {}, ArgumentError, "at least 4 images"),
    "no xarray": (lambda a, b: (a, b["conv1"].values), {}, KindError, "second must be an xarray"),
    "option": (lambda a, b: (a, b), {"fold": 3}, UnknownNameError, "option must be a known name; got 'fold'"),
    "metric": (lambda a, b: (a, b), {"metric": "x"}, ArgumentError, "metric must be one of 'correlation'"),
    "method": (lambda a, b: (a, b), {"method": "x"}, ArgumentError, "method must be one of 'spearman'"),
    "statistic": (lambda a, b: (a, b), {"statistic": "x"}, ArgumentError, "statistic must be one of 'spearman', 'r2'"),
    "draws": (lambda a, b: (a, b), {"n_bootstraps": -1}, ArgumentError, "n_bootstraps must be at least 0"),
    "rng": (lambda a, b: (a, b), {"rng": None}, KindError, "rng must be a whole number"),
    "groups": (lambda a, b: (a, b), {"permute": "whole"}, ArgumentError, "blocks must be given when permute='whole'"),
    "flat scores": (lambda a, b: (a, b), {"scores": hit_rates() * 0}, ArgumentError, "scores must differ between"),
    "folds": (lambda a, b: (a, b), {"scores": hit_rates(), "folds": 20}, ArgumentError, "folds must be at most half"),
}


@pytest.mark.parametrize(("change", "options", "error", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_compared_is_refused(change, options, error, message):
    with pytest.raises(error, match=message):
        mf.drift.compare(*change(*pair()), **options)


# --- real networks, and the figure ------------------------------------------------------------------------------------


def test_the_released_trunk_has_the_parameters_of_the_retrained_network_and_other_statistics(frozen, resmem):
    one, other = frozen.module.state_dict(), resmem.module.state_dict()
    moving = ("running_mean", "running_var")
    assert set(one) == set(other)
    trunk = [name for name in other if name.startswith("features.")]
    assert len(trunk) == 932
    for name in other:
        same = bool((one[name] == other[name]).all())
        assert same is not (name.startswith("features.") and name.endswith(moving)), name
    assert type(frozen.module.normalise) is not type(resmem.module.normalise)


@pytest.mark.data
def test_the_released_network_and_its_trunk_with_other_statistics(lnsim, lnsim_features):
    frozen, retrained = (lnsim_features[name] for name in ("resmem-frozen", "resmem"))
    layers = ["features.layer1.0", "features.layer3.5", "features.layer4.2", "features.avgpool"]
    scores = lnsim["hit_rate"].sel(image=frozen["image"].values)
    result = mf.drift.compare(frozen[layers], retrained[layers], scores, n_bootstraps=100)
    assert result["layer"].values.tolist() == layers
    assert result.attrs["undefined"] == "{}"
    assert (result.attrs["first_backbone"], result.attrs["second_variant"]) == ("released", "retrained")
    assert "cautions" not in result.attrs
    alike = result["estimate"].sel(measure=["cka", "rdm", "units"])
    assert ((alike > 0.2) & (alike < 1)).all()
    # avgpool is the mean over space of layer4.2, for every image and both networks
    np.testing.assert_allclose(result.isel(layer=2)["estimate"], result.isel(layer=3)["estimate"], atol=1e-4)


def drawn(n_layers=3, **attrs):
    result = mf.drift.compare(*pair(), hit_rates(), n_bootstraps=20)
    return result.isel(layer=np.arange(n_layers) % 3).assign_coords(layer=[f"f.layer{i}" for i in range(n_layers)])


def test_the_figure_has_a_line_per_measure_through_the_estimates():
    result = drawn()
    ax = mf.plot.drift_profile(result)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["CKA", "RDM correlation", "Units, median r"]
    for line, name in zip(ax.lines, ("cka", "rdm", "units"), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), result["estimate"].sel(measure=name))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["layer0", "layer1", "layer2"]
    assert "resmem-frozen (imagenet) and resmem; n = 24 images" in ax.get_title(loc="left").replace("\n", " ")


@pytest.mark.parametrize("n_layers", [3, 15], ids=["bars", "bands"])
def test_intervals_are_the_result_s_and_those_of_units_are_their_spread(n_layers):
    result = drawn(n_layers)
    sides = {name: (result["ci_low"].sel(measure=name), result["ci_high"].sel(measure=name)) for name in ("cka", "rdm")}
    sides["units"] = tuple(result["unit_quantiles"].sel(quantile=q) for q in (0.05, 0.95))
    for collection, (low, high) in zip(mf.plot.drift_profile(result).collections, sides.values(), strict=True):
        heights = np.concatenate([path.vertices[:, 1] for path in collection.get_paths()])
        assert heights.min() == pytest.approx(float(low.min()))
        assert heights.max() == pytest.approx(float(high.max()))


def test_the_change_is_drawn_by_itself_around_zero():
    ax = mf.plot.drift_profile(drawn(), measures=["decodability"])
    assert ax.get_ylabel() == "Spearman ρ, second less first"
    assert list(ax.lines[0].get_ydata()) == [0, 0]
    assert "predictions held fixed" in ax.get_title(loc="left").replace("\n", " ")
    assert ax.get_legend() is None


def test_a_measure_can_be_drawn_as_a_profile():
    one = drawn().sel(measure="cka")
    assert len(mf.plot.layer_profile(one, null=None, label="CKA").lines) == 3


@pytest.mark.parametrize(
    ("bad", "options", "error", "message"),
    [
        (drawn()["estimate"], {}, KindError, "result must be a Dataset; got DataArray"),
        (drawn().sel(measure="cka"), {}, ArgumentError, "result must have estimates along 'measure' and 'layer'"),
        (drawn().drop_sel(measure="decodability"), {"measures": ["decodability"]}, ArgumentError, "With scores=,"),
        (drawn(), {"measures": []}, ArgumentError, "measures must be some of 'cka', 'rdm', 'units', 'decodability'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(bad, options, error, message):
    with pytest.raises(error, match=message):
        mf.plot.drift_profile(bad, **options)
