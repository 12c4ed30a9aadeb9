"""Layers that are computed together, and how many images of them make a block."""

from dataclasses import dataclass

__all__ = ["BLOCK_BYTES", "DONE", "ERROR", "PASS", "Pass", "block_size"]

#: The mark of an image that is computed.
DONE = "ok"
#: What arrays of marks, and of rounding errors, are called before the number of their pass.
PASS, ERROR = "pass_", "rounding_"
#: Images per block, and bytes of a block in memory that make it fewer.
BLOCK = 256
BLOCK_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Pass:
    """Layers that are computed together.

    Attributes
    ----------
    number : int
        0 for the first.
    layers : tuple of str
        Their names.
    block : int
        Images in one block.
    batch : int
        Images in one forward pass.
    """

    number: int
    layers: tuple[str, ...]
    block: int
    batch: int

    @property
    def marks(self) -> str:
        """Name of the array that says how far it is."""
        return f"{PASS}{self.number}"

    @property
    def errors(self) -> str:
        """Name of the array of rounding errors, if values are rounded."""
        return f"{ERROR}{self.number}"


def block_size(row_bytes: int) -> int:
    """Choose how many images make a block.

    Parameters
    ----------
    row_bytes : int
        Bytes of one image, all layers of the pass together.

    Returns
    -------
    int
        256, or as many as fit 256 MB.
    """
    return max(1, min(BLOCK, BLOCK_BYTES // max(row_bytes, 1)))
