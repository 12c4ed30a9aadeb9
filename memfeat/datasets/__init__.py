"""Published image sets: where they come from, how they are read, what they may be used for, and whom to cite."""

from memfeat.datasets.cards import CARDS, Card, catalogue, citation
from memfeat.datasets.checking import check
from memfeat.datasets.fetching import fetch
from memfeat.datasets.reading import load, table, tables, trials

__all__ = ["CARDS", "Card", "catalogue", "check", "citation", "fetch", "load", "table", "tables", "trials"]
