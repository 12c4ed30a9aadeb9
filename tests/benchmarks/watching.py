"""What a process and its children take: memory while they run, bytes they wrote, files they left. Linux only."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
PERIOD = 0.05
#: A full reading walks the page table of the process that is timed, so it is done when memory has grown by this much …
STEP = 2**20
#: … and at any rate this often, in seconds.
AT_LEAST = 1.0
PAGE = 4096


class Watch(threading.Thread):
    """Samples the memory of a process tree, until it is told to stop.

    Every 50 ms the resident size is looked at, which costs nothing; the proportional set size (PSS, in which a page
    that k processes share counts 1/k for each) is read whenever that has grown, and once a second.

    Parameters
    ----------
    pid : int
        The root of the tree.
    phase : callable
        Names the phase that the process is in; each has a peak of its own.
    """

    def __init__(self, pid: int, phase: Callable[[], str] = lambda: "all") -> None:
        super().__init__(daemon=True)
        self.pid, self.phase = pid, phase
        self.peaks: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._read_at = 0.0
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.wait(PERIOD):
            self.look()

    def look(self) -> None:
        phase, pids = self.phase(), tree(self.pid)
        resident, now = sum(map(rss, pids)), time.monotonic()
        if resident <= self._seen.get(phase, 0) + STEP and now - self._read_at < AT_LEAST:
            return
        self._seen[phase] = max(resident, self._seen.get(phase, 0))
        self._read_at = now
        self.peaks[phase] = max(sum(map(pss, pids)), self.peaks.get(phase, 0))

    def stop(self) -> dict[str, int]:
        self._stop_asked.set()
        self.join()
        return self.peaks


def tree(pid: int) -> list[int]:
    """List a process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        for task in _entries(PROC / str(found[-1]) / "task"):
            waiting += [int(child) for child in _text(task / "children").split()]
    return found


def rss(pid: int) -> int:
    """Give the resident bytes of one process; 0 once it is gone."""
    fields = _text(PROC / str(pid) / "statm").split()
    return int(fields[1]) * PAGE if fields else 0


def pss(pid: int) -> int:
    """Give the proportional set size of one process, bytes; 0 once it is gone."""
    lines = _text(PROC / str(pid) / "smaps_rollup").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def written() -> int:
    """Give the bytes that this process and its ended children have handed to write()."""
    fields = dict(line.split(": ") for line in _text(PROC / "self" / "io").splitlines())
    return int(fields["wchar"])


def kept(folder: Path) -> tuple[int, int]:
    """Count the files below a folder, and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []
