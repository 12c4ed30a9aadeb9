"""1,000 split-halves of 185,040 trials: speed against a loop with pandas, and whether both agree."""

import pytest
import splithalves
from harness import Case, Contender, times
from rendering import asked

pytestmark = pytest.mark.timeout(0)
SPLITS = 1_000
MEMFEAT, WITH, LOOP = "memfeat", "memfeat, and intervals from 1,000 samples of images", "a loop with pandas"
SOURCES = [
    "stats",
    *(f"scores/{file}" for file in ("agreement", "counts", "halving", "splitting", "summing", "trials")),
]


@pytest.mark.data
def test_split_halves_of_trials(bench, data_folder):
    contenders = {
        MEMFEAT: Contender("splithalves:memfeat", peer=False),
        WITH: Contender("splithalves:memfeat", {"bootstraps": 1_000}, peer=False),
        LOOP: Contender("splithalves:pandas_loop", part=(splithalves.FIRST, SPLITS)),
    }
    case = Case(
        "split_half",
        f"{SPLITS:,} split-halves of 185,040 trials, four scores of 480 images",
        contenders,
        work={"trials": str(data_folder / "rocks480" / "trials.csv.gz"), "splits": SPLITS},
        n_pairs=3,
        against=LOOP,
        reference=LOOP,
    )
    figures = bench.run(case, sources=SOURCES, packages=["pandas"])
    found = figures["contenders"]
    seconds = found[MEMFEAT]["seconds"]["median"]
    told = {
        "times as fast as the loop": asked(times(found, LOOP, MEMFEAT), "at least 100"),
        "seconds": asked(seconds, "below 3"),
    }
    bench.besides(case.name, told)
    assert found[MEMFEAT]["largest_deviation"] <= 1e-9
    if not figures["rehearsal"]:
        assert seconds < 3
        assert times(found, LOOP, MEMFEAT) >= 100
