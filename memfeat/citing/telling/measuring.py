"""One number per image and layer, and how such numbers go with scores."""

from collections.abc import Callable

from memfeat._labels import layer_names
from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.inference import method
from memfeat.citing.phrases import capital, counted, images, layers, named
from memfeat.citing.telling.networks import origin
from memfeat.citing.telling.rdms import METRICS

__all__ = ["contrasted", "learned", "measured", "profiled"]

NORMS = {"l2": "the Euclidean norm", "l1": "the sum of absolute values", "mean": "the mean absolute value"}
SPARSENESS = {"treves_rolls": "Treves and Rolls's index [@treves1991]", "hoyer": "Hoyer's index [@hoyer2004]"}
PROTOTYPES = {"own": "its own category", "nearest": "the nearest category", "other": "the nearest other category"}


def _metric(facts: Facts) -> str:
    return named(METRICS, facts.text("metric", "euclidean")).removeprefix("the ")


def _magnitude(facts: Facts) -> str:
    return f"response magnitude [@jaegle2019], {named(NORMS, facts.text('norm'))} of features"


def _sparseness(facts: Facts) -> str:
    return f"sparseness, {named(SPARSENESS, facts.text('index'))}"


def _typicality(facts: Facts) -> str:
    groups = f" of the same {facts.text('groups')}" if facts.has("groups") else ""
    return f"typicality, the mean correlation with the other images{groups} [@kramer2023]"


def _distinctiveness(facts: Facts) -> str:
    kinds = {
        "nearest": f"the {_metric(facts)} to the nearest other image [@lin2024]",
        "mean": f"the mean {_metric(facts)} to the other images [@koch2020]",
        "knn": f"the mean {_metric(facts)} to the {facts.number('k'):g} nearest other images",
    }
    return f"distinctiveness, {kinds.get(facts.text('kind'), facts.text('kind'))}"


def _density(facts: Facts) -> str:
    if facts.has("k"):
        return (
            f"the negative log of the {_metric(facts)} to the k-th nearest image (k = "
            f"{facts.number('k'):g}) [@loftsgaarden1965]"
        )
    return facts.text("method")


def _eccentricity(facts: Facts) -> str:
    kept = f" of {counted(facts.number('n_components'), 'principal component')}" if facts.has("n_components") else ""
    return f"eccentricity, the {_metric(facts)}{kept} to the mean of all images"


def _contextual(facts: Facts) -> str:
    kept = counted(facts.number("n_components"), "principal component")
    how = f"{facts.text('density')} kernel, bandwidth by {facts.text('bandwidth_by')}"
    context = counted(facts.number("n_context"), "image")
    return f"contextual distinctiveness [@bylinskii2015], the negative log density in {kept} of {context} ({how})"


def _prototype(facts: Facts) -> str:
    to = PROTOTYPES.get(facts.text("to"), facts.text("to"))
    return f"the distance to the prototype of {to} ({facts.text('groups')}) [@lukavsky2017]"


def _folds(facts: Facts) -> str:
    n = facts.number("n_folds") or facts.number("folds")
    return f", each fold of {n:g} being coded by what the other images gave" if n else ""


def _reconstruction(facts: Facts) -> str:
    kept = counted(facts.number("n_components"), "principal component")
    return f"the squared error of reconstruction from {kept}{_folds(facts)}"


def _sparse(facts: Facts) -> str:
    options = facts.unpacked("options")
    how = _coded(options) if options else ""
    return f"the error of reconstruction by sparse coding [@olshausen1996; @lin2024]{how}{_folds(facts)}"


def _coded(options: dict[str, float]) -> str:
    units, atoms = (options.get(name, 0) for name in ("n_units", "n_atoms"))
    return (
        f" ({atoms:g} atoms, {units:g} features, penalty {options.get('penalty', 0):g}, "
        f"{options.get('n_iterations', 0):g} iterations)"
    )


#: How `method` begins → what was measured.
MEASURES: dict[str, Callable[[Facts], str]] = {
    "response magnitude": _magnitude,
    "sparseness": _sparseness,
    "typicality": _typicality,
    "distinctiveness": _distinctiveness,
    "density": _density,
    "eccentricity": _eccentricity,
    "contextual distinctiveness": _contextual,
    "prototype distance": _prototype,
    "reconstruction error": _reconstruction,
    "sparse coding reconstruction error": _sparse,
}


def measured(facts: Facts) -> list[str]:
    """Tell of a measure.

    Parameters
    ----------
    facts : Facts
        Of what a function of `mf.measures` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    begins = max((name for name in MEASURES if facts.text("method").startswith(name)), key=len)
    what = MEASURES[begins](facts)
    return [*origin(facts), f"For each of {images(facts)} in {layers(layer_names(facts.table))} was computed: {what}."]


def learned(facts: Facts) -> list[str]:
    """Tell of a dictionary for sparse coding.

    Parameters
    ----------
    facts : Facts
        Of what `mf.measures.learn_dictionary` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    names = [str(name) for name in facts.table.data_vars if not str(name).endswith(":mean")]
    what = f"Dictionaries for sparse coding [@olshausen1996] were learned from {images(facts)} in {layers(names)}"
    return [*origin(facts), f"{what}{_coded(facts.unpacked('options'))}."]


def _related(facts: Facts) -> tuple[str, str]:
    scores = in_words(facts.names("scores"))
    covariates = f", controlling for {in_words(facts.names('covariates'))}" if facts.has("covariates") else ""
    return facts.text("measure", "the measure"), f"{scores} of {images(facts)}{covariates}"


def _how(facts: Facts) -> str:
    words = facts.text("method").replace("difference of ", "").removeprefix("partial ").split(" ")
    partial = "partial " if "partial " in facts.text("method") else ""
    return f"{partial}{method(words[0])}"


def profiled(facts: Facts) -> list[str]:
    """Tell of a measure related to scores, layer by layer.

    Parameters
    ----------
    facts : Facts
        Of what `mf.measures.profile` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    what, scores = _related(facts)
    kinds = facts.column("kind") or ["measure"] * len(facts.column("layer"))
    of = layers([name for name, kind in zip(facts.column("layer"), kinds, strict=True) if kind == "measure"])
    beside = [kind for kind in dict.fromkeys(kinds) if kind != "measure"]
    others = [f"Beside them stood: {in_words(beside)}."] if beside else []
    ceiling = (
        [f"Correlations were also divided by their ceiling ({facts.text('reliability')})."]
        if facts.has("reliability")
        else []
    )
    return [*origin(facts), f"{capital(what)} in {of} was related to {scores}, by {_how(facts)}.", *others, *ceiling]


def contrasted(facts: Facts) -> list[str]:
    """Tell of differences between layers in how a measure goes with scores.

    Parameters
    ----------
    facts : Facts
        Of what `mf.measures.contrast` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    what, scores = _related(facts)
    n = counted(facts.size("contrast"), "pair")
    said = (
        f"For {n} of layers, the difference in how {what} goes with {scores} was computed, paired "
        f"by image, by {_how(facts)}."
    )
    return [*origin(facts), said]
