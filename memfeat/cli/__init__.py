"""The same verbs on the command line. Results go to stdout, messages to stderr."""

from memfeat.cli.verbs import main

__all__ = ["main"]
