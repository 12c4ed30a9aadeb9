"""Networks by name: ResMem in both variants, everything torchvision has, and the user's own."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from memfeat._check import advice, generator, listed, looked_up, one_of
from memfeat.errors import ArgumentError, KindError
from memfeat.models import batchnorm
from memfeat.models import weights as stored
from memfeat.models.model import Model
from memfeat.models.preprocessing import RESMEM, described
from memfeat.models.resmem import IMAGENET_MEAN, IMAGENET_STD, Normalise, ResMem, Trunk

__all__ = ["BACKBONES", "FLOOR", "MODELS", "load", "wrap"]

#: Predictions at or below are saturated. With all-zero input the released head's layers put out .4170 to .4553 from
#: their biases alone; 3,149 scenes bottom out at .413 (Rim et al. 2025). Stored with the head it belongs to.
FLOOR = 0.42

#: torchvision warns about these two unless told whether to initialise them.
ASK_ABOUT_INITIALISATION = {"googlenet", "inception_v3"}

log = logging.getLogger(__name__)
Seed = int | np.random.Generator | None


def load(name: str, *, backbone: str | None = None, weights: str | Path | None = None, rng: Seed = None) -> Model:
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
        still names ImageNet objects, but its weights have seen memorability. "random": untrained, seeded by `rng`; a
        control.
    weights : path or "random", optional
        For a torchvision network or the "imagenet" backbone: a file with its state dict instead of the download. For a
        torchvision network also "random": untrained, seeded by `rng`.
    rng : int or numpy.random.Generator, optional
        Seed of random weights.

    Returns
    -------
    Model
        The network, its preprocessing and its provenance.

    Raises
    ------
    UnknownNameError
        If there is no such network; near names are listed.
    ArgumentError
        If an option does not belong to this network.
    MissingPackageError, MissingFileError, WeightsError
        If weights are absent, damaged or not those expected.

    See Also
    --------
    wrap : A network of your own.
    layers : What can be read from it.

    Notes
    -----
    Both ResMem variants take raw RGB in [0, 1] at 227 × 227; the frozen one normalises inside, for its trunk only.
    Their head is the released one. The weights are those of the `resmem` package, under its non-commercial licence.

    References
    ----------
    Needell, C. D., & Bainbridge, W. A. (2022). Embracing new techniques in deep learning for estimating image
    memorability. Computational Brain & Behavior, 5, 168-184.
    """
    if name not in MODELS:
        looked_up("name", name, available, "See mf.models.available().")
    options = {"backbone": backbone, "weights": weights, "rng": rng}
    given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    takes, loader = MODELS.get(name, ({"weights", "rng"}, None))
    extra = sorted(given.keys() - takes)
    if extra:
        owner = "backbone belongs to 'resmem-frozen'; weights to torchvision networks and backbone='imagenet'."
        raise ArgumentError(advice("options", f"belong to {name!r}", listed(", ".join(extra)), owner))
    return loader(**given) if loader else _torchvision(name, **given)


def wrap(module: nn.Module, transform: Callable[..., Tensor], *, name: str | None = None) -> Model:
    """Take a network of your own.

    Parameters
    ----------
    module : nn.Module
        The network. It is used as it is and left as it was found; extraction runs it in evaluation mode.
    transform : callable
        PIL image (RGB) to Tensor (3, y, x). Its `repr` identifies the preprocessing, so it should say everything.
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


def _released_state() -> dict[str, Tensor]:
    log.info(stored.LICENCE)
    return stored.read(stored.released_path(), sha256=stored.RELEASED_SHA256)


def _blank(*, normalised_trunk: bool) -> ResMem:
    # Skips 131 million random numbers that the state dict would overwrite.
    with torch.device("meta"):
        module = ResMem(normalised_trunk=False)
    if normalised_trunk:
        module.normalise = Normalise(IMAGENET_MEAN, IMAGENET_STD)
    return module


def _resmem() -> Model:
    module = _blank(normalised_trunk=False)
    stored.state_of(module, _released_state(), source="resmem's model.pt")
    facts = {
        "variant": "retrained",
        "weights_sha256": stored.RELEASED_SHA256,
        "weights_source": "resmem 1.1.6, model.pt",
        "weights_licence": stored.LICENCE,
    }
    provenance = _provenance("resmem", RESMEM, facts)
    return Model("resmem", _laid_out(module), RESMEM, provenance, floor=FLOOR, unit_range=True)


def _frozen(backbone: str = "imagenet", weights: str | Path | None = None, rng: Seed = None) -> Model:
    one_of("backbone", backbone, BACKBONES)
    takes, trunk = BACKBONES[backbone]
    given = {key: value for key, value in {"weights": weights, "rng": rng}.items() if value is not None}
    extra = sorted(given.keys() - takes)
    if extra:
        rule = f"belong to backbone={backbone!r}"
        raise ArgumentError(advice("options", rule, listed(", ".join(extra)), "weights: 'imagenet'; rng: 'random'."))
    return _assembled(_released_state(), backbone, *trunk(**given))


def _assembled(released: dict[str, Tensor], backbone: str, trunk: dict[str, Tensor], facts: dict[str, Any]) -> Model:
    state = released | {f"features.{key}": value for key, value in trunk.items()}
    module = _blank(normalised_trunk=True)
    stored.state_of(module, state, source=f"backbone {backbone!r}")
    facts = {
        "variant": "frozen",
        "backbone": backbone,
        "weights_sha256": stored.digest(module),
        "weights_licence": stored.LICENCE,
        **facts,
    }
    provenance = _provenance("resmem-frozen", RESMEM, facts)
    provenance["preprocessing"] += ", trunk: ImageNet mean and std"
    return Model("resmem-frozen", _laid_out(module), RESMEM, provenance, floor=FLOOR, unit_range=True)


def _laid_out(module: nn.Module) -> nn.Module:
    # Convolutions run faster with channels last; the state dict and every value keep their meaning.
    return module.to(memory_format=torch.channels_last).eval()


def _trunk_imagenet(weights: str | Path | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    published = torchvision.models.ResNet152_Weights.IMAGENET1K_V1
    state, source = _published(published, weights, "or use backbone='released', which needs no network")
    return state, {"weights_source": f"trunk: {source}; head: resmem 1.1.6"}


def _trunk_released() -> tuple[dict[str, Tensor], dict[str, Any]]:
    statistics, how = batchnorm.released_statistics()
    source = "trunk: resmem 1.1.6 with re-estimated batch-norm statistics; head: resmem 1.1.6"
    return statistics, {"weights_source": source, "batchnorm": how}


def _trunk_random(rng: Seed = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    module, seed = _seeded(Trunk, rng)
    return module.state_dict(), {"weights_source": "trunk: random; head: resmem 1.1.6", "seed": seed}


def _seeded(build: Callable[[], nn.Module], rng: Seed) -> tuple[nn.Module, str]:
    source, seed = generator(rng)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(source.integers(2**63)))
        return build(), seed


def _published(enum: Any, path: str | Path | None, otherwise: str) -> tuple[dict[str, Tensor], str]:
    remedy = f"Download {enum.url} on a machine with a network and pass weights='PATH', {otherwise}."
    file = Path(path) if path is not None else stored.cached(enum.url, remedy=remedy)
    return stored.read(file), f"torchvision {enum}" if path is None else f"file {file.name}"


def _torchvision(name: str, weights: str | Path | None = None, rng: Seed = None) -> Model:
    enum = torchvision.models.get_model_weights(name).DEFAULT
    transform = enum.transforms()
    if weights == "random":
        module, seed = _seeded(lambda: _built(name, initialised=True), rng)
        facts = {"variant": "random", "weights_source": "random", "seed": seed}
    elif rng is not None:
        raise ArgumentError(advice("rng", "come with weights='random'", rng, "Leave it out: these weights are fixed."))
    else:
        state, source = _published(enum, weights, "or weights='random' with rng=0 for an untrained network")
        module, facts = _filled(name, state, source), {"variant": "published", "weights_source": source}
    module = _laid_out(module.requires_grad_(False))
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
    "resmem-frozen": ({"backbone", "weights", "rng"}, _frozen),
}

#: Trunks of the frozen variant: the options they take, and what gives their state dict.
BACKBONES: dict[str, tuple[set[str], Callable[..., tuple[dict[str, Tensor], dict[str, Any]]]]] = {
    "imagenet": ({"weights"}, _trunk_imagenet),
    "released": (set(), _trunk_released),
    "random": ({"rng"}, _trunk_random),
}
