"""Say which recorded results were measured on sources that have changed since.

`make calibrate` renews those of calibrations, `make bench` those of benchmarks.
"""

import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
BENCHMARKS = ROOT / "tests" / "benchmarks" / "results"


def changed(facts: dict[str, object], root: Path = ROOT) -> bool:
    """Compare the sources that a result names with those that are there."""
    files = [root / str(name) for name in facts["sources"]]  # type: ignore[attr-defined]
    if not all(file.is_file() for file in files):
        return True
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest() != facts["sources_sha256"]


def report(results: Path = RESULTS, root: Path = ROOT, kind: str = "calibration") -> list[str]:
    """One line per result that is stale, and one that counts."""
    measured = {file.stem: json.loads(file.read_text()) for file in sorted(results.glob("*.json"))}
    stale = {name: facts for name, facts in measured.items() if changed(facts, root)}
    lines = [f"stale {kind}: {name}, measured {facts['date']}; sources changed" for name, facts in stale.items()]
    return [*lines, f"{kind} results: {len(measured)}, of which stale: {len(stale)}"]


if __name__ == "__main__":
    print("\n".join([*report(), *report(BENCHMARKS, kind="benchmark")]))
