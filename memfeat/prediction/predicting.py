"""Memorability of images, with what to know about each number."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr
from PIL import Image
from torch import Tensor

from memfeat import _progress, guards
from memfeat._check import advice, listed
from memfeat._kept import reduction
from memfeat._labels import IMAGE, stamped
from memfeat.activations.engine import computation, forward
from memfeat.activations.feed import default_size
from memfeat.activations.options import Resolved, RunOptions, resolved
from memfeat.errors import ArgumentError, KindError
from memfeat.images.reading import tabled
from memfeat.models import Model, load
from memfeat.models.preprocessing import SquashAndCrop, described
from memfeat.prediction.views import CANONICAL, views

__all__ = ["predict"]


#: The network itself is the module without a name; its output is the prediction.
WHOLE = {"memorability": ("", 1)}
#: Photographs squashed more than this look unlike those the network was trained on.
SQUASHED = 2.0
COLUMNS = ("path", "sha256", "width", "height", "mode")
#: What names a view of an image.
VIEW = "view"
Said = dict[str, tuple[str, str]]
Array = npt.NDArray[np.float64]


class _Seen(NamedTuple):
    """Predictions of every image in every view."""

    scores: Array  # (view, n)
    failures: Said


def predict(
    images: Any,
    *,
    model: Model | None = None,
    tta: bool | Mapping[str, Callable[[Image.Image], Tensor]] = False,
    **options: Unpack[RunOptions],
) -> xr.Dataset:
    """Predict how memorable images are.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images: a table, a folder, a list of paths, a CSV, or a dict of named arrays.
    model : Model, optional
        A network that puts out one number per image; the released ResMem by default.
    tta : bool or mapping of callables
        Whether to also predict from other views of each image (test-time augmentation), and say how much the prediction
        moves: ten views, five crops (centre and corners) of the square that the image is squashed to, each as it is and
        mirrored. It takes ten times as long. For a network with a preprocessing of its own, name the further views:
        {"mirrored": function from a PIL image (RGB) to the network's input}.
    **options
        `device`, `batch_size`, `progress`, `workers`, `fast`, `autocast`, `tf32`: see Other Parameters.

    Returns
    -------
    Dataset (image)
        In the order of the table, one entry for every image, readable or not: `memorability` (a predicted hit rate
        between 0 and 1; NaN if the image cannot be read), `at_floor` (True if it is at or below the attribute `floor`:
        such images are forgettable, but their order among themselves means little; False for images that cannot be
        read, so take shares over those with `status == "ok"`), `warnings` (what may make the number less trustworthy),
        `status` and `reason` ("ok", or why not). Coordinates: path, sha256, width, height, mode. Attributes: model,
        variant, weights_sha256, preprocessing, computation, floor, n_images, n_unreadable, n_at_floor. With `tta` also
        `tta_mean` and `tta_sd` (standard deviation over views, with n − 1) and `tta_views (view, image)`, with the
        attribute tta_preprocessing; `memorability` stays the prediction from the network's own preprocessing.

    Other Parameters
    ----------------
    device : str or torch.device
        Where to compute; by default CUDA, else MPS, else the CPU.
    batch_size : int
        Images in one forward pass; by default at most 8 on a CPU and 64 on a GPU.
    progress : bool
        Whether to show a progress bar with the time left; by default when stderr is a terminal.
    workers : int
        Threads that decode images.
    fast : bool
        Fold batch norms into the convolutions before them; the attribute `computation` says so.
    autocast : {"bfloat16", "float16"}
        Compute in this type what torch.autocast thinks fit for it.
    tf32 : bool
        Let a GPU multiply float32 with 10 bits of mantissa.

    Raises
    ------
    ArgumentError
        If the network puts out more than one number per image, memfeat does not know how to vary its preprocessing, or
        an argument cannot be used; for in-memory images also if values lie outside their range.
    KindError
        If `images` or an option is of the wrong kind.

    See Also
    --------
    memfeat.extract : Activations of layers.

    Notes
    -----
    ResMem was trained on scenes and objects (LaMem, MemCat). Its authors caution against using it for faces as it is:
    a rank correlation of about .2 on faces is quoted from their release notes. On other sets its ranks hold better than
    its absolute values: on 1,479 scenes predictions lie .11 below measured hit rates on average (computed from the
    tables of Rim et al. 2025).

    `tta_sd` says how far a prediction depends on where the crop lies and on left and right, which people hardly care
    about. It is no standard error: it does not contain what the network gets wrong in every view.

    The floor is a soft saturation: when the image excites none of the head's hidden units, biases alone give .417 to
    .455. See `mf.models.registry.FLOOR`.

    References
    ----------
    Needell, C. D., & Bainbridge, W. A. (2022). Embracing new techniques in deep learning for estimating image
    memorability. Computational Brain & Behavior, 5, 168-184.
    """
    chosen = resolved(options)
    if model is not None and not isinstance(model, Model):
        remedy = "Load one: mf.models.load('resmem')."
        raise KindError(advice("model", "be a memfeat Model", listed(type(model).__name__), remedy))
    table = tabled(images, progress=chosen.progress)
    network = load("resmem") if model is None else model
    shown = views(network, tta)
    how = computation(network.module, chosen)
    seen = _predicted(table, network, chosen, list(shown.values()))
    result = _labelled(table, network, seen.scores[0], seen.failures)
    result.attrs |= {"computation": how} | guards.faces(table, network.provenance)
    return result if tta is False else _spread(result, seen.scores, shown)


def _predicted(
    table: xr.Dataset, model: Model, options: Resolved, transforms: list[Callable[[Image.Image], Tensor]]
) -> _Seen:
    names = [str(name) for name in table[IMAGE].values]
    readable = [name for name, status in zip(names, table["status"].values, strict=True) if status == "ok"]
    place = {name: i for i, name in enumerate(names)}
    scores = np.full((len(transforms), len(names)), np.nan)
    failures: Said = {}
    with _progress.bar(len(readable) * len(transforms), "predict", options.progress) as bar:
        for row, transform in zip(scores, transforms, strict=True):
            for group, values, failed in _groups(table, readable, replace(model, transform=transform), options):
                failures |= failed
                for name, value in zip(group, values, strict=True):
                    if name not in failed:
                        row[place[name]] = value
                bar.update(len(group))
    # a file that went bad halfway has no mean over views
    scores[:, [place[name] for name in failures]] = np.nan
    return _Seen(scores, failures)


def _spread(result: xr.Dataset, scores: Array, shown: Mapping[str, Callable[[Image.Image], Tensor]]) -> xr.Dataset:
    """Add what the views of each image have in common and how far they differ."""
    units = {"units": "1"}
    added = result.assign(
        tta_mean=(IMAGE, scores.mean(axis=0), units | {"long_name": "predicted memorability, mean over views"}),
        tta_sd=(IMAGE, scores.std(axis=0, ddof=1), units | {"long_name": "predicted memorability, SD over views"}),
        tta_views=((VIEW, IMAGE), scores, units | {"long_name": "predicted memorability in each view"}),
    ).assign_coords({VIEW: np.array(list(shown), dtype=object)})
    told = [f"{name}: {described(transform)}" for name, transform in shown.items()]
    return added.assign_attrs(tta_preprocessing=told, tta_n_views=len(shown), tta_canonical=CANONICAL)


def _groups(
    table: xr.Dataset, names: list[str], model: Model, options: Resolved
) -> Iterator[tuple[list[str], npt.NDArray[Any], Said]]:
    size = options.batch_size or default_size(len(names), options.device)
    groups = [names[start : start + size] for start in range(0, len(names), size)]
    capture = (WHOLE, reduction("flatten"))
    with closing(forward(table, groups, model, capture=capture, size=size, options=options)) as stream:
        for group in stream:
            values = group.values.get("memorability", np.full((len(group.names), 1), np.nan, dtype=np.float32))
            if values.shape[1:] != (1,):
                remedy = "Use mf.extract to read a network's other outputs."
                raise ArgumentError(
                    advice("model", "put out one number per image", listed(f"{values.shape[1]} numbers"), remedy)
                )
            yield group.names, values[:, 0], group.failures


def _labelled(table: xr.Dataset, model: Model, scores: npt.NDArray[np.float64], failures: Said) -> xr.Dataset:
    names = [str(name) for name in table[IMAGE].values]
    before = zip(map(str, table["status"].values), map(str, table["reason"].values), strict=True)
    said = [failures.get(name, known) for name, known in zip(names, before, strict=True)]
    at_floor = np.zeros(len(names), dtype=bool) if model.floor is None else scores <= model.floor
    frame = {
        "memorability": scores,
        "at_floor": at_floor,
        "warnings": np.array(_warnings(table, model, [status for status, _ in said], at_floor), dtype=object),
        "status": np.array([status for status, _ in said], dtype=object),
        "reason": np.array([reason for _, reason in said], dtype=object),
    }
    result = xr.Dataset(
        {name: (IMAGE, column) for name, column in frame.items()},
        coords={IMAGE: table[IMAGE].variable} | {name: table[name].variable for name in COLUMNS},
    )
    told = {"head": model.provenance.get("head"), "floor": model.floor}
    result["memorability"].attrs = {
        "long_name": "predicted memorability",
        "units": "1",
        **guards.origin(model.provenance),
        # a column that was taken out still says when it is saturated, and what it may have been trained on
        **{name: value for name, value in told.items() if value is not None},
    }
    unreadable = [name for name, (status, _) in zip(names, said, strict=True) if status != "ok"]
    counts = {"n_images": len(names), "n_unreadable": len(unreadable), "n_at_floor": int(at_floor.sum())}
    licence = model.provenance.get("weights_licence")
    return stamped(
        result,
        model.provenance,
        floor=model.floor,
        trunk_sha256=model.provenance.get("trunk_sha256"),
        weights_licence=licence,
        **counts,
        unreadable=json.dumps(unreadable),
    )


def _warnings(table: xr.Dataset, model: Model, status: list[str], at_floor: npt.NDArray[np.bool_]) -> list[str]:
    columns = (table[name].values for name in ("width", "height", "mode"))
    rows = zip(status, at_floor, *columns, strict=True)
    return ["; ".join(_warned(model.transform, *row)) if said == "ok" else "" for said, *row in rows]


def _warned(transform: Any, at_floor: bool, width: int, height: int, mode: str) -> Iterator[str]:
    if at_floor:
        yield "at the floor"
    if isinstance(transform, SquashAndCrop):
        if min(width, height) < transform.resize:
            yield f"enlarged from {width} × {height}"
        if max(width, height) > SQUASHED * min(width, height):
            yield f"squashed {max(width, height) / min(width, height):.1f} : 1"
    if mode != "RGB":
        yield f"mode {mode} made RGB"
