"""The names of a module's axes."""

__all__ = ["CHANNEL", "LAST", "LINES", "SPACE", "Axes", "axes_of"]

Axes = tuple[str, ...]

CHANNEL = "channel"
SPACE = ("y", "x")
#: Axes of a module's output by their number, the batch left out.
USUAL: dict[int, Axes] = {
    1: ("channel",),
    2: ("token", "channel"),
    3: ("channel", "y", "x"),
    4: ("channel", "time", "y", "x"),
}
#: The same for modules that put channels last in maps, as Swin transformers do.
LAST: dict[int, Axes] = USUAL | {3: ("y", "x", "channel"), 4: ("time", "y", "x", "channel")}
#: Those of modules that work along lines.
LINES: dict[int, Axes] = USUAL | {2: ("channel", "x")}


def axes_of(ndim: int) -> Axes:
    """Name the axes of an output.

    Parameters
    ----------
    ndim : int
        Number of its axes, the batch left out.

    Returns
    -------
    tuple of str
        Their names; `axis0`, `axis1` … if there is no usual meaning.
    """
    return USUAL.get(ndim, tuple(f"axis{i}" for i in range(ndim)))
