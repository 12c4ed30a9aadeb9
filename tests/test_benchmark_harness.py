"""The benchmark harness: its arithmetic, and what it says of processes whose needs are known."""

import json
import os
import subprocess
import sys
import textwrap
import time

import harness
import numpy as np
import pytest
import rendering
import watching
from harness import Case, Contender, Failed
from hypothesis import given, settings
from hypothesis import strategies as st
from record import record

MB = 2**20
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory and bytes are read from /proc")


def took(*seconds: float, turns: tuple[int, ...] | None = None) -> list[dict[str, float]]:
    return [{"turn": t, "seconds": s} for t, s in zip(turns or range(len(seconds)), seconds, strict=True)]


# --- arithmetic -------------------------------------------------------------------------------------------------------


def test_a_ratio_is_taken_within_a_round():
    """The second round was slow for both. Medians of pairs: 2, 4, 5 gives 4; the ratio of medians would be 30 / 10."""
    ours, others = took(10, 100, 2), took(20, 400, 10)
    assert harness.ratios(ours, others) == [2, 4, 5]
    assert harness.spread(harness.ratios(ours, others)) == {"median": 4, "min": 2, "max": 5}


def test_rounds_of_one_only_have_no_ratio():
    assert harness.ratios(took(1, 2, turns=(0, 2)), took(3, 8, turns=(0, 1))) == [3]


@settings(max_examples=50)
@given(pairs=st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=1, max_size=9))
def test_speed_against_oneself_is_one_and_against_another_the_inverse(pairs):
    ours, others = took(*(a for a, _ in pairs)), took(*(b for _, b in pairs))
    assert harness.ratios(ours, ours) == [1.0] * len(pairs)
    forth, back = harness.ratios(ours, others), harness.ratios(others, ours)
    np.testing.assert_allclose(np.array(forth) * np.array(back), 1)


def test_a_deviation_is_relative_to_the_largest_value_of_its_layer():
    expected = {"a": np.array([1.0, -4.0]), "b": np.array([100.0, 0.0]), "c": np.zeros(1)}
    found = {"a": np.array([1.0, -3.0]), "b": np.array([100.0, 10.0]), "d": np.ones(1)}
    assert harness.deviation(found, expected) == pytest.approx(0.25)
    assert harness.deviation({"d": np.ones(1)}, expected) is None


@pytest.mark.parametrize(
    ("variables", "pairs", "rehearsal"),
    [
        ({}, 5, False),
        ({"MEMFEAT_BENCH_PAIRS": "2"}, 2, True),
        ({"MEMFEAT_BENCH_IMAGES": "8"}, 5, True),
        ({"MEMFEAT_BENCH_PAIRS": "9", "MEMFEAT_BENCH_RECORD": "1"}, 9, False),
    ],
)
def test_other_sizes_are_a_rehearsal_unless_told_otherwise(monkeypatch, variables, pairs, rehearsal):
    for name in ("PAIRS", "IMAGES", "RECORD"):
        monkeypatch.delenv(f"MEMFEAT_BENCH_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert harness.sized("pairs", 5) == pairs
    assert harness.rehearsal() is rehearsal


# --- processes --------------------------------------------------------------------------------------------------------


def fill(n: int) -> str:
    # Written to, since memory that was only asked for is nobody's.
    return f"held = bytearray(b'x') * ({n} * 2**20)"


@linux
def test_memory_of_a_child_and_its_own_child_is_seen():
    inner = f"import time; {fill(80)}; time.sleep(60)"
    start = f"subprocess.Popen([sys.executable, '-c', {inner!r}])"
    code = f"import subprocess, sys, time; {fill(200)}; {start}; time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        watch = watching.Watch(child.pid)
        watch.start()
        end = time.monotonic() + 8
        while watch.peaks.get("all", 0) < 280 * MB and time.monotonic() < end:
            time.sleep(0.05)
        assert len(watching.tree(child.pid)) == 2
        assert watching.pss(child.pid) <= watching.rss(child.pid)
        assert 280 * MB <= watch.stop()["all"] <= 330 * MB
    finally:
        harness.end_group(child)
    assert watching.pss(child.pid) == 0


@linux
def test_bytes_written_are_counted_also_those_of_ended_children(tmp_path):
    before = watching.written()
    (tmp_path / "a").write_bytes(bytes(3 * MB))
    command = [sys.executable, "-c", f"open({str(tmp_path / 'b')!r}, 'wb').write(bytes(2 * 2**20))"]
    subprocess.run(command, check=True)
    assert 5 * MB <= watching.written() - before <= 5.2 * MB
    assert watching.kept(tmp_path) == (2, 5 * MB)


SCRIPT = """
    import time

    def slow(work, output):
        time.sleep(0.3)
        yield
        held = bytearray(b"x") * (200 * 2**20)
        (output / "file").write_bytes(bytes(2**20))
        time.sleep(work["seconds"])
        yield
        return {"answer": [1.0, work["last"]]}, {"told": work["seconds"]}

    def broken(work, output):
        yield
        raise ValueError("no such luck")

    def endless(work, output):
        yield
        time.sleep(60)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "ways.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return path


@linux
def test_a_case_runs_in_turns_and_is_summed_up(script, tmp_path, monkeypatch):
    monkeypatch.setenv("MEMFEAT_BENCH_FOLDER", str(tmp_path))
    contenders = {
        "slow": Contender(f"{script}:slow", {"seconds": 0.4, "last": 2.0}),
        "quick": Contender(f"{script}:slow", {"seconds": 0.2, "last": 1.0}, peer=False),
        "part": Contender(f"{script}:slow", {"seconds": 0.2, "last": 2.0}, pairs=1, part=(1, 10)),
        "broken": f"{script}:broken",
        "absent": Contender(f"{script}:slow", needs=("no_such_module",)),
    }
    found = harness.measure(Case("c", "C", contenders, n_pairs=2, against="slow", reference="slow"))
    slow, quick = found["slow"], found["quick"]
    assert slow["runs"] == quick["runs"] == 2
    # Neither the preparation nor the start of Python counts; filling 200 MB does.
    assert 0.4 <= slow["seconds"]["min"] <= slow["seconds"]["max"] < 2
    assert slow["setup_seconds"]["min"] >= 0.3
    assert slow["cpu_seconds"]["median"] < slow["seconds"]["median"]
    assert slow["peak_pss_bytes"]["min"] > 200 * MB
    assert slow["written_bytes"] == pytest.approx(MB, rel=0.05)
    assert (slow["kept_files"], slow["kept_bytes"]) == (1, MB)
    assert slow["speed"] == {"median": 1, "min": 1, "max": 1}
    assert quick["speed"]["median"] > 1
    assert quick["largest_deviation"] == 0.5
    assert quick["facts"] == {"told": 0.2}
    # A tenth of the work took a fifth of a second; what was done once is not scaled.
    assert 2 <= found["part"]["seconds"]["median"] < 15
    assert found["part"]["setup_seconds"]["median"] < 2
    assert found["part"]["timed_on"] == [1, 10]
    assert found["broken"] == {"not_run": "ValueError: no such luck"}
    assert found["absent"] == {"not_run": "not installed: no_such_module"}
    assert list(tmp_path.glob("memfeat-bench-*")) == []


@linux
def test_facts_alone_still_say_how_far_values_are_apart(script):
    given = {"slow": {"seconds": 0.0, "last": 2.0}, "quick": {"seconds": 0.0, "last": 1.0}}
    contenders = {label: Contender(f"{script}:slow", work) for label, work in given.items()}
    found = harness.measure(Case("c", "C", contenders, n_pairs=1, reference="slow", facts_only=True))
    assert found["quick"]["largest_deviation"] == 0.5
    assert "seconds" not in found["quick"]
    assert harness.times({"a": {"seconds": {"median": 6.0}}, "b": {"seconds": {"median": 2.0}}}, "a", "b") == 3


@linux
@pytest.mark.parametrize(
    ("function", "message"), [("broken", "ValueError: no such luck"), ("endless", r"took longer than 1 s")]
)
def test_memfeat_itself_must_not_fail(script, function, message):
    case = Case("c", "C", {"memfeat": Contender(f"{script}:{function}", peer=False)}, n_pairs=1, limit=1)
    with pytest.raises(Failed, match=message):
        harness.measure(case)


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (harness.ROOT / ".git").exists(), reason="a result names its commit")
def test_results_become_one_table(tmp_path):
    spread = {"median": 2.0, "min": 1.5, "max": 2.5}
    memfeat = {"seconds": spread, "speed": spread, "cpu_seconds": spread, "peak_pss_bytes": dict.fromkeys(spread, 5e6)}
    memfeat |= {"written_bytes": 1_000_000, "kept_files": 3, "largest_deviation": 2e-7, "facts": {"a_b": 0.0}}
    memfeat["timed_on"] = [8, 1000]
    contenders = {"memfeat": memfeat, "another": {"not_run": "a | b"}}
    figures = {"title": "Case", "contenders": contenders, "order": ["memfeat", "another"], "rehearsal": True}
    figures |= {"pairs": 5, "images": 8, "against": "another", "reference": None, "besides": {"growth": 1.0}}
    record("case", figures, sources=["rdm"], folder=tmp_path, packages=["pytest", "no-such"], versions={"x": "1"})
    facts = json.loads((tmp_path / "case.json").read_text())
    assert facts["versions"]["x"] == "1"
    assert facts["versions"]["pytest"] == pytest.__version__
    assert "no-such" not in facts["versions"]
    assert facts["cpu"]
    assert facts["cores"] <= os.cpu_count()
    lines = rendering.table({"old": {"figures": {"n": 1}}, "case": facts})
    assert len(lines) == 4
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    told = "timed on 8 of 1,000, and scaled; a b: 0.00"
    assert lines[2] == f"| Case | memfeat | 2 (1.5–2.5) | 2 (1.5–2.5) | 2 (1.5–2.5) | 5 | 1 | 3 | 2e-07 | {told} |"
    assert lines[3] == "| Case | another | not run |  |  |  |  |  |  | a \\| b |"
    (note,) = rendering.notes({"case": facts})
    assert note.startswith("Case (a rehearsal): 8 images; rounds: 5; speed against: another; growth: 1; ")
    assert rendering.table({}) == []
    assert rendering.asked(1.234, "at most 1.5") == "1.23 (asked for: at most 1.5)"


def test_every_contender_of_the_cases_is_there():
    """Entries are named by text; a name that leads nowhere would be found out after hours only."""
    modules = {path.stem: path.read_text() for path in harness.HERE.glob("*.py")}
    texts = [part for name, text in modules.items() if name.startswith("test_") for part in text.split('"')]
    entries = {tuple(text.split(":")) for text in texts if text.count(":") == 1 and text.split(":")[0] in modules}
    assert len(entries) >= 14
    for module, function in entries:
        assert f"def {function}(work, output):" in modules[module], (module, function)
