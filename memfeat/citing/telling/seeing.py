"""What makes a network respond: maps of images, images made or found for units, receptive fields."""

from memfeat.citing.facts import Facts
from memfeat.citing.phrases import counted, images, layers, said
from memfeat.citing.telling.networks import origin

__all__ = ["attributed", "cropped", "field", "maximised", "ranked"]

MAPS = {
    "gradient": "the gradient [@simonyan2014]",
    "smoothgrad": "SmoothGrad [@smilkov2017]",
    "integrated_gradients": "integrated gradients [@sundararajan2017]",
    "grad_cam": "Grad-CAM [@selvaraju2017]",
    "occlusion": "occlusion [@zeiler2014]",
}
OPTIONS = ("n_samples", "noise", "n_steps", "baseline", "window", "stride", "channels", "layer")
RECIPE = ("steps", "learning_rate", "jitter", "rotate", "zoom", "blur", "total_variation")


def _target(facts: Facts) -> str:
    target = facts.text("target")
    return "the predicted score" if target == "score" else f"{target.replace('_', ' ')}"


def _chosen(facts: Facts, names: tuple[str, ...]) -> str:
    return said({name: facts.attrs[name] for name in names if facts.has(name)})


def attributed(facts: Facts) -> list[str]:
    """Tell of attribution maps.

    Parameters
    ----------
    facts : Facts
        Of what `mf.attribution.attribute` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    by = MAPS.get(facts.text("method"), facts.text("method"))
    what = f"Which places of {images(facts)} {_target(facts)} rests on was mapped by {by}"
    return [*origin(facts), f"{what}{_chosen(facts, OPTIONS)}."]


def maximised(facts: Facts) -> list[str]:
    """Tell of pictures made to activate units.

    Parameters
    ----------
    facts : Facts
        Of what `mf.attribution.maximise` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    what = f"Pictures that maximise {_target(facts)} were made by activation maximisation [@erhan2009; @olah2017]"
    space = " in Fourier space" if facts.text("parametrisation") == "fourier" else ""
    return [*origin(facts), f"{what}{space} with Adam [@kingma2015]{_chosen(facts, RECIPE)}."]


def ranked(facts: Facts) -> list[str]:
    """Tell of the images that activate units most.

    Parameters
    ----------
    facts : Facts
        Of what `mf.attribution.top_images` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    n, k = counted(facts.size("unit"), "unit"), f"{facts.number('k'):g}"
    pooled = f", by the {facts.text('pool')} over positions" if facts.has("pool") else ""
    what = f"For {n} of {layers(facts.names('layer'))}, the {k} of {images(facts)} that activate each most and least"
    return [*origin(facts), f"{what} were found{pooled}."]


def cropped(facts: Facts) -> list[str]:
    """Tell of crops at receptive fields.

    Parameters
    ----------
    facts : Facts
        Of what `mf.attribution.crops` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    side = f"{facts.number('size'):g}"
    where = layers(facts.names("layer"))
    return [
        *origin(facts),
        f"Of these images, the theoretical receptive field in {where} is shown at {side} × {side} pixels.",
    ]


def field(facts: Facts) -> list[str]:
    """Tell of a receptive field.

    Parameters
    ----------
    facts : Facts
        Of what `mf.attribution.receptive_field` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    size = " × ".join(f"{one:g}" for one in facts.finite("size"))
    what = f"The theoretical receptive field of a unit of {layers(facts.names('layer'))} is {size} pixels"
    return [*origin(facts), f"{what}; what a unit responds to is usually smaller [@luo2016]."]
