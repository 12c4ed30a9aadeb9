"""What a notebook shows of results: the numbers that one looks for, legible, and not more the more images there are."""

import html
import re

import numpy as np
import pytest
import torch
import xarray as xr
from networks import random_pictures
from torch import nn

import memfeat as mf
from memfeat.models.preprocessing import SquashAndCrop

FEW, MANY = 12, 240
#: Characters of a result in a notebook.
MOST = 60_000
INFERENCE = {"estimate", "ci_low", "ci_high", "p", "p_corrected", "n"}
FREE = {"n_permutations": 19, "n_bootstraps": 20, "rng": 0}


def network():
    torch.manual_seed(1)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 1), nn.Sigmoid())
    return mf.models.wrap(module.eval(), SquashAndCrop(10, 8), name="small")


def pictures(n):
    return mf.images.read(random_pictures(n), progress=False)


def layers(n):
    rng = np.random.default_rng(1)
    data = {name: (("image", f"{name}:unit"), rng.normal(size=(n, 5))) for name in ("conv", "fc")}
    return xr.Dataset(data, coords={"image": [f"{k:04}.jpg" for k in range(n)]})


def scores(n):
    return layers(n)["fc"][:, 0].drop_attrs().rename("hit_rate")


def compared(n):
    rdms = mf.rdm.compute(layers(n), metric="euclidean")
    return mf.rsa.compare(rdms, mf.rdm.from_scores(scores(n)), **FREE)


def sets(n):
    rates = scores(n)
    return mf.sets.compare(rates[: n // 2], rates[n // 2 :], **FREE)


#: What gives a result of so many images, and what one looks for in it.
RESULTS = {
    "predict": (
        lambda n: mf.predict(pictures(n), model=network(), device="cpu", progress=False),
        {"memorability", "at_floor", "predicted memorability", "model", "n_unreadable"},
    ),
    "extract": (
        lambda n: mf.extract(pictures(n), model=network(), layers=["0", "3"], device="cpu", progress=False),
        {"0:channel", "3:channel", "weights_sha256", "reduction"},
    ),
    "rsa.compare": (compared, INFERENCE | {"layer", "correction"}),
    "regression.decode": (
        lambda n: mf.regression.decode(layers(n), scores(n), rng=0, n_permutations=19, n_bootstraps=20),
        {"estimate", "pearson", "r2", "p_corrected", "prediction", "n"},
    ),
    "sets.compare": (sets, {"mean_difference", "p_corrected", "mean_ci_low", "hit_rate"}),
    "reduction.embed": (
        lambda n: mf.reduction.embed(layers(n)["fc"]),
        {"embedding", "explained_variance_ratio", "component"},
    ),
    "measures.profile": (
        lambda n: mf.measures.profile(mf.measures.magnitude(layers(n)), scores(n), **FREE),
        INFERENCE | {"layer", "correction"},
    ),
}


@pytest.mark.parametrize(("made", "sought"), RESULTS.values(), ids=RESULTS)
def test_a_notebook_shows_the_numbers_of_a_result_whatever_the_number_of_images(made, sought):
    few, many = (made(n)._repr_html_() for n in (FEW, MANY))
    text = html.unescape(re.sub(r"<[^>]+>", " ", few))
    assert {name for name in sought if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)} == set()
    assert len(many) < MOST
    # values are listed to a bound
    assert len(many) < 4 * len(few)
