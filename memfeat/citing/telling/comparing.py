"""Representational similarity analysis: agreement of RDMs, contrasts, controls, and several models at once."""

from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.inference import method
from memfeat.citing.phrases import counted, images, layers, named
from memfeat.citing.telling.networks import origin
from memfeat.citing.telling.rdms import METRICS, of_model

__all__ = ["adjusted", "clustered", "compared", "contrasted", "partialled", "partitioned", "weighted"]

POPULATIONS = {"rdms": "population of participants", "both": "populations of participants and of images"}


def _how(facts: Facts) -> str:
    return method(facts.text("method").rpartition(", ")[2])


def _of(facts: Facts) -> str:
    metric = f", with {named(METRICS, facts.text('metric'))} as dissimilarity," if facts.has("metric") else ""
    return f"RDMs of {images(facts)} in {layers(facts.different('layer'))}{metric}"


def _people(facts: Facts) -> list[str]:
    n = facts.number("n_participants")
    said = [f"There were {counted(n, 'participant')}; estimates are means over them."] if n else []
    population = POPULATIONS.get(facts.text("resample"))
    return [*said, *([f"Inference is to the {population}."] if population else [])]


def compared(facts: Facts) -> list[str]:
    """Tell of a comparison of RDMs with a reference.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rsa.compare` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    with_ = of_model(facts.text("reference"), facts.text("scores"))
    said = [
        f"{_of(facts)} were compared with {with_} by {_how(facts)} over pairs of images [@kriegeskorte2008; @nili2014]."
    ]
    if facts.has("baseline"):
        said.append(f"Similarities lie {facts.text('baseline').partition(';')[0]}.")
    noise = facts.text("noise").partition(": ")[2] or facts.text("noise")
    if noise and not facts.text("noise").startswith("none"):
        said.append(f"Bounds of noise are the {noise} [@nili2014].")
    return [*origin(facts), *said, *_people(facts)]


def contrasted(facts: Facts) -> list[str]:
    """Tell of differences in agreement.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rsa.contrast` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    between = facts.text("method").removeprefix("RSA contrast of ").partition(",")[0]
    with_ = f"agreement with {of_model(facts.text('reference'))}"
    if between == "models":
        with_ = f"how well they agree with {layers(facts.different('layer'))}"
    n = counted(facts.size("contrast"), "pair")
    said = f"For {n} of {between}, over {images(facts)}, the difference in {with_} was tested, by {_how(facts)}."
    return [*origin(facts), said, *_people(facts)]


def partialled(facts: Facts) -> list[str]:
    """Tell of agreement beyond control RDMs.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rsa.partial` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    controls = in_words([name.replace("_", " ") for name in facts.names("controls")])
    with_ = of_model(facts.text("reference"))
    said = (
        f"{_of(facts)} were compared with {with_} by the partial form of {_how(facts)}, "
        f"controlling for the RDMs {controls}."
    )
    return [
        *origin(facts),
        said,
        "It takes out what is linear in the control RDMs, and is no test of independence.",
        *_people(facts),
    ]


def adjusted(facts: Facts) -> list[str]:
    """Tell of agreement beyond covariates of single images.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rsa.adjusted` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    covariates = in_words(facts.names("covariates"))
    first = f"Covariates ({covariates}) were regressed out of features and scores ({facts.text('scores')})"
    with_ = of_model(facts.text("reference"))
    return [
        *origin(facts),
        f"{first}. From the residuals, {_of(facts)} were made and compared with {with_} by {_how(facts)}.",
    ]


def partitioned(facts: Facts) -> list[str]:
    """Tell of what several model RDMs explain together and alone.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rsa.partition` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    subsets = facts.different("subset")
    said = f"How much models explain of the RDM {facts.text('reference')}, alone and together, was partitioned"
    return [
        *origin(facts),
        (
            f"{said} ({_how(facts)}; {counted(len(subsets), 'part')}: {in_words(subsets)}; "
            f"{images(facts)}) [@seibold1979]."
        ),
    ]


def weighted(facts: Facts) -> list[str]:
    """Tell of a weighted sum of model RDMs.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rsa.weighted` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    folds = counted(facts.number("n_folds"), "fold")
    said = (
        "A sum of models with weights of 0 or more [@lawson1974; @khaligh2014] was fitted to the "
        f"RDM {facts.text('reference')}"
    )
    return [
        *origin(facts),
        f"{said} in {folds} of {images(facts)}, and judged by {_how(facts)} with the images left out.",
    ]


def clustered(facts: Facts) -> list[str]:
    """Tell of a test along time.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rsa.cluster` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    at = f" (threshold t = {facts.number('threshold'):.2f})" if facts.has("threshold") else ""
    what = (
        f"Agreement with {of_model(facts.text('reference'))} was tested along "
        f"{counted(facts.size('time'), 'point')} in time"
    )
    return [*origin(facts), f"{what} by the mass of clusters [@maris2007]{at}.", *_people(facts)]
