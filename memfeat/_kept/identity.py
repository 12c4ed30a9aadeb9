"""Which function a user's own one is, so that a changed one is noticed."""

import hashlib
import inspect
import re
from collections.abc import Callable, Set
from functools import partial, singledispatch
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["identity"]

DIGITS = 12
#: Objects on the way from the function to the value at hand: what holds itself is described once.
Path = tuple[object, ...]


def identity(function: Callable[[Tensor], Any]) -> str:
    """Say which function it is.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    str
        Its qualified name and 12 hexadecimal digits of a hash of its source, its defaults, and the values it closes
        over. Functions without a source, and lambdas, are known by their byte code, which differs between versions of
        Python. Global names that the function uses, and other functions that it calls by them, are not looked into.
    """
    digest = hashlib.sha256(_content(function, ())).hexdigest()[:DIGITS]
    return f"function({_name(function)}, {digest})"


def _name(function: Any) -> str:
    if isinstance(function, partial):
        return _name(function.func)
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def _content(value: Any, path: Path) -> bytes:
    """Give bytes that change when a value does."""
    if any(value is item for item in path):
        return b"itself"
    # Lengths keep neighbours apart: ("ab", "c") is not ("a", "bc").
    found = _described(value, (*path, value))
    return f"{type(value).__qualname__} {len(found)} ".encode() + found


@singledispatch
def _described(value: Any, path: Path) -> bytes:
    said = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)).encode()
    attributes = {} if isinstance(value, type) else getattr(value, "__dict__", {})
    return said + _source(value if isinstance(value, type) else type(value)) + _described(dict(attributes), path)


def _source(thing: Any) -> bytes:
    try:
        return inspect.getsource(thing).encode()
    except (OSError, TypeError):
        return b""


@_described.register
def _(value: FunctionType, path: Path) -> bytes:
    # Several lambdas may stand on one line, and have that line as their source.
    source = b"" if value.__name__ == "<lambda>" else _source(value)
    cells = dict(zip(value.__code__.co_freevars, map(_inside, value.__closure__ or ()), strict=True))
    return (source or _content(value.__code__, path)) + _content(
        (value.__defaults__, value.__kwdefaults__, cells), path
    )


def _inside(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


@_described.register
def _(value: CodeType, path: Path) -> bytes:
    return value.co_code + repr(value.co_names).encode() + _content(value.co_consts, path)


@_described.register
def _(value: MethodType, path: Path) -> bytes:
    return _content(value.__func__, path) + _content(value.__self__, path)


@_described.register
def _(value: partial, path: Path) -> bytes:  # type: ignore[type-arg]
    return _content((value.func, value.args, value.keywords), path)


@_described.register(tuple)
@_described.register(list)
def _(value: tuple[Any, ...] | list[Any], path: Path) -> bytes:
    return b"".join(_content(item, path) for item in value)


@_described.register
def _(value: dict, path: Path) -> bytes:  # type: ignore[type-arg]
    return b"".join(_content(item, path) for pair in value.items() for item in pair)


@_described.register(Set)
def _(value: Set[Any], path: Path) -> bytes:
    return b"".join(sorted(_content(item, path) for item in value))


@_described.register(int)
@_described.register(float)
@_described.register(complex)
@_described.register(str)
@_described.register(bytes)
def _(value: Any, path: Path) -> bytes:
    return repr(value).encode()


@_described.register
def _(value: np.ndarray, path: Path) -> bytes:
    return f"{value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).tobytes()


@_described.register
def _(value: Tensor, path: Path) -> bytes:
    raw = value.detach().cpu().contiguous().flatten().view(torch.uint8)
    return f"{value.dtype} {tuple(value.shape)}".encode() + raw.numpy().tobytes()
