"""Speed of extraction with ResMem on the CPU, from JPEG files to features on disk, against bare networks and peers."""

import extraction
import peers as others
import pytest
from harness import Case, Contender

pytestmark = [pytest.mark.data, pytest.mark.timeout(0)]
IMAGES = 320
#: Of the released package's loop and of peers; and memfeat's own on a CPU, which the bare forward of its mode shares.
BATCH, OURS = 16, 8
SOURCES = ["activations", "models", "images"]
RELEASED, EXACT, FAST = "resmem package, its own forward", "memfeat", "memfeat, fast"
HOOKS = "plain hooks, cloning"
#: memfeat stops after the layers that are asked for; the bare forward goes on to the prediction.
TRUNK, FOLDED_TRUNK = "bare forward of the trunk alone", "bare forward of the trunk alone, folded"
BARE, FOLDED = "bare forward, images in memory", "bare forward, folded, images in memory"


def test_speed(bench, photographs, thingsvision):
    n = bench.images(IMAGES)
    folder, reason = thingsvision
    bench.peers |= others.versions(folder)
    fast = {"options": {"fast": True}, "batch": OURS, "layers": extraction.BLOCKS}
    contenders = {
        RELEASED: Contender("extraction:released_loop", peer=False),
        EXACT: Contender("extraction:memfeat", {"batch": OURS}, peer=False),
        BARE: Contender("extraction:bare", {"folded": False, "batch": OURS}, peer=False),
        TRUNK: Contender("extraction:bare", {"folded": False, "batch": OURS, "part": "features"}, peer=False, pairs=2),
        FAST: Contender("extraction:memfeat", fast, peer=False),
        FOLDED: Contender("extraction:bare", {"folded": True, "batch": OURS}, peer=False),
        FOLDED_TRUNK: Contender(
            "extraction:bare", {"folded": True, "batch": OURS, "part": "features"}, peer=False, pairs=2
        ),
        HOOKS: Contender("extraction:hooks", pairs=1),
        "torchextractor": Contender("extraction:torchextractor", pairs=1, needs=("torchextractor",)),
        "torchvision create_feature_extractor": Contender("extraction:torchvision", pairs=1),
        "thingsvision": Contender("extraction:thingsvision", pairs=1, path=(folder,), not_run=reason),
    }
    work = {"images": photographs[:n], "layers": [*extraction.BLOCKS, *extraction.CONVOLUTIONS]}
    case = Case(
        "extraction",
        "ResMem, 50 blocks and 155 convolutions pooled (fast: the blocks)",
        contenders,
        work={**work, "batch": BATCH, "reduce": "mean"},
        against=RELEASED,
        reference=HOOKS,
    )
    figures = bench.run(case, sources=SOURCES, images=n, packages=("resmem", "torchextractor"))
    found = figures["contenders"]
    told = {EXACT: shares(found, EXACT, BARE, TRUNK), FAST: shares(found, FAST, FOLDED, FOLDED_TRUNK)}
    bench.besides(case.name, {f"{what}, {label}": value for label, one in told.items() for what, value in one.items()})
    assert found[EXACT]["largest_deviation"] <= 1e-5
    assert found[FAST]["largest_deviation"] <= 1e-3


def shares(found, ours: str, bare: str, trunk: str) -> dict[str, float]:
    """Give what extraction costs beyond the bare forward, and how much of it is writing."""
    seconds = found[ours]["seconds"]["median"]
    beyond = seconds / found[bare]["seconds"]["median"]
    writing = found[ours]["facts"].get("seconds_of_writing")
    alone = seconds / found[trunk]["seconds"]["median"]
    told = {
        "seconds_over_those_of_the_bare_forward": round(beyond, 3),
        "seconds_over_those_of_the_bare_trunk": round(alone, 3),
    }
    return told if writing is None else {**told, "share_of_seconds_spent_writing": round(writing / seconds, 4)}
