"""Decoding and reducing 2,000 images with 131,072 features: speed against peers, memory, and whether values agree."""

import tempfile
from pathlib import Path

import decoding
import numpy as np
import peers
import pytest
from harness import Case, Contender, scratch, times
from rendering import asked
from sources import reduction_of, regression_of

pytestmark = pytest.mark.timeout(0)
SOURCES = ["_blocks", *regression_of("decoding, ridge")]
IMAGES, FEATURES, COMPONENTS = 2000, 131_072, 50
#: Predictions at the same penalty, peers in float32; components, which turn a little where neighbours are close.
AGREED, NEAR = 1e-4, 1e-3
PERMUTATIONS = 1000
MEMFEAT, PERMUTED = "memfeat", f"memfeat, and {PERMUTATIONS:,} permuted targets"
ONCE, BY_FOLD = "scikit-learn RidgeCV, one fit", "scikit-learn RidgeCV, in each fold"
HIMALAYA, XEOFS = "himalaya KernelRidgeCV, in each fold", "xeofs EOF"


def test_nested_ridge(bench, himalaya):
    n = bench.images(IMAGES)
    folder, reason = himalaya
    bench.peers |= peers.versions(folder)
    contenders = {
        MEMFEAT: Contender("decoding:memfeat", peer=False),
        PERMUTED: Contender("decoding:memfeat", {"permutations": PERMUTATIONS}, peer=False),
        ONCE: Contender("decoding:sklearn_once"),
        BY_FOLD: Contender("decoding:sklearn_by_fold", pairs=2),
        HIMALAYA: Contender(
            "decoding:himalaya", {"folds": 1}, pairs=2, path=(folder,), not_run=reason, part=(1, decoding.N_FOLDS)
        ),
    }
    case = Case(
        "decode_ridge",
        f"Nested ridge, 5 folds, 13 penalties, {FEATURES:,} features in memory as float32",
        contenders,
        work={"n": n, "p": FEATURES},
        n_pairs=3,
        against=ONCE,
        reference=BY_FOLD,
    )
    found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    matrix = 4 * n * FEATURES
    told = {
        "seconds over those of one RidgeCV": asked(times(found, MEMFEAT, ONCE), "at most 1"),
        "times as fast as RidgeCV in each fold": asked(times(found, BY_FOLD, MEMFEAT), "at least 4"),
        "seconds of 1,000 permuted targets over those of the fit": asked(
            times(found, PERMUTED, MEMFEAT) - 1, "at most 2"
        ),
    }
    if "not_run" not in found[HIMALAYA]:
        told["times as fast as himalaya in each fold"] = asked(times(found, HIMALAYA, MEMFEAT), "at least 4")
    for label in (MEMFEAT, PERMUTED):
        peak = found[label]["peak_pss_bytes"]["max"] / matrix
        told[f"peak memory over the feature matrix, {label}"] = asked(peak, "below 1.5")
    bench.besides(case.name, told)
    assert found[MEMFEAT]["largest_deviation"] <= AGREED


@pytest.fixture
def stores():
    """Two stores of the same images, one of which has twice as many features, and the scores of each."""
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        yield Path(name)


def written(folder, n, p):
    """Write a store and the scores that go with it, and give the work that names them."""
    store, column = folder / f"{p}.zarr", folder / f"{p}.npy"
    decoding.write(store, n, p)
    np.save(column, decoding.scores(decoding.features(n, p)))
    return {"store": str(store), "scores": str(column), "p": p}


def test_larger_than_memory(bench, stores):
    """A store is read in parts, so that twice as many features take no more memory.

    Both have chunks as large as extraction makes them, which a store gives out whole.
    """
    n = bench.images(IMAGES)
    widths = (2 * FEATURES, 4 * FEATURES)
    ways = {
        f"memfeat, {p:,} features": Contender("decoding:memfeat_on_disk", written(stores, n, p), peer=False)
        for p in widths
    }
    whole = f"memfeat, {FEATURES:,} features, in memory"
    ways[whole] = Contender("decoding:memfeat", {"p": FEATURES}, peer=False)
    case = Case(
        "decode_on_disk",
        "Nested ridge, 5 folds, from a zarr store on disk, float32",
        ways,
        work={"n": n},
        n_pairs=2,
        against=whole,
    )
    found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    small, large = (found[label]["peak_pss_bytes"]["median"] for label in list(ways)[:2])
    growth = asked((large - small) / 1e6, "flat")
    bench.besides(case.name, {f"growth of the peak in MB from {widths[0]:,} to {widths[1]:,} features": growth})


def test_units_on_the_scale_of_the_training_images(bench, stores):
    """Each fold has a Gram matrix of its own, all of them added up in one pass."""
    n = bench.images(IMAGES)
    unit = {"scale": "unit"}
    ways = {
        MEMFEAT: Contender("decoding:memfeat", unit, peer=False),
        "memfeat, from a store": Contender("decoding:memfeat_on_disk", written(stores, n, FEATURES) | unit, peer=False),
        'memfeat, scale="none"': Contender("decoding:memfeat", peer=False),
        "scikit-learn StandardScaler and RidgeCV, in each fold": Contender(
            "decoding:sklearn_by_fold", {**unit, "folds": 1}, part=(1, decoding.N_FOLDS)
        ),
    }
    case = Case(
        "decode_unit",
        f'Nested ridge, 5 folds, scale="unit", {FEATURES:,} features as float32',
        ways,
        work={"n": n, "p": FEATURES},
        n_pairs=1,
        against='memfeat, scale="none"',
        reference=MEMFEAT,
    )
    found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    assert found["memfeat, from a store"]["largest_deviation"] <= AGREED


def test_many_images_with_few_features(bench):
    """What is decomposed has the size of the features."""
    n = 5 * bench.images(IMAGES)
    case = Case(
        "decode_few_features",
        f"Nested ridge, 5 folds, 13 penalties, {n:,} images of 50 features",
        {MEMFEAT: Contender("decoding:memfeat", peer=False), BY_FOLD: Contender("decoding:sklearn_by_fold")},
        work={"n": n, "p": 50},
        n_pairs=3,
        against=BY_FOLD,
        reference=BY_FOLD,
    )
    found = bench.run(case, sources=SOURCES, images=n)["contenders"]
    assert found[MEMFEAT]["largest_deviation"] <= AGREED


def test_principal_components(bench, xeofs):
    n = bench.images(IMAGES)
    folder, reason = xeofs
    bench.peers |= peers.versions(folder)
    full = "scikit-learn PCA, full"
    ways = {
        MEMFEAT: Contender("decoding:memfeat_embed", {"method": "pca"}, peer=False),
        'memfeat, "svd"': Contender("decoding:memfeat_embed", {"method": "svd"}, peer=False),
        "scikit-learn PCA, randomized": Contender("decoding:sklearn_pca", {"solver": "randomized"}),
        full: Contender("decoding:sklearn_pca", {"solver": "full"}, pairs=1),
        XEOFS: Contender("decoding:xeofs", pairs=2, path=(folder,), not_run=reason),
    }
    case = Case(
        "pca",
        f"{COMPONENTS} principal components, {FEATURES:,} features in memory as float32",
        ways,
        work={"n": n, "p": FEATURES, "components": COMPONENTS},
        n_pairs=3,
        against=XEOFS,
        reference=MEMFEAT,
    )
    found = bench.run(case, sources=["_blocks", *reduction_of("embed")], images=n)["contenders"]
    assert "not_run" in found[full] or found[full]["largest_deviation"] <= NEAR
