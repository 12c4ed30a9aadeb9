"""Peak memory does not grow with the number of images, whatever is kept of them."""

import extraction
import pytest
from harness import Case, Contender

pytestmark = [pytest.mark.data, pytest.mark.timeout(0)]
SOURCES = ["activations", "models", "images"]
GROWTH, TOTAL = 100e6, 2.5e9


def growing(bench, photographs, name, title, *, of, share, entries, work):
    """Measure every entry with `of` images and with 1/`share` of them, and give the growth of each."""
    n = bench.images(of)
    labels = {f"{way}, {size} images": (way, size) for way in entries for size in (max(1, n // share), n)}
    contenders = {
        label: Contender(entries[way], {"images": photographs[:size]}, peer=way != "memfeat")
        for label, (way, size) in labels.items()
    }
    case = Case(name, title, contenders, work={"batch": 8, "unchecked": True, **work}, n_pairs=1)
    figures = bench.run(case, sources=SOURCES, images=n)
    found = figures["contenders"]
    growth = {}
    for way in entries:
        small, large = (found[label] for label, (one, _) in labels.items() if one == way)
        if "not_run" not in small and "not_run" not in large:
            more = large["peak_pss_bytes"]["median"] - small["peak_pss_bytes"]["median"]
            growth[f"growth_of_the_peak_in_MB_of_{way}"] = round(more / 1e6, 1)
    whole = max(found[label]["peak_pss_whole_bytes"]["max"] for label, (way, _) in labels.items() if way == "memfeat")
    bench.besides(name, {**growth, "highest_total_in_MB_of_memfeat": round(whole / 1e6, 1)})
    if not figures["rehearsal"]:
        assert growth["growth_of_the_peak_in_MB_of_memfeat"] * 1e6 < GROWTH
        assert whole < TOTAL


def test_pooled(bench, photographs):
    growing(
        bench,
        photographs,
        "memory_pooled",
        "Memory: ResMem, 50 blocks and 155 convolutions pooled",
        of=800,
        share=8,
        entries={"memfeat": "extraction:memfeat"},
        work={"layers": [*extraction.BLOCKS, *extraction.CONVOLUTIONS], "reduce": "mean"},
    )


def test_four_full_maps(bench, photographs):
    growing(
        bench,
        photographs,
        "memory_four_maps",
        "Memory: ResMem, whole maps of four blocks",
        of=200,
        share=4,
        entries={"memfeat": "extraction:memfeat", "plain hooks, cloning": "extraction:hooks"},
        work={"layers": extraction.FOUR, "reduce": "none"},
    )


def test_all_full_maps(bench, photographs):
    growing(
        bench,
        photographs,
        "memory_all_maps",
        "Memory: ResNet-18, whole maps of all layers",
        of=800,
        share=8,
        entries={"memfeat": "extraction:memfeat"},
        work={"model": "resnet18", "loading": {"weights": "random", "rng": 0}, "layers": None, "reduce": "none"},
    )
