"""What is planted in features is found by the measure of it, and by no other; and ratings of real photographs."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import spearmanr

from memfeat import measures

N, P, SEEDS = 200, 60, range(3)
NAMES = [f"{i:03d}" for i in range(N)]
#: Mean rank correlation over seeds that counts as found, and up to which it counts as none: 3.7 standard errors of
#: independent images, 2.6 where both images of a pair have much the same neighbours.
FOUND, NOT_FOUND = 0.6, 0.15
#: Categories that have nothing to do with what is planted; images of a pair are of different ones.
KINDS = pd.Series([(i + (i >= N // 2)) % 4 for i in range(N)], index=NAMES, name="kind")
#: Of ten components alone, chance holds so much of an image that no structure could be found to .6.
WIDE = 30
MEASURES = {
    "magnitude": measures.magnitude,
    "sparseness": measures.sparseness,
    "typicality": measures.typicality,
    "nearest": lambda a: measures.distinctiveness(a, metric="correlation"),
    "two_nearest": lambda a: measures.distinctiveness(a, kind="k_nearest", k=2, metric="correlation"),
    "mean": lambda a: measures.distinctiveness(a, kind="mean", metric="correlation"),
    "density_of_one": lambda a: measures.density(a, k=1, metric="correlation"),
    "density": lambda a: measures.density(a, metric="correlation"),
    "eccentricity": measures.eccentricity,
    "mahalanobis": lambda a: measures.eccentricity(a, metric="mahalanobis", n_components=WIDE),
    "prototype": lambda a: measures.prototype_distance(a, KINDS),
    "contextual": lambda a: measures.contextual_distinctiveness(a, n_components=WIDE),
    "reconstruction": measures.reconstruction_error,
    "sparse_coding": lambda a: measures.sparse_coding(a, n_atoms=20, n_iterations=15, rng=0, device="cpu"),
}


def direction(rng, n):
    values = rng.standard_normal((n, P))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def planted_magnitude(score, rng):
    """The larger the score, the stronger the response, in whichever direction."""
    return direction(rng, N) * (1 + score[:, None])


def planted_neighbour(score, rng):
    """Pairs of images, none a copy, the further apart the larger their score, with no other relation."""
    half = 0.05 + score[: N // 2] * 0.8
    one, other = direction(rng, N // 2), direction(rng, N // 2)
    other -= (other * one).sum(axis=1, keepdims=True) * one
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    angle = half[:, None]
    pairs = np.concatenate([one, np.cos(angle) * one + np.sin(angle) * other])
    return pairs * rng.permutation(np.linspace(0.8, 1.2, N))[:, None]


def planted_anna_karenina(score, rng):
    """The larger the score, the nearer to what all have in common; forgettable images each in a way of its own."""
    common, own = direction(rng, 1), direction(rng, N)
    mixed = common * (0.3 + score[:, None]) + own
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    return mixed * rng.permutation(np.linspace(0.95, 1.05, N))[:, None]


#: What is planted -> how, and what theory expects: sign, 0 if it is not found, None if theory does not say; why; where.
PLANTED = {
    "magnitude": (
        planted_magnitude,
        [
            (1, "it is the length", ["magnitude"]),
            (
                1,
                "the middle is near 0, from where a distance is a length",
                ["eccentricity", "prototype", "mahalanobis"],
            ),
            (1, "what lies far from the middle has few others around it", ["contextual"]),
            (1, "what is left over grows with the length of what is described", ["reconstruction", "sparse_coding"]),
            (0, "shares of a response know no length", ["sparseness"]),
            (0, "correlations know no length", ["typicality", "nearest", "two_nearest", "mean"]),
            (0, "correlations know no length", ["density_of_one", "density"]),
        ],
    ),
    "neighbour": (
        planted_neighbour,
        [
            (1, "the other of the pair is the nearest", ["nearest"]),
            (1, "the other of the pair is one of two", ["two_nearest"]),
            (-1, "the nearer the other of the pair, the denser", ["density_of_one"]),
            (0, "the other of the pair is nearer than the fifth neighbour", ["density"]),
            (0, "lengths and shares of units are dealt at random", ["magnitude", "sparseness"]),
            (0, "the other of the pair is one of 199", ["typicality", "mean", "eccentricity"]),
            (0, "the other of the pair is of another category", ["prototype"]),
            (None, "a wide kernel sees 199 others alike, a narrow one the other of the pair alone", ["contextual"]),
            (None, "the other adds a third to what others vary in this direction", ["reconstruction", "mahalanobis"]),
            (None, "the same, as far as atoms follow it", ["sparse_coding"]),
        ],
    ),
    "anna_karenina": (
        planted_anna_karenina,
        [
            (1, "what all have in common correlates with all", ["typicality"]),
            (-1, "the same from the other side", ["mean"]),
            (-1, "the middle is what all have in common", ["eccentricity", "prototype"]),
            (-1, "what lies near the middle lies nearer to each other image", ["nearest", "two_nearest", "contextual"]),
            (1, "what lies near the middle lies nearer to each other image", ["density_of_one", "density"]),
            (-1, "what is an image's own is what no other explains", ["reconstruction", "sparse_coding"]),
            (-1, "along all components but one lies what is an image's own", ["mahalanobis"]),
            (0, "all are of one length, but for chance", ["magnitude"]),
            (0, "a common direction is no sparser than others", ["sparseness"]),
        ],
    ),
}


def test_theory_says_of_every_measure_what_it_finds():
    for structure, (_, expected) in PLANTED.items():
        told = [name for _, _, names in expected for name in names]
        assert sorted(told) == sorted(MEASURES), structure


@pytest.mark.parametrize("structure", PLANTED)
def test_a_planted_structure_is_found_by_its_measures_and_by_no_other(structure):
    plant, expected = PLANTED[structure]
    told = {name: (sign, why) for sign, why, names in expected for name in names if sign is not None}
    found = {name: [] for name in told}
    for seed in SEEDS:
        rng = np.random.default_rng([seed, N])
        score = np.tile(rng.permutation(np.linspace(0, 1, N // 2)), 2)
        layer = xr.DataArray(plant(score, rng), dims=["image", "fc:unit"], coords={"image": NAMES}, name="fc")
        for name in told:
            found[name].append(spearmanr(MEASURES[name](layer)["fc"], score).statistic)
    means = {name: float(np.mean(values)) for name, values in found.items()}
    for name, (sign, why) in told.items():
        assert sign * means[name] > FOUND if sign else abs(means[name]) < NOT_FOUND, (name, why, means)


@pytest.mark.data
def test_rated_distinctiveness_of_rocks_goes_with_distances_among_them(data_folder):
    """Rocks in the 8-d space of human similarity: what is rated distinct lies apart."""
    folder = data_folder / "rocks480" / "info"
    points = pd.read_csv(folder / "Rocks480_MDS8_solution.csv", index_col="image_id")
    rated = pd.read_csv(folder / "Rocks480_distinctiveness.csv", index_col="image_id")["distinct_rat"]
    names = [f"rock-{number:03d}" for number in points.index]
    layer = xr.DataArray(points.values, dims=["image", "mds:unit"], coords={"image": names}, name="mds")
    found = {
        "nearest": measures.distinctiveness(layer),
        "k_nearest": measures.distinctiveness(layer, kind="k_nearest"),
        "mean": measures.distinctiveness(layer, kind="mean"),
        "eccentricity": measures.eccentricity(layer),
    }
    for name, one in found.items():
        # three standard errors of a rank correlation of 480 images
        assert spearmanr(one["mds"], rated.loc[points.index]).statistic > 0.137, name
