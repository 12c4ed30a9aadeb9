"""Which function, or object with code of its own, a user's one is, so that a changed one is noticed."""

import hashlib
import inspect
import logging
import re
import sys
from collections.abc import Callable, Set
from enum import Enum
from functools import partial, singledispatch
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["OF_EVERY_MODULE", "content", "from_a_library", "identity", "without_addresses"]

DIGITS = 12
#: What is theirs is known by its name and attributes. Its source changes with every version, mostly in nothing that
#: counts, and a store must outlive that.
LIBRARIES = frozenset({"PIL", "memfeat", "numpy", "torch", "torchvision"}) | sys.stdlib_module_names
#: Attributes that every module has.
OF_EVERY_MODULE = frozenset(vars(nn.Module()))
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
        Its qualified name and `content`.
    """
    return f"function({_name(function)}, {content(function)})"


def content(thing: Any) -> str:
    """Say what an object with code of its own computes.

    Parameters
    ----------
    thing : object
        A function, a class, or an object of the user's.

    Returns
    -------
    str
        12 hexadecimal digits of a hash: of a function its source, its defaults, and the values it closes over; of an
        object its attributes and its class; of a class its source and its methods as they are now, with those it
        inherits. Functions without a source, and lambdas, are known by their byte code, which differs between versions
        of Python. Global names that a function uses, and other functions that it calls by them, are not looked into,
        nor is the code of torch, torchvision, numpy, Pillow, memfeat and Python itself.
    """
    return hashlib.sha256(_content(thing, ())).hexdigest()[:DIGITS]


def from_a_library(thing: Any) -> bool:
    """Say whether a class or function is torch's, torchvision's, numpy's, Pillow's, memfeat's or Python's.

    Parameters
    ----------
    thing : class or function
        What to ask about.

    Returns
    -------
    bool
        Whether it is known by its name, because its source belongs to a version of a library.
    """
    return str(getattr(thing, "__module__", None)).partition(".")[0] in LIBRARIES


def without_addresses(said: str) -> str:
    """Take places in memory out of a `repr`, which differ in every process.

    Parameters
    ----------
    said : str
        A `repr`.

    Returns
    -------
    str
        The same without " at 0x…".
    """
    return re.sub(r" at 0x[0-9a-fA-F]+", "", said)


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
    said = without_addresses(repr(value)).encode()
    return said + _content((type(value), dict(getattr(value, "__dict__", {}))), path)


def _source(thing: Any) -> bytes:
    try:
        return inspect.getsource(thing).encode()
    except (OSError, TypeError):
        return b""


@_described.register
def _(value: type, path: Path) -> bytes:
    if from_a_library(value):
        return f"{value.__module__}.{value.__qualname__}".encode()
    bodies = [_body(one) for one in value.__mro__ if not from_a_library(one)]
    return value.__qualname__.encode() + _content(bodies, path)


def _body(value: type) -> tuple[Any, ...]:
    """Give a class's source, and its methods: one may have been replaced since, and in a notebook it has no source."""
    source = _source(value)
    members = {name: getattr(thing, "fget", getattr(thing, "__func__", thing)) for name, thing in vars(value).items()}
    methods = {name: thing for name, thing in members.items() if isinstance(thing, FunctionType)}
    if source:
        # Those that a decorator made of it, as for a dataclass, say nothing new.
        return source, {name: thing for name, thing in methods.items() if not _dunder(name) or _source(thing)}
    others = {name: thing for name, thing in members.items() if name not in methods and not _dunder(name)}
    return methods, others


def _dunder(name: str) -> bool:
    return name.startswith("__") and name != "__call__"


@_described.register
def _(value: FunctionType, path: Path) -> bytes:
    cells = dict(zip(value.__code__.co_freevars, map(_inside, value.__closure__ or ()), strict=True))
    given = _content((value.__defaults__, value.__kwdefaults__, cells), path)
    if from_a_library(value):
        return f"{value.__module__}.{value.__qualname__}".encode() + given
    # Several lambdas may stand on one line, and have that line as their source.
    source = b"" if value.__name__ == "<lambda>" else _source(value)
    return (source or _content(value.__code__, path)) + given


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
def _(value: Enum, path: Path) -> bytes:
    return f"{type(value).__qualname__}.{value.name}".encode()


@_described.register(ModuleType)
@_described.register(logging.Logger)
def _(value: Any, path: Path) -> bytes:
    # Whoever holds one uses it by its name, and it holds half of all there is.
    return str(getattr(value, "__name__", getattr(value, "name", ""))).encode()


@_described.register
def _(value: np.ndarray, path: Path) -> bytes:
    return f"{value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).tobytes()


@_described.register
def _(value: Tensor, path: Path) -> bytes:
    raw = value.detach().cpu().contiguous().flatten().view(torch.uint8)
    return f"{value.dtype} {tuple(value.shape)}".encode() + raw.numpy().tobytes()


@_described.register
def _(value: nn.Module, path: Path) -> bytes:
    own = {name: thing for name, thing in vars(value).items() if name not in OF_EVERY_MODULE}
    tensors = dict(value.named_parameters(recurse=False)) | dict(value.named_buffers(recurse=False))
    return _content((type(value), own, tensors, dict(value.named_children())), path)
