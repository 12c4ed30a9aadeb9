"""The model card of a fitted head: what somebody who is handed its folder needs to know."""

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["card"]

Facts = Mapping[str, Any]
FORMS = {
    "ridge": "A linear readout of {layers}: means over space, each layer weighed alike, ridge regression. Its scores "
    "are not clipped to a range.",
    "mlp": "ResMem's fully connected stack and convolutional branch (71.5 million weights), trained from scratch on "
    "the class logits of a frozen ResNet-152 and on the image itself. Its scores lie between 0 and 1.",
}
#: What the held-out figures can be taken for.
VALIDATED = {
    "ridge": "The validation images took no part in fitting; the penalty was chosen by leave-one-out among the "
    "training images.",
    "mlp": "The weights are those with the highest rank correlation on the validation images, so figures for them are "
    "somewhat too good. For a figure that is not, evaluate images that are in neither part.",
}
MOST = 20


def card(facts: Facts) -> str:
    """Write the model card.

    Parameters
    ----------
    facts : mapping
        What `head.json` holds.

    Returns
    -------
    str
        Markdown.
    """
    sections: dict[str, Callable[[Facts], str]] = {
        "What it is": _what,
        "Trunk": _trunk,
        "Data": _data,
        "Split": _split,
        "Recipe": _recipe,
        "Scores": _scores,
        "Near-duplicates": _near,
        "Licence": _licence,
        "How to use it": _use,
    }
    body = "\n\n".join(f"## {title}\n\n{write(facts)}" for title, write in sections.items())
    return f"# A {facts['kind']} head for {facts['model']}\n\n{body}\n"


def _what(facts: Facts) -> str:
    layers = ", ".join(f"`{name}`" for name in facts["layers"])
    return f"{FORMS[facts['kind']].format(layers=layers)} Fitted with memfeat {facts['memfeat_version']}."


def _trunk(facts: Facts) -> str:
    words, digest = str(facts["trunk"]), facts["trunk_sha256"]
    return (
        f"{words[:1].upper()}{words[1:]}.{_seeded(facts)}\n\n"
        f"The head fits the weights with sha256 `{digest}` and no others.\n"
        f"Preprocessing: `{facts['preprocessing']}`."
    )


def _seeded(facts: Facts) -> str:
    return f" Its random weights have the seed {facts['trunk_seed']}." if "trunk_seed" in facts else ""


def _data(facts: Facts) -> str:
    data = facts["data"]
    return (
        f"{data['n_images']} images with {data['scores']} (mean {data['mean']:.3f}, standard deviation "
        f"{data['sd']:.3f}, from {data['min']:.3f} to {data['max']:.3f}). Names, files and scores have sha256 "
        f"`{data['sha256']}`. "
        f"{data['description']}".rstrip()
        + _predicted(facts)
    )


def _predicted(facts: Facts) -> str:
    """Say which network predicted the scores, if one did."""
    if "scores_model" not in facts:
        return ""
    circle = ", the one that it reads: it says how that network works, not how memory does"
    same = circle if "circular" in facts.get("cautions", "") else ""
    return f"\n\nThe scores were not measured; they are predictions of `{facts['scores_model']}`{same}."


def _split(facts: Facts) -> str:
    split = facts["split"]
    return (
        f"{split['n_train']} images for training and {split['n_validation']} for validation, {split['source']}; "
        "`split.csv` lists them with their scores and predictions."
    )


def _recipe(facts: Facts) -> str:
    return "\n".join(f"- {name.replace('_', ' ')}: {_plain(value)}" for name, value in facts["recipe"].items())


def _scores(facts: Facts) -> str:
    result = facts["result"]
    if not result:
        return "No image was held out, so nothing is known of how it predicts others."
    rows = "\n".join(f"| {name.replace('_', ' ')} | {_plain(value)} |" for name, value in result.items())
    return f"On the validation images:\n\n| figure | value |\n|---|---|\n{rows}\n\n{VALIDATED[facts['kind']]}"


def _near(facts: Facts) -> str:
    near = facts["near_duplicates"]
    how = f"(perceptual hashes of 64 bits, as they are or mirrored, that differ in at most {near['distance']})"
    if not near["n_pairs"]:
        return f"No pair across the two parts {how}."
    listed = "\n".join(f"- `{a}` (train), `{b}` (validation), {bits} bits" for a, b, bits in near["pairs"][:MOST])
    more = f"\n- and {near['n_pairs'] - MOST} more" if near["n_pairs"] > MOST else ""
    return (
        f"{near['n_pairs']} pairs across the two parts {how}. They make the figures above too good if they are the "
        f"same picture:\n\n{listed}{more}"
    )


def _licence(facts: Facts) -> str:
    own = facts.get("licence") or "not stated by whoever fitted it"
    of_trunk = facts.get("trunk_licence", "as its owners say")
    return f"This head: {own}. It holds no weight of the trunk, which comes under terms of its own: {of_trunk}"


def _use(facts: Facts) -> str:
    given = ", weights='PATH'" if "from a file that is not" in str(facts["trunk"]) else ""
    if facts["model"] != "resmem-frozen":
        call = "model = mf.models.with_head(model, 'THIS_FOLDER')  # the network named above"
    else:
        backbone = facts["backbone"]
        call = f"model = mf.models.load('resmem-frozen', backbone='{backbone}'{given}, head='THIS_FOLDER')"
    return f"```python\nimport memfeat as mf\n\n{call}\nmemory = mf.predict('photos/', model=model)\n```"


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
