"""Progress of long work, with the time that is left."""

import sys
from typing import Any

from memfeat._check import advice, listed
from memfeat.errors import KindError

__all__ = ["bar"]


def bar(total: int, what: str, progress: bool | None) -> Any:
    """Open a progress bar.

    Parameters
    ----------
    total : int
        How many images there are.
    what : str
        What is being done, in a word or two.
    progress : bool or None
        Whether to show it; None shows it when stderr is a terminal.

    Returns
    -------
    tqdm.tqdm
        The bar; call `update(n)`, and use it as a context.

    Raises
    ------
    KindError
        If `progress` is neither.
    """
    from tqdm.auto import tqdm

    if progress is not None and not isinstance(progress, bool):
        raise KindError(advice("progress", "be True, False or None", listed(repr(progress))))
    show = sys.stderr.isatty() if progress is None else progress
    return tqdm(total=total, desc=what, unit="img", disable=not show, dynamic_ncols=True)
