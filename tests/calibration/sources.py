"""Which files of `memfeat.rsa` a result was measured on: all but those that other analyses run."""

from record import ROOT

#: Files of `memfeat.rsa` that only some analyses run -> what the names of their results have in them.
LEAVES = {
    "contrasts": ("contrast",),
    "correlated": ("partial", "partition"),
    "course": ("clusters",),
    "covariates": ("covariate",),
    "explained": ("partial", "partition"),
    "magnitude": (),
    "partialling": ("partial",),
    "partitioning": ("partition",),
    "weighting": ("weighted",),
}


def room_of(name):
    """Files of the room that a result of this name runs."""
    room = sorted(path.stem for path in (ROOT / "memfeat" / "rsa").glob("*.py"))
    kept = (file for file in room if any(part in name for part in LEAVES.get(file, ("",))))
    return tuple(f"rsa/{file}" for file in kept)


def sources_of(name):
    """The same, with what RDMs and intervals are made by."""
    return ("gram", "rdm", "stats", *room_of(name))
