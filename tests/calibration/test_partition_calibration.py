"""Do intervals of shares hold the expected out-of-fold share, and how far is that from the population's?

Seeds are fixed. `make calibrate` writes what was measured into results/; `MEMFEAT_SIMULATIONS` runs fewer.
"""

import os

import numpy as np
import pytest
import xarray as xr
from record import record
from sources import regression_of

from memfeat import regression

pytestmark = pytest.mark.timeout(0)
SOURCES = regression_of("partition")
FULL = 1_000
SIMULATIONS = int(os.environ.get("MEMFEAT_SIMULATIONS", FULL))
N, RELATED, EXPLAINED = 600, 0.2, 0.5
SUBSETS = ("a", "b", "a & b")
#: Each set's signal has variance 1, and both correlate by RELATED: R² of all is EXPLAINED in the population.
POPULATION = {"a": EXPLAINED * (1 - RELATED) / 2, "b": EXPLAINED * (1 - RELATED) / 2, "a & b": EXPLAINED * RELATED}


def simulated(rng, p):
    """Two sets of p features, of which each pair (one of either set) is related, and scores that both explain."""
    common = rng.standard_normal((N, p))
    sets = [np.sqrt(RELATED) * common + np.sqrt(1 - RELATED) * rng.standard_normal((N, p)) for _ in range(2)]
    signal = sum(x.sum(axis=1) for x in sets) / np.sqrt(p)
    scores = signal * np.sqrt(EXPLAINED / (2 + 2 * RELATED)) + np.sqrt(1 - EXPLAINED) * rng.standard_normal(N)
    names = np.array([f"{i:04d}" for i in range(N)], dtype=object)
    read = {
        name: xr.DataArray(x, dims=("image", f"{name}:unit"), coords={"image": names}, name=name)
        for name, x in zip(("a", "b"), sets, strict=True)
    }
    return read, xr.DataArray(scores, dims="image", coords={"image": names}, name="score")


def shares(p, interval):
    rng = np.random.default_rng([60, p])
    return [regression.partition(*simulated(rng, p), interval=interval, rng=k) for k in range(SIMULATIONS)]


def test_the_population_is_what_it_is_said_to_be():
    drawn = [simulated(np.random.default_rng(seed), 5) for seed in range(100)]
    x = [np.concatenate([sets[name].values for sets, _ in drawn]) for name in ("a", "b")]
    y = np.concatenate([scores.values for _, scores in drawn])

    def explained(columns):
        return 1 - np.var(y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]) / np.var(y)

    first, second, both = explained(x[0]), explained(x[1]), explained(np.column_stack(x))
    found = {"a": both - second, "b": both - first, "a & b": first + second - both}
    assert all(abs(found[name] - POPULATION[name]) < 0.01 for name in SUBSETS)


@pytest.mark.parametrize("p", [5, 50])
def test_intervals_hold_the_expected_out_of_fold_share(p):
    found = shares(p, "jackknife")
    low, value, high = (np.array([one[k].values for one in found]) for k in ("ci_low", "estimate", "ci_high"))
    truth = value.mean(axis=0)
    rates = dict(zip(SUBSETS, ((low <= truth) & (truth <= high)).mean(axis=0).tolist(), strict=True))
    figures = {"simulations": SIMULATIONS, "n": N, "features_per_set": p, "covered": rates, "required": 0.93}
    figures["expected"] = dict(zip(SUBSETS, truth.tolist(), strict=True))
    if SIMULATIONS == FULL:
        record(f"partition_coverage_{p}", figures, sources=SOURCES)
    slack = 0.0 if SIMULATIONS == FULL else 3 * np.sqrt(0.05 * 0.95 / SIMULATIONS)
    assert min(rates.values()) >= 0.93 - slack, rates


def test_the_gap_to_the_population_grows_with_features():
    table = {}
    for p in (5, 50, 150):
        unique = np.array([one["estimate"].values for one in shares(p, "none")])
        error = unique.std(axis=0, ddof=1) / np.sqrt(SIMULATIONS)
        table[p] = {
            name: {"expected": value, "se": se, "population": POPULATION[name]}
            for name, value, se in zip(SUBSETS, unique.mean(axis=0).tolist(), error.tolist(), strict=True)
        }
    if SIMULATIONS == FULL:
        record("partition_gap", {"simulations": SIMULATIONS, "n": N, "by_features_per_set": table}, sources=SOURCES)
    gaps = [table[p]["a"]["population"] - table[p]["a"]["expected"] for p in (5, 50, 150)]
    assert gaps[0] < gaps[1] < gaps[2]
