"""Ways to get RDMs from features: memfeat's, bare algebra, and those of its peers. See harness.py for their form.

Every way has made a small RDM before the clock starts, so that all are loaded and have their threads.
"""

import os
from pathlib import Path

import numpy as np

#: Images of the RDM that is made before the clock starts: enough for BLAS to start its threads.
FIRST = 200


def features(n, p):
    """Features like those after a ReLU, of which images differ in level and in gain."""
    rng = np.random.default_rng(0)
    values = np.maximum(rng.normal(size=(n, p)), 0.0)
    return values * rng.uniform(0.5, 2, size=(n, 1)) + rng.uniform(0, 1, size=(n, 1))


def labelled(values):
    import xarray as xr

    names = [f"image{k:05}" for k in range(len(values))]
    return xr.DataArray(values, dims=["image", "layer:unit"], coords={"image": names}, name="layer")


def upper(matrix):
    return matrix[~np.tri(len(matrix), dtype=bool)]


def correlations(values):
    """Do it by hand: centre, scale, multiply, take the upper triangle."""
    moved = values - values.mean(axis=1, keepdims=True)
    moved /= np.sqrt(np.einsum("ij,ij->i", moved, moved))[:, None]
    return upper(1 - moved @ moved.T)


# --- in memory --------------------------------------------------------------------------------------------------------


def memfeat(work, output):
    import memfeat as mf

    layer, compute = labelled(features(work["n"], work["p"])), mf.rdm.compute
    compute(layer[:FIRST], progress=False)
    yield
    found = compute(layer, progress=False)
    yield
    return {"rdm": found.rdm.values[0]}, {}


def product(work, output):
    """Nothing but the product, in float64, which numpy leaves to BLAS as the product of a matrix with itself."""
    values = features(work["n"], work["p"])
    values[:FIRST] @ values[:FIRST].T
    yield
    values @ values.T
    yield


def whole(work, output):
    values = features(work["n"], work["p"]).astype(work["dtype"])
    correlations(values[:FIRST])
    yield
    found = correlations(values)
    yield
    return {"rdm": found}, {}


def scipy(work, output):
    from scipy.spatial.distance import pdist

    values = features(work["n"], work["p"])
    pdist(values[:FIRST], "correlation")
    yield
    found = pdist(values, "correlation")
    yield
    return {"rdm": found}, {}


def rsatoolbox(work, output):
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    values = features(work["n"], work["p"])
    data = Dataset(values)
    calc_rdm(Dataset(values[:FIRST]), method="correlation")
    yield
    found = calc_rdm(data, method="correlation")
    yield
    return {"rdm": found.dissimilarities[0]}, {}


def mne_rsa(work, output):
    import mne_rsa

    values = features(work["n"], work["p"])
    mne_rsa.compute_rdm(values[:FIRST], metric="correlation")
    yield
    found = mne_rsa.compute_rdm(values, metric="correlation")
    yield
    return {"rdm": found}, {}


# --- on disk ----------------------------------------------------------------------------------------------------------


def write(store: Path, n: int, p: int) -> None:
    """Write a store as an extraction does: float32, blocks of images with all their features."""
    import zarr

    from memfeat.activations.passes import block_size

    group = zarr.open_group(store, mode="w")
    names = group.create_array("image", shape=(n,), dtype="string", dimension_names=["image"])
    names[:] = np.array([f"image{k:05}" for k in range(n)], dtype=object)
    block = min(n, block_size(4 * p))
    layer = group.create_array(
        "layer",
        shape=(n, p),
        chunks=(block, p),
        dtype="float32",
        dimension_names=["image", "layer:unit"],
    )
    rng = np.random.default_rng(0)
    for start in range(0, n, block):
        size = min(block, n - start)
        layer[start : start + size] = np.maximum(rng.normal(size=(size, p)), 0)


def from_disk(store: Path) -> None:
    """Ask the system to forget what it has read of a store, or keeps of it since it was written."""
    for path in store.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def opened(work):
    import xarray as xr

    found = xr.open_zarr(work["store"], consolidated=False)
    return found.assign_coords(image=np.asarray(found["image"].values, dtype=object))


def memfeat_on_disk(work, output):
    import memfeat as mf

    compute = mf.rdm.compute
    compute(labelled(features(FIRST, 2000)), progress=False)
    layer = opened(work)
    from_disk(Path(work["store"]))
    yield
    found = compute(layer, memory=work["memory"], progress=False)
    yield
    return {f"rdm of {work['p']}": found.rdm.values[0]}, {}


def numpy_on_disk(work, output):
    """Read all, as float64, and do it by hand."""
    correlations(features(FIRST, 2000))
    layer = opened(work)["layer"]
    from_disk(Path(work["store"]))
    yield
    found = correlations(layer.values.astype(np.float64))
    yield
    return {f"rdm of {work['p']}": found}, {}


# --- agreement --------------------------------------------------------------------------------------------------------

METRICS = ("correlation", "cosine", "euclidean", "sqeuclidean", "cityblock", "mahalanobis", "seuclidean")


def all_metrics_of_memfeat(work, output):
    import memfeat as mf

    values = features(work["n"], work["p"])
    given = {
        "mahalanobis": {"metric": "mahalanobis", "noise_cov": covariance(work["p"])},
        "seuclidean": {"metric": "mahalanobis", "shrinkage": "diagonal"},
    }
    yield
    found = {
        metric: mf.rdm.compute(labelled(values), progress=False, **given.get(metric, {"metric": metric}))
        for metric in METRICS
    }
    yield
    return {metric: one.rdm.values[0] for metric, one in found.items()}, {"RDMs": len(found)}


def all_metrics_of_scipy(work, output):
    from scipy.spatial.distance import pdist

    return (yield from _all_metrics(work, pdist))


def all_metrics_of_mne_rsa(work, output):
    import mne_rsa

    return (yield from _all_metrics(work, mne_rsa.compute_rdm))


def _all_metrics(work, distances):
    values = features(work["n"], work["p"])
    given = {
        "mahalanobis": {"VI": np.linalg.inv(covariance(work["p"]))},
        "seuclidean": {"V": values.var(axis=0, ddof=1)},
    }
    yield
    found = {metric: distances(values, metric, **given.get(metric, {})) for metric in METRICS}
    yield
    return found, {"RDMs": len(found)}


def covariance(p):
    root = np.random.default_rng(1).normal(size=(p, 2 * p))
    return root @ root.T / (2 * p)
