"""Distance measures of a layer of 2,000 images, against those by scipy: speed, memory, and whether values agree."""

import tempfile
from pathlib import Path

import decoding
import pytest
from harness import Case, Contender, scratch, times
from rendering import asked

pytestmark = pytest.mark.timeout(0)
SOURCES = ["measures", "rdm", "gram", "_blocks"]
IMAGES, FEATURES, COMPONENTS = 2000, 65_536, 50
#: How many images peers measure, by distances and by components; their seconds are scaled to all.
ROWS, SOME = 100, 2
#: Features are float32 for scikit-learn, float64 for scipy.
EXACT, NEAR = 1e-9, 1e-4
MEMFEAT, SCIPY = "memfeat", "scipy cdist and numpy, each measure by itself"


def test_distance_measures(bench):
    n = bench.images(IMAGES)
    some = min(ROWS, n)
    case = Case(
        "measures_distances",
        f"Six distance measures, {FEATURES:,} features in memory as float32",
        {MEMFEAT: Contender("measuring:memfeat", peer=False), SCIPY: Contender("measuring:scipy", part=(some, n))},
        work={"n": n, "p": FEATURES, "some": some},
        n_pairs=3,
        against=MEMFEAT,
        reference=SCIPY,
    )
    found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    peak = found[MEMFEAT]["peak_pss_bytes"]["max"] / (4 * n * FEATURES)
    told = {
        "times as fast as scipy": asked(times(found, SCIPY, MEMFEAT), "nothing"),
        "peak memory of memfeat over the feature matrix": asked(peak, "nothing"),
    }
    bench.besides(case.name, told)
    assert found[MEMFEAT]["largest_deviation"] <= EXACT


def test_more_features_take_no_more_memory(bench):
    """A store is read in parts."""
    n, widths = bench.images(IMAGES), (FEATURES, 2 * FEATURES)
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        ways = {}
        for p in widths:
            store = Path(name) / f"{p}.zarr"
            decoding.write(store, n, p)
            ways[f"memfeat, {p:,} features"] = Contender(
                "measuring:memfeat_on_disk", {"store": str(store), "p": p}, peer=False
            )
        first, second = ways
        case = Case(
            "measures_on_disk",
            "Six distance measures from a zarr store on disk, float32",
            ways,
            work={"n": n},
            n_pairs=2,
            against=first,
        )
        found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    peaks = [found[label]["peak_pss_bytes"]["median"] for label in (first, second)]
    growth = asked((peaks[1] - peaks[0]) / 1e6, "flat")
    bench.besides(case.name, {f"growth of the peak in MB from {widths[0]:,} to {widths[1]:,} features": growth})


def test_reconstruction(bench):
    """One decomposition gives those without each image; a peer makes one each, for a few images."""
    n = bench.images(IMAGES)
    components = min(COMPONENTS, n - 2)
    by_hand = "scikit-learn PCA, without each image"
    case = Case(
        "measures_reconstruction",
        f"Reconstruction error by {components} components of the others, 8,192 features in memory as float32",
        {
            MEMFEAT: Contender("measuring:memfeat_left_out", peer=False),
            by_hand: Contender("measuring:sklearn_left_out", pairs=1, part=(SOME, n)),
        },
        work={"n": n, "p": 8192, "components": components, "some": SOME},
        n_pairs=3,
        against=MEMFEAT,
        reference=by_hand,
    )
    found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    bench.besides(case.name, {"times as fast as scikit-learn": asked(times(found, by_hand, MEMFEAT), "nothing")})
    assert found[MEMFEAT]["largest_deviation"] <= NEAR
