"""The figures of docs/gallery.md: each function here makes one, `make docs` runs them all, and so do the tests.

Numbers are made up, with a seed; photographs are those of the demo that are in the public domain. A function is called
as the one of `mf.plot` that it shows, with a further word where there are two.
"""

import inspect
import tempfile
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

import memfeat as mf
from memfeat.demo import collect

FIGURES: dict[str, Callable[[Axes | None], Axes]] = {}
#: Terms under which photographs may be printed and committed.
FREE = ("public domain", "CC0", "no known restrictions")
LAYERS = ["conv1", "layer1", "layer2", "layer3", "layer4", "fc"]
NETWORK = Path(__file__).parents[1] / "tests" / "data" / "resmem_layers.csv"


def figure(draw: Callable[[Axes | None], Axes]) -> Callable[[Axes | None], Axes]:
    """Put a figure into the gallery."""
    FIGURES[draw.__name__] = draw
    return draw


# what is shown ------------------------------------------------------------------------------------------------------


@cache
def world() -> xr.Dataset:
    """Sixty images that do not exist: what makes them memorable, measured and predicted scores."""
    rng = np.random.default_rng(20)
    names = [f"scene_{k:02d}.jpg" for k in range(60)]
    what = rng.normal(size=(60, 3))
    true = np.clip(0.72 + 0.1 * what[:, 0] + 0.05 * what[:, 1], 0.2, 0.98)
    columns = {"hit_rate": rng.binomial(40, true) / 40, "memorability": np.clip(0.3 + 0.6 * true, 0.42, 1)}
    columns["memorability"] = columns["memorability"] + rng.normal(scale=0.03, size=60)
    table = xr.Dataset({name: ("image", values) for name, values in columns.items()}, {"image": names})
    return table.assign(what=(("image", "part"), what)).assign_attrs(floor=0.57, model="made up")


@cache
def features(shift: float = 0.0) -> xr.Dataset:
    """Features of six layers, which show more of it the deeper they are."""
    rng, what = np.random.default_rng(3), world()["what"].values
    columns = {}
    for k, layer in enumerate(LAYERS):
        noise = rng.normal(size=(60, 12))
        signal = what @ rng.normal(size=(3, 12)) * 0.4 * k
        other = np.random.default_rng(7).normal(size=(60, 12)) * shift * k
        columns[layer] = (("image", f"{layer}:channel"), noise + signal + other)
    return xr.Dataset(columns, {"image": world()["image"].values})


@cache
def compared() -> xr.Dataset:
    rdms = mf.rdm.compute(features())
    return mf.rsa.compare(rdms, reference(), n_permutations=499, n_bootstraps=200, reliability={"split_half": 0.5})


@cache
def reference() -> xr.Dataset:
    return mf.rdm.from_scores(world()["hit_rate"], kind="nearest")


@cache
def photographs() -> xr.Dataset:
    """The demo's photographs with free terms, in a folder of their own."""
    folder = Path(tempfile.mkdtemp())
    table = collect(folder).set_index("image")
    free = table.index[table["licence"].isin(FREE)]
    images = mf.images.read([folder / name for name in free])
    names = [Path(str(path)).name for path in images["path"].values]
    shows = [table.loc[name, "shows"] for name in names]
    rng = np.random.default_rng(1)
    images = images.assign_coords(image=shows, hit_rate=("image", rng.uniform(0.4, 0.95, len(names)).round(2)))
    return images.isel(image=np.argsort(shows))


@cache
def thumbnails() -> xr.DataArray:
    return mf.images.thumbnails(photographs(), size=64)


@cache
def seen() -> xr.Dataset:
    """Colours of small pictures, as features."""
    small = thumbnails()
    values = small.values[:, ::8, ::8].reshape(small.sizes["image"], -1).astype(float)
    return mf.features.from_array(values, list(small["image"].values), layer="pixels")


@cache
def network() -> pd.DataFrame:
    """The table of layers of ResMem, mf.models.layers(mf.models.load("resmem")), as the tests keep it."""
    table = pd.read_csv(NETWORK)
    return table.assign(shape=[tuple(map(int, shape.split("x"))) for shape in table["shape"]])


# figures ------------------------------------------------------------------------------------------------------------


@figure
def scores(ax: Axes | None = None) -> Axes:
    """Predicted scores of a set of images, with the value below which the predictor never goes."""
    return mf.plot.scores(world(), ax=ax)


@figure
def score_distributions(ax: Axes | None = None) -> Axes:
    """Predicted scores beside measured ones."""
    found = mf.evaluation.score_distributions(world()["memorability"], world()["hit_rate"], n_bins=16)
    return mf.plot.score_distributions(found, ax=ax)


@figure
def calibration_curve(ax: Axes | None = None) -> Axes:
    """Whether images that are predicted alike are remembered as predicted."""
    found = mf.evaluation.calibration_curve(world()["memorability"], world()["hit_rate"], n_bins=6, n_bootstraps=200)
    return mf.plot.calibration_curve(found, ax=ax)


@figure
def error_by_cutoff(ax: Axes | None = None) -> Axes:
    """How large errors are once the images with the lowest predictions are left out."""
    found = mf.evaluation.error_by_cutoff(world()["memorability"], world()["hit_rate"], n_bootstraps=200)
    return mf.plot.error_by_cutoff(found, ax=ax)


@figure
def memorable(ax: Axes | None = None) -> Axes:
    """The images with the highest and the lowest scores (made up for these photographs)."""
    images = photographs()
    return mf.plot.memorable(images["hit_rate"], images, n=5, ax=ax)


@figure
def image_grid(ax: Axes | None = None) -> Axes:
    """Pictures side by side: images that activate a unit most, crops of them, or pictures made for a unit."""
    return mf.plot.image_grid(thumbnails()[:8], columns=4, title="Pictures of one size", ax=ax)


@figure
def attribution(ax: Axes | None = None) -> Axes:
    """What a score depends on in an image, over the image (the map is made up: how far from grey each place is)."""
    large = mf.images.thumbnails(photographs().isel(image=[0]), size=256)
    far = abs(large.mean("rgb") - 128).coarsen(y=16, x=16).mean() / 128
    maps = far.drop_vars([name for name in far.coords if name != "image"]).rename(None)
    sides = {"left": 0, "top": 0, "right": large["width"], "bottom": large["height"]}
    sides |= {"width": large["width"], "height": large["height"]}
    maps = maps.assign_coords({name: ("image", np.atleast_1d(side)) for name, side in sides.items()})
    attrs = {"method": "gradient", "target": "score", "model": "made up", "long_name": "distance from grey"}
    return mf.plot.attribution(maps.assign_attrs(attrs), thumbnails=large, ax=ax)


@figure
def rdm(ax: Axes | None = None) -> Axes:
    """How unlike images are, sorted by a score, with the images along both axes."""
    rdms = mf.rdm.compute(seen(), metric="euclidean")
    return mf.plot.rdm(rdms, order=photographs()["hit_rate"], thumbnails=thumbnails(), ax=ax)


@figure
def gram(ax: Axes | None = None) -> Axes:
    """How alike images are in a layer whose features are less their means, sorted by a score."""
    grams = mf.gram.compute(seen(), centre="features")
    return mf.plot.gram(grams, order=photographs()["hit_rate"], ax=ax)


@figure
def rdm_groups(ax: Axes | None = None) -> Axes:
    """The same, sorted by a category and by the score within it."""
    images = photographs()
    high = xr.where(images["hit_rate"] > 0.7, "above .7", "up to .7").rename("range")
    rdms = mf.rdm.compute(seen(), metric="euclidean")
    return mf.plot.rdm(rdms, order=images["hit_rate"], groups=high, ax=ax)


@figure
def embedding(ax: Axes | None = None) -> Axes:
    """Images where an embedding puts them; frames have the colour of the score, and no picture covers another image."""
    space = mf.reduction.embed(seen()["pixels"], "pca", n_components=2)
    scores = photographs()["hit_rate"]
    return mf.plot.embedding(space, thumbnails=thumbnails(), scores=scores, overlap="hide", ax=ax)


@figure
def layer_profile(ax: Axes | None = None) -> Axes:
    """How well the RDMs of layers agree with that of the scores."""
    return mf.plot.layer_profile(compared(), ax=ax)


@cache
def differences() -> xr.Dataset:
    return mf.rsa.contrast(mf.rdm.compute(features()), reference(), n_bootstraps=200)


@figure
def models(ax: Axes | None = None) -> Axes:
    """Layers, or models, beside each other, with the differences that pass a corrected test."""
    return mf.plot.models(compared(), contrasts=differences(), ax=ax)


@cache
def hypotheses() -> xr.Dataset:
    kinds = ["nearest", "both_memorable", "both_forgettable"]
    rdms = mf.rdm.compute(features())
    parts = [mf.rdm.from_scores(world()["hit_rate"], kind=kind) for kind in kinds]
    found = [mf.rsa.compare(rdms, part, n_permutations=199, n_bootstraps=0) for part in parts]
    named = pd.Index([kind.replace("_", " ") for kind in kinds], name="hypothesis")
    return xr.concat(found, named, combine_attrs="override")


@figure
def layer_map(ax: Axes | None = None) -> Axes:
    """Layers against several references: regions, times, or model RDMs as here."""
    return mf.plot.layer_map(hypotheses(), ax=ax)


@figure
def layer_similarity(ax: Axes | None = None) -> Axes:
    """How alike layers are (CKA)."""
    return mf.plot.layer_similarity(mf.reduction.cka(features()), ax=ax)


@cache
def drifted() -> xr.Dataset:
    return mf.drift.compare(features(), features(0.3), n_bootstraps=200)


@figure
def drift_profile(ax: Axes | None = None) -> Axes:
    """How alike two networks are, layer by layer."""
    return mf.plot.drift_profile(drifted(), ax=ax)


@cache
def shares() -> xr.Dataset:
    rng, what = np.random.default_rng(11), world()["what"].values
    parts = {"faces": [0], "places": [0, 1], "colours": [1, 2]}
    coords = {"image": world()["image"].values}
    tables = {}
    for name, columns in parts.items():
        values = what[:, columns] + rng.normal(scale=0.7, size=(60, len(columns)))
        tables[name] = xr.DataArray(values, dims=("image", f"{name}:channel"), coords=coords, name=name)
    return mf.regression.partition(tables, world()["hit_rate"])


@figure
def partition(ax: Axes | None = None) -> Axes:
    """What sets of features predict alone and in common, as bars with intervals."""
    return mf.plot.partition(shares(), label="Share of variance of hit rates", ax=ax)


@figure
def partition_circles(ax: Axes | None = None) -> Axes:
    """The same as areas of circles."""
    return mf.plot.partition(shares(), kind="circles", label="Share of variance of hit rates", ax=ax)


@cache
def indoors() -> tuple[xr.Dataset, dict[str, pd.Series]]:
    table = world()["hit_rate"].to_series()
    both = {"indoors": table.iloc[:25], "outdoors": (table.iloc[25:] - 0.08).clip(0, 1)}
    return mf.sets.compare(both, n_permutations=499, n_bootstraps=200), both


@figure
def sets(ax: Axes | None = None) -> Axes:
    """Scores of sets of images side by side, with the difference of their means."""
    found, both = indoors()
    return mf.plot.sets(found, both, ax=ax)


@cache
def versions() -> tuple[xr.Dataset, dict[str, pd.Series]]:
    table, loss = world()["hit_rate"].to_series(), np.random.default_rng(9).normal(0.04, 0.05, 60)
    both = {"colour": table, "grey": (table - loss).clip(0, 1)}
    return mf.sets.compare(both, paired=True, n_permutations=499, n_bootstraps=200), both


@figure
def sets_paired(ax: Axes | None = None) -> Axes:
    """Versions of the same images: a line for each image, and below how much its score changes."""
    found, both = versions()
    return mf.plot.sets(found, both, ax=ax)


@cache
def halves() -> xr.Dataset:
    hits = np.random.default_rng(5).binomial(40, world()["hit_rate"].values)
    counts = pd.DataFrame({"image": world()["image"].values, "hits": hits, "misses": 40 - hits})
    found = mf.scores.resplit(counts, measures="hit_rate", n_splits=50)
    return mf.scores.reliability(found["hit_rate"], n_bootstraps=200)


@figure
def reliability(ax: Axes | None = None) -> Axes:
    """How reliable scores of fewer or more raters would be."""
    return mf.plot.reliability(mf.scores.by_raters(halves(), n_raters=40), target=0.9, ax=ax)


@figure
def architecture(ax: Axes | None = None) -> Axes:
    """A network, and the layers that are read: here the blocks of the last stage and three others."""
    read = [f"features.layer4.{k}" for k in range(3)] + ["cat", "relu7", "relu3"]
    return mf.plot.architecture(network(), read, ax=ax)


# the page -----------------------------------------------------------------------------------------------------------


def page(folder: Path) -> str:
    """Draw all figures into a folder and write the text that shows them, with the lines that made them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, draw in FIGURES.items():
        mf.plot.save(draw(None), folder / name, formats=["svg"])
        code = textwrap.dedent(inspect.getsource(draw).split('"""')[2]).strip()
        shown = f"```{{image}} {folder.parent.name}/{folder.name}/{name}.svg\n:alt: {name}\n```"
        text = f"{draw.__doc__} {{py:func}}`memfeat.plot.{shows(name)}`:"
        parts += [f"## {name.replace('_', ' ').capitalize()}", text, shown, f"```python\n{code}\n```"]
    return "\n\n".join(parts) + "\n"


def shows(name: str) -> str:
    """Say which function of mf.plot a figure shows."""
    return max((known for known in mf.plot.__all__ if name.startswith(known)), key=len)
