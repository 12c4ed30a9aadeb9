"""ResMem's preprocessing, and words that identify anybody else's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from memfeat._kept.identity import content, without_addresses

__all__ = ["RESMEM", "SquashAndCrop", "described"]


@dataclass(frozen=True)
class SquashAndCrop:
    """Squash to a square, cut its centre, scale to [0, 1].

    Attributes
    ----------
    resize : int
        Side of the square, pixels. The aspect ratio is not kept.
    crop : int
        Side of the centre that is kept, pixels.
    """

    resize: int
    crop: int

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
        square = image.resize((self.resize, self.resize), Image.Resampling.BILINEAR)
        edge = round((self.resize - self.crop) / 2)
        centre = np.array(square.crop((edge, edge, edge + self.crop, edge + self.crop)))
        return torch.from_numpy(centre).permute(2, 0, 1).contiguous().to(torch.float32).div(255)


#: What ResMem was trained and released with.
RESMEM = SquashAndCrop(resize=256, crop=227)


def described(transform: Any) -> str:
    """Describe a preprocessing in words that are the same whenever it is the same.

    Parameters
    ----------
    transform : callable
        The preprocessing.

    Returns
    -------
    str
        Its `repr`, on one line; for a plain function its module and name. Followed by a hash of what it computes, as
        `memfeat._kept.identity.content` finds it, because neither of the two changes when the code of a function does.
        Of ResMem's own preprocessing the `repr` says everything.
    """
    if hasattr(transform, "__qualname__"):
        said = f"{transform.__module__}.{transform.__qualname__}"
    else:
        said = " ".join(without_addresses(repr(transform)).split())
    return said if type(transform) is SquashAndCrop else f"{said}, content {content(transform)}"
