"""Say which recorded results were measured on sources that have changed since.

`make calibrate` renews those of calibrations, `make bench` those of benchmarks.
"""

import ast
import hashlib
import io
import json
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
BENCHMARKS = ROOT / "tests" / "benchmarks" / "results"


def changed(facts: dict[str, object], root: Path = ROOT) -> bool:
    """Compare the sources that a result names with those that are there."""
    files = [root / str(name) for name in facts["sources"]]  # type: ignore[attr-defined]
    if not all(file.is_file() for file in files):
        return True
    return digest(files) != facts["sources_sha256"]


def digest(files: Iterable[Path]) -> str:
    """Hash the code of files: an empty line, a comment or a docstring changes no result."""
    return hashlib.sha256("\n".join(code(file.read_text()) for file in files).encode()).hexdigest()


@cache
def code(text: str) -> str:
    """Leave out strings that are statements, comments and empty lines, and all of a file that only lists names."""
    if all(_names(node) for node in ast.parse(text).body):
        return ""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _names(node: ast.stmt) -> bool:
    """Tell whether a statement is one of those in the `__init__.py` of a room: a docstring, an import or `__all__`."""
    listing = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return listing or docstring or isinstance(node, ast.Import | ast.ImportFrom)


def report(results: Path = RESULTS, root: Path = ROOT, kind: str = "calibration") -> list[str]:
    """One line per result that is stale, and one that counts."""
    measured = {file.stem: json.loads(file.read_text()) for file in sorted(results.glob("*.json"))}
    stale = {name: facts for name, facts in measured.items() if changed(facts, root)}
    lines = [f"stale {kind}: {name}, measured {facts['date']}; sources changed" for name, facts in stale.items()]
    return [*lines, f"{kind} results: {len(measured)}, of which stale: {len(stale)}"]


if __name__ == "__main__":
    print("\n".join([*report(), *report(BENCHMARKS, kind="benchmark")]))
