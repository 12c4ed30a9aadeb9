"""Every notebook runs from its first cell to its last: those of published sets on a few images of each."""

import os

import nbclient
import nbformat
import pytest
from scripts import FEW, NEEDS_DATA, NOTEBOOKS, one_by_one


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where notebooks write; what one has extracted the next one finds that the same process runs."""
    return tmp_path_factory.mktemp("analyses")


@one_by_one("notebook", NOTEBOOKS)
def test_the_notebook_runs(notebook, home, request):
    known = {key: value for key, value in os.environ.items() if not key.startswith(("MEMFEAT_", "MPLBACKEND"))}
    own = {"MEMFEAT_ANALYSES": str(home)}
    if notebook.stem in NEEDS_DATA:
        own |= {"MEMFEAT_DATA": str(request.getfixturevalue("data_folder")), "MEMFEAT_IMAGES": FEW}
    client = nbclient.NotebookClient(nbformat.read(notebook, as_version=4), timeout=600, kernel_name="python3")
    outputs = [one for cell in client.execute(cwd=str(home), env=known | own).cells for one in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert (home / "results" / f"{notebook.stem}.nc").stat().st_size
    assert "<svg" in (home / "figures" / f"{notebook.stem}.svg").read_text(encoding="utf-8")
