"""How strongly a layer responds: three numbers per image instead of features."""

import torch
from torch import Tensor

from memfeat._kept.axes import Axes

__all__ = ["STATISTICS", "magnitude"]

STATISTICS = ("l1", "l2", "mean")


def magnitude(layer: str, output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
    """Measure the whole output of each image.

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
    Tensor (n, 3)
        The sum of absolute values, the root of the sum of squares, and the mean, added up in float64 and rounded to
        float32 at the end.
    tuple of str
        ("statistic",).
    """
    # Apple's GPUs know no float64.
    dtype = torch.float32 if output.device.type == "mps" else torch.float64
    values = output.flatten(1)
    l1, l2 = (torch.linalg.vector_norm(values, order, dim=1, dtype=dtype) for order in (1, 2))
    return torch.stack([l1, l2, values.mean(dim=1, dtype=dtype)], dim=1).float(), ("statistic",)
