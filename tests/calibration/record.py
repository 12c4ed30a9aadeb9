"""Keep what a calibration measured: figures, and what they were measured on."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scipy.stats import binom

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("memfeat", "numpy", "scipy", "scikit-learn", "xarray", "torch", "torchvision", "pillow")


def record(name: str, figures: Mapping[str, Any], *, sources: Iterable[str], folder: Path = RESULTS) -> None:
    """Write the figures of one test into FOLDER/NAME.json; `sources` are the rooms of memfeat that they cover."""
    files = sorted(file for source in sources for file in _files(source))
    facts = {
        "figures": dict(figures),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _git("rev-parse", "HEAD") + ("+changes" if _git("status", "--porcelain", *map(str, files)) else ""),
        "sources": [file.relative_to(ROOT).as_posix() for file in files],
        "sources_sha256": hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in PACKAGES},
    }
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")


def band(rate: float, n: int, *, tests: int, family_wise: float = 0.01) -> tuple[float, float]:
    """Give the shares out of n that a two-sided exact binomial test accepts, when `tests` are done in all."""
    level = family_wise / tests
    return float(binom.ppf(level / 2, n, rate) / n), float(binom.isf(level / 2, n, rate) / n)


def _files(source: str) -> list[Path]:
    room = ROOT / "memfeat" / source
    return sorted(room.rglob("*.py")) if room.is_dir() else [room.with_suffix(".py")]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        from memfeat import __version__

        return __version__
