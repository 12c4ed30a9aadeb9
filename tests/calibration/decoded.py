"""What simulations of decoding share: labels for arrays, and scores as experiments give them."""

import numpy as np
import xarray as xr


def names(n):
    return np.array([f"{i:04d}" for i in range(n)], dtype=object)


def per_image(values):
    return xr.DataArray(values, dims="image", coords={"image": names(len(values))}, name="score")


def layer(values, name):
    return xr.DataArray(values, dims=("image", f"{name}:unit"), coords={"image": names(len(values))}, name=name)


def layers(*arrays):
    found = {f"layer{i}": (("image", f"layer{i}:unit"), x) for i, x in enumerate(arrays)}
    return xr.Dataset(found, coords={"image": names(len(arrays[0]))})


def hit_rates(rng, n):
    """Shares of 20 answers, with many ties and a ceiling."""
    return np.minimum(rng.binomial(20, rng.beta(6, 2, n)), 19) / 20
