"""Ways to measure how far images are from each other, memfeat's and with scipy; harness.py says what form they have.

Every way has measured a few images before the clock starts.
"""

from pathlib import Path

import decoding
import dissimilarities
import numpy as np

FIRST, NEIGHBOURS, N_GROUPS = 100, 5, 20


def groups(n):
    """Name the category of each image."""
    return np.array([f"kind {k % N_GROUPS:02}" for k in range(n)], dtype=object)


def measured(layer):
    """Measure all distances of one layer: neighbours from one RDM, the middle of all and of categories directly."""
    from memfeat import measures, rdm

    rdms = rdm.compute(layer, metric="euclidean", progress=False)
    found = {kind: measures.distinctiveness(rdms, kind=kind) for kind in ("nearest", "k_nearest", "mean")}
    found["density"] = measures.density(rdms, k=NEIGHBOURS)
    found["eccentricity"] = measures.eccentricity(layer, progress=False)
    kinds = decoding.per_image(groups(layer.sizes["image"]), "kind")
    found["prototype"] = measures.prototype_distance(layer, kinds, progress=False)
    return {name: one["layer"].values for name, one in found.items()}


def memfeat(work, output):
    layer = dissimilarities.labelled(decoding.features(work["n"], work["p"]))
    measured(layer[:FIRST, : 2 * FIRST])
    yield
    found = measured(layer)
    yield
    return {name: one[: work["some"]] for name, one in found.items()}, {}


def memfeat_on_disk(work, output):
    layer = dissimilarities.opened(work)["layer"]
    measured(dissimilarities.labelled(decoding.features(FIRST, 2 * FIRST)))
    dissimilarities.from_disk(Path(work["store"]))
    yield
    found = measured(layer)
    yield
    return found, {}


def sums(values, kinds):
    """Add up all images, and those of each category, which are counted."""
    own = {kind: (values[kinds == kind].sum(axis=0), (kinds == kind).sum()) for kind in np.unique(kinds)}
    return values.sum(axis=0), own


def naively(values, kinds, some, added):
    """Ask for each measure of some images by itself, as one would write it: distances, and means without the image."""
    from scipy.spatial.distance import cdist

    whole, own = added
    few = values[:some]
    others = [np.delete(row, i) for i, row in enumerate(cdist(few, values))]
    found = {"nearest": [row.min() for row in others], "mean": [row.mean() for row in others]}
    found["k_nearest"] = [np.sort(row)[:NEIGHBOURS].mean() for row in others]
    found["density"] = [-np.log(np.sort(row)[NEIGHBOURS - 1]) for row in others]
    found["eccentricity"] = [np.linalg.norm(one - (whole - one) / (len(values) - 1)) for one in few]
    found["prototype"] = [
        np.linalg.norm(one - (own[kind][0] - one) / (own[kind][1] - 1)) for one, kind in zip(few, kinds, strict=False)
    ]
    return {name: np.array(one) for name, one in found.items()}


def scipy(work, output):
    """Measure some images; sums over all are made before the clock starts, as they are once for all."""
    values, kinds = decoding.features(work["n"], work["p"]).astype(np.float64), groups(work["n"])
    small = values[:FIRST, : 2 * FIRST]
    naively(small, kinds[:FIRST], FIRST, sums(small, kinds[:FIRST]))
    added = sums(values, kinds)
    yield
    found = naively(values, kinds, work["some"], added)
    yield
    return found, {}


def memfeat_left_out(work, output):
    """Reconstruct each image by principal components of the others."""
    from memfeat import measures

    layer = dissimilarities.labelled(decoding.features(work["n"], work["p"]))
    measures.reconstruction_error(layer[:FIRST, : 2 * FIRST], progress=False)
    yield
    found = measures.reconstruction_error(layer, n_components=work["components"], progress=False)
    yield
    return {"error": found["layer"].values[: work["some"]]}, {}


def sklearn_left_out(work, output):
    """Do the same for a few images, with one analysis each."""
    from sklearn.decomposition import PCA

    values = decoding.features(work["n"], work["p"])
    PCA(10, svd_solver="full").fit(values[:FIRST, :FIRST])
    yield
    found = []
    for i in range(work["some"]):
        model = PCA(work["components"], svd_solver="full").fit(np.delete(values, i, axis=0))
        found.append(((values[i] - model.inverse_transform(model.transform(values[i : i + 1]))) ** 2).mean())
    yield
    return {"error": np.array(found, dtype=np.float64)}, {}
