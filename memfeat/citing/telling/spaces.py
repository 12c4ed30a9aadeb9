"""Embeddings, their dimensions, and how alike spaces are."""

from memfeat.citing.facts import Facts
from memfeat.citing.inference import method
from memfeat.citing.phrases import counted, images, layers, said, share, were
from memfeat.citing.telling.networks import origin
from memfeat.citing.telling.rdms import METRICS

__all__ = ["aligned", "cka", "dimensions", "embedded", "projected", "related", "screed", "svcca"]

EMBEDDINGS = {
    "pca": "principal component analysis [@jolliffe2002]",
    "ica": "independent component analysis [@hyvarinen2000]",
    "nmf": "non-negative matrix factorisation [@lee1999]",
    "factor_analysis": "factor analysis",
    "mds": "multidimensional scaling [@borg2005]",
    "cmds": "classical multidimensional scaling [@borg2005]",
    "classical_mds": "classical multidimensional scaling [@borg2005]",
    "nonmetric_mds": "non-metric multidimensional scaling [@borg2005]",
    "isomap": "Isomap [@tenenbaum2000]",
    "tsne": "t-SNE [@vandermaaten2008]",
    "umap": "UMAP [@mcinnes2018]",
}


def _by(name: str) -> str:
    return EMBEDDINGS.get(name, name)


def embedded(facts: Facts) -> list[str]:
    """Tell of an embedding.

    Parameters
    ----------
    facts : Facts
        Of what `mf.reduction.embed` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    n = counted(facts.size("component"), "dimension")
    options = said(facts.unpacked("options"))
    what = f"{layers(facts.names('layer')).capitalize()} of {images(facts)} was embedded in {n}"
    distances = facts.text("distances")
    of = (
        f" of {METRICS.get(distances, distances).removeprefix('the ')}"
        if distances and distances != "euclidean"
        else ""
    )
    scaled = "" if facts.text("scale", "none") == "none" else f", with features scaled ({facts.text('scale')})"
    return [*origin(facts), f"{what} by {_by(facts.text('method'))}{of}{options}{scaled}."]


def projected(facts: Facts) -> list[str]:
    """Tell of images placed in a space that others made.

    Parameters
    ----------
    facts : Facts
        Of what `mf.reduction.project` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    n = counted(facts.size("component"), "dimension")
    what = f"{images(facts)} {were(facts)} placed in {n} of a space of {layers(facts.names('layer'))}"
    return [*origin(facts), f"{what} that was there, made by {_by(facts.text('method'))}."]


def related(facts: Facts) -> list[str]:
    """Tell of components related to scores.

    Parameters
    ----------
    facts : Facts
        Of what `mf.reduction.relate` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    how = method(facts.text("method").partition(" ")[0])
    of = f"{counted(facts.size('component'), 'component')} of {layers(facts.names('layer'))}"
    made = f" ({_by(facts.text('embedding'))})" if facts.has("embedding") else ""
    return [*origin(facts), f"{of}{made} were related to {facts.text('scores')} of {images(facts)}, by {how}."]


def screed(facts: Facts) -> list[str]:
    """Tell of a parallel analysis.

    Parameters
    ----------
    facts : Facts
        Of what `mf.reduction.scree` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    above = counted(facts.number("n_components"), "component")
    drawn, level = counted(facts.number("n_draws"), "draw"), share(facts.number("quantile"))
    what = (
        f"Components of {layers(facts.names('layer'))} ({images(facts)}) were counted by parallel analysis [@horn1965]"
    )
    null = f" ({facts.text('null')}, {drawn}, {level} quantile)"
    return [*origin(facts), f"{what}{null}: {above} had more variance than that."]


def dimensions(facts: Facts) -> list[str]:
    """Tell of dimensionality.

    Parameters
    ----------
    facts : Facts
        Of what `mf.reduction.dimensionality` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    left = share(facts.number("discarded"))
    what = f"The dimensionality of {layers(facts.different('layer'))} was measured on {images(facts)}"
    how = "by the participation ratio [@gao2017], also corrected for the number of images, and by TwoNN [@facco2017]"
    return [*origin(facts), f"{what} {how}, which leaves out the largest {left} of the ratios of distances."]


def _two(facts: Facts) -> str:
    sides = [f"{counted(facts.size(dim), 'layer')}" for dim in ("layer", "layer_2") if facts.size(dim)]
    return " and ".join(sides) if sides else "two layers"


def cka(facts: Facts) -> list[str]:
    """Tell of centred kernel alignment.

    Parameters
    ----------
    facts : Facts
        Of what `mf.reduction.cka` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    unbiased = ", with unbiased estimates [@song2012]" if facts.true("unbiased") else ""
    kernel = facts.text("kernel")
    width = f" of bandwidth {facts.number('bandwidth'):g}" if facts.has("bandwidth") and kernel != "linear" else ""
    what = f"How alike {_two(facts)} are was measured on {images(facts)} by centred kernel alignment [@kornblith2019]"
    return [*origin(facts), f"{what} with a {kernel} kernel{width}{unbiased}."]


def svcca(facts: Facts) -> list[str]:
    """Tell of canonical correlations.

    Parameters
    ----------
    facts : Facts
        Of what `mf.reduction.svcca` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    kept = f" that hold {share(facts.number('variance'))} of the variance" if facts.has("variance") else ""
    what = f"How alike {_two(facts)} are was measured on {images(facts)} by the mean canonical correlation"
    return [*origin(facts), f"{what} of principal components{kept} (SVCCA) [@raghu2017]."]


def aligned(facts: Facts) -> list[str]:
    """Tell of spaces brought on top of each other.

    Parameters
    ----------
    facts : Facts
        Of what `mf.reduction.procrustes` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    onto = f" made by {_by(facts.text('onto'))}" if facts.has("onto") else ""
    what = f"Positions of {images(facts)} were brought onto those of a space{onto}"
    return [*origin(facts), f"{what} by Procrustes analysis [@gower1975]."]
