"""How a head is trained: the choices, their defaults and where they come from."""

from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

from memfeat._check import advice, count
from memfeat.errors import ArgumentError, KindError

__all__ = ["Recipe"]

#: Steps after which the validation images are looked at when an epoch has more.
ROUND = 250


@dataclass(frozen=True)
class Recipe:
    """How an "mlp" head is trained.

    Attributes
    ----------
    learning_rate : float
        Of Adam (Kingma & Ba 2015), with its usual β of .9 and .999 and no weight decay.
    images_per_step : int
        Images whose mean squared error is followed in one step.
    max_epochs : int
        How often each training image is seen at most.
    patience : int
        Rounds without a better rank correlation on the validation images after which training stops. A round is an
        epoch, or 250 steps if an epoch has more.
    """

    learning_rate: float = 1e-4
    images_per_step: int = 32
    max_epochs: int = 20
    patience: int = 5

    def __post_init__(self) -> None:
        """Refuse what cannot be used."""
        for name in ("images_per_step", "max_epochs", "patience"):
            count(name, getattr(self, name))
        rate = self.learning_rate
        if isinstance(rate, bool) or not isinstance(rate, Real):
            raise KindError(advice("learning_rate", "be a number", rate))
        if not 0 < float(rate) < 1:
            raise ArgumentError(advice("learning_rate", "lie between 0 and 1", rate, "Leave it out: 1e-4."))

    def steps(self, n_train: int) -> tuple[int, int, int]:
        """Count steps.

        Parameters
        ----------
        n_train : int
            Training images.

        Returns
        -------
        int, int, int
            Steps in an epoch, in a round, and at most.
        """
        epoch = -(-n_train // self.images_per_step)
        return epoch, min(epoch, ROUND), epoch * self.max_epochs

    def facts(self) -> dict[str, Any]:
        """Say everything about it for the record.

        Returns
        -------
        dict
            Names and values.
        """
        return {
            "loss": "mean squared error",
            "optimiser": "Adam, betas .9 and .999, no weight decay",
            "initial_weights": "He et al. (2015), normal; biases 0; last bias at the mean training score",
            "dropout": "half of the units after fc6 and fc7, as in ResMem",
            "augmentation": "none",
            "selection": f"highest Spearman correlation on the validation images, after an epoch or {ROUND} steps",
            **asdict(self),
        }
