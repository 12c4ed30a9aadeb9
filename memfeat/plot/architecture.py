"""A network as a picture: its branches and its head, block by block, with the layers that are read."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.style import COLOURS, INCH, canvas, drawing, note

__all__ = ["architecture"]

#: Columns of a table of layers that are read here.
COLUMNS = ("name", "module", "kind", "shape")
#: The kind of module that joins two branches, and what a branch beside convolutions is called.
JOINT = "Concatenate"
#: Kinds that are a step of their own; others belong to the step before them.
STEPS = ("Conv", "Linear", JOINT)
#: Kinds that are not drawn: the image as it comes.
UNSEEN = ("Normalise", "Identity")
#: Millimetres of a row, the least of it, what stands around rows; share of a row that a box fills.
ROW, LEAST, AROUND, FILLED = 8.0, 4.6, 12.0, 0.74
#: Type in points, and how many cells a box holds before they become narrower.
TYPE, FEW = 6.0, 12
TITLES = {"trunk": "ResNet", "convolutions": "Convolutions", "head": "Head"}
Table = pd.DataFrame


class _Step(NamedTuple):
    """A box: a layer with what belongs to it, or a container with its blocks."""

    name: str
    shape: tuple[int, ...]
    parts: list[list[str]]
    """Layers of each cell."""
    whole: list[str]
    """Layers that are the box itself, if it holds blocks."""
    nested: bool
    """Whether it holds blocks."""


def architecture(model: pd.DataFrame, layers: Iterable[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw a network from its table of layers, and mark the layers that are read.

    Parameters
    ----------
    model : DataFrame
        What `mf.models.layers` gave.
    layers : iterable of str, optional
        Names of layers that are read, as they stand in the table; features, whose names they are, will do.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes, from the image at the top to what is predicted at the bottom. Of ResMem both branches stand side by
        side, and the head below them; other networks are one column. A box is a convolution, a fully connected layer or
        a block of several; small cells in it are, in order, its blocks, or what it does after the convolution. Filled
        cells are read, in them or at their end; a thick frame: the box itself is read.

    Raises
    ------
    KindError
        If this is no table of layers.
    UnknownNameError
        If there is no such layer.
    ArgumentError
        If the Axes are not high enough for names.
    """
    table = _table(model)
    wanted = _wanted(layers, table)
    branches = {name: _steps(part) for name, part in _branches(table).items()}
    beside = [name for name in branches if name != "head"]
    upper = max(len(branches[name]) for name in beside)
    rows = 1 + upper + len(branches.get("head", ()))
    titles = len(branches) > 1
    ax = canvas(ax, height=AROUND + ROW * (rows + titles))
    figure = ax.get_figure(root=True)
    high = float(figure.get_figheight() * ax.get_position(original=True).height) * INCH  # type: ignore[union-attr]
    if high / (rows + titles) < LEAST:
        remedy = f"Make them higher: mf.plot.axes(height={AROUND + ROW * (rows + titles):.0f})."
        raise ArgumentError(advice("ax", f"be {LEAST * (rows + titles):.0f} mm high for {rows} rows", high, remedy))
    with drawing():
        _draw(ax, branches, wanted, upper, titles)
        many = f"{len(wanted)} layers are read (filled)" if layers is not None else ""
        note(ax, "; ".join(filter(None, [f"n = {len(table)} layers", many, "beside names: size of the output"])))
    return ax


def _table(model: Any) -> Table:
    if not isinstance(model, pd.DataFrame) or not set(COLUMNS) <= set(model.columns):
        found = listed.of(model.columns) if isinstance(model, pd.DataFrame) else listed(type(model).__name__)
        raise KindError(advice("model", "be a table of layers", found, "Pass mf.models.layers(model)."))
    return model


def _wanted(layers: Iterable[str] | None, table: Table) -> set[str]:
    known = [str(name) for name in table["name"]]
    names = [] if layers is None else [layers] if isinstance(layers, str) else [str(name) for name in layers]
    return {looked_up("layers", name, known, "See mf.models.layers(model).") for name in names}


def _branches(table: Table) -> dict[str, Table]:
    """Tell branches from the head, where a module joins them."""
    table = table[~table["kind"].isin(UNSEEN)]
    joints = table.index[(table["kind"] == JOINT) & ~table["module"].str.contains(".", regex=False)]
    if len(joints) != 1:
        return {"network": table}
    head = table.loc[joints[0] :]
    before = table[: len(table) - len(head)]
    inside = before["module"].str.contains(".", regex=False)
    trunks = set(before.loc[inside, "module"].str.partition(".")[0])
    trunk = before["module"].str.partition(".")[0].isin(trunks)
    return {"trunk": before[trunk], "convolutions": before[~trunk], "head": head}


def _steps(part: Table) -> list[_Step]:
    """Put the layers of a branch together into boxes, in order of execution."""
    inside = _shared([str(module) for module in part["module"]])
    rows = part[part["module"] != inside]
    child = rows["module"].map(lambda module: str(module).removeprefix(f"{inside}.").partition(".")[0])
    steps: list[_Step] = []
    for name, own in rows.groupby(child, sort=False):
        called = f"{inside}.{name}" if inside else str(name)
        inner = own[own["module"] != called]
        last = own.iloc[-1]
        names = [str(one) for one in own.loc[own["module"] == called, "name"]]
        if not inner.empty:
            steps.append(_Step(str(name), tuple(last["shape"]), _cells(inner, called), names, nested=True))
        elif str(last["kind"]).startswith(STEPS) or not steps or steps[-1].nested:
            steps.append(_Step(str(name), tuple(last["shape"]), [names], [], nested=False))
        else:
            steps[-1] = steps[-1]._replace(shape=tuple(last["shape"]), parts=[*steps[-1].parts, names])
    # the branch as a whole is what its last layer puts out
    for name in part.loc[part["module"] == inside, "name"] if steps else ():
        steps[-1].parts[-1].append(str(name))
    return steps


def _cells(inner: Table, called: str) -> list[list[str]]:
    """Put the layers of a container together by block; lists of blocks inside it give theirs."""
    listed_there = set(inner.loc[inner["kind"] == "Sequential", "module"])
    every = set(inner["module"])

    def block(module: str) -> str:
        parts = module.removeprefix(f"{called}.").split(".")
        first = f"{called}.{parts[0]}"
        plain = first in listed_there or first not in every
        return ".".join(parts[:2] if plain and len(parts) > 1 else parts[:1])

    blocks: dict[str, list[str]] = {}
    for module, name in zip(inner["module"], inner["name"], strict=True):
        blocks.setdefault(block(str(module)), []).append(str(name))
    return list(blocks.values())


def _shared(modules: list[str]) -> str:
    """Give the one module that all others lie in, if there is one."""
    first = modules[0].partition(".")[0]
    return first if len(modules) > 1 and all(one == first or one.startswith(f"{first}.") for one in modules) else ""


def _draw(ax: Axes, branches: dict[str, list[_Step]], wanted: set[str], upper: int, titles: bool) -> None:
    """Draw the image, branches side by side, and what follows them."""
    beside = [name for name in branches if name != "head"]
    wide = 0.47 if len(beside) > 1 else 0.8
    lefts = {beside[0]: 0.0, beside[-1]: 1 - wide} if len(beside) > 1 else {beside[0]: 0.1}
    middle = (0.5, FILLED)
    ax.text(0.5, FILLED / 2, "image", ha="center", va="center", fontsize=TYPE + 1)
    start = 1.0 + titles
    joint = (0.5, start + upper)
    for name in beside:
        steps, left = branches[name], lefts[name]
        if titles:
            # beside the arrow, which comes from the middle
            x, side = (left, "left") if left == 0 else (left + wide, "right")
            ax.text(x, start - 0.3, TITLES[name], fontsize=TYPE + 1, va="center", ha=side, color=COLOURS["note"])
        ends = _column(ax, steps, (left, wide), (start, upper / len(steps)), wanted)
        _arrow(ax, middle, (left + wide / 2, start))
        if "head" in branches:
            _arrow(ax, (left + wide / 2, ends), joint)
    if "head" in branches:
        _column(ax, branches["head"], (0.5 - wide / 2, wide), (start + upper, 1.0), wanted)
        ax.text(0.5 + wide / 2 + 0.02, start + upper + 0.4, TITLES["head"], fontsize=TYPE + 1, color=COLOURS["note"])
    ax.set(xlim=(-0.01, 1.01), ylim=(start + upper + len(branches.get("head", ())), 0))
    ax.set_axis_off()


def _column(
    ax: Axes, steps: list[_Step], across: tuple[float, float], down: tuple[float, float], wanted: set[str]
) -> float:
    """Draw boxes below each other; say where the last one ends."""
    left, wide = across
    top, step = down
    for k, one in enumerate(steps):
        y = top + k * step
        _box(ax, one, (left, y), wide, wanted)
        if k + 1 < len(steps):
            _arrow(ax, (left + wide / 2, y + FILLED), (left + wide / 2, y + step))
    return top + (len(steps) - 1) * step + FILLED


def _box(ax: Axes, step: _Step, corner: tuple[float, float], wide: float, wanted: set[str]) -> None:
    """Draw a box: its name, the size of what it puts out, and its cells."""
    (x, y), read = corner, bool(set(step.whole) & wanted)
    frame: dict[str, Any] = {
        "edgecolor": COLOURS["mark"] if read else COLOURS["note"],
        "linewidth": 1.6 if read else 0.6,
    }
    ax.add_patch(Rectangle((x, y), wide, FILLED, facecolor="white", label=step.name, **frame))
    text: dict[str, Any] = {"fontsize": TYPE, "va": "center"}
    ax.text(x + 0.015, y + 0.3 * FILLED, step.name, **text)
    size = " × ".join(f"{edge:,}" for edge in step.shape)
    ax.text(x + wide - 0.015, y + 0.3 * FILLED, size, ha="right", color=COLOURS["note"], **text)
    inner = wide - 0.03
    each = inner / max(len(step.parts), FEW)
    for k, names in enumerate(step.parts):
        colour = COLOURS["mark"] if set(names) & wanted else COLOURS["fill"]
        at = (x + 0.015 + k * each, y + 0.6 * FILLED)
        ax.add_patch(Rectangle(at, 0.8 * each, 0.26 * FILLED, facecolor=colour, linewidth=0, label=names[-1]))


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=4, linewidth=0.6, color=COLOURS["note"], shrinkA=0, shrinkB=0
        )
    )
