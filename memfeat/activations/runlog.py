"""What happened when, in a text file beside the store, which itself holds no dates, so that its bytes are the same."""

from datetime import UTC, datetime
from pathlib import Path

__all__ = ["note"]


def note(store: Path, event: str, **facts: object) -> None:
    """Add a line to the log of a store.

    Parameters
    ----------
    store : Path
        The store; the log is the file beside it whose name ends in `.log`.
    event : str
        What happened, in a word.
    **facts : object
        What is to be said of it.
    """
    when = datetime.now(UTC).isoformat(timespec="seconds")
    said = " ".join(f"{name}={value}" for name, value in facts.items())
    # One short write in append mode, so that lines of several processes do not mix.
    with store.with_name(f"{store.name}.log").open("a", encoding="utf-8") as log:
        log.write(f"{when} {event} {said}\n")
