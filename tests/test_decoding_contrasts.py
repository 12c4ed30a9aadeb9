"""Contrasts of decoding: layers and models in the same bootstrap samples."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr
from scipy.stats import t as student
from sklearn.metrics import mean_squared_error
from test_regression import names, per_image, planted

from memfeat import regression, stats
from memfeat.errors import ArgumentError, KindError, UnknownNameError

BARE = {"n_permutations": 0, "n_bootstraps": 0}


def three():
    """Three layers decoded, and the scores."""
    features, scores = planted(noise=3.0)
    features = features.assign(middle=features["late"][:, :4].rename({"late:channel": "middle:channel"}))
    return regression.decode(features, scores, **BARE), scores


def test_differences_are_those_of_written_out_samples():
    decoded, scores = three()
    result = regression.contrast(decoded, scores, n_bootstraps=40, rng=3)
    assert result["contrast"].values.tolist() == ["early − late", "early − middle", "late − middle"]
    late, middle = (decoded["prediction"].sel(layer=name).values for name in ("late", "middle"))
    counts = stats.bootstrap_counts(60, 40, rng=np.random.default_rng(3))
    y, draws = scores.values, []
    for row in counts:
        i = np.repeat(np.arange(60), row)
        draws.append(spearmanr(late[i], y[i]).statistic - spearmanr(middle[i], y[i]).statistic)
    low, high = stats.expanded(np.array(draws), n=60)
    one = result.sel(contrast="late − middle", metric="spearman")
    difference = decoded["estimate"].sel(layer="late") - decoded["estimate"].sel(layer="middle")
    assert one["estimate"].item() == pytest.approx(difference.item())
    assert one["ci_low"].item() == pytest.approx(float(low))
    assert one["ci_high"].item() == pytest.approx(float(high))
    assert one["p"].item() == pytest.approx(float(stats.bootstrap_p(np.array(draws), n=60)))
    assert result.sel(contrast="late − middle", metric="mse")["first_estimate"].item() == pytest.approx(
        mean_squared_error(y, late)
    )


def drawn_errors(decoded, scores, n_bootstraps, seed):
    """Mean squared errors in written-out samples (layer, draw)."""
    counts = stats.bootstrap_counts(60, n_bootstraps, rng=np.random.default_rng(seed))
    samples = [np.repeat(np.arange(60), row) for row in counts]
    layers = decoded["prediction"].values
    return np.array([[mean_squared_error(scores.values[i], own[i]) for i in samples] for own in layers])


def test_contrasts_are_corrected_by_the_largest_in_the_same_samples_whatever_the_unit():
    decoded, scores = three()
    result = regression.contrast(decoded, scores, n_bootstraps=40, rng=3)
    mse = drawn_errors(decoded, scores, 40, 3)
    gaps = np.array([mse[0] - mse[1], mse[0] - mse[2], mse[1] - mse[2]])
    estimate = result["estimate"].sel(metric="mse").values
    spread = gaps.std(axis=1, ddof=1)
    away = student.isf(norm.sf(np.abs(gaps - estimate[:, None]) / spread[:, None]), 59).max(axis=0)
    observed = np.abs(estimate) / (spread * np.sqrt(60 / 59))
    expected = ((away >= observed[:, None]).sum(axis=1) + 1) / 41
    p = result["p"].sel(metric="mse").values
    np.testing.assert_allclose(result["p_corrected"].sel(metric="mse"), np.maximum(p, expected))
    small = decoded[["prediction"]] * 1e-8
    again = regression.contrast(small, scores * 1e-8, n_bootstraps=40, rng=3)
    np.testing.assert_allclose(again["p_corrected"], result["p_corrected"])


def test_a_real_difference_among_fifteen_contrasts_is_found_with_a_thousand_samples():
    rng = np.random.default_rng(0)
    noise, target = rng.standard_normal((6, 120)), rng.standard_normal(120)
    noise[3] += 0.8 * target
    coords = {"layer": [f"conv{k}" for k in range(6)], "image": names(120)}
    decoded = xr.Dataset({"prediction": (("layer", "image"), noise / 2)}, coords)
    found = regression.contrast(decoded, per_image(target)).sel(metric=["spearman", "pearson"])
    assert found.sizes["contrast"] == 15
    real = ((found["first"] == "conv3") | (found["second"] == "conv3")).values
    assert (found["p_corrected"][real] < 0.05).all()
    assert (found["p_corrected"][~real] > 0.05).all()


def test_a_constant_prediction_does_not_count_among_the_others():
    decoded, scores = three()
    flat = decoded[["prediction"]].copy(deep=True)
    flat["prediction"].loc[{"layer": "middle"}] = 0.5
    one = regression.contrast(flat, scores, against="late", n_bootstraps=40)
    assert one["p_corrected"].sel(contrast="middle − late", metric="spearman").isnull()
    alone = regression.contrast(flat.sel(layer=["early", "late"]), scores, n_bootstraps=40)
    both = [found["p_corrected"].sel(contrast="early − late", metric="spearman") for found in (one, alone)]
    assert both[0] == pytest.approx(both[1].item(), abs=0.1)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99))
def test_turning_round_a_contrast_turns_its_sign_and_order_makes_no_difference(seed):
    decoded, scores = three()
    order = np.random.default_rng(seed).permutation(60)
    one = regression.contrast(decoded.isel(image=order), scores, n_bootstraps=30, against="late", rng=seed)
    xr.testing.assert_allclose(regression.contrast(decoded, scores, n_bootstraps=30, against="late", rng=seed), one)
    other = regression.contrast(decoded, scores, n_bootstraps=30, against="early", rng=seed)
    a, b = one.sel(contrast="early − late"), other.sel(contrast="late − early")
    np.testing.assert_allclose(a["estimate"], -b["estimate"])
    np.testing.assert_allclose(a["ci_low"], -b["ci_high"])
    np.testing.assert_allclose(a["p"], b["p"])


def test_models_are_compared_by_name():
    features, scores = planted()
    before = scores.copy(deep=True)
    good = regression.decode(features[["late"]], scores, repeats=2, **BARE)
    bad = regression.decode(features, scores, **BARE)
    result = regression.contrast({"good": good, "bad": bad}, scores, against="good", n_bootstraps=50)
    assert result["contrast"].values.tolist() == ["bad: early − good", "bad: late − good"]
    assert result["p"].sel(contrast="bad: early − good", metric="spearman") < 0.1
    assert result.attrs["method"] == "contrast of decoding, paired bootstrap"
    xr.testing.assert_identical(scores, before)
    less = regression.contrast(
        {"good": good, "bad": bad}, scores, against="good", n_bootstraps=50, alternative="less",
        blocks=per_image(np.arange(60) // 3), permute="whole",
    )  # fmt: skip
    assert less.attrs["permute"] == "whole"


def test_several_scores_and_held_out_parts_carry_through(tmp_path):
    features, scores = planted()
    both = xr.Dataset({"hits": scores, "alarms": scores + np.random.default_rng(1).standard_normal(60)})
    split = per_image(np.repeat(["train", "test"], [30, 30]).astype(object), "split")
    decoded = regression.decode(features, both, folds=split, held_out="test", **BARE)
    result = regression.contrast(decoded, both, n_bootstraps=20)
    assert result["estimate"].dims == ("contrast", "metric", "score")
    assert (result["n"] == 30).all()
    alone = regression.contrast(decoded.sel(score="hits", drop=True), scores.rename("hits"), n_bootstraps=20)
    np.testing.assert_allclose(result["ci_low"].sel(score="hits"), alone["ci_low"])
    result.to_netcdf(tmp_path / "contrast.nc", engine="h5netcdf")


def test_some_of_the_decoded_images_can_be_compared_by_themselves():
    decoded, scores = three()
    chosen = decoded["image"][:40]
    result = regression.contrast(decoded.sel(image=chosen), scores.sel(image=chosen), n_bootstraps=20)
    late = decoded["prediction"].sel(layer="late", image=chosen)
    one = result.sel(contrast="late − middle", metric="mse")
    assert one["first_estimate"].item() == pytest.approx(mean_squared_error(scores[:40], late))
    assert (result["n"] == 40).all()
    masked = regression.contrast(decoded.where(decoded.image.isin(chosen)), scores, n_bootstraps=20)
    np.testing.assert_allclose(masked["estimate"], result["estimate"])
    bare = regression.contrast(decoded[["prediction"]], scores, n_bootstraps=20)
    np.testing.assert_allclose(bare["estimate"], regression.contrast(decoded, scores, n_bootstraps=20)["estimate"])


WRONG = {
    "features": (lambda d, s: (d["prediction"], s), {}, KindError, "decoded must be what mf.regression.decode gave"),
    "a mapping of features": (lambda d, s: ({"a": 3}, s), {}, KindError, r"decoded\['a'\] must be what"),
    "no model": (lambda d, s: ({}, s), {}, ArgumentError, "decoded must hold two layers or models at least; got none"),
    "one layer": (
        lambda d, s: (d.isel(layer=[0]), s),
        {},
        ArgumentError,
        "two layers or models at least; got 1: 'early'",
    ),
    "another layer": (
        lambda d, s: (d, s),
        {"against": "lat"},
        UnknownNameError,
        "against must be a known name.*'late'",
    ),
    "other images": (
        lambda d, s: (d, s.assign_coords(image=[*names(59), "x.jpg"])),
        {},
        ArgumentError,
        "must hold the same images",
    ),
    "other scores": (
        lambda d, s: (d.expand_dims(score=["hits"]), s),
        {},
        ArgumentError,
        "scores must be those that were decoded; got 1: 'hit_rate'",
    ),
    "other units": (
        lambda d, s: (d, 100 * s),
        {},
        ArgumentError,
        r"scores must be those that were decoded; got a mean squared error of \d+[.\d]*, not .* in the same unit",
    ),
    "one of two in other units": (
        lambda d, s: (d.expand_dims(score=["a", "b"]), xr.Dataset({"a": s, "b": s + 1})),
        {},
        ArgumentError,
        r"scores\['b'\] must be those that were decoded",
    ),
    "other held-out images": (
        lambda d, s: ({"a": d, "b": d.where(d.image != "photo-001.jpg")}, s),
        {},
        ArgumentError,
        "decoded must be predictions of the same images",
    ),
    "no samples": (lambda d, s: (d, s), {"n_bootstraps": 0}, ArgumentError, "n_bootstraps must be at least 2"),
    "misspelt": (lambda d, s: (d, s), {"against_": "late"}, UnknownNameError, "Did you mean 'against'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_contrasted_is_refused_with_advice(case):
    change, options, kind, message = WRONG[case]
    data = change(*three())
    with pytest.raises(kind, match=message):
        regression.contrast(*data, **{"n_bootstraps": 5} | options)
