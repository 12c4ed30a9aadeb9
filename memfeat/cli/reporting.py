"""The report of compare-sets: one page with tables, figures and text, which needs nothing else."""

from collections.abc import Sequence
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from memfeat import _numerals
from memfeat.cli.gathering import Gathered

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Layers", "write"]

#: At most this many pairs of near-duplicates are shown.
MOST = 50
MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|"})


class Layers(NamedTuple):
    """What was found in feature space."""

    compared: "xr.Dataset"
    copies: "xr.Dataset | None"
    """Near-duplicates, for a report"""


class Section(NamedTuple):
    """A part of the report."""

    title: str
    texts: Sequence[str] = ()
    frame: "pd.DataFrame | None" = None
    figures: Sequence[tuple[str, Any]] = ()
    """Name and Axes."""


def write(found: Gathered, result: "xr.Dataset", in_layers: "Layers | None", path: Path) -> None:
    """Write the report.

    Parameters
    ----------
    found : Gathered
        The sets.
    result : Dataset
        The comparison by scores.
    in_layers : Layers, optional
        The comparison in feature space, and near-duplicates there.
    path : Path
        An .html file, which holds its figures, or an .md file, which has them beside it.
    """
    title = f"Image sets compared: {', '.join(found.sets)}"
    note = str(result.attrs.get("note", ""))
    sections = _sections(found, result, in_layers)
    make = _page if path.suffix.lower() == ".html" else _markdown
    part = path.with_name(f"{path.name}.part")
    part.write_text(make(title, note, sections, path), encoding="utf-8")
    part.replace(path)


def _sections(found: Gathered, result: "xr.Dataset", in_layers: "Layers | None") -> list[Section]:
    from memfeat import plot, sets

    scores = [str(one) for one in result["score"].values] if "score" in result.dims else [None]
    drawn = []
    for score in scores:
        one = result if score is None else result.sel(score=score)
        drawn.append((score or str(result.attrs["scores"][0]), plot.sets(one, found.compared, paired=found.paired)))
    sections = [
        Section("Sets", frame=_by_set(result)),
        Section("Differences", frame=sets.table(result), figures=drawn),
    ]
    results = [result]
    if in_layers is not None:
        results.append(in_layers.compared)
        table, figures = sets.table(in_layers.compared), _profiles(in_layers.compared)
        sections.append(Section("In feature space", frame=table, figures=figures))
    methods, *rest = sets.paragraph(*results).split("\n\n")
    sections += [Section("Methods", [methods]), Section("Results", rest[:1])]
    sections += [Section("References", rest[1].splitlines()[1:])] if len(rest) > 1 else []
    return [*sections, _copies(found, None if in_layers is None else in_layers.copies), _unreadable(found)]


def _by_set(result: "xr.Dataset") -> "pd.DataFrame":
    """Describe each set as a paper does."""
    import pandas as pd

    from memfeat.sets.telling.of_scores import sampled

    rows = []
    for score, part in sampled(result):
        digits = _numerals.places(float(part["sd"].mean()))
        for name in part["set"].values:
            of = part.sel(set=name)
            limits = _numerals.interval(float(of["mean_ci_low"]), float(of["mean_ci_high"]), digits)
            row = {"Score": score, "Set": str(name), "n": int(of["n"]), "Unreadable": int(of["n_unreadable"])}
            row |= {label: _numerals.number(float(of[key]), digits) for label, key in
                    {"Mean": "mean", "Median": "median", "SD": "sd"}.items()}  # fmt: skip
            row |= {"95 % CI of the mean": limits}
            row |= {"Share at floor": _numerals.number(float(of["share_at_floor"]), 2, below_one=True)}
            rows.append(row)
    return pd.DataFrame(rows)


def _profiles(in_layers: "xr.Dataset") -> list[tuple[str, Any]]:
    """Draw the first statistic by layer, for each contrast."""
    from memfeat import plot

    first = in_layers.isel(statistic=0)
    if "contrast" not in first.dims:
        return [(str(first["statistic"].item()), plot.layer_profile(first))]
    return [(str(one), plot.layer_profile(first.sel(contrast=one))) for one in first["contrast"].values]


def _copies(found: Gathered, by_features: "xr.Dataset | None") -> Section:
    """List pictures that stand twice in a set, or in two, by their looks and by the last layer of features."""
    import pandas as pd

    title = "Near-duplicates"
    tables = [] if by_features is None else [by_features.to_dataframe()]
    tables += [_by_looks(found, *pair) for pair in combinations(found.photographs, 2)]
    if not tables:
        return Section(title, ["Not looked for: tables hold no pictures, and there are no features."])
    names = {"set": "Set", "image": "Image", "other_set": "Other set", "other": "Other image"}
    rows = pd.concat(tables).rename(columns=names)
    rows = rows.assign(
        By=[f"{by} of {layer}" if layer else by for by, layer in zip(rows["by"], rows["layer"], strict=True)]
    )
    rows = rows.drop_duplicates([*names.values(), "By"])
    if rows.empty:
        return Section(title, ["None, within sets or between them."])
    between = int((rows["Set"] != rows["Other set"]).sum())
    texts = [f"{between} pairs between sets, {len(rows) - between} within."]
    texts += [f"{len(rows) - MOST} more pairs are not shown."] if len(rows) > MOST else []
    shown = rows.sort_values("Set", key=lambda sets: sets == rows["Other set"], kind="stable")[:MOST]
    return Section(
        title,
        texts,
        shown.assign(Distance=[f"{one:.3g}" for one in shown["distance"]])[[*names.values(), "By", "Distance"]],
    )


def _by_looks(found: Gathered, one: str, other: str) -> "pd.DataFrame":
    """Compare the pictures of two sets by perceptual hash: bits of 64."""
    from memfeat import sets

    pairs = sets.near_duplicates(found.photographs[one], found.photographs[other], progress=False).to_dataframe()
    return pairs.replace({"set": {"a": one, "b": other}, "other_set": {"a": one, "b": other}})


def _unreadable(found: Gathered) -> Section:
    """List images that could not be read."""
    import pandas as pd

    if not found.unreadable:
        return Section("Unreadable files", ["None."])
    return Section("Unreadable files", frame=pd.DataFrame(found.unreadable, columns=["Image", "Status", "Reason"]))


def _page(title: str, note: str, sections: Sequence[Section], _path: Path) -> str:
    """Make an HTML page that holds its figures."""
    import jinja2

    from memfeat.report.figures import inlined

    whole = [one._replace(figures=[(name, inlined(ax)) for name, ax in one.figures]) for one in sections]
    template = files("memfeat.cli").joinpath("report.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(template).render(title=title, note=note, sections=whole)


def _markdown(title: str, note: str, sections: Sequence[Section], path: Path) -> str:
    """Make Markdown, with figures in files beside it."""
    from memfeat import plot

    lines = [f"# {title.translate(MARKS)}", *([f"> {note.translate(MARKS)}"] if note else [])]
    number = 0
    for section in sections:
        lines += [f"## {section.title}", *(text.translate(MARKS) for text in section.texts)]
        if section.frame is not None:
            lines.append(_grid(section.frame))
        for name, ax in section.figures:
            number += 1
            (file,) = plot.save(ax, path.with_name(f"{path.stem}_{number}"), formats=["svg"])
            lines.append(f"![{name.translate(MARKS)}]({file.name.replace(' ', '%20')})")
    return "\n\n".join([*lines, "<!-- memfeat -->"]) + "\n"


def _grid(frame: "pd.DataFrame") -> str:
    rows = [list(map(str, frame.columns)), ["---"] * frame.shape[1], *frame.astype(str).to_numpy().tolist()]
    written = [[cell if k == 1 else cell.translate(MARKS) for cell in row] for k, row in enumerate(rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in written)
