"""RDMs of 2,000 images: speed against the bare matrix product and against peers, memory, and whether values agree."""

import tempfile
from dataclasses import replace
from pathlib import Path

import dissimilarities
import peers
import pytest
from harness import Case, Contender, scratch, times
from rendering import asked
from sources import room_of

pytestmark = pytest.mark.timeout(0)
SOURCES = ["rdm", "gram", "_blocks"]
IMAGES = 2000
EXACT = 1e-10
PRODUCT = "numpy, the bare product of float64 values with themselves"
MEMFEAT, SCIPY, RSATOOLBOX, MNE = "memfeat", "scipy pdist", "rsatoolbox", "mne-rsa"


def test_correlation_in_memory(bench, mne_rsa):
    n = bench.images(IMAGES)
    folder, reason = mne_rsa
    bench.peers |= peers.versions(folder)
    contenders = {
        PRODUCT: Contender("dissimilarities:product", peer=False),
        "numpy, centred, scaled, multiplied, upper triangle": Contender(
            "dissimilarities:whole", {"dtype": "float64"}, peer=False, pairs=3
        ),
        "the same in float32": Contender("dissimilarities:whole", {"dtype": "float32"}, peer=False, pairs=3),
        MEMFEAT: Contender("dissimilarities:memfeat", peer=False),
        SCIPY: Contender("dissimilarities:scipy", pairs=2),
        RSATOOLBOX: Contender("dissimilarities:rsatoolbox", pairs=2, needs=("rsatoolbox",)),
        MNE: Contender("dissimilarities:mne_rsa", pairs=2, path=(folder,), not_run=reason),
    }
    case = Case(
        "rdm_correlation",
        "Correlation RDM, 10,000 features in memory as float64",
        contenders,
        work={"n": n, "p": 10_000},
        against=PRODUCT,
        reference=SCIPY,
    )
    found = bench.run(case, sources=SOURCES, images=n, packages=("rsatoolbox",))["contenders"]
    told = {"seconds of memfeat over those of the bare product": asked(times(found, MEMFEAT, PRODUCT), "at most 1.5")}
    there = [name for name in (RSATOOLBOX, MNE, SCIPY) if "not_run" not in found[name]]
    wanted = {RSATOOLBOX: "at least 10", MNE: "at least 10", SCIPY: "nothing"}
    told |= {f"times as fast as {name}": asked(times(found, name, MEMFEAT), wanted[name]) for name in there}
    bench.besides(case.name, told)
    assert found[MEMFEAT]["largest_deviation"] <= EXACT


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        yield Path(name)


def test_larger_than_memory(bench, folder):
    """A store is read in parts, so that four times as many features take no more memory."""
    n = bench.images(IMAGES)
    small, large = 32_768, 131_072
    stores = {p: folder / f"{p}.zarr" for p in (small, large)}
    for p, store in stores.items():
        dissimilarities.write(store, n, p)
    work = {p: {"store": str(store), "p": p} for p, store in stores.items()}
    little = 2**27
    labels = {p: f"memfeat, {p:,} features, memory=2**27" for p in work}
    ways = {
        label: Contender("dissimilarities:memfeat_on_disk", {**work[p], "memory": little}, peer=False)
        for p, label in labels.items()
    }
    whole = f"memfeat, {large:,} features"
    ways[whole] = Contender("dissimilarities:memfeat_on_disk", {**work[large], "memory": None}, peer=False)
    ways[f"numpy, {large:,} features, all in memory"] = Contender(
        "dissimilarities:numpy_on_disk", work[large], peer=False, pairs=1
    )
    case = Case(
        "rdm_on_disk",
        "Correlation RDM of a zarr store on disk, float32",
        ways,
        n_pairs=2,
        against=whole,
        reference=list(ways)[-1],
    )
    found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    peaks = {p: found[label]["peak_pss_bytes"]["median"] for p, label in labels.items()}
    growth = asked((peaks[large] - peaks[small]) / 1e6, "flat")
    bench.besides(case.name, {f"growth of the peak in MB from {small:,} to {large:,} features": growth})
    assert found[whole]["largest_deviation"] <= EXACT


@pytest.mark.parametrize(
    ("name", "title", "entries", "work", "sources"),
    [
        (
            "rdm_agreement",
            "RDMs of seven metrics",
            (
                "dissimilarities:all_metrics_of_memfeat",
                "dissimilarities:all_metrics_of_scipy",
                "dissimilarities:all_metrics_of_mne_rsa",
            ),
            {"p": 300},
            SOURCES,
        ),
        (
            "rsa_agreement",
            "RDMs compared in five ways",
            (
                "comparing:all_methods_of_memfeat",
                "comparing:all_methods_of_scipy",
                "comparing:all_methods_of_mne_rsa",
            ),
            {},
            room_of("partial"),
        ),
    ],
)
def test_values_agree(bench, mne_rsa, name, title, entries, work, sources):
    n = min(200, bench.images(IMAGES))
    folder, reason = mne_rsa
    bench.peers |= peers.versions(folder)
    ways = {label: Contender(entry, peer=False) for label, entry in zip((MEMFEAT, "scipy", MNE), entries, strict=True)}
    ways[MNE] = replace(ways[MNE], path=(folder,), not_run=reason)
    case = Case(
        name, f"{title}: do values agree", ways, work={"n": n, **work}, n_pairs=1, reference=MEMFEAT, facts_only=True
    )
    found = bench.run(case, sources=sources, images=n)["contenders"]
    for label in ("scipy", MNE):
        assert "not_run" in found[label] or found[label]["largest_deviation"] <= EXACT
