"""Where features and predictions came from: the network, its weights, how it saw images, what was read."""

import re
from collections.abc import Mapping

from memfeat._labels import layer_names
from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.phrases import counted, images, layers, sampled

__all__ = ["NETWORK", "SOURCE", "extracted", "fitted_head", "given", "origin", "predicted", "recalibrated"]

#: How the sentence about a network begins.
NETWORK = "The network was "
#: So many digits of a hash are told.
DIGITS = 12
TRUNKS = {
    "imagenet": "a frozen ResNet-152 [@he2016] trained on ImageNet [@deng2009] as its trunk",
    "released": "a frozen ResNet-152 [@he2016] as its trunk, which has the weights of the retrained network and batch "
    "statistics estimated anew",
    "random": "an untrained ResNet-152 [@he2016] as its trunk",
}
REDUCTIONS = {
    "mean": "averaged over positions",
    "max": "their maximum over positions taken",
    "flatten": "flattened",
    "none": "kept whole",
    "cls": "of which the first token was kept",
}
#: Where weights came from, and what stands there of those that are no longer so.
SOURCE, CHANGED = "weights_source", "changed since they were loaded"
#: How the preprocessing of the frozen variant ends, and what it says.
IMAGENET = "trunk: ImageNet mean and std"
NORMALISED = "for the trunk, they were normalised by mean and standard deviation of ImageNet"
SQUASHED = re.compile(r"SquashAndCrop\(resize=(\d+), crop=(\d+)\)")
#: How networks of torchvision see images: side of the crop, shorter side, mean and standard deviation, interpolation.
CROPPED = re.compile(
    r"ImageClassification\( crop_size=\[(\d+)\] resize_size=\[(\d+)\] mean=\[(.+?)\] std=\[(.+?)\] "
    r"interpolation=InterpolationMode\.(\w+) \)"
)
#: Mean and standard deviation of ImageNet, channel by channel.
OF_IMAGENET = ("0.485, 0.456, 0.406", "0.229, 0.224, 0.225")
HEADS = {
    "ridge": "a linear readout, fitted by ridge regression [@hoerl1970]",
    "mlp": "ResMem's own seven fully connected layers [@needell2022], fitted with Adam [@kingma2015] from initial "
    "weights after He and others [@he2015]",
}
BEYOND = {"linear": "a straight line", "isotonic": "isotonic regression [@zadrozny2002]"}


def origin(facts: Facts, before: str = "") -> list[str]:
    """Say which network something came from, as far as the result says.

    Parameters
    ----------
    facts : Facts
        Of a result.
    before : str
        What stands before the names of its attributes, such as "first_".

    Returns
    -------
    list of str
        A sentence about the network, and one about how it saw images.
    """
    known = {name.removeprefix(before): facts.text(name) for name in facts.attrs if str(name).startswith(before)}
    if not known.get("model"):
        return []
    weights = known.get("weights_sha256", "")
    tail = f" (SHA-256 of the weights beginning with {weights[:DIGITS]})" if weights else ""
    said = [f"{NETWORK}{_network(known)}{tail}."]
    seen = known.get("preprocessing", "")
    return [*said, *([f"Images were {_seen(seen)}."] if seen else [])]


def _network(known: Mapping[str, str]) -> str:
    """Say which network it was, and whether its weights are still those that were loaded."""
    changed = f", {CHANGED}" if known.get(SOURCE, "").endswith(CHANGED) else ""
    return f"{_loaded(known)}{changed}"


def _loaded(known: Mapping[str, str]) -> str:
    model, variant = known["model"], known.get("variant", "")
    if variant == "retrained":
        return "ResMem as it was released [@needell2022], whose ResNet-152 [@he2016] was retrained on memorability"
    if variant == "frozen":
        trunk = TRUNKS.get(known.get("backbone", ""), "a frozen ResNet-152 [@he2016] as its trunk")
        return f"ResMem [@needell2022] with {trunk}"
    if variant in ("published", "random"):
        residual = " [@he2016]" if model.startswith(("resnet", "wide_resnet", "resnext")) else ""
        how = "random weights" if variant == "random" else _weights(known.get(SOURCE, ""))
        return f"{model}{residual} of torchvision [@torchvision], with {how}"
    return f"{model}, a network with weights of its own"


def _weights(source: str) -> str:
    """Say whose weights a network of torchvision has; results that were made of features do not know."""
    kind, _, name = source.removesuffix(f", {CHANGED}").partition(" ")
    if kind == "file":
        return f"weights from the file {name}"
    if kind == "torchvision":
        return f"the published weights {name}, trained on ImageNet [@deng2009]"
    return "trained weights"


def _seen(preprocessing: str) -> str:
    """Say how images were brought to the size that the network takes."""
    cropped = CROPPED.match(preprocessing)
    if cropped:
        return _cropped(*cropped.groups())
    found = SQUASHED.match(preprocessing)
    if not found:
        return f"preprocessed by {preprocessing.partition(', content ')[0]}"
    side, crop = found.groups()
    also = f"; {NORMALISED}" if preprocessing.endswith(IMAGENET) else ""
    size = f"resized to {side} × {side} pixels, whatever their shape"
    return f"{size}, and the central {crop} × {crop} pixels were used{also}"


def _cropped(crop: str, side: str, mean: str, std: str, interpolation: str) -> str:
    """Say how a network of torchvision sees images."""
    size = f"resized ({interpolation.lower()}) until the shorter side had {side} pixels"
    of = f"a mean of {mean} and a standard deviation of {std}"
    scaled = "mean and standard deviation of ImageNet" if (mean, std) == OF_IMAGENET else of
    return f"{size}, and the central {crop} × {crop} pixels were used; they were normalised by {scaled}"


def extracted(facts: Facts) -> list[str]:
    """Tell of features that were read from a network.

    Parameters
    ----------
    facts : Facts
        Of what `mf.extract` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    how = f" {_reduced(facts.text('reduction'))}" if facts.has("reduction") else ""
    first = f"Features of {images(facts)} were read from {layers(layer_names(facts.table))},{how}".rstrip(",")
    stored = f" and kept as {facts.text('precision')}" if facts.has("precision") else ""
    left = facts.number("n_left_out")
    gone = (
        [f"{counted(left, 'image')} could not be read and {'was' if left == 1 else 'were'} left out."] if left else []
    )
    how = facts.text("computation", "exact")
    other = [f"Computation: {how}."] if how != "exact" else []
    return [*origin(facts), f"{first}{stored}.", *sampled(facts), *gone, *other]


def _reduced(reduction: str) -> str:
    kind, _, rest = reduction.partition(":")
    if kind == "grid":
        return f"averaged within a grid of {rest} × {rest} positions"
    if kind == "project":
        return f"reduced by a sparse random projection ({rest})"
    if kind == "magnitude":
        return f"reduced to their magnitude ({rest})" if rest else "reduced to their magnitude"
    return REDUCTIONS.get(reduction, f"reduced by {reduction}")


def given(facts: Facts) -> list[str]:
    """Tell of features that were brought along.

    Parameters
    ----------
    facts : Facts
        Of what `mf.features.from_table` and its like gave.

    Returns
    -------
    list of str
        A sentence.
    """
    names = layer_names(facts.table)
    source = facts.text("source")
    if source.startswith("GIST"):
        left = facts.number("n_left_out")
        gone = f"; {counted(left, 'image')} could not be read" if left else ""
        return [f"GIST descriptors [@oliva2001] of {images(facts)} were computed{gone}."]
    read = f" from {source}" if "." in source else ""
    what = layers(names, "set") if len(names) > 1 else in_words(names)
    return [f"Features of {images(facts)} were taken{read} as they were given: {what}."]


def predicted(facts: Facts) -> list[str]:
    """Tell of predicted memorability.

    Parameters
    ----------
    facts : Facts
        Of what `mf.predict` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    said = [*origin(facts), f"Memorability of {images(facts)} was predicted.", *sampled(facts)]
    gone = facts.number("n_unreadable")
    if gone:
        said.append(f"{counted(gone, 'of these could', 'of these could')} not be read and have no prediction.")
    floor, low = facts.number("floor"), facts.number("n_at_floor")
    if floor:
        said.append(
            f"{counted(low, 'prediction') if low else 'No prediction'} lay at the floor of the "
            f"network (at or below {floor:g})."
        )
    if facts.has("head") and not facts.text("head").startswith("the released"):
        said.append(f"The head was {facts.text('head')}.")
    if facts.has("tta_n_views"):
        said.append(
            f"Predictions were also averaged over {counted(facts.number('tta_n_views'), 'view')} of each image."
        )
    return said


def recalibrated(facts: Facts) -> list[str]:
    """Tell of predictions that were brought to the scale of scores.

    Parameters
    ----------
    facts : Facts
        Of what `mf.prediction.recalibrate` or `rescale` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    line = BEYOND.get(facts.text("method"), facts.text("method"))
    folds = facts.number("n_folds")
    how = f", fitted out of fold in {counted(folds, 'fold')}" if folds else ""
    what = f"Predictions ({facts.text('recalibrated')}) were brought to the scale of {facts.text('scores')}"
    left = facts.number("n_left_out")
    gone = [f"{counted(left, 'image')} without both were left out of the fit."] if left else []
    return [f"{what} by {line}{how} on {counted(facts.number('n'), 'image')}.", *gone]


def fitted_head(facts: Facts) -> list[str]:
    """Tell of a head that was fitted.

    Parameters
    ----------
    facts : Facts
        Of what `mf.training.fit_head` gave, or the head.json that it wrote.

    Returns
    -------
    list of str
        Sentences.
    """
    data, split, result = (facts.attrs.get(name) or {} for name in ("data", "split", "result"))
    kind = HEADS.get(facts.text("kind"), facts.text("kind"))
    on = f"{facts.text('model')}, which was not trained" if facts.has("model") else "a network that was not trained"
    said = [
        f"A head was fitted to {data.get('scores', 'scores')} of {counted(data.get('n_images', 0), 'image')}: {kind}, "
        f"on {layers(facts.names('layers'))} of {on}.",
        f"It was fitted to {counted(split.get('n_train', 0), 'image')}, and "
        f"{counted(split.get('n_validation', 0), 'image')} were held out ({split.get('source', 'as given')}).",
    ]
    if "spearman" in result:
        low, high = (f"{result[f'spearman_ci_{side}']:.2f}".replace("-", "−") for side in ("low", "high"))
        found = f"{result['spearman']:.2f}".replace("-", "−")
        said.append(
            f"On the images held out Spearman's rank correlation was {found} (95 % interval {low} to {high}) and the "
            f"mean squared error {result['mse']:.4f}."
        )
    pairs = (facts.attrs.get("near_duplicates") or {}).get("n_pairs", 0)
    if pairs:
        said.append(f"{counted(pairs, 'pair')} of images that look alike stood on both sides of the split.")
    trained = facts.text("torch_version")
    return [*said, *([f"It was fitted with torch {trained} [@paszke2019]."] if trained else [])]
