"""Pictures made for a network: gradient ascent on the image, for units, directions and the predicted score."""

import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from memfeat import _progress
from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat._labels import stamped
from memfeat._tables import texts
from memfeat.activations.placement import precise
from memfeat.attribution.lights import Light, light_of
from memfeat.attribution.priors import PARAMETRISATIONS, Generator, blurred, coloured, moved, total_variation
from memfeat.attribution.redirecting import redirected
from memfeat.attribution.targets import SCORE, Target, aimed, differentiable
from memfeat.errors import ArgumentError, KindError, SaturatedWarning
from memfeat.models import Model
from memfeat.models.device import choose
from memfeat.models.layers import layers as listing

__all__ = ["MaximiseOptions", "maximise"]

#: A score that comes out of a sigmoid is called saturated from here on: another picture cannot be better by more than
#: .001, and its gradient is a thousandth of what is between 0 and 1.
SATURATED = 0.999
#: Scores below count as this.
LEAST = 1e-30
#: Numbers of which one, drawn by the user's generator, begins the seed of each picture.
SEEDS = 2**63


class MaximiseOptions(TypedDict, total=False):
    """Options of :func:`maximise`.

    `steps` : int, steps of gradient ascent (default 256).
    `learning_rate` : float, step size of Adam (default 0.05).
    `parametrisation` : "fourier" (default) or "pixels", what is changed in each step.
    `decorrelate` : bool, whether channels are those of photographs' colours (default True).
    `jitter` : float, shift before each step, at most so many pixels along each axis (default 8).
    `rotate` : float, turn before each step, at most so many degrees (default 5).
    `zoom` : float, scaling before each step, at most by this share (default 0.1).
    `blur` : float, standard deviation in pixels of a blur before each step (default 0).
    `total_variation` : float, weight of the differences of neighbouring pixels, which are taken off (default 0).
    `size` : int, side of the picture in pixels; by default that of the network's input. Another one suits layers before
    fully connected ones.
    `pool` : "mean" (default), "max" or "centre", how the places of a map become one number.
    `device` : str or torch.device, by default CUDA, else MPS, else the CPU.
    `progress` : bool, whether to show a progress bar; by default when stderr is a terminal.
    """

    steps: int
    learning_rate: float
    parametrisation: Literal["fourier", "pixels"]
    decorrelate: bool
    jitter: float
    rotate: float
    zoom: float
    blur: float
    total_variation: float
    size: int
    pool: Literal["mean", "max", "centre"]
    device: str | torch.device
    progress: bool | None


DEFAULTS: MaximiseOptions = {
    "steps": 256,
    "learning_rate": 0.05,
    "parametrisation": "fourier",
    "decorrelate": True,
    "jitter": 8,
    "rotate": 5,
    "zoom": 0.1,
    "blur": 0,
    "total_variation": 0,
    "pool": "mean",
}
#: Options that are numbers from 0.
AMOUNTS = ("jitter", "rotate", "zoom", "blur", "total_variation")


class _Ascent(NamedTuple):
    """What the steps share."""

    chosen: dict[str, Any]
    light: Light
    draw: Callable[[Tensor], Tensor]
    rngs: list[Generator]
    bounded: bool

    def height(self, reached: Tensor) -> Tensor:
        """Give what is climbed: log-odds of what comes out of a sigmoid, which near 0 and 1 has no slope of its own."""
        if not self.bounded:
            return reached
        inside = reached.clamp(LEAST, 1 - torch.finfo(reached.dtype).eps)
        return inside.log() - (-inside).log1p()

    def pictures(self, values: Tensor) -> Tensor:
        return coloured(self.draw(values), decorrelate=self.chosen["decorrelate"])

    def given(self, pictures: Tensor) -> Tensor:
        """Change pictures a little, and make of them what the network takes."""
        amounts = {name: self.chosen[name] for name in ("jitter", "rotate", "zoom")}
        return self.light.given(blurred(moved(pictures, self.rngs, **amounts), self.chosen["blur"]))


def maximise(
    model: Model,
    target: Any = SCORE,
    *,
    rng: int | np.random.Generator,
    **options: Unpack[MaximiseOptions],
) -> xr.Dataset:
    """Make pictures that activate units, a direction among units or the predicted score as strongly as can be.

    Parameters
    ----------
    model : Model
        From `mf.models.load` or `mf.models.wrap`.
    target : "score", (layer, unit), (layer, units) or (layer, direction)
        What is to be raised: the predicted score; a unit (channel) of a layer, or several, one picture for each, made
        side by side; or a weighted sum of a layer's channels, with one floating-point weight for each, such as a
        component of `mf.reduction.embed` or the weights of a readout.
    rng : int or numpy.random.Generator
        Seed of the first picture, and of the changes before each step. What is made for a unit does not depend on the
        units beside it, but for rounding.
    **options
        Steps, parametrisation and prior, size, device: see Other Parameters.

    Returns
    -------
    Dataset (unit, y, x, rgb)
        `picture`, values from 0 to 1, float32; `activation (unit, step)`, the number after the changes before each
        step; `reached (unit)`, that of the picture as it is. `unit` is "score" or "direction" where no unit was asked
        for. Attributes: target, layer, seed, every option, and the network's origin.

    Other Parameters
    ----------------
    steps : int
        Steps of gradient ascent, 256 by default.
    learning_rate : float
        Step size of Adam, 0.05 by default.
    parametrisation : {"fourier", "pixels"}
        What is changed: the picture's spectrum, divided by frequency, or its pixels.
    decorrelate : bool
        Whether channels stand for the directions in which colours of photographs vary (default), or for RGB.
    jitter, rotate, zoom : float
        Before each step the picture is shifted by up to so many pixels (8), turned by up to so many degrees (5) and
        scaled by up to this share (0.1), at random.
    blur : float
        Standard deviation, in pixels, of a blur before each step (0).
    total_variation : float
        Weight of the mean absolute difference of neighbouring pixels, which is taken off the number (0).
    size : int
        Side of the picture in pixels; by default that of the network's input.
    pool : {"mean", "max", "centre"}
        How the places of a map become the number that is raised; "centre" is the place in the middle.
    device : str or torch.device
        Where to compute; by default CUDA, else MPS, else the CPU.
    progress : bool
        Whether to show a progress bar; by default when stderr is a terminal.

    Raises
    ------
    KindError, UnknownNameError
        If an argument is of the wrong kind, or there is no such layer or option.
    ArgumentError
        If there is no such unit, a direction has not one weight per channel, the network puts out no score, the size
        does not suit it, its preprocessing does more to values than scale and shift them, or an option lies outside
        its range.

    Warns
    -----
    SaturatedWarning
        If the score comes out of a sigmoid and the picture's is above .999: pictures with such scores do not differ in
        it, and most of the steps went into something else.

    See Also
    --------
    top_images : The photographs that activate a unit most.
    memfeat.plot.image_grid : Draws the pictures.

    Notes
    -----
    Every picture starts as nearly uniform grey. The natural-image prior is that of Olah et al. (2017): Adam changes a
    spectrum whose amplitudes are divided by frequency, as those of photographs are, in colours without correlation; and
    what survives small shifts, turns and scalings is less likely to be a high-frequency pattern that no photograph has.
    Where a picture does not excite a unit at all, no slope would get through its rectifier; it is then let through
    (modules of class ReLU, in networks that can be copied), and only the way up changes, not the number.

    Of a score that comes out of a sigmoid the log-odds are raised: the score itself hardly changes near 0 and 1.
    A picture shows what raises the number, not what the unit is for; compare with :func:`top_images`.

    On a CPU a seed gives the same picture again, with the same number of threads; on a GPU nearly the same one, because
    some sums are taken there in no fixed order.

    References
    ----------
    Erhan, D., Bengio, Y., Courville, A., & Vincent, P. (2009). Visualizing higher-layer features of a deep network.
    University of Montreal, technical report 1341.

    Olah, C., Mordvintsev, A., & Schubert, L. (2017). Feature visualization. Distill.
    https://doi.org/10.23915/distill.00007

    Mahendran, A., & Vedaldi, A. (2015). Understanding deep image representations by inverting them. CVPR, 5188-5196.

    Examples
    --------
    >>> import torch
    >>> from torchvision.transforms.functional import to_tensor
    >>> from memfeat.models import wrap
    >>> red = torch.nn.Conv2d(3, 1, 1, bias=False)
    >>> red.weight.data = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1)
    >>> plain = {"parametrisation": "pixels", "decorrelate": False, "learning_rate": 0.5, "size": 16}
    >>> made = maximise(wrap(torch.nn.Sequential(red), to_tensor), ("0", 0), rng=0, steps=20, **plain)
    >>> made["picture"].mean(("y", "x")).sel(unit=0).values.round(1).tolist()
    [1.0, 0.0, 0.0]
    """
    known_options(options, MaximiseOptions, maximise)
    chosen = _chosen(options)
    aim = aimed(model, target, chosen["pool"])
    random, seed = generator(rng)
    bounded = aim.layer == SCORE and _bounded(model)
    ascent, start = _prepared(model, aim, chosen | {"bounded": bounded}, int(random.integers(SEEDS)))
    with precise(False), differentiable(model, aim, chosen["device"]) as (numbers, module):
        if module is not model.module:
            redirected(module)
        parameter = next(model.module.parameters(), start)
        values = start.to(chosen["device"], parameter.dtype).requires_grad_()
        course = _climbed(values, numbers, ascent)
        with torch.no_grad():
            pictures = ascent.pictures(values)
            reached = _own(numbers(ascent.light.given(pictures)))
    result = _labelled(aim, pictures, course, reached)
    if bounded:
        _tell_of_saturation(result)
    told = {name: value for name, value in chosen.items() if name not in ("device", "progress")}
    facts = aim.said | told | {"size": list(pictures.shape[-2:])}
    return stamped(result, model.origin(), method="activation maximisation, Adam", seed=seed, **facts)


def _chosen(options: MaximiseOptions) -> dict[str, Any]:
    chosen: dict[str, Any] = {**DEFAULTS, **options}
    count("steps", chosen["steps"])
    one_of("parametrisation", chosen["parametrisation"], PARAMETRISATIONS)
    if "size" in options:
        count("size", chosen["size"], least=2)
    if not isinstance(chosen["decorrelate"], bool):
        raise KindError(advice("decorrelate", "be True or False", chosen["decorrelate"]))
    for name in ("learning_rate", *AMOUNTS):
        value = chosen[name]
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise KindError(advice(name, "be a number", value))
        if not 0 <= value < np.inf or (name == "learning_rate" and not value):
            raise ArgumentError(advice(name, "be a finite number from 0, and of a learning rate above", value))
    if not chosen["zoom"] < 1:
        raise ArgumentError(advice("zoom", "be below 1", chosen["zoom"]))
    return chosen | {"device": choose(options.get("device")), "progress": options.get("progress")}


def _prepared(model: Model, aim: Target, chosen: dict[str, Any], key: int) -> tuple[_Ascent, Tensor]:
    """Draw the first pictures, each by a generator of its own."""
    height, width = (chosen["size"],) * 2 if "size" in chosen else model.example().shape[-2:]
    rngs = [np.random.default_rng([key, label if isinstance(label, int) else 0]) for label in aim.labels]
    made = [PARAMETRISATIONS[chosen["parametrisation"]](rng, int(height), int(width)) for rng in rngs]
    start = torch.from_numpy(np.stack([one for one, _ in made]))
    return _Ascent(chosen, light_of(model), made[0][1], rngs, chosen["bounded"]), start


def _climbed(values: Tensor, numbers: Callable[[Tensor], Tensor], ascent: _Ascent) -> npt.NDArray[np.float64]:
    """Go up, changing the parameters in place, and give the number before each step (u, step)."""
    adam = torch.optim.Adam([values], lr=ascent.chosen["learning_rate"])
    course = np.empty((len(values), ascent.chosen["steps"]))
    with torch.enable_grad(), _progress.bar(course.shape[1], "maximise", ascent.chosen["progress"], unit="step") as bar:
        for step in range(course.shape[1]):
            pictures = ascent.pictures(values)
            reached = _own(_fitting(numbers, ascent.given(pictures), ascent.chosen))
            cost = -ascent.height(reached).sum()
            if ascent.chosen["total_variation"]:
                cost = cost + ascent.chosen["total_variation"] * total_variation(pictures).sum()
            # not backward(): the parameters of somebody else's network are to get no gradients
            (values.grad,) = torch.autograd.grad(cost, [values])
            adam.step()
            course[:, step] = reached.detach().cpu().numpy()
            bar.update(1)
    return course


def _fitting(numbers: Callable[[Tensor], Tensor], batch: Tensor, chosen: dict[str, Any]) -> Tensor:
    try:
        return numbers(batch)
    except RuntimeError as error:
        if "size" not in chosen or not any(word in str(error) for word in ("shape", "size")):
            raise
        remedy = f"Leave it out. What the network said: {str(error).splitlines()[0]}"
        raise ArgumentError(advice("size", "suit the network", chosen["size"], remedy)) from error


def _own(numbers: Tensor) -> Tensor:
    """Take of each picture the number that it is made for."""
    return numbers.diagonal()


def _bounded(model: Model) -> bool:
    return bool(listing(model)["kind"].iloc[-1] == "Sigmoid")


def _tell_of_saturation(result: xr.Dataset) -> None:
    reached = float(result["reached"].values[0])
    if reached > SATURATED:
        course = result["activation"].values[0]
        first = int((course > SATURATED).argmax()) + 1 if (course > SATURATED).any() else course.size
        remedy = (
            f"Its course passes that in step {first} of {course.size}: take fewer steps, or raise what comes before "
            "the sigmoid, in ResMem target=('fc12', 0)."
        )
        message = advice(
            "the score", f"stay below {SATURATED} to tell pictures apart", listed(f"{reached:.5f}"), remedy
        )
        warnings.warn(message, SaturatedWarning, stacklevel=3)


def _labelled(aim: Target, pictures: Tensor, course: npt.NDArray[Any], reached: Tensor) -> xr.Dataset:
    labels = aim.labels
    unit = texts(labels) if isinstance(labels[0], str) else np.array(labels)
    made = np.moveaxis(pictures.detach().cpu().numpy().astype(np.float32), 1, -1)
    variables = {
        "picture": (("unit", "y", "x", "rgb"), made),
        "activation": (("unit", "step"), course),
        "reached": ("unit", reached.detach().cpu().numpy().astype(float)),
    }
    coords = {"unit": unit, "step": np.arange(1, course.shape[1] + 1), "rgb": texts(["red", "green", "blue"])}
    return xr.Dataset(variables, coords)
