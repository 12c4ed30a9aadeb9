"""What memfeat raises and warns with, for those who want to catch it."""

__all__ = [
    "ArgumentError",
    "CircularWarning",
    "FacesWarning",
    "KindError",
    "MemfeatError",
    "MemfeatWarning",
    "MissingFileError",
    "MissingPackageError",
    "NoImageError",
    "NotConvergedWarning",
    "OutOfReachError",
    "OutOfReachWarning",
    "RetrainedWarning",
    "SaturatedWarning",
    "SkewedWarning",
    "StoreError",
    "UnknownNameError",
    "WeightsError",
]


class MemfeatError(Exception):
    """Base of every error that memfeat raises on purpose."""


class ArgumentError(MemfeatError, ValueError):
    """An argument has the right kind but a value that cannot be used."""


class KindError(MemfeatError, TypeError):
    """An argument is of a kind that cannot be used."""


class UnknownNameError(MemfeatError, KeyError):
    """A name (of an image, a layer, a column) is not there."""

    def __str__(self) -> str:
        """Return the message as written; `KeyError` would show its `repr`."""
        return str(self.args[0]) if self.args else ""


class OutOfReachError(MemfeatError, ValueError):
    """A pool of images cannot give the sets that were asked for.

    Parameters
    ----------
    message : str
        What is out of reach.
    best : Dataset, optional
        The nearest that was found, kept as the attribute `best`.
    """

    def __init__(self, message: str, best: object = None) -> None:
        """Keep the nearest result beside the message."""
        super().__init__(message)
        self.best = best


class MissingFileError(MemfeatError, FileNotFoundError):
    """A path that was named does not exist."""


class MissingPackageError(MemfeatError, ImportError):
    """An optional package is needed and not installed."""


class NoImageError(MemfeatError, ValueError):
    """Nothing that can be read as an image was found."""


class WeightsError(MemfeatError, RuntimeError):
    """Weights are absent, damaged or not those that were asked for."""


class StoreError(MemfeatError, RuntimeError):
    """A feature store cannot take or give what was asked for."""


class MemfeatWarning(UserWarning):
    """Base of every warning that memfeat gives."""


class CircularWarning(MemfeatWarning):
    """What is tested was made so: features and the scores that their network predicts, sets and what they match in."""


class RetrainedWarning(MemfeatWarning):
    """The feature space of the retrained network is analysed, which its authors released to predict."""


class FacesWarning(MemfeatWarning):
    """Memorability of faces is predicted by a network that is not to be used for them as it is."""


class NotConvergedWarning(MemfeatWarning):
    """A method that approaches its result step by step ended before it had settled."""


class SaturatedWarning(MemfeatWarning):
    """A predicted score has come so near to its limit that it no longer tells pictures apart."""


class SkewedWarning(MemfeatWarning):
    """A correlation of values hangs on few images, because the values are skewed."""


class OutOfReachWarning(MemfeatWarning):
    """Sets are not as near to what was asked as they should be."""
