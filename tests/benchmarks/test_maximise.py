"""Pictures made for random late units of the frozen network, against the best of 800 photographs."""

import time

import harness
import numpy as np
import pytest
import torch
from record import record

import memfeat as mf

SOURCES = ["attribution", "activations", "images", "models"]
LAYER = "features.layer4.2"
#: At least so many of ten pictures are to activate their unit more than the best photograph does.
UNITS, ASKED = 10, 0.9
STEPS = 64


@pytest.mark.data
@pytest.mark.timeout(0)
def test_pictures_raise_late_units_above_the_best_photograph(photographs, tmp_path):
    n_units = harness.sized("units", UNITS)
    model = mf.models.load("resmem-frozen", backbone="released")
    some = photographs[:: max(1, len(photographs) // harness.sized("images", len(photographs)))]
    layer = mf.extract(some, model=model, layers=LAYER, store=tmp_path / "features.zarr")[LAYER]
    best = layer.max("image").values
    units = np.sort(np.random.default_rng(20261129).choice(best.size, n_units, replace=False)).tolist()
    began = time.perf_counter()
    # one at a time, so that memory does not grow with their number
    made = [mf.attribution.maximise(model, (LAYER, unit), rng=0, steps=STEPS) for unit in units]
    seconds = (time.perf_counter() - began) / n_units
    reached = {unit: float(one["reached"].values[0]) for unit, one in zip(units, made, strict=True)}
    above = int(sum(value > best[unit] for unit, value in reached.items()))
    passed = {unit: one["activation"].values[0] > best[unit] for unit, one in zip(units, made, strict=True)}
    figures = {
        "layer": LAYER,
        "units": {
            str(unit): {
                "picture": round(value, 3),
                "photograph": round(float(best[unit]), 3),
                "first_step_above": int(passed[unit].argmax()) + 1 if passed[unit].any() else None,
            }
            for unit, value in reached.items()
        },
        "above_the_best_photograph": above,
        "asked": f"at least {ASKED * n_units:g} of {n_units}",
        "images": len(some),
        "steps": STEPS,
        "seconds_per_unit": round(seconds, 1),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    folder = harness.REHEARSALS if harness.rehearsal() or n_units != UNITS else harness.RESULTS
    record("maximise", figures, sources=SOURCES, folder=folder)
    assert above >= ASKED * n_units
