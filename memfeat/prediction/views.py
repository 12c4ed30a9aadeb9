"""The same image seen a little differently, to ask how much a prediction depends on that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, KindError
from memfeat.models import Model
from memfeat.models.preprocessing import SquashAndCrop

__all__ = ["CANONICAL", "View", "views"]

Transform = Callable[[Image.Image], Tensor]
#: What the network's own preprocessing goes by among the views.
CANONICAL = "as trained"
#: place of a crop → the shares of the room to its left and above it
CORNERS = {"top left": (0.0, 0.0), "top right": (1.0, 0.0), "bottom left": (0.0, 1.0), "bottom right": (1.0, 1.0)}


@dataclass(frozen=True)
class View:
    """Another crop of the square that an image is squashed to, or its mirror image.

    Attributes
    ----------
    original : SquashAndCrop
        The preprocessing that is varied.
    across, down : float or None
        Where the crop lies, 0 at the left (top) edge and 1 at the right (bottom) edge; None for the centre.
    mirrored : bool
        Whether left and right change places, before the crop is taken.
    """

    original: SquashAndCrop
    across: float | None
    down: float | None
    mirrored: bool

    def __call__(self, image: Image.Image) -> Tensor:
        """Preprocess one image.

        Parameters
        ----------
        image : PIL image
            RGB.

        Returns
        -------
        Tensor (3, crop, crop)
            float32 values in [0, 1], not normalised.
        """
        seen = ImageOps.mirror(image) if self.mirrored else image
        if self.across is None or self.down is None:
            return self.original(seen)
        resize, crop = self.original.resize, self.original.crop
        square = seen.resize((resize, resize), Image.Resampling.BILINEAR)
        left, top = (round(share * (resize - crop)) for share in (self.across, self.down))
        pixels = np.array(square.crop((left, top, left + crop, top + crop)))
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().to(torch.float32).div(255)


def views(model: Model, tta: bool | Mapping[str, Transform]) -> dict[str, Transform]:
    """List the ways in which each image is shown to a network, its own preprocessing first.

    Parameters
    ----------
    model : Model
        The network.
    tta : bool or mapping
        False for its own preprocessing alone; True for five crops, each as it is and mirrored; or further
        preprocessings by name.

    Returns
    -------
    dict of callable
        Name → preprocessing; the first is the network's own.

    Raises
    ------
    KindError
        If `tta` is neither, or a preprocessing cannot be called.
    ArgumentError
        If memfeat does not know how to vary the network's preprocessing, or a mapping holds no other view.
    """
    own = {CANONICAL: model.transform}
    if isinstance(tta, Mapping):
        return own | _given(tta)
    if not isinstance(tta, bool):
        remedy = 'Or name preprocessings of your own: tta={"mirrored": lambda image: ...}.'
        raise KindError(advice("tta", "be True, False or a mapping", listed(type(tta).__name__), remedy))
    return own | _varied(model) if tta else own


def _given(tta: Mapping[str, Any]) -> dict[str, Transform]:
    for name, transform in tta.items():
        if not callable(transform):
            remedy = "Pass a function from a PIL image to a tensor."
            raise KindError(advice(f"tta[{name!r}]", "be callable", listed(type(transform).__name__), remedy))
    if not tta or CANONICAL in tta:
        remedy = "The network's own preprocessing is always among the views; name others."
        raise ArgumentError(advice("tta", "hold other views", listed.of(tta), remedy))
    return {str(name): transform for name, transform in tta.items()}


def _varied(model: Model) -> dict[str, Transform]:
    if not isinstance(model.transform, SquashAndCrop):
        remedy = (
            "memfeat varies ResMem's own (mf.models.preprocessing.SquashAndCrop). Name the views yourself, "
            'as in tta={"mirrored": lambda image: transform(PIL.ImageOps.mirror(image))}.'
        )
        raise ArgumentError(
            advice("tta", "suit the network's preprocessing", listed(model.provenance["preprocessing"]), remedy)
        )
    original = model.transform
    places: dict[str, tuple[float | None, float | None]] = {"centre": (None, None)}
    places |= CORNERS if original.resize > original.crop else {}
    return {
        f"{place}, mirrored" if mirrored else place: View(original, *places[place], mirrored)
        for place, mirrored in product(places, (False, True))
        if (place, mirrored) != ("centre", False)
    }
