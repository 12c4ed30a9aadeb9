"""Does sparse coding find the atoms that images are made of, and leave more over of images made of none?

Images are made of atoms that are known, seeds are fixed. `make calibrate` writes what was measured into results/.
`MEMFEAT_SIMULATIONS` is the number of batches here: 1,000 in full, as published.
"""

import numpy as np
import pytest
import xarray as xr
from judging import SIMULATIONS, Judge

from memfeat.measures import learn_dictionary, sparse_coding

pytestmark = pytest.mark.timeout(0)
FILES = ("coding", "dictionaries", "sparse", "sparse_options")
JUDGE = Judge("sparse_coding_", lambda name: tuple(f"measures/{file}" for file in FILES))


def directions(rng, k, p):
    values = rng.standard_normal((k, p))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def mixtures(rng, atoms, n, most):
    """Add up so many atoms for each image, each between .5 and 1.5 times, with either sign."""
    weights = np.zeros((n, len(atoms)))
    for row in weights:
        chosen = rng.choice(len(atoms), most, replace=False)
        row[chosen] = rng.uniform(0.5, 1.5, most) * rng.choice([-1, 1], most)
    return weights @ atoms


def layer(values):
    names = np.array([f"{i:04d}" for i in range(len(values))], dtype=object)
    return xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": names}, name="fc")


def test_atoms_of_few_are_found():
    """Images of 3 of 50 atoms in 64 dimensions, with noise of a tenth of their deviation."""
    rng = np.random.default_rng(12)
    atoms = directions(rng, 50, 64)
    images = mixtures(rng, atoms, 2_000, 3)
    images += 0.1 * images.std() * rng.standard_normal(images.shape)
    options = {"n_atoms": 50, "n_iterations": min(SIMULATIONS, 300), "step": 0.2, "penalty": 0.04, "device": "cpu"}
    learned = learn_dictionary(layer(images), rng=0, **options)["fc"].values
    found = float((np.abs(learned @ atoms.T).max(axis=0) > 0.9).mean())
    JUDGE.keep("atoms", {"atoms": 50, "features": 64, "images": 2_000, "atoms_per_image": 3, "found": found})
    assert found >= 0.9 or SIMULATIONS < 300


def test_with_published_settings_images_off_the_dictionary_leave_more_over():
    """Of 1,000 images 900 are of 10 of 500 atoms, and 100 of none, all of like length, in 1,000 dimensions."""
    rng = np.random.default_rng(11)
    on = mixtures(rng, directions(rng, 500, 1_000), 900, 10)
    off = rng.standard_normal((100, 1_000))
    off *= np.linalg.norm(on[:100], axis=1, keepdims=True) / np.linalg.norm(off, axis=1, keepdims=True)
    error = sparse_coding(layer(np.vstack([on, off])), n_iterations=SIMULATIONS, rng=0, device="cpu")["fc"].values
    figures = {"batches": SIMULATIONS, "images_on": 900, "images_off": 100}
    parts = {"on": error[:900], "off": error[900:]}
    figures |= {f"error_{name}": np.quantile(part, [0.05, 0.5, 0.95]).tolist() for name, part in parts.items()}
    figures |= {"off_above_on": float((parts["off"][:, None] > parts["on"]).mean())}
    JUDGE.keep("published", figures)
    assert np.median(parts["off"]) > np.quantile(parts["on"], 0.95) or SIMULATIONS < 1_000
