"""Whether a picture holds a photograph: places with many colours, which figures of numbers and grey tiles lack."""

import base64
import io
import re

import numpy as np
from PIL import Image
from scipy.ndimage import label

#: Side of the squares that are looked at, and of a step of brightness that is no other colour.
SIDE, STEP = 16, 8
#: Share of pixels of a square that have colours of their own, in photographs. The committed figures of numbers have at
#: most .19, and of photographs no longer than 48 pixels the most colourful square has .2 to .85.
SHARE = 0.25
#: So many such squares that touch are no crossing of bands and lines: of those, notebooks have at most 4, and pages of
#: ten photographs of 32 to 64 pixels at least 9.
PATCH = 6


def squares(picture):
    """Share of colours among the pixels of each square (row, column)."""
    values = np.asarray(picture.convert("RGB")).astype(int) // STEP
    rows, columns = (edge // SIDE for edge in values.shape[:2])
    colours = values[: rows * SIDE, : columns * SIDE] @ np.array([1 << 16, 1 << 8, 1])
    each = colours.reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2).reshape(rows, columns, SIDE**2)
    return (1 + (np.diff(np.sort(each), axis=2) != 0).sum(axis=2)) / SIDE**2


def holds_photograph(picture):
    patches, _ = label(squares(picture) > SHARE)
    return bool(np.bincount(patches.ravel())[1:].max(initial=0) >= PATCH)


def outputs(notebook):
    """All pictures that the outputs of a notebook hold, those inside of SVG and HTML included."""
    found = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            for kind, data in output.get("data", {}).items():
                text = data if isinstance(data, str) else "".join(map(str, data))
                if kind.startswith("image/") and "svg" not in kind:
                    found.append(text)
                found += re.findall(r"data:image/(?!svg)[\w.+-]+;base64,([\w+/=\s]+)", text)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]
