"""From results to a methods section: what was done, in sentences, with versions and references."""

from memfeat.citing.reading import read
from memfeat.citing.software import versions
from memfeat.citing.writing import methods, references

__all__ = ["methods", "read", "references", "versions"]
