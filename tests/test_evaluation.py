"""Evaluation: what agrees with hand, scipy and published figures; what is matched, refused, recognised and drawn."""

import itertools
import json
import warnings

import click.testing
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LinearRegression

import memfeat as mf
from memfeat import plot
from memfeat.cli import main
from memfeat.cli.evaluating import MEANING, newness
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, MissingFileError, UnknownNameError
from memfeat.evaluation import intervals, measures
from memfeat.evaluation.halves import relative_measures as measures_of
from memfeat.stats.shares import wilson

E = mf.evaluation


def named(values, names=None, name="score", **coords):
    values = np.asarray(values)
    names = [f"{i:03d}.jpg" for i in range(len(values))] if names is None else names
    at = {"image": np.array(names, dtype=object)} | {key: ("image", value) for key, value in coords.items()}
    return xr.DataArray(values, dims="image", coords=at, name=name)


def scattered(n=60, seed=0, r=0.6):
    rng = np.random.default_rng(seed)
    score = rng.binomial(20, rng.beta(6, 3, n)) / 20
    prediction = np.maximum(0.45 + r * (score - 0.6) + 0.1 * rng.standard_normal(n), 0.41)
    return named(prediction, name="prediction"), named(score, name="hit_rate")


def value(result, metric, part="estimate"):
    return float(result[part].sel(metric=metric))


# --- agreement ------------------------------------------------------------------------------------------------------


def test_metrics_by_hand():
    prediction, score = named([0.5, 0.5, 0.7, 0.9]), named([0.6, 0.4, 0.9, 0.9])
    result = E.evaluate(prediction, score, n_bootstraps=0)
    # errors −.1, .1, −.2, 0
    assert value(result, "mse") == pytest.approx(0.06 / 4)
    assert value(result, "rmse") == pytest.approx(np.sqrt(0.015))
    assert value(result, "mae") == pytest.approx(0.1)
    assert value(result, "bias") == pytest.approx(-0.05)
    assert value(result, "error_q50") == pytest.approx(0.1)
    assert value(result, "error_q75") == pytest.approx(0.125)
    # below √.015 = .122: three of four
    assert value(result, "share_below_rmse") == 0.75
    # mid-ranks 1.5, 1.5, 3, 4 and 2, 1, 3.5, 3.5
    assert value(result, "spearman") == pytest.approx(np.corrcoef([1.5, 1.5, 3, 4], [2, 1, 3.5, 3.5])[0, 1])
    assert value(result, "r2") == pytest.approx(1 - 0.06 / 0.18)
    assert (result["n"].values == 4).all()
    assert result["ci_low"].isnull().sum() == result.sizes["metric"] - 2  # the shares at the floor have Wilson's


def test_metrics_agree_with_scipy_and_sklearn():
    from sklearn import metrics

    prediction, score = scattered()
    p, y = prediction.values, score.values
    result = E.evaluate(prediction, score, n_bootstraps=0)
    assert value(result, "spearman") == pytest.approx(stats.spearmanr(p, y).statistic)
    assert value(result, "pearson") == pytest.approx(stats.pearsonr(p, y).statistic)
    assert value(result, "r2") == pytest.approx(metrics.r2_score(y, p))
    assert value(result, "mae") == pytest.approx(metrics.mean_absolute_error(y, p))
    assert value(result, "mse") == pytest.approx(metrics.mean_squared_error(y, p))
    for share in (25, 50, 75, 90, 95):
        assert value(result, f"error_q{share}") == pytest.approx(np.quantile(np.abs(p - y), share / 100))


@settings(max_examples=30)
@given(st.integers(4, 15), st.integers(0, 1_000), st.booleans())
def test_a_count_of_images_is_the_sample_written_out(n, seed, ties):
    rng = np.random.default_rng(seed)
    p, y = rng.random((2, n)).round(1 if ties else 12)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=3)
    for name, measure in measures.MEASURES.items():
        found = measure.compute(p, y, counts)
        for row, one in zip(counts, found, strict=True):
            drawn = np.repeat(np.arange(n), row)
            whole = measure.compute(p[drawn], y[drawn], np.ones((1, n), dtype=int))[0]
            np.testing.assert_allclose(one, whole, rtol=1e-9, atol=1e-12, err_msg=name)
            if name.startswith("error_q"):
                share = int(name.removeprefix("error_q")) / 100
                assert one == pytest.approx(np.quantile(np.abs(p - y)[drawn], share))


@pytest.mark.parametrize("off", [0.1, 0.3, 1 / 3, -0.07])
def test_no_image_is_below_the_rmse_where_all_are_off_by_the_same(off):
    score = named(np.linspace(0.2, 0.9, 12))
    assert value(E.evaluate(score + off, score, n_bootstraps=0), "share_below_rmse") == 0


def test_the_accelerated_interval_agrees_with_scipy():
    rng = np.random.default_rng(3)
    error = rng.exponential(size=80)

    def mse(x, axis=-1):
        return np.mean(x**2, axis=axis)

    theirs = stats.bootstrap((error,), mse, n_resamples=40_000, method="BCa", rng=np.random.default_rng(0))
    counts = rng.multinomial(80, np.full(80, 1 / 80), size=40_000)
    left_out = np.array([mse(np.delete(error, i)) for i in range(80)])
    low, high = intervals.accelerated(mse(error), counts @ error**2 / 80, left_out)
    spread = np.std(theirs.bootstrap_distribution)
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.05 * spread)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.1 * spread)
    plain = np.quantile(theirs.bootstrap_distribution, 0.975)
    assert high > plain + 0.2 * spread  # and is not the percentile interval


def test_wilson_and_cluster_intervals_agree_with_scipy():
    theirs = stats.binomtest(3, 40).proportion_ci(method="wilson")
    assert [float(x) for x in wilson(3, 40)] == pytest.approx([theirs.low, theirs.high])
    values = np.random.default_rng(0).normal(size=12)
    alone = stats.ttest_1samp(values, 0).confidence_interval()
    assert intervals.clustered_mean(values, np.arange(12))[1:] == pytest.approx([alone.low, alone.high])
    # clusters of equal images are as many images
    twice = intervals.clustered_mean(np.repeat(values, 2), np.repeat(np.arange(12), 2))
    assert twice[1:] == pytest.approx([alone.low, alone.high])


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_the_interval_of_a_quantile_lies_within_one_rank_of_scipys(share):
    values = np.random.default_rng(1).exponential(size=150)
    theirs = stats.quantile_test(values, p=share).confidence_interval(0.95)
    ascending = np.sort(values)
    low, high = intervals.order_quantile(values, share)
    first, last = np.searchsorted(ascending, [theirs.low, theirs.high])
    # scipy takes the ranks that cover at least 95 %; interpolation goes less than one rank inwards
    assert ascending[first] <= low < ascending[first + 1]
    assert ascending[last - 1] < high <= ascending[last]


def test_the_interval_of_a_median_by_hand():
    # ranks 2 and 9 of ten miss the median with probability 11/1024 on each side, ranks 3 and 8 with 56/1024
    inside = (0.025 - 11 / 1024) / (45 / 1024)
    weight = 8 * inside / (2 + 6 * inside)  # Hettmansperger and Sheather (1986), d = 2
    found = intervals.order_quantile(np.arange(1.0, 11.0), 0.5)
    assert found == pytest.approx((2 + weight, 9 - weight))
    low, high = intervals.order_quantile(np.arange(20.0), 0.95)
    assert np.isnan(high)
    assert low < 19


def test_the_interval_of_the_share_below_the_rmse_is_that_of_a_large_bootstrap():
    error = np.random.default_rng(4).gamma(2.0, size=3_000)
    low, high = intervals.share_below_root_mean_square(error, np.arange(3_000))
    counts = np.random.default_rng(5).multinomial(3_000, np.full(3_000, 1 / 3_000), size=1_000)
    share = measures.below_rmse(error, np.zeros(3_000), counts)
    assert (high - low) / 2 == pytest.approx(1.96 * share.std(), rel=0.12)
    assert (high + low) / 2 == pytest.approx(float((error < np.sqrt((error**2).mean())).mean()), abs=1e-9)
    assert np.isnan(intervals.share_below_root_mean_square(np.ones(5), np.arange(5))).all()


@settings(max_examples=10)
@given(st.permutations(range(20)), st.integers(0, 50))
def test_nothing_depends_on_the_order_of_images(order, seed):
    prediction, score = scattered(20, seed)
    calls = (
        lambda p, y: E.evaluate(p, y, n_bootstraps=20, rng=1),
        lambda p, y: E.calibration_curve(p, y, n_bins=3, n_bootstraps=20, rng=1),
        lambda p, y: E.error_by_cutoff(p, y, n_bootstraps=20, rng=1),
        lambda p, y: E.compare({"a": p, "b": p**2}, y, n_bootstraps=20, rng=1),
        lambda p, y: E.score_distributions(p, y),
    )
    for call in calls:
        xr.testing.assert_identical(call(prediction, score), call(prediction.isel(image=list(order)), score))


def test_names_and_inputs_are_kept_and_results_survive_netcdf(tmp_path):
    prediction, score = scattered()
    before = prediction.copy(deep=True), score.copy(deep=True)
    results = {
        "a": E.evaluate(prediction, score, n_bootstraps=30, reliability={"split_half": 0.7}, rng=5),
        "b": E.calibration_curve(prediction, score, n_bootstraps=30, rng=5),
        "c": E.error_by_cutoff(prediction, score, n_bootstraps=30, rng=5),
        "d": E.score_distributions(prediction, score),
        "e": E.compare({"one": prediction, "two": score}, score, n_bootstraps=30, rng=5),
        "f": E.by_category(prediction, score, named(["x", "y"] * 30), n_bootstraps=30, rng=5),
    }
    for mine, kept in zip((prediction, score), before, strict=True):
        xr.testing.assert_identical(mine, kept)
    for name, result in results.items():
        result.to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
        with xr.open_dataset(tmp_path / f"{name}.nc", engine="h5netcdf") as back:
            xr.testing.assert_equal(back.load(), result)
        assert result.attrs["scores"] == "hit_rate"
        if name != "d":
            assert result.attrs["seed"] == "5"
            assert result.attrs["n_bootstraps"] == 30
    assert results["a"].sel(metric="mse")["unit"].item() == "score²"
    assert results["a"].sel(metric="error_q90")["interval"].item() == "order statistics"
    assert results["a"].attrs["predictions"] == "prediction"
    assert list(results["f"]["category"].values) == ["x", "y"]


def test_series_are_taken_too():
    prediction, score = scattered()
    frame = pd.DataFrame({"p": prediction.values, "y": score.values}, index=prediction["image"].values)
    xr.testing.assert_equal(
        E.evaluate(frame["p"], frame["y"], n_bootstraps=9), E.evaluate(prediction, score, n_bootstraps=9)
    )


def test_correlations_are_related_to_reliability_and_errors_are_not_divided():
    prediction, score = scattered()
    result = E.evaluate(prediction, score, reliability={"split_half": 0.6}, n_bootstraps=50)
    full = 2 * 0.6 / 1.6
    for part in ("estimate", "ci_low", "ci_high"):
        for name in ("spearman", "pearson"):
            assert value(result, f"{name}_relative", part) == pytest.approx(value(result, name, part) / np.sqrt(full))
        assert value(result, "r2_relative", part) == pytest.approx(value(result, "r2", part) / full)
    assert value(result, "mse_floor") == pytest.approx((1 - full) * score.values.var())
    assert result.attrs["reliability"] == pytest.approx(full)
    with pytest.raises(ArgumentError, match="reliability must hold one named number"):
        E.evaluate(prediction, score, reliability={"ceiling": 0.6})


def halved(n=40, n_splits=3, seed=1):
    """Predictions, scores, and scores of both halves in some splits, whose mean is the score."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.7, 0.1, n)
    people = truth[:, None] + rng.normal(0, 0.3, (n, 8))
    orders = [rng.permutation(8) for _ in range(n_splits)]
    halves = np.stack([[people[:, order[:4]].mean(axis=1), people[:, order[4:]].mean(axis=1)] for order in orders])
    names = [f"{i:03d}.jpg" for i in range(n)]
    both = xr.DataArray(halves, dims=["split", "half", "image"], coords={"image": names}, name="hit_rate")
    return named(truth + rng.normal(0, 0.05, n), names), named(people.mean(axis=1), names), both


def test_halves_give_the_reliability_by_hand():
    prediction, score, halves = halved()
    result = E.evaluate(prediction, score, reliability=halves, n_bootstraps=0)
    for name, correlate in {"spearman": stats.spearmanr, "pearson": stats.pearsonr}.items():
        r = np.mean([correlate(*split).statistic for split in halves.values])
        full = 2 * r / (1 + r)
        assert value(result, f"reliability_{name}") == pytest.approx(full)
        assert value(result, f"{name}_relative") == pytest.approx(value(result, name) / np.sqrt(full))
    assert value(result, "r2_relative") == pytest.approx(value(result, "r2") / full)
    assert value(result, "mse_floor") == pytest.approx((1 - full) * score.values.var())
    assert result.attrs["n_splits"] == 3
    shuffled = halves.isel(image=slice(None, None, -1)).transpose("image", "half", "split")
    again = E.evaluate(prediction, score, reliability=shuffled, n_bootstraps=0)
    xr.testing.assert_allclose(again, result)
    one = E.evaluate(prediction, score, reliability=halves.isel(split=0), n_bootstraps=0)
    assert one.attrs["n_splits"] == 1


def test_halves_of_several_measures_are_those_of_the_score_and_images_that_could_not_be_read_are_left_out():
    prediction, score, halves = halved()
    result = E.evaluate(prediction, score, reliability=halves, n_bootstraps=0)
    several = xr.Dataset({"d_prime": -halves, "hit_rate": halves})
    xr.testing.assert_identical(
        E.evaluate(prediction, score.rename("hit_rate"), reliability=several, n_bootstraps=0),
        result.assign_attrs(scores="hit_rate"),
    )
    status = np.where(np.arange(40) == 7, "unreadable", "ok")
    predicted = xr.Dataset({"memorability": prediction, "status": ("image", status)})
    kept = [k for k in range(40) if k != 7]
    wanted = E.evaluate(prediction[kept], score[kept], reliability=halves.isel(image=kept), n_bootstraps=0)
    for known in (halves, several, halves.to_dataset()):
        found = E.evaluate(predicted, score.rename("hit_rate"), reliability=known, n_bootstraps=0)
        xr.testing.assert_equal(found, wanted)
    with pytest.raises(ArgumentError, match=r"called as the score 'score'; got measures 2: 'd_prime', 'hit_rate'"):
        E.evaluate(prediction, score.rename("score"), reliability=several, n_bootstraps=0)


def test_images_and_halves_are_drawn_together():
    prediction, score, halves = halved()
    rows = measures_of(halves.values)
    counts = np.random.default_rng(0).multinomial(40, np.full(40, 1 / 40), size=4)
    for k, count in enumerate(counts):
        there = np.repeat(np.arange(40), count)
        p, y, h = prediction.values[there], score.values[there], halves.values[..., there]
        r = np.mean([stats.pearsonr(*split).statistic for split in h])
        full = 2 * r / (1 + r)
        found = {name: one.compute(prediction.values, score.values, counts)[k] for name, one in rows.items()}
        assert found["reliability_pearson"] == pytest.approx(full)
        assert found["pearson_relative"] == pytest.approx(stats.pearsonr(p, y).statistic / np.sqrt(full))
        assert found["mse_floor"] == pytest.approx((1 - full) * y.var())
    fixed = E.evaluate(prediction, score, reliability={"spearman_brown": 0.6}, n_bootstraps=200)
    drawn = E.evaluate(prediction, score, reliability=halves, n_bootstraps=200)
    for name in ("reliability_spearman", "spearman_relative"):
        assert value(drawn, name, "ci_low") < value(drawn, name) < value(drawn, name, "ci_high")
        assert drawn["interval"].sel(metric=name).item() == "BCa bootstrap"
    assert (
        drawn["interval"].sel(metric="mse_floor").item() == fixed["interval"].sel(metric="mse_floor").item() == "none"
    )
    assert np.isnan(value(drawn, "mse_floor", "ci_low"))
    assert "reliability_spearman" not in fixed["metric"].values


def test_halves_that_do_not_agree_allow_nothing():
    prediction, score, halves = halved()
    against = halves.copy(data=np.stack([halves.values[:, 0], -halves.values[:, 0]], axis=1))
    result = E.evaluate(prediction, score, reliability=against, n_bootstraps=20)
    for name in ("reliability_spearman", "spearman_relative", "mse_floor"):
        assert np.isnan([value(result, name, part) for part in ("estimate", "ci_low", "ci_high")]).all()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda h: h.isel(half=[0]), ArgumentError, r"reliability must have dims image, half \(2\) and split; got"),
        (lambda h: h.rename(half="part"), ArgumentError, "reliability must have dims image, half"),
        (lambda h: h[..., 1:], ArgumentError, "reliability and predictions must hold the same images"),
        (
            lambda h: h.where(h > h.min()),
            ArgumentError,
            "reliability must be finite for every image.*Drop images",
        ),
        (
            lambda h: h.values,
            KindError,
            r"reliability must be a named number or halves; got ndarray. Pass",
        ),
    ],
)
def test_what_are_no_halves_is_refused(change, error, match):
    prediction, score, halves = halved()
    with pytest.raises(error, match=match):
        E.evaluate(prediction, score, reliability=change(halves), n_bootstraps=0)


def test_the_floor_is_declared_or_found_among_near_ties():
    pile = [0.4127, 0.4128, 0.4131, 0.4140, 0.4145]
    prediction = named([*pile, *np.linspace(0.45, 0.95, 45)])
    score = named(np.linspace(0.3, 1, 50))
    found = E.evaluate(prediction, score, n_bootstraps=0)
    assert value(found, "minimum") == 0.4127
    assert value(found, "score_minimum") == pytest.approx(0.3)
    assert value(found, "floor") == pytest.approx(0.4127 + 0.01 * (0.95 - 0.4127))
    assert value(found, "share_at_floor") == 0.1
    assert "near ties" in found.attrs["floor_rule"]
    low, high = wilson(5, 50)
    assert (value(found, "share_at_floor", "ci_low"), value(found, "share_at_floor", "ci_high")) == (low, high)
    declared = E.evaluate(prediction.assign_attrs(floor=0.46), score, n_bootstraps=0)
    assert value(declared, "floor") == 0.46
    assert value(declared, "share_at_floor") == 0.12
    assert (value(declared, "floor_found"), value(declared, "share_at_floor_found")) == (value(found, "floor"), 0.1)
    assert declared.attrs["floor_rule"] == "declared by the predictor"


def test_images_that_could_not_be_read_are_left_out_and_counted():
    prediction, score = scattered(10)
    status = np.array(["ok"] * 9 + ["truncated"], dtype=object)
    memory = xr.Dataset(
        {"memorability": prediction.where(status == "ok"), "status": ("image", status)}, attrs={"floor": 0.42}
    )
    result = E.evaluate(memory, score, n_bootstraps=0)
    assert (result.attrs["n_left_out"], int(result["n"][0])) == (1, 9)
    alone = E.evaluate(prediction[:9].assign_attrs(floor=0.42), score[:9], n_bootstraps=0)
    np.testing.assert_array_equal(result["estimate"], alone["estimate"])
    assert E.by_category(memory, score, named(["a"] * 10), n_bootstraps=0)["n"].values.tolist() == [9]
    with pytest.raises(ArgumentError, match="hold the same images; got only in scores 1: '009.jpg'"):
        E.evaluate(memory.isel(image=slice(0, 9)), score)


def test_a_predictor_that_never_varies_has_an_error_and_no_correlation():
    _, score = scattered()
    result = E.evaluate(named(np.full(60, 0.7)), score, n_bootstraps=50)
    for name in ("spearman", "pearson"):
        assert np.isnan([value(result, name, part) for part in ("estimate", "ci_low", "ci_high")]).all()
    assert value(result, "mae") == pytest.approx(np.abs(0.7 - score.values).mean())
    assert value(result, "mae", "ci_low") < value(result, "mae") < value(result, "mae", "ci_high")


def test_groups_are_drawn_as_the_user_says():
    prediction, score = scattered(40)
    score = score + np.repeat(np.random.default_rng(1).normal(0, 0.2, 8), 5)
    group = named(np.repeat(list("abcdefgh"), 5))
    wide, narrow = (
        E.evaluate(prediction, score, blocks=group, permute=scheme, n_bootstraps=400) for scheme in ("whole", "within")
    )
    spread = [float(one["ci_high"].sel(metric="bias") - one["ci_low"].sel(metric="bias")) for one in (wide, narrow)]
    assert spread[0] > 1.5 * spread[1]
    assert "whole groups" in wide.attrs["resampling"]
    assert wide["interval"].sel(metric="share_at_floor").item() == "percentile bootstrap"
    with pytest.raises(ArgumentError, match="permute must be named when blocks are given"):
        E.evaluate(prediction, score, blocks=group)
    with pytest.raises(ArgumentError, match="blocks must name at least two groups"):
        E.evaluate(prediction, score, blocks=named(["a"] * 40), permute="whole")
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'alternative'"):
        E.evaluate(prediction, score, alternative="greater")


def test_many_images_are_drawn_in_blocks(monkeypatch):
    prediction, score = scattered(50)
    whole = E.evaluate(prediction, score, n_bootstraps=40)
    monkeypatch.setattr("memfeat.evaluation.pairing.BLOCK", 350)
    xr.testing.assert_allclose(E.evaluate(prediction, score, n_bootstraps=40), whole)
    monkeypatch.setattr("memfeat.evaluation.pairing.LEFT_OUT", 10)
    grouped = E.evaluate(prediction, score, n_bootstraps=40)
    assert np.abs(grouped["ci_low"] - whole["ci_low"]).max() < 0.1


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda p, y: (p, y.isel(image=slice(1, None))), ArgumentError, "only in predictions 1: '000.jpg'"),
        (lambda p, y: (p.where(p > p.min()), y), ArgumentError, "predictions must be finite for every image"),
        (lambda p, y: (p[:2], y[:2]), ArgumentError, "predictions must have at least three images; got 2"),
        (lambda p, y: (p.values, y), KindError, "predictions must be a DataArray or Series"),
        (lambda p, y: (p.to_dataset(), y), ArgumentError, "predictions must hold memorability; got 1: 'prediction'"),
    ],
)
def test_what_cannot_be_paired_is_refused(change, error, match):
    with pytest.raises(error, match=match):
        E.evaluate(*change(*scattered()))


# --- by category ----------------------------------------------------------------------------------------------------


def test_each_category_is_judged_by_itself():
    prediction, score = scattered(30)
    category = named(np.array(["sea"] * 14 + ["city"] * 14 + ["forest"] * 2, dtype=object), name="place")
    result = E.by_category(prediction, score, category, n_bootstraps=50)
    assert list(result["category"].values) == ["city", "forest", "sea"]
    assert result["n"].values.tolist() == [14, 2, 14]
    alone = E.evaluate(prediction[:14], score[:14], n_bootstraps=0)
    mine = result["estimate"].sel(category="sea")
    np.testing.assert_allclose(mine, alone["estimate"].sel(metric=mine["metric"].values))
    assert result["estimate"].sel(category="forest").isnull().all()
    assert result["ci_low"].sel(category=["city", "sea"]).notnull().all()
    assert result.attrs["categories"] == "place"
    shuffled = E.by_category(prediction, score, category.isel(image=slice(None, None, -1)), n_bootstraps=50)
    xr.testing.assert_identical(result, shuffled)
    numbers = E.by_category(prediction, score, named([10] * 15 + [9] * 15), n_bootstraps=0)
    assert list(numbers["category"].values) == ["9", "10"]
    with pytest.raises(ArgumentError, match="categories must have a label for every image"):
        E.by_category(prediction, score, named(np.array(["a"] * 29 + [None], dtype=object)))


def test_a_category_that_is_one_group_has_no_interval_over_groups():
    prediction, score = scattered(30)
    category = named(["a"] * 10 + ["b"] * 20)
    group = named(["1"] * 10 + ["2"] * 10 + ["3"] * 10)
    result = E.by_category(prediction, score, category, blocks=group, permute="whole", n_bootstraps=30)
    assert result["ci_low"].sel(category="a").isnull().all()
    assert result["ci_low"].sel(category="b", metric="mae").notnull()


# --- calibration, cut-offs, distributions ---------------------------------------------------------------------------


def test_the_calibration_curve_agrees_with_pandas_and_sklearn():
    prediction, score = scattered(50)
    result = E.calibration_curve(prediction, score, n_bins=5, n_bootstraps=200)
    line = LinearRegression().fit(prediction.values[:, None], score.values)
    assert result["coefficient_estimate"].values == pytest.approx([line.intercept_, line.coef_[0]])
    low, high = result["coefficient_ci_low"].values, result["coefficient_ci_high"].values
    assert (low < result["coefficient_estimate"].values).all()
    assert (high > result["coefficient_estimate"].values).all()
    untied = named(np.random.default_rng(0).permutation(50) / 50)
    theirs = pd.Series(score.values).groupby(pd.qcut(untied.values, 5, labels=False)).agg(["mean", "sem", "size"])
    mine = E.calibration_curve(untied, score, n_bins=5, n_bootstraps=0)
    np.testing.assert_allclose(mine["estimate"], theirs["mean"])
    np.testing.assert_array_equal(mine["n"], theirs["size"])
    half = stats.t.ppf(0.975, theirs["size"] - 1) * theirs["sem"]
    np.testing.assert_allclose(mine["ci_high"] - mine["estimate"], half)


def test_equal_predictions_share_a_bin():
    _, score = scattered(40)
    result = E.calibration_curve(named([0.42] * 25 + [0.6] * 15), score, n_bins=10, n_bootstraps=20)
    assert result["n"].values.tolist() == [25, 15]
    assert result["prediction"].values.tolist() == pytest.approx([0.42, 0.6])
    flat = E.calibration_curve(named([0.42] * 40), score, n_bootstraps=20)
    assert flat["n"].values.tolist() == [40]
    assert flat["coefficient_estimate"].isnull().all()


@settings(max_examples=20)
@given(st.integers(0, 1_000))
def test_what_a_cut_leaves_is_the_error_of_the_images_left(seed):
    prediction, score = scattered(30, seed)
    cutoffs = [0.0, 0.411, 0.5, 0.9]
    result = E.error_by_cutoff(prediction, score, cutoffs=cutoffs, n_bootstraps=0)
    p, y = prediction.values, score.values
    for cut, values in {"predicted": p, "measured": y}.items():
        for removed, cutoff in itertools.product(("below", "above"), cutoffs):
            kept = values >= cutoff if removed == "below" else values <= cutoff
            here = result.sel(cut=cut, removed=removed, cutoff=cutoff)
            assert here["n"] == kept.sum()
            assert float(here["share_removed"]) == pytest.approx(1 - kept.mean())
            error = (p - y)[kept]
            wanted = (
                [(error**2).mean(), np.sqrt((error**2).mean()), np.abs(error).mean()] if kept.any() else [np.nan] * 3
            )
            np.testing.assert_allclose(here["estimate"].sel(metric=["mse", "rmse", "mae"]), wanted)


def test_a_cut_that_removes_nothing_gives_the_error_of_all_with_its_interval():
    prediction, score = scattered(80)
    cut = E.error_by_cutoff(prediction, score, n_bootstraps=300).sel(cut="predicted", removed="below")
    everything = E.evaluate(prediction, score, n_bootstraps=0)
    assert value(cut.sel(cutoff=0), "mae") == pytest.approx(value(everything, "mae"))
    assert {0.411, 0.5} <= set(cut["cutoff"].values)
    known = cut["estimate"].notnull()
    assert (cut["ci_low"] <= cut["estimate"]).where(known, True).all()
    for wrong, error in (([], ArgumentError), ([np.nan], ArgumentError), (["a"], KindError), (0.5, KindError)):
        with pytest.raises(error, match="cutoffs must be"):
            E.error_by_cutoff(prediction, score, cutoffs=wrong)


def test_both_distributions_are_counted_in_the_same_bins():
    prediction, score = scattered(50)
    result = E.score_distributions(prediction, score, n_bins=8)
    edges = np.append(result["low"].values, result["high"].values[-1])
    for column, values in {"predicted": prediction, "measured": score}.items():
        here = result.sel(column=column)
        np.testing.assert_allclose(here["estimate"], np.histogram(values, edges)[0] / 50)
        assert float(here["estimate"].sum()) == pytest.approx(1)
        np.testing.assert_allclose(here["quantile_value"], np.quantile(values, result["quantile"].values))
        assert here["statistic_value"].values == pytest.approx([values.values.mean(), values.values.std(ddof=1)])
    assert result.attrs["sd_ratio"] == pytest.approx(float(prediction.std() / score.std()))
    assert E.score_distributions(named([0.5] * 4), named([0.5] * 4))["estimate"].sum() == pytest.approx(2)


# --- comparison -----------------------------------------------------------------------------------------------------


def test_predictors_are_compared_in_the_same_samples():
    prediction, score = scattered(50)
    other = prediction + named(0.05 * np.random.default_rng(2).standard_normal(50))
    result = E.compare({"a": prediction, "b": other, "c": 1 - prediction}, score, n_bootstraps=500)
    assert list(result["first"].values) == ["a", "a", "b"]
    assert list(result["second"].values) == ["b", "c", "c"]
    for name, one in {"a": prediction, "b": other, "c": 1 - prediction}.items():
        alone = E.evaluate(one, score, n_bootstraps=0)
        for side in ("first", "second"):
            here = result[f"{side}_estimate"].isel(contrast=np.flatnonzero(result[side].values == name))
            for row in here:
                np.testing.assert_allclose(row, alone["estimate"].sel(metric=row["metric"].values))
    np.testing.assert_allclose(result["estimate"], result["first_estimate"] - result["second_estimate"])
    outside = (result["ci_low"] > 0) | (result["ci_high"] < 0)
    np.testing.assert_array_equal(outside, result["p"] < 0.05)
    # a predictor and its shifted copy have errors that differ by a known amount in every sample
    shifted = E.compare({"a": prediction, "b": prediction + 0.1}, score, n_bootstraps=50).sel(metric="bias")
    for part in ("estimate", "ci_low", "ci_high"):
        assert float(shifted[part].item()) == pytest.approx(-0.1)


def test_a_predictor_does_not_differ_from_itself():
    prediction, score = scattered()
    result = E.compare({"a": prediction, "b": prediction}, score, n_bootstraps=100)
    assert (result["estimate"] == 0).all()
    assert (result["p"] == 1).all()


def test_holm_agrees_with_a_table_by_hand():
    from memfeat.stats import holm

    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])


def test_formulas_agree_with_a_published_example():
    """Zou (2007), correlations that share a variable: r₁ = .396, r₂ = .179, r₁₂ = .088, n = 66."""
    from memfeat.evaluation.contrast import _Correlated, _steiger, _zou

    low, high = _zou(_Correlated(0.396, 0.179, 0.088, 66))
    assert (low, high) == pytest.approx((-0.093, 0.517), abs=0.0015)
    # equal correlations are no difference; independent ones are Fisher's test of two samples
    assert _steiger(_Correlated(0.3, 0.3, 0.5, 80)) == pytest.approx(1)
    assert np.isnan(
        E.compare(dict(zip("ab", [scattered()[0]] * 2, strict=True)), named(np.full(60, 0.5)), n_bootstraps=0)[
            "steiger_p"
        ]
    ).all()


def test_formulas_are_not_given_where_groups_are_drawn():
    prediction, score = scattered(40)
    group = named(np.repeat(list("abcdefgh"), 5))
    result = E.compare({"a": prediction, "b": prediction**2}, score, n_bootstraps=30, blocks=group, permute="whole")
    assert result["zou_low"].isnull().all()
    free = E.compare({"a": prediction, "b": prediction**2}, score, n_bootstraps=0)
    assert free["zou_low"].sel(metric=["spearman", "pearson"]).notnull().all()
    assert free["zou_low"].sel(metric=["mae", "mse"]).isnull().all()
    assert free["p"].isnull().all()


def test_predictors_come_as_a_mapping_a_dataset_or_a_frame():
    prediction, score = scattered(20)
    both = {"a": prediction, "b": prediction**2}
    wanted = E.compare(both, score, n_bootstraps=10)
    xr.testing.assert_equal(E.compare(xr.Dataset(both), score, n_bootstraps=10), wanted)
    xr.testing.assert_equal(E.compare(xr.Dataset(both).to_dataframe(), score, n_bootstraps=10), wanted)
    with pytest.raises(ArgumentError, match="predictions must hold at least two predictors; got 1: 'a'"):
        E.compare({"a": prediction}, score)
    with pytest.raises(KindError, match="predictions must be several named columns; got list"):
        E.compare([prediction, prediction], score)
    with pytest.raises(ArgumentError, match=r"predictions\['b'\] and scores|scores and predictions\['b'\]"):
        E.compare({"a": prediction, "b": prediction[:9]}, score)


# --- training data --------------------------------------------------------------------------------------------------

MEMCAT = ["animal/bear/000000003481.jpg", "food/pie/n07614500_12.jpg", "landscape/sea/sun_bzmowxxstqyyqvns.jpg"]


@pytest.mark.parametrize(
    ("names", "coords", "evidence"),
    [
        (MEMCAT, {}, "layout of MemCat"),
        (["x/MemCat_images/1.jpg", "MEMCAT/2.jpg", "a/memcat/b/3.jpg"], {}, "folder of MemCat"),
        (["1.jpg", "2.jpg", "3.jpg"], {"path": [f"/data/lamem/images/{i}.jpg" for i in range(3)]}, "folder of LaMem"),
    ],
)
def test_training_images_are_recognised_by_where_they_lie(names, coords, evidence):
    prediction = named([0.5, 0.6, 0.8], names, **coords).assign_attrs(model="resmem")
    score = named([0.4, 0.7, 0.8], names)
    with pytest.warns(MemfeatWarning, match=r"3 of 3 images are training data of the predictor.*no held-out accuracy"):
        result = E.evaluate(prediction, score, n_bootstraps=0)
    assert result.attrs["n_in_training"] == 3
    assert result.attrs["held_out"].startswith("no: 3 of 3")
    assert result.attrs["trained_on"] == ["LaMem", "MemCat"]
    assert E.training_overlap(prediction)["evidence"].values.tolist() == [evidence] * 3


def test_a_user_who_names_the_data_set_is_told_in_the_result_alone():
    prediction, score = scattered()
    told = E.evaluate(prediction.assign_attrs(model="resmem"), score, dataset="MemCat", n_bootstraps=0)
    assert told.attrs["held_out"] == "no: 60 of 60 images are training data of the predictor (declared: 60)"
    own = E.evaluate(prediction.assign_attrs(model="resmem"), score, dataset="lnsim", n_bootstraps=0)
    assert own.attrs["n_in_training"] == 0
    assert "proves nothing" in own.attrs["held_out"]
    unknown = E.evaluate(prediction, score, dataset="memcat", n_bootstraps=0)
    assert unknown.attrs["held_out"].startswith("not known")


def test_other_predictors_and_heads_of_ones_own_are_not_accused():
    names = [f"memcat/{i}.jpg" for i in range(3)]
    images = named([0.5, 0.6, 0.8], names)
    assert E.training_overlap(images.assign_attrs(model="vitmem")).attrs["n_in_training"] == 0
    assert E.training_overlap(images.assign_attrs(model="resmem-frozen", head="ridge")).attrs["n_in_training"] == 0
    assert E.training_overlap(images.assign_attrs(model="resmem-frozen")).attrs["n_in_training"] == 3
    assert E.training_overlap(images, trained_on="memcat").attrs["n_in_training"] == 3


def test_memcats_score_columns_tell_too():
    prediction, score = scattered(10)
    score.name = "memorability_wo_fa_correction"
    with pytest.warns(MemfeatWarning, match="score column of MemCat"):
        E.evaluate(prediction.assign_attrs(model="resmem"), score, n_bootstraps=0)


def test_training_images_are_known_by_content_and_by_file_name():
    images = named([1.0, 2.0, 3.0], ["new/a.jpg", "b.jpg", "c.jpg"], sha256=["11", "22", "33"])
    table = xr.Dataset(coords={"image": ["old/z.jpg", "c.jpg"], "sha256": ("image", ["11", ""])})
    found = E.training_overlap(images, trained_on=table)
    assert found["evidence"].values.tolist() == ["same file (sha256)", "", "same file name"]
    assert found["in_training"].values.tolist() == [True, False, True]
    assert E.training_overlap(images, trained_on=["x/a.jpg"])["evidence"].values.tolist() == ["same file name", "", ""]
    with pytest.raises(KindError, match="trained_on must be names or an image table; got int"):
        E.training_overlap(images, trained_on=3)


def test_a_table_of_training_images_may_be_a_frame_or_a_file(tmp_path):
    images = named([1.0, 2.0, 3.0], ["new/a.jpg", "b.jpg", "c.jpg"], sha256=["1a", "2b", "3c"])
    split = pd.DataFrame({"image": ["old/z.jpg", "c.jpg"], "sha256": ["1a", None], "part": ["train", "train"]})
    split.to_csv(tmp_path / "split.csv", index=False)
    for given_ in (split, tmp_path / "split.csv", str(tmp_path / "split.csv"), [tmp_path / "split.csv", "memcat"]):
        found = E.training_overlap(images, trained_on=given_)
        assert found["evidence"].values.tolist() == ["same file (sha256)", "", "same file name"]
    with pytest.warns(MemfeatWarning, match=r"2 of 3 images are training data.*Leave out those that mf.evaluation"):
        E.evaluate(images, images + 0.1, trained_on=split, n_bootstraps=0)
    with pytest.raises(MissingFileError, match="trained_on must be a file that exists"):
        E.training_overlap(images, trained_on=str(tmp_path / "gone.csv"))


def test_every_part_of_an_evaluation_says_when_images_are_training_data():
    prediction, score = scattered(12)
    names = [f"memcat/{name}" for name in prediction["image"].values]
    prediction, score = (one.assign_coords(image=names) for one in (prediction, score))
    known = prediction.assign_attrs(model="resmem")
    wanted = "no: 12 of 12 images are training data of the predictor (folder of MemCat: 12)"
    for name, make in MADE.items():
        assert make(known, score).attrs["held_out"] == wanted, name
        assert make(prediction, score).attrs["held_out"].startswith("not known"), name
    category = xr.DataArray(["a", "b"] * 6, dims="image", coords={"image": names})
    assert E.by_category(known, score, category, n_bootstraps=0).attrs["n_in_training"] == 12


def test_a_comparison_says_who_saw_the_images_in_training():
    prediction, score = scattered(12)
    names = [f"memcat/{name}" for name in prediction["image"].values]
    prediction, score = (one.assign_coords(image=names) for one in (prediction, score))
    both = {"resmem": prediction.assign_attrs(model="resmem"), "rating": 1 - prediction}
    with pytest.warns(MemfeatWarning, match="12 of 12 images are training data") as seen:
        told = E.compare(both, score, n_bootstraps=0)
    assert [warning.filename for warning in seen] == [__file__]
    said = json.loads(told.attrs["held_out"])
    assert said["resmem"].startswith("no: 12 of 12")
    assert said["rating"].startswith("not known")
    declared = E.compare(both, score, dataset="memcat", n_bootstraps=0)
    assert declared.attrs["dataset"] == "memcat"
    clean = E.compare(both, score, dataset="memcat", trained_on={"resmem": "lnsim"}, n_bootstraps=0)
    assert json.loads(clean.attrs["held_out"])["resmem"].startswith("none of the images")
    with pytest.raises(UnknownNameError, match="trained_on must be a known name; got 'vitmem'.*The predictors are"):
        E.compare(both, score, trained_on={"vitmem": "lamem"}, n_bootstraps=0)


# --- figures --------------------------------------------------------------------------------------------------------

MADE = {
    "calibration_curve": lambda p, y: E.calibration_curve(p, y, n_bins=5, n_bootstraps=30),
    "score_distributions": lambda p, y: E.score_distributions(p, y),
    "error_by_cutoff": lambda p, y: E.error_by_cutoff(p, y, n_bootstraps=30),
}


def drawn(ax):
    ax.figure.draw_without_rendering()
    return " ".join(
        text.get_text().replace("\n", " ") for text in ax.findobj(lambda artist: hasattr(artist, "get_text"))
    )


@pytest.mark.parametrize("name", MADE)
def test_a_figure_shows_its_result_and_writes_files(name, tmp_path):
    ax = plot.axes()
    result = MADE[name](*scattered())
    assert getattr(plot, name)(result, ax=ax) is ax
    assert "n = 60 images" in drawn(ax)
    assert all(file.stat().st_size for file in plot.save(ax, tmp_path / name))
    with pytest.raises(KindError, match=rf"Pass the whole result of mf.evaluation.{name}"):
        getattr(plot, name)(result["estimate"])
    other = MADE[next(one for one in MADE if one != name)](*scattered())
    with pytest.raises(ArgumentError, match="result must hold"):
        getattr(plot, name)(other)


def test_what_is_drawn_is_what_the_result_says():
    prediction, score = scattered()
    curve = MADE["calibration_curve"](prediction, score)
    ax = plot.calibration_curve(curve)
    points = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(points.get_xydata().T, [curve["prediction"], curve["estimate"]])
    assert f"slope {float(curve['coefficient_estimate'][1]):.2f} [" in drawn(ax)
    both = MADE["score_distributions"](prediction.assign_attrs(floor=0.42), score)
    ax = plot.score_distributions(both)
    widths = sorted(patch.get_width() for patch in ax.patches)
    np.testing.assert_allclose(
        widths,
        sorted([*-both["estimate"].sel(column="predicted").values, *both["estimate"].sel(column="measured").values]),
    )
    assert "dashed: floor 0.420" in drawn(ax)
    cut = MADE["error_by_cutoff"](prediction, score)
    ax = plot.error_by_cutoff(cut, cut="measured", removed="above")
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    one = cut.sel(metric="rmse", cut="measured", removed="above")
    telling = one.isel(cutoff=np.flatnonzero((one["n"] >= 10) & (one["share_removed"] > 0)))
    assert np.isin(telling["estimate"], lines["RMSE"]).all()
    assert one["estimate"].sel(cutoff=0.9).item() in np.concatenate([line.get_ydata() for line in ax.lines])
    assert "images measured > this are removed" in drawn(ax)
    with pytest.raises(ArgumentError, match="cut must be one of 'predicted', 'measured'"):
        plot.error_by_cutoff(cut, cut="both")


@pytest.mark.parametrize(("removed", "cutoffs", "low", "high"), [
    ("below", [0.5, 0.585, 0.62, 0.66, 0.9], 0.576, 0.669),  # .585 removes none, .9 all
    ("below", [0.0, 0.62, 0.66, 0.9], 0.604, 0.666),  # what removes none is far off, and drawn beside
    ("above", [0.1, 0.625, 0.67, 0.71, 0.9], 0.6148, 0.7202),
])  # fmt: skip
def test_cutoffs_are_drawn_from_the_one_that_removes_none(removed, cutoffs, low, high):
    prediction = named(np.linspace(0.6, 0.7, 41))
    cut = E.error_by_cutoff(prediction, prediction + 0.01 * np.arange(41), cutoffs=cutoffs, n_bootstraps=20)
    ax = plot.error_by_cutoff(cut, removed=removed)
    assert ax.get_xlim() == pytest.approx((low, high), abs=1e-6)
    errors = 0.01 * np.arange(41)
    points = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert len(points) == 2
    assert "open: all images" in drawn(ax)
    ys = [float(np.squeeze(line.get_ydata())) for line in points]
    assert ys == pytest.approx([np.sqrt(np.mean(errors**2)), errors.mean()])


def test_errors_of_few_images_are_not_drawn():
    prediction = named(np.linspace(0.6, 0.7, 41))
    cut = E.error_by_cutoff(prediction, prediction + 0.01, cutoffs=[0.6, 0.65, 0.69], n_bootstraps=20)
    ax = plot.error_by_cutoff(cut)
    assert next(line for line in ax.lines if line.get_label() == "RMSE").get_xdata().tolist() == [0.6, 0.65]
    assert "not drawn where fewer than 10 are left" in drawn(ax)
    assert "fewer than" not in drawn(plot.error_by_cutoff(cut.isel(cutoff=[0, 1])))


def test_endless_bars_of_a_calibration_curve_are_cut():
    prediction, score = scattered()
    curve = MADE["calibration_curve"](prediction, score)
    ax = plot.calibration_curve(curve)
    assert "are cut" not in drawn(ax)
    long = curve.assign(
        ci_low=curve["ci_low"].where(curve["bin"] > 0, -3), ci_high=curve["ci_high"].where(curve["bin"] > 0, 4)
    )
    ax = plot.calibration_curve(long)
    assert "bars that leave the figure are cut" in drawn(ax)
    low, high = ax.get_xlim()
    assert -0.05 < low < float(curve["estimate"].min()) < float(curve["estimate"].max()) < high < 1.05


def test_degenerate_results_are_drawn_without_a_warning():
    _, score = scattered()
    flat = named([0.5] * 60)
    for name, make in MADE.items():
        drawn(getattr(plot, name)(make(flat, score)))
        drawn(getattr(plot, name)(make(named([0.5] * 4), named([0.5] * 4))))


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def tables(tmp_path):
    prediction, score = scattered(30)
    names = list(prediction["image"].values)
    table = pd.DataFrame({"image": names, "memorability": prediction.values, "rating": 1 - prediction.values})
    table.loc[4, "memorability"] = np.nan
    table.to_csv(tmp_path / "predictions.csv", index=False)
    (tmp_path / "predictions.csv.json").write_text(json.dumps({"floor": 0.42, "model": "resmem"}))
    scores = pd.DataFrame({"image": names, "hit_rate": score.values, "place": ["sea", "city", "wood"] * 10})
    scores.sample(frac=1, random_state=0).to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path


def run(*arguments):
    runner = click.testing.CliRunner()
    if "mix_stderr" in click.testing.CliRunner.__init__.__code__.co_varnames:  # click before 8.2
        runner = click.testing.CliRunner(mix_stderr=False)
    return runner.invoke(main, ["evaluate", *map(str, arguments)])


def test_the_command_gives_what_the_functions_give(tables):
    out = tables / "evaluation.csv"
    base = [tables / "predictions.csv", "--scores", tables / "scores.csv", "--column", "hit_rate", "--bootstraps", 50]
    done = run(*base, "--category", "place", "--split-half", 0.7, "--figures", tables / "figures", "-o", out)
    assert done.exit_code == 0, done.stderr
    assert "Left out, without a prediction or a score or a category: 1: '004.jpg'" in done.stderr
    table = pd.read_csv(out)
    assert set(table["part"]) == {"agreement", "category", "calibration", "cutoff", "distribution"}
    prediction, score = scattered(30)
    kept = np.arange(30) != 4
    wanted = E.evaluate(
        prediction[kept].assign_attrs(floor=0.42), score[kept], n_bootstraps=50, reliability={"split_half": 0.7}
    )
    mine = table[table["part"] == "agreement"].set_index("metric")
    for part in ("estimate", "ci_low", "ci_high"):
        np.testing.assert_allclose(mine[part], wanted[part].sel(metric=mine.index.values), atol=1e-12)
    assert set(table[table["part"] == "category"]["category"]) == {"sea", "city", "wood"}
    assert json.loads((tables / "evaluation.csv.json").read_text())["floor_rule"] == "declared by the predictor"
    assert len(list((tables / "figures").iterdir())) == 6
    counts = ", ".join(f"{part} {n}" for part, n in table["part"].value_counts(sort=False).items())
    assert counts.startswith("agreement ")
    assert f"The table has one row for each number: {counts}.\n" in done.stderr
    new = "Were these images new to the predictor, memorability? None of the images was recognised as one that it was"
    assert new in done.stderr


def test_several_predictors_are_compared_and_a_netcdf_file_holds_all(tables):
    base = [tables / "predictions.csv", "--scores", tables / "scores.csv", "--column", "hit_rate", "--bootstraps", 30]
    both = [*base, "--predicted", "memorability", "--predicted", "rating"]
    done = run(*both, "-o", tables / "all.nc")
    assert done.exit_code == 0, done.stderr
    with xr.open_dataset(tables / "all.nc", engine="h5netcdf") as saved:
        assert saved.sizes["predictor"] == 2
        assert {"agreement_estimate", "cutoff_estimate", "contrast_p", "calibration_prediction"} <= set(saved)
    printed = run(*both, "-q")
    assert printed.stderr == "" or "Left out" in printed.stderr
    assert "contrast" in printed.stdout
    assert "cutoff" not in printed.stdout
    rows = json.loads(run(*both, "--json").stdout)["rows"]
    assert {row["part"] for row in rows} >= {"contrast", "cutoff"}


def halves_of_people(n=30, n_splits=2):
    """Scores of halves (split, half, image) around those of `scattered`."""
    _, score = scattered(n)
    values = score.values + 0.05 * np.random.default_rng(8).normal(size=(n_splits, 2, n))
    return xr.DataArray(values, {"image": score["image"].values}, ["split", "half", "image"])


def test_the_command_takes_halves_and_cutoffs_as_the_functions_do(tables):
    people = halves_of_people()
    columns = ["half_1", "half_2", "b_half_1", "b_half_2"]
    table = pd.DataFrame(people.values.reshape(4, -1).T, people["image"].values, columns).rename_axis("image")
    table.loc["007.jpg", "b_half_2"] = np.nan
    table.sample(frac=1, random_state=1).to_csv(tables / "halves.csv")
    base = [tables / "predictions.csv", "--scores", tables / "scores.csv", "--column", "hit_rate", "--bootstraps", 50]
    base += ["--halves", tables / "halves.csv", "--cutoffs", "0.5, 0,0.6", "-o", tables / "evaluation.csv"]
    prediction, score = scattered(30)
    named = [("half_1", "half_2"), ("b_half_1", "b_half_2")]
    for pairs, gone, n_splits in (([], [4], 1), (named, [4, 7], 2), ([named[0], ("*half_1", "*half_2")], [4, 7], 2)):
        done = run(*base, *(word for pair in pairs for word in ("--half", *pair)))
        assert done.exit_code == 0, done.stderr
        left = ", ".join(f"'{k:03}.jpg'" for k in gone)
        assert f"Left out, without a prediction or a score or scores of both halves: {len(gone)}: {left}" in done.stderr
        kept = [k for k in range(30) if k not in gone]
        known = people.isel(image=kept, split=slice(n_splits))
        wanted = E.evaluate(prediction[kept].assign_attrs(floor=0.42), score[kept], n_bootstraps=50, reliability=known)
        table = pd.read_csv(tables / "evaluation.csv")
        mine = table[table["part"] == "agreement"].set_index("metric")
        assert {"spearman_relative", "reliability_spearman", "mse_floor"} <= set(mine.index)
        for part in ("estimate", "ci_low", "ci_high"):
            np.testing.assert_allclose(mine[part], wanted[part].sel(metric=mine.index.values), atol=1e-12)
        assert json.loads((tables / "evaluation.csv.json").read_text())["n_splits"] == n_splits
        cut = table[table["part"] == "cutoff"]
        assert sorted(cut["cutoff"].unique()) == [0, 0.5, 0.6]
        expected = E.error_by_cutoff(prediction[kept], score[kept], cutoffs=[0.5, 0, 0.6], n_bootstraps=50)
        one = cut.set_index(["metric", "cut", "removed", "cutoff"]).loc[("mae", "measured", "above", 0.6)]
        there = expected.sel(metric="mae", cut="measured", removed="above", cutoff=0.6)
        assert [one["estimate"], one["ci_low"]] == pytest.approx([there["estimate"].item(), there["ci_low"].item()])


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--column", "hits"], 3, "--column must be a known name; got 'hits'. Did you mean 'hit_rate'?"),
        (["--column", "place"], 3, "--column must hold numbers; got 'place'"),
        (["--column", "hit_rate", "--predicted", "vitmem"], 3, "--predicted must be a known name; got 'vitmem'"),
        (["--column", "hit_rate", "--groups", "place"], 3, "--permute must be named when blocks are given"),
        (["--column", "hit_rate", "--split-half", "0.7", "--spearman-brown", "0.8"], 2, "give one"),
        (["--column", "hit_rate", "--split-half", "0.7", "--halves", "HERE"], 2, "give one"),
        (["--column", "hit_rate", "--half", "a", "b"], 2, "--half names columns of --halves; give that table too"),
        (
            ["--column", "hit_rate", "--halves", "HERE"],
            3,
            'no half_1 and half_2; got none. Name the columns, such as --half "half1_*" "half2_*"',
        ),
        (["--column", "hit_rate", "--halves", "HERE", "--half", "place", "place"], 3, "--half must hold numbers"),
        (
            ["--column", "hit_rate", "--halves", "HERE", "--half", "p*", "h*"],
            3,
            "each split; got p* h*, and only one half: 2:",
        ),
        (["--column", "hit_rate", "--halves", "HERE", "--half", "x*", "y*"], 3, "each split; got x* y*. "),
        (
            ["--column", "hit_rate", "--trained-on", "lamen"],
            3,
            "--trained-on must be a known name; got 'lamen'. Did you ",
        ),
        (["--column", "hit_rate", "--trained-on", "my/hed"], 3, "or one of: lamem, memcat. There is no such file or"),
        (["--column", "hit_rate", "--trained-on", "gone.csv"], 3, "--trained-on must be a file that exists"),
        (["--column", "hit_rate", "--trained-on", "FOLDER"], 3, "--trained-on must be the folder of a saved head"),
        (["--column", "hit_rate", "--halves", "OTHER"], 3, "--halves must name images of the source"),
        (["--column", "hit_rate", "--cutoffs", "0.4;0.5"], 2, "'0.4;0.5' is no list of numbers, such as 0,0.411,0.5"),
        (["--column", "hit_rate", "--cutoffs", "nan"], 3, "--cutoffs must be at least one finite number; got [nan]"),
    ],
)
def test_the_command_says_what_to_do(tables, options, code, message):
    pd.DataFrame({"image": ["x.jpg"], "half_1": [0.5], "half_2": [0.6]}).to_csv(tables / "other.csv", index=False)
    files = {"HERE": tables / "scores.csv", "OTHER": tables / "other.csv", "FOLDER": tables}
    options = [files.get(word, word) for word in options]
    done = run(tables / "predictions.csv", "--scores", tables / "scores.csv", *options)
    assert done.exit_code == code
    assert message in done.stderr


def test_the_command_says_of_every_evaluation_whether_images_were_new():
    """Its sentences hang on how those of `held_out` begin."""
    prediction, score = scattered()
    by_resmem = prediction.assign_attrs(model="resmem")
    results = [
        E.evaluate(by_resmem, score, dataset="lnsim", n_bootstraps=0),
        E.evaluate(prediction, score, n_bootstraps=0),
        E.evaluate(by_resmem, score, dataset="memcat", n_bootstraps=0),
    ]
    for result, start, said in zip(results, MEANING, ("None of", "What it was", "60 of 60 images"), strict=True):
        assert result.attrs["held_out"].startswith(start)
        assert newness(result).startswith(said)


def test_the_command_says_when_images_are_training_data(tables):
    table = pd.read_csv(tables / "predictions.csv")
    table["path"] = [f"/x/memcat/{name}" for name in table["image"]]
    table["hit_rate"] = table["rating"]
    table.to_csv(tables / "predictions.csv", index=False)
    done = run(tables / "predictions.csv", "--column", "hit_rate", "--bootstraps", 0)
    assert done.exit_code == 0, done.stderr
    assert "29 of 29 images are training data of the predictor (folder of MemCat: 29)" in done.stderr
    assert "--dataset memcat" in done.stderr
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = run(tables / "predictions.csv", "--column", "hit_rate", "--bootstraps", 0, "--dataset", "memcat")
    assert known.exit_code == 0
    assert "no held-out accuracy" not in known.stderr
    assert "Were these images new to the predictor, memorability? 29 of 29 images are training data" in known.stderr
    assert "cannot be told from them." in known.stderr


# --- published figures ----------------------------------------------------------------------------------------------

#: set → Pearson with corrected recognition and with the hit rate; bias and MSE against the hit rate (Rim et al. 2025,
#: computed from their tables by others)
RIM = {"set1": (0.493, 0.497, -0.108, 0.025), "set2": (0.545, 0.491, -0.112, 0.026)}


def rim(folder, name):
    prediction = pd.read_csv(folder / "rim2025" / f"{name}_resmem.csv").set_index("image_name")["resmem"]
    scores = pd.read_csv(folder / "rim2025" / f"{name}_memorability.csv").set_index("image_name")
    return prediction, scores.sample(frac=1, random_state=0)


@pytest.mark.data
@pytest.mark.parametrize("name", RIM)
def test_published_predictions_of_scenes_give_the_known_figures(data_folder, name):
    prediction, scores = rim(data_folder, name)
    corrected, hits, bias, mse = RIM[name]
    assert value(E.evaluate(prediction, scores["target_crr"], n_bootstraps=0), "pearson") == pytest.approx(
        corrected, abs=5e-4
    )
    result = E.evaluate(prediction, scores["target_hr"], n_bootstraps=500, trained_on=["lamem", "memcat"])
    assert value(result, "pearson") == pytest.approx(hits, abs=5e-4)
    assert value(result, "bias") == pytest.approx(bias, abs=5e-4 + 1e-9)
    assert value(result, "mse") == pytest.approx(mse, abs=5e-4)
    assert value(result, "minimum") == pytest.approx(0.41286, abs=2e-5)
    assert value(result, "pearson", "ci_low") < hits < value(result, "pearson", "ci_high")
    # the floor that the head's biases make is found without being told
    assert value(result, "floor") == pytest.approx(0.42, abs=0.003)


@pytest.mark.data
def test_resmem_on_figrim_gives_the_known_rank_correlation(data_folder, resmem):
    images = mf.images.read(data_folder / "figrim" / "images", scores=data_folder / "figrim" / "scores_30_images.csv")
    memory = mf.predict(images, model=resmem)
    result = E.evaluate(memory, images["amt_HR"], dataset="figrim", n_bootstraps=200)
    assert value(result, "spearman") == pytest.approx(0.642, abs=5e-4)
    assert value(result, "floor") == 0.42
    assert result.attrs["model"] == "resmem"
    assert result.attrs["trained_on"] == ["LaMem", "MemCat"]
    learned = mf.prediction.recalibrate(memory, images["amt_HR"], n_folds=5)
    contrast = E.compare(
        {"as it is": memory, "recalibrated": learned["recalibrated"]}, images["amt_HR"], n_bootstraps=200
    )
    assert abs(float(contrast["second_estimate"].sel(metric="bias").item())) < 0.02


@pytest.mark.data
def test_memcats_own_table_is_recognised(data_folder):
    table = pd.read_csv(data_folder / "memcat" / "memcat_image_data.csv")
    names = (table["category"] + "/" + table["subcategory"] + "/" + table["image_file"]).to_numpy(dtype=object)
    images = xr.Dataset(coords={"image": names}, attrs={"model": "resmem"})
    found = E.training_overlap(images)
    assert found.attrs["n_in_training"] == 10_000


@pytest.mark.parametrize(
    ("facts", "n_seen", "said"),
    [
        ('{"kind": "ridge"}', 20, "fitted to 20 images; its 10 validation images had no part in the fit"),
        ('{"kind": "mlp"}', 30, "its 10 validation images had a say in when training stopped, and count as seen"),
        ("no facts", 30, "its 10 validation images had a say"),
    ],
)
@pytest.mark.parametrize("named", [".", "split.csv"])
def test_the_images_of_a_saved_head_are_known_as_its_training_data(tables, facts, n_seen, said, named):
    head = tables / "my-head"
    head.mkdir()
    (head / "head.json").write_text(facts)
    table = pd.read_csv(tables / "predictions.csv").loc[:, ["image"]]
    table.assign(part=["train", "train", "validation"] * 10).to_csv(head / "split.csv", index=False)
    table["memorability"] = scattered(30)[0].values
    table.to_csv(tables / "all.csv", index=False)
    base = [tables / "all.csv", "--scores", tables / "scores.csv", "--column", "hit_rate", "--bootstraps", 0]
    done = run(*base, "--trained-on", head / named)
    assert done.exit_code == 0, done.stderr
    assert said in done.stderr
    told = f"{n_seen} of 30 images are training data of the predictor (same file name: {n_seen})"
    assert f"new to the predictor, memorability? {told}" in done.stderr


def test_what_has_no_effect_or_stands_elsewhere_is_said(tables):
    base = [tables / "predictions.csv", "--bootstraps", 0]
    both = [*base, "--scores", tables / "scores.csv", "--column", "hit_rate", "--cutoffs", "0.5"]
    remark = "--cutoffs has an effect only with -o, --json or --figures"
    assert remark in run(*both).stderr
    assert remark not in run(*both, "--json").stderr
    assert remark not in run(*both, "-q").stderr
    assert "Scores that stand in another table: --scores FILE." in run(*base, "--column", "hit_rate").stderr
    own = run(*both, "--trained-on", "Mine", "--dataset", "mine")
    assert "new to the predictor, memorability? 29 of 29 images are training data" in own.stderr
    assert "of the predictor (declared: 29)" in own.stderr
