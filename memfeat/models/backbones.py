"""ResNet branches of the frozen variant: where each comes from, and what it is in words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from memfeat._check import advice, generator, listed, one_of
from memfeat.errors import ArgumentError
from memfeat.models import batchnorm
from memfeat.models import weights as stored
from memfeat.models.resmem import Trunk

__all__ = ["BACKBONES", "RETRAINED", "published", "seeded", "trunk"]

Seed = int | np.random.Generator | None
State = dict[str, Tensor]

#: What the weights behind features are; the attribute `trunk` of every result.
RETRAINED = (
    "the ResNet-152 of the released ResMem, retrained on memorability, with its own batch-norm statistics for raw "
    "values: made to predict, not to read features from"
)
IMAGENET = "torchvision's ResNet-152, IMAGENET1K_V1: trained to name ImageNet objects, never retrained on memorability"
RELEASED = (
    "the ResNet-152 of the released ResMem, retrained on memorability, with batch-norm statistics re-estimated on "
    "250 ImageNet photographs for normalised values: not a network that was never retrained"
)
RANDOM = (
    "a ResNet-152 with torchvision's random initial weights, trained on nothing: a control. Its batch norms are as "
    "made, mean 0 and variance 1, so they normalise nothing, and values grow with depth"
)
OTHER = "a ResNet-152 from a file that is not torchvision's IMAGENET1K_V1: what it was trained on is not known here"

TORCHVISION_LICENCE = (
    "ResNet-152 weights: torchvision, BSD-3-Clause; torchvision says that pre-trained models may carry terms of the "
    "data they were trained on, here ImageNet."
)


def trunk(backbone: str, **options: Any) -> tuple[State, dict[str, Any]]:
    """Give the tensors of a ResNet branch, and what they are.

    Parameters
    ----------
    backbone : {"imagenet", "released", "random"}
        Which one.
    **options
        `weights` or `rng`; None counts as not given.

    Returns
    -------
    dict of Tensor
        The state dict of a `Trunk`.
    dict
        `backbone`, `trunk` (in words), `trunk_source`, `trunk_licence`, and what else is known.

    Raises
    ------
    ArgumentError
        If there is no such backbone, or an option belongs to another.
    MissingPackageError, MissingFileError, WeightsError
        If weights are absent, damaged or not those expected.
    """
    takes, make = BACKBONES[one_of("backbone", backbone, BACKBONES)]
    given = {key: value for key, value in options.items() if value is not None}
    extra = sorted(given.keys() - takes)
    if extra:
        rule = f"belong to backbone={backbone!r}"
        raise ArgumentError(advice("options", rule, listed(", ".join(extra)), "weights: 'imagenet'; rng: 'random'."))
    state, facts = make(**given)
    return state, {"backbone": backbone, **facts}


def _imagenet(weights: str | Path | None = None) -> tuple[State, dict[str, Any]]:
    enum = torchvision.models.ResNet152_Weights.IMAGENET1K_V1
    state, file, source = published(enum, weights, "or use backbone='released', which needs no network")
    known = weights is None or stored.file_sha256(file).startswith(stored.digits(enum.url))
    facts = {"trunk": IMAGENET, "trunk_licence": TORCHVISION_LICENCE} if known else {"trunk": OTHER}
    return state, {"trunk_source": source, **facts}


def _released() -> tuple[State, dict[str, Any]]:
    statistics, how = batchnorm.released_statistics()
    state = stored.part(stored.released_state(), "features.") | statistics
    return state, {
        "trunk": RELEASED,
        "trunk_source": "resmem 1.1.6 with re-estimated batch-norm statistics",
        "trunk_licence": stored.LICENCE,
        "batchnorm": how,
    }


def _random(rng: Seed = None) -> tuple[State, dict[str, Any]]:
    module, seed = seeded(Trunk, rng)
    return module.state_dict(), {"trunk": RANDOM, "trunk_source": "random", "seed": seed}


def seeded(build: Callable[[], nn.Module], rng: Seed) -> tuple[nn.Module, str]:
    """Build a module with random weights that depend on the seed alone.

    Parameters
    ----------
    build : callable
        Makes the module.
    rng : int or numpy.random.Generator
        The seed. torch's own generator is left as it was.

    Returns
    -------
    nn.Module
        The module.
    str
        What records the seed.

    Raises
    ------
    KindError
        If there is no seed.
    """
    source, seed = generator(rng)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(source.integers(2**63)))
        return build(), seed


def published(enum: Any, path: str | Path | None, otherwise: str) -> tuple[State, Path, str]:
    """Read weights that torchvision publishes, from a file or from the cache, which a download fills once.

    Parameters
    ----------
    enum : torchvision.models.WeightsEnum
        The weights.
    path : path, optional
        A file to read instead.
    otherwise : str
        What else could be done without a network, for the message.

    Returns
    -------
    dict of Tensor
        The state dict.
    Path
        The file.
    str
        What it is called in provenance.

    Raises
    ------
    MissingFileError, WeightsError
        If they are not to be had, or damaged.
    """
    remedy = f"Download {enum.url} on a machine with a network and pass weights='PATH', {otherwise}."
    file = Path(path) if path is not None else stored.cached(enum.url, remedy=remedy)
    return stored.read(file), file, f"torchvision {enum}" if path is None else f"file {file.name}"


#: The options that each takes, and what gives its state dict.
BACKBONES: dict[str, tuple[set[str], Callable[..., tuple[State, dict[str, Any]]]]] = {
    "imagenet": ({"weights"}, _imagenet),
    "released": (set(), _released),
    "random": ({"rng"}, _random),
}
