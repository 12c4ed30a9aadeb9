"""Versions of what did the work."""

import platform
from collections.abc import Iterable
from importlib import metadata

from memfeat._version import __version__

__all__ = ["BASE", "CITED", "versions"]

#: What every result stands on.
BASE = ("numpy", "scipy", "xarray")
#: Package → whom to cite.
CITED = {
    "numpy": "harris2020",
    "pandas": "mckinney2010",
    "scikit-learn": "pedregosa2011",
    "scipy": "virtanen2020",
    "statsmodels": "seabold2010",
    "torch": "paszke2019",
    "torchvision": "torchvision",
    "xarray": "hoyer2017",
}


def versions(packages: Iterable[str] = tuple(CITED)) -> dict[str, str]:
    """Give the versions of the packages that are installed here and now.

    Parameters
    ----------
    packages : iterable of str
        Which, besides memfeat and Python; by default all that memfeat computes with.

    Returns
    -------
    dict of str
        Name → version; packages that are not installed are absent.

    Examples
    --------
    >>> sorted(versions(["numpy"]))
    ['Python', 'memfeat', 'numpy']
    """
    found = {"memfeat": __version__, "Python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
