"""What the benchmarks share: sizes, photographs, where results go, and the table at the end."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import harness
import peers
import pytest
import rendering
from record import record

RECORDED: pytest.StashKey[dict[str, Path]] = pytest.StashKey()


@dataclass
class Bench:
    """Measures cases and keeps what was found."""

    written: dict[str, Path]
    peers: dict[str, str] = field(default_factory=dict)

    def images(self, default: int) -> int:
        """Give the number of images to use."""
        return harness.sized("images", default)

    def run(self, case: harness.Case, **kept: Any) -> dict[str, Any]:
        """Measure a case in as many rounds as are asked for, and keep it; `kept` is as `keep` takes it."""
        pairs = harness.sized("pairs", case.n_pairs)
        case = replace(case, n_pairs=pairs)
        figures = {"contenders": harness.measure(case), "pairs": pairs}
        figures |= {"against": case.against, "reference": case.reference}
        return self.keep(case.name, case.title, figures, **kept)

    def keep(
        self,
        name: str,
        title: str,
        figures: dict[str, Any],
        *,
        sources: Iterable[str],
        images: int | None = None,
        packages: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Keep figures; `images` says how many there were, `packages` which peers are installed."""
        rehearsal = harness.rehearsal()
        figures = {"title": title, **figures, "images": images, "rehearsal": rehearsal}
        # Keys are sorted when they are written.
        figures["order"] = list(figures["contenders"])
        folder = harness.REHEARSALS if rehearsal else harness.RESULTS
        record(name, figures, sources=sources, folder=folder, packages=packages, versions=self.peers)
        self.written[name] = folder / f"{name}.json"
        return figures

    def besides(self, name: str, found: dict[str, Any]) -> None:
        """Add figures that follow from those of a case."""
        facts = json.loads(self.written[name].read_text())
        facts["figures"]["besides"] = found
        self.written[name].write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n")


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Bench:
    if not sys.platform.startswith("linux"):
        pytest.skip("memory and bytes are read from /proc, which only Linux has")
    return Bench(request.config.stash.setdefault(RECORDED, {}))


@pytest.fixture
def photographs(data_folder: Path) -> list[str]:
    """The 800 photographs of lnsim."""
    return [str(path) for path in sorted((data_folder / "lnsim" / "images").iterdir())]


def _peer(name: str, packages: tuple[str, ...]) -> Any:
    def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
        """The folder that it is installed in, and why it could not be."""
        folder = tmp_path_factory.mktemp(name)
        return folder, peers.install(folder, packages)

    return pytest.fixture(scope="session", name=name)(installed)


thingsvision = _peer("thingsvision", peers.THINGSVISION)
mne_rsa = _peer("mne_rsa", peers.MNE_RSA)
himalaya = _peer("himalaya", peers.HIMALAYA)
xeofs = _peer("xeofs", peers.XEOFS)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    written = config.stash.get(RECORDED, {})
    results = {name: json.loads(path.read_text()) for name, path in written.items()}
    for line in [*rendering.table(results), *rendering.notes(results)]:
        terminalreporter.write_line(line)
    for path in written.values():
        terminalreporter.write_line(f"written: {path}")
