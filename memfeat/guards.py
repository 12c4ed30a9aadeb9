"""Cautions about what features, scores and images are: given once per call, and taken back by saying why.

A stage asks a guard with the attributes of what it was given. A guard warns, and gives what the result's attributes
keep: `cautions`, those that apply, whether or not a warning was seen; `allowed`, those that the user took back.
"""

import inspect
import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import xarray as xr

from memfeat._check import advice, listed, one_of
from memfeat._frames import read_attrs
from memfeat._labels import ALLOWED, CAUTIONED, IMAGE, RELEASED_HEAD
from memfeat.errors import ArgumentError, CircularWarning, FacesWarning, KindError, MemfeatWarning, RetrainedWarning

__all__ = ["CAUTIONS", "SCORES", "Caution", "allow", "analysis", "beside", "faces", "of_scores", "origin", "related"]

Facts = dict[str, Any]
Labelled = TypeVar("Labelled", xr.Dataset, xr.DataArray)
#: Attributes by which the network is known that features or scores came from.
ORIGIN = ("model", "variant", "backbone", "weights_sha256", "trunk_sha256")
#: Before these names in the attributes of what was made of scores.
SCORES = "scores_"
#: (variant, backbone) -> the trunk whose weights these networks share, whatever their heads are.
TRUNKS = {("retrained", ""): "released", ("frozen", "released"): "released", ("frozen", "imagenet"): "imagenet"}
#: The column of predictions.
PREDICTED = "memorability"
#: The column of an image table that says what images show, and the words for faces.
CONTENTS = "contents"
FACES = ("face", "faces")


class Caution(NamedTuple):
    """What is warned about, and as what."""

    category: type[MemfeatWarning]
    text: str


#: name -> the warning, and its words
CAUTIONS: dict[str, Caution] = {
    "circular": Caution(
        CircularWarning,
        "Circular: {how}. What relates them says how that network works, not how memory does. Take measured scores, or "
        "features of a network that did not predict them: for predictions of 'resmem', those of "
        "mf.models.load('resmem-frozen') with its backbone 'imagenet'.",
    ),
    "retrained": Caution(
        RetrainedWarning,
        "These are features of 'resmem', whose trunk was retrained to predict memorability; its authors released it to "
        "predict, and not for feature-space analysis: features may go with memorability because they were trained to. "
        "Take those of mf.models.load('resmem-frozen'); mf.drift.compare shows where the two differ.",
    ),
    "faces": Caution(
        FacesWarning,
        "{how}. ResMem's authors caution against using it for faces as it is: a rank correlation of about .2 on faces "
        "is quoted from their release notes. Take measured scores.",
    ),
}
REMEDY = " If it is meant, say why: {data} = mf.guards.allow({data}, {name!r}, because='…')."


def allow(data: Labelled, *cautions: str, because: str) -> Labelled:
    """Take back cautions for some data, and for all that is made of them.

    Parameters
    ----------
    data : Dataset or DataArray
        Features, RDMs, or an image table.
    *cautions : {"circular", "retrained", "faces"}
        "circular": features and scores of the same network are related. "retrained": the feature space of the
        retrained network is analysed. "faces": memorability of faces is predicted.
    because : str
        Why, in words that a reader of the result can judge.

    Returns
    -------
    Dataset or DataArray
        The same data. The attribute `allowed`, which results inherit, holds each caution with its reason, as JSON.

    Raises
    ------
    KindError
        If the data are not xarray.
    ArgumentError
        If there is no such caution, none is named, or there is no reason.

    Examples
    --------
    >>> import xarray as xr
    >>> features = xr.Dataset(attrs={"variant": "retrained"})
    >>> allow(features, "retrained", because="we study the retrained network").attrs["allowed"]
    '{"retrained": "we study the retrained network"}'
    """
    if not isinstance(data, xr.Dataset | xr.DataArray):
        raise KindError(advice("data", "be an xarray Dataset or DataArray", listed(type(data).__name__)))
    if not cautions:
        remedy = f"There are {', '.join(map(repr, CAUTIONS))}."
        raise ArgumentError(advice("cautions", "name at least one", listed("none"), remedy))
    for name in cautions:
        one_of("cautions", name, CAUTIONS)
    if not isinstance(because, str) or not because.strip():
        remedy = "Write a sentence: the result keeps it."
        raise ArgumentError(advice("because", "say why", because, remedy))
    reasons = dict.fromkeys(cautions, because.strip())
    if isinstance(data, xr.Dataset):
        # a layer that is taken out of a Dataset leaves the attributes of the Dataset behind
        data = data.assign({name: _taken_back(part, reasons) for name, part in data.data_vars.items()})
    return _taken_back(data, reasons)


def _taken_back(data: Labelled, reasons: Mapping[str, str]) -> Labelled:
    """Write the reasons into the attributes of a copy."""
    return data.assign_attrs({ALLOWED: json.dumps({**_allowed(data.attrs), **reasons}, sort_keys=True)})


def analysis(features: xr.Dataset | xr.DataArray, scores: xr.DataArray | None = None) -> Facts:
    """Caution where an analysis of a feature space begins, with or without scores.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        What it begins with.
    scores : DataArray (image), optional
        What the features are related to.

    Returns
    -------
    dict
        Attributes for the result: where the scores came from, and the cautions; empty if there is nothing to say.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network.
    CircularWarning
        If the scores were predicted by the same network.
    """
    source = {} if scores is None else origin(scores.attrs, given=SCORES)
    found = {"retrained": ""} if features.attrs.get("variant") == "retrained" else {}
    sources = [features.attrs] if scores is None else [features.attrs, {ALLOWED: scores.attrs.get(ALLOWED, "{}")}]
    return source | _given(found | _circular(features.attrs, source), sources, "features")


def related(first: Mapping[Any, Any], second: Mapping[Any, Any], data: str) -> Facts:
    """Caution where things meet that were made of features and of scores of the same network.

    Parameters
    ----------
    first, second : mapping
        Their attributes, whichever of the two was made of the features.
    data : str
        What the user calls the first.

    Returns
    -------
    dict
        Attributes for the result: where the scores came from, and the caution if there is one.

    Warns
    -----
    CircularWarning
        If the weights are the same, or those of the trunk.
    """
    source = origin(first, taken=SCORES, given=SCORES) | origin(second, taken=SCORES, given=SCORES)
    return source | _given(_circular(second, first) | _circular(first, second), [first, second], data)


def faces(images: xr.Dataset, network: Mapping[Any, Any]) -> Facts:
    """Caution against predictions for images that the user declared as faces.

    Parameters
    ----------
    images : Dataset (image)
        The image table. A column `contents`, one text per image or one for all, says "face" or "faces".
    network : mapping
        Provenance of the network that predicts.

    Returns
    -------
    dict
        Attributes for the result; empty if there is nothing to say.

    Warns
    -----
    FacesWarning
        If ResMem predicts, with the head that was released, and some images are faces.
    """
    # a head that was fitted to other scores, which may be those of faces, is called otherwise
    released = str(network.get("head", RELEASED_HEAD)).startswith(RELEASED_HEAD)
    if CONTENTS not in images.variables or network.get("variant") not in ("retrained", "frozen") or not released:
        return {}
    said = np.broadcast_to(images[CONTENTS].values, (images.sizes[IMAGE],))
    count = sum(str(text).strip().lower() in FACES for text in said)
    found = {"faces": f"{count} of {len(said)} images are declared as faces"} if count else {}
    return _given(found, [images.attrs], "images")


def origin(attrs: Mapping[Any, Any], *, taken: str = "", given: str = "") -> Facts:
    """Read from attributes which network something came from.

    Parameters
    ----------
    attrs : mapping
        The attributes.
    taken, given : str
        What stands before the names there, and in what is given back.

    Returns
    -------
    dict
        `model`, `variant`, `backbone`, `weights_sha256` and, of a network with a fitted head, `trunk_sha256`, as far as
        they are known.
    """
    return {given + key: attrs[taken + key] for key in ORIGIN if attrs.get(taken + key)}


def of_scores(attrs: Mapping[Any, Any]) -> Facts:
    """Give what models that are made of scores keep of them.

    Parameters
    ----------
    attrs : mapping
        Attributes of the scores.

    Returns
    -------
    dict
        Which network predicted them, if one did, and the cautions that were taken back.
    """
    return origin(attrs, given=SCORES) | ({ALLOWED: attrs[ALLOWED]} if attrs.get(ALLOWED) else {})


def beside(table: Any, column: str) -> Facts:
    """Read which network predicted a column of a table, from the file that memfeat wrote beside the table.

    Parameters
    ----------
    table : object
        What the user gave; only a path has something beside it.
    column : str
        The column.

    Returns
    -------
    dict
        As :func:`origin`; empty if the column is no prediction, or nothing is known of it.
    """
    if column != PREDICTED or not isinstance(table, str | Path):
        return {}
    return origin(read_attrs(Path(table).expanduser()))


def _circular(features: Mapping[Any, Any], scores: Mapping[Any, Any]) -> dict[str, str]:
    """Say what the network of the features shares with the one that predicted the scores, if that is known."""
    network, predictor = origin(features), origin(scores, taken=SCORES)
    known, trunk = network.get("weights_sha256"), _trunk(network)
    if known and known in (predictor.get("weights_sha256"), predictor.get("trunk_sha256")):
        called = network.get("model", "one with the same weights")
        return {"circular": f"features and scores come from the same network, {called!r}"}
    if trunk and trunk == _trunk(predictor):
        return {"circular": f"features and scores come from networks with the same weights in their trunks, {trunk!r}"}
    return {}


def _trunk(network: Facts) -> str:
    return TRUNKS.get((network.get("variant", ""), network.get("backbone", "")), "")


def _allowed(attrs: Mapping[Any, Any]) -> dict[str, str]:
    """Read what was taken back."""
    found: dict[str, str] = json.loads(attrs.get(ALLOWED, "{}"))
    return found


def _given(found: Mapping[str, str], sources: Iterable[Mapping[Any, Any]], data: str) -> Facts:
    """Warn about what was found and not taken back, and give what a result keeps."""
    allowed: dict[str, str] = {}
    names = list(found)
    for attrs in sources:
        allowed |= _allowed(attrs)
        names += str(attrs.get(CAUTIONED, "")).split(", ")
    for name, how in found.items():
        if name not in allowed:
            caution = CAUTIONS[name]
            text = caution.text.format(how=how) + REMEDY.format(name=name, data=data)
            warnings.warn(text, caution.category, stacklevel=_outside())
    kept = {CAUTIONED: ", ".join(name for name in CAUTIONS if name in names)}
    kept[ALLOWED] = json.dumps(allowed, sort_keys=True) if allowed else ""
    return {key: value for key, value in kept.items() if value}


def _outside() -> int:
    """Count the frames up to the first that is not memfeat's: the line the warning should point at."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "memfeat":
        frame, level = frame.f_back, level + 1
    return level
