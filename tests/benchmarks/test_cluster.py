"""Extraction on a cluster: two workers against one, each with one core of this machine."""

import os

import pytest
from harness import Case, Contender

pytestmark = [pytest.mark.data, pytest.mark.timeout(0)]
SOURCES = ["activations", "models", "images"]
#: Two blocks of 256 images: one for each of two workers.
IMAGES = 512


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two workers need two cores")
def test_two_workers_against_one(bench, photographs):
    n = bench.images(IMAGES)
    one, two = "memfeat, one worker", "memfeat, two workers"
    contenders = {
        one: Contender("extraction:on_a_cluster", {"workers": 1}, peer=False, needs=("distributed",)),
        two: Contender("extraction:on_a_cluster", {"workers": 2}, peer=False, needs=("distributed",)),
    }
    case = Case(
        "cluster",
        "ResNet-18 on a dask cluster, blocks pooled, one core a worker",
        contenders,
        work={"images": photographs[:n], "batch": 16},
        n_pairs=3,
        against=one,
        reference=one,
    )
    figures = bench.run(case, sources=SOURCES, images=n, packages=("distributed",))
    digests = {label: each["facts"]["sha256_of_the_store"] for label, each in figures["contenders"].items()}
    assert digests[one] == digests[two]
