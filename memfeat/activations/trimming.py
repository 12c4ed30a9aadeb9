"""Giving freed memory back to the system, so that a long run needs no more of it than a short one."""

import ctypes
from collections.abc import Callable
from functools import cache

__all__ = ["trim"]


def trim() -> None:
    """Give back what the C library keeps of freed memory, where it can be asked to (glibc).

    Buffers of decoding threads and of the network's maps come and go in different sizes; what lies free between them
    would otherwise add up block by block.
    """
    ask = _asking()
    if ask is not None:
        ask(0)


@cache
def _asking() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return found
