"""Who may import whom: the rooms of architecture.md, section 2, held as a table."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "memfeat"
BASE = {"_version", "errors", "_check", "_columns", "_labels"}
LABELS = BASE | {"_arrays", "_blocks", "_pairs", "_tables", "_frames", "_progress"}
LOW = {"_kept", "guards", "images", "stats", "gram", "models"}

#: room -> the rooms it may import
ALLOWED = {
    "__init__": set(),
    "__main__": {"cli"},
    "_version": set(),
    "errors": set(),
    "_check": {"errors"},
    "_columns": {"errors", "_check"},
    "_labels": {"_version", "errors", "_check", "_columns"},
    "_arrays": BASE | {"_tables"},
    "_blocks": BASE,
    "_estimators": set(),
    "_numerals": set(),
    "_pairs": set(),
    "_phrases": set(),
    "_tables": BASE,
    "_frames": BASE,
    "_progress": BASE,
    "_kept": LABELS,
    "images": LABELS | {"guards"},
    "stats": LABELS,
    "guards": BASE | {"_frames"},
    "gram": LABELS | {"guards"},
    "models": LABELS | {"_kept"},
    "features": LABELS,
    "lowlevel": LABELS | {"images"},
    "activations": LABELS | {"_kept", "images", "models"},
    "rdm": LABELS | {"gram", "guards", "stats"},
    "rsa": LABELS | {"gram", "guards", "stats"},
    "regression": LABELS | {"_estimators", "gram", "guards", "stats"},
    "reduction": LABELS | {"_estimators", "gram", "guards", "stats"},
    "scores": LABELS | {"stats"},
    "measures": LABELS | {"gram", "guards", "stats", "models"},
    "drift": LABELS | {"gram", "guards", "stats", "rdm", "rsa", "regression", "reduction"},
    "plot": LABELS | {"_numerals", "images"},
    "attribution": LABELS | LOW | {"activations"},
    "prediction": LABELS | LOW | {"activations"},
    "evaluation": LABELS | {"stats", "regression"},
    "datasets": LABELS | {"images"},
    "training": LABELS | LOW | {"activations", "regression", "lowlevel"},
    "sets": LABELS
    | {"_numerals", "_phrases", "gram", "guards", "images", "lowlevel", "reduction", "regression", "stats", "training"},
    "screening": LABELS | {"images", "lowlevel", "prediction", "sets", "training"},
    "citing": LABELS | {"_phrases"},
    "report": LABELS
    | {
        "_numerals",
        "citing",
        "images",
        "prediction",
        "evaluation",
        "measures",
        "plot",
        "rdm",
        "reduction",
        "regression",
        "sets",
    },
    "demo": LABELS
    | LOW
    | {"activations", "features", "rdm", "rsa", "regression", "reduction", "plot", "prediction", "report"},
    "cli": LABELS
    | LOW
    | {"activations", "features", "rdm", "rsa", "regression", "plot", "prediction", "evaluation", "demo", "training"}
    | {"_numerals", "citing", "lowlevel", "report", "scores", "screening", "sets"},
}
TORCH = {"_kept", "models", "activations", "attribution", "gram", "measures", "prediction", "training", "demo", "cli"}
DRAWING = {"plot", "demo", "report", "cli"}
HEAVY = ["torch", "xarray", "pandas", "scipy", "sklearn", "matplotlib", "zarr", "dask", "PIL"]


def room(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            pytest.fail(f"{path}: relative import, line {node.lineno}")
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_what_the_table_allows(path: Path) -> None:
    names = {p.stem if p.suffix else p.name for p in PACKAGE.iterdir()}
    used = {name.split(".")[1] for name in imports(path) if name.startswith("memfeat.") and name.count(".") >= 1}
    mine = room(path)
    assert mine in ALLOWED, f"{mine} is not in the table of rooms"
    assert (used & names) - {mine} <= ALLOWED[mine]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_and_drawing_stay_in_their_rooms(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    if room(path) not in TORCH:
        assert not roots & {"torch", "torchvision"}
    if room(path) not in DRAWING:
        assert not roots & {"matplotlib", "seaborn"}


def test_the_table_names_no_room_that_is_gone() -> None:
    assert {room(path) for path in FILES} == set(ALLOWED)


def test_importing_memfeat_loads_nothing_heavy() -> None:
    code = f"import memfeat, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_of_the_front_page_loads() -> None:
    import memfeat

    assert "extract" in dir(memfeat)
    for name in memfeat.__all__:
        assert getattr(memfeat, name) is not None
