"""Modules that stay in evaluation mode, whatever they, their parts or what holds them are told."""

from functools import partial

from torch import nn

__all__ = ["frozen"]


def frozen(module: nn.Module) -> None:
    """Keep a module and all of its parts in evaluation mode, without gradients for parameters.

    Batch norms in training mode replace their statistics even when no parameter has a gradient, and dropout makes
    every pass another one. After this, `train()` of the module, of a part or of a module around it changes nothing.

    Parameters
    ----------
    module : nn.Module
        The module, changed in place. Its classes stay what they are, so what tells modules by their class still does.
    """
    module.requires_grad_(False)
    for part in module.modules():
        # On the instance, because torchvision makes most of the parts. A partial can be copied and pickled with it.
        vars(part)["train"] = partial(_evaluating, part)
    module.eval()


def _evaluating(part: nn.Module, mode: bool = True) -> nn.Module:
    """Take the place of `nn.Module.train`: go through all parts, and switch training off."""
    return nn.Module.train(part, mode=False)
