"""Images that are already in memory: arrays, tensors and PIL images."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, KindError

__all__ = ["as_image"]

#: Number of channels -> mode.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def as_image(name: str, value: Any) -> Image.Image:
    """Give an in-memory image as a PIL image.

    Parameters
    ----------
    name : str
        What the user calls it.
    value : PIL image, array or tensor
        uint8, or floating point in [0, 1]; (H, W), (H, W, 1), (H, W, 3) or (H, W, 4). A tensor may be (C, H, W).

    Returns
    -------
    PIL.Image.Image
        The image; a PIL image is given as it is.

    Raises
    ------
    KindError
        If it is no image, or its shape or dtype is not one of these.
    ArgumentError
        If floating-point values lie outside [0, 1].
    """
    if isinstance(value, Image.Image):
        return value
    array = _bytes(name, _channels_last(name, value))
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[-1] == 1 else array))


def _channels_last(name: str, value: Any) -> npt.NDArray[Any]:
    """Give an array or tensor as (H, W, C)."""
    array = _as_array(name, value)
    is_tensor = not isinstance(value, np.ndarray)
    if is_tensor and array.ndim == 3 and array.shape[0] in MODES:
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in MODES or 0 in array.shape:
        remedy = "An array with channels first becomes one by array.transpose(1, 2, 0); a batch goes in image by image."
        rule = "be (height, width), (height, width, 3) or (height, width, 4)"
        raise KindError(advice(f"image {name!r}", rule, listed(f"shape {np.shape(value)}"), remedy))
    return array


def _as_array(name: str, value: Any) -> npt.NDArray[Any]:
    """Give the numbers of an array, or of a tensor on any device."""
    if isinstance(value, np.ndarray):
        return value
    # a tensor is known by what it can do, so that torch need not be imported
    if all(hasattr(value, method) for method in ("detach", "cpu", "numpy")):
        return np.asarray(value.detach().cpu().numpy())
    remedy = "Read files by their paths: mf.images.read(paths)."
    rule = "be a numpy array, a PIL image, a torch tensor or a path"
    raise KindError(advice(f"image {name!r}", rule, listed(type(value).__name__), remedy))


def _bytes(name: str, array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Give values of 0 to 255."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        remedy = "Values of 0–255 become uint8 by array.astype('uint8'); 16-bit values by (array >> 8).astype('uint8')."
        rule = "be uint8, or floating point in [0, 1]"
        raise KindError(advice(f"image {name!r}", rule, listed(f"dtype {array.dtype}"), remedy))
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):
        found = listed(f"values from {low:g} to {high:g}")
        raise ArgumentError(
            advice(f"image {name!r}", "lie in [0, 1] if floating point", found, _range_remedy(low, high))
        )
    return np.rint(array.astype(np.float64) * 255).astype(np.uint8)


def _range_remedy(low: float, high: float) -> str:
    """Tell 0–255 data from normalised data."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return "It holds NaN or infinity: find out why, before it is used."
    if low >= 0 and 2 < high <= 255:
        return "These look like values of 0–255: divide by 255, or pass array.astype('uint8')."
    if low < 0 and max(-low, high) < 10:
        return (
            "These look like ImageNet-normalised values: undo it with "
            "array * [0.229, 0.224, 0.225] + [0.485, 0.456, 0.406], or pass the image as it was before."
        )
    return "Rescale the values to [0, 1], with black at 0 and white at 1."
