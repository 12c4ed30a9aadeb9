"""The demo's page: one file that needs nothing else, to read on screen or to print."""

import io
import platform
import textwrap
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
import torch
import xarray as xr
from PIL import Image

from memfeat import images as pictures
from memfeat._frames import per_image, per_layer
from memfeat._version import __version__
from memfeat.report.figures import data_uri

if TYPE_CHECKING:
    from memfeat.demo.road import Road

__all__ = ["FIGURES", "NEXT", "SHOWN_LAYERS", "in_short", "write"]

#: What stands under each figure: title, and how to read it.
FIGURES = {
    "scores": (
        "Predicted memorability",
        "The share of people who would recognise each photograph, as ResMem predicts it. The dashed line is the "
        "predictor's floor: at or below it, the order of images means little.",
    ),
    "map": (
        "Which photographs are alike",
        "Two principal components of the features in the last residual block (features.layer4.2). The frames are "
        "coloured by predicted memorability.",
    ),
    "rdm": (
        "Dissimilarities",
        "One minus the correlation of the features of every two photographs, in the last residual block; photographs "
        "sorted by predicted memorability.",
    ),
    "rsa": (
        "Where are memorable photographs alike? (RSA)",
        "Correlation of each layer's dissimilarities with a model in which two memorable photographs are alike and two "
        "forgettable ones are not.",
    ),
    "decoding": (
        "Where can the predicted score be read out? (ridge regression)",
        "Correlation of the scores with those predicted for photographs that the regression was not fitted to. With "
        "nothing to find it lies below zero, because each fifth of the photographs is predicted around the mean of the "
        "others: compare with p, which takes this into account.",
    ),
}
#: The last block of each stage: chosen by their place, not by their result.
SHOWN_LAYERS = (
    "features.layer1.2", "features.layer2.7", "features.layer3.35", "features.layer4.2",
)  # fmt: skip
#: How to read the signs of decoding: said under its numbers.
CHANCE = (
    "A ρ below 0 is no finding. Where nothing can be read out, ρ of decoding lies about {chance:.2f} here (its mean "
    "over permuted scores), because each fifth of the photographs is predicted around the mean of the others, and it "
    "scatters widely around that. Whether ρ is above it, p says."
)
HEAD = f"{'ρ':>5} {'95 % interval':<15} {'p corr':>6}"
#: What to run next, on one's own photographs.
NEXT = (
    "memfeat predict PHOTOS -o memorability.csv",
    "memfeat extract PHOTOS --model resmem-frozen --backbone imagenet --layers blocks -o features.zarr",
    "memfeat rsa features.zarr --scores my_scores.csv --column hit_rate -o rsa.csv",
    "memfeat decode features.zarr --scores my_scores.csv --column hit_rate -o decoding.csv",
)


def write(road: "Road", figures: Mapping[str, Path], path: Path, *, note: str) -> None:
    """Write the page.

    Parameters
    ----------
    road : Road
        The results.
    figures : mapping of str to Path
        The SVG file of each figure.
    path : Path
        Where to.
    note : str
        What the statistics are worth.
    """
    template = files("memfeat.demo").joinpath("page.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    text = environment.from_string(template).render(
        note=note,
        rows=_rows(road),
        figures=[(name, *FIGURES[name], data_uri(file.read_bytes())) for name, file in figures.items()],
        layers=_layers(road.rsa, road.decoded),
        facts=_facts(road),
        next=NEXT,
        n=road.images.sizes["image"],
        n_layers=road.rsa.sizes["layer"],
    )
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def in_short(road: "Road", *, note: str) -> str:
    """Give the results as a page of text.

    Parameters
    ----------
    road : Road
        The results.
    note : str
        What the statistics are worth.

    Returns
    -------
    str
        Two tables and the note.
    """
    images = per_image(road.memory).sort_values(["memorability", "image"], ascending=[False, True])
    table = images[["image", "memorability", "warnings"]].to_string(index=False, float_format="%.2f", na_rep="")
    rows = [
        f"{row['layer']:<22}{_estimate(row['rsa'])}   {_estimate(row['decoding'])}"
        for row in _layers(road.rsa, road.decoded)
    ]
    head = f"{'layer':<22}{'RSA':<28}   {'decoding':<28}\n{'':<22}{HEAD}   {HEAD}"
    chance = float(road.decoded["null_mean"].sel(layer=list(SHOWN_LAYERS)).mean())
    texts = [textwrap.fill(text, 100) for text in (CHANCE.format(chance=chance).replace("-", "−"), note)]
    return "\n".join([table, "", head, *rows, "", texts[0], "", texts[1]])


def _estimate(row: Mapping[str, float]) -> str:
    interval = f"[{row['ci_low']:5.2f}, {row['ci_high']:5.2f}]"
    return f"{row['estimate']:5.2f} {interval:<15} {row['p_corrected']:6.3f}"


def _rows(road: "Road") -> list[dict[str, Any]]:
    """Give what the table of photographs shows, most memorable first."""
    table = per_image(road.memory).merge(road.credits, on="image", how="left")
    small = pictures.thumbnails(road.images, size=64)
    thumbs = {str(name): data_uri(_png(one), "png") for name, one in zip(small.image.values, small.values, strict=True)}
    ranked = table.sort_values(["memorability", "image"], ascending=[False, True], na_position="last")
    rows: list[dict[Any, Any]] = ranked.to_dict("records")
    return [row | {"thumbnail": thumbs.get(row["image"], "")} for row in rows]


def _layers(compared: xr.Dataset, decoded: xr.Dataset) -> list[dict[str, Any]]:
    """Put RSA and decoding of a few layers side by side."""
    keep = ["estimate", "ci_low", "ci_high", "p_corrected"]
    frames = [per_layer(one).set_index("layer")[keep] for one in (compared, decoded)]
    return [
        {"layer": name, "rsa": frames[0].loc[name].to_dict(), "decoding": frames[1].loc[name].to_dict()}
        for name in SHOWN_LAYERS
        if name in frames[0].index
    ]


def _facts(road: "Road") -> dict[str, str]:
    """Say what made these numbers."""
    return {
        "Predictor": f"{road.memory.attrs.get('model', 'resmem')}, weights sha256 "
        f"{road.memory.attrs.get('weights_sha256', '')}",
        "Features": f"{road.features.attrs.get('model', '')}, backbone {road.features.attrs.get('backbone', '')}, "
        f"{len(road.features.data_vars)} layers, mean over space, weights sha256 "
        f"{road.features.attrs.get('weights_sha256', '')}",
        "Preprocessing": str(road.features.attrs.get("preprocessing", "")),
        "RSA": f"Spearman correlation, {road.rsa.attrs.get('n_permutations', '')} permutations of images, "
        f"seed {road.rsa.attrs.get('seed', '')}",
        "Decoding": f"ridge regression, {road.decoded.attrs.get('n_folds', '')} folds, "
        f"{road.decoded.attrs.get('n_permutations', '')} permutations, seed {road.decoded.attrs.get('seed', '')}",
        "Software": f"memfeat {__version__}, torch {torch.__version__}, Python {platform.python_version()}",
    }


def _png(pixels: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()
