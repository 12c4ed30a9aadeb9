"""A network with its preprocessing and its origin, as the stages take it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from torch import Tensor, nn

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, KindError
from memfeat.models.weights import digest

__all__ = ["Model"]

#: Rounding may carry a value this far beyond [0, 1].
SLACK = 1e-5


@dataclass(frozen=True, eq=False)
class Model:
    """A network, its preprocessing and where both came from.

    Attributes
    ----------
    name : str
        What it was loaded as.
    module : nn.Module
        The network itself, in evaluation mode.
    transform : callable
        PIL image (RGB) to Tensor (3, y, x), as the network expects it.
    provenance : mapping
        What goes into the attributes of every result: variant, backbone, weights_sha256, preprocessing, licence.
    floor : float or None
        Predictions at or below it are saturated (see `memfeat.predict`); None for networks that predict no
        memorability.
    unit_range : bool
        Whether the network expects values in [0, 1], so that others can be refused.
    tensors_sha256 : str or None
        What `memfeat.models.weights.digest` gives of the network as it was loaded, where `weights_sha256` of the
        provenance is the hash of a file; None where that is the digest.
    """

    name: str
    module: nn.Module = field(repr=False)
    transform: Callable[[Image.Image], Tensor] = field(repr=False)
    provenance: Mapping[str, Any] = field(repr=False)
    floor: float | None = None
    unit_range: bool = False
    tensors_sha256: str | None = field(default=None, repr=False)

    def __call__(self, batch: Tensor) -> Any:
        """Run the network on a batch, after checking it.

        Parameters
        ----------
        batch : Tensor (n, 3, y, x)
            Preprocessed images.

        Returns
        -------
        Tensor
            Whatever the network returns; for ResMem memorability (n, 1).

        Raises
        ------
        KindError
            If it is not a tensor of floating-point numbers.
        ArgumentError
            If its shape is wrong, or values lie outside [0, 1] for a network that expects them inside.
        """
        return self.module(self.checked(batch))

    def checked(self, batch: Tensor) -> Tensor:
        """Check a batch and give it back.

        Parameters
        ----------
        batch : Tensor (n, 3, y, x)
            Preprocessed images.

        Returns
        -------
        Tensor (n, 3, y, x)
            The same tensor.

        Raises
        ------
        KindError
            If it is not a tensor of floating-point numbers.
        ArgumentError
            If its shape is wrong, or values lie outside [0, 1] for a network that expects them inside.
        """
        if not isinstance(batch, Tensor) or not batch.is_floating_point():
            kind = batch.dtype if isinstance(batch, Tensor) else type(batch).__name__
            remedy = "For 8-bit images: batch.float() / 255."
            raise KindError(advice("batch", "be a tensor of floating-point numbers", listed(kind), remedy))
        wanted = tuple(self.example().shape[1:])
        if self.unit_range and tuple(batch.shape[1:]) != wanted:
            remedy = "Make it with model.transform, one PIL image at a time."
            raise ArgumentError(advice("batch", f"have shape (n, {str(wanted)[1:]}", tuple(batch.shape), remedy))
        if self.unit_range and batch.numel():
            _refuse_out_of_range(float(batch.detach().min()), float(batch.detach().max()))
        return batch

    def example(self) -> Tensor:
        """Make a batch of one black image, for finding out shapes.

        Returns
        -------
        Tensor (1, 3, y, x)
            The preprocessed image.
        """
        return self.transform(Image.new("RGB", (256, 256)))[None]

    def origin(self) -> dict[str, Any]:
        """Say where the network, as it is now, came from.

        Returns
        -------
        dict
            `provenance`; if weights have changed since they were loaded or wrapped, with the digest of those that are
            there as `weights_sha256`.
        """
        facts = dict(self.provenance)
        loaded, found = self.tensors_sha256 or facts.get("weights_sha256"), digest(self.module)
        if found != loaded:
            facts["weights_sha256"] = found
            if facts.get("variant") != "user":
                facts["weights_source"] = f"{facts.get('weights_source', 'unknown')}, changed since they were loaded"
        return facts

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]:
        """List the network's modules with their names.

        Yields
        ------
        str
            The name; "" is the network itself.
        nn.Module
            The module.
        """
        yield from self.module.named_modules()

    def state_dict(self) -> dict[str, Any]:
        """Give the network's parameters and buffers.

        Returns
        -------
        dict of Tensor
            Names and tensors.
        """
        return dict(self.module.state_dict())


def _refuse_out_of_range(low: float, high: float) -> None:
    if low >= -SLACK and high <= 1 + SLACK:
        return
    if not (low == low and high == high):
        remedy = "It holds NaN."
    elif low >= 0:
        remedy = "They look like 0-255: divide by 255."
    else:
        remedy = (
            "They look normalised: this network takes raw RGB, so leave the normalisation out, or undo it with "
            "batch * std + mean."
        )
    raise ArgumentError(
        advice("batch", "hold values in [0, 1]", listed(f"values from {low:.3g} to {high:.3g}"), remedy)
    )
