"""A harness for benchmarks: memfeat and its peers on the same work, each run in a process of its own, in turns.

How to add a case
-----------------
1. Write each contender as a generator function in a module beside this one. It takes `work`, a dict of plain values,
   and `output`, an empty folder. What stands before its first `yield` is preparation (imports, loading), what stands
   between the two is measured, and at the end it returns `(arrays, facts)`: arrays by name, of which those that the
   reference has too are compared with it, and facts, further figures by name::

       def numpy_mean(work, output):
           import numpy as np
           values = np.random.default_rng(0).normal(size=work["n"])
           yield
           mean = values.mean()
           yield
           return {"mean": mean}, {"values": values.size}

2. Name the contenders in a `Case`, measure it and keep the result, in a test::

       case = Case("mean", "Mean of numbers", {"numpy": "means:numpy_mean", "memfeat": "means:memfeat_mean"},
                   work={"n": 10**6}, n_pairs=5, against="numpy", reference="numpy")
       figures = bench.run(case, sources=["stats"])

   `bench` (conftest.py) skips nothing and asserts nothing: a test asserts what must hold, timings only when
   `not figures["rehearsal"]`.
3. `make bench` runs them all, `make docs` puts the recorded results into the table of docs/performance.md.

Sizes: MEMFEAT_BENCH_IMAGES and MEMFEAT_BENCH_PAIRS replace the numbers of images and of rounds. A run with either
is a rehearsal: its results go to a temporary folder and never over recorded ones, unless MEMFEAT_BENCH_RECORD is set.
Stores and other large output go to MEMFEAT_BENCH_FOLDER, or to the system's folder for temporary files, and are removed
after each run. What must hold of timings and memory is asserted only where results are recorded.
`make bench PYTEST_ARGS="-k inplace"` chooses cases.

What is measured: wall and CPU seconds of the work alone; peak memory (proportional set size of the whole process tree,
sampled, see watching.py) of the work, and of the process from its start; bytes handed to write(); files left. Every
round runs each contender once, every second round in reverse order; a ratio is taken within a round. Seconds of whoever
does a part of the work only (`part`) are scaled to all of it, and the table says so. Linux only.
"""

import importlib.util
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from watching import Watch

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results"
REHEARSALS = Path(tempfile.gettempdir()) / "memfeat-bench-rehearsals"
MEASURED = ("seconds", "cpu_seconds", "setup_seconds", "peak_pss_bytes", "peak_pss_whole_bytes", "peak_rss_bytes")
COUNTED = ("written_bytes", "kept_files", "kept_bytes")


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Attributes
    ----------
    entry : str
        "module:function" beside this file, or "/path/to/script.py:function".
    work : mapping
        What differs from, or adds to, the work of the case.
    pairs : int or None
        Rounds it takes part in; None for all.
    needs : tuple of str
        Modules without which it is not run.
    path : tuple of Path
        Folders to import from before all others.
    not_run : str
        Why it cannot be run; empty if it can.
    peer : bool
        Whether a failure of it is recorded instead of raised.
    part : (int, int) or None
        How much of the work it does, out of how much: 8 of 1,000 samples, say. Its seconds are scaled to all of it, and
        the table says so.
    """

    entry: str
    work: Mapping[str, Any] = field(default_factory=dict)
    pairs: int | None = None
    needs: tuple[str, ...] = ()
    path: tuple[Path, ...] = ()
    not_run: str = ""
    peer: bool = True
    part: tuple[int, int] | None = None

    def hindrance(self) -> str:
        missing = [module for module in self.needs if importlib.util.find_spec(module) is None]
        return self.not_run or (f"not installed: {', '.join(missing)}" if missing else "")


@dataclass(frozen=True)
class Case:
    """Work, and those who do it.

    Attributes
    ----------
    name : str
        Of the result's file.
    title : str
        For the table.
    contenders : mapping
        Label → Contender, or just its entry.
    work : mapping
        Plain values, given to every contender.
    n_pairs : int
        Rounds.
    against : str or None
        Label of the contender that speeds are given against.
    reference : str or None
        Label of the contender that deviations are taken from.
    limit : float
        Seconds after which a run is ended.
    facts_only : bool
        Whether to keep facts alone, because the work is too short for its seconds to mean anything.
    """

    name: str
    title: str
    contenders: Mapping[str, Contender | str]
    work: Mapping[str, Any] = field(default_factory=dict)
    n_pairs: int = 5
    against: str | None = None
    reference: str | None = None
    limit: float = 7200
    facts_only: bool = False

    def contender(self, label: str) -> Contender:
        one = self.contenders[label]
        return Contender(one) if isinstance(one, str) else one


class Failed(Exception):
    """A contender ended with an error or took too long; the text is its last word."""


def scratch() -> Path | None:
    """Where large output goes; None for the system's folder for temporary files."""
    return Path(os.environ["MEMFEAT_BENCH_FOLDER"]) if os.environ.get("MEMFEAT_BENCH_FOLDER") else None


def sized(what: str, default: int) -> int:
    """Give the size that was asked for, or else the default. `what` is "images" or "pairs"."""
    return int(os.environ.get(f"MEMFEAT_BENCH_{what.upper()}") or default)


def rehearsal() -> bool:
    """Say whether results are not to be recorded."""
    resized = os.environ.get("MEMFEAT_BENCH_IMAGES") or os.environ.get("MEMFEAT_BENCH_PAIRS")
    return bool(resized) and not os.environ.get("MEMFEAT_BENCH_RECORD")


def measure(case: Case) -> dict[str, Any]:
    """Run every contender in turns, and sum up."""
    runs: dict[str, list[dict[str, Any]]] = {label: [] for label in case.contenders}
    reasons = {label: case.contender(label).hindrance() for label in case.contenders}
    for turn in range(case.n_pairs):
        labels = list(case.contenders) if turn % 2 == 0 else list(reversed(case.contenders))
        for label in labels:
            contender = case.contender(label)
            if reasons[label] or turn >= (contender.pairs or case.n_pairs):
                continue
            try:
                runs[label].append({"turn": turn, **run_once(contender, case)})
            except Failed as failure:
                if not contender.peer:
                    raise
                reasons[label] = str(failure)
    return {label: _summed(label, runs, reasons, case) for label in case.contenders}


def run_once(contender: Contender, case: Case) -> dict[str, Any]:
    """Run one contender in a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix="memfeat-bench-", dir=scratch()))
    try:
        job = {"entry": contender.entry, "work": {**case.work, **contender.work}}
        (folder / "job.json").write_text(json.dumps(job))
        peaks = _watched(folder, contender.path, case.limit)
        result = json.loads((folder / "result.json").read_text())
        with np.load(folder / "arrays.npz") as arrays:
            result["arrays"] = dict(arrays)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    whole = max(peaks.values(), default=0)
    done, of = contender.part or (1, 1)
    result["cpu_seconds"] *= of / done
    clock = result.pop("clock") * of / done
    return {**result, "seconds": clock, "peak_pss_bytes": peaks.get("work", whole), "peak_pss_whole_bytes": whole}


def _watched(folder: Path, path: Sequence[Path], limit: float) -> dict[str, int]:
    command = [sys.executable, str(HERE / "child.py"), str(folder)]
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(
            command, cwd=folder, env=environment(path), stdout=said, stderr=said, start_new_session=True
        )
    watch = Watch(child.pid, lambda: _phase(folder))
    watch.start()
    try:
        code = child.wait(limit)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"took longer than {limit:.0f} s") from error
    finally:
        end_group(child)
        peaks = watch.stop()
    if code:
        lines = (folder / "said").read_text(errors="replace").strip().splitlines() or [f"exit status {code}"]
        raise Failed(lines[-1])
    return peaks


def _phase(folder: Path) -> str:
    if (folder / "worked").exists():
        return "after"
    return "work" if (folder / "working").exists() else "setup"


def environment(path: Iterable[Path] = ()) -> dict[str, str]:
    """Give the environment of a child: this source tree before anything installed, and no accelerator."""
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = [*map(str, path), str(HERE), str(ROOT), *filter(None, before)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "CUDA_VISIBLE_DEVICES": ""}


def end_group(child: "subprocess.Popen[bytes]") -> None:
    """Kill a child that leads a session of its own, with all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def spread(values: Iterable[float]) -> dict[str, float]:
    """Sum up values by their median, least and largest."""
    every = list(values)
    return {"median": statistics.median(every), "min": min(every), "max": max(every)}


def ratios(ours: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> list[float]:
    """How many times as fast `ours` was as `others`, for every round that both took part in."""
    seconds = {run["turn"]: run["seconds"] for run in others}
    return [seconds[run["turn"]] / run["seconds"] for run in ours if run["turn"] in seconds]


def times(contenders: Mapping[str, Mapping[str, Any]], slow: str, quick: str) -> float:
    """How many times as long one took as another, by their medians: also where they share no round."""
    return float(contenders[slow]["seconds"]["median"] / contenders[quick]["seconds"]["median"])


def deviation(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float | None:
    """Largest |difference| of any array, in units of the largest |value| of its reference; None if none is shared."""
    shared = [name for name in found if name in expected]
    if not shared:
        return None
    return max(float(np.abs(found[name] - expected[name]).max() / np.abs(expected[name]).max()) for name in shared)


def _summed(
    label: str, runs: Mapping[str, list[dict[str, Any]]], reasons: Mapping[str, str], case: Case
) -> dict[str, Any]:
    own = runs[label]
    if reasons[label] or not own:
        return {"not_run": reasons[label] or "no round was left for it"}
    facts = {name: _fact([run["facts"][name] for run in own]) for name in own[0]["facts"]}
    figures: dict[str, Any] = {"runs": len(own), "threads": own[0]["threads"], "facts": facts}
    if case.reference and label != case.reference and runs[case.reference]:
        deviations = [deviation(run["arrays"], runs[case.reference][0]["arrays"]) for run in own]
        figures["largest_deviation"] = max((one for one in deviations if one is not None), default=None)
    if case.facts_only:
        return figures
    if part := case.contender(label).part:
        figures["timed_on"] = list(part)
    figures |= {name: spread(run[name] for run in own) for name in MEASURED}
    figures |= {name: max(run[name] for run in own) for name in COUNTED}
    if case.against and runs[case.against]:
        figures["speed"] = spread(ratios(own, runs[case.against]))
    return figures


def _fact(values: list[Any]) -> Any:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return statistics.median(values) if numbers else values[-1]
