"""The analyses: their scripts, the notebooks derived from these, and which need published sets."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "analyses").glob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NEEDS_DATA = {path.stem for path in SCRIPTS if "MEMFEAT_DATA" in path.read_text(encoding="utf-8")}
#: How many images of each set analyses of real data take in tests: two of each of eight kinds of rock.
FEW = "16"


def one_by_one(name, paths):
    """Parametrize a test by these files, of which those that need data are marked so."""
    marked = [pytest.param(at, marks=pytest.mark.data if at.stem in NEEDS_DATA else (), id=at.stem) for at in paths]
    return pytest.mark.parametrize(name, marked)
