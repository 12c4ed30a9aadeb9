"""The process that is measured: prepares one contender, does the work, and says what it took.

Called as `python child.py FOLDER`; FOLDER/job.json names the entry and the work. This file imports nothing but the
standard library, numpy and what stands beside it, since some contenders run in an environment of their own.
"""

import importlib
import importlib.util
import json
import resource
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import watching


def main(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    output = folder / "output"
    output.mkdir()
    steps = entry(job["entry"])(job["work"], output)
    began = time.perf_counter()
    next(steps)
    (folder / "working").touch()
    before = counters()
    next(steps)
    after = counters()
    (folder / "worked").touch()
    took = {name: after[name] - before[name] for name in before}
    arrays, facts = end(steps)
    n_files, n_bytes = watching.kept(output)
    np.savez(folder / "arrays.npz", **{name: np.asarray(array) for name, array in arrays.items()})
    took |= {"setup_seconds": before["clock"] - began, "kept_files": n_files, "kept_bytes": n_bytes}
    took |= {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "threads": threads()}
    (folder / "result.json").write_text(json.dumps({**took, "facts": facts}))


def entry(name: str) -> Callable[..., Generator[None, None, Any]]:
    """Find a contender: "module:function" beside this file, or "/path/to/script.py:function"."""
    where, function = name.rsplit(":", 1)
    if not where.endswith(".py"):
        return getattr(importlib.import_module(where), function)
    spec = importlib.util.spec_from_file_location(Path(where).stem, where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, function)


def end(steps: Generator[None, None, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let the entry finish, and take what it returns: arrays to compare, and facts."""
    try:
        next(steps)
    except StopIteration as finished:
        return finished.value or ({}, {})
    raise RuntimeError("A contender must yield twice: before the work and after it.")


def counters() -> dict[str, float]:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return {"clock": time.perf_counter(), "cpu_seconds": cpu, "written_bytes": watching.written()}


def threads() -> int | None:
    """Give the threads that torch computes with, if it was used at all."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
