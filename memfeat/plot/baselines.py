"""What a profile is held against: another profile, or one number for all layers."""

import math

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from memfeat._labels import LAYER
from memfeat.plot.style import COLOURS, INCH, room

__all__ = ["KIND", "MEASURE", "draw_baselines"]

#: Coordinates that say what a row is: the measure or which baseline, and the layer without the baseline's name.
KIND, LAYER_NAME = "kind", "layer_name"
MEASURE = "measure"
DRAWN = ("estimate", "ci_low", "ci_high")
#: Width of an entry of the legend without its letters, and of a letter, in millimetres; a line's share of the height.
HANDLE, LETTER, LINE = 11.0, 1.3, 0.09
#: Line colours (Okabe and Ito) and styles of baselines, in the order of the result.
LOOKS = (
    (COLOURS["mark"], (0, (5, 1.5))),
    ("#009E73", (0, (1, 1))),
    ("#CC79A7", (0, (5, 1, 1, 1))),
    ("#E69F00", (0, (3, 1, 1, 1, 1, 1))),
    (COLOURS["note"], (0, (7, 3))),
)


def draw_baselines(ax: Axes, rows: xr.Dataset, layers: list[str]) -> None:
    """Draw baselines by layer as lines, and those of one number as lines across all layers, with their intervals.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where layers stand at 0, 1, 2 and so on.
    rows : Dataset (layer)
        The baselines: `estimate`, `ci_low` and `ci_high` if they are known, `kind` and `layer_name`.
    layers : list of str
        The layers of the measure.
    """
    if not rows.sizes[LAYER]:
        return
    kinds = list(dict.fromkeys(str(kind) for kind in rows[KIND].values))
    for number, kind in enumerate(kinds):
        colour, style = LOOKS[number % len(LOOKS)]
        for k, (name, part) in enumerate(_parts(rows.sel({LAYER: rows[KIND] == kind}), layers).items()):
            place, values = part
            known = [values[column].values.astype(float) for column in DRAWN if column in values]
            drawn = [np.broadcast_to(one, len(place)) for one in known]
            label = f"{kind}: {name}" if name else kind
            # several numbers of one baseline go with the same colour, each a little fainter
            ax.plot(place, drawn[0], color=colour, linestyle=style, alpha=0.75**k, zorder=2, label=label)
            if len(drawn) == len(DRAWN):
                ax.fill_between(place, drawn[1], drawn[2], color=colour, alpha=0.13 * 0.75**k, linewidth=0, zorder=0)
    _legend(ax)


def _legend(ax: Axes) -> None:
    """Name baselines above all that is drawn, in as many columns as there is room for."""
    labels = ax.get_legend_handles_labels()[1]
    widest = HANDLE + LETTER * max(map(len, labels))
    columns = min(len(labels), max(1, int(room(ax) * INCH / widest)))
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + math.ceil(len(labels) / columns) * LINE * (high - low))
    ax.legend(frameon=False, loc="upper left", ncols=columns, handlelength=2.6, columnspacing=1.0, borderaxespad=0.1)


def _parts(rows: xr.Dataset, layers: list[str]) -> dict[str, tuple[list[float], xr.Dataset]]:
    """Give what is drawn by its name, of layers that both have or else one by one: where it stands, and what it is."""
    names = [str(name) for name in rows[LAYER_NAME].values]
    shared = [layer for layer in layers if layer in names]
    if shared:
        place = [float(layers.index(name)) for name in shared]
        return {"": (place, rows.isel({LAYER: [names.index(name) for name in shared]}))}
    across = [-0.6, len(layers) - 0.4]
    return {name: (across, rows.isel({LAYER: [k]})) for k, name in enumerate(names)}
