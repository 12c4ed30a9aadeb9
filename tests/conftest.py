"""What several test files share. Features of real photographs are extracted once per run, through the public call."""

import os
from pathlib import Path

import hypothesis
import pytest

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With MEMFEAT_REQUIRE_DATA set, as continuous integration does, a data-backed test that is skipped has failed."""
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("MEMFEAT_REQUIRE_DATA") and item.get_closest_marker("data"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} must run where MEMFEAT_REQUIRE_DATA is set; it was skipped: {report.longrepr}"
    return report
