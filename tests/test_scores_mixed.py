"""Tidy trials, and the crossed mixed model: planted effects, an independent fit, and what it refuses."""

import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.optimize import minimize
from scipy.special import expit

import memfeat as mf
from memfeat.errors import ArgumentError, KindError, MissingPackageError, UnknownNameError


def study(n_participants=30, n_images=40, effect=0.6, seed=0, people=0.8, images=0.4):
    """Answers to targets, and the memorability that they were made with."""
    rng = np.random.default_rng(seed)
    names = [f"{i:03d}.jpg" for i in range(n_images)]
    memorability = pd.Series(rng.uniform(0.5, 0.9, n_images), index=names, name="memorability")
    z = (memorability - memorability.mean()) / memorability.std(ddof=0)
    image = 0.5 + effect * z.to_numpy() + images * rng.standard_normal(n_images)
    chance = expit(image + people * rng.standard_normal(n_participants)[:, None])
    said = rng.random(chance.shape) < chance
    who, which = (part.ravel() for part in np.indices(said.shape))
    table = pd.DataFrame(
        {"participant": who, "image": np.array(names)[which], "truth": 1, "response": said.ravel() * 1}
    )
    return table, memorability


def test_trials_become_one_row_each_with_the_numbers_of_their_image():
    table = pd.DataFrame(
        {"image": ["b", "a", "b"], "subject": [2, 1, 1], "truth": [1, 0, 0], "response": ["old", "old", "new"]}
    )
    known = pd.DataFrame({"memorability": [0.9, 0.6, 0.1], "luminance": [3.0, 4.0, 5.0]}, index=["a", "b", "c"])
    before, found = table.copy(), mf.scores.to_long(table, memorability=known)
    pd.testing.assert_frame_equal(table, before)
    assert found.columns.tolist() == ["participant", "image", "old", "said_old", "correct", "memorability", "luminance"]
    assert found.to_numpy().tolist() == [
        ["2", "b", 1, 1, 1, 0.6, 4.0],
        ["1", "a", 0, 1, 0, 0.9, 3.0],
        ["1", "b", 0, 0, 1, 0.6, 4.0],
    ]
    assert found.attrs["n_trials"] == 3
    one = xr.DataArray([0.6, 0.9], {"image": ["b", "a"]}, name="memorability")
    for given in (one, one.to_dataset(), one.to_series()):
        assert mf.scores.to_long(table, memorability=given)["memorability"].tolist() == [0.6, 0.9, 0.6]
    assert "memorability" not in mf.scores.to_long(table)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([0.1, 0.2], KindError, "memorability must be a DataArray, Series, Dataset or DataFrame; got list"),
        (pd.Series({"a": 0.1}), ArgumentError, "memorability must have every image of the trials; got none for 1: 'b'"),
        (pd.Series({"a": 0.1, "b": 0.2}, name="old"), ArgumentError, "memorability must not be called participant"),
        (pd.Series({"a": 0.1, "b": np.nan}), ArgumentError, "memorability must be finite for every image"),
        (pd.DataFrame(index=["a", "b"]), ArgumentError, "memorability must hold a column"),
    ],
)
def test_numbers_that_do_not_fit_the_trials_are_refused(given, error, words):
    table = pd.DataFrame({"image": ["a", "b"], "truth": [1, 0], "response": [1, 0]})
    with pytest.raises(error, match=words):
        mf.scores.to_long(table, memorability=given)


def test_without_statsmodels_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.genmod.bayes_mixed_glm", None)
    with pytest.raises(MissingPackageError, match=r'statsmodels must be installed.*pip install "memfeat\[mixed\]"'):
        mf.scores.mixed_model(*study(6, 6))


@pytest.fixture(scope="module")
def fitted():
    pytest.importorskip("statsmodels")
    table, memorability = study()
    return table, memorability, mf.scores.mixed_model(table, memorability)


def test_a_planted_effect_is_recovered(fitted):
    _, _, found = fitted
    assert found["term"].values.tolist() == ["intercept", "memorability"]
    assert found["group"].values.tolist() == ["participant", "image"]
    effect = found.sel(term="memorability")
    # .6 ± what 40 images allow: each tells its intercept to .4 and .4 of answers
    assert effect["estimate"].item() == pytest.approx(0.6, abs=0.25)
    assert effect["ci_low"].item() < 0.6 < effect["ci_high"].item()
    assert effect["ci_low"].item() > 0
    np.testing.assert_allclose(found["deviation"], [0.8, 0.4], atol=0.25)
    assert found.attrs["n"] == 1200
    assert "variational" in found.attrs["method"]


def maximum_likelihood(table, memorability):
    """The same model, its random effects integrated out by Laplace's approximation, with dense matrices."""
    z = (memorability - memorability.mean()) / memorability.std(ddof=0)
    x = np.c_[np.ones(len(table)), z.loc[table["image"]].to_numpy()]
    members = pd.get_dummies(table[["participant", "image"]].astype(str)).to_numpy(dtype=float)
    kind = (np.arange(members.shape[1]) >= table["participant"].nunique()).astype(int)
    y, u = table["response"].to_numpy(), np.zeros(members.shape[1])

    def curvature(eta, precision):
        p = expit(eta)
        return (members * (p * (1 - p))[:, None]).T @ members + np.diag(precision)

    def deviance(parameters):
        nonlocal u
        fixed, precision = x @ parameters[:2], np.exp(-2 * parameters[2:])[kind]
        step = np.ones(1)
        while np.abs(step).max() > 1e-8:
            eta = fixed + members @ u
            step = np.linalg.solve(curvature(eta, precision), members.T @ (y - expit(eta)) - precision * u)
            u = u + step
        eta = fixed + members @ u
        likelihood = (y * eta - np.logaddexp(0, eta)).sum() - (precision * u**2).sum() / 2
        return np.linalg.slogdet(curvature(eta, precision))[1] / 2 + parameters[2:][kind].sum() - likelihood

    found = minimize(deviance, [0.0, 0.0, -0.5, -0.5], method="BFGS")
    return found.x[:2], np.sqrt(np.diag(found.hess_inv))[:2], np.exp(found.x[2:])


def test_it_agrees_with_maximum_likelihood(fitted):
    """Wide priors and 1,200 answers: posteriors and likelihood tell the same, to a part of the standard error."""
    table, memorability, found = fitted
    estimate, error, deviation = maximum_likelihood(table, memorability)
    np.testing.assert_allclose(found["estimate"], estimate, atol=0.25 * error.min())
    np.testing.assert_allclose(found["sd"], error, rtol=0.15)
    np.testing.assert_allclose(found["deviation"], deviation, rtol=0.15)


def test_a_result_does_not_depend_on_order_scale_or_the_global_generator(fitted):
    table, memorability, found = fitted
    np.random.seed(5)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    again = mf.scores.mixed_model(
        table.sample(frac=1, random_state=2), 100 * memorability.sample(frac=1, random_state=3)
    )
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    xr.testing.assert_allclose(again, found, rtol=1e-4)


def test_false_alarms_are_modelled_by_themselves():
    pytest.importorskip("statsmodels")
    table, memorability = study(12, 20)
    both = pd.concat([table, table.assign(truth=0, response=1 - table["response"])])
    # the quadrature of statsmodels does not treat both answers alike to the last digits
    found = mf.scores.mixed_model(both, memorability, shown="new")
    hits = mf.scores.mixed_model(table, memorability)
    np.testing.assert_allclose(found["estimate"], -hits["estimate"], atol=0.01)
    assert found.attrs["shown"] == "new"


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        ({}, {"shown": "both"}, ArgumentError, "shown must be one of 'old', 'new'"),
        ({}, {"shown": "new"}, ArgumentError, "trials must hold different answers to new images; got none"),
        ({"response": 1}, {}, ArgumentError, "hold different answers to old images; got the same answer everywhere"),
        ({"participant": 0}, {}, ArgumentError, "trials must name at least two participants; got 1 participants"),
        ({}, {"thruth": "x"}, UnknownNameError, "option must be a known name; got 'thruth'"),
    ],
)
def test_what_cannot_be_modelled_is_refused(change, options, error, words):
    table, memorability = study(4, 6)
    with pytest.raises(error, match=words):
        mf.scores.mixed_model(table.assign(**change).drop_duplicates(["participant", "image"]), memorability, **options)


def test_predictors_must_differ():
    table, memorability = study(4, 6)
    with pytest.raises(ArgumentError, match="predictors must differ between images; got 'memorability' of 0.5"):
        mf.scores.mixed_model(table, 0 * memorability + 0.5)


def test_a_predictor_is_not_called_as_the_intercept():
    trials = pd.DataFrame({"image": list("abab"), "participant": list("xxyy"), "truth": 1, "response": [1, 0, 1, 1]})
    with pytest.raises(ArgumentError, match="predictors must not be called intercept; got 'intercept'. Rename it"):
        mf.scores.mixed_model(trials, pd.Series({"a": 1.0, "b": 2.0}, name="intercept"))


def test_a_predictor_is_not_made_up_of_others():
    trials = pd.DataFrame(
        {"image": list("abcabc"), "participant": list("xxxyyy"), "truth": 1, "response": [1, 0, 1] * 2}
    )
    both = pd.DataFrame({"score": [1.0, 2.0, 4.0], "again": [3.0, 5.0, 9.0]}, index=list("abc"))
    with pytest.raises(
        ArgumentError, match="predictors must each say something of their own; got 'score', 'again', of"
    ):
        mf.scores.mixed_model(trials, both)
