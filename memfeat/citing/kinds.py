"""Kinds of results: what each is known by, what is told of it, and what it stands on."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from memfeat._check import advice, listed
from memfeat.citing.facts import Facts
from memfeat.citing.telling import (
    choosing,
    comparing,
    decoding,
    judging,
    measuring,
    networks,
    pictures,
    published,
    rdms,
    seeing,
    spaces,
    trials,
)
from memfeat.errors import ArgumentError

__all__ = ["KINDS", "Kind", "kind_of"]

TORCH = ("torch", "torchvision")
LEARN = ("scikit-learn",)
MODELS = "both_memorable|both_forgettable|min_rank|max_rank|product_rank|nearest|categories|difference"


class Kind(NamedTuple):
    """A kind of result."""

    called: str
    """What it is called in "for the …"."""
    told: Callable[[Facts], list[str]]
    """Its sentences, with citations as [@key]."""
    known_by: dict[str, str]
    """Attribute → what all of it must match."""
    holds: str = ""
    """A variable or column that must be there, too."""
    packages: tuple[str, ...] = ()
    """What it stands on besides numpy, scipy and xarray."""


#: Name → kind, in the order in which a methods section tells of them. A result is of the first that it fits.
KINDS: dict[str, Kind] = {
    "published set": Kind("published set", published.loaded, {published.PART: ".*", "citation": ".*"}),
    "images": Kind("image table", pictures.read, {"kind": "images"}),
    "clips": Kind("results by clip", pictures.clipped, {"kind": "clips"}),
    "thumbnails": Kind("thumbnails", pictures.shrunk, {"kind": "thumbnails"}),
    "screening": Kind("screening", pictures.screened, {"limits_source": ".*", "near_duplicates": ".*"}),
    "low-level statistics": Kind("low-level statistics", pictures.measured, {"kind": "low-level statistics"}),
    "perceptual hashes": Kind("perceptual hashes", pictures.hashed, {"method": "64 lowest frequencies.*"}),
    "near-duplicates": Kind("search for near-duplicates", choosing.duplicated, {"method": "near-duplicates by .*"}),
    "matched sets": Kind("choice of sets", choosing.matched, {"method": "sets chosen by balance"}),
    "lists": Kind("dealing of lists", choosing.split, {"method": "lists dealt by balance"}),
    "balance": Kind("balance table", choosing.balanced, {"method": "balance of sets"}),
    "sequence": Kind("order of presentation", choosing.sequenced, {"method": ".* sequence", "vigilance": ".*"}),
    "exclusion": Kind("exclusion", trials.excluded, {"method": "exclusion of participants"}),
    "scores": Kind("scores", trials.scored, {"method": "counts of .*|scores derived .*"}),
    "lag-corrected scores": Kind("correction for lag", trials.lagged, {"method": "hit rates corrected for lag.*"}),
    "ROC": Kind("ROC", trials.roc, {"method": "ROC of .*"}),
    "halves": Kind("halves", trials.halved, {"method": "scores of two halves"}),
    "reliability": Kind("reliability", trials.reliable, {"method": ".* correlation of two halves"}),
    "reliability by raters": Kind("number of raters", trials.by_raters, {"method": "Spearman-Brown"}),
    "mixed model": Kind(
        "mixed model", trials.mixed, {"method": "crossed logistic mixed model.*"}, packages=("statsmodels",)
    ),
    "head": Kind("head", networks.fitted_head, {"head_kind": ".*"}, packages=TORCH),
    "recalibration": Kind("recalibration", networks.recalibrated, {"recalibrated": ".*"}, packages=LEARN),
    "predictions": Kind("predictions", networks.predicted, {"n_at_floor": ".*"}, packages=TORCH),
    "evaluation": Kind("evaluation", judging.evaluated, {"predictions": ".*", "floor_rule": ".*", "resampling": ".*"}),
    "evaluation by category": Kind(
        "evaluation by category", judging.categorised, {"predictions": ".*", "categories": ".*"}
    ),
    "calibration": Kind("calibration", judging.calibrated, {"predictions": ".*", "bins": ".*"}),
    "error by cut-off": Kind("error by cut-off", judging.cut, {"predictions": ".*", "resampling": ".*"}, "cutoff"),
    "distributions": Kind("distributions", judging.distributed, {"predictions": ".*", "sd_ratio": ".*"}),
    "predictors": Kind("comparison of predictors", judging.compared, {"predictors": ".*"}),
    "training overlap": Kind(
        "search for training images", judging.overlapping, {"n_in_training": ".*", "trained_on": ".*"}
    ),
    "features": Kind(
        "features", networks.extracted, {"n_left_out": ".*", "weights_sha256": ".*", "reduction": ".*"}, packages=TORCH
    ),
    "given features": Kind("features", networks.given, {"kind": "features"}),
    "Gram matrices": Kind("Gram matrices", rdms.gram, {"method": "linear Gram matrix"}),
    "model RDM": Kind("model RDM", rdms.modelled, {"kind": MODELS}, "rdm"),
    "split distances": Kind("split distances", rdms.parts, {"metric": "parts of sqeuclidean"}, "rdm"),
    "unframed distances": Kind("distances", rdms.unframed, {"method": "read from framed RDMs"}),
    "measured RDMs": Kind("RDMs", rdms.measured, {"kind": "similarity|coordinates"}, "rdm"),
    "RDMs": Kind("RDMs", rdms.computed, {"metric": ".*"}, "rdm"),
    "given RDMs": Kind("RDMs", rdms.measured, {"source": ".*"}, "rdm"),
    "RSA along time": Kind("test along time", comparing.clustered, {"method": ".*, clusters of time"}),
    "RSA": Kind("RSA", comparing.compared, {"method": "RSA, .*"}),
    "RSA contrast": Kind("contrast of RSA", comparing.contrasted, {"method": "RSA contrast of .*"}),
    "partial RSA": Kind("partial RSA", comparing.partialled, {"method": "partial RSA, .*"}),
    "adjusted RSA": Kind("RSA of residuals", comparing.adjusted, {"method": "RSA of residuals, .*"}),
    "partition of RDMs": Kind(
        "partition of RDMs", comparing.partitioned, {"method": "variance partitioning of RDMs, .*"}
    ),
    "weighted RSA": Kind("weighted RSA", comparing.weighted, {"method": "weighted RSA, .*"}),
    "partition": Kind(
        "variance partitioning", decoding.partitioned, {"method": "variance partitioning, .*"}, packages=LEARN
    ),
    "decoding": Kind("decoding", decoding.decoded, {"method": ".*, out of fold", "statistic": ".*"}, packages=LEARN),
    "contrast of decoding": Kind("contrast of decoding", decoding.contrasted, {"method": "contrast of decoding.*"}),
    "single units": Kind("single units", decoding.unit_by_unit, {"method": ".* correlation of each unit"}),
    "patterns": Kind("patterns", decoding.patterned, {"method": ".*fitted to all images"}),
    "projection": Kind("projection", spaces.projected, {"projected": "true"}, packages=LEARN),
    "embedding": Kind("embedding", spaces.embedded, {"projection": ".*", "scale": ".*"}, packages=LEARN),
    "components and scores": Kind("components", spaces.related, {"method": ".* correlation of components"}),
    "parallel analysis": Kind("parallel analysis", spaces.screed, {"method": "variance of principal components"}),
    "dimensionality": Kind("dimensionality", spaces.dimensions, {"method": "participation ratio; TwoNN"}),
    "CKA": Kind("CKA", spaces.cka, {"method": "CKA"}),
    "SVCCA": Kind("SVCCA", spaces.svcca, {"method": "SVCCA"}),
    "Procrustes": Kind("Procrustes analysis", spaces.aligned, {"method": "Procrustes"}),
    "drift": Kind("comparison of networks", judging.drifted, {"undefined": ".*", "only_in_first": ".*"}),
    "drift of units": Kind(
        "units of two networks", judging.units, {"method": "Pearson correlation of each unit over images"}
    ),
    "dictionary": Kind("dictionary", measuring.learned, {"method": "sparse coding dictionary"}, packages=TORCH),
    "measure": Kind("measure", measuring.measured, {"method": f"({'|'.join(measuring.MEASURES)}).*", "n": ".*"}),
    "profile": Kind("layer profile", measuring.profiled, {"method": ".*correlation by layer", "measure": ".*"}),
    "contrast of profile": Kind(
        "contrast of layers", measuring.contrasted, {"method": "difference of .*", "measure": ".*"}
    ),
    "sets": Kind("comparison of sets", choosing.compared, {"method": "comparison of (paired )?sets by their scores"}),
    "sets in feature space": Kind(
        "comparison in feature space", choosing.in_features, {"method": "image sets in feature space.*"}
    ),
    "attribution": Kind("maps", seeing.attributed, {"method": "|".join(seeing.MAPS), "target": ".*"}, packages=TORCH),
    "maximisation": Kind(
        "activation maximisation", seeing.maximised, {"method": "activation maximisation.*"}, packages=TORCH
    ),
    "top images": Kind("top images", seeing.ranked, {"method": "images that activate units.*"}),
    "crops": Kind("crops", seeing.cropped, {"method": "theoretical receptive fields"}),
    "receptive field": Kind(
        "receptive field", seeing.field, {"method": "receptive field, theoretical"}, packages=TORCH
    ),
}


def kind_of(facts: Facts, argument: str = "results") -> str:
    """Find out what a result is.

    Parameters
    ----------
    facts : Facts
        What it says of itself.
    argument : str
        What the user calls it.

    Returns
    -------
    str
        A key of `KINDS`.

    Raises
    ------
    ArgumentError
        If it is none of them.
    """
    for name, kind in KINDS.items():
        if _fits(facts, kind):
            return name
    says = {str(name): facts.attrs[name] for name in ("method", "kind") if name in facts.attrs}
    found = listed(f"one that says {says}" if says else f"one with the attributes {listed.of(facts.attrs)}")
    remedy = f"Known are: {', '.join(KINDS)}. An attribute that was dropped on the way must be put back: result.attrs."
    raise ArgumentError(advice(argument, "be of a kind that is known here", found, remedy))


def _fits(facts: Facts, kind: Kind) -> bool:
    if kind.holds and kind.holds not in facts.table.variables:
        return False
    return all(_matches(facts.attrs.get(name), pattern) for name, pattern in kind.known_by.items())


def _matches(value: Any, pattern: str) -> bool:
    if value is None:
        return False
    return pattern == ".*" or re.fullmatch(pattern, str(value), re.DOTALL) is not None
