"""The state of a training that was stopped, so that it goes on to the same end."""

import os
import time
from pathlib import Path
from typing import Any

import torch

from memfeat._check import advice
from memfeat.errors import StoreError

__all__ = ["EVERY", "Checkpoint"]

#: Seconds between two states that are written: one of ResMem's head with Adam is 1.1 GB.
EVERY = 60.0
NAME = "training.pt"


class Checkpoint:
    """A file beside the features, which holds the latest state of one training.

    Parameters
    ----------
    folder : Path
        Where it stands.
    identity : str
        What makes the training what it is: the state of another one is not taken up.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.path = folder / f"{identity[:16]}.{NAME}"
        self._identity, self._written = identity, time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """Read the state.

        Returns
        -------
        dict or None
            The state; None if there is none.

        Raises
        ------
        StoreError
            If the file is damaged.
        """
        if not self.path.is_file():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch's reader raises nearly anything on a damaged file
            remedy = "Delete that file; training then begins anew, features and images are kept."
            raise StoreError(advice("checkpoint", "be whole", str(self.path), remedy)) from error
        return dict(state["state"]) if state.get("identity") == self._identity else None

    def due(self) -> bool:
        """Say whether the last state that was written is old enough for another one.

        Returns
        -------
        bool
            True if so.
        """
        return time.monotonic() - self._written >= EVERY

    def write(self, state: dict[str, Any]) -> None:
        """Write a state in place of the one before it.

        Parameters
        ----------
        state : dict
            Tensors, numbers and lists of them.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f"{self.path.name}.part")
        with part.open("wb") as file:
            torch.save({"identity": self._identity, "state": state}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove the state of a training whose head is safe."""
        self.path.unlink(missing_ok=True)
