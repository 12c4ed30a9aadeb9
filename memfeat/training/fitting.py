"""Heads fitted to scores, from photographs to what can be shared."""

import copy
import warnings
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr

from memfeat import guards, stats
from memfeat._check import advice, generator, listed, one_of
from memfeat._labels import ALLOWED, CAUTIONED, IMAGE, as_scores, in_name_order, matched
from memfeat._tables import texts
from memfeat._version import __version__
from memfeat.activations import extract
from memfeat.activations.run import ExtractOptions
from memfeat.errors import ArgumentError, KindError, MemfeatWarning
from memfeat.images.reading import tabled
from memfeat.models import Head, Model, load
from memfeat.models import device as devices
from memfeat.models.attaching import base_facts
from memfeat.models.layers import Selection
from memfeat.regression.metrics import METRICS, resampled_spearman
from memfeat.training import duplicates, splitting
from memfeat.training.making import HEADS, Kind
from memfeat.training.recipe import Recipe
from memfeat.training.unsaved import Unsaved
from memfeat.training.work import Made, Work

__all__ = ["FitOptions", "fit_head"]

Array = npt.NDArray[np.float64]
N_BOOTSTRAPS = 1_000
#: Share of the images that is held out.
VALIDATION = 0.2
RECIPE = tuple(field.name for field in fields(Recipe))


class FitOptions(TypedDict, total=False):
    """How to fit a head, beyond what it is.

    Attributes
    ----------
    validation : int or float
        How many images to hold out, or which share.
    split : path or DataFrame
        A split that was saved, instead.
    description : str
        What the images and scores are, for the model card.
    device : str or torch.device
        Where to compute.
    batch_size : int
        Images in one pass through the trunk.
    workers : int
        Threads that decode images for the trunk.
    progress : bool
        Whether to show progress bars.
    learning_rate : float
        Of an "mlp" head.
    images_per_step : int
        Of an "mlp" head.
    max_epochs : int
        Of an "mlp" head.
    patience : int
        Of an "mlp" head.
    """

    validation: float
    split: Any
    description: str
    device: str | torch.device | None
    batch_size: int | None
    workers: int | None
    progress: bool | None
    learning_rate: float
    images_per_step: int
    max_epochs: int
    patience: int


class _Asked(NamedTuple):
    """What was asked for, with every choice made."""

    model: Model
    layers: list[str]
    store: str | Path | None
    options: FitOptions
    recipe: Recipe
    generator: np.random.Generator


def fit_head(  # noqa: PLR0913 (two data, five options)
    images: Any,
    scores: xr.DataArray | pd.Series,
    *,
    head: str = "ridge",
    model: Model | None = None,
    layers: Selection | None = None,
    store: str | Path | None = None,
    rng: int | np.random.Generator = 0,
    **options: Unpack[FitOptions],
) -> Head:
    """Fit a head to scores: what a frozen network's features say of memorability.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images. Those that cannot be read are left out, with a warning.
    scores : DataArray (image) or pandas.Series
        One score per image, matched by name; between 0 and 1 for "mlp".
    head : {"ridge", "mlp"}
        "ridge": a linear readout of `layers`, some kilobytes to some hundred. "mlp": ResMem's own fully connected stack
        and convolutional branch, trained from scratch on class logits and images; 286 MB.
    model : Model, optional
        The network whose features are read; by default `mf.models.load("resmem-frozen")`. "mlp" takes "resmem-frozen"
        only, "ridge" any.
    layers : str, list of str, or callable, optional
        For "ridge": which layers, as for `mf.extract`; their means over space are concatenated, each layer scaled to
        the same total variance. For ResMem the last blocks of its three later stages by default.
    store : path, optional
        A zarr store for the features, as for `mf.extract`. Beside it, in `STORE.training`, decoded images and the state
        of the training are kept, so that a call that was stopped or killed goes on to the same head. The state stays
        until the head has been saved.
    rng : int or numpy.random.Generator
        Seed of split, initial weights, order of images, dropout and bootstrap.
    **options
        `validation`, `split`, `description`, `device`, `batch_size`, `workers`, `progress`, and for "mlp"
        `learning_rate`, `images_per_step`, `max_epochs`, `patience`: see Other Parameters.

    Returns
    -------
    Head
        `head.save(folder)` writes it, `mf.models.load("resmem-frozen", head=folder)` reads it, and
        `mf.models.with_head(model, head)` puts it on the network at hand. `head.facts["result"]` has the figures for
        the validation images, `head.split` the prediction for every image.

    Other Parameters
    ----------------
    validation : int or float
        How many images to hold out, or which share; .2 by default. 0 (for "ridge") fits to all and reports nothing.
    split : path or DataFrame
        A split that was saved, such as another head's `split.csv`, instead of drawing one.
    description : str
        What the images and scores are, for the model card.
    device : str or torch.device
        Where to compute; by default CUDA, else MPS, else the CPU.
    batch_size : int
        Images in one pass through the trunk.
    workers : int
        Threads that decode images for the trunk.
    progress : bool
        Whether to show progress bars with the time left; by default when stderr is a terminal.
    learning_rate : float
        Of Adam; 1e-4 by default.
    images_per_step : int
        Images whose error is followed in one step; 32 by default.
    max_epochs : int
        How often each image is seen at most; 20 by default.
    patience : int
        Rounds (epochs, or 250 steps if an epoch has more) without a better rank correlation on the validation images
        after which training stops; 5 by default.

    Raises
    ------
    KindError, ArgumentError, UnknownNameError
        If an argument cannot be used, scores and images differ, or there is no such layer.
    NoImageError, StoreError, WeightsError
        As `mf.extract`, or if the state of a training is damaged.

    Warns
    -----
    MemfeatWarning
        If images were left out, or if pictures that look alike stand on both sides of the split.
    CircularWarning
        If the scores were predicted by the network whose features are read.

    See Also
    --------
    memfeat.regression.decode : How well scores are predicted from layers, by cross-validation.
    memfeat.models.with_head : The head on a network that is loaded.

    Notes
    -----
    The trunk is never trained: its features are read once, through `mf.extract`. The head fits that trunk's weights, by
    their sha256, and is refused by all others.

    "ridge": weights w = argmin Σ(y − ȳ − w·x)² + λ‖w‖² over the training images, with λ chosen among 13 by
    leave-one-out as in `mf.regression.decode`. Its predictions are not clipped.

    "mlp": of the published training it is known that the loss was the mean squared error and that training was stopped
    by the rank correlation on held-out images; optimiser, rate and length of the final training were not published (the
    released code's defaults are gradient descent with a rate of 1e-5 and momentum .9). Here Adam is used, because
    it trains the seven layers from scratch in a few hundred steps, from initial weights after He et al. (2015).

    On one processor, with one number of threads and the same versions, the same seed gives the same head to the byte,
    whether it was interrupted or not; on a GPU as far as its kernels for the backward pass are deterministic.

    Near-duplicates are pairs across the split whose perceptual hashes, as they are or mirrored, differ in at most 8 of
    64 bits; see `mf.lowlevel.perceptual_hash`. They are reported, and nothing is done about them.

    References
    ----------
    Needell, C. D., & Bainbridge, W. A. (2022). Embracing new techniques in deep learning for estimating image
    memorability. Computational Brain & Behavior, 5, 168-184.
    He K, Zhang X, Ren S, Sun J (2015). Delving deep into rectifiers. ICCV, 1026-1034.
    Kingma DP, Ba J (2015). Adam: a method for stochastic optimization. ICLR.
    """
    kind = HEADS[one_of("head", head, HEADS)]
    _known(options)
    recipe = Recipe(**{name: options[name] for name in RECIPE if name in options})  # type: ignore[literal-required]
    source, seed = generator(rng)
    if model is not None and not isinstance(model, Model):
        remedy = "Load one: mf.models.load('resmem-frozen')."
        raise KindError(advice("model", "be a memfeat Model", listed(type(model).__name__), remedy))
    network = load("resmem-frozen") if model is None else model
    table = tabled(images, progress=options.get("progress"))
    target = matched(as_scores(scores), table, argument="scores", reference="images")
    cautions = _cautions(network, target)
    asked = _Asked(network, kind.reads(network, layers), store, options, recipe, source)
    _foreseen(table, target, asked, kind)
    work = _work(table, target, asked)
    kind.check(work.scores, work.held_out)
    said = {"scores": str(target.name), "seed": seed, "options": options, "cautions": cautions}
    return _head(head, work, kind.make(work), said)


def _known(options: FitOptions) -> None:
    unknown = sorted(set(options) - set(FitOptions.__annotations__))
    if unknown:
        remedy = f"There are {', '.join(FitOptions.__annotations__)}."
        raise KindError(advice("options", "be known", listed(", ".join(unknown)), remedy))
    if "split" in options and "validation" in options:
        raise ArgumentError(advice("split", "come without validation", listed("both"), "A split says it already."))


def _foreseen(table: xr.Dataset, target: xr.DataArray, asked: _Asked, kind: Kind) -> None:
    """Refuse what cannot be fitted before the features are read, which may take hours."""
    readable = in_name_order(table.isel({IMAGE: table["status"].values == "ok"}))
    names = [str(name) for name in readable[IMAGE].values]
    if names:
        held_out = _held_out(names, asked.options, copy.deepcopy(asked.generator))
        kind.check(target.sel({IMAGE: names}).values.astype(np.float64), held_out)


def _held_out(names: list[str], options: FitOptions, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    split = options.get("split")
    if split is not None:
        return splitting.given(split, names)
    return splitting.drawn(len(names), options.get("validation", VALIDATION), generator)


def _work(table: xr.Dataset, target: xr.DataArray, asked: _Asked) -> Work:
    """Read features once, and split the images that have them."""
    options = asked.options
    running: ExtractOptions = {}
    for name in ("device", "batch_size", "workers", "progress"):
        if name in options:
            running[name] = options[name]
    features = in_name_order(
        extract(table, model=asked.model, layers=asked.layers, reduce="mean", store=asked.store, **running)
    )
    names = [str(name) for name in features[IMAGE].values]
    return Work(
        table=table,
        names=names,
        features=features[asked.layers],
        scores=target.sel({IMAGE: names}).values.astype(np.float64),
        held_out=_held_out(names, options, asked.generator),
        model=asked.model,
        folder=None if asked.store is None else _beside(Path(asked.store)),
        recipe=asked.recipe,
        generator=asked.generator,
        device=devices.choose(options.get("device")),
        progress=options.get("progress"),
    )


def _cautions(network: Model, target: xr.DataArray) -> dict[str, Any]:
    """Caution where the network itself predicted the scores; give what the head keeps: who did, and the caution."""
    source = guards.origin(target.attrs, given=guards.SCORES)
    source |= {name: target.attrs[name] for name in (CAUTIONED, ALLOWED) if name in target.attrs}
    return guards.related(network.provenance, source, "scores")


def _beside(store: Path) -> Path:
    whole = store.expanduser().resolve()
    return whole.with_name(f"{whole.name}.training")


def _head(kind: str, work: Work, made: Made, said: dict[str, Any]) -> Head:
    """Put together what was fitted, and what is to be known of it."""
    layers, options = [str(name) for name in work.features.data_vars], said["options"]
    facts = {
        "memfeat_version": __version__,
        "torch_version": str(torch.__version__),
        **base_facts(work.model, layers),
        "layers": layers,
        "data": _data(work, said["scores"], options.get("description", "")),
        "split": {
            "n_train": int((~work.held_out).sum()),
            "n_validation": int(work.held_out.sum()),
            "source": "as given" if "split" in options else _drawn(said["seed"]),
        },
        "recipe": made.recipe,
        "history": made.history,
        "seed": said["seed"],
        "device": work.device.type,
        "near_duplicates": _near(work, made.bits),
        "result": _result(work, made.predictions),
        **said["cautions"],
    }
    return Unsaved(kind, made.tensors, facts, _rows(work, made.predictions), made.checkpoint)


def _drawn(seed: str) -> str:
    return f"drawn with seed {seed}" if seed.isdecimal() else "drawn with the generator whose state is the seed"


def _rows(work: Work, predictions: Array) -> pd.DataFrame:
    return pd.DataFrame({
        "image": texts(work.names),
        "sha256": texts(work.table["sha256"].sel({IMAGE: work.names}).values),
        "part": texts(np.where(work.held_out, splitting.VALIDATION, splitting.TRAIN)),
        "score": work.scores,
        "prediction": predictions,
    })  # fmt: skip


def _data(work: Work, name: str, description: str) -> dict[str, Any]:
    files = work.table["sha256"].sel({IMAGE: work.names}).values
    lines = "\n".join(f"{a} {b} {c!r}" for a, b, c in zip(work.names, files, map(float, work.scores), strict=True))
    return {
        "n_images": len(work.names),
        "scores": name,
        "mean": float(work.scores.mean()),
        "sd": float(work.scores.std()),
        "min": float(work.scores.min()),
        "max": float(work.scores.max()),
        "sha256": sha256(lines.encode()).hexdigest(),
        "description": description,
    }


def _near(work: Work, bits: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Find pictures that look alike across the split, and warn."""
    train, validation = np.flatnonzero(~work.held_out), np.flatnonzero(work.held_out)
    found = duplicates.across(bits[train], bits[validation])
    pairs = [[work.names[train[a]], work.names[validation[b]], differing] for a, b, differing in found]
    if pairs:
        which = listed.of(f"{first} and {second}" for first, second, _ in pairs)
        warnings.warn(
            f"pictures that look alike stand on both sides of the split ({which}); figures for the validation images "
            "are too good if they are the same: see near_duplicates in head.facts, and drop one of each pair",
            MemfeatWarning,
            stacklevel=4,
        )
    return {"distance": duplicates.DISTANCE, "n_pairs": len(pairs), "pairs": pairs}


def _result(work: Work, predictions: Array) -> dict[str, Any]:
    """Say how the images that were held out are predicted; correlations only where there are any."""
    found, target = predictions[work.held_out], work.scores[work.held_out]
    if not len(found):
        return {}
    error = float(METRICS["mse"](found[:, None], target[:, None])[0])
    errors = {"mse": error, "rmse": error**0.5}
    flat = [name for name, values in {"scores": target, "predictions": found}.items() if np.ptp(values) == 0]
    if flat:
        why = f"none: all {' and '.join(flat)} of the validation images are the same"
        return {"n": len(found), "correlations": why, **errors}
    figures = {name: float(metric(found[:, None], target[:, None])[0]) for name, metric in METRICS.items()}
    counts = stats.bootstrap_counts(len(found), N_BOOTSTRAPS, rng=work.generator)
    draws = resampled_spearman(found, target, counts)
    low, high = stats.interval(draws[np.isfinite(draws)])
    return {
        "n": len(found),
        "spearman": figures["estimate"],
        "spearman_ci_low": float(low),
        "spearman_ci_high": float(high),
        "interval": f"95 %, percentile bootstrap over images, {N_BOOTSTRAPS:,} samples",
        "pearson": figures["pearson"],
        **errors,
        "r2": figures["r2"],
    }
