"""The page on validation summarises all recorded calibrations, and hides none that did not come out as it should."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "tests" / "calibration" / "results"

pytestmark = pytest.mark.skipif(not (ROOT / "docs").exists(), reason="needs the source tree")
#: Results that are neither false alarms nor intervals: leaks, power, gaps to the population, sparse codes.
OTHER = ("partition_gap", "regression_leak", "rsa_weighted_leak", "sets_power", "sets_features_power", "sparse_coding")


@pytest.fixture(scope="module")
def calibrated():
    spec = importlib.util.spec_from_file_location("calibrated", ROOT / "docs" / "calibrated.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibrated"] = module  # typing.NamedTuple looks its module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["calibrated"]


@pytest.fixture(scope="module")
def every(calibrated):
    files = sorted(RESULTS.glob("*.json"))
    return [rate for one in files for rate in calibrated.rates(one.stem, json.loads(one.read_text())["figures"])]


def test_every_result_is_summarised(calibrated, every):
    names = {file.stem for file in RESULTS.glob("*.json")}
    assert {name for name in names - {rate.result for rate in every} if not name.startswith(OTHER)} == set()
    assert {rate.result for rate in every if calibrated.family(rate.result) is None} == set()


def test_no_rate_that_is_off_is_hidden(calibrated, every):
    low, high = calibrated.WHOLE
    # of shares of several sets no more than `low` is required
    off = [
        rate
        for rate in every
        if rate.kind == "shown"
        or (rate.kind == "few" and not low <= rate.value <= high)
        or (rate.kind == "interval" and not low <= rate.value <= (1 if rate.result.startswith("partition") else high))
        or (rate.kind in ("test", "cautious") and rate.value > 0.078)
        or (rate.kind == "test" and rate.value < 0.026)
    ]
    assert len(off) > 40
    assert [rate for rate in off if calibrated.departure(rate) is None] == []


def test_every_departure_names_what_was_recorded(calibrated, every):
    for one in calibrated.DEPARTURES:
        for name, key in one.rates:
            assert [r for r in every if r.result.startswith(name) and r.key.startswith(key)], (name, key)
        assert [rate for rate in every if calibrated.departure(rate) is one], one.what


def test_rates_are_told_apart(calibrated):
    figures = {"rejected": 0.04, "accepted": [0.02, 0.08], "covered": {"n=40, r2": 0.9, "n=400, r2": 0.94}, "free": 0.3}
    found = [(rate.key, rate.kind, rate.value) for rate in calibrated.rates("rsa_x", figures)]
    assert found == [
        ("", "test", 0.04), ("free", "shown", 0.3), ("n=40, r2", "few", 0.9), ("n=400, r2", "interval", 0.94),
    ]  # fmt: skip
    kinds = {"cautious": {"rejected": 0.02, "accepted": [0.0, 0.08]}, "shown": {"rejected": 0.6}}
    kinds |= {"few": {"covered": 0.9, "required": "nothing, few images"}, "interval": {"covered": 0.9}}
    assert {kind: next(calibrated.rates("rsa_x", one)).kind for kind, one in kinds.items()} == {k: k for k in kinds}


def test_a_row_has_the_least_and_the_largest(calibrated):
    rates = [calibrated.Rate("drift_a", "", "interval", value) for value in (0.951, 0.938, 0.96)]
    rates.append(calibrated.Rate("drift_refitted_b", "", "interval", 0.828))
    row = next(row for row in calibrated.held(rates) if "Drift" in row[0])
    assert row[1:] == ["", "", "93.8–96.0\N{NO-BREAK SPACE}% (3)", ""]
    assert [row[2] for row in calibrated.did_not(rates) if row[2]] == ["82.8\N{NO-BREAK SPACE}%"]
    assert calibrated.span([0.5]) == "50.0\N{NO-BREAK SPACE}%"
