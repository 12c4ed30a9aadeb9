"""How many digits of a value are stored, and how far that is from the value."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, KindError

__all__ = ["Precision", "precision"]

Values = npt.NDArray[Any]
#: Bits of a float32's mantissa that are written out, and the largest float16.
MANTISSA = 23
LARGEST_HALF = 65_504.0
#: Values that are looked at together, so that memory stays flat for blocks of whole maps.
AT_ONCE = 2**22
REMEDY = (
    "Write to another store: with precision='float32', with 'float32:10', which rounds as float16 does and holds large "
    "values, or without the layer."
)


@dataclass(frozen=True)
class Precision:
    """How values are stored.

    Attributes
    ----------
    name : str
        What the user calls it.
    dtype : dtype
        Of what is stored.
    rounded : callable or None
        Values (n, ...) float32 to what is stored, of type `dtype`; None if they are stored as they are.
    largest : float
        Values beyond ± this cannot be stored.
    """

    name: str
    dtype: np.dtype[Any]
    rounded: Callable[[Values], Values] | None
    largest: float

    @property
    def rounds(self) -> bool:
        """Whether values are stored otherwise than they are computed."""
        return self.rounded is not None

    def apply(self, values: Values, layer: str) -> tuple[Values, npt.NDArray[np.float64]]:
        """Round values for storage.

        Parameters
        ----------
        values : array (n, ...) of float32
            One row per image. They are not changed.
        layer : str
            Whose they are, for the message.

        Returns
        -------
        array (n, ...) of `dtype`
            What to store; the same array where nothing is rounded. NaN and, in float32, infinity stay what they are.
        array (n,) of float64
            The largest difference between an image's stored and true values, as a share of its largest absolute
            value. Values that are NaN or infinite do not count; 0 if no other value but 0 is left.

        Raises
        ------
        ArgumentError
            If values are too large to be stored; the message counts them.
        """
        error = np.zeros(len(values))
        if self.rounded is None:
            return values, error
        stored = np.empty(values.shape, dtype=self.dtype)
        step = max(1, AT_ONCE // max(values[:1].size, 1))
        too_large = 0
        for start in range(0, len(values), step):
            rows = slice(start, start + step)
            # What becomes infinite is counted, which says more than numpy's warning.
            with np.errstate(over="ignore"):
                stored[rows] = self.rounded(values[rows])
            too_large += self._beyond(values[rows], stored[rows])
            error[rows] = _error(values[rows], stored[rows])
        if too_large:
            found = listed(f"{too_large:,} values beyond ±{self.largest:,g} in layer {layer!r}")
            raise ArgumentError(advice("precision", f"hold every value when it is {self.name!r}", found, REMEDY))
        return stored, error

    def _beyond(self, values: Values, stored: Values) -> int:
        # float32 holds infinities; what counts there is a finite value that rounding made infinite.
        if self.dtype == np.float32:
            return int(np.count_nonzero(np.isinf(stored) & np.isfinite(values)))
        return int(np.count_nonzero(np.abs(values) > self.largest))


def _error(values: Values, stored: Values) -> npt.NDArray[np.float64]:
    true = values.reshape(len(values), -1)
    size = np.where(np.isfinite(true), np.abs(true), np.float32(0))
    with np.errstate(invalid="ignore"):
        off = np.abs(stored.reshape(len(values), -1).astype(np.float32) - true)
    off[~np.isfinite(off)] = 0
    # Ratios in float64: float32 loses them where values are smallest.
    worst, largest = (part.max(axis=1, initial=0).astype(np.float64) for part in (off, size))
    shares: npt.NDArray[np.float64] = np.divide(worst, largest, out=np.zeros(len(values)), where=largest > 0)
    return shares


def _shortened(bits: int, values: Values) -> Values:
    """Round float32 to `bits` written mantissa bits, ties to even."""
    dropped = np.uint32(MANTISSA - bits)
    raw = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    one, half = np.uint32(1), np.uint32(1) << (dropped - np.uint32(1))
    # Adding just under half, and the last kept bit, carries exactly where the value is to be rounded up; a carry out
    # of the mantissa raises the exponent, as it should.
    up = raw + (half - one + ((raw >> dropped) & one))
    short = (up & ~((one << dropped) - one)).view(np.float32)
    return np.where(np.isfinite(values), short, values)


def _largest(bits: int) -> float:
    return float((2 - 2.0**-bits) * 2.0**127)


def precision(spec: str) -> Precision:
    """Find the precision that is meant.

    Parameters
    ----------
    spec : str
        "float32" (as computed), "float16", or "float32:BITS" (float32 with 1 to 22 written mantissa bits, which
        compress well; the relative error of each normal value is at most 2 to the power of -(BITS + 1)).

    Returns
    -------
    Precision
        How to store values.

    Raises
    ------
    KindError
        If it is no text.
    ArgumentError
        If there is no such precision.
    """
    if not isinstance(spec, str):
        raise KindError(advice("precision", "be text", spec, "For instance precision='float32:10'."))
    single = np.dtype(np.float32)
    if spec == "float32":
        return Precision(spec, single, None, _largest(MANTISSA))
    if spec == "float16":
        return Precision(spec, np.dtype(np.float16), lambda values: values.astype(np.float16), LARGEST_HALF)
    name, _, text = spec.partition(":")
    if name == "float32" and text.isdecimal() and 1 <= int(text) < MANTISSA:
        bits = int(text)
        return Precision(f"float32:{bits}", single, partial(_shortened, bits), _largest(bits))
    rule = "be one of 'float32', 'float16', 'float32:BITS' with 1 to 22 BITS"
    raise ArgumentError(advice("precision", rule, spec, "For instance precision='float32:10'."))
