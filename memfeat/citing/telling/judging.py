"""Predictions judged by scores, and frozen networks beside retrained ones."""

from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.inference import method
from memfeat.citing.phrases import counted, images, layers, named
from memfeat.citing.telling.networks import origin
from memfeat.citing.telling.rdms import METRICS

__all__ = [
    "calibrated",
    "categorised",
    "compared",
    "cut",
    "distributed",
    "drifted",
    "evaluated",
    "overlapping",
    "units",
]


def _pair(facts: Facts) -> str:
    return (
        f"predictions ({facts.text('predictions')}) and scores ({facts.text('scores')}) of "
        f"{counted(facts.counts[1], 'image')}"
    )


def _held_out(facts: Facts) -> list[str]:
    """Say whether images were held out from the training of the predictor, as far as that is known."""
    left = facts.number("n_left_out")
    gone = [f"{counted(left, 'image')} without both took no part."] if left else []
    told = facts.text("held_out")
    if not told or told.startswith("{"):
        return gone
    return [
        *gone,
        f"Whether these images were held out from the training of the predictor: {told.replace(' (trained_on)', '')}.",
    ]


def _judged(facts: Facts, sentence: str) -> list[str]:
    reliability = f"Agreement was also set against the reliability of scores ({facts.text('reliability')})."
    floor = f"The floor was taken from {facts.text('floor_rule')}."
    return [
        *origin(facts),
        sentence,
        *([floor] if facts.has("floor_rule") and facts.text("floor_rule").startswith("near") else []),
        *([reliability] if facts.has("reliability") else []),
        *_held_out(facts),
    ]


def evaluated(facts: Facts) -> list[str]:
    """Tell of predictions judged by scores.

    Parameters
    ----------
    facts : Facts
        Of what `mf.evaluation.evaluate` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    return _judged(facts, f"{_pair(facts)} were compared by rank correlation [@spearman1904], correlation and error.")


def categorised(facts: Facts) -> list[str]:
    """Tell of predictions judged category by category.

    Parameters
    ----------
    facts : Facts
        Of what `mf.evaluation.by_category` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    n = facts.size("category")
    within = f"{counted(n, 'category', 'categories')} ({facts.text('categories')})"
    what = (
        f"Predictions ({facts.text('predictions')}) and scores ({facts.text('scores')}) were compared within {within}"
    )
    return _judged(facts, f"{what} of {images(facts)} each.")


def calibrated(facts: Facts) -> list[str]:
    """Tell of calibration.

    Parameters
    ----------
    facts : Facts
        Of what `mf.evaluation.calibration_curve` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    bins = counted(facts.size("bin"), "bin")
    return _judged(
        facts, f"The calibration of {_pair(facts)} was judged in {bins} ({facts.text('bins')}) and by a straight line."
    )


def cut(facts: Facts) -> list[str]:
    """Tell of errors without low or high scores.

    Parameters
    ----------
    facts : Facts
        Of what `mf.evaluation.error_by_cutoff` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    n = counted(facts.size("cutoff"), "cut-off")
    return _judged(
        facts,
        (
            f"Errors of {_pair(facts)} were computed without images beyond {n}, of predictions and of "
            "scores [@needell2022]."
        ),
    )


def distributed(facts: Facts) -> list[str]:
    """Tell of distributions side by side.

    Parameters
    ----------
    facts : Facts
        Of what `mf.evaluation.score_distributions` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    bins = counted(facts.size("bin"), "bin")
    return _judged(facts, f"Distributions of {_pair(facts)} were set side by side in {bins}.")


def compared(facts: Facts) -> list[str]:
    """Tell of predictors compared with each other.

    Parameters
    ----------
    facts : Facts
        Of what `mf.evaluation.compare` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    names = in_words(facts.names("predictors"))
    what = (
        f"The agreement of {names} with {facts.text('scores')} of {images(facts)} was compared by "
        f"a {facts.text('method')}"
    )
    said = [f"{what}; differences of correlations also by Steiger's test [@steiger1980] and Zou's interval [@zou2007]."]
    told = [
        f"{name}: {words.replace(' (trained_on)', '')}" for name, words in sorted(facts.unpacked("held_out").items())
    ]
    held = [f"Whether these images were held out from training: {'; '.join(told)}."] if told else []
    return [*said, *held]


def overlapping(facts: Facts) -> list[str]:
    """Tell of images that a predictor was trained on.

    Parameters
    ----------
    facts : Facts
        Of what `mf.evaluation.training_overlap` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    found = f"{facts.number('n_in_training'):,.0f}"
    known = f" ({in_words(facts.names('trained_on'))})" if facts.has("trained_on") else ""
    return [f"Of {images(facts)}, {found} were recognised as training data of the predictor{known}."]


def drifted(facts: Facts) -> list[str]:
    """Tell of a frozen network beside a retrained one.

    Parameters
    ----------
    facts : Facts
        Of what `mf.drift.compare` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    metric, how = named(METRICS, facts.text("metric")), method(facts.text("method"))
    measures = "unbiased linear CKA [@kornblith2019; @song2012], by single units, and by RDMs [@kriegeskorte2008]"
    first = (
        f"{layers(facts.different('layer'))} of both networks were compared over {images(facts)} by {measures} with "
        f"{metric} as dissimilarity, related by {how}."
    )
    said = [*origin(facts, "first_"), *origin(facts, "second_"), first]
    if facts.has("scores"):
        by = facts.text("estimator").removesuffix(", out of fold")
        folds = counted(facts.number("n_folds"), "fold")
        said.append(
            f"How well {facts.text('scores')} is predicted from either was compared, too "
            f"({facts.text('decodability')}), by "
            f"{by} regression [@hoerl1970] in {folds}, judged by {method(facts.text('statistic'))}."
        )
    return said


def units(facts: Facts) -> list[str]:
    """Tell of single units of two networks.

    Parameters
    ----------
    facts : Facts
        Of what `mf.drift.units` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    names = [str(name) for name in facts.table.data_vars]
    said = f"Each unit of {layers(names)} was correlated with the same unit of the other network over images (Pearson)."
    return [*origin(facts, "first_"), *origin(facts, "second_"), said]
