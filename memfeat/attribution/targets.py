"""The number of a network that is asked about: the predicted score, a unit of a layer, or a direction among units."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor, nn

from memfeat._check import advice, listed, one_of
from memfeat._kept.axes import CHANNEL, SPACE
from memfeat.activations.capture import captured, evaluating
from memfeat.activations.placement import sharing
from memfeat.errors import ArgumentError, KindError
from memfeat.models import Model
from memfeat.models.layers import layers as listing
from memfeat.models.layers import select

__all__ = ["POOLS", "SCORE", "Target", "aimed", "differentiable", "must_be_model", "on_map", "place_of"]

Numbers = Callable[[Tensor], Tensor]
#: What the predicted score goes by as a target.
SCORE = "score"
#: What the label of a direction is.
DIRECTION = "direction"
PAIR = "Pass 'score', (layer, unit), (layer, [unit, unit]) or (layer, one weight per channel)."
WHERE = "See mf.models.layers(model): the axes of a map are channel, y and x."


def _centre(values: Tensor) -> Tensor:
    for side in values.shape[2:]:
        values = values[:, :, side // 2]
    return values


#: How the places of a map, or the tokens of a transformer, become one number: values (n, u, ...) to (n, u).
POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda values: values.reshape(*values.shape[:2], -1).mean(2),
    "max": lambda values: values.reshape(*values.shape[:2], -1).amax(2),
    "centre": _centre,
}


@dataclass(frozen=True)
class Target:
    """What is asked of a network.

    Attributes
    ----------
    layer : str
        The layer, or "score".
    place : (str, int)
        The module, and which of its calls, counting from 1.
    channel : int
        Which axis of the module's output counts channels, the images being axis 0.
    weights : array of int (u,), array of float (1, channel), or None
        Units, or the weights of a direction; None for the score.
    pool : str
        A key of `POOLS`.
    """

    layer: str
    place: tuple[str, int]
    channel: int
    weights: npt.NDArray[Any] | None
    pool: str

    @property
    def labels(self) -> list[Any]:
        """Names of the numbers: units, "direction" or "score"."""
        if self.weights is None:
            return [SCORE]
        return [DIRECTION] if self.weights.ndim == 2 else [int(unit) for unit in self.weights]

    @property
    def said(self) -> dict[str, Any]:
        """What goes into the attributes of the result."""
        if self.weights is None:
            return {"target": SCORE}
        if self.weights.ndim == 1:
            return {"target": "unit", "layer": self.layer, "unit": self.labels, "pool": self.pool}
        weights = self.weights[0].tolist()
        return {"target": DIRECTION, "layer": self.layer, "direction": weights, "pool": self.pool}

    def apply(self, layer: str, output: Tensor) -> Tensor:
        """Take the numbers (n, u) out of what the module put out (n, ...)."""
        if self.weights is None:
            return _one_score(output)
        values = output.movedim(self.channel, 1)
        if self.weights.ndim == 1:
            return POOLS[self.pool](values[:, self.weights.tolist()])
        weights = torch.as_tensor(self.weights, dtype=values.dtype, device=values.device)
        return POOLS[self.pool](torch.einsum("nc...,uc->nu...", values, weights))


def _one_score(output: Tensor) -> Tensor:
    if output.ndim != 2 or output.shape[1] != 1:
        remedy = "Ask for a unit of a layer: target=(layer, unit)."
        found = listed(f"shape {tuple(output.shape[1:])}")
        raise ArgumentError(advice("model", "put out one number per image for the target 'score'", found, remedy))
    return output


def must_be_model(model: Any) -> None:
    """Refuse what is no Model.

    Parameters
    ----------
    model : object
        What the user gave.

    Raises
    ------
    KindError
        If it is none.
    """
    if not isinstance(model, Model):
        remedy = "Load one: mf.models.load('resmem-frozen', backbone='released')."
        raise KindError(advice("model", "be a memfeat Model", listed(type(model).__name__), remedy))


def aimed(model: Any, target: Any, pool: str) -> Target:
    """Find what is asked for in a network.

    Parameters
    ----------
    model : Model
        The network.
    target : "score", or (layer, unit), (layer, units) or (layer, direction)
        What the user gave. A direction is a DataArray with one dim, or floating-point numbers, one per channel.
    pool : str
        A key of `POOLS`.

    Returns
    -------
    Target
        What to read where.

    Raises
    ------
    KindError
        If `model` or `target` is of the wrong kind.
    UnknownNameError
        If there is no such layer.
    ArgumentError
        If there is no such unit, a direction has not one weight per channel, or `pool` is none.
    """
    must_be_model(model)
    one_of("pool", pool, POOLS)
    if isinstance(target, str) and target == SCORE:
        return Target(SCORE, ("", 1), 1, None, pool)
    if not isinstance(target, tuple) or len(target) != 2:
        raise KindError(advice("target", "say what is asked of the network", target, PAIR))
    row = place_of(model, target[0])
    axes = row["axes"]
    weights = _weights(target[1], int(row["channels"]), str(row["name"]))
    channel = 1 + (axes.index(CHANNEL) if CHANNEL in axes else 0)
    return Target(str(row["name"]), (str(row["module"]), int(row["call"])), channel, weights, pool)


def place_of(model: Model, layer: Any, argument: str = "layer") -> Any:
    """Find one layer in the table of a network.

    Parameters
    ----------
    model : Model
        The network.
    layer : str
        Its name.
    argument : str
        What the user calls it.

    Returns
    -------
    pandas.Series
        Its row.

    Raises
    ------
    KindError, UnknownNameError
        If it is no name, or names no layer.
    ArgumentError
        If it fits several.
    """
    if not isinstance(layer, str):
        raise KindError(advice(argument, "be the name of a layer", layer, PAIR))
    rows = select(listing(model), [layer])
    if len(rows) > 1:
        raise ArgumentError(advice(argument, "name one layer", listed.of(rows["name"]), "Choose one of them."))
    return rows.iloc[0]


def on_map(row: Any, argument: str = "layer") -> tuple[int, int]:
    """Give the size of a layer's map, or refuse a layer without rows and columns.

    Parameters
    ----------
    row : pandas.Series
        The layer's row of the table.
    argument : str
        What the user calls it.

    Returns
    -------
    (int, int)
        Rows and columns.

    Raises
    ------
    ArgumentError
        If it puts out no map.
    """
    axes = row["axes"]
    if not set(SPACE) <= set(axes):
        found = listed(f"{row['name']!r} with axes {', '.join(axes)}")
        raise ArgumentError(advice(argument, "put out a map with rows and columns", found, WHERE))
    y, x = (int(row["shape"][axes.index(axis)]) for axis in SPACE)
    return y, x


def _weights(wanted: Any, n_channels: int, layer: str) -> npt.NDArray[Any]:
    if isinstance(wanted, xr.DataArray):
        wanted = wanted.values.astype(float)
    if isinstance(wanted, Integral) and not isinstance(wanted, bool):
        wanted = [wanted]
    if not isinstance(wanted, Sequence | np.ndarray) or isinstance(wanted, str):
        raise KindError(advice("target", "name units by number, or hold one weight per channel", wanted, PAIR))
    values = np.asarray(wanted)
    if values.dtype.kind == "f":
        return _direction(values, n_channels, layer)
    if values.dtype.kind not in "iu" or values.ndim != 1:
        raise KindError(advice("target", "name units by number, or hold one weight per channel", wanted, PAIR))
    unknown = values[(values < 0) | (values >= n_channels)]
    if unknown.size or not values.size:
        rule = f"name units from 0 to {n_channels - 1} of layer {layer!r}"
        raise ArgumentError(advice("target", rule, listed(", ".join(map(str, unknown)) or "none")))
    return values


def _direction(values: npt.NDArray[Any], n_channels: int, layer: str) -> npt.NDArray[Any]:
    if values.shape != (n_channels,):
        rule = f"hold one weight for each of {n_channels} channels of layer {layer!r}"
        raise ArgumentError(advice("target", rule, listed(f"shape {values.shape}")))
    if not np.isfinite(values).all() or not values.any():
        raise ArgumentError(advice("target", "hold finite weights, not all of them 0", listed("others")))
    return values[None]


@contextmanager
def differentiable(model: Model, target: Target, device: torch.device) -> Iterator[tuple[Numbers, nn.Module]]:
    """Make a network ready to give numbers that can be differentiated with respect to the image.

    Parameters
    ----------
    model : Model
        The network. It is left as it was found, and its parameters get no gradients.
    target : Target
        What is read.
    device : torch.device
        Where to compute.

    Yields
    ------
    callable
        Batch (n, 3, y, x) on the device to numbers (n, u).
    nn.Module
        The network that does it, a copy on the same memory where that can be had.
    """
    ours = sharing(model.module)
    place = evaluating(model.module, device) if ours is None else nullcontext(ours.to(device))
    with place as module, captured(module, {target.layer: target.place}, target.apply, early=ours is not None) as run:
        yield lambda batch: run(batch)[target.layer], module
