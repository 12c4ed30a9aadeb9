"""The same verbs on the command line. Results go to stdout, messages to stderr."""

from memfeat.cli.fitting import train
from memfeat.cli.verbs import main

__all__ = ["main"]

main.add_command(train)
