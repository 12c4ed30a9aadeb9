"""What was done to images before any network saw them, and what was measured of them."""

from collections.abc import Mapping
from typing import Any

from memfeat._labels import IMAGE
from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.phrases import counted, images, in_letters, sampled, span, were
from memfeat.citing.telling.networks import origin

__all__ = ["clipped", "hashed", "measured", "read", "screened", "shrunk"]

#: Statistic → what it is, with whom to cite.
STATISTICS = {
    "luminance": "mean relative luminance",
    "rms_contrast": "root-mean-square contrast [@peli1990]",
    "saturation": "mean saturation",
    "colourfulness": "colourfulness [@hasler2003]",
    "edge_density": "the share of pixels on an edge",
    "spectral_slope": "the slope of the amplitude spectrum",
    "jpeg_size": "the size as a JPEG file",
    "entropy": "the entropy of luma",
    "aspect_ratio": "the ratio of width to height",
}
GREYSCALE = "greyscale"
#: Change of images → what was done, with its options.
TRANSFORMS = {
    "phase_scramble": "The phases of images were scrambled (strength {strength:g} of 1)",
    GREYSCALE: "Images were turned to greys of the same luminance",
    "blur": "Images were blurred with a Gaussian of {sigma:g} pixels (standard deviation)",
    "contrast": "The contrast of images was multiplied by {factor:g}",
}
#: What is counted of a screening → what one image was, and several were.
FOUND = {
    "n_unlike_photographs": ("was unlike photographs", "were unlike photographs"),
    "n_near_duplicate": ("had a near-duplicate", "had a near-duplicate"),
    "n_enlarged": ("had a shorter side of less than 128 pixels", "had a shorter side of less than 128 pixels"),
    "n_squashed": ("was so long that ResMem sees it squashed", "were so long that ResMem sees them squashed"),
    "n_at_floor": ("was predicted at the floor", "were predicted at the floor"),
}


def read(facts: Facts) -> list[str]:
    """Tell of an image table.

    Parameters
    ----------
    facts : Facts
        Of what `mf.images.read` or `mf.images.transform` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    sentences = [f"The image set held {images(facts)}.", *sampled(facts)]
    bad = sum(one != "ok" for one in facts.column("status"))
    if bad:
        sentences.append(f"{counted(bad, 'of these could', 'of these could')} not be read and took no part.")
    return [*sentences, *map(_transformed, facts.unpacked("transforms") or [])]


def _transformed(done: Mapping[str, Any]) -> str:
    """Say what was done to images."""
    where = "" if done["kind"] == GREYSCALE else ", in linear light" if done["linear"] else ", in pixel values"
    drawn = f"; seed {done['seed']}" if done.get("seed") is not None else ""
    return f"{TRANSFORMS[done['kind']].format(**done)}{where}{drawn}."


def clipped(facts: Facts) -> list[str]:
    """Tell of results of frames that were brought together by clip.

    Parameters
    ----------
    facts : Facts
        Of what `mf.images.by_clip` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    frames = facts.finite("n_frames")
    each = span(int(frames.min()), int(frames.max()), "frame") if frames.size else "their frames"
    what = in_words([name.replace("_", " ") for name in map(str, facts.table.data_vars)])
    n = counted(facts.size(IMAGE), "clip")
    said = f"Values of frames ({what}) were brought together by clip, by the {facts.text('statistic')} over frames"
    return [*origin(facts), f"{said}: {n} of {each} each."]


def shrunk(facts: Facts) -> list[str]:
    """Tell of thumbnails.

    Parameters
    ----------
    facts : Facts
        Of what `mf.images.thumbnails` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    side = f"{facts.number('size'):g}"
    return [f"Figures show {images(facts)} as thumbnails of {side} × {side} pixels."]


def measured(facts: Facts) -> list[str]:
    """Tell of low-level statistics.

    Parameters
    ----------
    facts : Facts
        Of what `mf.lowlevel.statistics` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    known = [words for name, words in STATISTICS.items() if name in facts.table.variables]
    pixels = facts.text("method").removeprefix("low-level statistics ")
    gone = facts.number("n_unreadable")
    left = [f"{counted(gone, 'image')} could not be read and have no values."] if gone else []
    return [f"Of {images(facts)}, low-level statistics were measured {pixels}: {in_words(known)}.", *left]


def hashed(facts: Facts) -> list[str]:
    """Tell of perceptual hashes.

    Parameters
    ----------
    facts : Facts
        Of what `mf.lowlevel.perceptual_hash` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    also = ", of their mirror images, too" if facts.true("mirrored") else ""
    how = facts.text("method")
    return [f"Perceptual hashes [@zauner2010] of {images(facts)} were computed{also}: the {how}."]


def screened(facts: Facts) -> list[str]:
    """Tell of a screening for images that should be looked at.

    Parameters
    ----------
    facts : Facts
        Of what `mf.screening.check` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    gone = facts.number("n_unreadable")
    found = {words: int(facts.number(name)) for name, words in FOUND.items() if facts.has(name)}
    *most, last = [f"{in_letters(n)} {words[n != 1]}" for words, n in found.items()]
    bits = f"{facts.number('distance'):g}"
    sentences = [
        f"{images(facts)} {were(facts)} screened; perceptual hashes [@zauner2010] of near-duplicates differed in at "
        f"most {bits} of 64 bits. Of these, {', '.join(most)}, and {last}."
    ]
    return [*sentences, *([f"{counted(gone, 'image')} could not be read."] if gone else [])]
