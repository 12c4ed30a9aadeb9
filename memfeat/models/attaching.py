"""Heads put on networks: which fits which, and what comes of it."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from memfeat._check import advice, listed, one_of
from memfeat.errors import KindError, WeightsError
from memfeat.models import weights as stored
from memfeat.models.heads import Head, read_head
from memfeat.models.layers import layers as listing
from memfeat.models.layers import select
from memfeat.models.model import Model
from memfeat.models.preprocessing import described
from memfeat.models.readout import Place, Readout
from memfeat.models.resmem import IMAGENET_MEAN, IMAGENET_STD, FrozenTrunk, Normalise, ResMem

__all__ = ["KINDS", "base", "base_facts", "blank", "laid_out", "with_head"]

TRUNK = "features."


def with_head(model: Model, head: Any) -> Model:
    """Put a fitted head on the network whose features it was fitted to.

    Parameters
    ----------
    model : Model
        The network: the one that the head was fitted with, or another with the very same trunk.
    head : Head or path
        From `mf.training.fit_head`, or the folder where it was saved.

    Returns
    -------
    Model
        A network that puts out one score per image; `mf.predict` takes it. It shares its weights with `model`, which
        stays as it is.

    Raises
    ------
    KindError
        If `model` is none, or an "mlp" head is to go on a network without ResMem's architecture.
    MissingFileError
        If there is no such folder.
    WeightsError
        If the head was fitted to other weights or another preprocessing, or is damaged or too new.

    See Also
    --------
    memfeat.models.load : Loads network and head together.
    """
    if not isinstance(model, Model):
        raise KindError(advice("model", "be a memfeat Model", listed(type(model).__name__)))
    fitted = read_head(head)
    build = KINDS[one_of("head's kind", fitted.kind, KINDS)]
    facts = base_facts(model, fitted.facts["layers"])
    for key, what in {"trunk_sha256": "weights", "preprocessing": "preprocessing"}.items():
        if facts[key] != fitted.facts[key]:
            origin = fitted.facts.get("backbone") or fitted.facts["model"]
            remedy = f"It was fitted to {fitted.facts['model']!r}, {origin!r}: {fitted.facts['trunk']}. Load that."
            found = listed(f"{facts[key]} and not {fitted.facts[key]}")
            raise WeightsError(advice("head", f"belong to the {what} of this network", found, remedy))
    module = laid_out(build(model, fitted))
    provenance = _provenance(model, fitted, facts, module)
    return replace(model, module=module, provenance=provenance, floor=None, tensors_sha256=None)


def base(model: Model, layers: list[str]) -> tuple[dict[str, nn.Module], str]:
    """Say which part of a network its layers need, and under which prefix their names then stand.

    Parameters
    ----------
    model : Model
        The network.
    layers : list of str
        Layers.

    Returns
    -------
    dict of Module
        Modules that follow each other: normalisation and trunk of ResMem when that is all it takes, or the network.
    str
        What the names of the layers begin with there.
    """
    module = model.module
    if isinstance(module, ResMem | FrozenTrunk) and all(name.startswith(TRUNK) for name in layers):
        return {"normalise": module.normalise, "features": module.features}, ""
    return {"network": module}, "network."


def base_facts(model: Model, layers: list[str]) -> dict[str, Any]:
    """Say what a head on these layers stands on.

    Parameters
    ----------
    model : Model
        The network.
    layers : list of str
        Layers.

    Returns
    -------
    dict
        `model`, `backbone`, `variant`, `trunk` (words), `trunk_sha256`, `preprocessing`, `trunk_licence`,
        `trunk_seed` (of random weights), as far as they are known.
    """
    origin = model.provenance
    parts, _ = base(model, layers)
    whole = parts.get("features", parts.get("network"))
    facts = {key: origin[key] for key in ("model", "backbone", "variant", "trunk", "trunk_licence") if key in origin}
    facts.setdefault("trunk", f"{model.name}, {origin.get('weights_source', 'weights of your own')}")
    if "seed" in origin:
        facts["trunk_seed"] = origin["seed"]
    digest = stored.digest(whole) if whole is not None else ""
    return {**facts, "trunk_sha256": digest, "preprocessing": origin.get("preprocessing", described(model.transform))}


def blank(*, normalised_trunk: bool) -> ResMem:
    """Make ResMem without memory for its weights, which a state dict brings.

    Parameters
    ----------
    normalised_trunk : bool
        As for `ResMem`.

    Returns
    -------
    ResMem
        The network.
    """
    # Skips 131 million random numbers that the state dict would overwrite.
    with torch.device("meta"):
        module = ResMem(normalised_trunk=False)
    if normalised_trunk:
        module.normalise = Normalise(IMAGENET_MEAN, IMAGENET_STD)
    return module


def laid_out(module: nn.Module) -> nn.Module:
    """Lay a network's weights out for speed; the state dict and every value keep their meaning.

    Parameters
    ----------
    module : nn.Module
        The network, changed in place.

    Returns
    -------
    nn.Module
        The same, in evaluation mode.
    """
    return module.to(memory_format=torch.channels_last).eval()


def _readout(model: Model, head: Head) -> nn.Module:
    layers = list(head.facts["layers"])
    parts, prefix = base(model, layers)
    if "network" in parts and not isinstance(model.module, ResMem):
        # Somebody else's network is left as it was found: the copy is what stays in evaluation mode.
        parts = {name: copy.deepcopy(part) for name, part in parts.items()}
    table = select(listing(model), layers).set_index("name").loc[layers]
    rows = zip(layers, table["module"], table["call"], table["axes"], strict=True)
    places = {name: Place(f"{prefix}{module}", int(call), tuple(axes)) for name, module, call, axes in rows}
    return Readout(parts, places, head.tensors)


def _predictor(model: Model, head: Head) -> nn.Module:
    if not isinstance(model.module, ResMem | FrozenTrunk) or model.provenance.get("variant") != "frozen":
        remedy = "Load it: mf.models.load('resmem-frozen', head=...)."
        raise KindError(advice("model", "be 'resmem-frozen' for an 'mlp' head", model.name, remedy))
    module = blank(normalised_trunk=True)
    trunk = {f"{TRUNK}{name}": value for name, value in model.module.features.state_dict().items()}
    stored.state_of(module, {**trunk, **head.tensors}, source="this head")
    return module


def _provenance(model: Model, head: Head, facts: Mapping[str, Any], module: nn.Module) -> dict[str, Any]:
    dropped = {"weights_licence", "weights_source"}
    licence = facts.get("trunk_licence")
    return {
        **{key: value for key, value in model.provenance.items() if key not in dropped},
        "weights_source": f"trunk: {model.provenance.get('trunk_source', facts['trunk'])}; head: {head.kind}, fitted",
        "weights_sha256": stored.digest(module),
        "trunk_sha256": facts["trunk_sha256"],
        "trunk": facts["trunk"],
        "head": f"{head.kind} on {', '.join(head.facts['layers'])}, fitted to {head.facts['split']['n_train']} images",
        "head_sha256": head.sha256,
        **({} if licence is None else {"weights_licence": licence}),
    }


#: Kinds of heads, and what makes a network of them.
KINDS: dict[str, Callable[[Model, Head], nn.Module]] = {"ridge": _readout, "mlp": _predictor}
