"""A reduction: what it is called, what it does to an output, and which shape it leaves."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod

import torch
from torch import Tensor

from memfeat._check import advice, listed
from memfeat._kept.axes import Axes, axes_of
from memfeat.errors import ArgumentError

__all__ = ["Keep", "Layout", "Reduction", "refused"]

BYTES_PER_VALUE = 4
CPU = torch.device("cpu")
#: (layer, output (n, ...), its axes) → what is kept (n, ...) and the axes of that.
Keep = Callable[[str, Tensor, Axes], tuple[Tensor, Axes]]


@dataclass(frozen=True)
class Layout:
    """Shape of one layer for one image.

    Attributes
    ----------
    axes : tuple of str
        Names of its axes; none if there is one number per image.
    shape : tuple of int
        Their sizes.
    labels : tuple of str
        Names of the entries along the only axis, where they have names.
    """

    axes: Axes
    shape: tuple[int, ...]
    labels: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes for one image in float32."""
        return BYTES_PER_VALUE * prod(self.shape)


def _nothing(_values: int) -> int:
    return 0


@dataclass(frozen=True)
class Reduction:
    """What is kept of a module's output.

    Attributes
    ----------
    name : str
        What it is, in full: two reductions of one name keep the same numbers.
    keep : callable
        (layer, output (n, ...), its axes) → what is kept (n, ...) and the axes of that.
    labels : tuple of str
        Names of the entries along the axis that is left, where they have names.
    on_meta : bool
        Whether the shape can be found without computing anything.
    axes : mapping
        Layer → axes of its output, for layers whose axes are not those usual for their number.
    held : callable
        Number of values that a layer puts out of one image → bytes that the reduction holds in memory for it.
    """

    name: str
    keep: Keep
    labels: tuple[str, ...] = ()
    on_meta: bool = True
    axes: Mapping[str, Axes] = field(default_factory=dict)
    held: Callable[[int], int] = _nothing

    def apply(self, layer: str, output: Tensor) -> Tensor:
        """Reduce an output.

        Parameters
        ----------
        layer : str
            Whose it is.
        output : Tensor (n, ...)
            What the module put out. It is not changed; the result may be a view of it.

        Returns
        -------
        Tensor (n, ...)
            What is kept.

        Raises
        ------
        ArgumentError
            If the reduction does not fit the layer.
        """
        return self.keep(layer, output, self._axes(layer, output.ndim - 1))[0]

    def knowing(self, axes: Mapping[str, Axes]) -> "Reduction":
        """Tell which axes the outputs of layers have.

        Parameters
        ----------
        axes : mapping
            Layer → axes of its output.

        Returns
        -------
        Reduction
            The same reduction, applied along those axes.
        """
        return replace(self, axes=dict(axes))

    def layout(self, layer: str, shape: tuple[int, ...], device: torch.device = CPU) -> Layout:
        """Find out what is left of a layer, by applying the reduction to zeros.

        Parameters
        ----------
        layer : str
            The layer.
        shape : tuple of int
            Shape of its output for one image.
        device : torch.device
            Where a user's own function is to be tried.

        Returns
        -------
        Layout
            Shape and axes of what is kept.

        Raises
        ------
        ArgumentError
            If the reduction does not fit the layer, or what it leaves of one image depends on how many there are.
        """
        place = torch.device("meta") if self.on_meta else device
        # Two batches, because one does not tell which axes grow with the number of images.
        (left, axes), (other, _) = (self._tried(layer, (n, *shape), place) for n in (2, 3))
        if left != other:
            found = f"{left} per image among two and {other} among three"
            raise refused(layer, "leave the same shape of every image", found, "Let it treat each image by itself.")
        return Layout(axes, left, self.labels)

    def _tried(self, layer: str, shape: tuple[int, ...], device: torch.device) -> tuple[tuple[int, ...], Axes]:
        with torch.inference_mode(), warnings.catch_warnings():
            # Zeros are nobody's images: what a user's own function says of them is of no interest.
            warnings.simplefilter("ignore")
            kept, axes = self.keep(layer, torch.zeros(shape, device=device), self._axes(layer, len(shape) - 1))
        return tuple(kept.shape[1:]), axes

    def _axes(self, layer: str, ndim: int) -> Axes:
        return self.axes.get(layer, axes_of(ndim))


def refused(layer: str, rule: str, found: str, remedy: str) -> ArgumentError:
    """Make the error of a reduction that does not fit a layer.

    Parameters
    ----------
    layer : str
        The layer.
    rule : str
        What the reduction must do.
    found : str
        What came instead.
    remedy : str
        What to do next.

    Returns
    -------
    ArgumentError
        The error, to be raised.
    """
    return ArgumentError(advice("reduce", rule, listed(f"{found}, for layer {layer!r}"), remedy))
