"""The parts of a report that are computed: each gives what it found, or says why it could not."""

import base64
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import evaluation, measures, plot, rdm, reduction, regression, sets
from memfeat._check import advice, listed, looked_up
from memfeat._frames import per_comparison, per_layer
from memfeat._labels import IMAGE, LAYER, image_names
from memfeat._labels import layer_names as layers_of
from memfeat.errors import ArgumentError, MemfeatError, MemfeatWarning
from memfeat.report.contents import MEMORABILITY, Contents
from memfeat.report.figures import inlined
from memfeat.report.options import PROFILES, Settings

__all__ = ["MOST_IN_RDM", "Section", "of_features", "of_scores", "shared"]

#: So many images an RDM shows: more would have less than a pixel each on a screen.
MOST_IN_RDM = 400
WITHOUT_FEATURES = (
    "No features were given, so nothing is shown of layers: no map of images, and no dissimilarities. For those: "
    "memfeat extract PHOTOS -o features.zarr, then memfeat report PHOTOS --features features.zarr; in Python, pass "
    "features."
)
#: Cells of an RDM are whole numbers from 0 to this, for distances from the smallest to the largest.
STEPS = 2**16 - 2
NOT_A_NUMBER = 2**16 - 1


class Section(NamedTuple):
    """A part of the page."""

    name: str
    title: str
    texts: list[str]
    figure: str = ""
    """Address of a picture."""
    described: str = ""
    """What the picture shows, for whoever does not see it."""
    frame: pd.DataFrame | None = None
    """The table as it is shown."""
    values: pd.DataFrame | None = None
    """The table as it is downloaded, if that is another."""
    references: tuple[str, ...] = ()
    data: dict[str, Any] | None = None
    """What the page's own figures are drawn of."""
    attrs: dict[str, Any] | None = None
    """Where it came from."""


def shared(features: xr.Dataset | None, contents: Contents, layer: str | None) -> xr.Dataset | None:
    """Keep the features of images that could be read, in the order of the table.

    Parameters
    ----------
    features : Dataset (image, ...), optional
        Features.
    contents : Contents
        The images.
    layer : str, optional
        The layer that was asked for.

    Returns
    -------
    Dataset (image, ...), optional
        Those that are in the table.

    Raises
    ------
    ArgumentError
        If they have no image in common, or no layer.
    UnknownNameError
        If there is no such layer.
    """
    if features is None:
        return None
    layers = layers_of(features)
    if layer is not None:
        looked_up("layer", layer, layers, f"There are {', '.join(layers)}.")
    have = {str(name) for name in image_names(features, "features")}
    both = [name for name, ok in zip(contents.names, contents.read, strict=True) if ok and name in have]
    if not both:
        theirs = listed(f"{', '.join(map(repr, sorted(have)[:3]))} …")
        remedy = f"Images are called like {contents.names[0]!r}; give both the same names."
        raise ArgumentError(advice("features", "be of the same images", theirs, remedy))
    return features.sel({IMAGE: both})


def of_scores(contents: Contents, chosen: Settings) -> list[Section]:
    """Make what needs scores alone: predictions beside measured scores, and sets.

    Parameters
    ----------
    contents : Contents
        The images.
    chosen : Settings
        Options.

    Returns
    -------
    list of Section
        The parts that apply.
    """
    made = []
    if contents.score != MEMORABILITY and MEMORABILITY in contents.table.data_vars:
        made.append(_tried("agreement", "Predicted and measured", lambda: _agreement(contents, chosen)))
    if contents.by is not None:
        made.append(_tried("sets", "Sets compared", lambda: _sets(contents, chosen)))
    return made


def of_features(features: xr.Dataset | None, contents: Contents, chosen: Settings) -> list[Section]:
    """Make what needs features: the map, the RDM and the layer profile.

    Parameters
    ----------
    features : Dataset (image, ...), optional
        Features of images of the table.
    contents : Contents
        The images.
    chosen : Settings
        Options.

    Returns
    -------
    list of Section
        The parts, or one that says what they need.
    """
    own = isinstance(chosen.profile, xr.Dataset)
    made = []
    if features is None:
        made.append(Section("map", "Map of images", [WITHOUT_FEATURES]))
    else:
        layers = layers_of(features)
        layer = features[chosen.layer or layers[-1]].assign_attrs(features.attrs)
        made.append(_tried("map", "Map of images", lambda: _map(layer, contents)))
        made.append(_tried("rdm", "Dissimilarity of images", lambda: _rdm(layer, contents)))
        if len(layers) > 1 and not own:
            made.append(_tried("profile", "Layer by layer", lambda: _profile(features, contents, chosen)))
    if own:
        made.append(
            _tried("profile", "Layer by layer", lambda: _drawn_profile(chosen.profile, "A result that was given."))
        )
    return made


def _tried(name: str, title: str, make: Callable[[], Section]) -> Section:
    """Make a part; if it cannot be made, say why in its place: the others are not lost."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MemfeatWarning)
        try:
            made = make()
        except MemfeatError as error:
            made = Section(name, title, [f"Not computed: {error}"])
    heard = [one for one in caught if issubclass(one.category, MemfeatWarning)]
    for one in caught:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return made._replace(name=name, title=title, texts=[*made.texts, *(f"Caution. {one.message}" for one in heard)])


def _map(layer: xr.DataArray, contents: Contents) -> Section:
    """Place the images of a layer along two principal components."""
    space = reduction.embed(layer, "pca", n_components=2)
    place = {name: k for k, name in enumerate(contents.names)}
    shares = space["explained_variance_ratio"].values
    x, y = (np.round(column, 6 - _size_of(column)) for column in space["embedding"].values.T)
    data = {
        "images": [place[str(name)] for name in space[IMAGE].values],
        "x": x.tolist(),
        "y": y.tolist(),
        "axes": [f"PC {k + 1} ({100 * share:.0f} % of variance)" for k, share in enumerate(shares)],
    }
    n, total = space.sizes[IMAGE], int(contents.read.sum())
    text = (
        f"Images along two principal components of the features in {layer.name}, which hold "
        f"{100 * float(shares.sum()):.0f} % of their variance: {_of(n, total)}. What lies close here may be far apart "
        "in other components."
    )
    return Section("map", "", [text], data=data, attrs=dict(space.attrs))


def _rdm(layer: xr.DataArray, contents: Contents) -> Section:
    """Show the dissimilarity of every two images, of some if there are many."""
    place = {name: k for k, name in enumerate(contents.names)}
    values = contents.table[contents.score].sel({IMAGE: layer[IMAGE].values}).values.astype(float)
    total, order = values.size, np.argsort(values, kind="stable")
    if total > MOST_IN_RDM:
        # those without a score have no place along it, and stand last
        scored = order[: int(np.isfinite(values).sum())]
        order = scored[np.unique(np.linspace(0, scored.size - 1, min(scored.size, MOST_IN_RDM)).round().astype(int))]
    n, some = order.size, layer[IMAGE].values[order]
    rdms = rdm.compute(layer.sel({IMAGE: some}).to_dataset(name=layer.name).assign_attrs(layer.attrs), progress=False)
    pairs = rdms["rdm"].values[0].astype(float)
    low, high = float(np.nanmin(pairs)), float(np.nanmax(pairs))
    metric = str(rdms.attrs.get("metric", "correlation"))
    data = {
        "images": [place[str(name)] for name in rdms[IMAGE].values],
        "pairs": _packed(pairs, low, high),
        "low": low,
        "high": high,
        "steps": STEPS,
        "measure": _metric(metric),
    }
    which = _of(n, total) if n == total else f"{n} of {total} images, evenly along the score"
    text = (
        f"Dissimilarity ({_metric(metric)}) of the features of every two images in {layer.name}: {which}. Point at a "
        "cell, or move through it with the arrow keys, to see its two images."
    )
    return Section("rdm", "", [text], data=data, attrs=dict(rdms.attrs))


def _profile(features: xr.Dataset, contents: Contents, chosen: Settings) -> Section:
    """Relate the score to each layer."""
    scores = contents.scores
    scored = set(scores[IMAGE].values.astype(str))
    both = [str(name) for name in features[IMAGE].values if str(name) in scored]
    features, scores = features.sel({IMAGE: both}), scores.sel({IMAGE: both})
    result = PROFILED[chosen.profile](features, scores, chosen)
    return _drawn_profile(result, f"{PROFILES[chosen.profile]}, layer by layer.")


def _drawn_profile(result: xr.Dataset, text: str) -> Section:
    """Draw a layer profile, with its table."""
    ax = plot.layer_profile(result, ax=plot.axes(width="double", height=75))
    layers = result.sizes[LAYER]
    return Section(
        "profile",
        "",
        [text],
        inlined(ax),
        f"Profile over {layers} layers.",
        per_layer(result),
        attrs=dict(result.attrs),
    )


def _magnitude(features: xr.Dataset, scores: xr.DataArray, chosen: Settings) -> xr.Dataset:
    return _measured(measures.magnitude(features, progress=chosen.progress), scores, chosen)


def _distinctiveness(features: xr.Dataset, scores: xr.DataArray, chosen: Settings) -> xr.Dataset:
    return _measured(measures.distinctiveness(features, progress=chosen.progress), scores, chosen)


def _measured(measure: xr.Dataset, scores: xr.DataArray, chosen: Settings) -> xr.Dataset:
    return measures.profile(measure, scores, **_draws(chosen))


def _decoding(features: xr.Dataset, scores: xr.DataArray, chosen: Settings) -> xr.Dataset:
    return regression.decode(features, scores, **_draws(chosen))


#: name -> what relates the score to each layer
PROFILED: dict[str, Callable[[xr.Dataset, xr.DataArray, Settings], xr.Dataset]] = {
    "magnitude": _magnitude,
    "distinctiveness": _distinctiveness,
    "decoding": _decoding,
}


def _draws(chosen: Settings) -> dict[str, Any]:
    return {"n_permutations": chosen.n_permutations, "n_bootstraps": chosen.n_bootstraps, "rng": chosen.rng}


def _agreement(contents: Contents, chosen: Settings) -> Section:
    """Put predictions beside measured scores."""
    scores = contents.scores
    predicted = contents.table[MEMORABILITY].sel({IMAGE: scores[IMAGE].values}).reset_coords(drop=True)
    both = np.isfinite(predicted.values)
    predicted, scores = predicted.isel({IMAGE: both}), scores.isel({IMAGE: both})
    judged = evaluation.evaluate(predicted, scores, n_bootstraps=chosen.n_bootstraps, rng=chosen.rng)
    drawn = evaluation.score_distributions(predicted, scores)
    ax = plot.score_distributions(drawn, ax=plot.axes(width="1.5", height=70))
    frame = judged[["estimate", "ci_low", "ci_high", "n"]].to_dataframe().reset_index()
    text = (
        f"Predicted memorability beside {contents.score.replace('_', ' ')}, measured: {scores.size} images that have "
        "both. On images that the predictor was not trained on, ranks hold better than values."
    )
    return Section(
        "agreement",
        "",
        [text],
        inlined(ax),
        "Distributions of predicted and measured scores.",
        frame,
        attrs=dict(judged.attrs),
    )


def _sets(contents: Contents, chosen: Settings) -> Section:
    """Compare the sets that a column names."""
    labels = np.array(contents.sets, dtype=object)
    found = sorted({one for one in contents.sets if one is not None})
    parts = {name: contents.table.isel({IMAGE: labels == name}) for name in found}
    result = sets.compare(parts, values=contents.score, **_draws(chosen))
    ax = plot.sets(result, _readable(parts), ax=plot.axes(width="1.5", height=30 + 18 * len(parts)))
    *texts, sources = sets.paragraph(result).split("\n\n")
    if without := int(pd.isna(labels[contents.read]).sum()):
        texts.append(f"Left out, without {contents.by}: {without} of {int(contents.read.sum())} images.")
    return Section(
        "sets",
        "",
        texts,
        inlined(ax),
        "Scores of each set.",
        sets.table(result),
        per_comparison(result),
        tuple(sources.splitlines()[1:]),
        attrs=dict(result.attrs),
    )


def _readable(parts: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    return {name: part.isel({IMAGE: part["status"].values.astype(str) == "ok"}) for name, part in parts.items()}


def _packed(values: npt.NDArray[np.float64], low: float, high: float) -> str:
    """Write distances as 16-bit whole numbers, which a browser reads faster than text."""
    spread = high - low or 1.0
    steps = np.where(np.isfinite(values), np.round((values - low) / spread * STEPS), NOT_A_NUMBER)
    return base64.b64encode(steps.astype("<u2").tobytes()).decode()


def _size_of(values: npt.NDArray[np.float64]) -> int:
    """Count the digits before the point."""
    largest = float(np.abs(values).max())
    return int(np.floor(np.log10(largest))) + 1 if largest > 0 else 0


def _of(n: int, total: int) -> str:
    return f"{n} images" if n == total else f"{n} of {total} images, those that have features"


def _metric(name: str) -> str:
    return {"correlation": "1 − Pearson r"}.get(name, name)
