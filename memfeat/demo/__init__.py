"""The whole road on photographs that installed packages carry: an example to run, read and look at."""

from memfeat.demo.photographs import collect
from memfeat.demo.road import ILLUSTRATION, Road, run

__all__ = ["ILLUSTRATION", "Road", "collect", "run"]
