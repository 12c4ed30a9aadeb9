"""The page on statistics names the source of every formula, and where it is computed."""

import importlib
import re
from pathlib import Path

import pytest

from memfeat.citing.works import works

DOCS = Path(__file__).parents[1] / "docs"
#: A link to a work of the table: what it says, and the key.
LINK = re.compile(r"\[([^\]]+)\]\(#([a-z]+\d{4})\)")

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="needs the source tree")


def rows() -> list[list[str]]:
    """Cells of every row under "Formulas", without the heads of tables."""
    part = (DOCS / "statistics.md").read_text().partition("\n## Formulas\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ") for line in part.splitlines() if line.startswith("| ") and line[2:10] != "quantity"]
    return [line.split(" | ") for line in lines]


def exists(place: str) -> bool:
    """Tell whether a page, or what a name stands for, is there."""
    if place.endswith(".md"):
        return (DOCS / place).is_file()
    room, _, name = place.rpartition(".")
    return name in importlib.import_module(room).__all__


def test_every_formula_has_four_cells_and_stands_once() -> None:
    assert len(rows()) > 90
    assert [cells for cells in rows() if len(cells) != 4] == []
    assert len({cells[0] for cells in rows()}) == len(rows())


def test_every_formula_names_a_work_of_the_table_of_works() -> None:
    for quantity, _, source, _ in rows():
        assert LINK.search(source), quantity
        assert {key for _, key in LINK.findall(source)} <= set(works()), quantity


def test_every_work_named_as_a_source_is_linked() -> None:
    unlinked = {quantity: re.sub(LINK, "", source) for quantity, _, source, _ in rows()}
    assert [quantity for quantity, rest in unlinked.items() if re.search(r"\d{4}", rest)] == []


def test_a_link_to_a_work_says_its_first_author_and_year() -> None:
    text = (DOCS / "statistics.md").read_text()
    for said, key in LINK.findall(text):
        work = works()[key]
        assert said.startswith(work.authors[0].split(",")[0]), said
        assert said.endswith(f", {work.year}"), said


def test_every_formula_names_a_function_or_a_page_that_exists() -> None:
    for quantity, _, _, where in rows():
        places = re.findall(r"<(memfeat[\w.]+)>`|\[\]\((\w+\.md)\)", where)
        assert places, quantity
        assert [name or page for name, page in places if not exists(name or page)] == [], quantity
