"""Fast mode: batch norms folded into the convolutions before them, by a plan that depends on the network alone."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from memfeat._check import advice, listed
from memfeat.activations.placement import sharing
from memfeat.errors import ArgumentError, UnknownNameError

__all__ = ["Plan", "folded", "plan", "refuse_folded"]

#: Convolution → the batch norm that can be folded into it. Exactly these classes: others may compute something else.
FOLDABLE: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: nn.BatchNorm1d,
    nn.Conv2d: nn.BatchNorm2d,
    nn.Conv3d: nn.BatchNorm3d,
}
DIGITS = 12
LEAVE = "Leave fast off for this network."


@dataclass(frozen=True)
class Plan:
    """What is folded.

    Attributes
    ----------
    pairs : tuple of (str, str)
        Names of a convolution and of the batch norm that goes into it, sorted.
    """

    pairs: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """What identifies the plan; empty if nothing is folded."""
        if not self.pairs:
            return ""
        text = "\n".join(f"{convolution} {norm}" for convolution, norm in self.pairs)
        return f"folded: {len(self.pairs)} batch norms, {sha256(text.encode()).hexdigest()[:DIGITS]}"


def plan(module: nn.Module) -> Plan:
    """Find the batch norms that can be folded: those that are all that uses a convolution's output.

    Parameters
    ----------
    module : nn.Module
        The network. It is not touched.

    Returns
    -------
    Plan
        Depends on the network's structure only: not on weights, device or what is read from it.

    Raises
    ------
    ArgumentError
        If the network has batch norms but torch.fx cannot follow how it computes.
    """
    if not any(type(part) in FOLDABLE.values() for part in module.modules()):
        return Plan(())
    return _plan(_copied(module))


def _plan(mine: nn.Module) -> Plan:
    try:
        graph = fx.Tracer().trace(mine)
    except Exception as error:  # whatever a network's own code raises when it meets a stand-in for a tensor
        said = listed(
            f"one that it cannot ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
        )
        raise ArgumentError(advice("fast", "be used with a network that torch.fx can follow", said, LEAVE)) from error
    parts = dict(mine.named_modules())
    calls = Counter(str(node.target) for node in graph.nodes if node.op == "call_module")
    read = {id(_tensor(mine, str(node.target))) for node in graph.nodes if node.op == "get_attr"}
    found = []
    for node in graph.nodes:
        pair = _pair(node, parts)
        if pair and all(calls[name] == 1 and not _tensors(parts[name]) & read for name in pair):
            found.append(pair)
    return Plan(tuple(sorted(found)))


def _pair(node: fx.Node, parts: dict[str, nn.Module]) -> tuple[str, str] | None:
    """Name a convolution and the batch norm after it, if that is all that uses it."""
    before = node.args[0] if node.args else None
    if node.op != "call_module" or not isinstance(before, fx.Node) or before.op != "call_module":
        return None
    names = str(before.target), str(node.target)
    convolution, norm = (parts[name] for name in names)
    fits = FOLDABLE.get(type(convolution)) is type(norm) and getattr(norm, "running_mean", None) is not None
    return names if fits and set(before.users) == {node} else None


def _tensor(module: nn.Module, name: str) -> object:
    for part in name.split("."):
        module = getattr(module, part)
    return module


def _tensors(part: nn.Module) -> set[int]:
    return {id(tensor) for tensor in (*part.parameters(), *part.buffers())}


def _copied(module: nn.Module) -> nn.Module:
    mine = sharing(module)
    if mine is None:
        said = listed("one with hooks, functions or tensors of its own, or that copy.deepcopy refuses")
        raise ArgumentError(advice("fast", "be used with a network that can be copied", said, LEAVE))
    return mine


def folded(module: nn.Module) -> nn.Module:
    """Copy a network with its batch norms folded into the convolutions before them.

    Parameters
    ----------
    module : nn.Module
        The network. It is not touched.

    Returns
    -------
    nn.Module
        A copy in evaluation mode that shares all other tensors with the original. Its folded batch norms pass on what
        they get, which is what they would have put out.

    Raises
    ------
    ArgumentError
        If the network cannot be copied or followed.
    """
    pairs = plan(module).pairs
    mine = _copied(module)
    parts = dict(mine.named_modules())
    for names in pairs:
        _fold(*(parts[name] for name in names))
    return mine


def _fold(convolution: Any, norm: Any) -> None:
    kind = next(convolution.parameters()).dtype
    # In double precision, so that each weight is rounded once.
    tensors = (convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias)
    exact: Any = [None if tensor is None else tensor.detach().double() for tensor in tensors]
    weight, bias, mean, variance, scale, shift = exact
    fused: Any = fuse_conv_bn_weights(weight, bias, mean, variance, norm.eps, scale, shift)
    convolution.weight, convolution.bias = (nn.Parameter(each.to(kind), requires_grad=False) for each in fused)
    # Not replaced by another module: the network may keep this one in more than one place.
    vars(norm)["forward"] = _unchanged


def _unchanged(output: Tensor) -> Tensor:
    return output


def refuse_folded(module: nn.Module, wanted: Iterable[str]) -> None:
    """Refuse layers whose output does not exist in fast mode.

    Parameters
    ----------
    module : nn.Module
        The network.
    wanted : iterable of str
        Names of the modules to read.

    Raises
    ------
    UnknownNameError
        If one of them is folded away.
    ArgumentError
        If the network cannot be copied or followed.
    """
    after = dict(plan(module).pairs)
    lost = [name for name in wanted if name in after]
    if lost:
        said = listed(f"convolutions with a batch norm folded into them, {listed.of(lost)}")
        instead = f"Ask for the batch norm ({after[lost[0]]!r} after {lost[0]!r}), or leave fast off."
        raise UnknownNameError(advice("layers", "exist in fast mode", said, instead))
