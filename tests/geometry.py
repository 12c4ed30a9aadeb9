"""RDMs for the tests of RSA: of related features, with participants, regions and times."""

import warnings

import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial.distance import squareform
from scipy.stats import norm, t

from memfeat import rdm

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rsatoolbox

RSATOOLBOX = {
    "spearman": "spearman",
    "pearson": "corr",
    "cosine": "cosine",
    "kendall": "tau-a",
    "rho-a": "rho-a",
    "whitened_pearson": "corr_cov",
    "whitened_cosine": "cosine_cov",
}


def levels(n, strata=1):
    """Percentiles that the expanded interval takes (Hesterberg 2015)."""
    degrees = n - strata
    tail = norm.cdf(-np.sqrt(n / degrees) * t.ppf(0.975, degrees))
    return 100 * np.array([tail, 1 - tail])


def names_of(n):
    return np.array([f"i{k:02}" for k in range(n)], dtype=object)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def squared_distances(n, k, seed=0, p=6):
    """k RDMs of related features (k, pair), with ties where seeds are odd."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, p))
    out = []
    for _ in range(k):
        values = shared + rng.normal(size=(n, p))
        gaps = np.square(values[:, None] - values).sum(axis=-1)
        out.append(squareform(gaps, checks=False))
    return np.array(out).round(0 if seed % 2 else 12)


def dataset(vectors, names=None, **attrs):
    """RDMs (layer, pair) from arrays."""
    n = round((1 + np.sqrt(1 + 8 * vectors.shape[-1])) / 2)
    names = names_of(n) if names is None else names
    base = rdm.from_scores(pd.Series(range(n), index=names))
    dims = ("layer", "pair") if vectors.ndim == 2 else ("layer", "participant", "pair")
    coords = {"layer": [f"l{k}" for k in range(len(vectors))]}
    if vectors.ndim == 3:
        coords["participant"] = [f"p{k:02}" for k in range(vectors.shape[1])]
    values = xr.DataArray(vectors, dims=dims, coords=coords)
    kept = {name: base[name] for name in ("first", "second", "image")}
    return xr.Dataset({"rdm": values}, coords=kept).assign_attrs(attrs)


def toolbox(vectors):
    return rsatoolbox.rdm.RDMs(np.atleast_2d(vectors))


def people(n=10, participants=5, seed=0, layers=2):
    """Layers (layer, pair) and participants' references (layer=1, participant, pair)."""
    vectors = squared_distances(n, layers + participants, seed)
    return dataset(vectors[:layers], metric="sqeuclidean"), dataset(vectors[None, layers:], metric="sqeuclidean")


def along_time(n=8, participants=6, times=3, seed=0):
    rdms, _ = people(n=n)
    vectors = squared_distances(n, participants * times * 2, seed).reshape(times, 2, participants, -1)
    coords = {
        "time": np.arange(times) * 10.0,
        "roi": ["V1", "IT"],
        "participant": [f"p{k}" for k in range(participants)],
    }
    base = dataset(vectors.reshape(-1, vectors.shape[-1]))
    values = xr.DataArray(vectors, dims=("time", "roi", "participant", "pair"), coords=coords)
    kept = {name: base[name] for name in ("first", "second", "image")}
    return rdms, xr.Dataset({"rdm": values}, coords=kept)
