"""The same verbs on the command line. Results go to stdout, messages to stderr."""

from memfeat.cli.analysing import evaluate, rsa
from memfeat.cli.citing import cite
from memfeat.cli.decoding import decode
from memfeat.cli.fitting import train
from memfeat.cli.scoring import scores
from memfeat.cli.screening import screen
from memfeat.cli.setting import compare_sets, match_sets
from memfeat.cli.verbs import main
from memfeat.cli.viewing import report

__all__ = ["main"]

for _command in (cite, compare_sets, decode, evaluate, match_sets, report, rsa, scores, screen, train):
    main.add_command(_command)
