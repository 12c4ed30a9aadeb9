"""The recorded benchmarks as one table, for docs/performance.md and for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

HEAD = (
    "case", "way", "seconds", "times as fast", "CPU seconds", "peak memory, MB", "written, MB", "files",
    "largest deviation", "besides",
)  # fmt: skip
MB = 1e6


def recorded(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Choose those results that the harness measured."""
    return {name: facts for name, facts in results.items() if "contenders" in facts["figures"]}


def table(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write one row per case and way to do it."""
    rows = [
        [facts["figures"]["title"], label, *_cells(facts["figures"]["contenders"][label])]
        for facts in recorded(results).values()
        for label in facts["figures"]["order"]
    ]
    return [_row(HEAD), _row(["---"] * len(HEAD)), *map(_row, rows)] if rows else []


def notes(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say of every case how and where it was measured."""
    for facts in recorded(results).values():
        figures = facts["figures"]
        parts = [f"{figures['images']} images" if figures.get("images") else "", f"rounds: {figures['pairs']}"]
        parts += [f"speed against: {figures['against']}" if figures.get("against") else ""]
        parts += [f"deviation from: {figures['reference']}" if figures.get("reference") else ""]
        parts += [f"{name.replace('_', ' ')}: {_number(value)}" for name, value in figures.get("besides", {}).items()]
        parts += [f"{facts['date']}, {facts['cpu']}, {facts['cores']} cores, commit {facts['commit'][:12]}"]
        rehearsal = " (a rehearsal)" if figures["rehearsal"] else ""
        yield f"{figures['title']}{rehearsal}: {'; '.join(filter(None, parts))}."


def versions(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say which packages were measured, once for each set of them."""
    return sorted(
        {
            ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
            for facts in recorded(results).values()
        }
    )


def asked(value: float, wanted: str) -> str:
    """Put a figure beside what is asked for."""
    return f"{_number(value)} (asked for: {wanted})"


def _cells(figures: Mapping[str, Any]) -> list[str]:
    if "not_run" in figures:
        return ["not run", *[""] * (len(HEAD) - 4), _plain(figures["not_run"])]
    deviation = figures.get("largest_deviation")
    told = [f"{name.replace('_', ' ')}: {_number(value)}" for name, value in figures.get("facts", {}).items()]
    if "timed_on" in figures:
        done, of = map(_number, figures["timed_on"])
        told = [f"timed on {done} of {of}, and scaled", *told]
    return [
        _spread(figures.get("seconds")),
        _spread(figures.get("speed")),
        _spread(figures.get("cpu_seconds")),
        _spread(figures.get("peak_pss_bytes"), MB),
        _number(figures["written_bytes"] / MB) if "written_bytes" in figures else "",
        _number(figures["kept_files"]) if "kept_files" in figures else "",
        "" if deviation is None else f"{deviation:.1g}",
        "; ".join(told),
    ]


def _spread(values: Mapping[str, float] | None, unit: float = 1) -> str:
    if values is None:
        return ""
    median, low, high = (_number(values[name] / unit) for name in ("median", "min", "max"))
    return median if low == high else f"{median} ({low}–{high})"


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _plain(str(value))
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0.00"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:300]


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"
