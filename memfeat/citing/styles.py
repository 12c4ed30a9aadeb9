"""How works are written: as a reference, and where a text cites them."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from memfeat.citing.works import MEMFEAT, OTHERS, Work, work

__all__ = ["REFERENCES", "TEXTS", "cited_in", "in_brackets", "listed_as"]

#: A citation as sentences hold it: [@key; @key].
MARK = re.compile(r"\s*\[(@[a-z0-9]+(?:; @[a-z0-9]+)*)\]")
#: What stands in an entry that was not verified.
CHECK = "Check against the publication: not every detail of this entry was verified"
DOI = "https://doi.org/"
#: What LaTeX would take for something else, in a text and in an entry, whose braces hold groups together.
SPECIAL = re.compile(r"[%&_#$~^{}\\]")
IN_ENTRIES = re.compile(r"[%&_#$]")
SPELT = {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
LATEX = {"×": r"$\times$", "−": "$-$", "√": r"$\surd$", "²": "$^2$", "′": "$'$", "≤": r"$\leq$", "δ": r"$\delta$",
         "τ": r"$\tau$", "ρ": r"$\rho$", "Δ": r"$\Delta$"}  # fmt: skip
#: Kind of work → what CSL-JSON calls it.
CSL = {
    "article": "article-journal",
    "inproceedings": "paper-conference",
    "book": "book",
    "misc": "report",
    "software": "software",
}


def cited_in(text: str) -> list[str]:
    """List the works that a text cites.

    Parameters
    ----------
    text : str
        A text with citations as `[@key; @key]`.

    Returns
    -------
    list of str
        Their keys, each once, in the order in which they come.

    Examples
    --------
    >>> cited_in("One [@mantel1967] and two [@holm1979; @mantel1967].")
    ['mantel1967', 'holm1979']
    """
    return list(dict.fromkeys(key for mark in MARK.findall(text) for key in _keys(mark)))


def _keys(mark: str) -> list[str]:
    return [key.strip().removeprefix("@") for key in mark.split(";")]


def in_brackets(keys: Iterable[str]) -> str:
    """Cite works by author and year.

    Parameters
    ----------
    keys : iterable of str
        Their keys.

    Returns
    -------
    str
        The citation in brackets, ordered by author.

    Examples
    --------
    >>> in_brackets(["westfall1993", "nichols2002", "kriegeskorte2008"])
    '(Kriegeskorte et al., 2008; Nichols & Holmes, 2002; Westfall & Young, 1993)'
    """
    return f"({'; '.join(_short(one) for one in _in_order(keys))})"


def _in_order(keys: Iterable[str]) -> list[Work]:
    """Sort works as a list of references does."""
    return sorted(map(work, set(keys)), key=lambda one: ([_family(name).casefold() for name in one.authors], one.year))


def _short(one: Work) -> str:
    names = [_family(name) for name in one.authors]
    many = len(names) > 2 or OTHERS in names
    said = f"{names[0]} et al." if many else " & ".join(names)
    return f"{said}, {one.year}" if one.year else said


def _family(author: str) -> str:
    return author.strip("{}") if author.startswith("{") else author.partition(",")[0]


def _plain(text: str) -> str:
    """Cite by author and year: in brackets, or, inside brackets, after a semicolon or in square ones."""

    def cited(found: re.Match[str]) -> str:
        said = in_brackets(_keys(found[1]))
        before = text[: found.start()]
        if before.count("(") <= before.count(")"):
            return f" {said}"
        return f"; {said[1:-1]}" if text[found.end() :].startswith(")") else f" [{said[1:-1]}]"

    return MARK.sub(cited, text)


def _pandoc(text: str) -> str:
    return MARK.sub(lambda found: f" [{found[1]}]", text)


def _latex(text: str) -> str:
    escaped = SPECIAL.sub(_escaped, text)
    for letter, written in LATEX.items():
        escaped = escaped.replace(letter, written)
    return MARK.sub(lambda found: rf" \citep{{{','.join(_keys(found[1]))}}}", escaped)


#: Style of a text → how citations and signs are written.
TEXTS: dict[str, Callable[[str], str]] = {"text": _plain, "markdown": _pandoc, "latex": _latex}


def _apa(one: Work) -> str:
    """Write a reference as the American Psychological Association wants it, without italics and issue numbers."""
    return _referred(one) if one.verified else f"{_referred(one)} [{CHECK}]"


def _referred(one: Work) -> str:
    if one.key == MEMFEAT:
        return f"{_named(one.authors)} {one.title} [software]."
    where = ", ".join(part for part in (one.venue, one.volume, one.pages) if part)
    title = f"{one.title} [software]" if one.kind == "software" else one.title
    ended = title if title.endswith("?") else f"{title}."
    said = " ".join(filter(None, [f"{_named(one.authors)} ({one.year}). {ended}", f"{where}." if where else ""]))
    return f"{said} {DOI}{one.doi}" if one.doi else said


def _named(authors: tuple[str, ...]) -> str:
    """List authors; a full stop ends the list."""
    names = [name.strip("{}") for name in authors]
    if names[-1] == OTHERS:
        return f"{', '.join(names[:-1])}, et al."
    joined = names[0] if len(names) == 1 else f"{', '.join(names[:-1])}, & {names[-1]}"
    return joined if joined.endswith(".") else f"{joined}."


def _bibtex(one: Work) -> str:
    """Write an entry of a BibTeX file."""
    within = {"article": "journal", "inproceedings": "booktitle", "book": "publisher"}.get(one.kind, "howpublished")
    fields = {
        "author": " and ".join(one.authors),
        "title": f"{{{one.title}}}",
        "year": one.year,
        within: one.venue,
        "volume": one.volume,
        "pages": one.pages.replace("–", "--"),
        "doi": one.doi,
        "note": "" if one.verified else CHECK,
    }
    kind = "misc" if one.kind == "software" else one.kind
    # a DOI is a link, which an escaped sign would break
    written = {name: value if name == "doi" else IN_ENTRIES.sub(_escaped, value) for name, value in fields.items()}
    lines = [f"  {name} = {{{value}}}," for name, value in written.items() if value]
    return "\n".join([f"@{kind}{{{one.key},", *lines, "}"])


def _escaped(found: re.Match[str]) -> str:
    return SPELT.get(found[0], f"\\{found[0]}")


def _csl(one: Work) -> dict[str, Any]:
    """Give an item of CSL-JSON, which Zotero and pandoc read."""
    item: dict[str, Any] = {"id": one.key, "type": CSL[one.kind], "title": one.title}
    item["author"] = [_person(name) for name in one.authors]
    if one.year:
        item["issued"] = {"date-parts": [[int(one.year)]]}
    names = {"container-title": one.venue, "volume": one.volume, "page": one.pages, "DOI": one.doi}
    note = "" if one.verified else CHECK
    if one.kind == "book":
        names = {"publisher": one.venue}
    return item | {name: value for name, value in {**names, "note": note}.items() if value}


def _person(name: str) -> dict[str, str]:
    family, comma, given = name.partition(", ")
    return {"family": family, "given": given} if comma else {"literal": name.strip("{}")}


def _bare(one: Work) -> str:
    return json.dumps(_csl(one), ensure_ascii=False)


#: Style of a reference → how one work is written.
REFERENCES: dict[str, Callable[[Work], str]] = {"apa": _apa, "bibtex": _bibtex, "csl-json": _bare}


def listed_as(style: str, keys: Iterable[str]) -> list[str]:
    """Write references.

    Parameters
    ----------
    style : {"apa", "bibtex", "csl-json"}
        How.
    keys : iterable of str
        The works.

    Returns
    -------
    list of str
        One text for each work, ordered by author and year.
    """
    return [REFERENCES[style](one) for one in _in_order(keys)]
