"""Do the intervals of one image's scores hold the truth? Images differ in their true rates, seeds are fixed.

So many people answered to each image as a target, and as many as a foil. `make calibrate` writes what was measured into
results/. Coverage is required with 100 answers, and reported with fewer, and where the same people answer to both.
"""

import numpy as np
import pytest
from judging import REQUIRED, SIMULATIONS, Judge
from scipy.stats import norm

from memfeat.scores.counts import CORRECTIONS, Counts
from memfeat.scores.intervals import LIMITS, intervals

pytestmark = pytest.mark.timeout(0)
JUDGE = Judge("scores_", lambda name: ("scores/counts", "scores/intervals", "stats/shares"))
#: Images of one simulation; shares are over all images of all simulations.
IMAGES = 100
#: What is too wide where people who call an image old as a target do so as a foil too.
DIFFERENCES = ("corrected_recognition, wilson", "d_prime, log-linear")


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


def covered(hit, alarm, counts):
    """Score, and how it is computed -> share of intervals that hold the truth."""
    truth, found = truth_of(hit, alarm), {}
    for interval, correction in zip(LIMITS, CORRECTIONS, strict=True):
        for name, limits in intervals(counts, interval=interval, correction=correction).items():
            inside = (limits.low <= truth[name]) & (truth[name] <= limits.high)
            how = correction if name in ("d_prime", "criterion") else interval
            found[f"{name}, {how}"] = float(inside.mean())
    return found


@pytest.mark.parametrize("n", [20, 40, 100])
def test_intervals_of_one_image_hold_its_true_scores(n):
    hit, alarm, counts = images(np.random.default_rng([70, n]), n)
    coverage = covered(hit, alarm, counts)
    JUDGE.keep(f"coverage_n{n}", {"answers": n, "images": len(hit), "coverage": coverage, "required": list(REQUIRED)})
    low, high = REQUIRED
    assert n < 100 or {name: value for name, value in coverage.items() if not low <= value <= high} == {}


def answered_twice(rng, n, latent):
    """Answers of the same n people to an image as target and as foil, and their mean correlation within an image.

    What makes a person say old to one and to the other is normal, and correlates so much.
    """
    hit, alarm = rng.beta(8, 3.5, SIMULATIONS * IMAGES), rng.beta(2.5, 16, SIMULATIONS * IMAGES)
    hits, alarms, both = np.zeros((3, len(hit)), dtype=int)
    to_target, to_foil = norm.ppf(hit), norm.ppf(alarm)
    for _ in range(n):
        one, other = rng.standard_normal((2, len(hit)))
        hits_now = one < to_target
        alarms_now = latent * one + np.sqrt(1 - latent**2) * other < to_foil
        hits, alarms, both = hits + hits_now, alarms + alarms_now, both + (hits_now & alarms_now)
    among = (both / n - hits * alarms / n**2).sum() * n / (n - 1)
    phi = among / np.sqrt((hit * (1 - hit)).sum() * (alarm * (1 - alarm)).sum())
    return hit, alarm, Counts(hits, n - hits, alarms, n - alarms), phi


@pytest.mark.parametrize("latent", [-0.3, 0.1, 0.3, 0.6])
def test_how_far_intervals_are_off_where_the_same_people_answer_to_target_and_foil(latent):
    n = 100
    hit, alarm, counts, phi = answered_twice(np.random.default_rng([71, round(10 * latent) + 10]), n, latent)
    figures = {"answers": n, "images": len(hit), "latent_correlation": latent, "correlation_of_answers": float(phi)}
    coverage = covered(hit, alarm, counts)
    JUDGE.keep(f"coverage_paired_{latent}", figures | {"coverage": coverage, "required": "nothing, it is no claim"})
    # rates are of one kind of answer alone, whose intervals know of no other
    assert all(REQUIRED[0] <= value <= REQUIRED[1] for name, value in coverage.items() if "rate" in name)
    assert latent < 0 or min(coverage[name] for name in DIFFERENCES) >= REQUIRED[0]
