"""The store: how many files it has, and what is left of it after `kill -9`."""

import hashlib
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from harness import HERE, Case, Contender, end_group, environment, scratch, sized
from killed import STARTED

pytestmark = [pytest.mark.data, pytest.mark.timeout(0)]
SOURCES = ["activations", "models", "images"]
LAYERS, MANY, MOST_FILES = 211, 200_000, 200_000


def test_number_of_files(bench, photographs):
    n = bench.images(2000)
    sizes = [max(1, n // 8), max(2, n // 2), n]
    contenders = {f"{size} images": Contender("files:many_layers", {"n": size}, peer=False) for size in sizes}
    contenders["ResMem, 2 images"] = Contender("files:resmem", {"images": photographs[:2]}, peer=False)
    title = f"Files of a store with {LAYERS} layers"
    case = Case("files", title, contenders, work={"layers": LAYERS}, n_pairs=1, facts_only=True)
    figures = bench.run(case, sources=SOURCES, images=n)
    one, two, three, real = (each["facts"] for each in figures["contenders"].values())
    assert one["block"] == two["block"] == three["block"] == real["block"]
    assert real["layers"] == LAYERS
    fixed, per_block = formula(one, two if two["blocks"] > one["blocks"] else three)
    projected = fixed + per_block * -(-MANY // one["block"])
    bench.besides(
        "files", {"files_besides_blocks": fixed, "files_per_block": per_block, "files_of_200,000_images": projected}
    )
    assert fixed + per_block * three["blocks"] == three["store_files"]
    assert fixed + per_block == real["store_files"]
    assert projected < MOST_FILES


def formula(one: dict[str, int], two: dict[str, int]) -> tuple[int, int]:
    """Give files that are there once, and files per block, from stores with fewer and with more blocks."""
    per_block, rest = divmod(two["store_files"] - one["store_files"], two["blocks"] - one["blocks"])
    assert rest == 0
    return one["store_files"] - per_block * one["blocks"], per_block


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill a process outright")
def test_killed_runs_resume_to_the_same_bytes(bench, photographs, tmp_path_factory):
    """Ten stores, each killed twice at random moments; moments that fall after the end of a run are drawn again."""
    n = bench.images(800)
    pairs = sized("pairs", 10)
    rng = random.Random(20261124)
    folder = scratch() or tmp_path_factory.mktemp("killed")
    whole = Runs(photographs, folder / "whole.zarr", n)
    seconds = whole.go()
    computed, block = Counter(whole.batches(0)), block_of(folder / "whole.zarr")
    assert max(computed.values()) == 1
    size = -(-n // len(computed))
    kills, identical, repeated = 0, 0, []
    for i in range(pairs):
        runs = Runs(photographs, folder / f"{i}.zarr", n)
        kills += sum(runs.kill(rng, seconds) for _ in range(2))
        runs.go()
        identical += runs.digest() == whole.digest()
        repeated += [again * size for again in runs.repeated()]
    figures = {"kills": kills, "stores": pairs, "identical_to_an_uninterrupted_one": identical, "block": block}
    figures |= {"most_images_computed_twice_after_a_kill": max(repeated), "seconds_uninterrupted": round(seconds, 1)}
    told = {"contenders": {"memfeat": {"facts": figures}}, "pairs": pairs}
    bench.keep("kills", "Runs ended by kill -9", told, sources=SOURCES, images=n)
    assert kills == 2 * pairs
    assert identical == pairs
    # Batches do not straddle blocks, so a block is at most this many of them.
    assert max(repeated) <= -(-block // size) * size


def block_of(store: Path) -> int:
    import xarray as xr

    with xr.open_zarr(store) as opened:
        encoding = next(iter(opened.data_vars.values())).encoding
    return int((encoding.get("shards") or encoding["chunks"])[0])


class Runs:
    """Successive runs on one store."""

    def __init__(self, photographs: list[str], store: Path, n: int) -> None:
        self.store, self.logs = store, []
        self.arguments = [str(Path(photographs[0]).parent), str(store)]
        self.n = n

    def started(self) -> "subprocess.Popen[bytes]":
        self.logs.append(self.store.with_suffix(f".{len(self.logs)}.log"))
        command = [sys.executable, str(HERE / "killed.py"), *self.arguments, str(self.logs[-1]), str(self.n)]
        child = subprocess.Popen(command, env=environment(), start_new_session=True, stderr=subprocess.DEVNULL)
        while child.poll() is None and not self.logs[-1].exists():
            time.sleep(0.01)
        return child

    def go(self) -> float:
        """Run to the end; give the seconds that the work took."""
        child = self.started()
        began = time.monotonic()
        assert child.wait() == 0
        return time.monotonic() - began

    def kill(self, rng: random.Random, seconds: float) -> bool:
        """Run, and kill after a random share of the seconds; say whether that came before the end."""
        for _ in range(20):
            child = self.started()
            try:
                child.wait(rng.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                end_group(child)
                return True
            # It was faster than thought. What is finished cannot be killed, so begin again with this store.
            assert child.returncode == 0
            self.forget()
        return False

    def forget(self) -> None:
        import shutil

        shutil.rmtree(self.store)
        for log in self.logs:
            log.unlink()
        self.logs.clear()

    def batches(self, run: int) -> list[str]:
        """List the batches that one run computed."""
        return [line for line in self.logs[run].read_text().split() if line != STARTED]

    def repeated(self) -> list[int]:
        """Count, for every run but the first, the batches that an earlier one had computed."""
        done: set[str] = set()
        counts = []
        for run in range(len(self.logs)):
            batches = self.batches(run)
            assert len(set(batches)) == len(batches)
            counts.append(len(done & set(batches)))
            done |= set(batches)
        return counts[1:]

    def digest(self) -> str:
        """Hash names and bytes of all that is in the store."""
        found = hashlib.sha256()
        for path in sorted(self.store.rglob("*")):
            found.update(f"{path.relative_to(self.store)}\0{path.is_file()}\0".encode())
            found.update(path.read_bytes() if path.is_file() else b"")
        return found.hexdigest()
