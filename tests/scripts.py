"""The analyses: their scripts, the notebooks derived from these, which need published sets, and trials for 08."""

from pathlib import Path

import numpy as np
import pandas as pd
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


def made_up_trials(n_images):
    """Answer as 60 people may who saw each image as target and as foil, and remember some better than others."""
    rng = np.random.default_rng(0)
    names = [f"{number:02}.jpg" for number in range(n_images)]
    cells = pd.MultiIndex.from_product([range(60), names, ["old", "new"]], names=["participant", "image", "truth"])
    chance = np.where(cells.get_level_values("truth") == "old", 0.9, 0.5)
    chance = chance - 0.4 * cells.get_level_values("image").map(dict(zip(names, rng.random(n_images), strict=True)))
    return cells.to_frame(index=False).assign(response=np.where(rng.random(len(cells)) < chance, "old", "new"))
