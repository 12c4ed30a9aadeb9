"""Speed of extraction with ResMem on the CPU, from JPEG files to features on disk, against bare networks and peers."""

import inspect

import extraction
import peers as others
import pytest
from harness import Case, Contender

import memfeat as mf

pytestmark = [pytest.mark.data, pytest.mark.timeout(0)]
IMAGES = 320
#: Of the released package's loop and of peers; and memfeat's own on a CPU, which the bare forward of its mode shares.
BATCH, OURS = 16, 8
SOURCES = ["activations", "models", "images"]
RELEASED, EXACT, FAST = "resmem package, its own forward", "memfeat", "memfeat, fast"
BARE, FOLDED = "bare forward, images in memory", "bare forward, folded, images in memory"
#: The most that extraction may cost beyond the bare forward, and that writing may take of the whole.
OVERHEAD, WRITING = 1.05, 0.05


def test_exact_speed(bench, photographs, thingsvision):
    n = bench.images(IMAGES)
    folder, reason = thingsvision
    bench.peers |= others.versions(folder)
    contenders = {
        RELEASED: Contender("extraction:released_loop", peer=False),
        EXACT: Contender("extraction:memfeat", {"batch": OURS}, peer=False),
        BARE: Contender("extraction:bare", {"folded": False, "batch": OURS}, peer=False),
        "plain hooks, cloning": Contender("extraction:hooks", pairs=1),
        "torchextractor": Contender("extraction:torchextractor", pairs=1, needs=("torchextractor",)),
        "torchvision create_feature_extractor": Contender("extraction:torchvision", pairs=1),
        "thingsvision": Contender("extraction:thingsvision", pairs=1, path=(folder,), not_run=reason),
    }
    work = {"images": photographs[:n], "layers": [*extraction.BLOCKS, *extraction.CONVOLUTIONS]}
    case = Case(
        "extraction_exact",
        "ResMem, 50 blocks and 155 convolutions pooled, exact",
        contenders,
        work={**work, "batch": BATCH, "reduce": "mean"},
        against=RELEASED,
        reference="plain hooks, cloning",
    )
    packages = ("resmem", "torchextractor")
    figures = bench.run(case, sources=SOURCES, images=n, packages=packages)
    found = figures["contenders"]
    bench.besides(case.name, shares(found, EXACT, BARE))
    assert found[EXACT]["largest_deviation"] <= 1e-5
    if not figures["rehearsal"]:
        fast_enough(found, EXACT, BARE, at_least=1.2)


def test_fast_speed(bench, photographs):
    if not has_fast():
        pytest.skip("mf.extract has no fast= yet")
    n = bench.images(IMAGES)
    contenders = {
        RELEASED: Contender("extraction:released_loop", peer=False),
        FAST: Contender("extraction:memfeat", {"options": {"fast": True}, "batch": OURS}, peer=False),
        FOLDED: Contender("extraction:bare", {"folded": True, "batch": OURS}, peer=False),
        "plain hooks, cloning": Contender("extraction:hooks", pairs=1),
    }
    case = Case(
        "extraction_fast",
        "ResMem, 50 blocks pooled, fast",
        contenders,
        work={"images": photographs[:n], "layers": extraction.BLOCKS, "batch": BATCH, "reduce": "mean"},
        against=RELEASED,
        reference="plain hooks, cloning",
    )
    figures = bench.run(case, sources=SOURCES, images=n, packages=("resmem",))
    found = figures["contenders"]
    bench.besides(case.name, shares(found, FAST, FOLDED))
    assert found[FAST]["largest_deviation"] <= 1e-3
    if not figures["rehearsal"]:
        fast_enough(found, FAST, FOLDED, at_least=1.25)


def has_fast() -> bool:
    options = {**mf.extract.__annotations__, **inspect.signature(mf.extract).parameters}
    return "fast" in options or "fast" in _run_options()


def _run_options() -> dict[str, object]:
    from memfeat.activations.options import RunOptions

    return RunOptions.__annotations__


def shares(found, ours: str, bare: str) -> dict[str, float]:
    """Give what extraction costs beyond the bare forward, and how much of it is writing."""
    seconds = found[ours]["seconds"]["median"]
    beyond = seconds / found[bare]["seconds"]["median"]
    writing = found[ours]["facts"].get("seconds_of_writing")
    told = {"seconds_over_those_of_the_bare_forward": round(beyond, 3)}
    return told if writing is None else {**told, "share_of_seconds_spent_writing": round(writing / seconds, 4)}


def fast_enough(found, ours: str, bare: str, *, at_least: float) -> None:
    told = shares(found, ours, bare)
    assert found[ours]["speed"]["median"] >= at_least
    assert told["seconds_over_those_of_the_bare_forward"] <= OVERHEAD
    assert told.get("share_of_seconds_spent_writing", 0) <= WRITING
