"""Which parts of images a number of a network depends on."""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from memfeat import _progress, guards
from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat._labels import IMAGE, stamped
from memfeat.activations.feed import Batch, batches
from memfeat.activations.options import Resolved, RunOptions, resolved
from memfeat.activations.placement import precise
from memfeat.attribution.lights import Edges, Light, light_of, seen
from memfeat.attribution.methods import CHANNELS, METHODS, Question
from memfeat.attribution.targets import SCORE, Target, aimed, differentiable, on_map, place_of
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, NoImageError
from memfeat.images.reading import tabled
from memfeat.models import Model
from memfeat.models.layers import layers as listing

__all__ = ["AttributionOptions", "attribute"]

Array = npt.NDArray[Any]
#: Images in one pass: gradients need the outputs of all layers at once.
SIZES = {"cpu": 4}
SIZE_ELSEWHERE = 32
#: The last map of ResMem's ResNet branch, which is not the last that is computed.
USUAL_LAYER = "features.layer4"
#: Which options say how to run, and not what to compute.
RUNNING = ("device", "batch_size", "progress", "workers")
SEEDS = 2**63


class AttributionOptions(TypedDict, total=False):
    """Options of :func:`attribute`; those without a method named belong to all.

    `pool` : "mean" (default), "max" or "centre", how the places of a target layer's map become one number.
    `channels` : "max" or "sum", for "gradient", "smoothgrad" and "integrated_gradients": the largest absolute value
    among the three colour channels (default of the first two), or their sum with its sign.
    `n_samples` : int, noisy copies for "smoothgrad" (default 25).
    `noise` : float, their standard deviation, as a share of each image's range (default 0.15).
    `n_steps` : int, steps along the line for "integrated_gradients" (default 50).
    `baseline` : float or "mean", for "integrated_gradients" and "occlusion": a brightness from 0 (black, default of the
    first) to 1, of which 0.5 is the default of the second, or each image's own mean colour.
    `layer` : str, the map that "grad_cam" reads; by default the last one before the target.
    `window`, `stride` : int, side of the squares for "occlusion" and distance between them, in pixels of the network's
    input (defaults 32 and 16).
    `device`, `batch_size`, `progress`, `workers` : as for :func:`memfeat.extract`.
    """

    pool: Literal["mean", "max", "centre"]
    channels: Literal["max", "sum"]
    n_samples: int
    noise: float
    n_steps: int
    baseline: float | Literal["mean"]
    layer: str
    window: int
    stride: int
    device: str | torch.device | None
    batch_size: int | None
    progress: bool | None
    workers: int | None


class _Plan(NamedTuple):
    """All that does not depend on the images."""

    model: Model
    method: str
    aim: Target
    settings: dict[str, Any]
    options: Resolved
    light: Light
    edges: Callable[[int, int], Edges]
    key: int | None

    def baseline(self, batch: Tensor) -> Tensor:
        level = self.settings["baseline"]
        if level == "mean":
            return batch.mean(dim=(2, 3), keepdim=True).expand_as(batch)
        return self.light.given(torch.full_like(batch, float(level)))

    def rngs(self, names: list[str]) -> list[np.random.Generator]:
        """Seed each image by its name, so that no result depends on which images go together."""
        if self.key is None:
            return []
        words = (np.frombuffer(hashlib.sha256(name.encode()).digest(), np.uint32) for name in names)
        return [np.random.default_rng([self.key, *one.tolist()]) for one in words]


def attribute(
    images: Any,
    *,
    model: Model,
    method: str = "gradient",
    target: Any = SCORE,
    rng: int | np.random.Generator | None = None,
    **options: Unpack[AttributionOptions],
) -> xr.DataArray:
    """Say, pixel by pixel, what a predicted score or a unit depends on.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images.
    model : Model
        From `mf.models.load` or `mf.models.wrap`.
    method : {"gradient", "smoothgrad", "integrated_gradients", "grad_cam", "occlusion"}
        How, see Notes. The last three need the extra `memfeat[attribution]`.
    target : "score", (layer, unit) or (layer, direction)
        Of which number: the network's only output, a unit (channel) of a layer, or a weighted sum of its channels.
    rng : int or numpy.random.Generator, optional
        Seed of "smoothgrad". What an image gets depends on it and on the image's name, not on the others.
    **options
        Of the method, and how to run: see Other Parameters.

    Returns
    -------
    DataArray (image, y, x)
        One map for each image that can be read, in the order of the table, on the grid of the network's input (`y`, `x`
        count its pixels). Coordinates: `width` and `height` of the image, and `left`, `top`, `right`, `bottom`: the
        part of it that the network sees, in pixels of the image, which the map covers from edge to edge.
        Attributes: method, target, layer, unit, every option, seed, the network's origin, `left_out`.

    Other Parameters
    ----------------
    pool : {"mean", "max", "centre"}
        How the places of a target layer's map become one number.
    channels : {"max", "sum"}
        Of gradients: the largest absolute value among colour channels, or their sum with its sign.
    n_samples, noise : int, float
        Of "smoothgrad": how many noisy copies (25), and their noise as a share of the image's range (0.15).
    n_steps : int
        Of "integrated_gradients": steps along the line (50).
    baseline : float or "mean"
        Of "integrated_gradients" (0, black) and "occlusion" (0.5, grey): brightness, or each image's own mean colour.
    layer : str
        Of "grad_cam": whose map. By default the last before the target with more than one place; in ResMem, whose
        convolutional branch is computed after its trunk, "features.layer4".
    window, stride : int
        Of "occlusion": side of the squares (32) and distance between them (16), in pixels of the network's input.
    device, batch_size, progress, workers : object
        As for `mf.extract`; by default 4 images in one pass on a CPU and 32 on a GPU.

    Raises
    ------
    KindError, UnknownNameError
        If an argument is of the wrong kind, or there is no such layer or option.
    ArgumentError
        If an option belongs to another method or lies outside its range, there is no such unit, several are asked for,
        the network puts out no score, a layer without a map is named for "grad_cam", or the preprocessing does more
        than to resize, crop, scale and shift.
    NoImageError
        If no image can be read.
    MissingPackageError
        If captum is not installed and the method needs it.

    Warns
    -----
    MemfeatWarning
        If images are left out; the attribute `left_out` says why.
    FacesWarning
        If ResMem's score is asked about for images that are declared as faces.

    See Also
    --------
    memfeat.plot.attribution : Draws a map over its image.

    Notes
    -----
    With f the number and x the network's input:

    - "gradient" (Simonyan et al., 2014): ∂f/∂x, how f changes with each pixel.
    - "smoothgrad" (Smilkov et al., 2017): the mean of ∂f/∂x over copies of x with Gaussian noise.
    - "integrated_gradients" (Sundararajan et al., 2017): (x − x′) × the mean of ∂f/∂x on the line from the baseline x′
      to x, by Gauss-Legendre quadrature. The values of an image add up to f(x) − f(x′) with channels="sum".
    - "grad_cam" (Selvaraju et al., 2017): channels of a layer's map, each weighted by the mean of its gradient; what
      is positive of their sum, enlarged to the input by bilinear interpolation.
    - "occlusion" (Zeiler & Fergus, 2014): how much f falls when a square is covered, mean over the squares on a pixel.

    A map says what the network's number depends on, and not what makes people remember. Maps that look alike for a
    trained and an untrained network show the image, not the network (Adebayo et al., 2018): compare with
    mf.models.load("resmem-frozen", backbone="random", rng=0).

    References
    ----------
    Adebayo, J., Gilmer, J., Muelly, M., Goodfellow, I., Hardt, M., & Kim, B. (2018). Sanity checks for saliency maps.
    Advances in Neural Information Processing Systems 31.

    Selvaraju, R. R., et al. (2017). Grad-CAM: Visual explanations from deep networks via gradient-based localization.
    ICCV, 618-626.

    Simonyan, K., Vedaldi, A., & Zisserman, A. (2014). Deep inside convolutional networks. ICLR workshop.

    Smilkov, D., Thorat, N., Kim, B., Viégas, F., & Wattenberg, M. (2017). SmoothGrad: removing noise by adding noise.
    arXiv:1706.03825.

    Sundararajan, M., Taly, A., & Yan, Q. (2017). Axiomatic attribution for deep networks. ICML, 3319-3328.

    Zeiler, M. D., & Fergus, R. (2014). Visualizing and understanding convolutional networks. ECCV, 818-833.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from torchvision.transforms.functional import to_tensor
    >>> from memfeat.models import wrap
    >>> grey = {"grey": np.full((4, 4, 3), 128, np.uint8)}
    >>> model = wrap(torch.nn.Conv2d(3, 1, 1), to_tensor)
    >>> maps = attribute(grey, model=wrap(torch.nn.Sequential(model.module), to_tensor), target=("0", 0))
    >>> maps.shape, bool((maps == maps[0, 0, 0]).all())
    ((1, 4, 4), True)
    """
    known_options(options, AttributionOptions, attribute)
    settings = _settings(method, options)
    running: RunOptions = {
        "device": options.get("device"),
        "batch_size": options.get("batch_size"),
        "progress": options.get("progress"),
        "workers": options.get("workers"),
    }
    chosen = resolved(running)
    aim = aimed(model, target, options.get("pool", "mean"))
    if len(aim.labels) > 1:
        raise ArgumentError(advice("target", "name one unit", listed.of(aim.labels), "Call it once for each."))
    if method == "grad_cam":
        settings |= _map_of(model, settings["layer"], aim)
    key, seed = _seeded(method, rng)
    table = tabled(images, progress=chosen.progress)
    light = light_of(model)
    plan = _Plan(model, method, aim, settings, chosen, light, seen(model, light), key)
    # before the work, because a preprocessing may be refused
    _parts(table, plan)
    names, maps, left_out = _computed(table, plan)
    cautions = guards.faces(table, model.provenance) if aim.layer == SCORE else {}
    return _labelled(table.sel({IMAGE: names}), maps, plan, {"seed": seed, "left_out": json.dumps(left_out)} | cautions)


def _settings(method: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check what was given for the method, and fill in the rest."""
    takes = METHODS[one_of("method", method, METHODS)].options
    given = {name: value for name, value in options.items() if name not in (*RUNNING, "pool")}
    extra = [name for name in given if name not in takes]
    if extra:
        remedy = f"It takes {', '.join(takes)}."
        raise ArgumentError(advice("options", f"belong to method {method!r}", listed(", ".join(extra)), remedy))
    settings = {**takes, **given}
    for name in ("n_samples", "n_steps", "window", "stride"):
        if name in settings:
            count(name, settings[name])
    if "stride" in settings and settings["stride"] > settings["window"]:
        remedy = "Pixels between the squares would never be covered."
        rule = f"be at most the window, {settings['window']}"
        raise ArgumentError(advice("stride", rule, settings["stride"], remedy))
    if "channels" in settings:
        one_of("channels", settings["channels"], CHANNELS)
    for name, most in {"noise": np.inf, "baseline": 1}.items():
        if name in settings and not (name == "baseline" and settings[name] == "mean"):
            _must_lie(name, settings[name], most)
    return settings


def _must_lie(name: str, value: Any, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise KindError(advice(name, "be a number", value))
    if not 0 <= value <= most or not np.isfinite(value):
        raise ArgumentError(advice(name, f"lie from 0 to {most:g}" if most < np.inf else "be finite, from 0", value))


def _map_of(model: Model, layer: Any, aim: Target) -> dict[str, Any]:
    """Find the map that Grad-CAM reads, and the module that it comes from."""
    row = place_of(model, _last_map(listing(model), aim) if layer is None else layer)
    on_map(row)
    if "@" in row["name"]:
        remedy = "Choose a module that is called once."
        raise ArgumentError(advice("layer", "be the only call of its module for 'grad_cam'", row["name"], remedy))
    if tuple(row["axes"]) != ("channel", "y", "x"):
        raise ArgumentError(advice("layer", "have its channels first for 'grad_cam'", listed(", ".join(row["axes"]))))
    return {"layer": str(row["name"]), "module": str(row["module"])}


def _last_map(table: pd.DataFrame, aim: Target) -> str:
    """Choose the last map before the target."""
    if aim.layer != SCORE:
        table = table.iloc[: table["name"].tolist().index(aim.layer)]
    elif USUAL_LAYER in set(table["name"]):
        return USUAL_LAYER
    maps = [
        str(name)
        for name, axes, shape in zip(table["name"], table["axes"], table["shape"], strict=True)
        if tuple(axes) == ("channel", "y", "x") and shape[1] * shape[2] > 1 and "@" not in name
    ]
    if not maps:
        remedy = "Name one: layer=…; mf.models.layers(model) lists them."
        raise ArgumentError(advice("layer", "be said where no map comes before the target", listed("none"), remedy))
    return maps[-1]


def _seeded(method: str, rng: Any) -> tuple[int | None, str | None]:
    if not METHODS[method].draws:
        return None, None
    random, seed = generator(rng)
    return int(random.integers(SEEDS)), seed


def _computed(table: xr.Dataset, plan: _Plan) -> tuple[list[str], Array, list[dict[str, str]]]:
    """Give names of images that could be read, their maps, and what is known about the others."""
    rows = zip(*(map(str, table[name].values) for name in (IMAGE, "status", "reason")), strict=True)
    known = {name: (status, reason) for name, status, reason in rows}
    readable = [name for name, (status, _) in known.items() if status == "ok"]
    names: list[str] = []
    found: list[Array] = []
    with _progress.bar(len(readable), plan.method, plan.options.progress) as bar:
        for batch, maps in _maps(table, readable, plan):
            known |= batch.failures
            names += [name for name in batch.names if name not in batch.failures]
            found += [] if maps is None else [maps]
            bar.update(len(batch.names))
    left_out = [{"image": n, "status": s, "reason": r} for n, (s, r) in known.items() if s != "ok"]
    which = listed.of(f"{row['image']}: {row['status']}" for row in left_out)
    if not names:
        remedy = "mf.images.ledger(mf.images.read(...)) says why."
        raise NoImageError(advice("images", "hold at least one readable image", listed(f"others, {which}"), remedy))
    if left_out:
        message = f"Images left out, {which}. The attribute 'left_out' of the maps says why."
        warnings.warn(message, MemfeatWarning, stacklevel=4)
    return names, np.concatenate(found), left_out


def _maps(table: xr.Dataset, names: list[str], plan: _Plan) -> Iterator[tuple[Batch, Array | None]]:
    """Run the method batch by batch; there is no map where no image of a batch can be read."""
    device = plan.options.device
    size = plan.options.batch_size or min(SIZES.get(device.type, SIZE_ELSEWHERE), max(1, len(names)))
    groups = [names[start : start + size] for start in range(0, len(names), size)]
    feed = batches(table, groups, plan.model, size=size, workers=plan.options.workers)
    with closing(feed), differentiable(plan.model, plan.aim, device) as (numbers, module):
        parameter = next(module.parameters(), None)
        for batch in feed:
            rows = [i for i, name in enumerate(batch.names) if name not in batch.failures]
            if not rows:
                yield batch, None
                continue
            values = batch.values[rows].to(device, batch.values.dtype if parameter is None else parameter.dtype)
            rngs = plan.rngs([batch.names[i] for i in rows])
            question = Question(lambda x: numbers(x)[:, 0], module, plan.settings, plan.baseline, rngs)
            yield batch, _one_map(question, values, plan)


def _one_map(question: Question, batch: Tensor, plan: _Plan) -> Array:
    """Run the method on a batch: one map per image (n, y, x)."""
    # Around one batch and not around the generator, which would leave modes on in its caller's code.
    with torch.enable_grad(), precise(False), _without_third_words():
        found = METHODS[plan.method].of(question, batch.contiguous())
    one: Callable[[Tensor], Tensor] = CHANNELS.get(plan.settings.get("channels", ""), lambda maps: maps)
    return np.asarray(one(found).detach().cpu().numpy())


def _without_third_words() -> warnings.catch_warnings:
    return warnings.catch_warnings(action="ignore")


def _parts(table: xr.Dataset, plan: _Plan) -> list[Edges]:
    """Give the part of each readable image that the network sees."""
    readable = table.isel({IMAGE: np.asarray(table["status"].values == "ok")})
    sizes = zip(readable["width"].values, readable["height"].values, strict=True)
    return [plan.edges(int(width), int(height)) for width, height in sizes]


def _labelled(table: xr.Dataset, maps: Array, plan: _Plan, facts: dict[str, Any]) -> xr.DataArray:
    sides = zip(Edges._fields, zip(*_parts(table, plan), strict=True), strict=True)
    coords: dict[str, Any] = {name: table[name].variable for name in (IMAGE, "width", "height")}
    coords |= {name: (IMAGE, np.array(values), {"units": "pixels"}) for name, values in sides}
    coords |= {axis: np.arange(size) for axis, size in zip(("y", "x"), maps.shape[1:], strict=True)}
    result = xr.DataArray(maps, coords, (IMAGE, "y", "x"), name="attribution")
    told = {name: value for name, value in plan.settings.items() if name != "module"}
    if plan.method == "grad_cam":
        told["cam_layer"] = told.pop("layer")
    sign = "absolute " if plan.settings.get("channels") == "max" else ""
    said = {"long_name": f"{sign}{METHODS[plan.method].said}", "n_images": len(maps)}
    return stamped(result, plan.model.origin(), method=plan.method, **(told | plan.aim.said | said | facts))
