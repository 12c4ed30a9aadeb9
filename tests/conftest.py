"""What several test files share. Features of real photographs are extracted once per run, through the public call."""

import os
import warnings
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import numpy as np
import pytest
import torch
import xarray as xr
from xdist.scheduler import LoadScopeScheduling

import memfeat as mf

#: Files whose tests need features or predictions of real photographs, and files that take long by themselves.
PHOTOGRAPHS = (
    "test_activations",
    "test_attribution",
    "test_drift",
    "test_prediction",
    "test_sets_photographs",
    "test_training",
)
LONG = (*PHOTOGRAPHS, "test_models", "test_analyses", "test_store", "test_project", "test_demo")

#: Files whose tests each go to the process that is free.
SINGLY = ("test_notebooks",)

#: marker -> the variable that forbids to skip tests that have it
REQUIRED = {"data": "MEMFEAT_REQUIRE_DATA", "browser": "MEMFEAT_REQUIRE_BROWSER"}

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real images and human scores, or a skip that says how to get rid of it."""
    where = os.environ.get("MEMFEAT_DATA")
    if not where or not Path(where).is_dir():
        pytest.skip("set MEMFEAT_DATA to the folder of image sets and human scores")
    return Path(where)


@pytest.fixture(scope="session", autouse=True)
def threads():
    """Share the cores there are among the processes that run tests, however the machine was set up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    torch.set_num_threads(max(1, cores // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))


@pytest.fixture(scope="session")
def resmem() -> mf.models.Model:
    """The released predictor, loaded once."""
    return mf.models.load("resmem")


@pytest.fixture(scope="session")
def released() -> SimpleNamespace:
    """The released package's own `network` and `transformer`."""
    import resmem

    with warnings.catch_warnings():
        # The released package still uses torchvision's old keyword.
        warnings.filterwarnings("ignore", message="The parameter 'pretrained' is deprecated")
        warnings.filterwarnings("ignore", message="Arguments other than a weight enum or `None` for 'weights'")
        # And it leaves weights_only to torch's default, about which torch warned from 2.4 to 2.5.
        warnings.filterwarnings("ignore", message="You are using `torch.load` with `weights_only=False`")
        return SimpleNamespace(network=resmem.ResMem(pretrained=True).eval(), transformer=resmem.transformer)


@pytest.fixture(scope="session")
def frozen() -> mf.models.Model:
    """The frozen variant that works offline, loaded once."""
    return mf.models.load("resmem-frozen", backbone="released")


@pytest.fixture(scope="session")
def lnsim(data_folder: Path) -> xr.Dataset:
    """200 photographs with human hit rates, drawn with a fixed seed."""
    images = mf.images.read(data_folder / "lnsim" / "images", scores=data_folder / "lnsim" / "scores.csv", verify=False)
    drawn = np.sort(np.random.default_rng(20261123).choice(images.sizes["image"], size=200, replace=False))
    return images.isel(image=drawn)


@pytest.fixture(scope="session")
def lnsim_predictions(lnsim: xr.Dataset, resmem: mf.models.Model) -> xr.Dataset:
    """Predicted memorability of every second of the 200."""
    return mf.predict(lnsim.isel(image=slice(0, 200, 2)), model=resmem)


@pytest.fixture(scope="session")
def lnsim_features(lnsim, frozen, resmem, tmp_path_factory) -> dict[str, xr.Dataset]:
    """Pooled features of every third of the 200, from a store, of both networks."""
    folder, some = tmp_path_factory.mktemp("features"), lnsim.isel(image=slice(0, 200, 3))
    layers = ["features.layer[1-4].*", "features.avgpool", "relu[6-9]", "relu1[01]"]
    return {
        model.name: mf.extract(some, model=model, layers=layers, store=folder / f"{model.name}.zarr")
        for model in (frozen, resmem)
    }


class Together(LoadScopeScheduling):
    """Among several processes, keep together what shares fixtures, so that they are made once."""

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        if Path(file).stem in PHOTOGRAPHS:
            return "photographs"
        return nodeid if Path(file).stem in SINGLY else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Together(config, log)


def pytest_collection_modifyitems(config, items):
    """Begin with what takes longest, which else might be left to one process at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where these variables are set, a test that needs data or a browser and is skipped has failed."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    for marker, variable in REQUIRED.items():
        if skipped and os.environ.get(variable) and item.get_closest_marker(marker):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} must run where {variable} is set; it was skipped: {report.longrepr}"
    return report
