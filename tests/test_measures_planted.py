"""What is planted in features is found by the measure of it, and by no other; and ratings of real photographs."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import spearmanr

from memfeat import measures

N, P, SEEDS = 200, 60, range(3)
#: Mean rank correlation over seeds that counts as found, and up to which it counts as none: 3.7 standard errors.
FOUND, NOT_FOUND = 0.6, 0.15
MEASURES = {
    "magnitude": measures.magnitude,
    "sparseness": measures.sparseness,
    "typicality": measures.typicality,
    "nearest": lambda a: measures.distinctiveness(a, metric="correlation"),
    "mean": lambda a: measures.distinctiveness(a, kind="mean", metric="correlation"),
    "eccentricity": measures.eccentricity,
}


def direction(rng, n):
    values = rng.standard_normal((n, P))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def planted_magnitude(score, rng):
    """The larger the score, the stronger the response, in whichever direction."""
    return direction(rng, N) * (1 + score[:, None])


def planted_neighbour(score, rng):
    """Pairs of images, the further apart the larger their score, of one length and with no other relation."""
    half = score[: N // 2] * 0.8
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


#: What is planted -> how, the score of each image, and the measures that find it, with their sign.
PLANTED = {
    "magnitude": (planted_magnitude, {"magnitude": 1, "eccentricity": 1}),
    "neighbour": (planted_neighbour, {"nearest": 1}),
    "anna_karenina": (planted_anna_karenina, {"typicality": 1, "mean": -1, "eccentricity": -1, "nearest": -1}),
}


@pytest.mark.parametrize("structure", PLANTED)
def test_a_planted_structure_is_found_by_its_measures_and_by_no_other(structure):
    plant, wanted = PLANTED[structure]
    found = {name: [] for name in MEASURES}
    for seed in SEEDS:
        rng = np.random.default_rng([seed, N])
        score = np.tile(rng.permutation(np.linspace(0, 1, N // 2)), 2)
        names = [f"{i:03d}" for i in range(N)]
        layer = xr.DataArray(plant(score, rng), dims=["image", "fc:unit"], coords={"image": names}, name="fc")
        for name, measure in MEASURES.items():
            found[name].append(spearmanr(measure(layer)["fc"], score).statistic)
    means = {name: np.mean(values) for name, values in found.items()}
    for name, value in means.items():
        if name in wanted:
            assert wanted[name] * value > FOUND, (name, means)
        else:
            assert abs(value) < NOT_FOUND, (name, means)


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
