"""Ways to choose two sets from a pool of photographs, of memfeat and at random; harness.py says their form."""

from pathlib import Path

import numpy as np

LOW = ["luminance", "rms_contrast", "saturation", "colourfulness", "edge_density", "spectral_slope"]
SMALL = 64


def pool(work):
    """800 photographs, shrunk: hit rates and six low-level statistics."""
    import pandas as pd
    from PIL import Image

    from memfeat import lowlevel

    folder = Path(work["folder"])
    scores = pd.read_csv(folder / "scores.csv")
    pictures = {}
    for name in scores["image"]:
        with Image.open(folder / "images" / name) as file:
            file.draft("RGB", (SMALL, SMALL))
            pictures[name] = np.asarray(file.convert("RGB").resize((SMALL, SMALL)))
    low = lowlevel.statistics(pictures, which=LOW, progress=False).reset_coords(drop=True)
    return low.assign(hit_rate=("image", scores.set_index("image")["hit_rate"][low["image"]]))


def memfeat(work, output):
    from memfeat import sets

    table = pool(work)
    yield
    chosen = sets.match(table, work["n"], score="hit_rate", covariates=LOW, difference=work["difference"])
    yield
    smd = sets.balance(chosen)["smd"].isel(contrast=0)
    told = {"SMD of hit rates": round(float(smd.sel(variable="hit_rate")), 3)}
    return {}, told | {"largest absolute SMD of the others": round(float(np.abs(smd.sel(variable=LOW)).max()), 3)}


def at_random(work, output):
    """Draw pairs of sets, and keep the pair with the smallest of the largest differences."""
    table = pool(work)
    values = np.stack([table[name].values for name in ("hit_rate", *LOW)], axis=1)
    z = (values - values.mean(axis=0)) / values.std(axis=0, ddof=1)
    rng, limits = np.random.default_rng(0), np.array([0.05] + [0.1] * len(LOW))
    yield
    best, n = np.full(len(limits), np.inf), work["n"]
    for _ in range(work["draws"]):
        order = rng.permutation(len(z))
        smd = np.abs(z[order[:n]].mean(axis=0) - z[order[n : 2 * n]].mean(axis=0))
        if (smd / limits).max() < (best / limits).max():
            best = smd
    yield
    return {}, {"SMD of hit rates": round(best[0], 3), "largest absolute SMD of the others": round(best[1:].max(), 3)}
