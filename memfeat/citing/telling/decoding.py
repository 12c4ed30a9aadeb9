"""Scores predicted from features: decoding, contrasts, variance partitioning, single units."""

from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.inference import method
from memfeat.citing.phrases import counted, images, layers
from memfeat.citing.telling.networks import origin

__all__ = ["contrasted", "decoded", "partitioned", "patterned", "unit_by_unit"]

ESTIMATORS = {
    "ridge": "ridge regression [@hoerl1970]",
    "banded ridge": "banded ridge regression [@dupre2022]",
    "stacked": "stacked ridge regressions [@breiman1996]",
    "pls": "partial least squares",
    "pcr": "principal component regression",
    "lasso": "the lasso",
    "elasticnet": "the elastic net",
    "elastic net": "the elastic net",
}
SCALES = {
    "layer": "Features of each layer were scaled as a whole, by the training images of each fold.",
    "unit": "Each feature was standardised by the training images of each fold.",
}
COMBINED = {
    "banded": "with a penalty for each set [@dupre2022]",
    "stack": "by stacking [@breiman1996]",
    "concatenate": "side by side",
}
#: How a penalty was chosen, as results say it, whatever follows; this is Allen's.
PRESS = "leave-one-out squared error"


def _estimator(name: str) -> str:
    return ESTIMATORS.get(name, name)


def _folds(facts: Facts) -> list[str]:
    """Say how images were dealt into folds, how penalties were chosen, and how features were scaled."""
    n, repeats = facts.number("n_folds"), facts.number("n_repeats")
    times = f", dealt anew {repeats:g} times" if repeats > 1 else ""
    kept = [f"images of the same {facts.text('fold_groups')} stayed in one fold"] if facts.has("fold_groups") else []
    alike = [f"folds had like shares of {facts.text('fold_strata')}"] if facts.has("fold_strata") else []
    also = f"; {in_words([*kept, *alike])}" if kept or alike else ""
    said = [f"There were {counted(n, 'fold')}{times}{also}."] if n else []
    if facts.has("penalties"):
        by = facts.text("penalties")
        said.append(f"Penalties were chosen by {by}{' [@allen1974]' if PRESS in by else ''}.")
    said += [SCALES[facts.text("scale")]] if facts.text("scale") in SCALES else []
    return said


def _extras(facts: Facts) -> list[str]:
    said = []
    if facts.has("covariates"):
        said.append(f"Covariates ({in_words(facts.names('covariates'))}) were regressed out of both in each fold.")
    if facts.has("weights"):
        said.append(f"Images were weighted by {facts.text('weights')}.")
    if facts.has("reliability"):
        said.append(
            "Agreement was also divided by the ceiling that the reliability of scores sets "
            f"({facts.text('reliability')})."
        )
    return said


def decoded(facts: Facts) -> list[str]:
    """Tell of scores that were predicted from layers.

    Parameters
    ----------
    facts : Facts
        Of what `mf.regression.decode` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    scores = in_words(facts.names("scores"))
    by = _estimator(facts.text("method").removesuffix(", out of fold"))
    first = (
        f"Scores ({scores}) of {images(facts)} were predicted from "
        f"{layers(facts.different('layer'))} by {by}, out of fold"
    )
    statistic = facts.text("statistic").partition(" correlation")
    judged = (
        "Predictions were judged by Spearman's rank correlation "
        f"[@spearman1904]{statistic[2].replace(' pooled', ', pooled')}."
    )
    sets = (
        [f"Sets of features were combined {COMBINED[facts.text('combine')]}."]
        if facts.text("combine") in COMBINED
        else []
    )
    return [*origin(facts), f"{first}.", *sets, *_folds(facts), judged, *_extras(facts)]


def contrasted(facts: Facts) -> list[str]:
    """Tell of differences between layers in how well scores were predicted.

    Parameters
    ----------
    facts : Facts
        Of what `mf.regression.contrast` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    n, scores = counted(facts.size("contrast"), "pair"), in_words(facts.names("scores"))
    metrics = in_words([name.replace("_", " ") for name in facts.different("metric")])
    what = f"Differences in how well {scores} was predicted ({metrics}) were computed for {n} of predictions"
    return [*origin(facts), f"{what} of {images(facts)}, paired by image and with predictions held fixed."]


def partitioned(facts: Facts) -> list[str]:
    """Tell of variance that sets of features explain alone and together.

    Parameters
    ----------
    facts : Facts
        Of what `mf.regression.partition` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    sets, scores = in_words(facts.names("sets")), in_words(facts.names("scores"))
    by = _estimator(facts.text("method").split(", ")[1])
    what = (
        f"The variance of {scores} of {images(facts)} that {sets} explain, alone and together, was "
        "partitioned [@seibold1979]"
    )
    combined = f", with sets combined {COMBINED[facts.text('combine')]}" if facts.text("combine") in COMBINED else ""
    estimand = [f"What is estimated is the {facts.text('estimand')}."] if facts.has("estimand") else []
    return [*origin(facts), f"{what} by {by}, out of fold{combined}.", *_folds(facts), *estimand, *_extras(facts)]


def unit_by_unit(facts: Facts) -> list[str]:
    """Tell of correlations of single units with scores.

    Parameters
    ----------
    facts : Facts
        Of what `mf.regression.unitwise` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    names = [str(name) for name in facts.table.data_vars]
    scores = in_words(facts.names("scores"))
    how = method(facts.text("method").partition(" ")[0])
    constant = sum(facts.unpacked("constant_units").values())
    left = [
        (
            f"{counted(constant, 'unit')} had the same value for all images and "
            f"{'was' if constant == 1 else 'were'} left out."
        )
    ]
    what = f"Each unit of {layers(names)} was related to {scores} over {images(facts)}, by {how}"
    return [*origin(facts), f"{what}.", *(left if constant else [])]


def patterned(facts: Facts) -> list[str]:
    """Tell of weights and patterns of a regression on all images.

    Parameters
    ----------
    facts : Facts
        Of what `mf.regression.patterns` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    names, scores = [str(name) for name in facts.table.data_vars], in_words(facts.names("scores"))
    by = _estimator(facts.text("method").partition(",")[0])
    what = f"To interpret what predicts {scores}, {by} was fitted to {images(facts)} in {layers(names)}"
    return [
        *origin(facts),
        f"{what}, and its weights were turned into activation patterns [@haufe2014].",
        *_folds(facts),
        "These fits were not tested on other images.",
        *_extras(facts),
    ]
