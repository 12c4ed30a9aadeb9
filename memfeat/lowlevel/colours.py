"""Statistics of the pixels of a picture, wherever they lie."""

import numpy as np

from memfeat.lowlevel.seeing import Seen

__all__ = ["colourfulness", "entropy", "luminance", "rms_contrast", "saturation"]

#: How much the mean of the opponent colours counts beside their spread (Hasler & Süsstrunk, 2003).
MEAN_COUNTS = 0.3


def luminance(picture: Seen) -> float:
    """Average relative luminance."""
    return float(picture.luminance.mean())


def rms_contrast(picture: Seen) -> float:
    """Take the standard deviation of relative luminance."""
    return float(picture.luminance.std())


def saturation(picture: Seen) -> float:
    """Average the saturation of the hexcone model, (max − min) / max."""
    high, low = picture.rgb.max(axis=0), picture.rgb.min(axis=0)
    return float(np.divide(high - low, high, out=np.zeros_like(high), where=high > 0).mean())


def colourfulness(picture: Seen) -> float:
    """Combine spread and mean of the two opponent colours, red-green and yellow-blue."""
    red, green, blue = picture.rgb * 255
    opponents = red - green, (red + green) / 2 - blue
    spread = np.hypot(*(colour.std() for colour in opponents))
    mean = np.hypot(*(colour.mean() for colour in opponents))
    return float(spread + MEAN_COUNTS * mean)


def entropy(picture: Seen) -> float:
    """Compute the entropy of the 256 levels of luma."""
    counts = np.bincount(np.rint(picture.luma * 255).astype(np.intp).ravel(), minlength=256)
    shares = counts[counts > 0] / counts.sum()
    # a picture of one level has an entropy of minus zero
    return abs(float(-(shares * np.log2(shares)).sum()))
