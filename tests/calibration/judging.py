"""How a rate of rejection or of coverage is judged and kept.

`MEMFEAT_SIMULATIONS` runs fewer, to try a file; such runs are judged by the same binomial test, and are not recorded.
"""

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from record import band, record
from scipy.stats import binomtest

FULL = 1_000
SIMULATIONS = int(os.environ.get("MEMFEAT_SIMULATIONS", FULL))
REQUIRED = (0.93, 0.97)


def every(judgements: Iterable[Callable[[], None]]) -> None:
    """Make all judgements, so that all figures are kept, and tell which failed."""
    failed = []
    for judged in judgements:
        try:
            judged()
        except AssertionError as error:
            failed.append(str(error))
    assert not failed, "; ".join(failed)


class Judge(NamedTuple):
    """One for the results of a room, whose names start alike."""

    prefix: str
    sources_of: Callable[[str], tuple[str, ...]]
    """Name of a result → what it was measured on."""

    def keep(self, name, figures):
        if SIMULATIONS == FULL:
            called = f"{self.prefix}{name}"
            record(called, {"simulations": SIMULATIONS} | figures, sources=self.sources_of(called))

    def within_band(self, p, name, figures, *, tests, discrete=False):
        """Judge a rate of rejection at .05, one of `tests` in its file; a discrete test need only not exceed it."""
        n, rejections = len(p), int((np.asarray(p) <= 0.05).sum())
        test = binomtest(rejections, n, 0.05, alternative="greater" if discrete else "two-sided")
        low, high = band(0.05, n, tests=tests)
        rate = rejections / n
        figures = figures | {"simulations": n, "rejected": rate, "accepted": [0.0 if discrete else low, high]}
        self.keep(name, figures | {"p": test.pvalue})
        assert test.pvalue >= 0.01 / tests, f"{name}: {rate} of p-values are at most .05"

    def covers(self, covered, name, figures):
        """Judge how often intervals hold the truth."""
        rate = float(np.mean(covered))
        self.keep(name, figures | {"covered": rate, "required": list(REQUIRED)})
        slack = 0.0 if SIMULATIONS == FULL else 3 * np.sqrt(0.05 * 0.95 / SIMULATIONS)
        assert REQUIRED[0] - slack <= rate <= REQUIRED[1] + slack, f"{name}: {rate} of intervals hold the truth"

    def reported(self, covered, name, figures, *, because="few images"):
        """Keep how often intervals hold the truth where that is not required: with few images, or on request."""
        self.keep(name, figures | {"covered": float(np.mean(covered)), "required": f"nothing, {because}"})
