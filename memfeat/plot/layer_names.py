"""Names of layers beside figures: without what they share, and short."""

import math
from collections.abc import Sequence
from itertools import takewhile

from matplotlib.axes import Axes

from memfeat.plot.style import room

__all__ = ["LONGEST", "fitting", "name_layers", "shortened"]

#: Letters of a layer's name that fit beside a figure of one column; of one that is longer so many from its beginning
#: stand before what is left out. A beginning that all share is left out if it is longer than this.
LONGEST, HEAD, SPARED = 18, 5, 2


def name_layers(ax: Axes, names: Sequence[str]) -> str:
    """Write layer names without what they share, upright, and only as many as there is room for.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where layers stand at 0, 1, 2 and so on.
    names : sequence of str
        The layers.

    Returns
    -------
    str
        What they share, and was left out.
    """
    short, shared = shortened(names)
    points = room(ax) * 72
    step = math.ceil(len(names) * 10 / points)
    upright = sum(map(len, short)) * 4.6 > points
    shown = range(0, len(names), step)
    ax.set_xticks(list(shown), [short[i] for i in shown], rotation=90 if upright else 0)
    ax.set_xlim(-0.6, len(names) - 0.4)
    return shared


def shortened(names: Sequence[str]) -> tuple[list[str], str]:
    """Leave out of layer names what they share, and shorten those that are still long.

    Parameters
    ----------
    names : sequence of str
        The layers.

    Returns
    -------
    list of str
        The names without it, each another one.
    str
        What they share.
    """
    parts = [name.split(".") for name in names]
    shared = 0
    while len(names) > 1 and all(len(part) > shared + 1 and part[shared] == parts[0][shared] for part in parts):
        shared += 1
    return fitting([".".join(part[shared:]) for part in parts]), ".".join(parts[0][:shared])


def fitting(names: list[str]) -> list[str]:
    """Shorten long names: by how they all begin, then in the middle; by their place, where that makes two alike.

    Parameters
    ----------
    names : list of str
        The names.

    Returns
    -------
    list of str
        Names of 18 letters or little more.
    """
    if max(map(len, names), default=0) <= LONGEST:
        return names
    # a number that all begin with is part of one that tells them apart
    alike = sum(1 for _ in takewhile(lambda letters: len({*letters}) == 1, zip(*names, strict=False)))
    begin = len(names[0][:alike].rstrip("0123456789")) if len(names) > 1 else 0
    begin = begin if SPARED < begin < min(map(len, names)) else 0
    cut = [f"…{name[begin:]}" if begin else name for name in names]
    end = LONGEST - HEAD - 1
    short = [name if len(name) <= LONGEST else f"{name[:HEAD]}…{name[-end:]}" for name in cut]
    if len(set(short)) == len(set(names)):
        return short
    return [f"{k + 1}: …{name[-end:]}" for k, name in enumerate(names)]
