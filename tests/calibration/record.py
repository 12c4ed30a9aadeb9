"""Keep what a calibration measured: figures, and what they were measured on."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scipy.stats import binom
from stale import digest

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("memfeat", "numpy", "scipy", "scikit-learn", "xarray", "torch", "torchvision", "pillow")


def record(
    name: str,
    figures: Mapping[str, Any],
    *,
    sources: Iterable[str],
    folder: Path = RESULTS,
    packages: Iterable[str] = (),
    versions: Mapping[str, str] | None = None,
) -> None:
    """Write the figures of one test into FOLDER/NAME.json.

    `sources` are the rooms of memfeat that they cover, or paths of scripts. `packages` are named with their versions
    besides those that always are; `versions` adds those of packages that are installed elsewhere.
    """
    files = sorted(file for source in sources for file in _files(source))
    facts = {
        "figures": dict(figures),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _git("rev-parse", "HEAD") + ("+changes" if _git("status", "--porcelain", *map(str, files)) else ""),
        "sources": [file.relative_to(ROOT).as_posix() for file in files],
        "sources_sha256": digest(files),
        "machine": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "versions": {
            **{package: _version(package) for package in PACKAGES},
            **_installed(packages),
            **(versions or {}),
        },
    }
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")


def band(rate: float, n: int, *, tests: int, family_wise: float = 0.01) -> tuple[float, float]:
    """Give the shares out of n that a two-sided exact binomial test accepts, when `tests` are done in all."""
    level = family_wise / tests
    return float(binom.ppf(level / 2, n, rate) / n), float(binom.isf(level / 2, n, rate) / n)


def _files(source: str) -> list[Path]:
    if source.endswith(".py"):
        return [ROOT / source]
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


def _installed(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
