"""Who may write to a store: one run alone, or the shards of one job together.

A lock is a file beside the store. On a local disk it is held by the operating system (`flock`), which lets go when the
process ends, however it ends. Not every network drive passes such locks on to other machines, so there a lock is a file
whose time its holder renews: a heartbeat. One that has not been renewed for `STALE` seconds belongs to nobody.
"""

import json
import logging
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from memfeat._check import advice, listed
from memfeat.errors import StoreError

__all__ = [
    "HEARTBEAT",
    "STALE",
    "alone",
    "as_shard",
    "as_worker",
    "forget_workers",
    "last_one",
    "near",
    "wait_for_workers",
]

log = logging.getLogger(__name__)

#: Seconds between two signs of life, and after how many without one a lock belongs to nobody.
HEARTBEAT, STALE = 15.0, 180.0
#: File systems that other machines may write to at the same time.
SHARED_DRIVES = (
    "nfs",
    "lustre",
    "gpfs",
    "beegfs",
    "cifs",
    "smb",
    "ceph",
    "fuse.",
    "afs",
    "9p",
    "wekafs",
    "virtiofs",
    "glusterfs",
    "orangefs",
    "panfs",
)
#: How the names of workers begin, among shards.
WORKER = "worker-"
#: How long a shard or a worker waits for others: that begin at the same moment, or are just closing the store.
PATIENCE = 600.0
#: After how long it says so.
MOMENT = 10.0


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
    # Others who look whether this shard is at work hold its lock for a moment; one that died may be held for `STALE`.
    with _held(path, _of_shard(path, shard), timeout=PATIENCE):
        # Taken for a moment only: whoever wants the store alone looks for shards while it has this lock. A shard that
        # finds itself to be the last one may hold it for long.
        with _held(path, _main(path), timeout=PATIENCE):
            _must_be_of_one_division(path, shard)
        yield


def _must_be_of_one_division(path: Path, shard: str) -> None:
    # 1-of-2 and 1-of-3 share blocks.
    n = shard.rpartition("-")[2]
    others = [other for other in _busy_shards(path, but=shard) if other.rpartition("-")[2] != n]
    if others:
        remedy = f"Wait until they have finished, or go on in {others[0].rpartition('-')[2]} parts."
        raise StoreError(advice("shard", "divide as those at work", listed(", ".join(others)), remedy))


@contextmanager
def as_worker(path: Path, block: str) -> Iterator[None]:
    """Hold a block of a store which another process holds for its workers.

    Parameters
    ----------
    path : Path
        The store.
    block : str
        Which block, fit for a file name.

    Yields
    ------
    None
        While it is held. Should the other process end meanwhile, nobody else gets the store before this one is done.

    Raises
    ------
    StoreError
        If another worker holds it for very long.
    """
    with _held(path, _of_shard(path, f"{WORKER}{block}"), timeout=PATIENCE):
        yield


def wait_for_workers(path: Path) -> None:
    """Wait until no worker writes to a store any more. The caller holds the store.

    Parameters
    ----------
    path : Path
        The store. A worker that died lets go of it at once; on a network drive after `STALE` seconds.

    Raises
    ------
    StoreError
        If one does not end.
    """
    deadline, said = time.monotonic() + PATIENCE, False
    while busy := [shard for shard in _busy_shards(path) if shard.startswith(WORKER)]:
        if time.monotonic() >= deadline:
            raise _refused(path, f"; workers that do not end: {', '.join(busy)}")
        if not said:
            log.info("Waiting for %s", ", ".join(busy))
            said = True
        time.sleep(min(HEARTBEAT, 0.1))


def forget_workers(path: Path) -> None:
    """Remove the lock files of workers that are done. The caller holds the store, and has nothing sent out any more.

    Parameters
    ----------
    path : Path
        The store.
    """
    for file in path.parent.glob("*.lock"):
        if file.name.startswith(f"{path.name}.shard-{WORKER}"):
            file.unlink(missing_ok=True)


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


def near(path: Path) -> Path:
    """Give a folder for what nobody else needs to see while a store is filled.

    Parameters
    ----------
    path : Path
        The store.

    Returns
    -------
    Path
        The store's own folder, or this machine's for temporary files where that is on a network drive.
    """
    return Path(tempfile.gettempdir()) if _on_shared_drive(path) else path.parent


def _main(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _of_shard(path: Path, shard: str) -> Path:
    return path.with_name(f"{path.name}.shard-{shard}.lock")


def _busy_shards(path: Path, *, but: str | None = None) -> list[str]:
    prefix, busy = f"{path.name}.shard-", []
    for file in sorted(path.parent.glob("*.lock")):
        shard = file.name.removeprefix(prefix).removesuffix(".lock")
        if file.name.startswith(prefix) and shard != but:
            # The files stay: one that is removed while a shard takes it would be held by nobody that others can see.
            try:
                with _held(path, file, timeout=0.0):
                    pass
            except StoreError:
                busy.append(shard)
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
        lock.acquire(timeout=min(timeout, MOMENT))
    except Timeout:
        _waiting(file, timeout)
        try:
            lock.acquire(timeout=max(0.0, timeout - MOMENT))
        except Timeout as error:
            raise _refused(path) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _heartbeat(path: Path, file: Path, timeout: float) -> Iterator[None]:
    begun, said = time.monotonic(), False
    while not _taken(file):
        waited = time.monotonic() - begun
        if waited >= timeout:
            raise _refused(path, f"; a lock whose holder died is free after {STALE:.0f} s")
        if waited >= MOMENT and not said:
            _waiting(file, timeout)
            said = True
        time.sleep(min(1.0, HEARTBEAT))
    with _beating(file):
        yield


def _waiting(file: Path, timeout: float) -> None:
    if timeout > MOMENT:
        log.warning("Waiting for %s, which another process holds, up to %.0f s", file.name, timeout)


def _taken(file: Path) -> bool:
    """Make the lock file if there is none, or none that is alive."""
    if file.exists() and (_silent_for(file) > STALE or _died_here(file)):
        _put_aside(file)
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as holder:
        holder.write(_signature())
    return True


def _signature() -> str:
    return json.dumps({"host": socket.gethostname(), "process": os.getpid(), "thread": threading.get_ident()})


def _put_aside(file: Path) -> None:
    # Renamed first: of two that find it stale only one can rename it. The other one may have got a new lock instead.
    aside = file.with_name(f"{file.name}.{os.getpid()}.stale")
    with suppress(FileNotFoundError):
        os.rename(file, aside)
        if _silent_for(aside) <= STALE and not _died_here(aside):
            # Not over the lock of one who came meanwhile.
            with suppress(FileExistsError):
                os.link(aside, file)
        aside.unlink(missing_ok=True)


def _died_here(file: Path) -> bool:
    """Say whether a lock belongs to a process of this machine that is no more."""
    if os.name == "nt":
        return False  # there, asking for a process by signal would end it
    try:
        holder = json.loads(file.read_text())
        if holder["host"] != socket.gethostname():
            return False
        os.kill(holder["process"], 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return False


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
    stop, mine = threading.Event(), _signature()

    def beat() -> None:
        while not stop.wait(HEARTBEAT):
            # A drive that does not answer for a moment must not end the beating.
            with suppress(OSError):
                if file.read_text() == mine:
                    os.utime(file)

    thread = threading.Thread(target=beat, name="memfeat-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        # After a long sleep of this machine the lock may be another's by now.
        with suppress(OSError):
            if file.read_text() == mine:
                file.unlink()


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
