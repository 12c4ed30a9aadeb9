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
