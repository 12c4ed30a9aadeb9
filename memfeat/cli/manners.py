"""How the commands behave: exit codes, messages on stderr, and errors as advice instead of tracebacks."""

import logging
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from memfeat.errors import MemfeatError, MemfeatWarning

__all__ = ["FAILED", "INTERRUPTED", "SOME_FAILED", "Verbs", "messages", "together"]

Command = Callable[..., Any]
SOME_FAILED, FAILED, INTERRUPTED = 1, 3, 130
#: Said by the commands in their own words.
UNHEARD = ("memfeat.images.reading",)
#: What messages call an argument in Python, and what it is called here.
ARGUMENTS = {
    "source": "PHOTOS", "predictions": "PREDICTIONS", "features": "FEATURES", "name": "MODEL", "store": "--out",
    "out": "--out", "blocks": "--groups", "batch_size": "--batch-size", "n_images": "--n-images",
    "n_permutations": "--permutations", "learning_rate": "--learning-rate", "images_per_step": "--images-per-step",
    "held_out": "--held-out", "trained_on": "--trained-on", "cutoffs": "--cutoffs", "n_bootstraps": "--bootstraps",
    "sets": "SETS", "pool": "POOL", "n": "--n", "difference": "--difference", "which": "--low-level",
    "statistics": "--statistics", "memory": "--predictions",
} | {name: f"--{name}" for name in (
    "autocast", "backbone", "dataset", "device", "estimator", "folds", "kind", "layers", "method", "metric", "permute",
    "precision", "reduce", "scores", "shard", "tta", "head", "model", "validation", "split", "weights",
    "groups", "repeats", "scale", "strata", "covariates", "combine", "by", "clusters", "paired", "values", "bound",
    "categories", "score", "layer", "profile", "thumbnail",
)}  # fmt: skip
#: Advice in Python, and the same for whoever types commands.
WORDING: dict[str, str | Callable[[re.Match[str]], str]] = {
    rf"^({'|'.join(ARGUMENTS)})(?= must )": lambda found: ARGUMENTS[found[1]],
    r"^features\['(.*?)'\](?= must )": r"FEATURES \1",
    r"^scores\['(.*?)'\](?= must )": r"--column \1",
    r"^covariates\['(.*?)'\](?= must )": r"--covariates \1",
    r"^reliability\['split_half'\](?= must )": "--split-half",
    r"^reliability\['spearman_brown'\](?= must )": "--spearman-brown",
    r"Say which to compare: values='([^']+)'": r"Say which to compare: --values '\1'",
    r"(Take fewer or other images), or a wider tolerance= or variance_ratio=\.": r"\1.",
    r"\bbest=True gives": "--best gives",
    r"\bTake n=(\d+)": r"Take --n \1",
    r"\bcombine='(\w+)' or '(\w+)'": r"--combine \1 or \2",
    r"\b(backbone|reduce|weights|head|combine|estimator)='(\w+)'": r"--\1 \2",
    r" with rng=0 for an untrained network": " for an untrained network",
    r"Pass (?:k|folds)=\d+, or leave out '(\w+)'\.": (
        r"Take larger sets, or name statistics other than \1, such as --statistics energy."
    ),
    r"\bcutoffs=\[0\.411, 0\.5\]": "--cutoffs 0.411,0.5",
    r"\bdataset='(\w+)'": r"--dataset \1",
    r" If it is meant, say why: .*mf\.guards\.allow\(.*\)\.$": "",
    r"mf\.models\.load\('resmem-frozen'\) with its backbone 'imagenet'": "--model resmem-frozen --backbone imagenet",
    r"mf\.models\.load\('resmem-frozen'\); mf\.drift\.compare shows where the two differ": "--model resmem-frozen",
    r"See mf\.models\.available\(\)\.": "It is resmem, resmem-frozen or the name of a torchvision network.",
    r"Name the views yourself, as in tta=.*": "In Python mf.predict takes views of your own.",
    r"See mf\.models\.layers\(model\);": "See memfeat layers MODEL;",
    r"table\.rename\(columns=\{('[^']+'): ('[^']+')\}\)": r"e.g. \1 to \2",
    r"Say which: column='[^']*'\.": "Call the one that does 'image'.",
    r": say where they are with root=\.": ", where the table lies.",
    r"give the folder, and scores='([^']*)'\.": r"give the folder, and to predict --scores \1.",
    r", or pass a DataFrame\.": ".",
    r"Pass a DataFrame: pandas\.read_excel\(path\)\.": "Save it as CSV.",
    r"; drop them where a calculation needs all: images\.dropna\(.*\)": "",
}


def together(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Make one decorator of several.

    Parameters
    ----------
    *decorators : callable
        The decorators, the first outermost.

    Returns
    -------
    callable
        The decorator.
    """

    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


class Verbs(click.Group):
    """Commands that end with an exit code: 0 done, 1 some images failed, 2 wrong usage, 3 failed."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; say what went wrong on stderr."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(INTERRUPTED)
        except (MemfeatError, OSError) as error:
            click.echo(f"Error: {_worded(str(error))}", err=True)
            ctx.exit(FAILED)
        except Exception:
            click.echo(f"{traceback.format_exc()}\nThis is a fault of memfeat; please report it.", err=True)
            ctx.exit(FAILED)


@contextmanager
def messages(*, quiet: bool) -> Iterator[None]:
    """Show what memfeat logs and warns about as plain lines on stderr, for as long as the context lasts.

    Parameters
    ----------
    quiet : bool
        Show nothing.

    Yields
    ------
    None
        While messages are shown.
    """
    logger, handler = logging.getLogger("memfeat"), _ToStderr()
    level, propagate = logger.level, logger.propagate
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quiet else "always", MemfeatWarning)
        shown = warnings.showwarning
        warnings.showwarning = lambda message, category, *where, **more: (
            click.echo(_worded(str(message)), err=True)
            if issubclass(category, MemfeatWarning)
            else shown(message, category, *where, **more)
        )
        logger.addHandler(handler)
        logger.setLevel(logging.ERROR if quiet else logging.INFO)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


def _worded(message: str) -> str:
    """Say a message in the words of the command line."""
    for pattern, words in WORDING.items():
        message = re.sub(pattern, words, message)
    return message


class _ToStderr(logging.Handler):
    """Writes records to whatever stderr is now, each message once: weights that are read twice have one licence."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.name not in UNHEARD and message not in self.said:
            self.said.add(message)
            click.echo(message, err=True)
