"""Which files of memfeat a result was measured on: of rooms that hold many analyses, all but those that others run."""

from record import ROOT

DECODED = ("decoding", "partition")
SPANNED = ("ridge", "pls", "pcr", "partition")
EMBEDDED = ("embed",)
AGREEMENT = ("coverage_normal", "coverage_tied", "coverage_halves", "coverage_groups")
#: Room -> files that only some analyses run -> what the names of their results have in them. Where a file is only asked
#: whether there is something for it to do (sets, covariates, halves of participants, an RDM), and there is not, it does
#: not count.
LEAVES = {
    "rsa": {
        "contrasts": ("contrast",),
        "correlated": ("partial", "partition"),
        "course": ("clusters",),
        "covariates": ("covariate",),
        "explained": ("partial", "partition"),
        "magnitude": (),
        "partialling": ("partial",),
        "partitioning": ("partition",),
        "weighting": ("weighted",),
    },
    "regression": {
        "combining": ("sets", "partition"),
        "components": ("pls", "pcr"),
        "contrasts": ("contrast",),
        "correlating": ("unitwise",),
        "covariates": ("covariate",),
        "dealing": DECODED,
        "decoding": ("decoding",),
        "fits": DECODED,
        "folds": DECODED,
        "halves": ("relative",),
        "inference": DECODED,
        "interpreting": (),
        "leaving": ("partition",),
        "metrics": ("decoding", "contrast", "metrics"),
        "options": DECODED,
        "partitioning": ("partition",),
        "planning": DECODED,
        "primal": SPANNED,
        "ranking": (),
        "refitting": ("lasso", "elastic_net", "pipeline"),
        "reliability": (),
        "resampled": (*DECODED, "contrast"),
        "ridge": ("ridge", "partition"),
        "scaling": (*DECODED, "unitwise"),
        "sets": DECODED,
        "spans": SPANNED,
        "targets": (*DECODED, "unitwise", "contrast"),
        "units": ("unitwise",),
    },
    "evaluation": {
        "agreement": AGREEMENT,
        "calibration": ("coverage_calibration",),
        "contrast": ("contrast",),
        "cutoffs": ("coverage_cutoff",),
        "distributions": (),
        "floor": AGREEMENT,
        "halves": ("coverage_halves",),
        "intervals": (*AGREEMENT, "coverage_calibration"),
        "measures": (*AGREEMENT, "contrast"),
        "overlap": (),
    },
    "stats": {
        "halves": ("relative", "coverage_halves"),
        "largest": ("contrast", "family_of"),
        "ranks": ("profile_", "_hit_rate_", "_d_prime_", "scores_"),
        "shares": ("scores_", *AGREEMENT),
    },
    "reduction": {
        "alignment": (),
        "borrowed": EMBEDDED,
        "dimensions": (),
        "distances": (),
        "embedding": EMBEDDED,
        "factors": (),
        "layers": ("embed", "scree"),
        "maps": (),
        "methods": EMBEDDED,
        "options": EMBEDDED,
        "principal": ("embed", "scree"),
        "projecting": (),
        "relating": ("relate",),
        "similarity": (),
        "sources": EMBEDDED,
        "superposing": ("relate",),
        "variances": ("scree",),
    },
}


def room_of(name, room="rsa"):
    """Files of a room that a result of this name runs."""
    files = sorted(path.stem for path in (ROOT / "memfeat" / room).glob("*.py"))
    return tuple(f"{room}/{file}" for file in files if any(part in name for part in LEAVES[room].get(file, ("",))))


def stats_of(name):
    """Files of statistics that a result of this name runs."""
    return room_of(name, "stats")


def sources_of(name):
    """The same of RSA, with what RDMs and intervals are made by."""
    return ("gram", "rdm", *stats_of(name), *room_of(name))


def regression_of(name):
    """The same of decoding, contrasts, shares and single units."""
    return ("gram", *stats_of(name), *room_of(name, "regression"))


def evaluation_of(name):
    """The same of predictions against scores."""
    return (*stats_of(name), "regression/metrics", *room_of(name, "evaluation"))


def reduction_of(name):
    """The same of components."""
    return ("gram", *stats_of(name), *room_of(name, "reduction"))


def profile_of(name):
    """The same of measures against scores, whatever is measured."""
    files = {"resampled": "", "tables": "", "profiling": "", "reliabilities": "relative", "contrasting": "contrast"}
    return (*stats_of(name), *(f"measures/{file}" for file, part in files.items() if part in name))


def set_scores_of(name):
    """The same of sets compared by their scores."""
    files = ("weighing", "contrasting", "judging", "adjusting")
    files += ("omnibus",) if name.startswith(("welch", "kruskal", "friedman")) else ()
    return (*stats_of(name), "sets/relabelling", *(f"sets/scores/{file}" for file in files))


def set_features_of(name):
    """The same of sets in feature space."""
    own = ("design", "discrepancies", "exchanging", "feature_space", "frechet", "layering", "neighbourhoods", "pooling")
    borrowed = (
        "gram",
        *stats_of(name),
        "reduction/distances",
        *(f"regression/{file}" for file in ("dealing", "folds", "ridge")),
    )
    return (
        *borrowed,
        "regression/spans",
        "sets/relabelling",
        *(f"sets/features/{file}" for file in (*own, "separability")),
    )
