"""Reductions that average, choose or lay out."""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from memfeat._kept.axes import CHANNEL, SPACE, Axes
from memfeat._kept.reduction import Keep, refused

__all__ = ["cls", "flatten", "grid", "maximum", "mean", "none"]


def mean(layer: str, output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
    """Average over space, time or tokens.

    Parameters
    ----------
    layer : str
        The layer.
    output : Tensor (n, ...)
        Its output.
    axes : tuple of str
        The output's axes, without the images.

    Returns
    -------
    Tensor (n, channel)
        One mean per channel.
    tuple of str
        ("channel",); the output's own axes where there is nothing to average over.
    """
    return _over_places(lambda dims: output.mean(dim=dims), output, axes)


def maximum(layer: str, output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
    """Take the largest value over space, time or tokens.

    Parameters
    ----------
    layer : str
        The layer.
    output : Tensor (n, ...)
        Its output.
    axes : tuple of str
        The output's axes, without the images.

    Returns
    -------
    Tensor (n, channel)
        One maximum per channel.
    tuple of str
        As for `mean`.
    """
    return _over_places(lambda dims: output.amax(dim=dims), output, axes)


def _over_places(pooled: Callable[[list[int]], Tensor], output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
    # Without names the first axis is taken for the channels, as everywhere in torch.
    channel = axes.index(CHANNEL) if CHANNEL in axes else 0
    places = [i + 1 for i in range(len(axes)) if i != channel]
    return (pooled(places), (CHANNEL,)) if places else (output, axes)


def flatten(layer: str, output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
    """Lay everything out in one row.

    Parameters
    ----------
    layer : str
        The layer.
    output : Tensor (n, ...)
        Its output.
    axes : tuple of str
        The output's axes, without the images.

    Returns
    -------
    Tensor (n, unit)
        All values, in C order.
    tuple of str
        ("unit",).
    """
    return output.flatten(1), ("unit",)


def none(layer: str, output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
    """Keep everything as it is.

    Parameters
    ----------
    layer : str
        The layer.
    output : Tensor (n, ...)
        Its output.
    axes : tuple of str
        The output's axes, without the images.

    Returns
    -------
    Tensor (n, ...)
        The output.
    tuple of str
        Its axes.
    """
    return output, axes


def cls(layer: str, output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
    """Keep the first token, in which a ViT gathers what it knows of the whole image.

    Parameters
    ----------
    layer : str
        The layer.
    output : Tensor (n, token, channel)
        Its output.
    axes : tuple of str
        The output's axes, without the images.

    Returns
    -------
    Tensor (n, channel)
        The first token. Whether it is a class token is not checked: networks without one have tokens too.
    tuple of str
        ("channel",).

    Raises
    ------
    ArgumentError
        If the layer puts out no tokens.
    """
    if axes != ("token", CHANNEL):
        found = "one number" if not axes else " × ".join(axes)
        remedy = "Choose layers between tokens and head of a transformer, or take reduce='mean'."
        raise refused(layer, "be used on tokens when it is 'cls'", found, remedy)
    return output[:, 0], (CHANNEL,)


def grid(k: int) -> Keep:
    """Average over the fields of a grid.

    Parameters
    ----------
    k : int
        Rows and columns of the grid, 1 or more.

    Returns
    -------
    callable
        Keeps (n, channel, k, k). Fields overlap by one row or column where k does not divide the map. A map of
        fewer than k rows (or columns) keeps its rows (or columns), and a layer without maps is left as it is.
    """

    def keep(layer: str, output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
        if not set(SPACE) <= set(axes):
            return output, axes
        order = (*(axis for axis in axes if axis not in SPACE), *SPACE)
        maps = output.permute(0, *(axes.index(axis) + 1 for axis in order))
        size = (min(k, maps.shape[-2]), min(k, maps.shape[-1]))
        # Time and channels become one axis, because the pooling knows only one besides the images.
        flat = maps.flatten(1, -3)
        return adaptive_avg_pool2d(flat, size).reshape(*maps.shape[:-2], *size), order

    return keep
