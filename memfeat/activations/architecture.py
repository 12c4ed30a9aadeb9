"""What a network computes with its weights: its modules, their settings, and code that is the user's own."""

from hashlib import sha256
from types import BuiltinFunctionType, FunctionType
from typing import Any

import pandas as pd
from torch import nn

from memfeat._kept.identity import OF_EVERY_MODULE, content, from_a_library
from memfeat.models import Model

__all__ = ["architecture"]

DIGITS = 12
FUNCTIONS = (FunctionType, BuiltinFunctionType)
#: Settings that a user's own module may keep in attributes. Whole numbers and tuples are left out, because forward
#: passes count images in them and remember shapes.
SETTINGS = (*FUNCTIONS, str, float, bool)


def architecture(model: Model, table: pd.DataFrame) -> str:
    """Give what tells a ReLU from a sigmoid, one stride from another, and an edited `forward` from the one before.

    Parameters
    ----------
    model : Model
        The network.
    table : DataFrame
        All of its layers.

    Returns
    -------
    str
        12 hexadecimal digits of a hash. Modules of torch and torchvision are known by what they say of themselves,
        others also by the code of their class (see `memfeat._kept.identity.content`) and by functions, texts, floats
        and truth values among their attributes.
    """
    parts = {name: part.extra_repr() for name, part in model.named_modules()}
    columns = zip(*(table[name] for name in ("name", "kind", "shape", "module")), strict=True)
    lines = [f"{name} {kind} {tuple(shape)} {parts[module]}" for name, kind, shape, module in columns]
    return sha256("\n".join([*lines, *_own_code(model.module)]).encode()).hexdigest()[:DIGITS]


def _own_code(network: nn.Module) -> list[str]:
    classes = {type(part) for part in network.modules()}
    known = {each: content(each) for each in classes if not from_a_library(each)}
    lines = []
    for name, part in network.named_modules():
        settings = _settings(part, SETTINGS if type(part) in known else FUNCTIONS)
        said = [known[type(part)]] if type(part) in known else []
        said += [content(settings)] if settings else []
        lines += [f"{name} {' '.join(said)}"] if said else []
    return lines


def _settings(part: nn.Module, kinds: tuple[type, ...]) -> dict[str, Any]:
    own = {name: value for name, value in vars(part).items() if name not in OF_EVERY_MODULE}
    return {name: value for name, value in sorted(own.items()) if isinstance(value, kinds)}
