"""Image sets in feature space: speed against a loop, and how much memory 2 × 20,000 images from disk take."""

import tempfile
from pathlib import Path

import dissimilarities
import imagesets
import pytest
from harness import Case, Contender, scratch, times
from rendering import asked
from sources import set_features_of

pytestmark = pytest.mark.timeout(0)
SOURCES = (*set_features_of(""), "sets/features/tiles", "_blocks")
IMAGES, MANY, FEATURES, PERMUTATIONS = 2_000, 40_000, 2_048, 999
EXACT = 1e-6
ONE, ALL, LOOP = "memfeat, MMD alone", "memfeat, five statistics", "scipy pdist, scikit-learn rbf_kernel and a loop"


def test_discrepancy_with_permutations(bench):
    """The kernel and the width take a loop as long as memfeat; permutations are what differs."""
    n = bench.images(IMAGES)
    every = ["mmd", "energy", "classifier", "neighbours", "frechet"]
    contenders = {
        ONE: Contender("imagesets:memfeat", {"statistics": ["mmd"]}, peer=False),
        ALL: Contender("imagesets:memfeat", {"statistics": every}, peer=False),
        LOOP: Contender("imagesets:loop", part=(imagesets.SOME, PERMUTATIONS)),
    }
    case = Case(
        "sets_mmd",
        f"Two sets of {n // 2:,} images, {FEATURES:,} features in memory as float32, {PERMUTATIONS} permutations",
        contenders,
        work={"n": n, "p": FEATURES, "permutations": PERMUTATIONS},
        n_pairs=3,
        against=LOOP,
        reference=LOOP,
    )
    found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    bench.besides(case.name, {"times as fast as the loop": asked(times(found, LOOP, ONE), "nothing")})
    assert found[ONE]["largest_deviation"] <= EXACT


def test_many_images_from_disk(bench):
    """No n × n matrix is ever held: 40,000 images would need 12.8 GB for one."""
    n = bench.images(MANY)
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        store = Path(name) / "features.zarr"
        dissimilarities.write(store, n, FEATURES)
        case = Case(
            "sets_many",
            f"Two sets of {n // 2:,} images on disk, {FEATURES:,} features as float32, {PERMUTATIONS} permutations",
            {ALL: Contender("imagesets:memfeat_on_disk", {"store": str(store)}, peer=False)},
            work={"n": n, "permutations": PERMUTATIONS},
            n_pairs=1,
        )
        figures = bench.run(case, sources=SOURCES, images=n)
    peak = figures["contenders"][ALL]["peak_pss_bytes"]["max"] / 2**30
    bench.besides(case.name, {"peak memory in GiB": asked(peak, "below 2")})
    if not figures["rehearsal"]:
        assert peak < 2
