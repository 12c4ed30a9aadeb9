"""Settings of the documentation: `make docs` builds it, and a warning is an error."""

import io
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
GENERATED = HERE / "generated"
EXTRA = GENERATED / "extra"
RESULTS = ROOT / "tests" / "calibration" / "results"
BENCHMARKS = ROOT / "tests" / "benchmarks"
ENDS = ("estimate", "ci_low", "ci_high")
SECONDS = ("features_and_training", "training_alone")
RUNS = ("seconds_on_all_images", "seconds_on_ones_own")
MEMFEAT = "memfeat"
SKLEARN = "scikit-learn RidgeCV, in each fold"
UNIT = "scikit-learn StandardScaler and RidgeCV, in each fold"
#: Function, recorded benchmark, and whose values are compared with memfeat's: the same quantity, computed by others.
AGREEMENT = (
    ("memfeat.extract", "extraction", "plain hooks, cloning"),
    ("memfeat.rdm.compute", "rdm_agreement", "scipy"),
    ("memfeat.rdm.compute", "rdm_agreement", "mne-rsa"),
    ("memfeat.rdm.compute", "rdm_correlation", "scipy pdist"),
    ("memfeat.rsa.compare", "rsa_agreement", "scipy"),
    ("memfeat.rsa.compare", "rsa_agreement", "mne-rsa"),
    ("memfeat.rsa.compare", "rsa_bootstrap_pearson", "rsatoolbox"),
    ("memfeat.rsa.compare", "rsa_bootstrap_cosine", "rsatoolbox"),
    ("memfeat.rsa.compare", "rsa_bootstrap_spearman", "rsatoolbox"),
    ("memfeat.rsa.compare", "rsa_permutations", "rsatoolbox"),
    ("memfeat.regression.decode", "decode_ridge", SKLEARN),
    ("memfeat.regression.decode", "decode_few_features", SKLEARN),
    ("memfeat.regression.decode", "decode_unit", UNIT),
    ("memfeat.reduction.embed", "pca", "scikit-learn PCA, full"),
    ("memfeat.measures", "measures_distances", "scipy cdist and numpy, each measure by itself"),
    ("memfeat.measures.reconstruction_error", "measures_reconstruction", "scikit-learn PCA, without each image"),
    ("memfeat.sets.compare_features", "sets_mmd", "scipy pdist, scikit-learn rbf_kernel and a loop"),
    ("memfeat.scores.split_half", "split_half", "a loop with pandas"),
)
#: Mode → what was aimed at: times the speed of the released package's own forward.
AIMS = {"memfeat": 1.2, "memfeat, fast": 1.25}
#: The same for both: seconds over those of the bare forward.
OVERHEAD = 1.05
sys.path[:0] = [str(ROOT), str(HERE), str(BENCHMARKS), str(RESULTS.parent)]

import calibrated  # noqa: E402
import gallery  # noqa: E402
import live  # noqa: E402
import rendering  # noqa: E402
import stale  # noqa: E402
from matplotlib import pyplot  # noqa: E402

import memfeat  # noqa: E402
from memfeat import plot  # noqa: E402

project = "memfeat"
author = "The memfeat developers"
copyright = "2026, The memfeat developers"
version = release = memfeat.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc", "myst_nb"]
exclude_patterns = ["_build", "generated", "jupyter_execute"]
html_theme = "furo"
html_title = f"memfeat {release}"
html_extra_path = ["generated/extra"]
templates_path: list[str] = []

# Text. Notebooks are executed by `make notebooks` on all images, and by `make test-notebooks` on few of each set; here
# the stored output of the first is shown.
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"
suppress_warnings = ["mystnb.unknown_mime_type"]

# Docstrings. numpydoc's own validation is part of `make check`.
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# References to other projects are links only when their inventories may be fetched: MEMFEAT_INTERSPHINX=1 make docs.
nitpicky = True
if os.environ.get("MEMFEAT_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
        "xarray": ("https://docs.xarray.dev/en/stable", None),
    }
else:
    OTHERS = "numpy|np|pandas|pd|scipy|sklearn|torch|torchvision|xarray|xr|matplotlib|seaborn|PIL|zarr|dask|click"
    nitpick_ignore_regex = [(r"py:.*", rf"({OTHERS})\..*"), (r"py:.*", r"(collections|pathlib|typing|os)\..*")]
# Bases of documented classes, which Python itself defines.
nitpick_ignore = [("py:class", name) for name in ("Exception", "ValueError", "TypeError", "KeyError", "RuntimeError")]


def notebooks() -> None:
    """Copy the executed notebooks to where Sphinx looks for pages."""
    shutil.rmtree(HERE / "notebooks", ignore_errors=True)
    shutil.copytree(ROOT / "notebooks", HERE / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))


def command_line() -> None:
    """Write the help of every command, as the terminal shows it."""
    from memfeat.cli import main

    text = io.StringIO()
    for command in [[], *([name] for name in sorted(main.commands))]:
        text.write(" ".join(["$ memfeat", *command, "--help\n"]))
        with redirect_stdout(text):
            main([*command, "--help"], prog_name="memfeat", standalone_mode=False)
        text.write("\n")
    (GENERATED / "commands.txt").write_text(text.getvalue())


def calibrations() -> None:
    """Write the recorded results of tests/calibration, old ones marked: one table for all with the same figures."""
    results = {file.stem: json.loads(file.read_text()) for file in sorted(RESULTS.glob("*.json"))}
    tables: dict[tuple[str, ...], list[str]] = {}
    for name, facts in results.items():
        columns = tuple(sorted(facts["figures"]))
        head = ["result", *columns, "date"]
        table = tables.setdefault(columns, [row(head).replace("_", " "), row(["---"] * len(head))])
        date = f"{facts['date']}, sources changed since" if stale.changed(facts) else facts["date"]
        table.append(row([name.replace("_", " "), *(shown(facts["figures"][key]) for key in columns), date]))
    versions = sorted(
        {", ".join(f"{name} {number}" for name, number in facts["versions"].items()) for facts in results.values()}
    )
    old = sum(stale.changed(facts) for facts in results.values())
    counted = f"{len(results)} results are recorded; the sources of {old} have changed since: those are to be renewed."
    text = [counted, "", *(line for table in tables.values() for line in [*table, ""])]
    (GENERATED / "calibration.md").write_text(
        "\n".join([*text, *(f"Measured with {one}.\n" for one in versions)]) + "\n"
    )


def summary() -> None:
    """Write what held in all recorded calibrations, and what did not."""
    every = [
        rate
        for file in sorted(RESULTS.glob("*.json"))
        for rate in calibrated.rates(file.stem, json.loads(file.read_text())["figures"])
    ]
    tables = {
        "calibration_held": (["what was simulated", *calibrated.COLUMNS.values()], calibrated.held(every)),
        "calibration_departures": (["what", "wanted", "found", "what helps"], calibrated.did_not(every)),
    }
    for name, (head, rows) in tables.items():
        lines = map(row, [head, ["---"] * len(head), *rows])
        (GENERATED / f"{name}.md").write_text("\n".join(lines) + "\n")


def gap() -> None:
    """Write how far shares of variance out of fold lie from those of the population."""
    facts = json.loads((RESULTS / "partition_gap.json").read_text())
    tables = facts["figures"]["by_features_per_set"]
    head = [
        "features in each set",
        *(f"{name} (population {one['population']:.2f})" for name, one in tables["5"].items()),
    ]
    lines = [row(head), row(["---"] * len(head))]
    for p in sorted(tables, key=int):
        lines.append(row([p, *(f"{one['expected']:.3f} ± {one['se']:.3f}" for one in tables[p].values())]))
    said = (
        f"Means and standard errors of {facts['figures']['simulations']:,} simulations, {facts['date']}; sources have "
    )
    said += f"{'' if stale.changed(facts) else 'not '}changed since."
    (GENERATED / "partition_gap.md").write_text("\n".join([*lines, "", said]) + "\n")


def power() -> None:
    """Draw how often comparisons of sets find a difference, and write it as a table."""
    facts = json.loads((RESULTS / "sets_power.json").read_text())
    found, sizes = facts["figures"]["power"], {"images": (20, 50, 100, 200), "clusters": (8, 15, 30)}
    effects, lines = (0.2, 0.5, 0.8), [row(["in each set", "d = 0.2", "d = 0.5", "d = 0.8"]), row(["---"] * 4)]
    with pyplot.rc_context(plot.STYLE):
        figure, panels = pyplot.subplots(1, 2, figsize=(180 / 25.4, 65 / 25.4), sharey=True, layout="constrained")
        for ax, (kind, numbers) in zip(panels, sizes.items(), strict=True):
            for n, dashes in zip(numbers, ("-", "--", "-.", ":"), strict=False):
                curve = [found[f"{kind}{n}_d{int(10 * d)}"]["mean_difference"] for d in effects]
                lines.append(row([f"{n} {kind}", *(f"{100 * one:.0f} %" for one in curve)]))
                ax.plot([0, *effects], [0.05, *curve], dashes, marker="o", markersize=3, label=f"{n} {kind}")
            ax.axhline(0.8, color="0.6", linewidth=0.7)
            ax.set_xlabel("Difference in standard deviations")
            ax.legend(frameon=False)
        panels[0].set_ylabel("Share found at p ≤ .05")
        figure.savefig(GENERATED / "sets_power.svg")
        pyplot.close(figure)
    told = f"Difference of means, {facts['figures']['n_simulations']} simulations each, 199 permutations; clusters of "
    told += f"{facts['figures']['clusters_of']} images, {facts['figures']['icc']:.0%} of whose variance lies between "
    told += f"clusters; {facts['date']}; sources have {'' if stale.changed(facts) else 'not '}changed since."
    (GENERATED / "sets_power.md").write_text("\n".join([*lines, "", told]) + "\n")


def benchmarks() -> None:
    """Write the recorded results of tests/benchmarks as one table."""
    results = {file.stem: json.loads(file.read_text()) for file in sorted((BENCHMARKS / "results").glob("*.json"))}
    versions = [f"Measured with {one}.\n" for one in rendering.versions(results)]
    notes = [f"- {note}" for note in rendering.notes(results)]
    text = "\n".join([*rendering.table(results), "", *notes, "", *versions])
    (GENERATED / "benchmarks.md").write_text(text + "\n")


def agreement() -> None:
    """Write how far memfeat's values lie from those of other packages: one row per function and package."""
    head = ["function", "what", "against", "largest deviation", "measured"]
    lines = [row(head), row(["---"] * len(head))]
    for name, file, other in AGREEMENT:
        facts = json.loads((BENCHMARKS / "results" / f"{file}.json").read_text())
        figures = facts["figures"]
        ours = next(label for label in figures["order"] if label.startswith(MEMFEAT))
        found = figures["contenders"][ours if figures["reference"] == other else other]["largest_deviation"]
        assert figures["reference"] in (MEMFEAT, other), f"{file} is no comparison of memfeat with {other}"
        kind = "mod" if name == "memfeat.measures" else "func"
        date = f"{facts['date']}, sources changed since" if stale.changed(facts) else facts["date"]
        lines.append(row([f"{{py:{kind}}}`{name}`", figures["title"], other, f"{found:.1g}", date]))
    (GENERATED / "agreement.md").write_text("\n".join(lines) + "\n")


def aims() -> None:
    """Write what was aimed at when an extraction is timed, and what was reached."""
    facts = json.loads((BENCHMARKS / "results" / "extraction.json").read_text())
    figures = facts["figures"]
    lines = [row(["mode", "times as fast as the package's own forward", "seconds over those of the bare forward"])]
    lines.append(row(["---"] * 3))
    for mode, wanted in AIMS.items():
        speed = figures["contenders"][mode]["speed"]["median"]
        over = figures["besides"][f"seconds_over_those_of_the_bare_forward, {mode}"]
        lines.append(row([mode, f"{speed:.2f} (aim: {wanted} at least)", f"{over:.2f} (aim: {OVERHEAD} at most)"]))
    said = f"Medians, {facts['date']}; the sources have {'' if stale.changed(facts) else 'not '}changed since."
    (GENERATED / "aims.md").write_text("\n".join([*lines, "", said]) + "\n")


def readouts() -> None:
    """Write what was measured on all of lnsim: predictors, and each readout less the frozen network with its head."""
    facts = json.loads((BENCHMARKS / "results" / "lnsim_frozen.json").read_text())
    figures = facts["figures"]
    less = figures["frozen_released_head_less_readout"]
    head = ["predictor", "Spearman with hit rates", "less frozen, released head (paired)"]
    lines = [row(head), row(["---"] * len(head))]
    for name, one in sorted(figures["predictors"].items(), key=lambda item: -item[1]["estimate"]):
        # Recorded the other way round.
        turned = [-less[name][key] for key in ("estimate", "ci_high", "ci_low")] if name in less else None
        lines.append(row([name, bracketed(one[key] for key in ENDS), bracketed(turned) if turned else ""]))
    between = bracketed(figures["retrained_less_frozen"][key] for key in ENDS)
    said = f"Retrained less frozen with the released head, paired: {between}. Rank correlation between the two: "
    said += f"{figures['between_retrained_and_frozen']:.3f}. Measured {facts['date']}, n = {figures['n']} images, "
    said += f"{figures['folds']} folds; the sources have {'' if stale.changed(facts) else 'not '}changed since."
    (GENERATED / "frozen.md").write_text("\n".join([*lines, "", said]) + "\n")


def heads() -> None:
    """Write what training heads on all of lnsim took and gave."""
    columns = [
        "head",
        "Spearman with hit rates of validation images",
        "n validation",
        "s, features and training",
        "s, training again",
    ]
    lines, dates = [row(columns), row(["---"] * len(columns))], []
    for file in sorted((BENCHMARKS / "results").glob("head_*.json")):
        facts = json.loads(file.read_text())
        figures, result = facts["figures"], facts["figures"]["result"]
        said = bracketed(result[key] for key in ("spearman", "spearman_ci_low", "spearman_ci_high"))
        seconds = figures["seconds"]
        name = file.stem.removeprefix("head_")
        lines.append(row([name, said, str(result["n"]), *(f"{seconds[key]:.0f}" for key in SECONDS)]))
        again = "the same" if figures["same_bytes_again"] else "other"
        dates.append(f"{name}: {again} bytes the second time, {figures['threads']} threads, {facts['date']}")
    (GENERATED / "heads.md").write_text("\n".join([*lines, "", f"{'; '.join(dates)}."]) + "\n")


def pictures() -> None:
    """Write how far pictures made for units raise them above the best photograph."""
    facts = json.loads((BENCHMARKS / "results" / "maximise.json").read_text())
    figures = facts["figures"]
    head = [f"unit of {figures['layer']}", "best photograph", "picture", "above it from step"]
    lines = [row(head), row(["---"] * len(head))]
    for unit, one in sorted(figures["units"].items(), key=lambda item: int(item[0])):
        first = one["first_step_above"] if one["first_step_above"] is not None else "never"
        lines.append(row([unit, f"{one['photograph']:.2f}", f"{one['picture']:.2f}", str(first)]))
    above, images = figures["above_the_best_photograph"], figures["images"]
    said = f"{above} of {len(figures['units'])} units, drawn with a seed fixed before, are activated more by the "
    said += f"picture than by any of {images} photographs of LNSIM. {figures['steps']} steps, "
    said += f"{figures['seconds_per_unit']:.0f} s for each unit on {facts['cores']} cores; "
    said += f"{facts['date']}; the sources have {'' if stale.changed(facts) else 'not '}changed since."
    (GENERATED / "maximise.md").write_text("\n".join([*lines, "", said]) + "\n")


def analyses() -> None:
    """Write of each analysis when it last ran on all images, and how long it took."""
    head = ["analysis", "assertions", "s, all images of the sets", "s, data of one's own", "run on"]
    lines = [row(head), row(["---"] * len(head))]
    for file in sorted((BENCHMARKS / "results").glob("analysis_*.json")):
        facts = json.loads(file.read_text())
        figures = facts["figures"]
        seconds = [f"{figures[key]:.0f}" if key in figures else "" for key in RUNS]
        date = f"{facts['date']}, changed since" if stale.changed(facts) else facts["date"]
        lines.append(row([file.stem.removeprefix("analysis_"), str(figures["assertions"]), *seconds, date]))
    (GENERATED / "analyses.md").write_text("\n".join(lines) + "\n")


def formula_works() -> None:
    """Write the references of the page on statistics: the works that its tables link to."""
    from memfeat.citing.styles import REFERENCES
    from memfeat.citing.works import work

    linked = sorted(set(re.findall(r"\]\(#([a-z]+\d{4})\)", (HERE / "statistics.md").read_text())))
    text = [f"({key})=\n{REFERENCES['apa'](work(key))}\n" for key in linked]
    (GENERATED / "formula_works.md").write_text("\n".join(text))


def datasets() -> None:
    """Write what is known of each published set: one table, and a part on each."""
    from memfeat.datasets import CARDS, tables

    lines = [row(["name", "set", "images", "pictures", "ResMem trained on it"]), row(["---"] * 5)]
    parts = []
    for name, card in CARDS.items():
        trained = "yes" if card.trained_on else "no"
        lines.append(row([f"`{name}`", card.title, f"{card.n_images:,}", "yes" if card.photographs else "no", trained]))
        facts = {
            "Scores": card.scores,
            "Reliability": card.reliability,
            "Cite": card.citation,
            "Answers": card.answers,
            "Licence": card.licence,
            "Download": card.download,
            "Folder": card.layout,
            "Hashes": card.hashes,
            "Further tables": ", ".join(f"`{one}`" for one in tables(name)),
            "Warning": card.warning,
            "Not verified": "; ".join(card.unverified),
        }
        told = [f"- **{what}:** {text.rstrip('.')}." for what, text in facts.items() if text]
        parts.append("\n".join([f"## {card.title}", "", f"`{name}`. {card.what}", "", *told, ""]))
    (GENERATED / "datasets.md").write_text("\n".join([*lines, "", *parts]) + "\n")


def bracketed(values: Iterable[float]) -> str:
    """Write an estimate and its interval."""
    estimate, low, high = values
    return f"{estimate:.3f} [{low:.3f}, {high:.3f}]"


def row(cells: list[str]) -> str:
    """Write one line of a table."""
    return f"| {' | '.join(cells)} |"


def shown(value: object) -> str:
    """Write a figure, a list or a table of figures for one cell."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {shown(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def figures() -> None:
    """Draw the gallery and write the part of the page that shows it."""
    (GENERATED / "gallery.md").write_text(gallery.page(GENERATED / "gallery"))


GENERATED.mkdir(parents=True, exist_ok=True)
EXTRA.mkdir(exist_ok=True)
notebooks()
command_line()
calibrations()
summary()
gap()
power()
benchmarks()
agreement()
aims()
readouts()
heads()
pictures()
analyses()
formula_works()
datasets()
figures()
live.write(EXTRA / "demo_report.html")
