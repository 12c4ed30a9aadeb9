"""A head that was fitted and is not saved yet: until it is, the state of its training stays."""

from dataclasses import dataclass, field
from pathlib import Path

from memfeat.models import Head
from memfeat.training.checkpoint import Checkpoint

__all__ = ["Unsaved"]


@dataclass(frozen=True, eq=False)
class Unsaved(Head):
    """A head, and the state of the training that it came from.

    Attributes
    ----------
    checkpoint : Checkpoint or None
        The state; it is removed once the head has been saved. None if none is kept.
    """

    checkpoint: Checkpoint | None = field(default=None, repr=False)

    def save(self, folder: str | Path, *, licence: str | None = None) -> Path:
        """Write the head to a folder that can be shared, and then remove the state of its training.

        Parameters
        ----------
        folder : path
            Where to. It is made; a head that is there is replaced.
        licence : str, optional
            Under which terms you pass the head on.

        Returns
        -------
        Path
            The folder, see :meth:`memfeat.models.Head.save`.

        Raises
        ------
        ArgumentError
            If there is a file of that name, a folder that holds something else, or it cannot be written.
        """
        where = super().save(folder, licence=licence)
        if self.checkpoint is not None:
            self.checkpoint.remove()
        return where
