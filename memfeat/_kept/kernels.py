"""A user's own function as a reduction."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memfeat._kept.axes import Axes
from memfeat._kept.reduction import Keep, refused

__all__ = ["kernel"]

REMEDY = "It gets a tensor (n, ...) and must return a tensor or array (n,) or (n, ...) of real numbers."


def kernel(function: Callable[[Tensor], Any]) -> Keep:
    """Make a reduction of a user's function.

    Parameters
    ----------
    function : callable
        Tensor (n, ...) to Tensor or numpy array (n,) or (n, ...). It must treat each image by itself and may not write
        to what it gets.

    Returns
    -------
    callable
        Applies the function and checks what it returns. The axes that are left are called `axis0`, `axis1` ….
    """

    def keep(layer: str, output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
        try:
            found = function(output.detach())
        except Exception as error:
            error.add_note(f"This happened in the function that was given as reduce, for layer {layer!r}.")
            raise
        kept = _checked(found, layer, len(output))
        return kept, tuple(f"axis{i}" for i in range(kept.ndim - 1))

    return keep


def _checked(found: Any, layer: str, n: int) -> Tensor:
    rule = "return one entry per image"
    if isinstance(found, np.ndarray) and found.dtype.kind in "fiub":
        # A copy, because torch takes no array that runs backwards and warns of one that cannot be written to.
        found = torch.from_numpy(np.array(found, dtype=np.float32))
    if not isinstance(found, Tensor) or found.is_complex():
        kind = getattr(found, "dtype", type(found).__name__)
        raise refused(layer, rule, f"{kind}", REMEDY)
    if found.ndim == 0 or len(found) != n:
        raise refused(layer, rule, f"shape {tuple(found.shape)} for {n} images", REMEDY)
    return found.detach()
