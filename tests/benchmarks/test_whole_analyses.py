"""Every analysis on all images of the named sets, and on a folder of one's own; what it asserts, holds.

The scripts share a home, so that features are extracted once: MEMFEAT_ANALYSES, or a folder that is removed. Each
result covers one script; `make bench PYTEST_ARGS="-k 'whole_analyses and 06_'"` renews that of one.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import harness
import numpy as np
import pandas as pd
import pytest
from record import record
from scripts import SCRIPTS, made_up_trials

from memfeat import demo

every = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Path(os.environ.get("MEMFEAT_ANALYSES") or tmp_path_factory.mktemp("analyses"))


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """Trials as a user brings them; they are made up."""
    folder = tmp_path_factory.mktemp("trials")
    made_up_trials(60).to_csv(folder / "trials.csv", index=False)
    return {"MEMFEAT_TRIALS": str(folder / "trials.csv"), "MEMFEAT_ANALYSES": str(folder)}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Photographs and scores as a user brings them; the scores are made up."""
    folder = tmp_path_factory.mktemp("own")
    names = sorted(demo.collect(folder / "photographs")["image"])
    scores = np.random.default_rng(0).uniform(0.3, 0.9, len(names)).round(3)
    category = np.where(np.arange(len(names)) % 2, "first", "second")
    made = pd.DataFrame({"image": names, "recall": scores, "category": category})
    made.to_csv(folder / "scores.csv", index=False)
    places = {"PHOTOS": folder / "photographs", "SCORES": folder / "scores.csv", "COLUMN": "recall"}
    return {f"MEMFEAT_{name}": str(at) for name, at in places.items()} | {"MEMFEAT_ANALYSES": str(folder)}


def seconds_of(script, **environment):
    known = {key: value for key, value in os.environ.items() if not key.startswith("MEMFEAT_")}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, script],
        env=known | {"MPLBACKEND": "agg"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return round(time.perf_counter() - began, 1)


@pytest.mark.data
@pytest.mark.timeout(0)
@every
def test_the_script_runs_on_all_images_and_on_ones_own(script, home, own, trials, data_folder):
    text = script.read_text(encoding="utf-8")
    figures = {"assertions": len(re.findall(r"^\s*assert ", text, flags=re.MULTILINE))}
    named = {"MEMFEAT_DATA": str(data_folder)} if "MEMFEAT_DATA" in text else {}
    figures["seconds_on_all_images"] = seconds_of(script, MEMFEAT_ANALYSES=str(home), **named)
    brought = {"MEMFEAT_PHOTOS": own, "MEMFEAT_TRIALS": trials}
    for of in (of for variable, of in brought.items() if variable in text):
        figures["seconds_on_ones_own"] = seconds_of(script, **of)
    folder = harness.REHEARSALS if harness.rehearsal() else harness.RESULTS
    record(f"analysis_{script.stem}", figures, sources=[f"analyses/{script.name}"], folder=folder)
