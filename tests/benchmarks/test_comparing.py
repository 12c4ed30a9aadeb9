"""Inference on RDMs of 2,000 images: bootstraps with noise ceilings, permutations, many layers at once."""

import pytest
from harness import Case, Contender, times
from rendering import asked
from sources import room_of

pytestmark = pytest.mark.timeout(0)
SOURCES = ["stats", *room_of("bootstrap, permutations")]
IMAGES = 2000
EXACT = 1e-10
BOOTSTRAPS, PERMUTATIONS, PARTICIPANTS = 1_000, 10_000, 5
#: What rsatoolbox is timed on, and compared with draw by draw.
FEW = 8
MEMFEAT, RSATOOLBOX, NUMPY = "memfeat", "rsatoolbox", "numpy, ranked once, in a loop"


@pytest.mark.parametrize(
    ("method", "draws", "wanted"),
    [("pearson", BOOTSTRAPS, "at least 200"), ("cosine", BOOTSTRAPS, "at least 200"), ("spearman", 100, "nothing")],
)
def test_bootstrap(bench, method, draws, wanted):
    """Ranks are taken anew in every sample, which takes minutes; that too is timed on a part and scaled."""
    n = bench.images(IMAGES)
    part = (draws, BOOTSTRAPS) if draws < BOOTSTRAPS else None
    contenders = {
        MEMFEAT: Contender("comparing:memfeat_bootstrap", {"draws": draws}, peer=False, part=part),
        RSATOOLBOX: Contender(
            "comparing:rsatoolbox_bootstrap", {"draws": FEW}, pairs=1, needs=("rsatoolbox",), part=(FEW, BOOTSTRAPS)
        ),
    }
    case = Case(
        f"rsa_bootstrap_{method}",
        f"{BOOTSTRAPS:,} bootstraps over images with noise ceilings, {PARTICIPANTS} participants, {method}",
        contenders,
        work={"n": n, "method": method, "participants": PARTICIPANTS, "checked": FEW},
        n_pairs=2 if part is None else 1,
        against=RSATOOLBOX,
        reference=RSATOOLBOX,
    )
    compared(bench, case, n, wanted)


def test_permutations(bench):
    n = bench.images(IMAGES)
    contenders = {
        MEMFEAT: Contender("comparing:memfeat_permutations", {"draws": PERMUTATIONS}, peer=False),
        NUMPY: Contender("comparing:numpy_permutations", {"draws": 50}, peer=False, part=(50, PERMUTATIONS)),
        RSATOOLBOX: Contender(
            "comparing:rsatoolbox_permutations", {"draws": FEW}, needs=("rsatoolbox",), part=(FEW, PERMUTATIONS)
        ),
    }
    case = Case(
        "rsa_permutations",
        f"{PERMUTATIONS:,} permutations of images, spearman",
        contenders,
        work={"n": n, "method": "spearman", "checked": FEW},
        n_pairs=1,
        against=RSATOOLBOX,
        reference=RSATOOLBOX,
    )
    compared(bench, case, n, "at least 25")


def compared(bench, case, n, wanted):
    found = bench.run(case, sources=SOURCES, images=n, packages=("rsatoolbox",))["contenders"]
    if "not_run" in found[RSATOOLBOX]:
        return
    bench.besides(case.name, {"times as fast as rsatoolbox": asked(times(found, RSATOOLBOX, MEMFEAT), wanted)})
    assert found[MEMFEAT]["largest_deviation"] <= EXACT


def test_fifty_layers_against_one(bench):
    """A tenth of the permutations, so that what is done once for each layer weighs more than it would."""
    n = bench.images(IMAGES)
    one, fifty = "memfeat, one layer", "memfeat, 50 layers"
    contenders = {
        one: Contender("comparing:memfeat_layers", {"layers": 1}, peer=False),
        fifty: Contender("comparing:memfeat_layers", {"layers": 50}, peer=False),
    }
    case = Case(
        "rsa_layers",
        f"{PERMUTATIONS // 10:,} permutations of images, spearman, layers tested together",
        contenders,
        work={"n": n, "method": "spearman", "draws": PERMUTATIONS // 10},
        n_pairs=2,
        against=one,
        reference=one,
    )
    found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    bench.besides(case.name, {"seconds of 50 layers over those of one": asked(times(found, fifty, one), "below 10")})
    assert found[fifty]["largest_deviation"] <= EXACT
