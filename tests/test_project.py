"""What the project promises around its code: a stable surface, checked docstrings, and text that has run.

`python tests/test_project.py` writes tests/data/api.txt anew after a change of signature that CHANGELOG.md names.
"""

import dataclasses
import importlib
import importlib.util
import inspect
import json
import pkgutil
import re
import shlex
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import click
import numpy as np
import pytest
from numpydoc.validate import validate
from PIL import Image

import memfeat

ROOT = Path(__file__).parents[1]
SNAPSHOT = ROOT / "tests" / "data" / "api.txt"
RENEW = ".venv/bin/python tests/test_project.py"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: What numpydoc asks of public objects beyond what it asks of all: parameters and returns described, a verb first.
STRICT = {"PR01", "PR02", "RT01", "SS05"}
#: A block that a test cannot run carries this comment, with the reason, on the line before it.
NOT_RUN = "<!-- not run:"

needs_tree = pytest.mark.skipif(not (ROOT / "Makefile").exists(), reason="needs the source tree")


# --- the public surface ---------------------------------------------------------------------------------------------


def rooms() -> list[str]:
    return sorted(info.name for info in pkgutil.iter_modules(memfeat.__path__) if not info.name.startswith("_"))


def public() -> Iterator[tuple[str, object]]:
    """Every public name with what it stands for: the `__all__` of each room."""
    for room in rooms():
        module = importlib.import_module(f"memfeat.{room}")
        for name in sorted(module.__all__):
            yield f"memfeat.{room}.{name}", getattr(module, name)


def signature(call: object) -> str:
    """Parameter names, kinds and defaults; the types are mypy's business and print differently between Pythons."""
    found = inspect.signature(call)  # type: ignore[arg-type]
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    text = str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return re.sub(r"<(\w+) (\S+) at 0x[0-9a-f]+>", r"<\1 \2>", text)


def described(name: str, thing: object) -> Iterator[str]:
    if isinstance(thing, click.Command):
        yield from commands(thing, "memfeat")
    elif typing.is_typeddict(thing):
        yield f"{name}({', '.join(sorted(typing.get_type_hints(thing)))})"
    elif inspect.isclass(thing):
        bases = ", ".join(base.__name__ for base in thing.__bases__ if base is not object)
        yield f"{name}({bases})" if issubclass(thing, BaseException) else f"{name}{signature(thing)}"
        own = thing.__dict__ if not issubclass(thing, BaseException) else {}
        for member, value in sorted(own.items()):
            if inspect.isfunction(value) and (not member.startswith("_") or member == "__call__"):
                yield f"{name}.{member}{signature(value)}"
    elif callable(thing):
        yield f"{name}{signature(thing)}"
    else:
        yield f"{name}: {type(thing).__name__}"


def commands(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from commands(command.commands[name], f"{path} {name}")
    else:
        options = [
            "/".join(p.opts + p.secondary_opts) if p.opts[0][0] == "-" else p.name.upper() for p in command.params
        ]
        yield " ".join(["$", path, *options])


def surface() -> str:
    front = [f"memfeat.{name}" for name in sorted(memfeat.__all__)]
    return "\n".join([*front, "", *(line for name, thing in public() for line in described(name, thing)), ""])


def test_the_public_surface_is_the_one_that_was_agreed() -> None:
    new, agreed = surface().splitlines(), SNAPSHOT.read_text().splitlines()
    gone = [f"- {line}" for line in agreed if line not in new]
    come = [f"+ {line}" for line in new if line not in agreed]
    advice = f"Name the change in CHANGELOG.md, then renew tests/data/api.txt: {RENEW}"
    assert new == agreed, "\n".join(["The public surface has changed.", *gone, *come, advice])


def is_documented(thing: object) -> bool:
    """Functions and classes; constants and click's commands speak for themselves."""
    return (inspect.isfunction(thing) or inspect.isclass(thing)) and not isinstance(thing, click.Command)


DOCUMENTED = [(name, thing) for name, thing in public() if is_documented(thing)]


def test_every_public_function_and_class_has_a_docstring() -> None:
    assert [name for name, thing in DOCUMENTED if not thing.__doc__] == []


def demanded(thing: object) -> set[str]:
    """The strict checks that numpydoc can judge: it knows no generated `__init__` and no typed `**options`."""
    if inspect.isclass(thing):
        own = "__init__" in vars(thing) and not dataclasses.is_dataclass(thing)
        return STRICT if own else STRICT - {"PR01"}
    typed = "VAR_KEYWORD" in {parameter.kind.name for parameter in inspect.signature(thing).parameters.values()}
    return STRICT - ({"PR02"} if typed else set())


@pytest.mark.parametrize(("name", "thing"), DOCUMENTED, ids=[name for name, _ in DOCUMENTED])
def test_a_public_docstring_passes_numpydoc(name: str, thing: object) -> None:
    left_out = set(SETTINGS["tool"]["numpydoc_validation"]["checks"]) - demanded(thing)
    errors = [f"{code}: {text}" for code, text in validate(name)["errors"] if code not in left_out]
    assert errors == []


def test_options_are_named() -> None:
    """After the data, one option at most may go without its name, as in `embed(layer, "pca", n_components=2)`."""
    positional = {"POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD"}
    optional = {
        name: [
            p.name
            for p in inspect.signature(thing).parameters.values()
            if p.kind.name in positional and p.default is not p.empty
        ]
        for name, thing in DOCUMENTED
        if inspect.isfunction(thing)
    }
    assert {name: options for name, options in optional.items() if len(options) > 1} == {}


# --- what is shown has run ------------------------------------------------------------------------------------------


#: Languages of fenced blocks: what tests run or parse, and what Sphinx itself takes, as {include}.
LANGUAGES = {"python", "sh"}


def fences(page: Path) -> list[str]:
    """What stands behind the opening fence of each block of a page."""
    every = re.findall(r"^(?:`{3,})(.*)$", page.read_text(), flags=re.MULTILINE)
    return every[::2]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_is_in_a_language_that_is_checked(page: Path) -> None:
    unknown = [said for said in fences(page) if said not in LANGUAGES and not said.startswith("{")]
    assert unknown == []


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """Fenced blocks of a page, with the line on which each starts, without those marked as not run."""
    text = page.read_text()
    found = []
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        before = text[: match.start()].rstrip().rsplit("\n", 1)[-1]
        if not before.startswith(NOT_RUN):
            found.append((text[: match.start(1)].count("\n") + 1, match.group(1)))
    return found


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a reader's own: twelve photographs, two clips, a table of hit rates, a table of other numbers."""
    from skimage import data

    folder = tmp_path_factory.mktemp("reader")
    (folder / "photos").mkdir()
    scene = np.asarray(data.astronaut())
    rng = np.random.default_rng(0)
    names = [f"scene_{i:02d}.jpg" for i in range(12)]
    for name in names:
        top, left = rng.integers(0, 200, size=2)
        Image.fromarray(scene[top : top + 300, left : left + 300]).save(folder / "photos" / name)
    rows = [f"{name},{rate:.3f}" for name, rate in zip(names, rng.uniform(0.4, 0.9, 12), strict=True)]
    (folder / "scores.csv").write_text("\n".join(["image,hit_rate", *rows]) + "\n")
    rows = [",".join([name, *(f"{x:.3f}" for x in rng.normal(size=5))]) for name in names]
    (folder / "ratings.csv").write_text("\n".join(["image,a,b,c,d,e", *rows]) + "\n")
    clips(folder / "clips", scene)
    return folder


def clips(folder: Path, scene: np.ndarray) -> None:
    """Two clips of three seconds that move over a photograph, and a table of their hit rates."""
    import av

    folder.mkdir()
    for name in ("clip_01.mp4", "clip_02.mp4"):
        with av.open(str(folder / name), "w") as file:
            stream = file.add_stream("mpeg4", rate=8)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            for k in range(24):
                picture = np.ascontiguousarray(scene[4 * k : 4 * k + 120, 40:200])
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            file.mux(stream.encode())
    (folder.parent / "clips.csv").write_text("image,hit_rate\nclip_01.mp4,0.71\nclip_02.mp4,0.58\n")


WITH_CODE = [page for page in PAGES if blocks(page, "python")]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_shown_on_a_page_runs(page: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photographs)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, object] = {}
    for line, code in blocks(page, "python"):
        exec(compile("\n" * line + code, str(page), "exec"), names)


def test_the_example_of_the_front_page_takes_twelve_lines() -> None:
    first = blocks(ROOT / "README.md", "python")[0][1]
    assert len([line for line in first.splitlines() if line.strip()]) <= 12


def lines(page: Path, program: str) -> list[str]:
    """Lines of a page's terminal blocks that call a program."""
    joined = [code.replace("\\\n", " ") for _, code in blocks(page, "sh")]
    every = [line.split("#")[0].strip() for code in joined for line in code.splitlines()]
    return [line for line in every if re.match(rf"(\S*/)?{program} ", line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_shown_on_a_page_exist(page: Path) -> None:
    from memfeat.cli import main

    for line in lines(page, "memfeat"):
        _, verb, *rest = shlex.split(line)
        assert verb in main.commands, line
        command = main.commands[verb]
        command.make_parser(click.Context(command, info_name=verb)).parse_args(list(rest))


@needs_tree
@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_shown_on_a_page_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    shown = set(re.findall(r"(?:^|`)(?:MEMFEAT_\S+ )?make ([a-z-]+)", page.read_text(), flags=re.MULTILINE))
    assert shown <= targets


@needs_tree
def test_the_documentation_names_every_public_function() -> None:
    """One page per room; its directive lists what the room's `__all__` lists."""
    listed: set[str] = set()
    for page in sorted((ROOT / "docs" / "api").glob("*.md")):
        for module, members in re.findall(r"automodule:: (\S+)\n +:members: (.+)", page.read_text()):
            listed |= {f"{module}.{name.strip()}" for name in members.split(",")}
    wanted = {name for name, _ in DOCUMENTED}
    assert wanted - listed == set()
    assert listed - {name for name, _ in public()} - {f"memfeat.{name}" for name in memfeat.__all__} == set()


# --- the rest of the house ------------------------------------------------------------------------------------------


@needs_tree
def test_the_version_stands_in_the_changelog_and_the_citation() -> None:
    assert f"\n## {memfeat.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"\nversion: {memfeat.__version__}\n" in (ROOT / "CITATION.cff").read_text()


@needs_tree
@pytest.mark.parametrize(
    ("required", "marked", "outcome"), [("1", True, "failed"), ("", True, "skipped"), ("1", False, "skipped")]
)
@pytest.mark.parametrize("needed", ["data", "browser"])
def test_a_skipped_test_fails_where_what_it_needs_is_required(
    needed: str, required: str, marked: bool, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for marker in ("data", "browser"):
        monkeypatch.setenv(f"MEMFEAT_REQUIRE_{marker.upper()}", required if marker == needed else "")
    found = {needed: marked}
    item = SimpleNamespace(nodeid="test_it.py::test_on_data", get_closest_marker=lambda name: found.get(name) or None)
    report = SimpleNamespace(outcome="skipped", skipped=True, longrepr="no data")
    hook = load(ROOT / "tests" / "conftest.py").pytest_runtest_makereport(item, None)
    next(hook)
    with pytest.raises(StopIteration) as end:
        hook.send(report)
    assert end.value.value.outcome == outcome
    said = f"must run where MEMFEAT_REQUIRE_{needed.upper()} is set"
    assert (said in report.longrepr) is (outcome == "failed")


@needs_tree
def test_a_calibration_is_stale_once_its_sources_have_changed(tmp_path: Path) -> None:
    stale = load(ROOT / "tests" / "calibration" / "stale.py")
    source = tmp_path / "memfeat" / "rsa.py"
    source.parent.mkdir()
    source.write_text("one = 1\n\n\ndef two():\n    return '# 2'\n")
    facts = {"date": "2026-01-02", "sources": ["memfeat/rsa.py"], "sources_sha256": stale.digest([source])}
    (tmp_path / "p.json").write_text(json.dumps(facts))
    current = ["calibration results: 1, of which stale: 0"]
    assert stale.report(tmp_path, tmp_path) == current
    source.write_text('"""Ones."""\none = 1  # of them\ndef two():\n    "Give."\n    # why\n    return \'# 2\'\n')
    assert stale.report(tmp_path, tmp_path) == current
    source.write_text("one = 1\n\n\ndef two():\n    return '# 3'\n")
    told = ["stale calibration: p, measured 2026-01-02; sources changed", "calibration results: 1, of which stale: 1"]
    assert stale.report(tmp_path, tmp_path) == told
    source.unlink()
    assert stale.report(tmp_path, tmp_path) == told
    assert stale.code('"""Ones."""\nfrom ones import one\n\n__all__ = ["one"]\n') == ""
    assert stale.code("from ones import one\n\ntwo = one\n") == "from ones import one\ntwo = one"


def load(path: Path) -> ModuleType:
    """Import a script by its path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    SNAPSHOT.parent.mkdir(exist_ok=True)
    SNAPSHOT.write_text(surface())
