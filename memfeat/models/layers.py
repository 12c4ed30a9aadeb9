"""The layers that can be read from a network: the table of them, and choosing among them."""

import re
from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import pandas as pd

from memfeat._check import advice, listed
from memfeat._kept import Reduction, Spec, reduction
from memfeat._kept.axes import CHANNEL
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.models.model import Model
from memfeat.models.tracing import Seen, first_tensor, trace

__all__ = ["GROUPS", "Selection", "first_tensor", "layers", "select"]

Selection = str | Iterable[str] | Callable[[pd.Series], bool]

BLOCKS = frozenset({
    "BasicBlock", "Block", "Bottleneck", "CNBlock", "EncoderBlock", "Fire", "FusedMBConv", "Inception", "InceptionA",
    "InceptionB", "InceptionC", "InceptionD", "InceptionE", "InvertedResidual", "MBConv", "MaxVitLayer",
    "ResBottleneckBlock", "SwinTransformerBlock", "SwinTransformerBlockV2", "_DenseLayer",
})  # fmt: skip
#: Names for layers of one sort: the kinds of module they are.
GROUPS: dict[str, frozenset[str]] = {
    "blocks": BLOCKS,
    "convolutions": frozenset({"Conv2d"}),
    "head": frozenset({"Linear"}),
}
#: Groups that hold only layers with so many axes: what comes after pooling, not the linear parts of transformer blocks.
ONLY_WITH_AXES = {"head": 1}
#: Attribute of the table: modules that are not listed because what they put out does not begin with the images.
OTHERS = "without_images_first"


def layers(model: Model, *, reduce: Spec | None = None, n_images: int | None = None) -> pd.DataFrame:
    """List what can be read from a network, in order of execution.

    Parameters
    ----------
    model : Model
        From `mf.models.load` or `mf.models.wrap`.
    reduce : str or callable, optional
        What is to be kept, as for `mf.extract`; by default everything.
    n_images : int, optional
        Number of images; a projection (`reduce="project:0.1"`) takes its dimension from it.

    Returns
    -------
    DataFrame
        One row per module and call, in the order in which they finish: `name` (with `@1`, `@2` … when the module is
        called several times), `module`, `kind` (its class), `call` (1, 2 …), `shape` (of the output for one image),
        `axes` (their names), `values` (how many numbers that is), `channels`, `bytes` (of one image in float32, after
        the reduction; missing where it does not fit the layer, such as "cls" where there are no tokens) and `order`.

    Raises
    ------
    KindError
        If it is no Model, or `reduce` is neither text nor a function.
    ArgumentError
        If there is no such reduction, it fits no layer, or a projection is asked for without `n_images`.

    Notes
    -----
    One black image is sent through the network. A module that is never called (such as one that another module uses
    only for its weights) is not listed; neither is one that puts out something else before the images, such as tokens
    (`batch_first=False`) or windows of all images. Of a module that puts out several tensors the first one is read.

    Examples
    --------
    >>> import torch
    >>> from torchvision.transforms.functional import to_tensor
    >>> from memfeat.models import wrap
    >>> model = wrap(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 5)), to_tensor)
    >>> layers(model, reduce="mean")[["name", "shape", "bytes"]].values.tolist()
    [['0', (2, 252, 252), 8]]
    """
    if not isinstance(model, Model):
        remedy = "Load one: mf.models.load('resmem-frozen', backbone='released'), or mf.models.wrap(module, transform)."
        raise KindError(advice("model", "be a memfeat Model", listed(type(model).__name__), remedy))
    kept = reduction("none" if reduce is None else reduce, n_images=n_images)
    seen, others = trace(model)
    names = [item.name if item.calls == 1 else f"{item.name}@{item.call}" for item in seen]
    rows = [
        {
            "name": name,
            "module": item.name,
            "kind": item.kind,
            "call": item.call,
            "shape": item.shape,
            "axes": item.axes,
            "values": prod(item.shape),
            "channels": item.shape[item.axes.index(CHANNEL) if CHANNEL in item.axes else 0],
            "bytes": size,
            "order": order,
        }
        for order, (name, item, size) in enumerate(zip(names, seen, _bytes(seen, names, kept), strict=True))
    ]
    table = pd.DataFrame(rows)
    if rows and table["bytes"].isna().any():
        table = table.astype({"bytes": "Int64"})
    table.attrs[OTHERS] = others
    return table


def _bytes(seen: list[Seen], names: list[str], reduce: Reduction) -> list[Any]:
    known = reduce.knowing({name: item.axes for name, item in zip(names, seen, strict=True)})
    found: list[Any] = []
    for name, item in zip(names, seen, strict=True):
        try:
            found.append(known.layout(name, item.shape).nbytes)
        except ArgumentError as error:
            found.append(pd.NA)
            last = error
    if found and all(value is pd.NA for value in found):
        raise last
    return found


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
        if pattern in ONLY_WITH_AXES:
            fits &= table["shape"].map(len) == ONLY_WITH_AXES[pattern]
    elif not set(pattern) & set("*?["):
        fits = table["name"] == pattern
    else:
        glob = _compiled(pattern)
        fits = table["name"].map(lambda name: bool(glob.fullmatch(name)))
    if not fits.any():
        raise UnknownNameError(advice("layers", "name layers of this network", pattern, _hint(table, pattern)))
    return fits.astype(bool)


def _hint(table: pd.DataFrame, pattern: str) -> str:
    from difflib import get_close_matches

    shape = table.attrs.get(OTHERS, {}).get(pattern)
    if shape is not None:
        return f"What it puts out begins with another axis than the images, {shape} for one. Read the module around it."
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

    try:
        return re.compile("".join(meaning(token) for token in TOKENS.findall(pattern)))
    except re.error as error:
        remedy = "Characters in brackets go upwards: [1-4]."
        raise ArgumentError(advice("layers", "be names or globs", pattern, remedy)) from error
