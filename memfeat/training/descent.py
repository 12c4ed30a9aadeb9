"""Gradient descent with early stopping, whose every step depends on the seed and its number alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from memfeat import _progress
from memfeat._check import advice
from memfeat.activations.placement import precise
from memfeat.errors import ArgumentError
from memfeat.regression.metrics import spearman
from memfeat.training.checkpoint import Checkpoint
from memfeat.training.recipe import Recipe

__all__ = ["Examples", "Plan", "Trained", "descend", "predictions"]

Indices = npt.NDArray[np.intp]
#: Images in one pass without gradients.
PASS = 64
#: Devices on which Adam updates all weights in one pass over memory; there are 71.5 million.
FUSED = ("cpu", "cuda")


class Examples(NamedTuple):
    """What a head is trained on.

    Attributes
    ----------
    pixels : array (n, 3, y, x) of uint8
        Images, in memory or on disk.
    logits : array (n, p) of float32
        What the trunk puts out.
    scores : array (n,) of float32
        What is to be predicted.
    """

    pixels: npt.NDArray[np.uint8]
    logits: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]


class Plan(NamedTuple):
    """Which images, in which way, from which seed, and where.

    Attributes
    ----------
    train, validation : array of int
        Rows of the examples.
    recipe : Recipe
        How.
    seed : int
        From which the order of images and dropout follow.
    device : torch.device
        Where to compute.
    """

    train: Indices
    validation: Indices
    recipe: Recipe
    seed: int
    device: torch.device


@dataclass
class Trained:
    """How far a training is, and the best that it has come to.

    Attributes
    ----------
    step : int
        Steps done.
    best : float
        The highest rank correlation on the validation images.
    best_step : int
        When.
    idle : int
        Rounds since.
    weights : dict of Tensor
        The state dict of then, on the CPU.
    history : list of list of float
        Per round: step, mean squared error on the images of its steps, Spearman correlation and mean squared error on
        the validation images.
    """

    step: int = 0
    best: float = -np.inf
    best_step: int = 0
    idle: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict, repr=False)
    history: list[list[float]] = field(default_factory=list)


def descend(
    network: nn.Module, examples: Examples, plan: Plan, *, checkpoint: Checkpoint | None, progress: bool | None
) -> Trained:
    """Train a network until the validation images are predicted no better.

    Parameters
    ----------
    network : nn.Module
        Takes images (n, 3, y, x) in [0, 1] and logits (n, p), gives scores (n, 1). Changed in place.
    examples : Examples
        Images, logits and scores.
    plan : Plan
        Which of them, how, from which seed, where.
    checkpoint : Checkpoint, optional
        Where to keep the state; a training that was stopped goes on from there, to the same weights.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Trained
        The best weights, and how it went.

    Raises
    ------
    ArgumentError
        If the error is no longer finite.
    """
    network.to(plan.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=plan.recipe.learning_rate, fused=plan.device.type in FUSED)
    at = _taken_up(network, optimiser, checkpoint)
    _, in_round, most = plan.recipe.steps(len(plan.train))
    size = plan.recipe.images_per_step
    with _repeatable(plan.device), _progress.bar(most * size, "train", progress) as bar:
        bar.n = bar.initial = at.step * size
        while at.step < most and at.idle < plan.recipe.patience:
            errors = []
            for step in range(at.step, min(at.step + in_round, most)):
                errors.append(_step(network, optimiser, examples, plan, step))
                bar.update(size)
            at.step += len(errors)
            _look(network, examples, plan, at, float(torch.stack(errors).double().mean()))
            bar.set_postfix_str(f"Spearman {at.history[-1][2]:.3f}, best {at.best:.3f}")
            if checkpoint is not None and checkpoint.due():
                checkpoint.write(_state(network, optimiser, at))
    return at


def predictions(network: nn.Module, examples: Examples, rows: Indices, device: torch.device) -> npt.NDArray[np.float64]:
    """Predict scores, without dropout.

    Parameters
    ----------
    network : nn.Module
        As for `descend`. It is left in evaluation mode.
    examples : Examples
        Images and logits.
    rows : array of int
        Which of them.
    device : torch.device
        Where the network is.

    Returns
    -------
    array (len(rows),)
        Predictions.
    """
    network.eval()
    found = [np.empty(0)]
    with torch.inference_mode():
        for start in range(0, len(rows), PASS):
            values = network(*_inputs(examples, rows[start : start + PASS], device))
            found.append(values[:, 0].double().cpu().numpy())
    return np.concatenate(found)


def _inputs(examples: Examples, rows: Indices, device: torch.device) -> tuple[Tensor, Tensor]:
    pixels = torch.from_numpy(np.array(examples.pixels[rows])).to(device)
    return pixels.float().div_(255), torch.from_numpy(examples.logits[rows]).to(device)


def _step(network: nn.Module, optimiser: torch.optim.Optimizer, examples: Examples, plan: Plan, step: int) -> Tensor:
    """Follow the error of the images of one step; give it."""
    in_epoch, size = plan.recipe.steps(len(plan.train))[0], plan.recipe.images_per_step
    epoch, place = divmod(step, in_epoch)
    order = np.random.default_rng([plan.seed, 0, epoch]).permutation(plan.train)
    rows = order[place * size : (place + 1) * size]
    _seed_dropout(int(np.random.SeedSequence([plan.seed, 1, step]).generate_state(1, np.uint64)[0] >> 1), plan.device)
    network.train()
    optimiser.zero_grad(set_to_none=True)
    target = torch.from_numpy(examples.scores[rows]).to(plan.device)
    error = nn.functional.mse_loss(network(*_inputs(examples, rows, plan.device))[:, 0], target)
    error.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return error.detach()


def _look(network: nn.Module, examples: Examples, plan: Plan, at: Trained, error: float) -> None:
    """See how the validation images are predicted, and keep the weights if better than ever."""
    if not np.isfinite(error):
        remedy = "Take a smaller one, such as a tenth of it."
        raise ArgumentError(advice("learning_rate", "keep the error finite", plan.recipe.learning_rate, remedy))
    found = predictions(network, examples, plan.validation, plan.device)
    target = examples.scores[plan.validation].astype(np.float64)
    correlation = float(spearman(found[:, None], target[:, None])[0])
    at.history.append([float(at.step), error, correlation, float(((found - target) ** 2).mean())])
    at.idle += 1
    if correlation > at.best:
        at.best, at.best_step, at.idle = correlation, at.step, 0
        at.weights = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _seed_dropout(seed: int, device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Compute the same each time; torch's generators and settings are afterwards as they were."""
    backend = torch.backends.cudnn
    before = backend.deterministic, backend.benchmark
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), precise(tf32=False):
            backend.deterministic, backend.benchmark = True, False
            yield
    finally:
        backend.deterministic, backend.benchmark = before


def _state(network: nn.Module, optimiser: torch.optim.Optimizer, at: Trained) -> dict[str, Any]:
    return {"network": network.state_dict(), "optimiser": optimiser.state_dict(), **vars(at)}


def _taken_up(network: nn.Module, optimiser: torch.optim.Optimizer, checkpoint: Checkpoint | None) -> Trained:
    """Go on from where a training was stopped, or begin."""
    state = None if checkpoint is None else checkpoint.read()
    if state is None:
        return Trained()
    network.load_state_dict(state.pop("network"))
    optimiser.load_state_dict(state.pop("optimiser"))
    return Trained(**state)
