"""The text of a methods section, and the list of works that go with it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from memfeat._check import advice, listed, one_of
from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.inference import SHARED, cautions
from memfeat.citing.kinds import KINDS, kind_of
from memfeat.citing.phrases import capital
from memfeat.citing.reading import facts_of
from memfeat.citing.software import BASE, CITED, versions
from memfeat.citing.styles import REFERENCES, TEXTS, cited_in, listed_as
from memfeat.citing.telling.networks import NETWORK, SOURCE
from memfeat.citing.telling.rdms import METRICS, MODELS
from memfeat.citing.works import MEMFEAT, RESMEM, work
from memfeat.errors import ArgumentError

__all__ = ["methods", "references"]

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


#: What is said to the author of a text that cites works whose entries were not verified.
CHECK = (
    "Before you submit, take this sentence out and check the entries of these works, which were not verified in every "
    "detail, against the publications"
)
#: The attribute that tells networks apart.
DIGEST = "weights_sha256"
#: What stands before it where there are two networks.
NETWORKS = ("", "first_", "second_")
#: What may be said once → the clause that says it again.
CLAUSES = [(words, f", in which {words},") for words in MODELS.values()]
CLAUSES += [(f"{words} as dissimilarity", f", with {words} as dissimilarity,") for words in METRICS.values()]


class _Told(NamedTuple):
    """A result, with its kind and what it is called beside others."""

    facts: Facts
    kind: str
    called: str


def methods(*results: Any, style: str = "text") -> str:
    """Write what was done, for the methods section of a paper.

    Parameters
    ----------
    *results : Dataset, DataArray, DataFrame or Head
        What memfeat's functions gave, or :func:`read` read from files: an image table, predictions, features, RDMs,
        comparisons, scores, sets and whatever else has attributes that say how it was made.
    style : {"text", "markdown", "latex"}
        How citations are written: "text" by author and year, "markdown" as pandoc reads them (`[@key]`), "latex" as
        natbib does (a citep command). Keys are those of ``references(..., style="bibtex")``.

    Returns
    -------
    str
        A paragraph. It tells of results in the order of an analysis, whatever order they are given in: what was done to
        how many images, how it was estimated, where p-values and intervals come from, what was corrected over what, the
        seed, cautions, and versions. It says what attributes and variables say and nothing else. What several results
        share is told once; where they differ each is named. The last sentence is for you: it names the works whose
        entries were not verified in every detail, if any is cited.

    Raises
    ------
    ArgumentError
        If there is no result, one is of an unknown kind, or the style is unknown.
    KindError
        If something has no attributes of memfeat.

    See Also
    --------
    references : The works that the text cites.
    read : A result that was saved.

    Examples
    --------
    >>> import pandas as pd
    >>> import memfeat as mf
    >>> scores = pd.Series([0.9, 0.5, 0.6, 0.8], index=list("abcd"), name="hit_rate")
    >>> model = mf.rdm.from_scores(scores, kind="nearest")
    >>> methods(model).partition(" Analyses")[0]  # doctest: +NORMALIZE_WHITESPACE
    'A model RDM “nearest” of 4 images was made from hit_rate: images are the more alike the nearer their scores are
    (Finn et al., 2020).'
    """
    write = TEXTS[one_of("style", style, TEXTS)]
    return write(_text(results))


def references(*results: Any, style: str = "apa") -> list[str]:
    """List the works that results need: those that :func:`methods` cites, and no others.

    Parameters
    ----------
    *results : Dataset, DataArray, DataFrame or Head
        As for :func:`methods`. Without any, how to cite memfeat and ResMem.
    style : {"apa", "bibtex", "csl-json"}
        How a work is written: as the American Psychological Association wants it (plain text), as an entry of a BibTeX
        file, or as an item of CSL-JSON, which Zotero and pandoc read.

    Returns
    -------
    list of str
        One text for each work, by author and year, whatever order results are given in. Entries that were not verified
        in every detail say so at their end, or in a field `note`.

    Raises
    ------
    ArgumentError
        If a result is of an unknown kind, or the style is unknown.
    KindError
        If something has no attributes of memfeat.

    Examples
    --------
    >>> for one in references():
    ...     print(one)  # doctest: +ELLIPSIS
    Needell, C. D., & Bainbridge, W. A. (2022). Embracing new techniques in deep learning ...
    The memfeat developers. memfeat (version ...) [software].
    """
    one_of("style", style, REFERENCES)
    keys = cited_in(_text(results)) if results else [RESMEM, MEMFEAT]
    return listed_as(style, keys)


def _text(results: Sequence[Any]) -> str:
    """Put sentences together, with citations as [@key]."""
    if not results:
        remedy = "As in mf.citing.methods(features, result); references() needs none."
        raise ArgumentError(advice("results", "be one at least", listed("none"), remedy))
    told = _called(_completed([facts_of(one) for one in results]))
    own = _in_turn(_without_repeats([sentence for one in told for sentence in KINDS[one.kind].told(one.facts)]))
    every = " ".join(dict.fromkeys(map(capital, [*own, *_shared(told), *_warned(told), _software(told)])))
    return " ".join(filter(None, [every, _to_check(every)]))


def _in_turn(sentences: Sequence[str]) -> list[str]:
    """Call the first network the network, and further ones the second, the third and so on."""
    networks = list(dict.fromkeys(one for one in sentences if one.startswith(NETWORK)))
    further = {one: one.replace("The", f"A {nth}", 1) for one, nth in zip(networks[1:], ORDINALS[1:], strict=False)}
    return [further.get(one, one) for one in sentences]


def _to_check(text: str) -> str:
    """Name the works of a text that were not verified, for its author."""
    doubtful = [f"@{key}" for key in cited_in(text) if not work(key).verified]
    return f"{CHECK} [{'; '.join(doubtful)}]." if doubtful else ""


def _completed(results: Sequence[Facts]) -> list[Facts]:
    """Tell results where their networks' weights came from, if another with the same weights knows it."""
    sources = {one.text(DIGEST): one.text(SOURCE) for one in results if one.has(DIGEST, SOURCE)}
    completed = []
    for one in results:
        digests = {before: one.text(f"{before}{DIGEST}") for before in NETWORKS}
        found = {f"{before}{SOURCE}": sources[name] for before, name in digests.items() if name in sources}
        completed.append(replace(one, attrs={**found, **one.attrs}))
    return completed


def _without_repeats(sentences: Sequence[str]) -> list[str]:
    """Leave out of later sentences what a model says, and what a dissimilarity is, where it was said before."""
    told: list[str] = []
    for one in sentences:
        sentence, before = one, " ".join(told)
        for words, clause in CLAUSES:
            if words in before:
                sentence = sentence.replace(clause, "")
        told.append(sentence)
    return told


def _everything(facts: Facts) -> tuple[str, ...]:
    """Give all that is told of a result: the same result given twice is told of once."""
    about = (*KINDS[kind_of(facts)].told(facts), *(say(facts) for say in SHARED.values()), *cautions(facts))
    return (*about, facts.text("memfeat_version"))


def _called(facts: Iterable[Facts]) -> list[_Told]:
    """Sort results as an analysis goes, and name those of one kind apart."""
    order = list(KINDS)
    sorts = {_everything(one): (one, kind_of(one)) for one in facts}
    found = sorted(sorts.values(), key=lambda one: order.index(one[1]))
    kinds = [kind for _, kind in found]
    told = []
    for place, (one, kind) in enumerate(found):
        called = KINDS[kind].called
        if kinds.count(kind) > 1:
            nth = kinds[:place].count(kind)
            called = f"{ORDINALS[nth] if nth < len(ORDINALS) else f'{nth + 1}th'} {called}"
        told.append(_Told(one, kind, f"the {called}"))
    return told


def _whose(said: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Turn what is said of each result into which results each sentence is said of."""
    by: dict[str, list[str]] = {}
    for called, sentences in said:
        for sentence in filter(None, sentences):
            by.setdefault(sentence, []).append(called)
    return by


def _shared(told: Sequence[_Told]) -> list[str]:
    """Say where p-values and intervals come from, once where it is the same for all that have any."""
    sentences = []
    for say in SHARED.values():
        by = _whose((one.called, [say(one.facts)]) for one in told)
        for sentence, whose in by.items():
            sentences.append(sentence if len(by) == 1 else f"for {in_words(whose)}, {sentence}")
    return sentences


def _warned(told: Sequence[_Told]) -> list[str]:
    """Say what a reader must know, and of which results unless it is of all."""
    by = _whose((one.called, cautions(one.facts)) for one in told)
    return [said if len(whose) == len(told) else f"for {in_words(whose)}, {said}" for said, whose in by.items()]


def _software(told: Sequence[_Told]) -> str:
    """Name versions: of memfeat those that made the results, of packages those that are installed."""
    made = sorted({one.facts.text("memfeat_version") for one in told})
    packages = {*BASE, *(name for one in told for name in KINDS[one.kind].packages)}
    if any(one.facts.has(DIGEST) for one in told):
        packages |= {"torch", "torchvision"}
    here = {name: version for name, version in versions(sorted(packages)).items() if name in CITED}
    named = in_words([f"{name} {version} [@{CITED[name]}]" for name, version in sorted(here.items())])
    where = "versions that were installed when this was written; results record that of memfeat only"
    return f"Analyses were done with memfeat {in_words(made)} [@{MEMFEAT}], on {named} ({where})."
