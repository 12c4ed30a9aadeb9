"""`python -m memfeat` is `memfeat`."""

from memfeat.cli import main

if __name__ == "__main__":
    main(prog_name="memfeat")
