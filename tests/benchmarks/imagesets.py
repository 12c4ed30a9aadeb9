"""Ways to compare two image sets in feature space, of memfeat and with scikit-learn; harness.py says their form."""

from pathlib import Path

import decoding
import dissimilarities
import numpy as np

FIRST = 60
#: How many permutations the loop does, out of all.
SOME = 20


def halves(layer):
    """Divide images into two sets, first half and second."""
    n = layer.sizes["image"]
    return decoding.per_image(np.where(np.arange(n) < n // 2, "first", "second"), "set")


def compared(layer, **options):
    from memfeat import sets

    return sets.compare_features(layer, halves(layer), progress=False, **options)


def told(found):
    return {"tested": found["tested"].sel(statistic="mmd").values, "bandwidth": found["bandwidth"].values}


def memfeat(work, output):
    layer = dissimilarities.labelled(decoding.features(work["n"], work["p"]))
    options = {"statistics": work["statistics"], "n_permutations": work["permutations"]}
    compared(layer[:FIRST], **options)
    yield
    found = compared(layer, **options)
    yield
    return told(found), {}


def memfeat_on_disk(work, output):
    """Compare all images of a store, in every way."""
    layer = dissimilarities.opened(work)["layer"]
    compared(dissimilarities.labelled(decoding.features(FIRST, 2 * FIRST)))
    dissimilarities.from_disk(Path(work["store"]))
    yield
    found = compared(layer, n_permutations=work["permutations"])
    yield
    p = {f"p of {name}": round(float(found["p"].sel(statistic=name)[0]), 3) for name in ("mmd", "energy")}
    return {}, {**p, "images": layer.sizes["image"], "gigabytes_of_features": round(layer.nbytes / 1e9, 2)}


def loop(work, output):
    """Make the kernel once, and take three of its parts for each permutation."""
    from scipy.spatial.distance import pdist
    from sklearn.metrics.pairwise import rbf_kernel

    values = decoding.features(work["n"], work["p"])
    rng, half = np.random.default_rng(0), work["n"] // 2

    def discrepancy(kernel, x, y):
        return kernel[np.ix_(x, x)].mean() + kernel[np.ix_(y, y)].mean() - 2 * kernel[np.ix_(x, y)].mean()

    rbf_kernel(values[:FIRST])
    yield
    width = np.median(pdist(values))
    kernel = rbf_kernel(values.astype(np.float64), gamma=1 / (2 * width**2))
    orders = [np.arange(len(values)), *(rng.permutation(len(values)) for _ in range(SOME))]
    found = [discrepancy(kernel, order[:half], order[half:]) for order in orders]
    p = (1 + sum(value >= found[0] for value in found[1:])) / (1 + SOME)
    yield
    return {"tested": np.array([found[0]]), "bandwidth": np.array([width])}, {"p": p}
