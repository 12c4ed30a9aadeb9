"""From photographs to predicted scores, features, dissimilarities, statistics, figures and a page."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from memfeat import guards, models, plot, rdm, reduction, regression, rsa
from memfeat import images as pictures
from memfeat._frames import per_image, per_layer, prepared, write_attrs, write_csv
from memfeat._version import __version__
from memfeat.activations import extract
from memfeat.demo import page
from memfeat.demo.photographs import collect
from memfeat.plot.style import WRITTEN
from memfeat.prediction import predict

__all__ = ["ILLUSTRATION", "LAYERS", "Road", "run"]

log = logging.getLogger(__name__)

#: The 50 residual blocks. The mean over space of the last one is what the head is given.
LAYERS = "features.layer[1-4].*"
#: The layer whose RDM and map are drawn.
DRAWN = "features.layer4.2"
N_PERMUTATIONS = {"rsa": 9_999, "decode": 999}
SEED = 0
TABLES = ("scores.csv", "credits.csv", "rsa.csv", "decoding.csv")
#: What the statistics of the demo are, said wherever they stand.
ILLUSTRATION = (
    "An illustration, not a finding: {n} photographs are far too few, and were not sampled from anything. The scores "
    "are predictions, and no human memory was measured. The features come from the weights that predicted them, with "
    "batch statistics re-estimated (backbone released, which works offline): what relates the two says how one network "
    "sees these pictures. For an analysis that you publish use backbone imagenet, which has seen no memorability score."
)


#: Why predictions may be related to features that share their weights here; results keep it.
STAND_IN = "a demonstration: predictions stand in for scores, and no human memory was measured"


class Road(NamedTuple):
    """Everything the demo made, in order.

    Attributes
    ----------
    credits : DataFrame
        The photographs and whom to thank.
    images : Dataset (image)
        The image table.
    memory : Dataset (image)
        Predicted memorability.
    features : Dataset (image, ...)
        One variable per layer, read from the store.
    rdms : Dataset (layer, pair)
        Dissimilarities.
    rsa : Dataset (layer)
        RDMs against the model RDM made from the predicted scores.
    decoded : Dataset (layer)
        Predicted scores decoded from features.
    space : Dataset
        Two principal components of one layer.
    """

    credits: pd.DataFrame
    images: xr.Dataset
    memory: xr.Dataset
    features: xr.Dataset
    rdms: xr.Dataset
    rsa: xr.Dataset
    decoded: xr.Dataset
    space: xr.Dataset


def run(
    out: str | os.PathLike[str] = "memfeat-demo", *, device: str | None = None, progress: bool | None = None
) -> Road:
    """Walk the whole road and write what comes of it into a folder.

    Parameters
    ----------
    out : path
        The folder. Run again, features that are there already are not computed again and the other files are replaced;
        files of other names are left alone, and another photograph under the name of one of the demo's is refused.
    device : str, optional
        Where networks run; chosen by itself by default.
    progress : bool, optional
        Show progress bars; by default when stderr is a terminal.

    Returns
    -------
    Road
        The results. The folder holds `photographs/`, `scores.csv`, `credits.csv`, `features.zarr`, `rdm.nc`,
        `rsa.csv`, `decoding.csv`, `figures/` and `index.html`; beside each table lies a .json that says how it was
        made.

    Raises
    ------
    ArgumentError
        If nothing can be written there, or `photographs/` holds other photographs under the names of the demo's.
    MissingPackageError
        If scikit-image, which carries most of the photographs, is not installed.
    NoImageError
        If too few of the photographs are installed.
    """
    folder = prepared(Path(out) / "index.html", "out").parent
    credit = collect(folder / "photographs")
    road = _walk(folder, credit, {"device": device, "progress": progress})
    log.info("Writing tables, figures and the page")
    _write(road, folder)
    page.write(road, figures(road, folder), folder / "index.html", note=illustration(road))
    return road


def to_write(out: str | os.PathLike[str]) -> list[Path]:
    """List the files that a run replaces, but for the photographs and the features.

    Parameters
    ----------
    out : path
        The demo's folder.

    Returns
    -------
    list of Path
        The files.
    """
    folder = Path(out).expanduser()
    figures = [f"figures/{name}.{ending}" for name in page.FIGURES for ending in WRITTEN]
    return [folder / name for name in (*TABLES, "rdm.nc", "index.html", *figures)]


def illustration(road: Road) -> str:
    """Say what the statistics are worth.

    Parameters
    ----------
    road : Road
        The results.

    Returns
    -------
    str
        The sentence, with the number of photographs.
    """
    return ILLUSTRATION.format(n=road.images.sizes["image"])


def _walk(folder: Path, credit: pd.DataFrame, options: dict[str, Any]) -> Road:
    """Compute everything."""
    log.info("Reading %d photographs", len(credit))
    paths = [folder / "photographs" / name for name in credit["image"]]
    images = pictures.read(paths, root=folder / "photographs", progress=options["progress"])
    log.info("Predicting memorability with ResMem")
    memory = predict(images, **options)
    scores = memory["memorability"]
    log.info("Reading the features of 50 layers")
    network = models.load("resmem-frozen", backbone="released")
    features = extract(images, model=network, layers=LAYERS, store=folder / "features.zarr", **options).load()
    features = guards.allow(features, "circular", because=STAND_IN)
    log.info("Comparing dissimilarities with those of the predicted scores (RSA)")
    rdms = rdm.compute(features, metric="correlation")
    model_rdm = rdm.from_scores(scores, kind="both_memorable")
    compared = rsa.compare(rdms, model_rdm, n_permutations=N_PERMUTATIONS["rsa"], rng=SEED)
    log.info("Decoding the predicted scores from features")
    decoded = regression.decode(features, scores, n_permutations=N_PERMUTATIONS["decode"], rng=SEED)
    space = reduction.embed(features[DRAWN], "pca", n_components=2)
    return Road(credit, images, memory, features, rdms, compared, decoded, space)


def _write(road: Road, folder: Path) -> None:
    """Write the tables, each with how it was made beside it, and the RDMs."""
    by = {"memfeat_version": __version__, "method": "photographs that installed packages carry, and whom to thank"}
    tables: dict[str, tuple[pd.DataFrame, Mapping[Any, Any]]] = {
        "scores": (per_image(road.memory), road.memory.attrs),
        "credits": (road.credits, by),
        "rsa": (per_layer(road.rsa), road.rsa.attrs),
        "decoding": (per_layer(road.decoded), road.decoded.attrs),
    }
    for name, (table, attrs) in tables.items():
        write_csv(table, folder / f"{name}.csv")
        write_attrs(attrs, folder / f"{name}.csv")
    part = folder / "rdm.nc.part"
    road.rdms.to_netcdf(part, engine="h5netcdf")
    part.replace(folder / "rdm.nc")


def figures(road: Road, folder: Path) -> dict[str, Path]:
    """Draw the figures and write each as PNG and SVG.

    Parameters
    ----------
    road : Road
        The results.
    folder : Path
        The demo's folder.

    Returns
    -------
    dict of str to Path
        The SVG file of each figure.
    """
    scores = road.memory["memorability"]
    drawn = {
        "scores": plot.scores(road.memory, ax=plot.axes(height=60)),
        "map": plot.embedding(
            road.space, thumbnails=pictures.thumbnails(road.images), scores=scores, ax=plot.axes(width=140, height=100)
        ),
        "rdm": plot.rdm(road.rdms, layer=DRAWN, order=scores, ax=plot.axes(width=110, height=85)),
        "rsa": plot.layer_profile(road.rsa, ax=plot.axes(width="double", height=65)),
        "decoding": plot.layer_profile(road.decoded, ax=plot.axes(width="double", height=65)),
    }
    return {name: plot.save(ax, folder / "figures" / name)[1] for name, ax in drawn.items()}
