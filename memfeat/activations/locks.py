"""Who may write to a store: one run alone, or the shards of one job together.

A lock is a file beside the store. On a local disk it is held by the operating system (`flock`), which lets go when the
process ends, however it ends. Not every network drive passes such locks on to other machines, so there a lock is a file
whose time its holder renews: a heartbeat. One that has not been renewed for `STALE` seconds belongs to nobody.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from memfeat._check import advice
from memfeat.errors import StoreError

__all__ = ["HEARTBEAT", "STALE", "alone", "as_shard", "last_one"]

#: Seconds between two signs of life, and after how many without one a lock belongs to nobody.
HEARTBEAT, STALE = 10.0, 60.0
#: File systems that other machines may write to at the same time.
SHARED_DRIVES = (
    "nfs",
    "lustre",
    "gpfs",
    "beegfs",
    "cifs",
    "smb",
    "ceph",
    "fuse.sshfs",
    "afs",
    "9p",
    "orangefs",
    "panfs",
)
#: How long a shard waits for others that begin at the same moment.
MOMENT = 10.0
#: How long a shard that has finished waits for another one that is just closing the store.
PATIENCE = 600.0


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a store for one run.

    Parameters
    ----------
    path : Path
        The store.

    Yields
    ------
    None
        While it is held.

    Raises
    ------
    StoreError
        If another run, or a shard, is writing to it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _held(path, _main(path), timeout=0.0):
        busy = _busy_shards(path)
        if busy:
            raise _refused(path, f"; shards that are at work: {', '.join(busy)}")
        yield


@contextmanager
def as_shard(path: Path, shard: str) -> Iterator[None]:
    """Hold a store together with the other shards of a job.

    Parameters
    ----------
    path : Path
        The store.
    shard : str
        Which shard this is, fit for a file name.

    Yields
    ------
    None
        While it is held.

    Raises
    ------
    StoreError
        If a run that wants the store for itself is writing to it, or this very shard is at work already.
    """
    with _held(path, _of_shard(path, shard), timeout=0.0):
        # Taken for a moment only: whoever wants the store alone looks for shards while it has this lock.
        with _held(path, _main(path), timeout=MOMENT):
            pass
        yield


@contextmanager
def last_one(path: Path) -> Iterator[bool]:
    """Hold a store for closing it, if no shard is at work any more.

    Parameters
    ----------
    path : Path
        The store.

    Yields
    ------
    bool
        Whether this was the last one.
    """
    with _held(path, _main(path), timeout=PATIENCE):
        yield not _busy_shards(path)


def _main(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _of_shard(path: Path, shard: str) -> Path:
    return path.with_name(f"{path.name}.shard-{shard}.lock")


def _busy_shards(path: Path) -> list[str]:
    prefix, busy = f"{path.name}.shard-", []
    for file in sorted(path.parent.glob("*.lock")):
        if file.name.startswith(prefix):
            try:
                with _held(path, file, timeout=0.0):
                    pass
                file.unlink(missing_ok=True)
            except StoreError:
                busy.append(file.name.removeprefix(prefix).removesuffix(".lock"))
    return busy


def _refused(path: Path, more: str = "") -> StoreError:
    remedy = "Wait until the other run has finished, or write to another store."
    return StoreError(advice("store", "be used by one run at a time", f"{path}{more}", remedy))


@contextmanager
def _held(path: Path, file: Path, *, timeout: float) -> Iterator[None]:
    kind = _heartbeat if _on_shared_drive(file) else _flock
    with kind(path, file, timeout):
        yield


@contextmanager
def _flock(path: Path, file: Path, timeout: float) -> Iterator[None]:
    lock = FileLock(file)
    try:
        lock.acquire(timeout=timeout)
    except Timeout as error:
        raise _refused(path) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _heartbeat(path: Path, file: Path, timeout: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout
    while not _taken(file):
        if time.monotonic() >= deadline:
            raise _refused(path)
        time.sleep(min(1.0, HEARTBEAT))
    with _beating(file):
        yield


def _taken(file: Path) -> bool:
    """Make the lock file if there is none, or none that is alive."""
    if file.exists() and _silent_for(file) > STALE:
        _put_aside(file)
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as holder:
        json.dump({"host": socket.gethostname(), "process": os.getpid()}, holder)
    return True


def _put_aside(file: Path) -> None:
    # Renamed first: of two that find it stale only one can rename it. The other one may have got a new lock instead.
    aside = file.with_name(f"{file.name}.{os.getpid()}.stale")
    with suppress(FileNotFoundError):
        os.rename(file, aside)
        if _silent_for(aside) > STALE:
            aside.unlink(missing_ok=True)
        else:
            os.rename(aside, file)


def _silent_for(file: Path) -> float:
    """Seconds since a lock was renewed, by the clock of the drive it is on."""
    probe = file.with_name(f"{file.name}.{os.getpid()}.now")
    try:
        probe.touch()
        return probe.stat().st_mtime - file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    finally:
        probe.unlink(missing_ok=True)


@contextmanager
def _beating(file: Path) -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT):
            with suppress(FileNotFoundError):
                os.utime(file)

    thread = threading.Thread(target=beat, name="memfeat-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        file.unlink(missing_ok=True)


def _on_shared_drive(file: Path) -> bool:
    """Say whether a file is on a network drive, as far as the system tells."""
    mounts = Path("/proc/self/mounts")
    if not mounts.is_file():
        return False
    rows = [line.split(" ") for line in mounts.read_text(errors="replace").splitlines()]
    folder = file.parent.resolve()
    # The longest mount point that holds the folder is the one it is on.
    holding = [(len(row[1]), row[2]) for row in rows if len(row) > 2 and folder.is_relative_to(_unescaped(row[1]))]
    kind = max(holding, default=(0, ""))[1]
    return kind.startswith(SHARED_DRIVES)


def _unescaped(mount: str) -> str:
    return mount.replace(r"\040", " ").replace(r"\011", "\t").replace(r"\134", "\\")
