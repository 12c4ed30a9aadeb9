"""How far the faster modes are from exact, on photographs: the error that each of them states."""

import pytest
import torch
from scipy.stats import spearmanr

import memfeat as mf
from memfeat.activations.engine import deviation
from memfeat.activations.options import resolved

pytestmark = [pytest.mark.data, pytest.mark.timeout(0)]
MODES = {"fast": {"fast": True}, "autocast bfloat16": {"autocast": "bfloat16"}}
IMAGES = 32


def test_deviation_of_the_faster_modes(bench, photographs):
    n = bench.images(IMAGES)
    model = mf.models.load("resmem")
    images = mf.images.read(photographs[:n], verify=False)
    batch = torch.stack([model.transform(mf.images.decode(images, name)) for name in images.image.values[:8]])
    rows = mf.models.layers(model).itertuples()
    blocks = {row.name: (row.module, row.call) for row in rows if row.kind == "Block"}
    exact = mf.predict(images, model=model, device="cpu").memorability.values
    ways = {}
    for name, options in MODES.items():
        found = mf.predict(images, model=model, device="cpu", **options).memorability.values
        shares = deviation(model.module, batch, blocks, resolved({"device": "cpu", **options}))
        ways[name] = {
            "facts": {
                "largest_deviation_of_a_block_relative_to_its_largest_value": max(shares.values()),
                "largest_deviation_of_a_prediction": float(abs(found - exact).max()),
                "spearman_of_predictions_with_exact_ones": float(spearmanr(found, exact).statistic),
            }
        }
    told = {"contenders": ways, "pairs": 1}
    bench.keep("modes", "Faster modes against exact, ResMem", told, sources=["activations", "models"], images=n)
    assert ways["fast"]["facts"]["largest_deviation_of_a_block_relative_to_its_largest_value"] < 1e-4
