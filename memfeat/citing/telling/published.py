"""Published sets: whose images, scores or trials they are, and how they were joined."""

from memfeat._labels import IMAGE
from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.phrases import counted, images
from memfeat.citing.telling import pictures
from memfeat.citing.works import works

__all__ = ["PART", "loaded"]

#: The attribute that says what was read of a set.
PART = "published"
#: What was read → what it is called. Anything else is a further table.
PARTS = {"scores": "Scores", "photographs": "Photographs and scores", "trials": "Trials"}
#: Attribute that counts what did not join → what is counted, and what became of it.
APART = {
    "n_scores_without_image": ("score", "had no photograph"),
    "n_images_without_score": ("photograph", "had no score"),
}


def loaded(facts: Facts) -> list[str]:
    """Tell of a published set.

    Parameters
    ----------
    facts : Facts
        Of what `mf.datasets.load`, `table` or `trials` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    keys = "; ".join(f"@{key}" for key in facts.names("works") if key in works())
    cited = f"[{keys}]" if keys else f"({facts.text('citation').rstrip('.')})"
    said = [f"{_what(facts)} came from the published set “{facts.text('title')}” {cited}."]
    if facts.has("answers"):
        said.append(facts.text("answers"))
    if facts.text("kind") == "images":
        said += pictures.read(facts)[1:]
    if facts.has("n_splits"):
        said.append(f"It holds {counted(facts.number('n_splits'), 'split')} of the participants into halves.")
    if facts.has("matched_by"):
        said.append(f"Values were matched to images by {facts.text('matched_by')}, not by name.")
    for name, (thing, how) in APART.items():
        if facts.number(name):
            said.append(f"{counted(facts.number(name), thing)} {how}.")
    trained = facts.names("trained_on")
    if trained != ["none"]:
        said.append(f"The set was among the training data of {in_words(trained)}.")
    return said


def _what(facts: Facts) -> str:
    """Say what was read, and of how much."""
    part = facts.text(PART)
    what = PARTS.get(part, f"The table “{part}”")
    if facts.size(IMAGE):
        return f"{what} of {images(facts)}"
    return what
