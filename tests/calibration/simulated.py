"""What simulations of RSA share: RDMs from arrays, and the judge of what is found."""

import numpy as np
import xarray as xr
from judging import Judge
from scipy.spatial.distance import pdist
from sources import sources_of

JUDGE = Judge("rsa_", sources_of)
covers, keep, reported, within_band = JUDGE.covers, JUDGE.keep, JUDGE.reported, JUDGE.within_band


def dataset(vectors, *, participants=False, dims=None, metric="sqeuclidean"):
    """RDMs (layer, pair), (layer=1, participant, pair), or along the dims that are named before pairs."""
    n = round((1 + np.sqrt(1 + 8 * vectors.shape[-1])) / 2)
    first, second = np.triu_indices(n, 1)
    names = np.array([f"i{k:04}" for k in range(n)], dtype=object)
    values = vectors[None] if participants else vectors
    dims = dims or (("layer", "participant", "pair") if participants else ("layer", "pair"))
    coords = {dim: np.arange(size).astype(str) for dim, size in zip(dims[:-1], values.shape, strict=False)}
    coords |= {"image": ("image", names), "first": ("pair", first), "second": ("pair", second)}
    return xr.Dataset({"rdm": (dims, values)}, coords=coords, attrs={"metric": metric})


def labelled(values, name):
    """Values by image (image, ...)."""
    names = np.array([f"i{k:04}" for k in range(len(values))], dtype=object)
    dims = ["image", f"{name}:unit"][: values.ndim]
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name)


def measured(rng, shared, participants, *, own=1.0, noise=1.0):
    """RDMs of participants (participant, pair): what they share, what each has of their own, and noise."""
    vectors = []
    for _ in range(participants):
        values = np.concatenate([shared, own * rng.normal(size=shared.shape), noise * rng.normal(size=shared.shape)], 1)
        vectors.append(pdist(values, "sqeuclidean"))
    return np.array(vectors)
