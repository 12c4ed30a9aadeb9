"""Which network a command runs: by name, with its backbone, a file of weights, and a head of the user's own."""

import logging
from pathlib import Path
from typing import Any

import click

from memfeat._check import advice
from memfeat.cli.manners import together
from memfeat.errors import ArgumentError

__all__ = ["BY_DEFAULT", "loaded", "network"]

log = logging.getLogger(__name__)
FROZEN = "resmem-frozen"
#: What a file of weights must not be called: it asks for a network that was not trained.
UNTRAINED = "random"
BY_DEFAULT = (
    "--backbone released: the weights of the retrained network, which have seen memorability, with other batch "
    "statistics. For an analysis that you publish: --backbone imagenet (a download)."
)
network = together(
    click.option(
        "--backbone",
        help="For resmem-frozen: released (default here, works offline; the weights of the retrained network with "
        "batch statistics re-estimated), imagenet (a download; not retrained: for an analysis that you publish; what "
        "mf.models.load takes by itself) or random (untrained, seed 0).",
    ),
    click.option(
        "--weights",
        metavar="FILE",
        help="For --backbone imagenet and torchvision's networks: a file of weights, no download; or random.",
    ),
)


def loaded(
    name: str | None,
    *,
    backbone: str | None,
    weights: str | None = None,
    head: Path | None = None,
    warned: bool = False,
) -> Any:
    """Load a network; the frozen variant without a download unless one is asked for.

    Parameters
    ----------
    name : str, optional
        What it is called. By default what the head was fitted to.
    backbone, weights : str, optional
        As for `mf.models.load`; untrained weights have the seed 0.
    head : Path, optional
        The folder of a fitted head.
    warned : bool
        Whether to log which backbone is taken when none is named.

    Returns
    -------
    Model
        The network.

    Raises
    ------
    ArgumentError
        If neither a name nor a head says which network it is.
    UnknownNameError, MissingFileError, WeightsError
        As `mf.models.load` and `mf.models.with_head`.
    """
    from memfeat import models
    from memfeat.models.heads import read_head

    fitted = None if head is None else read_head(head)
    called = name if fitted is None or name is not None else str(fitted.facts["model"])
    if called is None:
        remedy = f"Name it: --model {FROZEN} with --backbone imagenet, or a network of torchvision."
        raise ArgumentError(advice("--model", "be named with --backbone or --weights", called, remedy))
    if called == FROZEN and backbone is None and weights is None and fitted is None:
        backbone = "released"
        if warned:
            log.info(BY_DEFAULT)
    options: dict[str, Any] = {"backbone": backbone, "weights": weights}
    # untrained weights have no default seed
    options["rng"] = 0 if UNTRAINED in (backbone, weights) else None
    if fitted is not None and called == FROZEN:
        return models.load(called, head=fitted, **_given(options))
    model = models.load(called, **_given(options))
    return model if fitted is None else models.with_head(model, fitted)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
