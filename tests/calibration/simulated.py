"""What simulations of RSA share: RDMs from arrays, and how a rate of rejection or of coverage is judged and kept.

`MEMFEAT_SIMULATIONS` runs fewer, to try a file; such runs are judged by the same binomial test, and are not recorded.
"""

import os

import numpy as np
import xarray as xr
from record import band, record
from scipy.spatial.distance import pdist
from scipy.stats import binomtest
from sources import sources_of

FULL = 1_000
SIMULATIONS = int(os.environ.get("MEMFEAT_SIMULATIONS", FULL))
REQUIRED = (0.93, 0.97)


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


def keep(name, figures):
    if SIMULATIONS == FULL:
        record(f"rsa_{name}", {"simulations": SIMULATIONS} | figures, sources=sources_of(name))


def within_band(p, name, figures, *, tests, discrete=False):
    """Judge a rate of rejection at .05, one of `tests` in its file; a discrete test need only not exceed it."""
    n, rejections = len(p), int((np.asarray(p) <= 0.05).sum())
    test = binomtest(rejections, n, 0.05, alternative="greater" if discrete else "two-sided")
    low, high = band(0.05, n, tests=tests)
    rate = rejections / n
    figures = figures | {"simulations": n, "rejected": rate, "accepted": [0.0 if discrete else low, high]}
    keep(name, figures | {"p": test.pvalue})
    assert test.pvalue >= 0.01 / tests, f"{name}: {rate} of p-values are at most .05"


def covers(covered, name, figures):
    """Judge how often intervals hold the truth."""
    rate = float(np.mean(covered))
    keep(name, figures | {"covered": rate, "required": list(REQUIRED)})
    slack = 0.0 if SIMULATIONS == FULL else 3 * np.sqrt(0.05 * 0.95 / SIMULATIONS)
    assert REQUIRED[0] - slack <= rate <= REQUIRED[1] + slack, f"{name}: {rate} of intervals hold the truth"


def reported(covered, name, figures, *, because="few images"):
    """Keep how often intervals hold the truth where that is not required: with fewer than 100 images, or on request."""
    keep(name, figures | {"covered": float(np.mean(covered)), "required": f"nothing, {because}"})


def measured(rng, shared, participants, *, own=1.0, noise=1.0):
    """RDMs of participants (participant, pair): what they share, what each has of their own, and noise."""
    vectors = []
    for _ in range(participants):
        values = np.concatenate([shared, own * rng.normal(size=shared.shape), noise * rng.normal(size=shared.shape)], 1)
        vectors.append(pdist(values, "sqeuclidean"))
    return np.array(vectors)
