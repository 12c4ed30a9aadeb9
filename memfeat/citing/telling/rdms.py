"""Dissimilarity matrices: of features, of models made from scores, and of what was measured."""

from memfeat.citing.facts import Facts
from memfeat.citing.phrases import counted, images, layers, named
from memfeat.citing.telling.networks import origin

__all__ = ["METRICS", "MODELS", "computed", "gram", "measured", "modelled", "of_model", "parts", "unframed"]

METRICS = {
    "correlation": "1 − Pearson's correlation",
    "cosine": "1 − the cosine",
    "euclidean": "the Euclidean distance",
    "sqeuclidean": "the squared Euclidean distance",
    "cityblock": "the city-block distance",
    "mahalanobis": "the Mahalanobis distance [@walther2016]",
    "sqmahalanobis": "the squared Mahalanobis distance [@walther2016]",
    "crossnobis": "the cross-validated Mahalanobis distance (crossnobis) [@walther2016]",
    "poisson": "the symmetric Kullback–Leibler divergence of Poisson rates [@schutt2023]",
}
SHRUNK = {"schaefer-strimmer": "schafer2005", "ledoit-wolf": "ledoit2004"}
#: Model → what it says of two images, with whom to cite.
MODELS = {
    "both_memorable": "images are the more alike the more memorable both are [@bainbridge2017; @bainbridge2018]",
    "both_forgettable": "images are the more alike the more forgettable both are [@bainbridge2018]",
    "min_rank": "images are as alike as the less memorable of the two is memorable [@finn2020]",
    "max_rank": "images are as alike as the more memorable of the two is forgettable [@finn2020]",
    "product_rank": "images are as alike as the product of their ranks of memorability [@finn2020]",
    "nearest": "images are the more alike the nearer their scores are [@finn2020]",
    "categories": "images of the same category are alike and others are not",
    "difference": "images are the less alike the more their values differ",
}


def of_model(name: str, scores: str = "") -> str:
    """Say what a reference is, as sentences about comparisons do.

    Parameters
    ----------
    name : str
        The name of the RDM.
    scores : str
        The scores that a model was made from, where a result says it.

    Returns
    -------
    str
        Its name, with what it says of two images where it is a model.
    """
    if name not in MODELS:
        return f"the RDM {name}"
    of = f" of {scores}" if scores else ""
    return f"the model “{name.replace('_', ' ')}”{of}, in which {MODELS[name]},"


def computed(facts: Facts) -> list[str]:
    """Tell of RDMs of features.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rdm.compute` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    metric = named(METRICS, facts.text("metric"))
    what = f"Representational dissimilarity matrices (RDMs) [@kriegeskorte2008] of {images(facts)} in"
    where = layers(facts.different("layer"))
    # RDMs that were brought along can say the same as those of features that were
    made = f"were computed with {metric}" if facts.has("model") else f"had {metric}"
    source = facts.text("source")
    read = f" (from {source})" if "." in source else ""
    said = [f"{what} {where}{read} {made} as dissimilarity."]
    if facts.has("per"):
        said.append(f"There was one for each {' and '.join(facts.names('per'))}.")
    if facts.has("noise_cov"):
        said.append(f"The noise covariance came from: {facts.text('noise_cov')}.")
    shrinkage = facts.text("shrinkage")
    if shrinkage:
        cited = f" [@{SHRUNK[shrinkage]}]" if shrinkage in SHRUNK else ""
        said.append(f"Its shrinkage was {shrinkage}{cited}.")
    return [*origin(facts), *said]


def modelled(facts: Facts) -> list[str]:
    """Tell of a model RDM.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rdm.from_scores`, `from_categories` or `from_column` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    kind = facts.text("kind")
    made = f" made from {facts.text('scores')}" if facts.has("scores") else ""
    return [f"A model RDM “{kind.replace('_', ' ')}” of {images(facts)} was{made}: {MODELS[kind]}."]


def measured(facts: Facts) -> list[str]:
    """Tell of RDMs that were given: of a brain, of behaviour, or from coordinates.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rdm.from_square`, `from_similarity`, `from_coordinates` or `read` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    source = facts.text("source")
    read = f" from {source}" if "." in source else ""
    kinds = {"similarity": "similarities", "coordinates": "coordinates"}
    made = f" and made from {kinds[facts.text('kind')]}" if facts.text("kind") in kinds else ""
    more = f", with {named(METRICS, facts.text('metric'))} as dissimilarity" if facts.has("metric") else ""
    people = facts.size("participant")
    each = f", one for each of {counted(people, 'participant')}" if people else ""
    return [f"RDMs of {images(facts)} were taken{read} as they were given{made}{more}{each}."]


def parts(facts: Facts) -> list[str]:
    """Tell of distances split into magnitude and direction.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rsa.split` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    what = f"Squared Euclidean distances of {images(facts)} in {layers(facts.different('layer'))}"
    return [*origin(facts), f"{what} were split into a part of response magnitude and one of direction [@jaegle2019]."]


def unframed(facts: Facts) -> list[str]:
    """Tell of magnitudes and RDMs that were read from framed ones.

    Parameters
    ----------
    facts : Facts
        Of what `mf.rsa.unframe` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    return [*origin(facts), f"Distances of {images(facts)} to the origin and to the mean pattern were read from RDMs."]


def gram(facts: Facts) -> list[str]:
    """Tell of Gram matrices.

    Parameters
    ----------
    facts : Facts
        Of what `memfeat.gram.compute` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    names = [str(name) for name in facts.table.data_vars]
    centred = {"none": "features as they were"}.get(facts.text("centre"), f"centred by {facts.text('centre')}")
    return [*origin(facts), f"Linear Gram matrices of {images(facts)} were computed in {layers(names)}: {centred}."]
