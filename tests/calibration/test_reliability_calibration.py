"""Do intervals of reliability hold the reliability of very many images, and posteriors the planted effect?"""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from judging import SIMULATIONS, Judge, every
from scipy.special import expit
from sources import stats_of

from memfeat import scores

pytestmark = pytest.mark.timeout(0)
HALVES = ("agreement", "counts", "halving", "splitting", "summing", "trials")
MIXED = ("mixed", "tidy", "trials")
JUDGE = Judge("reliability_", lambda name: (*stats_of(name), *(f"scores/{file}" for file in HALVES)))
MODELS = Judge("mixed_model_", lambda name: tuple(f"scores/{file}" for file in MIXED))
#: Images and participants that truth comes from; as many participants as in a study, anew in each.
MANY, TIMES = 1_000, 60
PARTICIPANTS = 20
#: How much images differ, in logits.
SPREADS = {"strong": 1.2, "weak": 0.45}


def study(rng, n_images, spread):
    """Everyone answers to every image once as a target and once as a foil; people differ in what they call old."""
    hits, alarms = spread * rng.standard_normal((2, n_images)) + [[0.6], [-1.0]]
    person = 0.7 * rng.standard_normal(PARTICIPANTS)[:, None]
    who, image = (part.ravel() for part in np.mgrid[:PARTICIPANTS, :n_images])
    tables = [
        pd.DataFrame({"participant": who, "image": image, "truth": truth, "response": answers.astype(int).ravel()})
        for truth, chance in ((1, hits), (0, alarms))
        for answers in [rng.random((PARTICIPANTS, n_images)) < expit(chance + person)]
    ]
    table = pd.concat(tables, ignore_index=True)
    table["image"] = table["image"].map("{:05d}".format)
    return table


def truth(spread, method, measures):
    """Mean over participants of the mean correlation of two halves of them, over very many images."""
    rng = np.random.default_rng([1, round(100 * spread)])
    options = {"measures": measures, "method": method, "n_splits": 40, "n_bootstraps": 0}
    found = [
        scores.split_half(study(rng, MANY, spread), rng=k, **options)["estimate"].values
        for k in range(min(TIMES, SIMULATIONS))
    ]
    return np.mean(found, axis=0)


@pytest.mark.parametrize(
    ("strength", "method", "n", "measures"),
    [
        ("strong", "spearman", 100, ["hit_rate", "d_prime"]),
        ("weak", "spearman", 100, ["hit_rate"]),
        ("strong", "pearson", 100, ["hit_rate"]),
        ("strong", "spearman", 40, ["hit_rate"]),
    ],
)
def test_the_interval_of_a_reliability_holds_that_of_very_many_images(strength, method, n, measures):
    spread = SPREADS[strength]
    true = truth(spread, method, measures)
    rng = np.random.default_rng([70, n, len(method), round(100 * spread)])
    covered = np.empty((SIMULATIONS, len(measures)), dtype=bool)
    options = {"measures": measures, "method": method, "n_splits": 100, "n_bootstraps": 399}
    for seed in range(SIMULATIONS):
        found = scores.split_half(study(rng, n, spread), rng=seed, **options)
        # Spearman-Brown and its root are monotone, so that all three intervals hold or miss together
        covered[seed] = (found["ci_low"].values <= true) & (true <= found["ci_high"].values)
    figures = {"n_images": n, "n_participants": PARTICIPANTS, "n_bootstraps": 399, "n_splits": 100}
    judge = JUDGE.covers if n >= 100 else JUDGE.reported
    every(
        partial(judge, covered[:, k], f"{method}_{strength}_{name}_{n}", figures | {"truth": float(true[k])})
        for k, name in enumerate(measures)
    )


@pytest.mark.parametrize("effect", [0.5])
def test_the_posterior_of_an_effect_holds_what_was_planted(effect):
    """Images differ besides by .4, participants by .8, in logits."""
    pytest.importorskip("statsmodels")
    n_participants, n_images = 12, 100
    rng = np.random.default_rng([71, round(10 * effect)])
    names = [f"{i:03d}" for i in range(n_images)]
    who, image = (part.ravel() for part in np.mgrid[:n_participants, :n_images])
    covered = np.empty(SIMULATIONS, dtype=bool)
    for k in range(SIMULATIONS):
        predictor = rng.standard_normal(n_images)
        logit = 0.5 + effect * predictor / predictor.std() + 0.4 * rng.standard_normal(n_images)
        chance = expit(logit + 0.8 * rng.standard_normal(n_participants)[:, None])
        said = (rng.random(chance.shape) < chance).astype(int).ravel()
        table = pd.DataFrame({"participant": who, "image": np.array(names)[image], "truth": 1, "response": said})
        found = scores.mixed_model(table, pd.Series(predictor, index=names, name="memorability"))
        one = found.sel(term="memorability")
        covered[k] = one["ci_low"].item() <= effect <= one["ci_high"].item()
    figures = {"n_images": n_images, "n_participants": n_participants, "effect": effect}
    MODELS.covers(covered, f"coverage_{round(10 * effect)}", figures)
