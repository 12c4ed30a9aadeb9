"""All 800 photographs of lnsim: the frozen network against the retrained one, and what its layers say out of fold."""

import hashlib
import time
from collections import Counter
from functools import partial
from pathlib import Path

import harness
import pandas as pd
import pytest
import readouts
import torch
import xarray as xr
from record import record

import memfeat as mf

SOURCES = ["activations", "evaluation", "images", "models", "prediction", "training"]
RETRAINED, FROZEN = "retrained", "frozen, released head"
DRAWS = 10_000
MINUTES = 10


def stage(number: int, name: str) -> bool:
    return name.startswith(f"features.layer{number}.")


BANDS = {
    "stage 1 and 2": lambda name: stage(1, name) or stage(2, name),
    "stage 3, first half": lambda name: stage(3, name) and int(name.rsplit(".", 1)[1]) < 18,
    "stage 3, second half": lambda name: stage(3, name) and int(name.rsplit(".", 1)[1]) >= 18,
    "stage 4": partial(stage, 4),
    "logits": lambda name: name == "features.fc",
}
RECIPES = {
    "one layer, ridge": lambda fold: readouts.ridge(fold, readouts.one_layer(fold)),
    "one layer, Gaussian kernel ridge": lambda fold: readouts.ridge(fold, readouts.one_layer_gaussian(fold)),
    "all layers concatenated, ridge": lambda fold: readouts.ridge(fold, readouts.all_layers(fold)),
    "all layers, Gaussian kernel ridge": lambda fold: readouts.ridge(fold, readouts.all_layers_gaussian(fold)),
    "five bands, ridge": lambda fold: readouts.ridge(fold, readouts.banded(fold, BANDS)),
    "one layer or all, linear support vectors": lambda fold: readouts.support_vectors(fold, readouts.few),
    "one layer or all, Gaussian support vectors": lambda fold: readouts.support_vectors(fold, readouts.few_gaussian),
}


@pytest.fixture(scope="module")
def images(data_folder: Path) -> xr.Dataset:
    folder = data_folder / "lnsim"
    table = mf.images.read(folder / "images", scores=folder / "scores.csv", verify=False)
    n = harness.sized("images", table.sizes["image"])
    return table.isel(image=slice(None, None, table.sizes["image"] // n)).isel(image=slice(n))


@pytest.fixture(scope="module")
def frozen() -> mf.models.Model:
    return mf.models.load("resmem-frozen", backbone="released")


def kept(name: str, figures: dict) -> None:
    record(name, figures, sources=SOURCES, folder=harness.REHEARSALS if harness.rehearsal() else harness.RESULTS)


@pytest.mark.data
@pytest.mark.timeout(0)
def test_the_frozen_network_and_what_its_layers_say(images, frozen, resmem, tmp_path_factory):
    predictions = {RETRAINED: mf.predict(images, model=resmem), FROZEN: mf.predict(images, model=frozen)}
    layers = ["blocks", "features.avgpool", "features.fc"]
    features = mf.extract(images, model=frozen, layers=layers, store=tmp_path_factory.mktemp("frozen") / "f.zarr")
    scores = images["hit_rate"]
    names = scores["image"].values
    arrays = {str(name): values.sel(image=names).values.astype(float) for name, values in features.items()}
    found, said = readouts.out_of_fold(arrays, scores.values, RECIPES)
    columns = {
        name: prediction["memorability"].sel(image=names).to_series() for name, prediction in predictions.items()
    }
    columns |= {name: pd.Series(values, names) for name, values in found.items()}
    compared = mf.evaluation.compare(pd.DataFrame(columns), scores.to_series(), n_bootstraps=DRAWS, rng=0)
    judged = partial(mf.evaluation.evaluate, scores=scores.to_series(), dataset="lnsim", n_bootstraps=DRAWS, rng=0)
    single = {name: judged(values) for name, values in columns.items()}
    against = compared.sel(metric="spearman").set_xindex(["first", "second"])
    figures = {
        "n": len(names),
        "folds": readouts.N_FOLDS,
        "predictors": {name: _told(result.sel(metric="spearman")) for name, result in single.items()},
        "retrained_less_frozen": _told(against.sel(first=RETRAINED, second=FROZEN)),
        "frozen_released_head_less_readout": {name: _told(against.sel(first=FROZEN, second=name)) for name in found},
        "chosen": {name: dict(Counter(chosen).most_common()) for name, chosen in said.items()},
        "between_retrained_and_frozen": readouts.correlated(columns[RETRAINED].values, columns[FROZEN].values),
    }
    kept("lnsim_frozen", figures)
    assert all(one["ci_low"] <= 0 for one in figures["frozen_released_head_less_readout"].values())


@pytest.mark.data
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", ["ridge", "mlp"])
def test_a_head_is_trained_in_minutes_and_twice_the_same(kind, images, frozen, tmp_path):
    fit = partial(mf.training.fit_head, images, images["hit_rate"], head=kind, model=frozen, rng=0)
    seconds, digests = {}, []
    for what in ("features_and_training", "training_alone"):
        began = time.perf_counter()
        # The second finds the features of the first, and nothing else.
        head = fit(store=tmp_path / "features.zarr")
        seconds[what] = round(time.perf_counter() - began, 1)
        head.save(tmp_path / what)
        digests.append(hashlib.sha256((tmp_path / what / "head.safetensors").read_bytes()).hexdigest())
    figures = {
        "n": images.sizes["image"],
        "seconds": seconds,
        "asked_seconds": f"below {60 * MINUTES}",
        "same_bytes_again": len(set(digests)) == 1,
    }
    kept(f"head_{kind}", figures | {"result": head.facts["result"], "threads": torch.get_num_threads()})
    assert figures["same_bytes_again"]


def _told(result: xr.Dataset) -> dict[str, float]:
    return {name: round(float(result[name].values.item()), 4) for name in ("estimate", "ci_low", "ci_high")}
