"""Variance partitioning: what sets of features predict alone and in common, out of fold."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from test_regression import layer, names, per_image

from memfeat import regression, stats
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, UnknownNameError
from memfeat.regression import combining
from memfeat.regression.folds import shuffled
from memfeat.regression.partitioning import _sharing, _subsets

FEW = {"n_bootstraps": 20, "folds": 3}
DRAWN = FEW | {"interval": "percentile"}


def blocks(n_sets=2, n=60, p=4, seed=0):
    """Sets that know something in common, and scores."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n, p))
    own = {f"set{k}": common + rng.standard_normal((n, p)) for k in range(n_sets)}
    scores = sum(x.sum(axis=1) for x in own.values()) + 3 * rng.standard_normal(n)
    return {name: layer(x, f"{name}-layer") for name, x in own.items()}, per_image(scores)


def test_shares_of_two_sets_by_hand():
    # R² of a, b and both: a alone has what b lacks, and both have what is left
    assert (_sharing(_subsets(2)) @ [0.5, 0.3, 0.6]).round(9).tolist() == [0.3, 0.1, 0.2]


def test_shares_of_three_sets_by_hand():
    unique, pairs, common = [0.1, 0.2, 0.05], [0.04, -0.03, 0.02], 0.07
    shares = [*unique, *pairs, common]
    subsets = _subsets(3)
    together = [
        sum(share for share, one in zip(shares, subsets, strict=True) if set(one) & set(subset)) for subset in subsets
    ]
    np.testing.assert_allclose(_sharing(subsets) @ together, shares)


def test_r2_is_that_of_scikit_learn_and_shares_follow():
    sets, scores = blocks()
    result = regression.partition(sets, scores, estimator=Ridge(3.0, solver="svd"), scale="none", **FEW)
    fold, x = PredefinedSplit(result["fold"].values), [one.values for one in sets.values()]
    model = Ridge(3.0, solver="svd")
    expected = [
        r2_score(scores, cross_val_predict(model, one, scores.values, cv=fold))
        for one in (x[0], x[1], np.concatenate(x, axis=1))
    ]
    np.testing.assert_allclose(result["r2"], expected)
    first, second, both = expected
    np.testing.assert_allclose(result["estimate"], [both - second, both - first, first + second - both])
    assert result["subset"].values.tolist() == ["set0", "set1", "set0 & set1"]
    assert result["size"].values.tolist() == [1, 1, 2]
    assert (result["n"] == 60).all()


@pytest.mark.parametrize("combine", ["concatenate", "stack", "banded"])
def test_subsets_are_decoded_as_they_are_alone(combine, monkeypatch):
    monkeypatch.setattr(combining, "CANDIDATES", 6)
    sets, scores = blocks(3, n=36)
    result = regression.partition(sets, scores, combine=combine, **DRAWN)
    options = {"combine": combine, "n_permutations": 0} | FEW
    decoded = regression.decode({name: sets[name] for name in ("set0", "set2")}, scores, **options)
    one = result.sel(subset="set0 & set2")
    np.testing.assert_allclose(one["prediction"], decoded["prediction"][0])
    assert one["r2"].item() == pytest.approx(decoded["r2"].item())
    assert one["r2_ci_low"].item() == pytest.approx(decoded["r2_ci_low"].item())
    assert one["r2_ci_high"].item() == pytest.approx(decoded["r2_ci_high"].item())


def test_intervals_are_of_the_same_samples_of_images():
    sets, scores = blocks()
    result = regression.partition(sets, scores, interval="percentile", n_bootstraps=30, folds=3, repeats=2, rng=4)
    rng = np.random.default_rng(4)
    folds = [shuffled(60, 3, rng) for _ in range(2)]
    np.testing.assert_array_equal(result["fold"], folds)
    draws = []
    for row in stats.bootstrap_counts(60, 30, rng=rng):
        sample = np.repeat(np.arange(60), row)
        both, second = (
            np.mean([r2_score(scores[sample], one[sample]) for one in result["prediction"].sel(subset=name).values])
            for name in ("set0 & set1", "set1")
        )
        draws.append(both - second)
    low, high = stats.expanded(np.array(draws), n=60)
    assert result["ci_low"].values[0] == pytest.approx(float(low))
    assert result["ci_high"].values[0] == pytest.approx(float(high))


def refitted(x, scores, fold, penalties, weights):
    """R² of the images of folds from 0 on, each fold predicted by ridge regression with its penalty."""
    truth, predictions = [], []
    for k, penalty in enumerate(penalties):
        model = Ridge(penalty, solver="svd").fit(x[fold != k], scores[fold != k], sample_weight=weights[k][fold != k])
        predictions += model.predict(x[fold == k]).tolist()
        truth += scores[fold == k].tolist()
    return r2_score(truth, predictions)


def student(estimate, left, strata):
    """95 % interval by the jackknife."""
    groups = [left[strata == group] for group in np.unique(strata)]
    error = np.sqrt(sum((len(one) - 1) / len(one) * ((one - one.mean()) ** 2).sum() for one in groups))
    half = t.ppf(0.975, sum(len(one) - 1 for one in groups)) * error
    return estimate - half, estimate + half


KINDS = np.repeat(np.arange(6), 5)
#: options, the unit of each image, and the stratum of each unit
LEFT = {
    "images": ({"folds": 3}, np.arange(30), np.zeros(30)),
    "weights": ({"folds": 3, "weights": per_image(np.linspace(1, 4, 30))}, np.arange(30), np.zeros(30)),
    "inside categories": ({"folds": 3, "blocks": per_image(KINDS), "permute": "within"}, np.arange(30), KINDS),
    "whole groups": ({"folds": 3, "groups": per_image(KINDS), "permute": "whole"}, KINDS, np.zeros(6)),
    "a fixed split": (
        {"folds": per_image(np.array(["train", "test"], dtype=object)[KINDS % 2]), "held_out": "test"},
        np.arange(30),
        KINDS % 2,
    ),
}


@pytest.mark.parametrize("case", LEFT)
@pytest.mark.parametrize("p", [3, 20])
def test_the_jackknife_is_that_of_fits_to_all_images_but_one(case, p):
    options, unit, strata = LEFT[case]
    sets, scores = blocks(n=30, p=p)
    result = regression.partition(sets, scores, scale="none", **options)
    again = {name: one for name, one in options.items() if name not in ("blocks", "permute")}
    again |= {"permute": "free"} if "groups" in options else {}
    together = layer(np.concatenate([one.values for one in sets.values()], axis=1), "both")
    decoded = {
        name: regression.decode(one, scores, n_permutations=0, n_bootstraps=0, **again)
        for name, one in (sets | {"both": together}).items()
    }
    number = np.array([list(decoded["both"]["held_out"].values).index(label) if label in decoded["both"]["held_out"]
                       else -1 for label in result["fold"].values])  # fmt: skip
    own = options.get("weights", per_image(np.ones(30))).values
    weights = [own / own[number != k].mean() for k in range(number.max() + 1)]
    left = {name: [] for name in decoded}
    for one in [-1, *range(unit.max() + 1)]:
        kept = unit != one
        for name, values in left.items():
            x = together.values if name == "both" else sets[name].values
            penalties = decoded[name]["penalty"].values[0]
            values.append(refitted(x[kept], scores.values[kept], number[kept], penalties, [w[kept] for w in weights]))
    first, second, both = (np.array(values) for values in left.values())
    expected = np.array([both - second, both - first, first + second - both])
    for values, name in ((expected, ""), (np.array([first, second, both]), "r2_")):
        ends = [student(one[0], one[1:], strata) for one in values]
        np.testing.assert_allclose(result["r2" if name else "estimate"], values[:, 0], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(result[f"{name}ci_low"], [low for low, _ in ends], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(result[f"{name}ci_high"], [high for _, high in ends], rtol=1e-6, atol=1e-9)


def test_other_estimators_hold_predictions_fixed():
    sets, scores = blocks()
    result = regression.partition(sets, scores, estimator="pls", **FEW)
    assert "predictions held fixed" in result.attrs["interval"]
    assert (result["ci_low"] < result["estimate"]).all()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), n_sets=st.integers(2, 4))
def test_shares_sum_to_r2_of_all_and_do_not_depend_on_the_order_of_sets(seed, n_sets):
    sets, scores = blocks(n_sets, n=24, p=2, seed=seed)
    options = {"folds": 3, "interval": "none"}
    result = regression.partition(sets, scores, **options)
    assert result.sizes["subset"] == 2**n_sets - 1
    assert float(result["estimate"].sum()) == pytest.approx(float(result["r2"][-1]))
    assert result["ci_low"].isnull().all()
    turned = regression.partition(dict(reversed(sets.items())), scores, **options)
    for name in sets:
        one = turned["estimate"].sel(subset=name).item()
        assert one == pytest.approx(result["estimate"].sel(subset=name).item(), abs=1e-9)


def test_a_set_that_suppresses_noise_of_another_has_a_negative_shared_part():
    rng = np.random.default_rng(1)
    noise, signal = rng.standard_normal((2, 200))
    sets = {"mixed": per_image(signal + noise, "mixed"), "noise": per_image(noise, "noise")}
    result = regression.partition(sets, per_image(signal + 0.1 * rng.standard_normal(200)))
    shared = result.sel(subset="mixed & noise")
    assert shared["estimate"] < -0.3
    assert shared["ci_high"] < 0
    assert result["estimate"].sel(subset="noise") > 0.3


def test_covariates_are_taken_out_of_everything():
    sets, scores = blocks()
    size = per_image(np.linspace(0, 9, 60), "size")
    options = {"covariates": size} | FEW
    first = regression.partition(sets, scores, **options)
    moved = {name: one + size for name, one in sets.items()}
    np.testing.assert_allclose(regression.partition(moved, scores - size, **options)["r2"], first["r2"], rtol=1e-7)
    fold, z = first["fold"].values, size.values[:, None]
    left = np.empty(60)
    for k in range(3):
        model = LinearRegression().fit(z[fold != k], scores[fold != k])
        left[fold == k] = scores.values[fold == k] - model.predict(z[fold == k])
    np.testing.assert_allclose(first["r2"][0], r2_score(left, first["prediction"][0]))


def test_labels_and_provenance_are_kept_and_inputs_untouched(tmp_path):
    sets, scores = blocks()
    sets = {name: one.assign_attrs(model="toy") for name, one in sets.items()}
    before = {name: one.copy(deep=True) for name, one in sets.items()}
    both = xr.Dataset({"hit_rate": scores, "false_alarms": scores**2})
    kind = per_image(np.repeat(["in", "out"], 30).astype(object), "kind")
    result = regression.partition(sets, both, repeats=2, blocks=kind, permute="within", **FEW)
    for name, one in sets.items():
        xr.testing.assert_identical(one, before[name])
    assert result["estimate"].dims == ("subset", "score")
    assert result["prediction"].dims == ("subset", "score", "repeat", "image")
    told = {"model": "toy", "combine": "concatenate", "scale": "layer", "permute": "within", "seed": "0"}
    assert told.items() <= result.attrs.items()
    assert result.attrs["estimand"].startswith("expected out-of-fold R²")
    assert result.attrs["interval"].startswith("95 % Student's t, jackknife over images")
    assert "alternative" not in result.attrs
    alone = regression.partition(sets, scores, repeats=2, blocks=kind, permute="within", **FEW)
    np.testing.assert_allclose(alone["estimate"], result["estimate"].sel(score="hit_rate"))
    order = np.random.default_rng(0).permutation(60)
    mixed = {name: one.isel(image=order) for name, one in sets.items()}
    again = regression.partition(mixed, both, repeats=2, blocks=kind, permute="within", **FEW)
    assert again["image"].values.tolist() == names(60)[order].tolist()
    xr.testing.assert_identical(again.sortby("image"), result)
    result.to_netcdf(tmp_path / "shares.nc", engine="h5netcdf")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "shares.nc", engine="h5netcdf"), result)


def test_what_fits_remark_is_said_once():
    class Remarking(Ridge):
        def fit(self, x, y):
            import warnings

            warnings.warn("it is late", UserWarning, stacklevel=2)
            return super().fit(x, y)

    sets, scores = blocks()
    with pytest.warns(
        MemfeatWarning, match="9 remarks of Remarking while it was fitted, the first: it is late"
    ) as said:
        regression.partition(sets, scores, estimator=Remarking(), **FEW)
    assert len(said) == 1
    assert said[0].filename == __file__


WRONG = {
    "one layer": (lambda s: s["set0"], {}, ArgumentError, "features must hold 2 to 4 sets; got DataArray. Pass a map"),
    "one set": (lambda s: {"set0": s["set0"]}, {}, ArgumentError, "features must hold two sets at least; got 1"),
    "five sets": (lambda s: blocks(5)[0], {}, ArgumentError, "features must hold 2 to 4 sets; got 5: 'set0'"),
    "twice": (
        lambda s: {"a": s["set0"], "b": s["set0"].rename("x")},
        {},
        ArgumentError,
        "features must hold each layer once; got layer 'x' twice, in 'a' and 'b'",
    ),
    "other images": (
        lambda s: s | {"set1": s["set1"].assign_coords(image=[*names(59), "x.jpg"])},
        {},
        ArgumentError,
        r"features\['set1'\] and features\['set0'\] must hold the same images",
    ),
    "a side": (lambda s: s, {"alternative": "greater"}, ArgumentError, "alternative must be left out; got 'greater'"),
    "misspelt": (lambda s: s, {"combined": 1}, UnknownNameError, "Did you mean 'combine'"),
    "combination": (lambda s: s, {"combine": "sum"}, ArgumentError, "combine must be one of"),
    "estimator": (lambda s: s, {"estimator": "lars"}, ArgumentError, "estimator must be one of"),
    "folds": (lambda s: s, {"folds": 31}, ArgumentError, "folds must be at most half the number of images"),
    "seed": (lambda s: s, {"rng": None}, KindError, "rng must be a whole number"),
    "bootstraps": (
        lambda s: s,
        {"n_bootstraps": -1, "interval": "percentile"},
        ArgumentError,
        "n_bootstraps must be at least 0",
    ),
    "interval": (lambda s: s, {"interval": "bca"}, ArgumentError, "interval must be one of"),
    "jackknife of others": (
        lambda s: s,
        {"interval": "jackknife", "estimator": "pls"},
        ArgumentError,
        "interval must be 'percentile' unless ridge regression predicts; got another estimator. Use interval",
    ),
    "jackknife of bands": (
        lambda s: s,
        {"interval": "jackknife", "combine": "stack"},
        ArgumentError,
        "interval must be 'percentile' unless ridge regression predicts; got combine='stack'",
    ),
    "nothing to draw": (
        lambda s: s,
        {"blocks": per_image(np.arange(60), "kind"), "permute": "within"},
        ArgumentError,
        "blocks must leave something to draw with permute='within'; got 60 units in 60 groups",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_shared_out_is_refused_with_advice(case):
    change, options, kind, message = WRONG[case]
    sets, scores = blocks()
    with pytest.raises(kind, match=message):
        regression.partition(change(sets), scores, **FEW | options)


def test_scores_of_which_one_alone_differs_are_refused():
    sets, _ = blocks()
    scores = per_image(np.eye(60)[0] + 0.5)
    split = per_image(np.repeat(["test", "train"], 30).astype(object), "split")
    scores[40] = 1.0
    with pytest.raises(ArgumentError, match="scores must vary without any one image or group; got all the same"):
        regression.partition(sets, scores, folds=split, held_out="test")
