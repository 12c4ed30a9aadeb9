"""The report of 800 photographs, and of 5,000: how long it takes to write, how large it is, how fast it opens."""

import pytest
from harness import Case, Contender
from rendering import asked

pytestmark = pytest.mark.timeout(0)
SOURCES = ["report", "images/views"]
#: Seconds in which so many photographs shall open.
LONGEST, ASKED = 3, 800


@pytest.mark.parametrize("n", [ASKED, 5_000])
def test_a_report_opens(bench, data_folder, n):
    n = bench.images(n)
    case = Case(
        f"report_{n}",
        f"Report of {n:,} photographs, two layers, three sets, opened in Chromium",
        {"memfeat": Contender("reports:memfeat", peer=False)},
        work={"n": n, "photos": str(data_folder / "lnsim" / "images")},
        n_pairs=1,
    )
    figures = bench.run(case, sources=SOURCES, images=n)
    facts = figures["contenders"]["memfeat"]["facts"]
    bench.besides(case.name, {"seconds until it is open": asked(facts["opened in s"], f"below {LONGEST} for {ASKED}")})
    if n == ASKED and not figures["rehearsal"]:
        assert facts["opened in s"] < LONGEST
