"""Progress of long work, with the time that is left."""

import sys
import warnings
from typing import Any

from memfeat._check import advice, listed
from memfeat.errors import KindError

__all__ = ["bar"]


def bar(total: int, what: str, progress: bool | None, *, unit: str = "img") -> Any:
    """Open a progress bar.

    Parameters
    ----------
    total : int
        How many images there are, or other units.
    what : str
        What is being done, in a word or two.
    progress : bool or None
        Whether to show it; None shows it when stderr is a terminal.
    unit : str
        What is counted.

    Returns
    -------
    tqdm.tqdm
        The bar; call `update(n)`, and use it as a context.

    Raises
    ------
    KindError
        If `progress` is neither.
    """
    if progress is not None and not isinstance(progress, bool):
        raise KindError(advice("progress", "be True, False or None", listed(repr(progress))))
    show = sys.stderr.isatty() if progress is None else progress
    return _kind(show)(total=total, desc=what, unit=unit, disable=not show, dynamic_ncols=True)


def _kind(show: bool) -> Any:
    if not show:
        from tqdm import tqdm

        return tqdm
    with warnings.catch_warnings():
        # A notebook without ipywidgets gets a bar of text, which needs no comment.
        warnings.filterwarnings("ignore", message="IProgress not found")
        from tqdm.auto import tqdm as automatic
    return automatic
