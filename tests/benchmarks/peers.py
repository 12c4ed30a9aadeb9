"""Peers that are installed without what they depend on, into a folder of their own.

thingsvision pins versions that nobody can have any more beside a current torch; what it imports but never uses here
(TensorFlow and other sources of networks) is replaced by empty stand-ins. mne-rsa asks for a gigabyte of windows and
pictures in three dimensions, none of which its RDMs need. himalaya and xeofs need nothing that is not there.
"""

import importlib.abc
import importlib.machinery
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

THINGSVISION = ("thingsvision", "torchtyping", "typeguard<3", "ftfy", "wcwidth", "regex", "numba", "llvmlite")
MNE_RSA = ("mne-rsa", "mne", "nibabel", "decorator")
HIMALAYA, XEOFS = ("himalaya",), ("xeofs",)
PEERS = {"thingsvision": "thingsvision", "mne_rsa": "mne-rsa", "himalaya": "himalaya", "xeofs": "xeofs"}
STAND_INS = ("tensorflow", "keras", "timm", "open_clip", "transformers", "clip", "dreamsim", "harmonization")
PATIENCE = 480.0


def install(folder: Path, packages: tuple[str, ...]) -> str:
    """Install packages into a folder, without what they depend on; say why not, or nothing."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    try:
        done = subprocess.run(
            [*pip, "--target", str(folder), *packages], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return f"could not be installed within {PATIENCE:.0f} s"
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return f"could not be installed: {(lines or ['pip failed'])[-1]}" if done.returncode else ""


def versions(folder: Path) -> dict[str, str]:
    """Give the versions of the peers that are installed in a folder."""
    names = [path.name.removesuffix(".dist-info").rsplit("-", 1) for path in folder.glob("*.dist-info")]
    return {PEERS[name]: number for name, number in sorted(names) if name in PEERS}


class Anything(types.ModuleType):
    """A module in which whatever is asked for exists and does nothing."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.islower():
            return Anything(f"{self.__name__}.{name}")
        return type(name, (), {"__init__": lambda self, *given, **named: None})

    def __call__(self, *given: Any, **named: Any) -> list[Any]:
        return []


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for what is not installed and will not be used."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] in STAND_INS else None

    def create_module(self, spec: Any) -> Any:
        return Anything(spec.name)

    def exec_module(self, module: Any) -> None:
        """Leave it empty."""


def thingsvision() -> Any:
    """Import thingsvision, with stand-ins for what is missing."""
    import numpy as np

    # numpy 2 moved the one name that thingsvision takes from numpy 1.
    vars(np)["AxisError"] = np.exceptions.AxisError
    sys.meta_path.append(StandIns())
    return importlib.import_module("thingsvision")
