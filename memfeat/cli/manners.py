"""How the commands behave: exit codes, messages on stderr, and errors as advice instead of tracebacks."""

import logging
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from memfeat.errors import MemfeatError, MemfeatWarning

__all__ = ["FAILED", "INTERRUPTED", "SOME_FAILED", "Verbs", "messages"]

SOME_FAILED, FAILED, INTERRUPTED = 1, 3, 130
#: Said by the commands in their own words.
UNHEARD = ("memfeat.images.reading",)


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
            click.echo(f"Error: {error}", err=True)
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
            click.echo(str(message), err=True)
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


class _ToStderr(logging.Handler):
    """Writes records to whatever stderr is now."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name not in UNHEARD:
            click.echo(record.getMessage(), err=True)
