"""What low-level statistics photographs have, and how many of them screening names."""

from pathlib import Path

import numpy as np
import pytest
from record import record

import memfeat as mf

FOLDER = Path(__file__).parent / "results"
SETS = {"lnsim": "lnsim/images", "imagenet": "imagenet_samples", "figrim": "figrim/images"}


@pytest.mark.data
@pytest.mark.timeout(0)
def test_statistics_and_screening_of_photographs(data_folder):
    folders = {name: data_folder / folder for name, folder in SETS.items()}
    pixels = mf.lowlevel.statistics(folders["lnsim"])
    quantiles = pixels.quantile([0.025, 0.5, 0.975])
    named, n_images = {}, {}
    for name, folder in folders.items():
        screened = mf.screening.check(folder)
        named[name] = int(screened.attrs["n_unlike_photographs"])
        n_images[name] = screened.sizes["image"]
    figures = {
        "statistics": {str(name): [float(q) for q in values] for name, values in quantiles.data_vars.items()},
        "quantiles": [0.025, 0.5, 0.975],
        "unlike_photographs": named,
        "images": n_images,
    }
    record("photographs", figures, sources=["lowlevel", "screening", "images"], folder=FOLDER)
    assert named["lnsim"] == 0
    assert n_images == {"lnsim": 800, "imagenet": 400, "figrim": 30}
    assert not np.isnan(pixels.to_dataarray()).any()
