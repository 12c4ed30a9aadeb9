"""The layers that can be read from a network: the table of them, and choosing among them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.models.model import Model

__all__ = ["GROUPS", "Selection", "first_tensor", "layers", "select"]

BYTES_PER_VALUE = 4
Selection = str | Iterable[str] | Callable[[pd.Series], bool]

#: Names for layers of one sort: the kinds of module they are.
GROUPS: dict[str, frozenset[str]] = {
    "blocks": frozenset({"Block", "Bottleneck", "BasicBlock", "EncoderBlock", "SwinTransformerBlock", "CNBlock"}),
    "convolutions": frozenset({"Conv2d"}),
    "head": frozenset({"Linear"}),
}


@dataclass
class _Seen:
    name: str
    kind: str
    call: int
    shape: tuple[int, ...]


def first_tensor(output: Any) -> Tensor | None:
    """Give the tensor that a module put out; of a tuple, list or dict its first one.

    Parameters
    ----------
    output : object
        What a module returned.

    Returns
    -------
    Tensor or None
        None if there is no tensor in it.
    """
    if isinstance(output, Tensor):
        return output
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, tuple | list):
        return next((item for item in output if isinstance(item, Tensor)), None)
    return None


def layers(model: Model) -> pd.DataFrame:
    """List what can be read from a network, in order of execution.

    Parameters
    ----------
    model : Model
        From `mf.models.load` or `mf.models.wrap`.

    Returns
    -------
    DataFrame
        One row per module and call, in the order in which they finish: `name` (with `@1`, `@2` … when the module is
        called several times), `module`, `kind` (its class), `call` (1, 2 …), `shape` (of the output for one image),
        `values` (how many numbers that is), `channels` and `bytes` (per image in float32, unreduced), `order`.

    Raises
    ------
    KindError
        If it is no Model.

    Notes
    -----
    One black image is sent through the network. A module that is never called (such as one that another module uses
    only for its weights) is not listed; of a module that puts out several tensors the first one is read.

    Examples
    --------
    >>> import torch
    >>> from torchvision.transforms.functional import to_tensor
    >>> from memfeat.models import wrap
    >>> layers(wrap(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 5)), to_tensor))[["name", "shape"]].values.tolist()
    [['0', (2, 252, 252)]]
    """
    if not isinstance(model, Model):
        remedy = "Load one: mf.models.load('resmem-frozen', backbone='released'), or mf.models.wrap(module, transform)."
        raise KindError(advice("model", "be a memfeat Model", listed(type(model).__name__), remedy))
    seen = _trace(model)
    calls = Counter(item.name for item in seen)
    rows = [
        {
            "name": item.name if calls[item.name] == 1 else f"{item.name}@{item.call}",
            "module": item.name,
            "kind": item.kind,
            "call": item.call,
            "shape": item.shape,
            "values": prod(item.shape),
            "channels": item.shape[-1] if len(item.shape) == 2 else item.shape[0],
            "bytes": BYTES_PER_VALUE * prod(item.shape),
            "order": order,
        }
        for order, item in enumerate(seen)
    ]
    return pd.DataFrame(rows)


def _trace(model: Model) -> list[_Seen]:
    seen: list[_Seen] = []
    calls: Counter[str] = Counter()

    def note(name: str, module: nn.Module, output: Any) -> None:
        tensor = first_tensor(output)
        if tensor is not None and tensor.ndim >= 2:
            calls[name] += 1
            seen.append(_Seen(name, type(module).__name__, calls[name], tuple(tensor.shape[1:])))

    modules = {name: module for name, module in model.named_modules() if name}
    was_training = {name: module.training for name, module in model.named_modules()}
    handles = [
        module.register_forward_hook(lambda m, _, output, name=name: note(name, m, output))
        for name, module in modules.items()
    ]
    try:
        model.module.eval()
        with torch.inference_mode():
            model.module(_placed(model.example(), model.module))
    finally:
        for handle in handles:
            handle.remove()
        for name, module in model.named_modules():
            module.training = was_training[name]
    return seen


def _placed(batch: Tensor, module: nn.Module) -> Tensor:
    parameter = next(module.parameters(), None)
    return batch if parameter is None else batch.to(parameter.device, parameter.dtype)


def select(table: pd.DataFrame, wanted: Selection) -> pd.DataFrame:
    """Choose layers from the table of a network.

    Parameters
    ----------
    table : DataFrame
        From `mf.models.layers`.
    wanted : str, list of str, or callable
        Exact names; globs, in which `*` and `?` stay inside one dotted component, `**` crosses components and
        `[1-4]` is a set of characters; the names of groups ("blocks", "convolutions", "head"); a list of any of these;
        or a function from a row of the table to True or False.

    Returns
    -------
    DataFrame
        The rows that were chosen, each once, in order of execution.

    Raises
    ------
    UnknownNameError
        If a name or glob fits no layer, or names a module that is called several times without saying which call.
    KindError
        If `wanted` is none of these.

    Examples
    --------
    >>> import pandas as pd
    >>> names = ["a.0", "a.0.b", "a.1"]
    >>> select(pd.DataFrame({"name": names, "module": names, "kind": "Conv2d"}), "a.*").name.tolist()
    ['a.0', 'a.1']
    """
    if callable(wanted):
        chosen = table[[bool(wanted(row)) for _, row in table.iterrows()]]
        if chosen.empty:
            raise ArgumentError(advice("layers", "choose at least one layer", listed("a function that chose none")))
        return chosen
    patterns = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(patterns, Iterable):
        remedy = "Pass a name, a glob, a group, a list of these, or a function."
        raise KindError(advice("layers", "say which layers to read", listed(type(wanted).__name__), remedy))
    keep = pd.Series(False, index=table.index)
    empty = True
    for pattern in patterns:
        empty = False
        keep |= _fits(table, pattern)
    if empty:
        raise ArgumentError(advice("layers", "name at least one layer", listed("an empty list")))
    return table[keep]


def _fits(table: pd.DataFrame, pattern: Any) -> "pd.Series[bool]":
    if not isinstance(pattern, str):
        raise KindError(advice("layers", "be text", pattern))
    # A layer may happen to be called like a group; the layer comes first.
    if pattern in GROUPS and pattern not in set(table["name"]):
        fits = table["kind"].isin(GROUPS[pattern])
    else:
        fits = table["name"].map(lambda name: bool(_compiled(pattern).fullmatch(name)))
    if not fits.any():
        raise UnknownNameError(advice("layers", "name layers of this network", pattern, _hint(table, pattern)))
    return fits.astype(bool)


def _hint(table: pd.DataFrame, pattern: str) -> str:
    from difflib import get_close_matches

    calls = table.loc[table["module"] == pattern, "name"].tolist()
    if calls:
        return f"This module is called {len(calls)} times; say which: {', '.join(calls)}."
    near = get_close_matches(pattern, table["name"].tolist(), n=3, cutoff=0.5)
    suggestion = f"Did you mean {', '.join(map(repr, near))}? " if near else ""
    return f"{suggestion}See mf.models.layers(model); '*' stays inside one component, '**' crosses."


TOKENS = re.compile(r"\*\*|\*|\?|\[[^\]]+\]|.")
#: What each piece of a glob means as a regular expression.
MEANING = {"**": ".*", "*": r"[^.]*", "?": r"[^.]"}


def _compiled(pattern: str) -> re.Pattern[str]:
    def meaning(token: str) -> str:
        if token in MEANING:
            return MEANING[token]
        if token.startswith("[") and len(token) > 2:
            inside = token[1:-1].replace("\\", "\\\\")
            return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
        return re.escape(token)

    return re.compile("".join(meaning(token) for token in TOKENS.findall(pattern)))
