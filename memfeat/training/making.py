"""The two kinds of heads: what each reads, and how it is fitted."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from memfeat._check import advice, listed
from memfeat._labels import layer_names, matrix
from memfeat.activations import locks
from memfeat.errors import ArgumentError, KindError
from memfeat.models import Model
from memfeat.models.attaching import base_facts
from memfeat.models.backbones import seeded
from memfeat.models.layers import Selection, layers, select
from memfeat.models.resmem import Predictor, ResMem
from memfeat.regression.ridge import PENALTIES
from memfeat.training import descent, linear
from memfeat.training.checkpoint import Checkpoint
from memfeat.training.pixels import Decoded, decoded, hashes
from memfeat.training.work import Made, Work

__all__ = ["HEADS", "Kind"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
LOGITS = "features.fc"
#: What a readout of ResMem reads unless told otherwise: the last block of each of the three later stages.
LAST_BLOCKS = ("features.layer2.7", "features.layer3.35", "features.layer4.2")


class Kind(NamedTuple):
    """A kind of head.

    Attributes
    ----------
    reads : callable
        Network and the layers that were asked for (None for the usual ones) → the names of the layers it reads.
    check : callable
        Scores and which images are held out → nothing; refuses what it cannot be fitted to.
    make : callable
        Fits it.
    """

    reads: Callable[[Model, Selection | None], list[str]]
    check: Callable[[Array, Mask], None]
    make: Callable[[Work], Made]


def _ridge_reads(model: Model, wanted: Selection | None) -> list[str]:
    if wanted is None and not isinstance(model.module, ResMem):
        remedy = "Say which: layers='avgpool'; mf.models.layers(model) lists them."
        raise ArgumentError(advice("layers", "be given for a network other than ResMem", listed("none"), remedy))
    return [str(name) for name in select(layers(model), LAST_BLOCKS if wanted is None else wanted)["name"]]


def _mlp_reads(model: Model, wanted: Selection | None) -> list[str]:
    if wanted is not None:
        remedy = "Leave them out: it reads class logits and the image, as ResMem does."
        raise ArgumentError(advice("layers", "belong to head='ridge'", listed("layers for head='mlp'"), remedy))
    if not isinstance(model.module, ResMem) or model.provenance.get("variant") != "frozen":
        remedy = "Load it: mf.models.load('resmem-frozen'); other networks take head='ridge'."
        raise KindError(advice("model", "be 'resmem-frozen' for head='mlp'", model.name, remedy))
    return [LOGITS]


def _ridge_check(_scores: Array, held_out: Mask) -> None:
    if (~held_out).sum() < 3:
        found = listed(f"{(~held_out).sum()}")
        raise ArgumentError(advice("images", "hold at least 3 images for training", found))


def _mlp_check(scores: Array, held_out: Mask) -> None:
    low, high = float(scores.min()), float(scores.max())
    if low < 0 or high > 1:
        remedy = "Its output is a rate; scale them, or take head='ridge'."
        raise ArgumentError(
            advice("scores", "lie in [0, 1] for head='mlp'", listed(f"{low:.3g} to {high:.3g}"), remedy)
        )
    if not held_out.any():
        remedy = "Hold some out: validation=0.2."
        raise ArgumentError(advice("validation", "leave images to stop the training by", listed("none"), remedy))
    if np.ptp(scores[held_out]) == 0:
        remedy = "Hold more images out, or others: training stops by their rank correlation."
        found = listed(f"{scores[held_out][0]:g} for all of them")
        raise ArgumentError(advice("scores", "differ between the validation images", found, remedy))


def _ridge(work: Work) -> Made:
    values = {name: matrix(work.features[name]).astype(np.float64) for name in layer_names(work.features)}
    found = linear.fitted(values, work.scores, ~work.held_out)
    recipe = {
        "method": "ridge regression on means over space; each layer divided by the root of its total variance",
        "penalty_chosen_by": f"leave-one-out squared error among training images, of {len(PENALTIES)} from "
        f"{PENALTIES[-1]:g} to {PENALTIES[0]:g} times the total variance",
        "penalty": found.penalty,
        "widths": [values[name].shape[1] for name in values],
        "clipped": "no",
    }
    return Made(found.tensors, found.predictions, recipe, hashes(work.table, work.names, work.progress), [])


def _mlp(work: Work) -> Made:
    # Drawn before anything is done, so that a run that goes on has the same.
    seed = int(work.generator.integers(2**63))
    with nullcontext() if work.folder is None else locks.alone(work.folder):
        images = decoded(work.table, work.names, work.model, work.folder, work.progress)
        return _trained(work, images, seed)


def _trained(work: Work, images: Decoded, seed: int) -> Made:
    logits = np.ascontiguousarray(matrix(work.features[LOGITS]), dtype=np.float32)
    examples = descent.Examples(images.pixels, logits, work.scores.astype(np.float32))
    train, validation = np.flatnonzero(~work.held_out), np.flatnonzero(work.held_out)
    plan = descent.Plan(train, validation, work.recipe, seed, work.device)
    network, _ = seeded(partial(_initial, float(work.scores[train].mean())), seed)
    checkpoint = None if work.folder is None else Checkpoint(work.folder, _identity(work, seed))
    trained = descent.descend(network, examples, plan, checkpoint=checkpoint, progress=work.progress)
    network.load_state_dict(trained.weights)
    found = descent.predictions(network, examples, np.arange(len(work.names)), work.device)
    recipe = work.recipe.facts() | {"steps": trained.step, "best_step": trained.best_step}
    return Made(trained.weights, found, recipe, images.bits, trained.history, checkpoint)


def _initial(mean: float) -> Predictor:
    """Make an untrained head whose first predictions lie around the mean of the scores."""
    network = Predictor()
    for part in network.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            nn.init.zeros_(part.bias)  # type: ignore[arg-type]  # all of these have one
    nn.init.normal_(network.fc12.weight, std=0.01)
    nn.init.constant_(network.fc12.bias, float(np.log(mean / (1 - mean))) if 0 < mean < 1 else 0.0)
    return network


def _identity(work: Work, seed: int) -> str:
    """Say what makes a training what it is."""
    files = work.table["sha256"].sel(image=work.names).values
    rows = zip(work.names, map(str, files), map(float, work.scores), map(bool, work.held_out), strict=True)
    facts = {
        "rows": list(rows),
        "base": base_facts(work.model, [LOGITS]),
        "recipe": work.recipe.facts(),
        "seed": seed,
        "device": work.device.type,
        "torch": torch.__version__,
    }
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


#: name → what it reads, and how it is fitted.
HEADS: dict[str, Kind] = {
    "ridge": Kind(_ridge_reads, _ridge_check, _ridge),
    "mlp": Kind(_mlp_reads, _mlp_check, _mlp),
}
