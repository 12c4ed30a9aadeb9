"""Two sets of 100 from 800 photographs, matched in six low-level statistics: seconds, and how near they come."""

import pytest
from harness import Case, Contender
from rendering import asked

pytestmark = [pytest.mark.timeout(0), pytest.mark.data]
SOURCES = [f"sets/choosing/{file}" for file in ("exchanging", "matching", "pools", "problems", "programs", "solving")]
EQUAL, APART, RANDOM = "memfeat, equal hit rates", "memfeat, 1.5 SD apart", "best of 10,000 random draws, equal"


def test_sets_are_chosen_from_a_pool(bench, data_folder):
    ways = {"equal": EQUAL, "apart": APART}
    asked_for = {"equal": "equal", "apart": {"sd": 1.5}}
    contenders = {
        label: Contender("matching:memfeat", {"difference": asked_for[way]}, peer=False) for way, label in ways.items()
    }
    contenders[RANDOM] = Contender("matching:at_random", {"draws": 10_000})
    case = Case(
        "sets_matched",
        "2 × 100 of 800 photographs, six low-level statistics within .1 SD",
        contenders,
        work={"folder": str(data_folder / "lnsim"), "n": 100},
        n_pairs=3,
        against=RANDOM,
    )
    figures = bench.run(case, sources=SOURCES, packages=["scipy"])
    found = figures["contenders"]
    slowest = max(found[label]["seconds"]["max"] for label in ways.values())
    bench.besides(case.name, {"seconds at most": asked(slowest, "below 30")})
    if not figures["rehearsal"]:
        assert slowest < 30
