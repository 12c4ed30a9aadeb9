"""Networks by name: ResMem in both variants, everything torchvision has, and the user's own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError, KindError
from memfeat.models import weights as stored
from memfeat.models.attaching import blank, laid_out, with_head
from memfeat.models.backbones import BACKBONES, RETRAINED, published, seeded, trunk
from memfeat.models.heads import Head, read_head
from memfeat.models.model import Model
from memfeat.models.preprocessing import RESMEM, described
from memfeat.models.resmem import IMAGENET_MEAN, IMAGENET_STD, FrozenTrunk, Normalise

__all__ = ["BACKBONES", "FLOOR", "MODELS", "load", "wrap"]

#: Predictions at or below are saturated. With all-zero input the released head's layers put out .4170 to .4553 from
#: their biases alone; 3,149 scenes bottom out at .413 (Rim et al. 2025). Stored with the head it belongs to.
FLOOR = 0.42

#: torchvision warns about these two unless told whether to initialise them.
ASK_ABOUT_INITIALISATION = {"googlenet", "inception_v3"}

#: What the head of both variants is unless one is given.
RELEASED_HEAD = "the released ResMem's, trained on LaMem and MemCat together with the retrained branch"

Seed = int | np.random.Generator | None


def load(
    name: str,
    *,
    backbone: str | None = None,
    head: str | Path | Head | None = None,
    weights: str | Path | None = None,
    rng: Seed = None,
) -> Model:
    """Load a network by name, in evaluation mode and without gradients for its parameters.

    Parameters
    ----------
    name : str
        "resmem": the released predictor, whose ResNet branch was retrained. Use it to predict, not to read features.
        "resmem-frozen": the same architecture with the ResNet branch that `backbone` names; use it to read features.
        Or any name of `torchvision.models.list_models()`, such as "resnet50".
    backbone : {"imagenet", "released", "random"}, optional
        For "resmem-frozen" only. "imagenet" (default): torchvision's ResNet-152, IMAGENET1K_V1, not retrained,
        downloaded once or read from `weights`; for an analysis that you publish, use this. "released": the trunk of
        "resmem", weight by weight, with batch-norm statistics re-estimated for normalised images; works offline. It
        still names ImageNet objects, but its weights have seen memorability: it is no network that was never retrained.
        "random": untrained, seeded by `rng`; a control, whose values grow with depth (see Notes). With a head of your
        own the default is the backbone that it was fitted to.
    head : "released", path or Head, optional
        For "resmem-frozen" only. "released" (default): that of "resmem". Or a head that was fitted to this backbone:
        what `mf.training.fit_head` returned, or the folder where it was saved.
    weights : path or "random", optional
        For a torchvision network or the "imagenet" backbone: a file with its state dict instead of the download. For a
        torchvision network also "random": untrained, seeded by `rng`.
    rng : int or numpy.random.Generator, optional
        Seed of random weights.

    Returns
    -------
    Model
        The network, its preprocessing and its provenance; there `trunk` says in words what the weights are that
        features come from, and `head` what predicts.

    Raises
    ------
    UnknownNameError
        If there is no such network; near names are listed.
    ArgumentError
        If an option does not belong to this network.
    MissingPackageError, MissingFileError, WeightsError
        If weights are absent, damaged or not those expected, or the head was fitted to another trunk.

    See Also
    --------
    wrap : A network of your own.
    with_head : A fitted head on a network that is loaded already.
    layers : What can be read from it.

    Notes
    -----
    Both ResMem variants take raw RGB in [0, 1] at 227 × 227; the frozen one normalises inside, for its trunk only.
    A random network is what torchvision makes before training, in evaluation mode. Its batch norms hold mean 0 and
    variance 1, have never seen an image and so normalise nothing. Each residual block then adds about as much variance
    as it was given, values grow by about √2 from block to block, and reach some ten million in a ResNet-152. Their
    scale says nothing: but for the bias of `fc`, twice the input gives twice the output.

    The released weights are those of the `resmem` package, under its non-commercial licence; with a head of your own
    and the backbone "imagenet" or "random" none of them is used.

    Both variants stay in evaluation mode: `train()` of the network, of any part of it or of a module around it changes
    nothing, so that no batch norm drifts. Gradients with respect to the image are available.

    References
    ----------
    Needell, C. D., & Bainbridge, W. A. (2022). Embracing new techniques in deep learning for estimating image
    memorability. Computational Brain & Behavior, 5, 168-184.
    """
    if name not in MODELS:
        looked_up("name", name, available, "See mf.models.available().")
    options = {"backbone": backbone, "head": head, "weights": weights, "rng": rng}
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    takes, loader = MODELS.get(name, ({"weights", "rng"}, None))
    extra = sorted(given.keys() - takes)
    if extra:
        owner = "backbone and head belong to 'resmem-frozen'; weights to torchvision networks and backbone='imagenet'."
        raise ArgumentError(advice("options", f"belong to {name!r}", listed(", ".join(extra)), owner))
    return loader(**given) if loader else _torchvision(name, **given)


def wrap(module: nn.Module, transform: Callable[..., Tensor], *, name: str | None = None) -> Model:
    """Take a network of your own.

    Parameters
    ----------
    module : nn.Module
        The network. It is used as it is and left as it was found; extraction runs it in evaluation mode.
    transform : callable
        PIL image (RGB) to Tensor (3, y, x). It is known by its name or `repr` and by a hash of its code, its attributes
        and the values it closes over, so that a store notices when it has changed; global names that it uses are not
        looked into.
    name : str, optional
        What to call it in results. The class's name by default.

    Returns
    -------
    Model
        The network, its preprocessing and its provenance.

    Raises
    ------
    KindError
        If `module` is no module, or `transform` cannot be called.

    Examples
    --------
    >>> import torch
    >>> from torchvision.transforms.functional import to_tensor
    >>> wrap(torch.nn.Flatten(), to_tensor).name
    'Flatten'
    """
    if not isinstance(module, nn.Module):
        raise KindError(advice("module", "be a torch.nn.Module", listed(type(module).__name__)))
    if not callable(transform):
        remedy = "Pass a function from a PIL image to a tensor, such as torchvision.transforms.ToTensor()."
        raise KindError(advice("transform", "be callable", listed(type(transform).__name__), remedy))
    called = name if name is not None else type(module).__name__
    facts = {"variant": "user", "weights_source": "user", "weights_sha256": stored.digest(module)}
    return Model(called, module, transform, _provenance(called, transform, facts))


def available() -> list[str]:
    """List the names that `load` knows.

    Returns
    -------
    list of str
        memfeat's own first, then torchvision's.
    """
    return [*MODELS, *sorted(torchvision.models.list_models(module=torchvision.models))]


def _provenance(name: str, transform: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": name, "preprocessing": described(transform), **facts}


def _resmem() -> Model:
    module = blank(normalised_trunk=False)
    stored.state_of(module, stored.released_state(), source="resmem's model.pt")
    facts = {
        "variant": "retrained",
        "trunk": RETRAINED,
        "trunk_source": "resmem 1.1.6, model.pt",
        "trunk_licence": stored.LICENCE,
        "head": RELEASED_HEAD,
        "weights_sha256": stored.RELEASED_SHA256,
        "weights_source": "resmem 1.1.6, model.pt",
        "weights_licence": stored.LICENCE,
    }
    provenance = _provenance("resmem", RESMEM, facts)
    return Model(
        "resmem",
        laid_out(module),
        RESMEM,
        provenance,
        floor=FLOOR,
        unit_range=True,
        tensors_sha256=stored.RELEASED_TENSORS_SHA256,
    )


def _frozen(
    backbone: str | None = None,
    head: str | Path | Head = "released",
    weights: str | Path | None = None,
    rng: Seed = None,
) -> Model:
    own = None if isinstance(head, str) and head == "released" else read_head(head)
    chosen = backbone or ("imagenet" if own is None else own.facts.get("backbone", "imagenet"))
    if own is not None and chosen == "random" and rng is None:
        rng = _seed_of(own)
    state, facts = trunk(chosen, weights=weights, rng=rng)
    return _with_released_head(state, facts) if own is None else with_head(_trunk_alone(state, facts), own)


def _seed_of(head: Head) -> Seed:
    """Give the seed of the random trunk that a head was fitted to; none where it was a generator."""
    seed = str(head.facts.get("trunk_seed", ""))
    return int(seed) if seed.isdecimal() else None


def _with_released_head(state: dict[str, Tensor], facts: dict[str, Any]) -> Model:
    head = stored.part(stored.released_state(), "features.", without=True)
    module = blank(normalised_trunk=True)
    source = f"backbone {facts['backbone']!r}"
    stored.state_of(module, head | {f"features.{key}": value for key, value in state.items()}, source=source)
    facts = {
        "weights_source": f"trunk: {facts['trunk_source']}; head: resmem 1.1.6",
        "weights_licence": " ".join(dict.fromkeys([stored.LICENCE, facts.get("trunk_licence", stored.LICENCE)])),
        "head": RELEASED_HEAD,
        **facts,
    }
    return _frozen_model(module, facts, floor=FLOOR)


def _trunk_alone(state: dict[str, Tensor], facts: dict[str, Any]) -> Model:
    with torch.device("meta"):
        module = FrozenTrunk()
    module.normalise = Normalise(IMAGENET_MEAN, IMAGENET_STD)
    source = f"backbone {facts['backbone']!r}"
    stored.state_of(module, {f"features.{key}": value for key, value in state.items()}, source=source)
    return _frozen_model(module, {"weights_source": facts["trunk_source"], **facts}, floor=None)


def _frozen_model(module: nn.Module, facts: dict[str, Any], *, floor: float | None) -> Model:
    facts = {"variant": "frozen", "weights_sha256": stored.digest(module), **facts}
    provenance = _provenance("resmem-frozen", RESMEM, facts)
    provenance["preprocessing"] += ", trunk: ImageNet mean and std"
    return Model("resmem-frozen", laid_out(module), RESMEM, provenance, floor=floor, unit_range=True)


def _torchvision(name: str, weights: str | Path | None = None, rng: Seed = None) -> Model:
    enum = torchvision.models.get_model_weights(name).DEFAULT
    transform = enum.transforms()
    if weights == "random":
        module, seed = seeded(lambda: _built(name, initialised=True), rng)
        facts = {"variant": "random", "weights_source": "random", "seed": seed}
    elif rng is not None:
        raise ArgumentError(advice("rng", "come with weights='random'", rng, "Leave it out: these weights are fixed."))
    else:
        state, _, source = published(enum, weights, "or weights='random' with rng=0 for an untrained network")
        module, facts = _filled(name, state, source), {"variant": "published", "weights_source": source}
    module = laid_out(module.requires_grad_(False))
    facts["weights_sha256"] = stored.digest(module)
    return Model(name, module, transform, _provenance(name, transform, facts))


def _built(name: str, *, initialised: bool) -> nn.Module:
    options = {"init_weights": initialised} if name in ASK_ABOUT_INITIALISATION else {}
    module: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return module


def _filled(name: str, state: dict[str, Tensor], source: str) -> nn.Module:
    module = _built(name, initialised=False)
    stored.state_of(module, state, source=source)
    return module


#: ResMem variants: the options they take, and what loads them.
MODELS: dict[str, tuple[set[str], Callable[..., Model]]] = {
    "resmem": (set(), _resmem),
    "resmem-frozen": ({"backbone", "head", "weights", "rng"}, _frozen),
}
