"""Sparse codes by iterated shrinkage, and dictionaries learned from them, on arrays."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize, softshrink

from memfeat.models.device import choose

__all__ = ["Codes", "Coding", "Learning", "codes", "errors", "learned", "stepped"]

Single = npt.NDArray[np.float32]

#: Images that are coded together once the dictionary is there.
PASS = 1_024


class Coding(NamedTuple):
    """How codes are found."""

    step: float
    """How far a step follows the gradient of half the squared residual."""
    penalty: float
    """What each step takes off the size of each code."""
    tolerance: float
    """A code has settled when a step changes it by less than this share of its length."""
    max_steps: int
    """The most steps."""


class Learning(NamedTuple):
    """How a dictionary is learned."""

    n_atoms: int
    batch_size: int
    n_iterations: int
    learning_rate: float


class Codes(NamedTuple):
    """Codes of images."""

    values: Tensor  # (n, k)
    settled: Tensor  # (n,) of bool


def codes(images: Tensor, atoms: Tensor, coding: Coding, *, together: bool = False) -> Codes:
    """Find sparse codes: r ← shrink(r + step · (x − r Φ) Φᵀ), from 0.

    Parameters
    ----------
    images : Tensor (n, p)
        Centred features x.
    atoms : Tensor (k, p)
        The dictionary Φ, atoms of length 1.
    coding : Coding
        Step, penalty and when to stop.
    together : bool
        Stop all images together when their codes as a whole have settled, as in learning; else each by itself, so that
        it does not matter which images are coded together.

    Returns
    -------
    Codes
        The codes, and which have settled.
    """
    towards, between = images @ atoms.T, atoms @ atoms.T
    axis = None if together else 1
    found = torch.zeros_like(towards)
    settled = torch.zeros(1 if together else len(images), dtype=torch.bool, device=images.device)
    for _ in range(coding.max_steps):
        moved = softshrink(found + coding.step * (towards - found @ between), coding.penalty)
        change = torch.linalg.vector_norm(moved - found, dim=axis)
        length = torch.linalg.vector_norm(found, dim=axis)
        found = torch.where(settled[:, None], found, moved)
        settled = settled | (change < coding.tolerance * (coding.tolerance + length))
        if bool(settled.all()):
            break
    return Codes(found, settled.expand(len(images)))


def stepped(images: Tensor, found: Tensor, atoms: Tensor, learning_rate: float) -> Tensor:
    """Move atoms along the gradient of half the squared residual, Φ ← Φ + rate · rᵀ (x − r Φ), back to length 1.

    Parameters
    ----------
    images : Tensor (n, p)
        Centred features x.
    found : Tensor (n, k)
        Their codes r.
    atoms : Tensor (k, p)
        The dictionary Φ.
    learning_rate : float
        How far.

    Returns
    -------
    Tensor (k, p)
        The atoms.
    """
    return normalize(atoms + learning_rate * found.T @ (images - found @ atoms), dim=1)


def learned(
    images: Single,
    options: Mapping[str, Any],
    generator: np.random.Generator,
    *,
    device: str | None = None,
    tick: Callable[[int], object] | None = None,
) -> Single:
    """Learn a dictionary from random batches, each less its mean.

    Parameters
    ----------
    images : array (n, p)
        Scaled features.
    options : mapping
        All of :class:`memfeat.measures.SparseOptions`.
    generator : numpy.random.Generator
        Where the first atoms and the batches come from, whatever the device.
    device : str, optional
        Where to compute.
    tick : callable, optional
        Is told of each batch.

    Returns
    -------
    array (k, p)
        Atoms of length 1; NaN or infinite if the step is too large.
    """
    learning, coding = _part(Learning, options), _part(Coding, options)
    values = torch.from_numpy(images).to(choose(device))
    first = generator.standard_normal((learning.n_atoms, images.shape[1]), dtype=np.float32)
    atoms = normalize(torch.from_numpy(first).to(values), dim=1)
    for _ in range(learning.n_iterations):
        rows = generator.choice(len(images), min(learning.batch_size, len(images)), replace=False)
        batch = values[torch.from_numpy(rows).to(values.device)]
        batch = batch - batch.mean(dim=0)
        atoms = stepped(batch, codes(batch, atoms, coding, together=True).values, atoms, learning.learning_rate)
        if tick is not None:
            tick(1)
    return np.asarray(atoms.cpu().numpy())


def errors(
    images: Single, atoms: Single, options: Mapping[str, Any], *, device: str | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Compute the mean squared residual of each image.

    Parameters
    ----------
    images : array (n, p)
        Scaled and centred features.
    atoms : array (k, p)
        The dictionary.
    options : mapping
        All of :class:`memfeat.measures.SparseOptions`.
    device : str, optional
        Where to compute.

    Returns
    -------
    array (n,)
        Mean over features of (x − r Φ)².
    array (n,) of bool
        Which codes have settled.
    """
    coding, place = _part(Coding, options), choose(device)
    residuals, settled = [], []
    dictionary = torch.from_numpy(atoms).to(place)
    for part in torch.split(torch.from_numpy(images), PASS):
        values = part.to(place)
        found = codes(values, dictionary, coding)
        residuals.append(((values - found.values @ dictionary) ** 2).mean(dim=1).cpu())
        settled.append(found.settled.cpu())
    return torch.cat(residuals).double().numpy(), torch.cat(settled).numpy()


def _part(kind: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    """Take the options of this kind."""
    return kind(**{name: options[name] for name in kind._fields})  # type: ignore[attr-defined]
