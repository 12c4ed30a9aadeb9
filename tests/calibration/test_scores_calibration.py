"""Do the intervals of one image's scores hold the truth? Images differ in their true rates, seeds are fixed.

So many people answered to each image as a target, and as many as a foil. `make calibrate` writes what was measured into
results/. Coverage is required with 100 answers, and reported with fewer.
"""

import numpy as np
import pytest
from judging import REQUIRED, SIMULATIONS, Judge
from scipy.stats import norm

from memfeat.scores.counts import CORRECTIONS, Counts
from memfeat.scores.intervals import LIMITS, intervals

pytestmark = pytest.mark.timeout(0)
JUDGE = Judge("scores_", lambda name: ("scores/counts", "scores/intervals"))
#: Images of one simulation; shares are over all images of all simulations.
IMAGES = 100


def images(rng, n):
    """Images as scenes are: hit rates around .7, false-alarm rates around .13, with answers of n people to each."""
    shape = (SIMULATIONS, IMAGES)
    hit, alarm = rng.beta(8, 3.5, shape).ravel(), rng.beta(2.5, 16, shape).ravel()
    hits, alarms = rng.binomial(n, hit), rng.binomial(n, alarm)
    return hit, alarm, Counts(hits, n - hits, alarms, n - alarms)


def truth_of(hit, alarm):
    return {
        "hit_rate": hit,
        "false_alarm_rate": alarm,
        "corrected_recognition": hit - alarm,
        "accuracy": (hit + 1 - alarm) / 2,
        "d_prime": norm.ppf(hit) - norm.ppf(alarm),
        "criterion": -(norm.ppf(hit) + norm.ppf(alarm)) / 2,
    }


@pytest.mark.parametrize("n", [20, 40, 100])
def test_intervals_of_one_image_hold_its_true_scores(n):
    hit, alarm, counts = images(np.random.default_rng([70, n]), n)
    truth, coverage = truth_of(hit, alarm), {}
    for interval, correction in zip(LIMITS, CORRECTIONS, strict=True):
        for name, limits in intervals(counts, interval=interval, correction=correction).items():
            inside = (limits.low <= truth[name]) & (truth[name] <= limits.high)
            how = correction if name in ("d_prime", "criterion") else interval
            coverage[f"{name}, {how}"] = float(inside.mean())
    JUDGE.keep(f"coverage_n{n}", {"answers": n, "images": len(hit), "coverage": coverage, "required": list(REQUIRED)})
    low, high = REQUIRED
    assert n < 100 or {name: value for name, value in coverage.items() if not low <= value <= high} == {}
