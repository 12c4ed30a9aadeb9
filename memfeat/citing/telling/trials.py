"""Scores of images from recognition trials, and how reliable they are."""

from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.inference import method
from memfeat.citing.phrases import counted, images

__all__ = ["by_raters", "excluded", "halved", "lagged", "mixed", "reliable", "roc", "scored"]

WHO = {"image": "each image", "participant": "each participant"}
ROUTES = {
    "participants in random halves": "participants were split at random into halves",
    (
        "responses in random halves, image by image (hypergeometric)"
    ): "the responses to each image were split at random into halves, because participants were not known",
    "halves that were given": "the halves were given",
    "halves as they were published": "the halves were taken as they were published",
}
MEASURES = {
    "hit_rate": "hit rate",
    "false_alarm_rate": "false-alarm rate",
    "d_prime": "d′",
    "corrected_recognition": "corrected recognition",
}


def _trials(facts: Facts) -> str:
    """Say how many answers there were, of how many participants."""
    answers = counted(facts.number("n_trials"), "answer") if facts.has("n_trials") else "answers"
    people = facts.number("n_participants")
    return answers + (f" of {counted(people, 'participant')}" if people else "")


def _from(facts: Facts) -> str:
    return f", from {_trials(facts)}" if facts.has("n_trials") else ""


def _left_out(facts: Facts) -> list[str]:
    said = (
        [f"{counted(facts.number('n_without_response'), 'trial')} without an answer took no part."]
        if facts.number("n_without_response")
        else []
    )
    if facts.has("excluded"):
        said.append(f"Participants were excluded beforehand: {facts.text('excluded')}{_limits(facts)}.")
    return said


def _limits(facts: Facts) -> str:
    rules = facts.unpacked("exclusion_rules")
    each = [f"{name.replace('_', ' ')} {value:g}" for name, value in sorted(rules.items()) if value is not None]
    return f" (limits: {in_words(each)})" if each else ""


def _read(facts: Facts) -> list[str]:
    return [f"Answers were read from {facts.text('response')}."] if facts.has("response") else []


def scored(facts: Facts) -> list[str]:
    """Tell of counts and scores.

    Parameters
    ----------
    facts : Facts
        Of what `mf.scores.from_trials` or `rates` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    kept = {
        "hit_rate": "hit rates",
        "false_alarm_rate": "false-alarm rates",
        "d_prime": "d′",
        "criterion": "the criterion",
        "corrected_recognition": "corrected recognition",
        "accuracy": "accuracy",
    }
    have = [words for name, words in kept.items() if facts.finite(name).size]
    said = [f"{in_words(have)} of {images(facts)} were computed from {_trials(facts)} [@macmillan2005]."]
    how = facts.text("correction").partition(",")[0]
    if how and facts.finite("d_prime").size:
        cited = " [@hautus1995]" if how == "log-linear" else ""
        said.append(f"For d′ and the criterion, rates of 0 and 1 were corrected: {how}{cited}.")
    return [*said, *_read(facts), *_left_out(facts)]


def lagged(facts: Facts) -> list[str]:
    """Tell of hit rates corrected for lag.

    Parameters
    ----------
    facts : Facts
        Of what `mf.scores.lag_corrected` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    at = f"{facts.number('reference_lag'):g}"
    rounds = counted(facts.number("n_rounds"), "round")
    settled = "" if facts.true("settled") else ", which had not settled then"
    what = f"Hit rates of {images(facts)} were brought to a lag of {at} by alternating least squares [@khosla2015]"
    return [f"{what}, {rounds}{settled}, from {_trials(facts)}.", *_read(facts), *_left_out(facts)]


def roc(facts: Facts) -> list[str]:
    """Tell of areas under the ROC of confidence ratings.

    Parameters
    ----------
    facts : Facts
        Of what `mf.scores.roc` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    who = WHO.get(facts.text("by"), "all together")
    what = f"The area under the ROC of confidence ratings (trapezoids) [@macmillan2005] was computed for {who}"
    return [f"{what}, from {_trials(facts)}.", *_read(facts), *_left_out(facts)]


def excluded(facts: Facts) -> list[str]:
    """Tell of participants who were left out.

    Parameters
    ----------
    facts : Facts
        Of the second thing that `mf.scores.exclude` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    return [f"Excluded were {facts.text('excluded')}{_limits(facts)}."]


def _halves(facts: Facts) -> str:
    n = counted(facts.number("n_splits"), "split")
    how = ROUTES.get(facts.text("estimator"), facts.text("estimator", "scores of two halves were compared"))
    odd = facts.number("participants_left_over")
    over = f", {counted(odd, 'participant')} being left over each time" if odd else ""
    least = facts.number("least_responses")
    few = f"; images with fewer than {least:g} responses in a half were dropped" if least else ""
    return f"{how} ({n}{over}{few})"


def halved(facts: Facts) -> list[str]:
    """Tell of scores of both halves.

    Parameters
    ----------
    facts : Facts
        Of what `mf.scores.halves`, `resplit` or `read_halves` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    named = in_words([MEASURES.get(str(name), str(name)) for name in facts.table.data_vars])
    first = f"To measure how reliable scores are ({named}), {_halves(facts)}, over {images(facts)}{_from(facts)}."
    return [first, *_left_out(facts)]


def reliable(facts: Facts) -> list[str]:
    """Tell of split-half reliability.

    Parameters
    ----------
    facts : Facts
        Of what `mf.scores.split_half` or `reliability` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    how = method(facts.text("method").partition(" ")[0])
    named = in_words([MEASURES.get(name, name) for name in facts.different("measure")])
    first = (
        f"The reliability of scores ({named}) was measured over {images(facts)}{_from(facts)}: "
        f"{_halves(facts)}, and their scores were related by {how}."
    )
    stepped = (
        "The mean correlation was stepped up to all responses by the Spearman–Brown formula "
        "[@spearman1910; @brown1910]; its root is the ceiling of correlations with the scores."
    )
    return [first, stepped, *_left_out(facts)]


def by_raters(facts: Facts) -> list[str]:
    """Tell of reliability as it depends on the number of raters.

    Parameters
    ----------
    facts : Facts
        Of what `mf.scores.by_raters` gave.

    Returns
    -------
    list of str
        A sentence.
    """
    n = f"{facts.number('n_measured'):g}"
    what = "How reliability grows with the number of raters was computed by the Spearman–Brown formula"
    return [f"{what} [@spearman1910; @brown1910] from that of {n} raters per image, over {images(facts)}."]


def mixed(facts: Facts) -> list[str]:
    """Tell of a mixed model of single answers.

    Parameters
    ----------
    facts : Facts
        Of what `mf.scores.mixed_model` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    terms = in_words([name for name in facts.different("term") if name != "intercept"])
    shown = {"old": "repeated images", "new": "new images"}.get(facts.text("shown"), facts.text("shown"))
    n, people = counted(facts.number("n"), "answer"), counted(facts.number("n_participants"), "participant")
    first = (
        f"Whether {people} called {shown} old ({n}, {counted(facts.number('n_images'), 'image')}) "
        f"was modelled by {terms}"
    )
    how = (
        "in a logistic mixed model with crossed effects of participants and images [@baayen2008], "
        "fitted by mean-field variational Bayes [@seabold2010]"
    )
    priors = facts.unpacked("priors")
    each = in_words([f"{value:g} for a {name.replace('_', ' ')}" for name, value in sorted(priors.items())])
    return [f"{first} {how}.", *([f"Standard deviations of priors were {each}."] if each else [])]
