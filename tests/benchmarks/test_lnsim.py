"""All 800 photographs of lnsim: predictions against the released forward, and against what people remembered."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from record import record
from scipy.stats import spearmanr

import memfeat as mf

FOLDER = Path(__file__).parent / "results"
BATCH = 16
DRAWS = 10_000
SEED = 20261123


@pytest.mark.data
@pytest.mark.timeout(3600)
def test_all_800_predictions_equal_the_released_forward(data_folder, resmem, released):
    images = mf.images.read(data_folder / "lnsim" / "images", scores=data_folder / "lnsim" / "scores.csv", verify=False)
    found = mf.predict(images, model=resmem, batch_size=BATCH)
    expected = _released_forward(released, [str(path) for path in images["path"].values])
    deviation = float(np.abs(found.memorability.values - expected).max())
    human, predicted = images["hit_rate"].values, found.memorability.values
    draws = np.random.default_rng(SEED).integers(len(human), size=(DRAWS, len(human)))
    spread = [spearmanr(human[draw], predicted[draw]).statistic for draw in draws]
    figures = {
        "n": len(human),
        "largest_deviation_from_the_released_forward": deviation,
        "spearman_with_human_hit_rates": float(spearmanr(human, predicted).statistic),
        "interval_95_bootstrap_over_images": [float(q) for q in np.quantile(spread, [0.025, 0.975])],
        "n_at_floor": int(found.at_floor.sum()),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }
    record("lnsim_predictions", figures, sources=["prediction", "models", "images"], folder=FOLDER)
    assert deviation <= 1e-6


def _released_forward(released, paths: list[str]) -> np.ndarray:
    scores = []
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            images = [Image.open(path).convert("RGB") for path in paths[start : start + BATCH]]
            scores.extend(
                released.network(torch.stack([released.transformer(image) for image in images]))[:, 0].tolist()
            )
    return np.array(scores)
